//! Protocols that are spoken on direct connections alone.
//!
//! A relay lends somebody else's line: it is for finding each other and for small questions. Decides that what is wrapped
//! here never learns of a relayed connection, and is not offered on one. Invariant: no event of the wrapped behaviour
//! reaches a relayed connection.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::task::{Context, Poll};

use either::Either;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use crate::address::is_relayed;

/// Addresses that the wrapped behaviour may add to a call.
const MAX_TOLD: usize = 16;

/// A behaviour that knows direct connections only.
pub(crate) struct DirectOnly<B> {
    inner: B,
    /// The direct connections of each peer; no entry is empty.
    direct: HashMap<PeerId, Vec<ConnectionId>>,
}

impl<B> DirectOnly<B> {
    pub fn new(inner: B) -> Self {
        Self { inner, direct: HashMap::new() }
    }

    fn opened(&mut self, peer: PeerId, id: ConnectionId) -> usize {
        let all = self.direct.entry(peer).or_default();
        all.push(id);
        all.len() - 1
    }

    fn closed(&mut self, peer: PeerId, id: ConnectionId) -> usize {
        let Some(all) = self.direct.get_mut(&peer) else { return 0 };
        all.retain(|other| *other != id);
        let left = all.len();
        if left == 0 {
            self.direct.remove(&peer);
        }
        left
    }

    /// The direct connection that an event goes to; none if there is none any more.
    fn way(&self, peer: &PeerId, handler: NotifyHandler) -> Option<NotifyHandler> {
        let all = self.direct.get(peer)?;
        let id = match handler {
            NotifyHandler::Any => all.first(),
            NotifyHandler::One(id) => all.iter().find(|other| **other == id),
        };
        id.map(|id| NotifyHandler::One(*id))
    }
}

impl<B> Deref for DirectOnly<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.inner
    }
}

impl<B> DerefMut for DirectOnly<B> {
    fn deref_mut(&mut self) -> &mut B {
        &mut self.inner
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for DirectOnly<B> {
    type ConnectionHandler = Either<THandler<B>, dummy::ConnectionHandler>;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        if is_relayed(local) { Ok(()) } else { self.inner.handle_pending_inbound_connection(id, local, remote) }
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if is_relayed(local) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner.handle_established_inbound_connection(id, peer, local, remote).map(Either::Left)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        // What others told of a peer is anybody's word: a few addresses are tried, not thousands.
        let mut told = self.inner.handle_pending_outbound_connection(id, peer, addresses, role)?;
        told.truncate(MAX_TOLD);
        Ok(told)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if is_relayed(remote) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner.handle_established_outbound_connection(id, peer, remote, role, port).map(Either::Left)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        let event = match event {
            FromSwarm::ConnectionEstablished(new) if new.endpoint.is_relayed() => return,
            FromSwarm::ConnectionClosed(old) if old.endpoint.is_relayed() => return,
            FromSwarm::AddressChange(change) if change.new.is_relayed() => return,
            FromSwarm::ConnectionEstablished(new) => {
                let other_established = self.opened(new.peer_id, new.connection_id);
                FromSwarm::ConnectionEstablished(ConnectionEstablished { other_established, ..new })
            }
            FromSwarm::ConnectionClosed(old) => {
                let remaining_established = self.closed(old.peer_id, old.connection_id);
                FromSwarm::ConnectionClosed(ConnectionClosed { remaining_established, ..old })
            }
            other => other,
        };
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {
            Either::Left(event) => self.inner.on_connection_handler_event(peer, id, event),
            Either::Right(never) => match never {},
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            let Poll::Ready(wish) = self.inner.poll(cx) else { return Poll::Pending };
            let wish = match wish {
                ToSwarm::NotifyHandler { peer_id, handler, event } => match self.way(&peer_id, handler) {
                    Some(handler) => ToSwarm::NotifyHandler { peer_id, handler, event },
                    // It went meanwhile, as connections do.
                    None => continue,
                },
                other => other,
            };
            return Poll::Ready(wish.map_in(Either::Left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_goes_to_a_direct_connection_or_nowhere() {
        let (peer, one, two) = (PeerId::random(), ConnectionId::new_unchecked(1), ConnectionId::new_unchecked(2));
        let mut direct = DirectOnly::new(());
        assert!(direct.way(&peer, NotifyHandler::Any).is_none());
        assert_eq!((direct.opened(peer, one), direct.opened(peer, two)), (0, 1), "others that stood before");
        assert!(matches!(direct.way(&peer, NotifyHandler::Any), Some(NotifyHandler::One(id)) if id == one));
        assert!(direct.way(&peer, NotifyHandler::One(ConnectionId::new_unchecked(9))).is_none());
        assert_eq!((direct.closed(peer, one), direct.closed(peer, two)), (1, 0), "others that are left");
        assert!(direct.direct.is_empty());
    }
}
