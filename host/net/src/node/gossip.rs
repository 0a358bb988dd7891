//! The node's side of gossip: announcements of new heads.
//!
//! Decides which messages are looked at, passed on and told to the owner: [`Gate`] counts before anything is read, the
//! signatures are checked beside the node's task, and only what is news is passed on. Never punishes a peer for what it
//! may only have relayed in good faith: an old head, another of the same sequence, one that has expired. Invariant: a
//! message is reported to gossipsub exactly once, soon, so that it keeps none of those that are dropped.

use std::time::Instant;

use ggen_core::Digest;
use ggen_core::announcement::{Announced, MAX_ANNOUNCEMENT};
use ggen_core::flood::Arrival;
use ggen_core::head::{HeadMark, Succession, head_key};
use ggen_core::hooks::OffenceClass;
use libp2p::PeerId;
use libp2p::gossipsub::{Event, IdentTopic, MessageAcceptance, MessageId, PublishError};
use tokio::sync::oneshot;

use super::Node;
use crate::address::public_network_of;
use crate::clock::now_ms;
use crate::error::NetError;
use crate::node::listen::Looked;
use crate::node::mesh::TOPIC;
use crate::types::{Heard, NodeEvent, Offence};

/// Announcements of this node that wait for somebody to listen.
const MAX_WAITING: usize = 64;
/// Heads that wait for the owner.
const MAX_HEARD: usize = 1024;
/// Heads that are told to the owner at once.
const BATCH: usize = 256;

impl Node {
    pub(super) fn on_gossip(&mut self, event: Event) {
        match event {
            Event::Message { propagation_source, message_id, message } => {
                self.on_message(propagation_source, message_id, message.data);
            }
            Event::Subscribed { .. } => self.announce_waiting(),
            _ => {}
        }
    }

    fn on_message(&mut self, peer: PeerId, id: MessageId, data: Vec<u8>) {
        let now = self.gossip.now();
        match self.gossip.gate.arrived(peer, data.len(), now) {
            Arrival::Taken => {
                if data.len() > MAX_ANNOUNCEMENT {
                    let detail = format!("an announcement of {} bytes", data.len());
                    self.report(&peer, &id, MessageAcceptance::Reject);
                    self.accuse(peer, OffenceClass::MalformedMessage, "frame-too-large", detail);
                } else if let Err(id) = self.gossip.listener.submit(peer, id, data) {
                    self.report(&peer, &id, MessageAcceptance::Ignore);
                }
            }
            Arrival::Dropped { violation } => {
                self.report(&peer, &id, MessageAcceptance::Ignore);
                if violation {
                    let detail = "more gossip than one peer may send".to_owned();
                    self.accuse(peer, OffenceClass::Flood, "messages", detail);
                }
            }
        }
    }

    fn accuse(&self, peer: PeerId, class: OffenceClass, code: &str, detail: String) {
        self.complaints.add(Offence::new(peer, class, code, detail));
    }

    fn report(&mut self, peer: &PeerId, id: &MessageId, acceptance: MessageAcceptance) {
        self.swarm.behaviour_mut().gossip.report_message_validation_result(id, peer, acceptance);
    }

    /// Signatures were checked: passes on what is news.
    pub(super) fn on_looked(&mut self, looked: Vec<Looked>) {
        for Looked { peer, id, size, result, known } in looked {
            let acceptance = match result {
                Ok(announced) => self.on_announced(peer, size, *announced, known),
                Err(None) => MessageAcceptance::Ignore,
                Err(Some(refusal)) => {
                    self.accuse(peer, refusal.class, refusal.code, refusal.detail);
                    MessageAcceptance::Reject
                }
            };
            self.report(&peer, &id, acceptance);
        }
        self.tell_heard();
    }

    fn on_announced(
        &mut self,
        peer: PeerId,
        size: usize,
        announced: Announced,
        known: Option<HeadMark>,
    ) -> MessageAcceptance {
        let (now, head) = (self.gossip.now(), &announced.head);
        if head.head.expires <= now_ms() {
            return MessageAcceptance::Ignore;
        }
        self.outlook.head(head.head.issued);
        let key = head_key(&head.head.id());
        let before = self.gossip.marks.peek(&key).copied();
        let seen = before.into_iter().chain(known).max_by_key(|mark| mark.sequence);
        let succession = HeadMark::compare(seen, head.mark());
        let room = self.gossip.heard.len() < MAX_HEARD || self.gossip.heard.contains_key(&key);
        match succession {
            Succession::Older | Succession::Same => MessageAcceptance::Ignore,
            _ if !room || !self.gossip.gate.publisher(head.head.publisher, now) => MessageAcceptance::Ignore,
            Succession::Newer => {
                self.gossip.marks.insert(key, head.mark());
                self.hear(key, peer, announced);
                let forward = self.gossip.gate.forward(size, now);
                if forward { MessageAcceptance::Accept } else { MessageAcceptance::Ignore }
            }
            Succession::Equivocation => {
                // The first stands; the owner keeps the proof. A pair that is still waiting here is told in its order.
                if !self.gossip.heard.contains_key(&key) {
                    self.hear(key, peer, announced);
                }
                MessageAcceptance::Ignore
            }
        }
    }

    fn hear(&mut self, key: Digest, peer: PeerId, announced: Announced) {
        let network = self.peers.get(&peer).and_then(|p| public_network_of(&p.remote));
        self.gossip.heard.insert(key, Heard { announced, peer, network });
    }

    /// Tells the owner what was heard, as far as it keeps up; the rest waits.
    pub(super) fn tell_heard(&mut self) {
        while !self.gossip.heard.is_empty() && self.events.capacity() > self.events.max_capacity() / 2 {
            let keys: Vec<Digest> = self.gossip.heard.keys().take(BATCH).copied().collect();
            let batch = keys.iter().filter_map(|key| self.gossip.heard.remove(key)).collect();
            self.tell(NodeEvent::Heard(batch));
        }
    }

    /// Announces a head of this node's own, now or as soon as somebody listens.
    pub(super) fn announce(
        &mut self,
        bytes: Vec<u8>,
        key: Digest,
        mark: HeadMark,
        reply: oneshot::Sender<Result<(), NetError>>,
    ) {
        self.gossip.marks.insert(key, mark);
        if self.gossip.waiting.len() >= MAX_WAITING {
            // Who comes later hears of it by synchronisation.
            self.gossip.waiting.remove(0);
        }
        self.gossip.waiting.push((bytes, Some(reply)));
        self.announce_waiting();
    }

    /// Sends what waits, if somebody listens.
    pub(super) fn announce_waiting(&mut self) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        let sent = &mut self.gossip.sent;
        self.gossip.waiting.retain_mut(|(bytes, reply)| {
            let result = gossip.publish(IdentTopic::new(TOPIC), bytes.clone());
            let answer = match result {
                Err(PublishError::NoPeersSubscribedToTopic | PublishError::AllQueuesFull(_)) => return true,
                // Told before, and still on its way: that is what was wanted.
                Ok(_) | Err(PublishError::Duplicate) => Ok(()),
                Err(error) => Err(NetError::Transport(Box::new(error))),
            };
            *sent = Some(Instant::now());
            if let Some(reply) = reply.take() {
                let _ = reply.send(answer);
            }
            false
        });
    }
}
