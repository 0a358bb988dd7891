//! What this node tells the hash table of itself: the archives and names that it provides, and the heads that it knows.
//!
//! Decides nothing: [`ggen_core::republish`] says what is told when, and what is late. Invariant: what is held is kept
//! here at once, so that neighbours find it, whenever the rest of the network is told.

use std::collections::VecDeque;
use std::time::Duration;

use ggen_core::Digest;
use ggen_core::republish::{Effect, Event, Standing};
use libp2p::kad::store::RecordStore as _;
use libp2p::kad::{Quorum, Record};
use tokio::sync::oneshot;

use super::Node;
use super::command::HeldHead;
use super::state::query::{Holding, MAX_QUERIES, Query};
use crate::clock::now_ms;
use crate::dht::kept::after;
use crate::dht::record_key;
use crate::error::NetError;
use crate::types::{Announcing, NodeEvent};

/// How an announcement stands, as its owner hears it.
pub(super) fn announcing(behind: bool, standing: Standing) -> Announcing {
    let oldest = Duration::from_millis(standing.oldest);
    Announcing { behind, keys: standing.keys, late: standing.late, oldest }
}

impl Node {
    fn since_start(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes in what happens to announcements, and does what follows from it.
    pub(super) fn republish(&mut self, event: Event<Holding>) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.since_start();
            for effect in self.republish.on(event, now) {
                match effect {
                    Effect::Tell(holding) => events.extend(self.tell_network(holding)),
                    Effect::Behind(standing) => self.tell(NodeEvent::Announcing(announcing(true, standing))),
                    Effect::CaughtUp(standing) => self.tell(NodeEvent::Announcing(announcing(false, standing))),
                }
            }
        }
    }

    /// Begins to tell; what comes of it where that cannot even begin.
    fn tell_network(&mut self, holding: Holding) -> Option<Event<Holding>> {
        if self.queries.len() >= MAX_QUERIES {
            return Some(Event::Told { key: holding, done: false });
        }
        let kad = &mut self.swarm.behaviour_mut().kad;
        let query = match holding {
            Holding::Provides(key) => kad.start_providing(record_key(&key)).ok(),
            Holding::Head(key) => {
                let record = kad.store_mut().get(&record_key(&key)).map(|record| record.into_owned());
                record.and_then(|record| kad.put_record(record, Quorum::All).ok())
            }
        };
        match query {
            Some(id) => {
                self.queries.insert(id, Query::Announce(holding));
                None
            }
            // It has expired or given way.
            None => Some(Event::Removed(holding)),
        }
    }

    /// Keeps all keys at once, so that neighbours find them; the network is told of them a few at a time.
    pub(super) fn provide(&mut self, keys: Vec<Digest>) {
        for key in keys {
            if self.swarm.behaviour_mut().kad.store_mut().provide(record_key(&key)).is_ok() {
                self.republish(Event::Added(Holding::Provides(key)));
            }
        }
    }

    /// Those who were told forget it in time.
    pub(super) fn withdraw(&mut self, key: Digest) {
        self.republish(Event::Removed(Holding::Provides(key)));
        self.swarm.behaviour_mut().kad.stop_providing(&record_key(&key));
    }

    /// Keeps heads; the network is told of them a few at a time.
    pub(super) fn hold(&mut self, heads: Vec<HeldHead>) {
        for head in heads {
            let holding = Holding::Head(head.key);
            let record = self.own_record(&head);
            let store = self.swarm.behaviour_mut().kad.store_mut();
            let is_held =
                store.get(&record.key).is_some_and(|r| r.publisher == record.publisher && r.value == head.value);
            if is_held && self.republish.has(&holding) {
                continue;
            }
            store.set_mark(&record.key, head.mark);
            if store.put(record).is_ok() {
                // One that is another now is told anew.
                self.republish(Event::Removed(holding));
                self.republish(Event::Added(holding));
            }
        }
    }

    /// Keeps a head and tells the network of it at once.
    pub(super) fn put_head(&mut self, head: HeldHead, reply: oneshot::Sender<Result<usize, NetError>>) {
        if self.queries.len() >= MAX_QUERIES {
            return drop(reply.send(Err(NetError::Busy("too many lookups at once"))));
        }
        let record = self.own_record(&head);
        let kad = &mut self.swarm.behaviour_mut().kad;
        kad.store_mut().set_mark(&record.key, head.mark);
        match kad.put_record(record, Quorum::All) {
            Ok(id) => {
                self.queries.insert(id, Query::Put(head.key, reply));
                self.republish(Event::Begun(Holding::Head(head.key)));
            }
            Err(_) => drop(reply.send(Err(NetError::Busy("the record store is full")))),
        }
    }

    fn own_record(&self, head: &HeldHead) -> Record {
        Record {
            publisher: Some(*self.swarm.local_peer_id()),
            expires: Some(after(head.expires, now_ms())),
            ..Record::new(record_key(&head.key), head.value.clone())
        }
    }

    /// A sentence about all of that, where there is anything to say.
    pub(super) fn announcing(&self) -> Option<String> {
        let standing = self.republish.standing(self.since_start());
        let (keys, late, oldest) = (standing.keys, standing.late, standing.oldest / 60_000);
        match (keys, late) {
            (0, _) => None,
            _ if self.dht_peers() == 0 => None,
            (_, 0) => Some(format!("it announces {keys} keys in time")),
            (_, _) => Some(format!("! {late} of {keys} keys are announced too late, the oldest by {oldest} min")),
        }
    }
}
