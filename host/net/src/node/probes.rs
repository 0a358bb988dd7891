//! Whether this node can be called: others are asked to try.
//!
//! Decides which of the addresses that peers see this node at are tried, beside libp2p's AutoNAT version 2: a few, and none
//! of this machine or a private network, which say nothing of the world. An address that failed is tried a second time.
//! Invariant: whatever peers claim to see, no more than [`MOST`] addresses are kept.

use std::collections::HashMap;
use std::task::{Context, Poll};

use libp2p::autonat::v2::client;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::NewExternalAddrCandidate;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use crate::address::{ip_of, is_local, is_relayed, is_spoken, split_peer, with_peer};

/// Addresses that are tried.
const MOST: usize = 8;
/// How often one is tried.
const TRIES: u32 = 2;

/// What came of a try.
#[derive(Debug)]
pub(crate) struct Tried {
    pub address: Multiaddr,
    pub answered: bool,
}

/// Has a node's addresses tried.
pub(crate) struct Probes {
    inner: client::Behaviour,
    me: PeerId,
    local_too: bool,
    /// How often each failed.
    tried: HashMap<Multiaddr, u32>,
}

impl Probes {
    pub fn new(me: PeerId, local_too: bool) -> Self {
        Self { inner: client::Behaviour::default(), me, local_too, tried: HashMap::new() }
    }

    /// Whether an address that a peer saw is to be tried.
    fn takes(&mut self, address: &Multiaddr) -> bool {
        // A name is never seen; whoever claims so wants it looked up.
        let of_use = is_spoken(address) && !is_relayed(address) && ip_of(address).is_some();
        if !of_use || (is_local(address) && !self.local_too) {
            return false;
        }
        if self.tried.len() < MOST {
            self.tried.entry(address.clone()).or_default();
        }
        self.tried.contains_key(address)
    }

    /// Notes what came of a try; a first failure is followed by another try, of the same address in another spelling,
    /// because AutoNAT tries each once.
    fn note(&mut self, event: &client::Event) -> Tried {
        let address = split_peer(&event.tested_addr).map_or_else(|| event.tested_addr.clone(), |(_, address)| address);
        let answered = event.result.is_ok();
        if let Some(failures) = self.tried.get_mut(&address).filter(|_| !answered) {
            *failures = failures.saturating_add(1);
            if *failures < TRIES {
                let again = with_peer(&address, self.me);
                let event = FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr: &again });
                self.inner.on_swarm_event(event);
            }
        }
        Tried { address, answered }
    }
}

impl NetworkBehaviour for Probes {
    type ConnectionHandler = THandler<client::Behaviour>;
    type ToSwarm = Tried;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
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
        match event {
            FromSwarm::NewExternalAddrCandidate(candidate) if !self.takes(candidate.addr) => {}
            other => self.inner.on_swarm_event(other),
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        let Poll::Ready(wish) = self.inner.poll(cx) else { return Poll::Pending };
        Poll::Ready(match wish.map_out(|event| self.note(&event)) {
            ToSwarm::ExternalAddrConfirmed(address) => {
                ToSwarm::ExternalAddrConfirmed(split_peer(&address).map_or(address, |(_, address)| address))
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_claim_to_see_is_bounded_and_nothing_local_is_tried() {
        let mut probes = Probes::new(PeerId::random(), false);
        let mut takes = |text: &str| probes.takes(&text.parse().unwrap());
        for local in ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.2/tcp/1", "/ip6/fe80::1/tcp/1"] {
            assert!(!takes(local), "{local}");
        }
        let relay = PeerId::random();
        assert!(!takes(&format!("/ip4/9.9.9.9/tcp/1/p2p/{relay}/p2p-circuit")));
        assert!(!takes("/dns4/a.example/tcp/1") && !takes("/ip4/9.9.9.9/udp/53"));
        let taken = (1..1000).filter(|port| takes(&format!("/ip4/9.9.9.9/tcp/{port}"))).count();
        assert_eq!(taken, MOST);
        assert!(takes("/ip4/9.9.9.9/tcp/1"), "one that is known is seen again");
        assert!(Probes::new(PeerId::random(), true).takes(&"/ip4/127.0.0.1/tcp/1".parse().unwrap()));
    }
}
