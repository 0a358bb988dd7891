//! What the node sees of the network, and what it makes of that.
//!
//! Gathers evidence: who of those that should be there is connected, whether a lookup of the node's own place succeeds
//! and who is found near it, how old the newest head is. Decides nothing: the judgement is [`ggen_core::partition`]'s and
//! [`ggen_core::census`]'s. Invariant: at most one lookup of its own place is under way.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use ggen_core::partition::{Anchors, Lookups, Network, Sight};
use libp2p::kad::{GetClosestPeersError, GetClosestPeersOk, K_VALUE};
use libp2p::{Multiaddr, PeerId};
use sha2::{Digest as _, Sha256};

use super::Node;
use super::state::query::Query;
use crate::address::subnet_of;
use crate::clock::now_ms;
use crate::types::{NetworkState, NodeEvent};

/// Between two lookups of its own place, at least, whatever is lost.
const SHORTEST: Duration = Duration::from_secs(2);

/// How many of `peers` are connected, and of how many networks.
fn anchors(peers: &BTreeMap<PeerId, Vec<Multiaddr>>, is_connected: impl Fn(&PeerId) -> bool) -> Anchors {
    let (mut all, mut connected) = (HashSet::new(), HashSet::new());
    let mut count = 0;
    for (peer, addresses) in peers {
        // A name is in no network that is known: it counts for itself.
        let network = addresses.iter().find_map(subnet_of).unwrap_or_else(|| peer.to_string());
        if is_connected(peer) {
            count += 1;
            connected.insert(network.clone());
        }
        all.insert(network);
    }
    Anchors { all: peers.len(), networks: all.len(), connected: count, connected_networks: connected.len() }
}

impl Node {
    fn sight(&self) -> Sight {
        let networks: HashSet<_> = self.peers.values().filter_map(|p| subnet_of(&p.remote)).collect();
        let is_node = |peer: &PeerId| self.peers.get(peer).is_some_and(|p| p.dht);
        Sight {
            peers: self.peers.len(),
            nodes: self.dht_peers(),
            networks: networks.len(),
            anchors: anchors(self.join.anchors(), is_node),
            known: anchors(self.join.known(), is_node),
            lookups: self.outlook.lookups,
            head_age: self.outlook.newest_head.map(|at| now_ms().saturating_sub(at)),
        }
    }

    /// Looks, and acts on what is missing.
    pub(super) fn look_around(&mut self) {
        let (sight, now) = (self.sight(), self.outlook.now());
        let verdict = self.outlook.watch.see(&sight, now);
        if verdict.redial {
            self.join.soon();
        }
        let pause = match (verdict.symptoms.is_empty(), verdict.state) {
            (true, _) => self.outlook.interval,
            // What is not told yet is looked at again before it is: one lookup alone may have been unlucky.
            (false, Network::Online) => self.outlook.interval.min((self.limits.partition_confirm / 3).max(SHORTEST)),
            (false, _) => self.outlook.interval.min(SHORTEST * 5),
        };
        let due = self
            .outlook
            .last_look
            .is_none_or(|at| at.elapsed() >= pause || (verdict.redial && at.elapsed() >= SHORTEST));
        if due && sight.nodes > 0 {
            self.look_up_own_place();
        }
        if verdict.changed {
            let (state, evidence) = (self.outlook.state(), self.outlook.sentences(&sight));
            tracing::info!(?state, ?evidence, "the network");
            self.tell(NodeEvent::Network { state, evidence });
        }
    }

    /// The state and the evidence for it, as of now.
    pub(super) fn outlook(&mut self) -> (NetworkState, Vec<String>) {
        self.look_around();
        (self.outlook.state(), self.outlook.sentences(&self.sight()))
    }

    pub(super) fn look_up_own_place(&mut self) {
        if self.outlook.looking {
            return;
        }
        let me = *self.swarm.local_peer_id();
        let id = self.swarm.behaviour_mut().kad.get_closest_peers(me);
        self.queries.insert(id, Query::OwnPlace);
        self.outlook.looking = true;
        self.outlook.last_look = Some(Instant::now());
    }

    /// A lookup of the node's own place is over.
    pub(super) fn on_own_place(&mut self, result: Result<GetClosestPeersOk, GetClosestPeersError>) {
        let me = *self.swarm.local_peer_id();
        let (found, in_time) = match result {
            Ok(done) => (done.peers, true),
            Err(GetClosestPeersError::Timeout { peers, .. }) => (peers, false),
        };
        let mut found: HashSet<PeerId> = found.into_iter().map(|p| p.peer_id).filter(|p| *p != me).collect();
        let now = self.outlook.now();
        let outlook = &mut self.outlook;
        outlook.looking = false;
        if found.is_empty() {
            outlook.lookups.failed = outlook.lookups.failed.saturating_add(1);
        } else {
            if !in_time {
                // One that ran out of time has at least found these, and those who are connected.
                found.extend(self.peers.iter().filter(|(_, peer)| peer.dht).map(|(peer, _)| *peer));
            }
            outlook.census.looked(&distances(&me, found, K_VALUE.get()), in_time, now);
            let shrunk = outlook.census.was().is_some();
            outlook.lookups = Lookups { succeeded_at: Some(now), failed: 0, shrunk };
        }
        self.look_around();
    }
}

/// How far the nearest `most` of `peers` are from `me`, as shares of the whole space, the nearest first.
fn distances(me: &PeerId, peers: impl IntoIterator<Item = PeerId>, most: usize) -> Vec<f64> {
    let place = |peer: &PeerId| -> [u8; 32] { Sha256::digest(peer.to_bytes()).into() };
    let mine = place(me);
    let share = |peer: PeerId| {
        let bytes = place(&peer).into_iter().zip(mine).map(|(a, b)| f64::from(a ^ b));
        bytes.take(16).enumerate().map(|(n, byte)| byte / 256f64.powi(i32::try_from(n).unwrap_or(0) + 1)).sum()
    };
    let mut distances: Vec<f64> = peers.into_iter().map(share).collect();
    distances.sort_by(f64::total_cmp);
    distances.truncate(most);
    distances
}

#[cfg(test)]
mod tests {
    use ggen_core::census::Census;

    use super::*;

    #[test]
    fn a_network_of_strangers_is_estimated_by_the_nearest() {
        let me = PeerId::random();
        let mut census = Census::new(K_VALUE.get());
        let nearest = distances(&me, (0..1000).map(|_| PeerId::random()), K_VALUE.get());
        census.looked(&nearest, true, 0);
        let size = census.size().unwrap();
        assert!((300.0..3000.0).contains(&size), "{size}");
    }

    #[test]
    fn peers_without_a_network_count_for_themselves() {
        let at = |text: &str| vec![text.parse::<Multiaddr>().unwrap()];
        let (a, b, c) = (PeerId::random(), PeerId::random(), PeerId::random());
        let peers = [(a, at("/ip4/10.0.0.1/tcp/1")), (b, at("/ip4/10.0.0.2/tcp/1")), (c, at("/dns4/a.b/tcp/1"))].into();
        let seen = anchors(&peers, |p| *p == c);
        assert_eq!(seen, Anchors { all: 3, networks: 2, connected: 1, connected_networks: 1 });
    }
}
