//! The infrastructure: what the swarm reports, turned into what the node knows.
//!
//! Decides which addresses of a peer are believed: never this machine's own for a peer elsewhere.

use ggen_core::hooks::OffenceClass;
use libp2p::connection_limits::Exceeded;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::{ListenError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, mdns, ping};

use super::behaviour::{BehaviourEvent, KAD};
use super::{Node, Peer};
use crate::address::{is_loopback, is_shareable, is_spoken, split_peer};
use crate::types::{Direction, NodeEvent, Offence};

/// Addresses of one peer that are kept.
pub(super) const MAX_ADDRESSES: usize = 8;

impl Node {
    pub(super) fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Kad(event)) => self.on_kad(event),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. })) => {
                self.on_identified(peer_id, info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(event),
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => self.on_neighbours(found),
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => self.on_connected(peer_id, &endpoint),
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => self.on_disconnected(peer_id),
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                if !self.peers.contains_key(&peer) {
                    let problem = shorten(&error.to_string());
                    self.dial_over(&peer, &Err(problem.clone()));
                    self.join.failed(peer, problem);
                    self.tell_joined();
                }
            }
            SwarmEvent::IncomingConnectionError {
                peer_id: Some(peer), error: ListenError::Denied { cause }, ..
            } => {
                let own = cause.downcast::<Exceeded>().is_ok_and(|e| e.limit() == self.limits.max_connections_per_peer);
                if own {
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
        // Provider records carry what counts as external; who listens on this machine alone is meant to be found there.
        if self.loopback_only || !is_loopback(&address) {
            self.swarm.add_external_address(address.clone());
        }
        if !self.listens.contains(&address) {
            self.listens.push(address);
        }
        self.listening.send_replace(self.listens.clone());
    }

    fn on_connected(&mut self, peer: PeerId, endpoint: &ConnectedPoint) {
        let direction = if endpoint.is_dialer() { Direction::Outbound } else { Direction::Inbound };
        let remote = endpoint.get_remote_address().clone();
        let remote = split_peer(&remote).map_or(remote, |(_, address)| address);
        let new = Peer { remote, direction, listens: Vec::new(), latency_ms: None, dht: false };
        self.peers.entry(peer).or_insert(new);
        self.dial_over(&peer, &Ok(()));
    }

    fn on_disconnected(&mut self, peer: PeerId) {
        let was_dht = self.peers.remove(&peer).is_some_and(|p| p.dht);
        self.join.failed(peer, "it closed the connection".to_owned());
        if was_dht && self.dht_peers() == 0 {
            self.join.soon();
        }
        self.tell_joined();
    }

    fn on_identified(&mut self, peer: PeerId, info: identify::Info) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let believed = |a: &Multiaddr| is_spoken(a) && is_shareable(a, &known.remote);
        let listens = info.listen_addrs.into_iter().map(|a| split_peer(&a).map_or(a, |(_, address)| address));
        let mut listens: Vec<_> = listens.filter(believed).take(MAX_ADDRESSES).collect();
        if known.direction == Direction::Outbound && !listens.contains(&known.remote) {
            listens.insert(0, known.remote.clone());
        }
        known.listens.clone_from(&listens);
        let first = !known.dht;
        known.dht = info.protocols.contains(&KAD);
        if known.dht {
            for address in &listens {
                self.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
            }
            if first {
                self.on_dht_peer(peer, listens);
            }
        } else {
            self.join.failed(peer, format!("it does not speak {KAD}"));
        }
        self.tell_joined();
    }

    fn on_dht_peer(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        self.join.reached(peer);
        if self.dht_peers() == 1 {
            let _ = self.swarm.behaviour_mut().kad.bootstrap();
            self.look_up_own_place();
            self.announce_again();
        }
        if !addresses.is_empty() {
            self.tell(NodeEvent::Identified { peer, addresses });
        }
    }
}

/// The first line of an error, not endlessly long.
fn shorten(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
