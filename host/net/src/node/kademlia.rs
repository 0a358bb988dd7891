//! The node's side of the distributed hash table.
//!
//! Decides which lookups run, and hands on what they find as it comes; a lookup that nobody listens to any more is
//! ended. Invariant: nothing is put into the store that [`crate::dht::admit`] did not let in.

use std::time::{Duration, Instant};

use ggen_core::head::Succession;
use ggen_core::hooks::OffenceClass;
use ggen_core::republish;
use libp2p::PeerId;
use libp2p::kad::{
    Event, GetProvidersOk, GetRecordOk, InboundRequest, ProviderRecord, PutRecordError, QueryId, QueryResult,
    QueryStats, RecordKey,
};
use tokio::sync::mpsc;

use super::Node;
use super::command::Lead;
use super::state::query::{Holding, MAX_QUERIES, Query};
use super::verify::Checked;
use crate::address::source_of;
use crate::clock::now_ms;
use crate::dht::admit;
use crate::dht::kept::after;
use crate::error::NetError;
use crate::types::{NodeEvent, Offence};

/// Between two looks for records that have come to their end.
const SWEEP: Duration = Duration::from_secs(30);
/// Keys that are handed to the owner at once, to be kept.
const KEPT_AT_ONCE: usize = 256;
/// About so many bytes of them.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// Providers of one key that are dialled.
const MAX_PROVIDERS: usize = 16;
/// Addresses kept of a provider.
const PROVIDER_ADDRESSES: usize = 4;
/// The longest address kept of a provider, in bytes.
const PROVIDER_ADDRESS: usize = 128;

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

    pub(super) fn on_kad(&mut self, event: Event) {
        match event {
            Event::InboundRequest { request: InboundRequest::PutRecord { source, record: Some(record), .. } } => {
                // Who is gone by then has nobody to be counted as.
                if let Some(counted) = self.source(&source) {
                    self.verifier.submit(source, counted, record);
                }
            }
            Event::InboundRequest { request: InboundRequest::AddProvider { record: Some(record) } } => {
                self.on_provided(record);
            }
            Event::OutboundQueryProgressed { id, result, stats, step } => {
                self.on_progress(id, result, &stats);
                if step.last {
                    self.on_end(id, 0);
                }
            }
            Event::RoutablePeer { peer, address } => self.route(peer, address),
            Event::RoutingUpdated { peer, old_peer, .. } => self.on_routed(peer, old_peer),
            _ => {}
        }
    }

    /// Who a peer is counted as: by where it is connected from, and not by what it says.
    fn source(&self, peer: &PeerId) -> Option<String> {
        self.peers.get(peer).map(|known| source_of(Some(&known.remote), peer))
    }

    /// A peer says of itself that it has something.
    fn on_provided(&mut self, mut record: ProviderRecord) {
        record.addresses.retain(|a| a.len() <= PROVIDER_ADDRESS);
        record.addresses.truncate(PROVIDER_ADDRESSES);
        if record.key.as_ref().len() == 32
            && record.provider != *self.swarm.local_peer_id()
            && let Some(source) = self.source(&record.provider)
        {
            // One that has no room is none of this node's.
            let _ = self.swarm.behaviour_mut().kad.store_mut().add_provider_of(record, source);
        }
    }

    fn on_progress(&mut self, id: QueryId, result: QueryResult, stats: &QueryStats) {
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
                self.on_end(id, taken);
            }
            // It also ends well where nobody could be reached.
            QueryResult::StartProviding(Ok(_)) => {
                self.on_end(id, usize::try_from(stats.num_successes()).unwrap_or(usize::MAX));
            }
            QueryResult::GetClosestPeers(result) if matches!(self.queries.get(&id), Some(Query::OwnPlace)) => {
                self.on_own_place(result);
            }
            _ => {}
        }
    }

    /// A lookup is over; so many peers took what it was to give them.
    fn on_end(&mut self, id: QueryId, taken: usize) {
        let key = match self.queries.remove(&id) {
            Some(Query::Put(key, reply)) => {
                let _ = reply.send(if taken == 0 { Err(NetError::NoPeers) } else { Ok(taken) });
                Holding::Head(key)
            }
            Some(Query::Announce(holding)) => holding,
            _ => return,
        };
        self.republish(republish::Event::Told { key, done: taken > 0 });
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
        let seen = self.swarm.behaviour_mut().kad.store_mut().mark(&record.key);
        let admitted = head.and_then(|head| admit::admit(&head, seen, now_ms()).map(|succession| (head, succession)));
        match (admitted, source) {
            (Ok((head, succession)), source) => {
                // The head's own end, and nobody else's: whoever sends it on must not be able to end it.
                record.expires = Some(after(head.head.expires, now_ms()));
                let store = self.swarm.behaviour_mut().kad.store_mut();
                if succession == Succession::Same && store.publishes(&record.key) {
                    return;
                }
                store.set_mark(&record.key, head.mark());
                if let Some((peer, counted)) = source {
                    // Somebody else's republishing must not make the record ours.
                    record.publisher = record.publisher.filter(|p| *p == peer);
                    let _ = store.put_of(record, counted);
                    self.outlook.head(head.head.issued);
                } else if succession == Succession::Newer {
                    let _ = store.put_back(record);
                }
            }
            // What was kept and is no good, or no better than what has come since, is not kept on.
            (Err(_), None) => self.swarm.behaviour_mut().kad.store_mut().note(&record.key),
            // Who hands on an old or another head has done nothing wrong: he may not know this node's.
            (Err(refusal), Some((source, _)))
                if ["lower-sequence", "expired", "equivocation"].contains(&refusal.code) =>
            {
                tracing::debug!(%source, detail = refusal.detail, "a late head is not stored");
            }
            (Err(refusal), Some((source, _))) => {
                let class: OffenceClass = refusal.class;
                self.complaints.add(Offence::new(source, class, refusal.code, refusal.detail));
            }
        }
    }

    /// Drops what has come to its end, now and then.
    pub(super) fn sweep(&mut self) {
        if self.swept.elapsed() >= SWEEP.min(self.limits.republish_interval) {
            self.swept = Instant::now();
            self.swarm.behaviour_mut().kad.store_mut().sweep(Instant::now());
        }
    }

    /// Hands what has changed to the owner, as far as he keeps up; the rest waits, and is lost where it is too much.
    pub(super) fn tell_kept(&mut self) {
        while self.events.capacity() > self.events.max_capacity() / 2 {
            let store = self.swarm.behaviour_mut().kad.store_mut();
            let kept = store.take_changed(KEPT_AT_ONCE, KEPT_BYTES, now_ms());
            if kept.is_empty() {
                return;
            }
            self.tell(NodeEvent::Kept(kept));
        }
    }
}
