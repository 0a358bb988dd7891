//! What the node keeps for the DHT: records and provider records, in memory, bounded.
//!
//! Decides what gives way when it is full: what is farthest from this node, never what this node itself published.
//! Knows no disk: it notes under which keys something of others has changed, and whoever keeps that asks for them.
//! Invariant: counts and bytes stay within the bounds whatever peers send.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use ggen_core::Digest;
use ggen_core::head::HeadMark;
use ggen_core::limits::Limits;
use libp2p::PeerId;
use libp2p::kad::store::{Error, RecordStore, Result};
use libp2p::kad::{KBucketDistance, KBucketKey, ProviderRecord, Record, RecordKey};

use super::kept::{Kept, KeptProvider, KeptRecord, after, left};
use crate::address::{is_local, subnet_of};

/// Providers kept of one key.
const MAX_PROVIDERS_PER_KEY: usize = 20;
/// Of one network.
const MAX_PROVIDERS_OF_NETWORK: usize = 5;
/// Provider records kept for each key that may be kept, over all.
const PROVIDERS_PER_KEY: usize = 4;

/// Keys that are noted as changed, for each key that may be kept.
const CHANGES_PER_KEY: usize = 2;
/// An end that moves by less is not worth being written down.
const SAME_END: Duration = Duration::from_secs(60);

/// The records of a node.
pub(crate) struct Store {
    me: PeerId,
    place: KBucketKey<PeerId>,
    max_records: usize,
    max_bytes: usize,
    bytes: usize,
    records: BTreeMap<KBucketDistance, Record>,
    marks: HashMap<RecordKey, HeadMark>,
    providers: BTreeMap<KBucketDistance, Vec<ProviderRecord>>,
    provider_records: usize,
    provided: HashMap<RecordKey, ProviderRecord>,
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
            marks: HashMap::new(),
            providers: BTreeMap::new(),
            provider_records: 0,
            provided: HashMap::new(),
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

    /// Puts a record back that was kept before: nothing is noted, for it is written down already.
    pub fn put_back(&mut self, record: Record) -> Result<()> {
        let key = record.key.clone();
        let noted = self.changed.contains(&key);
        self.put(record)?;
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
        let record = self.records.get(&distance).filter(|record| !self.is_own(record));
        let record = record.map(|r| KeptRecord { value: r.value.clone(), expires: left(r.expires, now) });
        let providers = self.providers.get(&distance).into_iter().flatten().filter(|p| p.provider != self.me);
        let providers = providers.map(|p| KeptProvider {
            peer: p.provider,
            addresses: p.addresses.clone(),
            expires: left(p.expires, now),
        });
        Kept { key: digest, record, providers: providers.collect() }
    }

    /// Drops what has come to its end.
    pub fn sweep(&mut self, now: Instant) {
        let over: Vec<RecordKey> = self.records.values().filter(|r| r.is_expired(now)).map(|r| r.key.clone()).collect();
        for key in over {
            self.remove(&key);
        }
        let providers = self.providers.values().flatten().filter(|p| p.is_expired(now));
        let over: Vec<(RecordKey, PeerId)> = providers.map(|p| (p.key.clone(), p.provider)).collect();
        for (key, provider) in over {
            self.remove_provider(&key, &provider);
        }
    }

    fn distance(&self, key: &RecordKey) -> KBucketDistance {
        self.place.distance(&KBucketKey::new(key.clone()))
    }

    /// Whether what is kept under `key` is this node's own.
    pub fn publishes(&self, key: &RecordKey) -> bool {
        self.records.get(&self.distance(key)).is_some_and(|record| self.is_own(record))
    }

    fn is_own(&self, record: &Record) -> bool {
        record.publisher == Some(self.me)
    }

    /// Makes room for `size` bytes at `distance`, or says that the newcomer is the one to give way.
    fn make_room(&mut self, distance: KBucketDistance, size: usize, own: bool) -> Result<()> {
        while self.records.len() >= self.max_records || self.bytes.saturating_add(size) > self.max_bytes {
            let farthest = self.records.iter().rev().find(|(_, r)| r.publisher != Some(self.me)).map(|(d, _)| *d);
            match farthest {
                Some(farthest) if own || farthest > distance => {
                    if let Some(record) = self.records.remove(&farthest) {
                        self.bytes = self.bytes.saturating_sub(record.value.len());
                        self.note(&record.key);
                    }
                }
                _ => return Err(Error::MaxRecords),
            }
        }
        Ok(())
    }
}

impl RecordStore for Store {
    type RecordsIter<'a> = Box<dyn Iterator<Item = Cow<'a, Record>> + 'a>;
    type ProvidedIter<'a> = Box<dyn Iterator<Item = Cow<'a, ProviderRecord>> + 'a>;

    fn get(&self, key: &RecordKey) -> Option<Cow<'_, Record>> {
        self.records.get(&self.distance(key)).map(Cow::Borrowed)
    }

    fn put(&mut self, record: Record) -> Result<()> {
        if record.value.len() > ggen_core::head::MAX_HEAD_BUNDLE {
            return Err(Error::ValueTooLarge);
        }
        let distance = self.distance(&record.key);
        let before = self.records.remove(&distance);
        self.bytes = self.bytes.saturating_sub(before.as_ref().map_or(0, |before| before.value.len()));
        let of_others = !self.is_own(&record) || before.as_ref().is_some_and(|before| !self.is_own(before));
        if of_others && before.is_none_or(|before| is_other(&before, &record)) {
            self.note(&record.key);
        }
        self.make_room(distance, record.value.len(), self.is_own(&record))?;
        self.bytes = self.bytes.saturating_add(record.value.len());
        self.records.insert(distance, record);
        Ok(())
    }

    fn remove(&mut self, key: &RecordKey) {
        let distance = self.distance(key);
        if let Some(record) = self.records.remove(&distance) {
            self.bytes = self.bytes.saturating_sub(record.value.len());
            self.note(key);
        }
    }

    fn records(&self) -> Self::RecordsIter<'_> {
        Box::new(self.records.values().map(Cow::Borrowed))
    }

    fn add_provider(&mut self, record: ProviderRecord) -> Result<()> {
        let own = record.provider == self.me;
        let distance = self.distance(&record.key);
        if !self.providers.contains_key(&distance) && self.providers.len() >= self.max_records {
            let provided = |list: &[ProviderRecord]| list.iter().any(|p| p.provider == self.me);
            let farthest = self.providers.iter().rev().find(|(_, list)| !provided(list)).map(|(d, _)| *d);
            match farthest {
                Some(farthest) if own || farthest > distance => {
                    let gone = self.providers.remove(&farthest).unwrap_or_default();
                    self.provider_records = self.provider_records.saturating_sub(gone.len());
                    gone.first().inspect(|first| self.note(&first.key));
                }
                _ => return Err(Error::MaxProvidedKeys),
            }
        }
        if own {
            self.provided.insert(record.key.clone(), record.clone());
        }
        let key = record.key.clone();
        let mut news = false;
        let full = self.provider_records >= self.max_records.saturating_mul(PROVIDERS_PER_KEY);
        let list = match self.providers.entry(distance) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if full && !own => return Err(Error::MaxProvidedKeys),
            Entry::Vacant(entry) => entry.insert(Vec::new()),
        };
        if let Some(known) = list.iter_mut().find(|p| p.provider == record.provider) {
            news = known.addresses != record.addresses || !is_same_end(known.expires, record.expires);
            *known = record;
        } else if own || (list.len() < MAX_PROVIDERS_PER_KEY && !full && has_room_in_network(list, &record)) {
            list.push(record);
            news = true;
            self.provider_records = self.provider_records.saturating_add(1);
        }
        if news && !own {
            self.note(&key);
        }
        Ok(())
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        self.providers.get(&self.distance(key)).cloned().unwrap_or_default()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        Box::new(self.provided.values().map(Cow::Borrowed))
    }

    fn remove_provider(&mut self, key: &RecordKey, provider: &PeerId) {
        let distance = self.distance(key);
        if let Some(list) = self.providers.get_mut(&distance) {
            let before = list.len();
            list.retain(|p| p.provider != *provider);
            self.provider_records = self.provider_records.saturating_sub(before - list.len());
            if list.is_empty() {
                self.providers.remove(&distance);
            }
            self.note(key);
        }
        if *provider == self.me {
            self.provided.remove(key);
        }
    }
}

/// Whether a network has not all that one may have of a key's providers, so that a crowd in one keeps nobody else out.
fn has_room_in_network(list: &[ProviderRecord], record: &ProviderRecord) -> bool {
    let network = |r: &ProviderRecord| r.addresses.first().filter(|a| !is_local(a)).and_then(subnet_of);
    let Some(mine) = network(record) else { return true };
    list.iter().filter(|other| network(other).as_ref() == Some(&mine)).count() < MAX_PROVIDERS_OF_NETWORK
}

/// Whether a record is worth being written down after the one before.
fn is_other(before: &Record, now: &Record) -> bool {
    before.value != now.value || before.publisher != now.publisher || !is_same_end(before.expires, now.expires)
}

fn is_same_end(before: Option<Instant>, now: Option<Instant>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => before.max(now).duration_since(before.min(now)) < SAME_END,
        _ => before == now,
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
