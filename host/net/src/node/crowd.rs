//! How many connections come from one network.
//!
//! Decides by the address alone, before anything is spent on a connection: a network that has its share is refused, nobody
//! in it is punished. Private networks and this machine are exempt unless it is set otherwise: they say nothing of who is
//! behind them. Who comes through a relay is counted to the relay's network. Invariant: what is counted is a connection that
//! stands, or one that comes in and has not failed; no map has empty entries, and both have as many as there are connections.

use std::collections::HashMap;
use std::fmt;
use std::task::{Context, Poll};

use ggen_core::limits::Limits;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{Multiaddr, PeerId};

use crate::address::{is_relayed, public_network_of, remote_of, subnet_of};

/// A network has as many connections as one may have.
#[derive(Debug)]
pub(crate) struct Crowded(String);

impl fmt::Display for Crowded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the network {} has as many connections as one may have", self.0)
    }
}

impl std::error::Error for Crowded {}

/// Counts connections by network.
pub(crate) struct Behaviour {
    most: u32,
    local_too: bool,
    open: HashMap<String, u32>,
    /// The networks of those that come in and have not said who they are.
    coming: HashMap<ConnectionId, String>,
}

impl Behaviour {
    pub fn new(limits: &Limits) -> Self {
        let (most, local_too) = (limits.max_connections_per_network, limits.count_local_networks);
        Self { most, local_too, open: HashMap::new(), coming: HashMap::new() }
    }

    fn network(&self, address: &Multiaddr) -> Option<String> {
        if self.local_too { subnet_of(address) } else { public_network_of(address) }
    }

    /// The network that a connection counts for, if it has room beside those that stand and so many that come in.
    fn room(&self, address: &Multiaddr, coming: impl Fn(&str) -> usize) -> Result<Option<String>, ConnectionDenied> {
        let Some(network) = self.network(address) else { return Ok(None) };
        let coming = u32::try_from(coming(&network)).unwrap_or(u32::MAX);
        match self.open.get(&network).copied().unwrap_or(0).saturating_add(coming) {
            count if count >= self.most => Err(ConnectionDenied::new(Crowded(network))),
            _ => Ok(Some(network)),
        }
    }

    fn check(&self, address: &Multiaddr) -> Result<(), ConnectionDenied> {
        self.room(address, |_| 0).map(|_| ())
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = std::convert::Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let from = if is_relayed(local) { local } else { remote };
        let coming = |network: &str| self.coming.values().filter(|other| *other == network).count();
        if let Some(network) = self.room(from, coming)? {
            self.coming.insert(id, network);
        }
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(if is_relayed(local) { local } else { remote }).map(|()| dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(remote).map(|()| dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.coming.remove(&connection_id);
            }
            FromSwarm::ConnectionEstablished(ConnectionEstablished { endpoint, connection_id, .. }) => {
                self.coming.remove(&connection_id);
                if let Some(network) = self.network(&remote_of(endpoint)) {
                    *self.open.entry(network).or_default() += 1;
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { endpoint, .. }) => {
                let Some(network) = self.network(&remote_of(endpoint)) else { return };
                if let Some(count) = self.open.get_mut(&network) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.open.remove(&network);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_and_private_ones_are_not_counted() {
        let limits = Limits { max_connections_per_network: 2, ..Limits::default() };
        let mut crowd = Behaviour::new(&limits);
        crowd.open.insert("9.9.9.0/24".into(), 2);
        crowd.open.insert("127.0.0.0/24".into(), 99);
        let denied = |crowd: &Behaviour, text: &str| crowd.check(&text.parse().unwrap()).is_err();
        assert!(denied(&crowd, "/ip4/9.9.9.7/tcp/1") && denied(&crowd, "/ip6/::ffff:9.9.9.7/tcp/1"));
        assert!(!denied(&crowd, "/ip4/9.9.8.7/tcp/1") && !denied(&crowd, "/ip4/127.0.0.1/tcp/1"));
        let all = Behaviour { local_too: true, ..crowd };
        assert!(denied(&all, "/ip4/127.0.0.1/tcp/1"));
    }

    #[test]
    fn who_has_not_said_who_he_is_counts_too_until_it_fails() {
        let mut crowd = Behaviour::new(&Limits { max_connections_per_network: 2, ..Limits::default() });
        let (here, there): (Multiaddr, Multiaddr) =
            ("/ip4/1.2.3.4/tcp/1".parse().unwrap(), "/ip4/9.9.9.7/tcp/1".parse().unwrap());
        let id = ConnectionId::new_unchecked;
        for n in 1..3 {
            crowd.handle_pending_inbound_connection(id(n), &here, &there).unwrap();
        }
        assert!(crowd.handle_pending_inbound_connection(id(3), &here, &there).is_err());
        let other: Multiaddr = "/ip4/9.9.8.7/tcp/1".parse().unwrap();
        crowd.handle_pending_inbound_connection(id(4), &here, &other).unwrap();
        let error = libp2p::swarm::ListenError::Aborted;
        crowd.on_swarm_event(FromSwarm::ListenFailure(ListenFailure {
            local_addr: &here,
            send_back_addr: &there,
            error: &error,
            connection_id: id(1),
            peer_id: None,
        }));
        crowd.handle_pending_inbound_connection(id(5), &here, &there).unwrap();
        assert_eq!(crowd.coming.len(), 3);
    }

    #[test]
    fn who_comes_through_a_relay_counts_to_its_network() {
        let limits = Limits { max_connections_per_network: 2, ..Limits::default() };
        let mut crowd = Behaviour::new(&limits);
        crowd.open.insert("9.9.9.0/24".into(), 2);
        let (relay, peer) = (PeerId::random(), PeerId::random());
        let road: Multiaddr = format!("/ip4/9.9.9.7/tcp/1/p2p/{relay}/p2p-circuit").parse().unwrap();
        let back: Multiaddr = format!("/p2p/{peer}").parse().unwrap();
        let id = ConnectionId::new_unchecked(1);
        assert!(crowd.handle_pending_inbound_connection(id, &road, &back).is_err());
        assert!(crowd.handle_established_inbound_connection(id, peer, &road, &back).is_err());
        assert!(crowd.check(&road).is_err(), "and so does who is called through it");
    }
}
