//! Being reached, and reaching others, where routers stand between.
//!
//! Has [`ggen_core::reach`] decide whether this node can be called and which relays take its calls, and does what follows
//! from it: who cannot be called is no part of the hash table, for everybody would wait for him. Invariant: a relayed
//! connection is left as soon as there is a direct one, and no archive travels over it.

use std::time::Instant;

use ggen_core::reach::Reachability;
use ggen_core::republish::Event;
use libp2p::kad;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::NewExternalAddrCandidate;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, FromSwarm, NetworkBehaviour as _, SwarmEvent};
use libp2p::{Multiaddr, PeerId, relay};
use tokio::sync::oneshot;

use super::Node;
use super::behaviour::BehaviourEvent;
use super::probes::Tried;
use super::state::query::MAX_QUERIES;
use super::state::roads::Waiter;
use crate::address::is_relayed;
use crate::error::NetError;
use crate::types::Direction;

/// Addresses of one peer that are dialled to get round a relay.
const MAX_DIALLED: usize = 8;
/// Those who wait for a direct connection to one peer, at most.
const MAX_WAITERS: usize = 64;

impl Node {
    /// What concerns relays and routers; the rest is handed back.
    pub(super) fn on_road_event(&mut self, event: SwarmEvent<BehaviourEvent>) -> Option<SwarmEvent<BehaviourEvent>> {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Probes(Tried { address, answered })) => {
                tracing::debug!(%address, answered, "others tried an address of this node");
                self.roads.tries.tried(address, answered);
                self.follow_verdict();
            }
            SwarmEvent::Behaviour(BehaviourEvent::Circuits(relay::client::Event::ReservationReqAccepted {
                relay_peer_id,
                ..
            })) => self.roads.relays.held(relay_peer_id),
            SwarmEvent::Behaviour(BehaviourEvent::Punch(event)) => {
                tracing::debug!(peer = %event.remote_peer_id, result = ?event.result, "a way round a relay");
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. }
                if self.roads.listeners.contains_key(&listener_id) =>
            {
                if let Some(peer) = self.roads.listeners.remove(&listener_id) {
                    tracing::debug!(%peer, ?reason, "a relay takes no calls");
                    let now = self.roads.now();
                    self.roads.relays.lost(&peer, now);
                }
            }
            // What was told of this node before lacks it.
            SwarmEvent::ExternalAddrConfirmed { address }
                if is_relayed(&address) || !self.listens.contains(&address) =>
            {
                if self.dht_peers() > 0 {
                    self.republish(Event::Joined);
                }
            }
            other => return Some(other),
        }
        None
    }

    /// A peer sees this node at an address. Where it listens there, libp2p takes it for reachable already, and tells
    /// nobody; those who look into it, and those who seek ways round a relay, have to know.
    pub(super) fn on_seen(&mut self, address: &Multiaddr) {
        if !self.listens.contains(address) {
            return;
        }
        let seen = || FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr: address });
        let behaviour = self.swarm.behaviour_mut();
        if let Some(probes) = behaviour.probes.as_mut() {
            probes.on_swarm_event(seen());
        }
        if let Some(punch) = behaviour.punch.as_mut() {
            punch.on_swarm_event(seen());
        }
    }

    /// A connected peer takes calls for others, or does not any more.
    pub(super) fn on_relay(&mut self, peer: PeerId, offers: bool) {
        if offers && self.roads.is_node {
            self.roads.relays.offers(peer);
            self.seek_relays();
        } else {
            self.roads.relays.gone(&peer);
        }
    }

    /// Takes part in the hash table, or does not; looks for relays, if it must.
    pub(super) fn follow_verdict(&mut self) {
        let serves = self.roads.is_node && self.roads.verdict() != Reachability::Unreachable;
        if serves != self.roads.serves {
            self.roads.serves = serves;
            let mode = if serves { kad::Mode::Server } else { kad::Mode::Client };
            self.swarm.behaviour_mut().kad.set_mode(Some(mode));
        }
        self.seek_relays();
    }

    /// Asks relays to take calls, where nobody gets through without.
    pub(super) fn seek_relays(&mut self) {
        if !self.roads.is_node || self.roads.verdict() != Reachability::Unreachable {
            return;
        }
        let now = self.roads.now();
        for relay in self.roads.relays.ask(now) {
            let at = self.peers.get(&relay).and_then(|known| match known.direction {
                Direction::Outbound => Some(known.remote.clone()),
                Direction::Inbound => known.listens.iter().find(|a| !is_relayed(a)).cloned(),
            });
            let listener = at.map(|at| {
                let road = at.with(Protocol::P2p(relay)).with(Protocol::P2pCircuit);
                self.swarm.listen_on(road)
            });
            match listener {
                Some(Ok(listener)) => drop(self.roads.listeners.insert(listener, relay)),
                _ => self.roads.relays.lost(&relay, now),
            }
        }
    }

    /// Sees to it that a connected peer is connected directly.
    pub(super) fn connect_directly(
        &mut self,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        reply: oneshot::Sender<Result<(), NetError>>,
    ) {
        match self.peers.get(&peer) {
            None => {
                let gone = NetError::Unreachable { peer: peer.to_string(), problem: "it is gone".to_owned() };
                return drop(reply.send(Err(gone)));
            }
            Some(known) if !known.direct.is_empty() => return drop(reply.send(Ok(()))),
            Some(_) => {}
        }
        let waiting = self.roads.waiters.get(&peer).map_or(0, Vec::len);
        if self.roads.waiters.len() >= MAX_QUERIES || waiting >= MAX_WAITERS {
            return drop(reply.send(Err(NetError::Busy("too many dials at once"))));
        }
        let waiter = Waiter { reply, until: Instant::now() + self.roads.patience };
        self.roads.waiters.entry(peer).or_default().push(waiter);
        if waiting == 0 {
            self.go_round(peer, addresses);
        }
    }

    /// Dials a peer where it listens, if somebody waits for a direct connection to it. Whether that succeeds or not: the
    /// way that both find by the relay's help is tried beside it.
    pub(super) fn go_round(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let Some(known) = self.peers.get(&peer).filter(|_| self.roads.waiters.contains_key(&peer)) else { return };
        let all = addresses.into_iter().chain(known.listens.iter().cloned());
        let direct: Vec<_> = all.filter(|a| !is_relayed(a)).take(MAX_DIALLED).collect();
        if known.direct.is_empty() && !direct.is_empty() {
            let dial = DialOpts::peer_id(peer).condition(PeerCondition::NotDialing).addresses(direct).build();
            let _ = self.swarm.dial(dial);
        }
    }

    /// A direct connection stands, or none will.
    pub(super) fn end_waiting(&mut self, peer: &PeerId, is_direct: bool) {
        for waiter in self.roads.waiters.remove(peer).unwrap_or_default() {
            let _ = waiter.reply.send(if is_direct { Ok(()) } else { Err(only_relayed(peer)) });
        }
    }

    /// Ends what waited long enough, and relayed connections to those who are connected directly, too.
    pub(super) fn tend_roads(&mut self) {
        let now = Instant::now();
        let late =
            self.roads.waiters.iter().filter(|(_, all)| all.iter().any(|w| w.until <= now)).map(|(peer, _)| *peer);
        for peer in late.collect::<Vec<_>>() {
            self.end_waiting(&peer, false);
        }
        let both = self.peers.values().filter(|p| !p.direct.is_empty()).flat_map(|p| p.relayed.iter().copied());
        for id in both.collect::<Vec<ConnectionId>>() {
            self.swarm.close_connection(id);
        }
        self.seek_relays();
    }
}

fn only_relayed(peer: &PeerId) -> NetError {
    NetError::OnlyRelayed { peer: peer.to_string() }
}
