//! Joining the network, and coming back to it.
//!
//! Decides when which anchors and known peers are dialled: all side by side at the start; again, ever more seldom, for
//! as long as one is missing. Invariant: a round of dials ends, for each dial ends, and who takes a call and then says
//! nothing is waited for no longer than for an answer.

use std::time::Instant;

use libp2p::{Multiaddr, PeerId};

use super::Node;
use super::event::MAX_ADDRESSES;
use crate::address::{is_quic, is_relayed, is_spoken, split_peer};
use crate::types::Joined;

/// Peers of the local network that are dialled.
const MAX_NEIGHBOURS: usize = 16;

impl Node {
    /// One round: everybody who is not connected is dialled, side by side.
    pub(super) fn join_network(&mut self) {
        let me = *self.swarm.local_peer_id();
        let mut todo = self.join.anchors.clone();
        if self.dht_peers() == 0 || self.outlook.is_troubled() {
            for (peer, addresses) in self.join.known.iter().chain(&self.join.neighbours) {
                todo.entry(*peer).or_insert_with(|| addresses.clone());
            }
        }
        todo.retain(|peer, _| *peer != me && !self.peers.contains_key(peer) && !self.bans.contains_key(peer));
        self.join.failures.clear();
        let now = Instant::now();
        self.join.waiting.extend(todo.keys().map(|peer| (*peer, now)));
        for (peer, addresses) in todo {
            if let Err(problem) = self.dial(peer, addresses) {
                self.join.failed(peer, problem);
            }
        }
        self.tell_joined();
    }

    /// Another round if it is time and somebody is missing.
    pub(super) fn rejoin(&mut self) {
        if self.join.give_up(self.limits.request_timeout) {
            self.tell_joined();
        }
        if Instant::now() < self.join.next {
            return;
        }
        self.join.pause = (self.join.pause * 2).min(self.join.longest);
        self.join.next = Instant::now() + self.join.pause.mul_f64(0.75 + self.join.jitter / 2.0);
        let missing = self.join.anchors().keys().any(|peer| !self.peers.contains_key(peer));
        if (missing || self.outlook.is_troubled()) && self.join.waiting.is_empty() {
            self.join_network();
        }
    }

    /// The local network told of peers: those who are not connected are dialled.
    pub(super) fn on_neighbours(&mut self, found: Vec<(PeerId, Multiaddr)>) {
        let me = *self.swarm.local_peer_id();
        for (peer, address) in found {
            let address = split_peer(&address).map_or(address, |(_, address)| address);
            let neighbours = &mut self.join.neighbours;
            if peer == me || !is_spoken(&address) || is_relayed(&address) || (self.private && is_quic(&address)) {
                continue;
            }
            if neighbours.len() >= MAX_NEIGHBOURS && !neighbours.contains_key(&peer) {
                break;
            }
            let addresses = neighbours.entry(peer).or_default();
            if !addresses.contains(&address) {
                addresses.truncate(MAX_ADDRESSES - 1);
                addresses.insert(0, address);
            }
            let addresses = addresses.clone();
            if !self.peers.contains_key(&peer) && !self.bans.contains_key(&peer) {
                let _ = self.dial(peer, addresses);
            }
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
