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

/// Providers kept of one key.
const MAX_PROVIDERS_PER_KEY: usize = 20;
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
            Entry::Vacant(entry) => entry.insert(Vec::new()),
        };
        if let Some(known) = list.iter_mut().find(|p| p.provider == record.provider) {
            news = known.addresses != record.addresses || !is_same_end(known.expires, record.expires);
            *known = record;
        } else if own || (list.len() < MAX_PROVIDERS_PER_KEY && !full) {
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

    #[test]
    fn what_changed_of_others_is_noted_once_and_what_is_put_back_is_not() {
        let key = |n: u8| RecordKey::new(&[n; 32]);
        let mut store = store(2, 2000);
        let me = store.me;
        store.provide(key(1)).unwrap();
        let end = Some(Instant::now() + Duration::from_secs(3600));
        let record = |n: u8| Record { expires: end, ..Record::new(key(n), vec![n; 10]) };
        for _ in 0..3 {
            store.put(record(2)).unwrap();
        }
        let mut theirs = ProviderRecord::new(key(1), PeerId::random(), vec![]);
        theirs.expires = end;
        store.add_provider(theirs.clone()).unwrap();
        let mut taken = store.take_changed(10, 1000, 5);
        taken.sort_by_key(|kept| kept.key);
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].providers.iter().map(|p| p.peer).collect::<Vec<_>>(), [theirs.provider], "not this node");
        assert_eq!(taken[1].record.as_ref().map(|r| r.value.len()), Some(10));
        store.put(record(2)).unwrap();
        store.add_provider(theirs).unwrap();
        assert_eq!(store.take_changed(10, 1000, 5), [], "nothing new");
        store.put_back(record(3)).unwrap();
        assert_eq!(store.take_changed(10, 1000, 5), [], "it is written down");
        store.put(Record { publisher: Some(me), ..record(2) }).unwrap();
        let taken = store.take_changed(10, 1000, 5);
        assert!(taken.len() == 1 && taken[0].record.is_none(), "its own is nobody else's");
        store.sweep(Instant::now() + Duration::from_secs(7200));
        assert_eq!(store.take_changed(1, 1000, 5).len(), 1, "at most so many");
        let rest = store.take_changed(10, 1000, 5);
        assert!(rest.iter().all(|kept| kept.record.is_none() && kept.providers.is_empty()), "{rest:?}");
        assert_eq!((store.bytes, store.records.len(), store.provided().count()), (0, 0, 1));
        for n in 0..100 {
            let _ = store.put(record(n));
        }
        assert!(store.changed.len() <= 4);
    }
}
