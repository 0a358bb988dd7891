//! From which network those in the routing table are connected.

use crate::address::{public_network_of, subnet_of};
use ggen_core::limits::Limits;
use libp2p::{Multiaddr, PeerId};
use std::collections::HashMap;

/// From which network those in the table were connected.
pub(crate) struct Table {
    pub share: usize,
    pub local_too: bool,
    pub networks: HashMap<PeerId, String>,
}

impl Table {
    pub fn new(limits: &Limits) -> Self {
        let (share, local_too) = (limits.max_routed_per_network, limits.count_local_networks);
        Self { share, local_too, networks: HashMap::new() }
    }

    pub fn network(&self, remote: &Multiaddr) -> Option<String> {
        if self.local_too { subnet_of(remote) } else { public_network_of(remote) }
    }

    /// Those of the network of `remote`, where it has its share without `peer`; nobody where there is room.
    pub fn in_the_way(&self, peer: &PeerId, remote: &Multiaddr) -> Vec<PeerId> {
        let Some(network) = self.network(remote) else { return Vec::new() };
        let others = self.networks.iter().filter(|(other, n)| *other != peer && **n == network);
        let others: Vec<PeerId> = others.map(|(other, _)| *other).collect();
        if others.len() < self.share { Vec::new() } else { others }
    }

    pub fn note(&mut self, peer: PeerId, remote: &Multiaddr) {
        match self.network(remote) {
            Some(network) => drop(self.networks.insert(peer, network)),
            None => self.forget(&peer),
        }
    }

    pub fn forget(&mut self, peer: &PeerId) {
        self.networks.remove(peer);
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
