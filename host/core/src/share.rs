//! Who gives way where a table that all may write into is full.
//!
//! Decides between sources, then within one: the source that has most in the table gives way, with what is of least use
//! to whoever keeps the table. A newcomer that would make its own source the one with most gives way itself, unless that
//! source has something of less use. Invariant: nobody loses anything to a source that then has more than he has:
//! whatever one source sends, the others keep as much as it has.

use std::collections::{BTreeMap, BTreeSet};

/// What one source has.
#[derive(Clone, Debug)]
struct Share<R> {
    weight: u64,
    /// What each weighs; the greatest rank is of least use.
    ranks: BTreeMap<R, u64>,
}

/// Who has how much of a table. A rank is the name of an entry, and its place: the greatest is of least use.
#[derive(Clone, Debug)]
pub struct Shares<S, R> {
    sources: BTreeMap<S, Share<R>>,
    heaviest: BTreeSet<(u64, S)>,
}

impl<S, R> Default for Shares<S, R> {
    fn default() -> Self {
        Self { sources: BTreeMap::new(), heaviest: BTreeSet::new() }
    }
}

impl<S: Ord + Clone, R: Ord + Clone> Shares<S, R> {
    /// What a source has.
    pub fn weight(&self, source: &S) -> u64 {
        self.sources.get(source).map_or(0, |share| share.weight)
    }

    /// Counts an entry of a source; one that it has already weighs this much from now on.
    pub fn add(&mut self, source: &S, rank: R, weight: u64) {
        self.change(source, |ranks| ranks.insert(rank, weight).unwrap_or(0), weight);
    }

    /// Counts an entry no more.
    pub fn remove(&mut self, source: &S, rank: &R) {
        self.change(source, |ranks| ranks.remove(rank).unwrap_or(0), 0);
    }

    fn change(&mut self, source: &S, gone: impl FnOnce(&mut BTreeMap<R, u64>) -> u64, come: u64) {
        let mut share = self.sources.remove(source).unwrap_or_else(|| Share { weight: 0, ranks: BTreeMap::new() });
        self.heaviest.remove(&(share.weight, source.clone()));
        share.weight = share.weight.saturating_sub(gone(&mut share.ranks)).saturating_add(come);
        if !share.ranks.is_empty() {
            self.heaviest.insert((share.weight, source.clone()));
            self.sources.insert(source.clone(), share);
        }
    }

    /// Whose entry goes first of all, and which.
    pub fn first_to_go(&self) -> Option<(&S, &R)> {
        let (_, source) = self.heaviest.last()?;
        self.last_of(source).map(|(rank, _)| (source, rank))
    }

    /// Whose entry goes for a newcomer of `source`, and which; none if that is the newcomer.
    pub fn gives_way(&self, source: &S, rank: &R, weight: u64) -> Option<(&S, &R)> {
        let (most, heaviest) = self.heaviest.last()?;
        let (last, gone) = self.last_of(heaviest)?;
        if self.weight(source).saturating_add(weight) <= most.saturating_sub(*gone) {
            return Some((heaviest, last));
        }
        let (own, _) = self.sources.get_key_value(source)?;
        let (last, _) = self.last_of(source)?;
        (last > rank).then_some((own, last))
    }

    fn last_of(&self, source: &S) -> Option<(&R, &u64)> {
        self.sources.get(source)?.ranks.last_key_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of `room` entries that takes what has a right to a place.
    #[derive(Default)]
    struct Table(Shares<&'static str, u32>, BTreeMap<u32, &'static str>);

    impl Table {
        fn put(&mut self, source: &'static str, rank: u32, room: usize) -> bool {
            if self.1.len() >= room {
                let gone = self.0.gives_way(&source, &rank, 1);
                let Some((owner, victim)) = gone.map(|(owner, victim)| (*owner, *victim)) else { return false };
                assert_eq!(self.1.remove(&victim), Some(owner));
                self.0.remove(&owner, &victim);
            }
            self.0.add(&source, rank, 1);
            self.1.insert(rank, source);
            true
        }

        fn of(&self, source: &str) -> Vec<u32> {
            self.1.iter().filter(|(_, s)| **s == source).map(|(rank, _)| *rank).collect()
        }
    }

    #[test]
    fn who_sends_without_end_drives_out_no_more_than_makes_shares_alike() {
        let mut table = Table::default();
        for rank in 1000..1005 {
            assert!(table.put("a", rank, 10));
            assert!(table.put("b", rank + 100, 10));
        }
        // All of it nearer than what the others have.
        for rank in 0..500 {
            table.put("crowd", 999 - rank, 10);
        }
        assert_eq!(table.of("crowd"), [500, 501, 502], "the nearest of its own");
        assert_eq!(table.of("a"), [1000, 1001, 1002, 1003], "what is farthest went");
        assert_eq!(table.of("b").len(), 3);
        assert!(!table.put("crowd", 5000, 10) && !table.put("b", 5000, 10));
        // Who has nothing yet is let in, at the cost of who has most.
        assert!(table.put("c", 9999, 10));
        assert_eq!(table.of("a").len(), 3);
    }

    #[test]
    fn one_alone_has_all_of_it_and_keeps_what_is_nearest() {
        let mut table = Table::default();
        for rank in (0..50).rev() {
            assert!(table.put("a", rank, 10));
        }
        assert!(!table.put("a", 60, 10));
        assert_eq!(table.of("a"), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn weights_follow_what_is_added_replaced_and_removed() {
        let mut shares = Shares::default();
        assert_eq!((shares.first_to_go(), shares.gives_way(&"a", &1, 1)), (None, None));
        shares.add(&"a", 1, 10);
        shares.add(&"a", 1, 4);
        shares.add(&"b", 2, 5);
        assert_eq!((shares.weight(&"a"), shares.weight(&"b"), shares.first_to_go()), (4, 5, Some((&"b", &2))));
        assert_eq!(shares.gives_way(&"a", &9, 1), None, "it would have most, and this is its farthest");
        assert_eq!(shares.gives_way(&"a", &0, 1), Some((&"a", &1)));
        shares.add(&"b", 3, 6);
        assert_eq!(shares.gives_way(&"a", &9, 1), Some((&"b", &3)));
        shares.remove(&"b", &2);
        shares.remove(&"b", &2);
        shares.remove(&"b", &3);
        shares.remove(&"a", &7);
        assert_eq!((shares.weight(&"b"), shares.first_to_go()), (0, Some((&"a", &1))));
        shares.remove(&"a", &1);
        assert!(shares.sources.is_empty() && shares.heaviest.is_empty());
    }
}
