//! How large the network is by the nodes that are nearest to this one, and whether a large part of them is gone.
//!
//! Nodes lie in the hash table by digests, so those nearest to any place are a fair sample of all: of a network that falls
//! into halves, about half of them are gone at one blow. What a lookup found while all was well is kept, and later ones
//! are counted within the same distance, so that newcomers stand for those who left. That is far less a matter of chance
//! than two estimates of the size beside each other. Who has all anchors and most of the network has nothing else to go
//! by: of a loss of half of all nodes nine tenths of those left know, of a third one half, of a tenth nobody.
//!
//! Decides what is compared with what, and how much must be missing; never looks anything up. Invariant: what is missed is
//! missed for a bounded time, then the network is what it is now.
//!
//! ```text
//!                        a third is missed (half where all are known)
//!  compared with what ────────────────────────────────────────────────▶ missing ── found again ──▶ back
//!  was a while ago     ◀───────────────────────────────────────────────    │
//!                        missed for too long                               └── (the comparison stands still)
//! ```

use crate::schedule::Millis;

/// A network of which this share is left, or less, has lost a large part.
const LARGE: f64 = 0.55;
/// Fewer nodes are never a large part: four are an office, and two may go home.
const FEW: usize = 3;
/// How long nodes are missed.
const FORGET: Millis = 3_600_000;
/// How long a network in which nobody is missed is compared with the same.
const ANEW: Millis = FORGET / 4;

/// The nodes around this one, at one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Around {
    /// How many, without this one, are within the distance.
    count: usize,
    /// How far the farthest was; the whole space where these were all that there are.
    distance: f64,
    /// How many nodes the network had.
    size: f64,
    at: Millis,
}

/// What is known of a network's size.
#[derive(Clone, Debug)]
pub struct Census {
    /// How many nodes a lookup finds at most.
    wanted: usize,
    before: Option<Around>,
    size: Option<f64>,
    /// Since when a large part is missing.
    missing: Option<Millis>,
}

impl Census {
    /// Nothing is known; lookups give `wanted` nodes at most.
    pub fn new(wanted: usize) -> Self {
        Self { wanted, before: None, size: None, missing: None }
    }

    /// How many nodes the network has by the last lookup.
    pub fn size(&self) -> Option<f64> {
        self.size
    }

    /// How many it had, where a large part of it is missing.
    pub fn was(&self) -> Option<f64> {
        self.before.filter(|_| self.missing.is_some()).map(|before| before.size)
    }

    /// A lookup of this node's own place gave nodes at these distances: shares of the whole space, the nearest first,
    /// without this node itself. One that is not `complete` has found at least these.
    pub fn looked(&mut self, distances: &[f64], complete: bool, now: Millis) {
        let found = distances.len();
        let size = estimated_size(distances, self.wanted);
        self.size = size;
        let Some(size) = size else { return };
        let whole = found < self.wanted;
        let distance = if whole { 1.0 } else { distances.last().copied().unwrap_or(1.0) };
        let present = Around { count: found, distance, size, at: now };
        let Some(before) = self.before else {
            self.before = Some(present);
            return;
        };
        let there = distances.iter().filter(|d| **d <= before.distance).count();
        self.missing = is_large(&before, there).then(|| self.missing.unwrap_or(now));
        let stood = now.saturating_sub(before.at);
        let old = match self.missing {
            Some(since) => now.saturating_sub(since) >= FORGET,
            None => complete && stood >= ANEW,
        };
        if there >= before.count || old {
            (self.before, self.missing) = (Some(present), None);
        }
    }
}

/// Whether so many being there within the same distance means that a large part is gone.
fn is_large(before: &Around, there: usize) -> bool {
    let count = before.count as f64;
    // A sample has its standard error; whoever knows all, and is one of them, knows what is left.
    let left = match before.distance < 1.0 {
        true => count * LARGE + count.sqrt() / 2.0,
        false => (count + 1.0) * LARGE - 1.0,
    };
    before.count.saturating_sub(there) >= FEW && there as f64 <= left
}

/// How many nodes a network has, by how far away the nearest of them are: `distances` are shares of the whole space, the
/// nearest first, without the asker itself; `wanted` is how many a lookup gives at most.
///
/// A lookup that gives fewer has found everybody. None where there is nothing to go by.
fn estimated_size(distances: &[f64], wanted: usize) -> Option<f64> {
    let found = distances.len();
    if found < wanted {
        return Some(found as f64 + 1.0);
    }
    // The k-th nearest of n uniform points lies at k/(n+1) on average, and (k-1)/d estimates n without bias.
    let farthest = distances.last().copied().filter(|d| *d > 0.0 && *d <= 1.0)?;
    Some((found as f64 - 1.0).max(1.0) / farthest + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: usize = 20;
    const HOUR: Millis = FORGET;

    /// Nodes of which each `nth` is there, the nearest `K` of them.
    fn nodes(count: usize, there: impl Fn(usize) -> bool) -> Vec<f64> {
        let place = |n: usize| n as f64 / (count + 1) as f64;
        (1..=count).filter(|n| there(*n)).map(place).take(K).collect()
    }

    /// What is missed after a whole network, and then another.
    fn missed(whole: &[f64], then: &[f64]) -> bool {
        let mut census = Census::new(K);
        census.looked(whole, true, 0);
        census.looked(then, true, 1000);
        census.was().is_some()
    }

    #[test]
    fn half_of_a_network_is_missed_and_a_quarter_is_not() {
        for count in [40, 120, 5000] {
            let whole = nodes(count, |_| true);
            assert!(missed(&whole, &nodes(count, |n| n % 2 == 0)), "{count}");
            assert!(missed(&whole, &nodes(count, |n| n % 20 > 6)), "{count}: seven of twenty");
            assert!(!missed(&whole, &nodes(count, |n| n % 4 != 0)), "{count}");
        }
    }

    #[test]
    fn who_knows_all_misses_half_of_them_and_no_few() {
        for (all, left, large) in
            [(5, 2, true), (5, 3, false), (3, 1, false), (2, 0, false), (9, 4, true), (9, 5, false)]
        {
            assert_eq!(missed(&nodes(all, |_| true), &nodes(left, |_| true)), large, "{left} of {all}");
        }
    }

    #[test]
    fn what_comes_back_is_missed_no_more_and_what_does_not_is_forgotten() {
        let (whole, half) = (nodes(100, |_| true), nodes(100, |n| n % 2 == 0));
        let mut census = Census::new(K);
        census.looked(&whole, true, 0);
        census.looked(&half, true, 60_000);
        let (is, was) = (census.size().unwrap(), census.was().unwrap());
        assert!((40.0..60.0).contains(&is) && (90.0..110.0).contains(&was), "{is} of {was}");
        census.looked(&half, true, HOUR);
        assert!(census.was().is_some(), "for all of an hour");
        census.looked(&whole, true, HOUR + 1000);
        assert_eq!(census.was(), None);
        census.looked(&half, true, HOUR + 2000);
        census.looked(&half, true, 2 * HOUR + 2000);
        assert_eq!(census.was(), None, "the network is what it is now");
    }

    #[test]
    fn those_who_come_and_go_are_not_missed() {
        let mut census = Census::new(K);
        // A tenth of all leaves each ten minutes, and others come.
        for step in 0..60usize {
            let found = nodes(200, |n| n % 2 == 0 || (n + step) % 10 == 1);
            census.looked(&found, true, step as Millis * 600_000);
            assert_eq!(census.was(), None, "{step}");
        }
    }

    #[test]
    fn a_network_that_grows_is_followed_at_once_and_one_lookup_that_broke_off_is_no_measure() {
        let mut census = Census::new(K);
        census.looked(&nodes(3, |_| true), true, 0);
        census.looked(&nodes(100, |_| true), true, 1000);
        // It is old, and this one found few: nothing is forgotten by that.
        census.looked(&nodes(100, |n| n % 5 != 0), false, HOUR);
        census.looked(&nodes(100, |n| n % 2 == 0), true, HOUR + 1000);
        assert!(census.was().is_some());
    }

    #[test]
    fn peers_that_settle_around_a_node_are_forgotten_in_time() {
        let mut census = Census::new(K);
        census.looked(&[1e-30; K], true, 0);
        let real = nodes(30, |_| true);
        census.looked(&real, true, 1000);
        assert!(census.was().is_some());
        census.looked(&real, true, HOUR + 1000);
        assert_eq!(census.was(), None);
        for odd in [&[0.0; K], &[f64::NAN; K], &[f64::INFINITY; K]] {
            census.looked(odd, true, HOUR + 2000);
            assert_eq!((census.size(), census.was()), (None, None));
        }
    }

    #[test]
    fn a_size_is_estimated_from_the_nearest() {
        assert_eq!(estimated_size(&[], 20), Some(1.0));
        assert_eq!(estimated_size(&[0.2, 0.3], 20), Some(3.0));
        for nodes in [40u32, 1000, 100_000] {
            let nearest: Vec<f64> = (1..=20).map(|k| f64::from(k) / f64::from(nodes + 1)).collect();
            let size = estimated_size(&nearest, 20).unwrap();
            assert!((size / f64::from(nodes) - 1.0).abs() < 0.1, "{nodes}: {size}");
        }
        assert_eq!(estimated_size(&[0.0; 20], 20), None);
        assert_eq!(estimated_size(&[f64::NAN; 20], 20), None);
    }
}
