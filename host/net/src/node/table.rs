//! Who stands in the routing table of the hash table.
//!
//! Decides by the network that a peer was connected from, not by what it says of itself: no network has more than its share,
//! so that whoever comes back under ever new identities does not become all that this node knows. One that has left gives
//! way to one of its network that is there. Private networks and this machine are exempt, as they are from the limit on
//! connections. Invariant: of every peer in libp2p's table the network is noted here, where it counts.

use libp2p::kad::RoutingUpdate;
use libp2p::{Multiaddr, PeerId};

use super::Node;

impl Node {
    /// Puts a connected node of the hash table into the routing table, with an address that it can be called at.
    pub(super) fn route(&mut self, peer: PeerId, address: Multiaddr) {
        let Some(remote) = self.peers.get(&peer).map(|known| known.remote.clone()) else { return };
        let others = self.table.in_the_way(&peer, &remote);
        match others.iter().find(|other| !self.peers.contains_key(other)) {
            Some(gone) => self.unroute(gone),
            None if others.is_empty() => {}
            None => return,
        }
        if self.swarm.behaviour_mut().kad.add_address(&peer, address) == RoutingUpdate::Success {
            self.table.note(peer, &remote);
        }
    }

    /// libp2p has taken somebody into its table, or has let go of one for it.
    pub(super) fn on_routed(&mut self, peer: PeerId, old: Option<PeerId>) {
        if let Some(old) = old {
            self.table.forget(&old);
        }
        if let Some(known) = self.peers.get(&peer) {
            self.table.note(peer, &known.remote);
        }
    }

    pub(super) fn unroute(&mut self, peer: &PeerId) {
        self.swarm.behaviour_mut().kad.remove_peer(peer);
        self.table.forget(peer);
    }
}
