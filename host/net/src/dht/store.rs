//! What the node keeps for the DHT: records, and by [`super::providers`] provider records; in memory, bounded.
//!
//! Decides what gives way when it is full: of the source that has most of it what is farthest from this node, never what
//! this node itself published. Knows no disk: it notes under which keys something of others has changed, and whoever keeps
//! that asks for them. Invariant: counts and bytes stay within the bounds whatever peers send, and no source drives out
//! what those have who have less than it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use ggen_core::Digest;
use ggen_core::head::HeadMark;
use ggen_core::limits::Limits;
use ggen_core::share::Shares;
use libp2p::PeerId;
use libp2p::kad::store::{Error, RecordStore, Result};
use libp2p::kad::{KBucketDistance, KBucketKey, ProviderRecord, Record, RecordKey};

use super::kept::{Kept, KeptProvider, KeptRecord, after, is_same_end, left};
use super::providers::{Providers, Source};
use crate::address::source_of;

/// Provider records kept for each key that may be kept, over all.
const PROVIDERS_PER_KEY: usize = 4;
/// Keys that are noted as changed, for each key that may be kept.
const CHANGES_PER_KEY: usize = 2;
/// From where something was kept before the last start: nobody wrote down who had sent it.
const BEFORE: &str = "";

/// Sources that one record is counted to.
const MAX_SOURCES: usize = 4;

/// A record, and who sent it: it counts to each of them, and gives way with the last. None: it is this node's own.
struct Held {
    record: Record,
    sources: Vec<Source>,
}

impl Held {
    fn is_own(&self) -> bool {
        self.sources.is_empty()
    }
}

/// The records of a node.
pub(crate) struct Store {
    me: PeerId,
    place: KBucketKey<PeerId>,
    max_records: usize,
    max_bytes: usize,
    bytes: usize,
    records: BTreeMap<KBucketDistance, Held>,
    shares: Shares<Source, KBucketDistance>,
    marks: HashMap<RecordKey, HeadMark>,
    providers: Providers,
    changed: HashSet<RecordKey>,
}

impl Store {
    pub fn new(me: PeerId, limits: &Limits) -> Self {
        Self {
            me,
            place: KBucketKey::from(me),
            max_records: limits.max_dht_records.max(1),
            max_bytes: limits.max_dht_bytes,
            bytes: 0,
            records: BTreeMap::new(),
            shares: Shares::default(),
            marks: HashMap::new(),
            providers: Providers::new(limits.max_dht_records.max(1).saturating_mul(PROVIDERS_PER_KEY)),
            changed: HashSet::new(),
        }
    }

    /// The highest head that was stored under `key`, also where the record itself has since given way.
    pub fn mark(&self, key: &RecordKey) -> Option<HeadMark> {
        self.marks.get(key).copied()
    }

    /// Remembers what was stored under `key`; a full memory forgets keys that have no record any more.
    pub fn set_mark(&mut self, key: &RecordKey, mark: HeadMark) {
        if self.marks.len() >= self.max_records.saturating_mul(2) && !self.marks.contains_key(key) {
            let (place, records) = (&self.place, &self.records);
            self.marks.retain(|k, _| records.contains_key(&place.distance(&KBucketKey::new(k.clone()))));
        }
        self.marks.insert(key.clone(), mark);
    }

    /// Keeps that this node provides `key`, before it is announced.
    pub fn provide(&mut self, key: RecordKey) -> Result<()> {
        self.add_provider(ProviderRecord::new(key, self.me, Vec::new()))
    }

    /// Keeps a record that `source` sent. That others have sent it too stays true: nobody can make what is theirs give way
    /// by sending it as one of his many.
    pub fn put_of(&mut self, record: Record, source: Source) -> Result<()> {
        let before = self.records.get(&self.distance(&record.key));
        let mut sources = before.map(|held| held.sources.clone()).unwrap_or_default();
        if !sources.contains(&source) {
            sources.sort_by_key(|source| self.shares.weight(source));
            sources.truncate(MAX_SOURCES - 1);
            sources.push(source);
        }
        self.insert(record, sources)
    }

    /// Keeps that `source` says of itself that it provides something.
    pub fn add_provider_of(&mut self, record: ProviderRecord, source: Source) -> Result<()> {
        let distance = self.distance(&record.key);
        for key in self.providers.add(distance, record, source)? {
            self.note(&key);
        }
        Ok(())
    }

    /// Puts a record back that was kept before: nothing is noted, for it is written down already.
    pub fn put_back(&mut self, record: Record) -> Result<()> {
        let key = record.key.clone();
        let noted = self.changed.contains(&key);
        self.put_of(record, BEFORE.to_owned())?;
        if !noted {
            self.changed.remove(&key);
        }
        Ok(())
    }

    /// Puts provider records of one key back that were kept before, for as long as they have left at `now`.
    pub fn provide_back(&mut self, key: &Digest, providers: Vec<KeptProvider>, now: u64) {
        let key = super::record_key(key);
        for KeptProvider { peer, addresses, expires } in providers {
            if expires > now && peer != self.me {
                let expires = Some(after(expires, now));
                // What has no room any more has none.
                let _ = self.add_provider(ProviderRecord { key: key.clone(), provider: peer, expires, addresses });
            }
        }
        self.changed.remove(&key);
    }

    /// Notes that what is kept of others under `key` is not what is written down; one too many is lost.
    pub fn note(&mut self, key: &RecordKey) {
        if self.changed.len() < self.max_records.saturating_mul(CHANGES_PER_KEY) {
            self.changed.insert(key.clone());
        }
    }

    /// What is kept of others under some keys that were noted, as it is at `now`: at most so many keys, and about so
    /// many bytes. They are noted no more.
    pub fn take_changed(&mut self, most: usize, bytes: usize, now: u64) -> Vec<Kept> {
        let (mut taken, mut size) = (Vec::new(), 0);
        let keys: Vec<RecordKey> = self.changed.iter().take(most).cloned().collect();
        for key in keys {
            if size >= bytes {
                break;
            }
            self.changed.remove(&key);
            let Ok(digest) = <[u8; 32]>::try_from(key.as_ref()) else { continue };
            let kept = self.kept(&key, Digest::from_bytes(digest), now);
            size += kept.record.as_ref().map_or(0, |record| record.value.len());
            taken.push(kept);
        }
        taken
    }

    fn kept(&self, key: &RecordKey, digest: Digest, now: u64) -> Kept {
        let distance = self.distance(key);
        let record = self.records.get(&distance).filter(|held| !held.is_own()).map(|held| &held.record);
        let record = record.map(|r| KeptRecord { value: r.value.clone(), expires: left(r.expires, now) });
        let providers = self.providers.of_others(&distance).map(|p| KeptProvider {
            peer: p.provider,
            addresses: p.addresses.clone(),
            expires: left(p.expires, now),
        });
        Kept { key: digest, record, providers: providers.collect() }
    }

    /// Drops what has come to its end.
    pub fn sweep(&mut self, now: Instant) {
        let over = self.records.values().map(|held| &held.record).filter(|record| record.is_expired(now));
        let over: Vec<RecordKey> = over.map(|record| record.key.clone()).collect();
        for key in over {
            self.remove(&key);
        }
        for key in self.providers.sweep(now) {
            self.note(&key);
        }
    }

    fn distance(&self, key: &RecordKey) -> KBucketDistance {
        self.place.distance(&KBucketKey::new(key.clone()))
    }

    /// Whether what is kept under `key` is this node's own.
    pub fn publishes(&self, key: &RecordKey) -> bool {
        self.records.get(&self.distance(key)).is_some_and(Held::is_own)
    }

    /// What a record counts: its bytes, and its place in the table as much as one has on average.
    fn weight(&self, record: &Record) -> u64 {
        let place = self.max_bytes / self.max_records;
        u64::try_from(record.value.len().saturating_add(place)).unwrap_or(u64::MAX)
    }

    /// Takes what is kept at `distance` out; of its key nothing is noted.
    fn take(&mut self, distance: &KBucketDistance) -> Option<Held> {
        let held = self.records.remove(distance)?;
        self.bytes = self.bytes.saturating_sub(held.record.value.len());
        for source in &held.sources {
            self.shares.remove(source, distance);
        }
        Some(held)
    }

    /// Counts what is kept at `distance` no more to `source`, and takes it out if it was the last.
    fn give_up(&mut self, source: &Source, distance: &KBucketDistance) {
        self.shares.remove(source, distance);
        let Some(held) = self.records.get_mut(distance) else { return };
        held.sources.retain(|other| other != source);
        if held.is_own()
            && let Some(held) = self.take(distance)
        {
            self.note(&held.record.key);
        }
    }

    /// Makes room for a record at `distance`, or says that the newcomer is the one to give way.
    fn make_room(&mut self, distance: KBucketDistance, record: &Record, sources: &[Source]) -> Result<()> {
        let (size, weight) = (record.value.len(), self.weight(record));
        // What many have sent has the right of the one of them who has least.
        let source = sources.iter().min_by_key(|source| self.shares.weight(source));
        while self.records.len() >= self.max_records || self.bytes.saturating_add(size) > self.max_bytes {
            let gone = match source {
                Some(source) => self.shares.gives_way(source, &distance, weight),
                None => self.shares.first_to_go(),
            };
            let (of, gone) = gone.map(|(of, gone)| (of.clone(), *gone)).ok_or(Error::MaxRecords)?;
            self.give_up(&of, &gone);
        }
        Ok(())
    }

    /// Keeps a record; without sources it is this node's own.
    fn insert(&mut self, record: Record, sources: Vec<Source>) -> Result<()> {
        if record.value.len() > ggen_core::head::MAX_HEAD_BUNDLE {
            return Err(Error::ValueTooLarge);
        }
        let distance = self.distance(&record.key);
        let before = self.take(&distance);
        let of_others = !sources.is_empty() || before.as_ref().is_some_and(|before| !before.is_own());
        if of_others && before.is_none_or(|before| is_other(&before, &record, sources.is_empty())) {
            self.note(&record.key);
        }
        self.make_room(distance, &record, &sources)?;
        self.bytes = self.bytes.saturating_add(record.value.len());
        let weight = self.weight(&record);
        for source in &sources {
            self.shares.add(source, distance, weight);
        }
        self.records.insert(distance, Held { record, sources });
        Ok(())
    }
}

impl RecordStore for Store {
    type RecordsIter<'a> = Box<dyn Iterator<Item = Cow<'a, Record>> + 'a>;
    type ProvidedIter<'a> = Box<dyn Iterator<Item = Cow<'a, ProviderRecord>> + 'a>;

    fn get(&self, key: &RecordKey) -> Option<Cow<'_, Record>> {
        self.records.get(&self.distance(key)).map(|held| Cow::Borrowed(&held.record))
    }

    /// What libp2p itself puts is this node's own.
    fn put(&mut self, record: Record) -> Result<()> {
        let sources = if record.publisher == Some(self.me) { vec![] } else { vec![BEFORE.to_owned()] };
        self.insert(record, sources)
    }

    fn remove(&mut self, key: &RecordKey) {
        if self.take(&self.distance(key)).is_some() {
            self.note(key);
        }
    }

    fn records(&self) -> Self::RecordsIter<'_> {
        Box::new(self.records.values().map(|held| Cow::Borrowed(&held.record)))
    }

    fn add_provider(&mut self, record: ProviderRecord) -> Result<()> {
        if record.provider == self.me {
            return self.providers.provide(record, self.max_records);
        }
        let source = source_of(record.addresses.first(), &record.provider);
        self.add_provider_of(record, source)
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        self.providers.all(key, &self.distance(key))
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        Box::new(self.providers.own().map(Cow::Borrowed))
    }

    fn remove_provider(&mut self, key: &RecordKey, provider: &PeerId) {
        if *provider == self.me {
            self.providers.unprovide(key);
        } else if self.providers.remove(&self.distance(key), provider).is_some() {
            self.note(key);
        }
    }
}

/// Whether a record is worth being written down after the one before; `own`: it is this node's now.
fn is_other(before: &Held, now: &Record, own: bool) -> bool {
    let (was_own, before) = (before.is_own(), &before.record);
    was_own != own || before.value != now.value || !is_same_end(before.expires, now.expires)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
