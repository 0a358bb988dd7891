//! Which chunk a holder with room is asked for next.
//!
//! Decides by what was measured of the holders; keeps nothing. Chunks are wanted in their order: what comes early has to be
//! read again before it is hashed, and is unpacked when all before it is there. So who is slow must not hold up the first
//! ones. Invariant: a chunk that is under way is given to one more holder at most.

use super::{Holder, Millis, Part, Schedule};

/// Free chunks among which one is looked for that no holder of a part has.
const RARE: usize = 256;
/// Chunks that may wait for the first one that is missing before another holder is asked for it, too.
const AWAITED: u64 = 16;
/// So many times slower than the quickest is slow.
const SLOW: f64 = 8.0;
/// Milliseconds a chunk beneath which nobody is called quicker than another: that much is chance.
const CHANCE: f64 = 5.0;

impl Schedule {
    pub(super) fn next_chunk(&self, holder: usize, now: Millis) -> Option<u64> {
        self.next_awaited(holder, now).or_else(|| self.next_free(holder)).or_else(|| self.next_to_help(holder, now))
    }

    /// The first chunk that is missing, where many wait for it and `helper` would probably have it sooner than the one who
    /// was asked.
    fn next_awaited(&self, helper: usize, now: Millis) -> Option<u64> {
        let first = self.first;
        let there = (self.proved.len() as u64).saturating_sub(self.left);
        if there.saturating_sub(first) < AWAITED || self.askers(first) != 1 {
            return None;
        }
        let me = self.holders.get(helper).filter(|me| me.stock.has(first))?;
        let (asked, other) =
            (0..).zip(&self.holders).find(|(_, h)| h.asked.iter().any(|(chunk, _)| *chunk == first))?;
        let place = (1..).zip(&other.asked).find(|(_, (chunk, _))| *chunk == first).map(|(place, _)| place)?;
        let waited = now.saturating_sub(other.progress) as f64;
        let theirs = (other.pace.unwrap_or(0.0) * f64::from(place)).max(waited);
        (asked != helper && theirs > 2.0 * me.next_takes()?).then_some(first)
    }

    fn is_slow(&self, holder: usize) -> bool {
        let paces = self.holders.iter().filter(|h| h.part == Part::Active).filter_map(|h| h.pace);
        let quickest = paces.fold(f64::INFINITY, f64::min);
        self.holders.get(holder).and_then(|h| h.pace).is_some_and(|pace| pace > SLOW * quickest.max(CHANCE))
    }

    /// The first free chunk that `holder` has. Who has everything is asked first for what only he has, and who is slow for
    /// what is wanted last.
    fn next_free(&self, holder: usize) -> Option<u64> {
        let stock = &self.holders.get(holder)?.stock;
        let mut all = self.free.iter().copied().filter(|chunk| stock.has(*chunk));
        if self.is_slow(holder) {
            return all.next_back();
        }
        let lends = |h: &&Holder| h.part == Part::Active && !h.stock.is_whole();
        if !stock.is_whole() || !self.holders.iter().any(|h| lends(&h)) {
            return all.next();
        }
        let rare = |chunk: &u64| !self.holders.iter().filter(lends).any(|h| h.stock.has(*chunk));
        all.clone().take(RARE).find(rare).or_else(|| all.next())
    }

    /// A chunk under way elsewhere that `helper` would probably have sooner: the last ones of the slowest. Who has not
    /// delivered yet is taken to be as quick as the helper, until it has kept waiting for longer.
    fn next_to_help(&self, helper: usize, now: Millis) -> Option<u64> {
        let me = self.holders.get(helper)?;
        let mine = me.next_takes()?;
        let mut best: Option<(f64, u64)> = None;
        for (_, other) in (0..).zip(&self.holders).filter(|(i, _)| *i != helper) {
            let waited = now.saturating_sub(other.progress) as f64;
            let missing = other.asked.iter().filter(|(chunk, _)| !self.is_proved(*chunk));
            let may = |chunk: u64| me.stock.has(chunk) && self.askers(chunk) == 1;
            let pace = other.pace.or(me.pace)?;
            for (place, (chunk, _)) in (1..).zip(missing) {
                let theirs = (pace * f64::from(place)).max(waited);
                if theirs > 2.0 * mine && best.is_none_or(|(b, _)| theirs >= b) && may(*chunk) {
                    best = Some((theirs, *chunk));
                }
            }
        }
        best.map(|(_, chunk)| chunk)
    }

    pub(super) fn askers(&self, chunk: u64) -> usize {
        self.holders.iter().filter(|h| h.asked.iter().any(|(c, _)| *c == chunk)).count()
    }
}
