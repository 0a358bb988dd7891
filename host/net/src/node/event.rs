//! The infrastructure: what the swarm reports, turned into what the node knows.
//!
//! Decides which addresses of a peer are believed: never this machine's own for a peer elsewhere. A peer is part of the
//! hash table, and worth remembering, by what it says over a direct connection alone.

use ggen_core::hooks::OffenceClass;
use ggen_core::republish::Event;
use libp2p::connection_limits::Exceeded;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::{ConnectionId, DialError, ListenError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, mdns, ping, relay};

use super::behaviour::{BehaviourEvent, KAD};
use super::security::Arrivals;
use super::{Node, Peer};
use crate::address::{is_loopback, is_quic, is_relayed, is_shareable, is_spoken, remote_of, split_peer};
use crate::private::ANOTHER_KEY;
use crate::types::{Direction, NodeEvent, Offence};

/// Addresses of one peer that are kept.
pub(super) const MAX_ADDRESSES: usize = 8;
/// Beside them, those that lead through a relay.
const MAX_RELAYED: usize = 2;
/// Addresses at relays that this node listens on.
const MAX_RELAYED_LISTENS: usize = 16;

impl Node {
    pub(super) fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let Some(event) = self.on_road_event(event) else { return };
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Kad(event)) => self.on_kad(event),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                connection_id,
            })) => {
                self.on_identified(peer_id, connection_id, info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(event),
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => self.on_neighbours(found),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.on_closed(peer_id, connection_id, num_established == 0);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                if !self.peers.contains_key(&peer) {
                    let problem = told(&error, peer, &self.arrivals);
                    self.dial_over(&peer, &Err(problem.clone()));
                    self.join.failed(peer, problem);
                    self.tell_joined();
                }
            }
            SwarmEvent::IncomingConnectionError {
                peer_id: Some(peer), error: ListenError::Denied { cause }, ..
            } => {
                let own = cause.downcast::<Exceeded>().is_ok_and(|e| e.limit() == self.limits.max_connections_per_peer);
                // Between those who seek a way round a relay several connections may come about at once.
                if own && self.peers.get(&peer).is_none_or(|p| p.relayed.is_empty()) {
                    let detail = "more connections than one peer may have".to_owned();
                    self.complaints.add(Offence::new(peer, OffenceClass::Flood, "connections", detail));
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => self.on_listening(address),
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.listens.retain(|a| *a != address);
                self.swarm.remove_external_address(&address);
                self.listening.send_replace(self.listens.clone());
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener failed"),
            SwarmEvent::ListenerClosed { reason: Err(error), .. } => tracing::warn!(%error, "a listener closed"),
            other => tracing::trace!(?other, "swarm"),
        }
    }

    fn on_ping(&mut self, event: ping::Event) {
        match event.result {
            Ok(time) => {
                if let Some(peer) = self.peers.get_mut(&event.peer) {
                    peer.latency_ms = u64::try_from(time.as_millis()).ok();
                }
            }
            Err(ping::Failure::Unsupported) => {}
            // It is told at the second in a row. The wire is cut, or the peer is gone without a word: TCP alone would
            // notice in a quarter of an hour.
            Err(error) => {
                tracing::debug!(peer = %event.peer, %error, "it does not answer any more");
                self.swarm.close_connection(event.connection);
            }
        }
    }

    fn on_listening(&mut self, address: Multiaddr) {
        let relayed = is_relayed(&address);
        if relayed && self.listens.iter().filter(|a| is_relayed(a)).count() >= MAX_RELAYED_LISTENS {
            return;
        }
        // Provider records carry what counts as external; who listens on this machine alone is meant to be found there.
        if !relayed && (self.loopback_only || !is_loopback(&address)) {
            self.swarm.add_external_address(address.clone());
        }
        if !self.listens.contains(&address) {
            self.listens.push(address);
        }
        self.listening.send_replace(self.listens.clone());
    }

    fn on_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let direction = if endpoint.is_dialer() { Direction::Outbound } else { Direction::Inbound };
        let (remote, relayed) = (remote_of(endpoint), endpoint.is_relayed());
        let known = self.peers.entry(peer).or_insert_with(|| Peer::new(remote.clone(), direction));
        if relayed {
            known.relayed.push(id);
        } else {
            if known.direct.is_empty() {
                (known.remote, known.direction) = (remote, direction);
            }
            known.direct.push(id);
            self.end_waiting(&peer, true);
        }
        self.arrivals.take(&peer);
        self.dial_over(&peer, &Ok(()));
    }

    fn on_closed(&mut self, peer: PeerId, id: ConnectionId, last: bool) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.direct.retain(|other| *other != id);
            known.relayed.retain(|other| *other != id);
            if !known.direct.is_empty() {
                return;
            }
        }
        let was_dht = match last {
            true => self.peers.remove(&peer).is_some_and(|p| p.dht),
            false => self.peers.get_mut(&peer).is_some_and(|p| std::mem::take(&mut p.dht)),
        };
        self.on_relay(peer, false);
        if last {
            self.end_waiting(&peer, false);
            self.join.failed(peer, "it closed the connection".to_owned());
        }
        if was_dht && self.dht_peers() == 0 {
            self.republish(Event::Alone);
            self.join.soon();
        }
        self.tell_joined();
    }

    fn on_identified(&mut self, peer: PeerId, id: ConnectionId, info: identify::Info) {
        let private = self.private;
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let believed = |a: &Multiaddr| is_spoken(a) && is_shareable(a, &known.remote) && !(private && is_quic(a));
        let listens = info.listen_addrs.into_iter().map(|a| split_peer(&a).map_or(a, |(_, address)| address));
        let (relayed, mut listens): (Vec<_>, Vec<_>) = listens.filter(believed).partition(is_relayed);
        listens.truncate(MAX_ADDRESSES);
        if known.direction == Direction::Outbound && !is_relayed(&known.remote) && !listens.contains(&known.remote) {
            listens.insert(0, known.remote.clone());
        }
        known.listens = listens.iter().cloned().chain(relayed.into_iter().take(MAX_RELAYED)).collect();
        self.on_seen(&info.observed_addr);
        let Some(known) = self.peers.get_mut(&peer) else { return };
        // Through a relay it speaks less than it can.
        if known.relayed.contains(&id) {
            if known.direct.is_empty() {
                self.join.failed(peer, "it can only be reached through a relay".to_owned());
                self.tell_joined();
            }
            return self.go_round(peer, Vec::new());
        }
        let was = std::mem::replace(&mut known.dht, info.protocols.contains(&KAD));
        self.on_relay(peer, info.protocols.contains(&relay::HOP_PROTOCOL_NAME));
        if info.protocols.contains(&KAD) {
            for address in &listens {
                self.route(peer, address.clone());
            }
            if !was {
                self.on_dht_peer(peer, listens);
            }
        } else {
            if was {
                self.unroute(&peer);
            }
            self.join.failed(peer, format!("it does not speak {KAD}"));
        }
        self.tell_joined();
    }

    fn on_dht_peer(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        self.join.reached(peer);
        if self.dht_peers() == 1 {
            let _ = self.swarm.behaviour_mut().kad.bootstrap();
            self.look_up_own_place();
            self.republish(Event::Joined);
        }
        if !addresses.is_empty() {
            self.tell(NodeEvent::Identified { peer, addresses });
        }
    }
}

/// Why a dial failed, and what it may mean that somebody took the call and was not understood: he may be of a private
/// network. Whoever has no room just closes the connection, and cannot be told from that.
fn told(error: &DialError, peer: PeerId, arrivals: &Arrivals) -> String {
    let problem = shorten(&error.to_string());
    if arrivals.take(&peer) && matches!(error, DialError::Transport(_)) {
        return format!("{problem}; perhaps it is of another private network ({ANOTHER_KEY}), or has no room");
    }
    problem
}

/// The first line of an error, not endlessly long.
fn shorten(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
