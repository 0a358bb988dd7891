//! Who provides what, as the node keeps it for the DHT: in memory, bounded.
//!
//! Decides who gives way when it is full: whoever has most, by [`ggen_core::share`], never this node itself. Invariant:
//! records of others stay within the bound, and those of one key within theirs, whatever peers send.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use ggen_core::share::Shares;
use libp2p::PeerId;
use libp2p::kad::store::{Error, Result};
use libp2p::kad::{KBucketDistance, ProviderRecord, RecordKey};

use super::kept::is_same_end;

/// Who is counted for what he sends: his network, or himself where that says nothing (see [`crate::address::source_of`]).
pub(super) type Source = String;

/// Providers kept of one key.
pub(super) const MAX_PER_KEY: usize = 20;
/// Of one network.
pub(super) const MAX_OF_NETWORK: usize = 5;

/// A provider record of somebody else, and where it came from.
struct Held {
    record: ProviderRecord,
    source: Source,
}

/// The provider records of a node.
pub(super) struct Providers {
    most: usize,
    held: usize,
    of_others: BTreeMap<KBucketDistance, Vec<Held>>,
    shares: Shares<Source, (KBucketDistance, PeerId)>,
    own: HashMap<RecordKey, ProviderRecord>,
}

impl Providers {
    /// None, and at most so many of others.
    pub fn new(most: usize) -> Self {
        Self { most, held: 0, of_others: BTreeMap::new(), shares: Shares::default(), own: HashMap::new() }
    }

    /// How many there are of others.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.held
    }

    /// Keeps that this node provides something, `most` at once.
    pub fn provide(&mut self, record: ProviderRecord, most: usize) -> Result<()> {
        if self.own.len() >= most && !self.own.contains_key(&record.key) {
            return Err(Error::MaxProvidedKeys);
        }
        self.own.insert(record.key.clone(), record);
        Ok(())
    }

    /// That it does no more.
    pub fn unprovide(&mut self, key: &RecordKey) {
        self.own.remove(key);
    }

    /// All that this node provides.
    pub fn own(&self) -> impl Iterator<Item = &ProviderRecord> {
        self.own.values()
    }

    /// Those of others of the key at `distance`.
    pub fn of_others(&self, distance: &KBucketDistance) -> impl Iterator<Item = &ProviderRecord> {
        self.of_others.get(distance).into_iter().flatten().map(|held| &held.record)
    }

    /// All of the key at `distance`, this node among them.
    pub fn all(&self, key: &RecordKey, distance: &KBucketDistance) -> Vec<ProviderRecord> {
        self.of_others(distance).chain(self.own.get(key)).cloned().collect()
    }

    /// Keeps one of somebody else. What is returned has changed what is kept under it: the key of the record, unless it
    /// says what was known, and the key of whoever gave way for it.
    pub fn add(&mut self, distance: KBucketDistance, record: ProviderRecord, source: Source) -> Result<Vec<RecordKey>> {
        let mut changed = Vec::new();
        let (key, rank) = (record.key.clone(), (distance, record.provider));
        let list = self.of_others.get_mut(&distance);
        if let Some(known) = list.and_then(|list| list.iter_mut().find(|p| p.record.provider == record.provider)) {
            let before = &known.record;
            if before.addresses != record.addresses || !is_same_end(before.expires, record.expires) {
                changed.push(key);
            }
            let before = std::mem::replace(known, Held { record, source: source.clone() });
            self.shares.remove(&before.source, &rank);
            self.shares.add(&source, rank, 1);
            return Ok(changed);
        }
        if !self.has_room_at(&distance, &source) {
            return Err(Error::MaxProvidedKeys);
        }
        while self.held >= self.most {
            let (_, gone) = self.shares.gives_way(&source, &rank, 1).ok_or(Error::MaxProvidedKeys)?;
            let (place, provider) = *gone;
            changed.extend(self.remove(&place, &provider));
        }
        self.of_others.entry(distance).or_default().push(Held { record, source: source.clone() });
        self.shares.add(&source, rank, 1);
        self.held = self.held.saturating_add(1);
        changed.push(key);
        Ok(changed)
    }

    /// Whether a key has room for one more, and his network has: a crowd in one keeps nobody else out.
    fn has_room_at(&self, distance: &KBucketDistance, source: &Source) -> bool {
        let list = self.of_others.get(distance).map_or(&[][..], Vec::as_slice);
        list.len() < MAX_PER_KEY && list.iter().filter(|p| p.source == *source).count() < MAX_OF_NETWORK
    }

    /// Drops one of somebody else; its key, if there was one.
    pub fn remove(&mut self, distance: &KBucketDistance, provider: &PeerId) -> Option<RecordKey> {
        let list = self.of_others.get_mut(distance)?;
        let at = list.iter().position(|p| p.record.provider == *provider)?;
        let gone = list.swap_remove(at);
        if list.is_empty() {
            self.of_others.remove(distance);
        }
        self.shares.remove(&gone.source, &(*distance, *provider));
        self.held = self.held.saturating_sub(1);
        Some(gone.record.key)
    }

    /// Drops what has come to its end; the keys of it.
    pub fn sweep(&mut self, now: Instant) -> Vec<RecordKey> {
        let ended = |(distance, list): (&KBucketDistance, &Vec<Held>)| {
            let over = list.iter().filter(|p| p.record.is_expired(now));
            over.map(|p| (*distance, p.record.provider)).collect::<Vec<_>>()
        };
        let over: Vec<(KBucketDistance, PeerId)> = self.of_others.iter().flat_map(ended).collect();
        over.into_iter().filter_map(|(distance, provider)| self.remove(&distance, &provider)).collect()
    }
}
