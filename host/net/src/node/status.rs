//! What the node says of itself and of its peers. Decides nothing.

use libp2p::{Multiaddr, PeerId};

use super::Node;
use crate::address::with_peer;
use crate::types::{PeerInfo, Status};

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

    pub(super) fn status(&mut self) -> Status {
        let me = *self.swarm.local_peer_id();
        let (network, mut evidence) = self.outlook();
        evidence.extend(self.join.sentences());
        evidence.extend(self.roads.sentences());
        evidence.extend(self.announcing());
        Status {
            peer_id: me,
            listen_addresses: self.listens.iter().map(|a| with_peer(a, me)).collect(),
            connected_peers: self.peers.len(),
            network,
            evidence,
            dht_responsive: self.dht_peers() > 0 && self.outlook.is_responsive(),
        }
    }
}
