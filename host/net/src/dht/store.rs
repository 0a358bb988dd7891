//! What the node keeps for the DHT: records and provider records, in memory, bounded.
//!
//! Decides what gives way when it is full: what is farthest from this node, never what this node itself published.
//! Invariant: counts and bytes stay within the bounds whatever peers send.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use ggen_core::head::HeadMark;
use ggen_core::limits::Limits;
use libp2p::PeerId;
use libp2p::kad::store::{Error, RecordStore, Result};
use libp2p::kad::{KBucketDistance, KBucketKey, ProviderRecord, Record, RecordKey};

/// Providers kept of one key.
const MAX_PROVIDERS_PER_KEY: usize = 20;
/// Provider records kept for each key that may be kept, over all.
const PROVIDERS_PER_KEY: usize = 4;

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

    fn distance(&self, key: &RecordKey) -> KBucketDistance {
        self.place.distance(&KBucketKey::new(key.clone()))
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
        self.remove(&record.key);
        self.make_room(distance, record.value.len(), self.is_own(&record))?;
        self.bytes = self.bytes.saturating_add(record.value.len());
        self.records.insert(distance, record);
        Ok(())
    }

    fn remove(&mut self, key: &RecordKey) {
        let distance = self.distance(key);
        if let Some(record) = self.records.remove(&distance) {
            self.bytes = self.bytes.saturating_sub(record.value.len());
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
                    let gone = self.providers.remove(&farthest).map_or(0, |list| list.len());
                    self.provider_records = self.provider_records.saturating_sub(gone);
                }
                _ => return Err(Error::MaxProvidedKeys),
            }
        }
        if own {
            self.provided.insert(record.key.clone(), record.clone());
        }
        let full = self.provider_records >= self.max_records.saturating_mul(PROVIDERS_PER_KEY);
        let list = match self.providers.entry(distance) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Vec::new()),
        };
        if let Some(known) = list.iter_mut().find(|p| p.provider == record.provider) {
            *known = record;
        } else if own || (list.len() < MAX_PROVIDERS_PER_KEY && !full) {
            list.push(record);
            self.provider_records = self.provider_records.saturating_add(1);
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
        }
        if *provider == self.me {
            self.provided.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> RecordKey {
        RecordKey::new(&n.to_be_bytes())
    }

    fn store(max_dht_records: usize, max_dht_bytes: usize) -> Store {
        Store::new(PeerId::random(), &Limits { max_dht_records, max_dht_bytes, ..Limits::default() })
    }

    #[test]
    fn a_flood_of_records_stays_within_bounds_and_drops_nothing_of_our_own() {
        let mut store = store(50, 2000);
        let mine = Record { publisher: Some(store.me), ..Record::new(key(u32::MAX), vec![0; 100]) };
        for n in 0..500 {
            let _ = store.put(Record::new(key(n), vec![0; 90]));
        }
        store.put(mine).unwrap();
        for n in 500..1000 {
            let _ = store.put(Record::new(key(n), vec![0; 90]));
        }
        assert!(store.records.len() <= 50 && store.bytes <= 2000);
        assert_eq!(store.bytes, store.records().map(|r| r.value.len()).sum::<usize>());
        assert!(store.get(&key(u32::MAX)).is_some());
        assert!(store.put(Record::new(key(1), vec![0; 300_000])).is_err());
    }

    #[test]
    fn a_flood_of_providers_stays_within_bounds_and_drops_nothing_of_our_own() {
        let mut store = store(20, 2000);
        store.provide(key(u32::MAX)).unwrap();
        for n in 0..200 {
            let _ = store.add_provider(ProviderRecord::new(key(n), PeerId::random(), vec![]));
            let _ = store.add_provider(ProviderRecord::new(key(u32::MAX), PeerId::random(), vec![]));
        }
        assert_eq!(store.providers.len(), 20);
        assert_eq!(store.provider_records, store.providers.values().map(Vec::len).sum::<usize>());
        assert_eq!(store.providers(&key(u32::MAX)).len(), MAX_PROVIDERS_PER_KEY);
        assert_eq!(store.provided().count(), 1);
        let me = store.me;
        store.remove_provider(&key(u32::MAX), &me);
        assert_eq!(store.provided().count(), 0);
    }

    #[test]
    fn a_replaced_record_is_counted_once() {
        let mut store = store(5, 1000);
        for size in [100, 200, 50] {
            store.put(Record::new(key(1), vec![0; size])).unwrap();
        }
        assert_eq!((store.bytes, store.records.len()), (50, 1));
        store.remove(&key(1));
        assert_eq!(store.bytes, 0);
    }
}
