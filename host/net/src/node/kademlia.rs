//! The node's side of the distributed hash table.
//!
//! Decides which lookups run, and hands on what they find as it comes; a lookup that nobody listens to any more is
//! ended. Invariant: nothing is put into the store that [`crate::dht::admit`] did not let in.

use std::time::{Duration, Instant};

use ggen_core::head::HeadMark;
use ggen_core::hooks::OffenceClass;
use libp2p::PeerId;
use libp2p::kad::store::RecordStore as _;
use libp2p::kad::{
    Event, GetProvidersOk, GetRecordOk, InboundRequest, PutRecordError, QueryId, QueryResult, Quorum, Record, RecordKey,
};
use tokio::sync::{mpsc, oneshot};

use super::command::Lead;
use super::verify::Checked;
use super::{MAX_QUERIES, Node, now_ms};
use crate::dht::admit;
use crate::error::NetError;
use crate::types::{NodeEvent, Offence};

/// Provider records that are announced at once.
const ANNOUNCED_AT_ONCE: usize = 8;
/// Providers of one key that are dialled.
const MAX_PROVIDERS: usize = 16;
/// Addresses kept of a provider.
const PROVIDER_ADDRESSES: usize = 4;
/// The longest address kept of a provider, in bytes.
const PROVIDER_ADDRESS: usize = 128;

/// A lookup under way, and who waits for it.
pub(super) enum Query {
    Records(mpsc::Sender<Lead>),
    Providers { reply: mpsc::Sender<Lead>, dialled: usize },
    Put(oneshot::Sender<Result<usize, NetError>>),
    Announce,
    OwnPlace,
}

/// What is told to the network when there is one.
pub(super) enum Announcement {
    /// That this node provides a key.
    Provides(RecordKey),
    /// A head that this node published.
    Head(RecordKey),
}

impl Node {
    fn is_full(&self) -> bool {
        self.queries.len() >= MAX_QUERIES
    }

    pub(super) fn look_up_records(&mut self, key: RecordKey, reply: mpsc::Sender<Lead>) {
        if !self.is_full() {
            let id = self.swarm.behaviour_mut().kad.get_record(key);
            self.queries.insert(id, Query::Records(reply));
        }
    }

    pub(super) fn look_up_providers(&mut self, key: RecordKey, reply: mpsc::Sender<Lead>) {
        if !self.is_full() {
            let id = self.swarm.behaviour_mut().kad.get_providers(key);
            self.queries.insert(id, Query::Providers { reply, dialled: 0 });
        }
    }

    pub(super) fn put_head(
        &mut self,
        key: RecordKey,
        value: Vec<u8>,
        mark: HeadMark,
        expires: u64,
        reply: oneshot::Sender<Result<usize, NetError>>,
    ) {
        if self.is_full() {
            return drop(reply.send(Err(NetError::Busy("too many lookups at once"))));
        }
        let mut record = Record::new(key.clone(), value);
        record.expires = Some(expiry(expires));
        let kad = &mut self.swarm.behaviour_mut().kad;
        kad.store_mut().set_mark(&key, mark);
        match kad.put_record(record, Quorum::All) {
            Ok(id) => drop(self.queries.insert(id, Query::Put(reply))),
            Err(_) => drop(reply.send(Err(NetError::Busy("the record store is full")))),
        }
    }

    /// Keeps all keys at once, so that neighbours find them, and announces them a few at a time.
    pub(super) fn provide(&mut self, keys: Vec<RecordKey>) {
        for key in keys {
            let stored = self.swarm.behaviour_mut().kad.store_mut().provide(key.clone()).is_ok();
            if stored && self.announced.len() < self.limits.max_dht_records && self.announced.insert(key.clone()) {
                self.to_announce.push_back(Announcement::Provides(key));
            }
        }
        self.announce_more();
    }

    /// Those who were told forget it in time.
    pub(super) fn withdraw(&mut self, key: &RecordKey) {
        self.announced.remove(key);
        self.to_announce.retain(|next| !matches!(next, Announcement::Provides(waiting) if waiting == key));
        self.swarm.behaviour_mut().kad.stop_providing(key);
    }

    pub(super) fn announce_more(&mut self) {
        // Announcing to nobody would use the announcement up; the hash table repeats only what it has once begun.
        if self.dht_peers() == 0 {
            return;
        }
        let running = self.queries.values().filter(|q| matches!(q, Query::Announce)).count();
        for _ in running..ANNOUNCED_AT_ONCE {
            let Some(next) = self.to_announce.pop_front() else { return };
            let kad = &mut self.swarm.behaviour_mut().kad;
            let query = match next {
                Announcement::Provides(key) => kad.start_providing(key).ok(),
                Announcement::Head(key) => {
                    let record = kad.store_mut().get(&key).map(|record| record.into_owned());
                    record.and_then(|record| kad.put_record(record, Quorum::All).ok())
                }
            };
            if let Some(id) = query {
                self.queries.insert(id, Query::Announce);
            }
        }
    }

    /// A network was found, or found again: it has not heard of us.
    pub(super) fn announce_again(&mut self) {
        let me = *self.swarm.local_peer_id();
        let records = self.swarm.behaviour_mut().kad.store_mut().records();
        let heads: Vec<_> = records.filter(|r| r.publisher == Some(me)).map(|r| r.key.clone()).collect();
        self.to_announce.clear();
        self.to_announce.extend(heads.into_iter().map(Announcement::Head));
        self.to_announce.extend(self.announced.iter().cloned().map(Announcement::Provides));
        self.announce_more();
    }

    pub(super) fn on_kad(&mut self, event: Event) {
        match event {
            Event::InboundRequest { request: InboundRequest::PutRecord { source, record: Some(record), .. } } => {
                self.verifier.submit(source, record);
            }
            Event::InboundRequest { request: InboundRequest::AddProvider { record: Some(mut record) } } => {
                record.addresses.retain(|a| a.len() <= PROVIDER_ADDRESS);
                record.addresses.truncate(PROVIDER_ADDRESSES);
                if record.key.as_ref().len() == 32 {
                    let _ = self.swarm.behaviour_mut().kad.store_mut().add_provider(record);
                }
            }
            Event::OutboundQueryProgressed { id, result, step, .. } => {
                self.on_progress(id, result);
                if step.last {
                    self.queries.remove(&id);
                    self.announce_more();
                }
            }
            _ => {}
        }
    }

    fn on_progress(&mut self, id: QueryId, result: QueryResult) {
        match result {
            QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))) => {
                let open = match self.queries.get(&id) {
                    // A full channel loses one of many answers to the same question.
                    Some(Query::Records(reply)) => {
                        let _ = reply.try_send(Lead::Record(found.peer, found.record.value));
                        !reply.is_closed()
                    }
                    _ => false,
                };
                self.finish_unless(open, id);
            }
            QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })) => {
                let mut open = true;
                for provider in providers {
                    open &= self.on_provider(id, provider);
                }
                self.finish_unless(open, id);
            }
            QueryResult::PutRecord(result) => {
                let taken = match result {
                    Ok(_) => usize::MAX,
                    Err(PutRecordError::QuorumFailed { success, .. } | PutRecordError::Timeout { success, .. }) => {
                        success.len()
                    }
                };
                if let Some(Query::Put(reply)) = self.queries.remove(&id) {
                    let _ = reply.send(if taken == 0 { Err(NetError::NoPeers) } else { Ok(taken) });
                }
            }
            QueryResult::GetClosestPeers(result) if matches!(self.queries.get(&id), Some(Query::OwnPlace)) => {
                self.on_own_place(result);
            }
            _ => {}
        }
    }

    /// A provider is dialled while the lookup still knows its addresses. False if nobody wants more.
    fn on_provider(&mut self, id: QueryId, provider: PeerId) -> bool {
        let known = self.peers.contains_key(&provider) || self.bans.contains_key(&provider);
        let me = provider == *self.swarm.local_peer_id();
        let Some(Query::Providers { reply, dialled }) = self.queries.get_mut(&id) else { return false };
        if me {
            return true;
        }
        let dial = !known && *dialled < MAX_PROVIDERS;
        if dial {
            *dialled += 1;
        }
        let _ = reply.try_send(Lead::Provider(provider));
        let open = !reply.is_closed();
        if dial {
            let _ = self.dial(provider, Vec::new());
        }
        open
    }

    fn finish_unless(&mut self, open: bool, id: QueryId) {
        if !open && let Some(mut query) = self.swarm.behaviour_mut().kad.query_mut(&id) {
            query.finish();
        }
    }

    pub(super) fn on_checked(&mut self, checked: Checked) {
        let Checked { source, mut record, head } = checked;
        let now = now_ms();
        let seen = self.swarm.behaviour_mut().kad.store_mut().mark(&record.key);
        let admitted = head.and_then(|head| admit::admit(&head, seen, now).map(|_| head));
        match admitted {
            Ok(head) => {
                let store = self.swarm.behaviour_mut().kad.store_mut();
                store.set_mark(&record.key, head.mark());
                self.outlook.head(head.head.issued);
                let store = self.swarm.behaviour_mut().kad.store_mut();
                let expires = expiry(head.head.expires);
                record.expires = Some(record.expires.map_or(expires, |e| e.min(expires)));
                // Somebody else's republishing must not make the record ours.
                record.publisher = record.publisher.filter(|p| *p == source);
                if store.put(record).is_ok() {
                    self.tell(NodeEvent::HeadStored(head));
                }
            }
            // Who hands on an old or another head has done nothing wrong: he may not know this node's.
            Err(refusal) if ["lower-sequence", "expired", "equivocation"].contains(&refusal.code) => {
                tracing::debug!(%source, detail = refusal.detail, "a late head is not stored");
            }
            Err(refusal) => {
                let class: OffenceClass = refusal.class;
                self.complaints.add(Offence::new(source, class, refusal.code, refusal.detail));
            }
        }
    }
}

/// When a record ends whose head ends at `expires`, by a clock that only rises.
fn expiry(expires: u64) -> Instant {
    let left = Duration::from_millis(expires.saturating_sub(now_ms()));
    let now = Instant::now();
    now.checked_add(left.min(Duration::from_secs(10 * 365 * 24 * 3600))).unwrap_or(now)
}
