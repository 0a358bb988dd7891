//! Trying for others whether they can be called.
//!
//! Decides whom this node dials on a peer's word, beside libp2p's AutoNAT version 2: that peer's own host, or one of the open
//! network by its number; never a host of this machine's or a private network on a stranger's word. Invariant: no more than
//! [`AT_ONCE`] such dials are under way, and a connection that came of one is closed when it has served.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::task::{Context, Poll};

use either::Either;
use libp2p::autonat::v2::server;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use crate::address::{ip_of, is_local, is_relayed, is_spoken};

/// Dials on the word of peers, at once.
const AT_ONCE: usize = 16;

/// Why a peer's address is not dialled.
#[derive(Debug)]
struct NotForOthers;

impl fmt::Display for NotForOthers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not dialled on the word of a peer")
    }
}

impl std::error::Error for NotForOthers {}

/// Dials those who ask for it.
pub(crate) struct DialBacks {
    inner: server::Behaviour,
    /// Where peers are connected from.
    hosts: HashMap<ConnectionId, (PeerId, IpAddr)>,
    /// Dials that peers asked for.
    asked: HashSet<ConnectionId>,
    over: VecDeque<(PeerId, ConnectionId)>,
}

impl DialBacks {
    pub fn new() -> Self {
        Self {
            inner: server::Behaviour::default(),
            hosts: HashMap::new(),
            asked: HashSet::new(),
            over: VecDeque::new(),
        }
    }

    fn allows(&self, peer: Option<PeerId>, address: &Multiaddr) -> bool {
        let Some(ip) = ip_of(address).filter(|ip| !ip.is_unspecified() && !ip.is_multicast()) else { return false };
        let own = self.hosts.values().any(|(other, host)| peer == Some(*other) && *host == ip);
        is_spoken(address) && !is_relayed(address) && (own || !is_local(address))
    }
}

impl NetworkBehaviour for DialBacks {
    type ConnectionHandler = THandler<server::Behaviour>;
    type ToSwarm = ();

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let asked = self.asked.contains(&id);
        if asked && (self.asked.len() > AT_ONCE || !addresses.iter().all(|a| self.allows(peer, a))) {
            return Err(ConnectionDenied::new(NotForOthers));
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(id, peer, remote, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match &event {
            FromSwarm::ConnectionEstablished(new) => {
                if let Some(ip) = ip_of(new.endpoint.get_remote_address()) {
                    self.hosts.insert(new.connection_id, (new.peer_id, ip));
                }
            }
            FromSwarm::ConnectionClosed(old) => {
                self.hosts.remove(&old.connection_id);
                self.asked.remove(&old.connection_id);
            }
            FromSwarm::DialFailure(failure) => {
                self.asked.remove(&failure.connection_id);
            }
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        if matches!(event, Either::Left(_)) {
            self.over.push_back((peer, id));
        }
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, id)) = self.over.pop_front() {
            return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::One(id) });
        }
        let Poll::Ready(wish) = self.inner.poll(cx) else { return Poll::Pending };
        if let ToSwarm::Dial { opts } = &wish {
            self.asked.insert(opts.connection_id());
        }
        Poll::Ready(wish.map_out(|event| tracing::debug!(?event, "an address was tried for a peer")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_a_private_network_dialled() {
        let (peer, other) = (PeerId::random(), PeerId::random());
        let mut dials = DialBacks::new();
        let id = ConnectionId::new_unchecked(1);
        dials.hosts.insert(id, (peer, "10.0.0.7".parse().unwrap()));
        let allows = |peer: PeerId, text: &str| dials.allows(Some(peer), &text.parse().unwrap());
        assert!(allows(peer, "/ip4/10.0.0.7/tcp/1"), "it is its own host");
        assert!(!allows(other, "/ip4/10.0.0.7/tcp/1"), "it is somebody else's");
        for bad in ["/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.8/tcp/1", "/ip4/0.0.0.0/tcp/1", "/dns4/a.b/tcp/1"] {
            assert!(!allows(peer, bad), "{bad}");
        }
        assert!(!allows(peer, &format!("/ip4/9.9.9.9/tcp/1/p2p/{other}/p2p-circuit")));
        assert!(allows(peer, "/ip4/9.9.9.9/tcp/1"));
        let private = ["/ip4/127.0.0.1/tcp/22".parse().unwrap()];
        dials.asked.insert(id);
        assert!(dials.handle_pending_outbound_connection(id, Some(peer), &private, Endpoint::Dialer).is_err());
        let own = ConnectionId::new_unchecked(2);
        let dial = dials.handle_pending_outbound_connection(own, Some(peer), &private, Endpoint::Dialer);
        assert!(dial.is_ok(), "what the node itself dials is its own business");
    }
}
