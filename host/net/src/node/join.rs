//! Joining the network, and coming back to it.
//!
//! Decides when which anchors and known peers are dialled: all side by side at the start; again, ever more seldom, for
//! as long as one is missing. Invariant: a round of dials ends, for each dial ends.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use ggen_core::limits::Limits;
use libp2p::{Multiaddr, PeerId};

use super::Node;
use crate::types::Joined;

/// Known peers that are dialled in one round, beside the anchors.
const KNOWN_PER_ROUND: usize = 16;

pub(super) struct Join {
    /// Configured peers, each with all its addresses.
    anchors: BTreeMap<PeerId, Vec<Multiaddr>>,
    known: BTreeMap<PeerId, Vec<Multiaddr>>,
    waiting: HashSet<PeerId>,
    failures: BTreeMap<PeerId, String>,
    next: Instant,
    pause: Duration,
    first_pause: Duration,
    longest: Duration,
    jitter: f64,
}

fn by_peer(list: Vec<(PeerId, Multiaddr)>, most: usize) -> BTreeMap<PeerId, Vec<Multiaddr>> {
    let mut map: BTreeMap<PeerId, Vec<Multiaddr>> = BTreeMap::new();
    for (peer, address) in list {
        if map.len() < most || map.contains_key(&peer) {
            map.entry(peer).or_default().push(address);
        }
    }
    map
}

impl Join {
    pub fn new(
        anchors: Vec<(PeerId, Multiaddr)>,
        known: Vec<(PeerId, Multiaddr)>,
        limits: &Limits,
        jitter: f64,
    ) -> Self {
        let first_pause = limits.bootstrap_retry.min(Duration::from_secs(1));
        Self {
            anchors: by_peer(anchors, limits.max_known_peers),
            known: by_peer(known, KNOWN_PER_ROUND),
            waiting: HashSet::new(),
            failures: BTreeMap::new(),
            next: Instant::now() + first_pause,
            pause: first_pause,
            first_pause,
            longest: limits.bootstrap_retry,
            jitter,
        }
    }

    /// A peer that was waited for is connected and part of the DHT.
    pub fn reached(&mut self, peer: PeerId) {
        self.waiting.remove(&peer);
        self.failures.remove(&peer);
    }

    /// A peer that was waited for cannot be reached, or is no use.
    pub fn failed(&mut self, peer: PeerId, problem: String) {
        if self.waiting.remove(&peer) {
            self.failures.insert(peer, problem);
        }
    }

    /// The network was lost: the next round comes soon.
    pub fn soon(&mut self) {
        self.pause = self.first_pause;
        self.next = Instant::now() + self.first_pause.mul_f64(0.5 + self.jitter);
    }

    /// How many anchors there are, and the ids of them.
    pub fn anchors(&self) -> impl ExactSizeIterator<Item = &PeerId> {
        self.anchors.keys()
    }
}

impl Node {
    /// One round: everybody who is not connected is dialled, side by side.
    pub(super) fn join_network(&mut self) {
        let me = *self.swarm.local_peer_id();
        let mut todo = self.join.anchors.clone();
        if self.dht_peers() == 0 {
            for (peer, addresses) in &self.join.known {
                todo.entry(*peer).or_insert_with(|| addresses.clone());
            }
        }
        todo.retain(|peer, _| *peer != me && !self.peers.contains_key(peer) && !self.bans.contains_key(peer));
        self.join.failures.clear();
        self.join.waiting.extend(todo.keys().copied());
        for (peer, addresses) in todo {
            if let Err(problem) = self.dial(peer, addresses) {
                self.join.failed(peer, problem);
            }
        }
        self.tell_joined();
    }

    /// Another round if it is time and somebody is missing.
    pub(super) fn rejoin(&mut self) {
        if Instant::now() < self.join.next {
            return;
        }
        self.join.pause = (self.join.pause * 2).min(self.join.longest);
        self.join.next = Instant::now() + self.join.pause.mul_f64(0.75 + self.join.jitter / 2.0);
        let missing = self.join.anchors().any(|peer| !self.peers.contains_key(peer));
        if (missing || self.dht_peers() == 0) && self.join.waiting.is_empty() {
            self.join_network();
        }
    }

    pub(super) fn tell_joined(&self) {
        let failures = self.join.failures.iter().map(|(peer, problem)| (peer.to_string(), problem.clone())).collect();
        let now = Joined { peers: self.dht_peers(), pending: self.join.waiting.len(), failures };
        self.joined.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
    }
}
