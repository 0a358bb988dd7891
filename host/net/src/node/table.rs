//! Who stands in the routing table of the hash table.
//!
//! Decides by the network that a peer was connected from, not by what it says of itself: no network has more than its share,
//! so that whoever comes back under ever new identities does not become all that this node knows. One that has left gives
//! way to one of its network that is there. Private networks and this machine are exempt, as they are from the limit on
//! connections. Invariant: of every peer in libp2p's table the network is noted here, where it counts.

use std::collections::HashMap;

use ggen_core::limits::Limits;
use libp2p::kad::RoutingUpdate;
use libp2p::{Multiaddr, PeerId};

use super::Node;
use crate::address::{is_local, subnet_of};

/// From which network those in the table were connected.
pub(super) struct Table {
    share: usize,
    local_too: bool,
    networks: HashMap<PeerId, String>,
}

impl Table {
    pub fn new(limits: &Limits) -> Self {
        let (share, local_too) = (limits.max_routed_per_network, limits.count_local_networks);
        Self { share, local_too, networks: HashMap::new() }
    }

    fn network(&self, remote: &Multiaddr) -> Option<String> {
        if self.local_too || !is_local(remote) { subnet_of(remote) } else { None }
    }

    /// Those of the network of `remote`, where it has its share without `peer`; nobody where there is room.
    fn in_the_way(&self, peer: &PeerId, remote: &Multiaddr) -> Vec<PeerId> {
        let Some(network) = self.network(remote) else { return Vec::new() };
        let others = self.networks.iter().filter(|(other, n)| *other != peer && **n == network);
        let others: Vec<PeerId> = others.map(|(other, _)| *other).collect();
        if others.len() < self.share { Vec::new() } else { others }
    }

    fn note(&mut self, peer: PeerId, remote: &Multiaddr) {
        match self.network(remote) {
            Some(network) => drop(self.networks.insert(peer, network)),
            None => self.forget(&peer),
        }
    }

    fn forget(&mut self, peer: &PeerId) {
        self.networks.remove(peer);
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_and_a_private_one_is_none() {
        let limits = Limits { max_routed_per_network: 2, ..Limits::default() };
        let mut table = Table::new(&limits);
        let at = |text: &str| -> Multiaddr { text.parse().unwrap() };
        let peers = [(); 5].map(|()| PeerId::random());
        table.note(peers[0], &at("/ip4/9.9.9.1/tcp/1"));
        let has_room = |table: &Table, peer: &PeerId, remote: &str| table.in_the_way(peer, &at(remote)).is_empty();
        assert!(has_room(&table, &peers[1], "/ip4/9.9.9.2/tcp/1"));
        table.note(peers[1], &at("/ip4/9.9.9.2/tcp/1"));
        assert!(!has_room(&table, &peers[2], "/ip4/9.9.9.3/tcp/1"));
        assert!(has_room(&table, &peers[1], "/ip4/9.9.9.3/tcp/1"), "who is in it may have more addresses");
        assert!(has_room(&table, &peers[2], "/ip4/9.9.8.3/tcp/1"), "another network");
        for peer in peers {
            table.note(peer, &at("/ip4/192.168.1.9/tcp/1"));
            assert!(has_room(&table, &PeerId::random(), "/ip4/192.168.1.10/tcp/1"));
        }
        table.note(peers[0], &at("/ip4/9.9.9.1/tcp/1"));
        table.note(peers[1], &at("/ip4/9.9.9.2/tcp/1"));
        table.forget(&peers[0]);
        assert!(has_room(&table, &peers[2], "/ip4/9.9.9.3/tcp/1"), "who has left made room");
    }
}
