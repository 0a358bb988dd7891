//! What the node says of itself.
//!
//! Decides the state of the network, by evidence alone: who of the configured peers is connected, and when a lookup
//! last succeeded. A small network is not a sick one.

use std::collections::BTreeSet;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId};

use super::Node;
use crate::address::{subnet_of, with_peer};
use crate::types::{NetworkState, PeerInfo, Status};

/// A lookup older than this says nothing of the present.
const FRESH: Duration = Duration::from_secs(15 * 60);

impl Node {
    pub(super) fn peer_infos(&self) -> Vec<PeerInfo> {
        let info = |(id, peer): (&PeerId, &super::Peer)| PeerInfo {
            peer_id: *id,
            addresses: self.addresses_of(id),
            direction: peer.direction,
            latency_ms: peer.latency_ms,
            dht: peer.dht,
        };
        self.peers.iter().map(info).collect()
    }

    /// The address of the connection first, then what the peer said of itself.
    pub(super) fn addresses_of(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let Some(known) = self.peers.get(peer) else { return Vec::new() };
        let others = known.listens.iter().filter(|a| **a != known.remote);
        std::iter::once(&known.remote).chain(others).cloned().collect()
    }

    pub(super) fn status(&self) -> Status {
        let me = *self.swarm.local_peer_id();
        let (network, evidence) = self.judge();
        Status {
            peer_id: me,
            listen_addresses: self.listens.iter().map(|a| with_peer(a, me)).collect(),
            connected_peers: self.peers.len(),
            network,
            evidence,
            dht_responsive: self.dht_responsive(),
        }
    }

    fn dht_responsive(&self) -> bool {
        self.dht_peers() > 0 && !self.lookup_failed && self.last_lookup.is_some_and(|at| at.elapsed() < FRESH)
    }

    fn judge(&self) -> (NetworkState, Vec<String>) {
        let dht = self.dht_peers();
        let networks: BTreeSet<_> = self.peers.values().filter_map(|p| subnet_of(&p.remote)).collect();
        let mut evidence =
            vec![format!("{} peers connected from {} networks, {dht} of them nodes", self.peers.len(), networks.len())];
        let anchors = self.join.anchors().len();
        let answering = self.join.anchors().filter(|a| self.peers.contains_key(a)).count();
        if anchors > 0 {
            evidence.push(format!("{answering} of {anchors} bootstrap peers connected"));
        }
        evidence.push(match (self.last_lookup, self.lookup_failed) {
            (None, false) => "no lookup has been made yet".to_owned(),
            (None, true) => "no lookup has succeeded".to_owned(),
            (Some(at), false) => format!("the last lookup succeeded {} s ago", at.elapsed().as_secs()),
            (Some(at), true) => format!("the last lookup failed; one succeeded {} s ago", at.elapsed().as_secs()),
        });
        let state = if dht == 0 {
            NetworkState::Isolated
        } else if self.last_lookup.is_some_and(|at| at.elapsed() >= FRESH) {
            NetworkState::Stale
        } else if !self.dht_responsive() || (anchors > 0 && answering == 0) {
            NetworkState::Degraded
        } else {
            NetworkState::Online
        };
        (state, evidence)
    }
}
