//! Which chunk is asked from which holder.
//!
//! Decides the order, the window of each holder, who takes over from one that failed, and who helps a slow one at the
//! end. Never reads, hashes or waits: it is told what happened and when, and answers what to do. Invariant: a chunk
//! that is not proved is either free, or asked from at least one holder that still takes part; so as long as one takes
//! part, all chunks are proved in the end.
//!
//! ```text
//! holder:  Waiting --ready--> Active --corrupt, failed, stalled--> Ended
//! chunk:   free --asked--> under way (by one holder, at the end by two) --proved--> done
//!            ^------------ its last asker ended
//! ```

use std::collections::{BTreeSet, VecDeque};

/// Milliseconds of a clock that only rises.
pub type Millis = u64;

/// The bounds of a download.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Chunks under way to one holder, at most.
    pub window: usize,
    /// How long an active holder may go without a proved chunk.
    pub patience: Millis,
    /// How long a lesser holder that is ready waits, at the beginning, for better ones.
    pub head_start: Millis,
}

/// What the driver does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Ask `holder` for `chunk`.
    Request {
        /// By its rank, from 0.
        holder: usize,
        /// By its index, from 0.
        chunk: u64,
    },
    /// `holder` gave nothing for the whole patience: its part is over.
    Stalled {
        /// By its rank, from 0.
        holder: usize,
    },
}

/// Chunks that a holder is asked for before it delivered any.
const FIRST_WINDOW: usize = 4;
/// A chunk that took longer than this halves its holder's window.
const SLOW: Millis = 1000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Waiting,
    Active,
    Ended,
}

#[derive(Clone, Debug)]
struct Holder {
    part: Part,
    asked: VecDeque<(u64, Millis)>,
    window: usize,
    progress: Millis,
    /// Milliseconds a chunk, smoothed.
    pace: Option<f64>,
}

/// The state of one download.
#[derive(Clone, Debug)]
pub struct Schedule {
    rules: Rules,
    begun: Millis,
    /// Whether the better holders' head start is not over.
    held: bool,
    proved: Vec<bool>,
    left: u64,
    /// Every chunk from here on that is not proved was never asked for.
    fresh: u64,
    returned: BTreeSet<u64>,
    holders: Vec<Holder>,
}

impl Schedule {
    /// A download of `chunks` chunks from `holders` holders, the best first.
    pub fn new(rules: Rules, chunks: u64, holders: usize, now: Millis) -> Self {
        let done = vec![false; usize::try_from(chunks).unwrap_or(0)];
        let left = done.len() as u64;
        let window = FIRST_WINDOW.min(rules.window.max(1));
        let holder = Holder { part: Part::Waiting, asked: VecDeque::new(), window, progress: now, pace: None };
        let holders = vec![holder; holders];
        Self { rules, begun: now, held: true, proved: done, left, fresh: 0, returned: BTreeSet::new(), holders }
    }

    /// Whether every chunk is proved.
    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Whether chunks are missing and nobody is left to give them.
    pub fn is_lost(&self) -> bool {
        self.left > 0 && self.holders.iter().all(|h| h.part == Part::Ended)
    }

    /// Whether `chunk` is proved.
    pub fn is_proved(&self, chunk: u64) -> bool {
        usize::try_from(chunk).ok().and_then(|i| self.proved.get(i)).copied().unwrap_or(false)
    }

    /// Whether `holder` still takes part.
    pub fn takes_part(&self, holder: usize) -> bool {
        self.holders.get(holder).is_some_and(|h| h.part != Part::Ended)
    }

    /// `chunk` was here before, and is what was signed.
    pub fn found(&mut self, chunk: u64) {
        let slot = usize::try_from(chunk).ok().and_then(|i| self.proved.get_mut(i));
        if slot.is_some_and(|slot| !std::mem::replace(slot, true)) {
            self.left -= 1;
            self.returned.remove(&chunk);
        }
    }

    /// `holder` can be asked from now on.
    pub fn ready(&mut self, holder: usize, now: Millis) -> Vec<Effect> {
        if let Some(h) = self.holders.get_mut(holder).filter(|h| h.part == Part::Waiting) {
            h.part = Part::Active;
            h.progress = now;
        }
        self.fill(now)
    }

    /// `chunk` came from `holder` and is what was signed. True if nobody had proved it before.
    pub fn proved(&mut self, holder: usize, chunk: u64, now: Millis) -> (bool, Vec<Effect>) {
        if let Some(h) = self.holders.get_mut(holder) {
            h.delivered(chunk, now, self.rules.window);
        }
        let slot = usize::try_from(chunk).ok().and_then(|i| self.proved.get_mut(i));
        let new = slot.is_some_and(|slot| !std::mem::replace(slot, true));
        if new {
            self.left -= 1;
            self.returned.remove(&chunk);
        }
        (new, self.fill(now))
    }

    /// `holder` takes part no longer: it failed, or gave what was not signed. What it was asked for goes to others.
    pub fn ended(&mut self, holder: usize, now: Millis) -> Vec<Effect> {
        self.end(holder);
        self.fill(now)
    }

    /// The receiving side itself was slow: no holder is blamed for the time until now.
    pub fn excuse(&mut self, now: Millis) {
        for holder in &mut self.holders {
            holder.progress = now;
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) -> Vec<Effect> {
        let patience = self.rules.patience;
        let late = |h: &Holder| h.part == Part::Active && !h.asked.is_empty() && now >= h.progress + patience;
        let stalled: Vec<usize> = (0..).zip(&self.holders).filter(|(_, h)| late(h)).map(|(i, _)| i).collect();
        let mut effects = Vec::new();
        for holder in stalled {
            self.end(holder);
            effects.push(Effect::Stalled { holder });
        }
        effects.extend(self.fill(now));
        effects
    }

    /// When [`Self::tick`] has something to do, if nothing else happens before.
    pub fn deadline(&self) -> Option<Millis> {
        let busy = self.holders.iter().filter(|h| h.part == Part::Active && !h.asked.is_empty());
        let stall = busy.map(|h| h.progress + self.rules.patience).min();
        let held = self.held.then_some(self.begun + self.rules.head_start);
        stall.into_iter().chain(held).chain(self.help_due()).min()
    }

    /// When the first idle holder may help another, if that gives nothing until then.
    fn help_due(&self) -> Option<Millis> {
        if !self.returned.is_empty() || self.fresh < self.proved.len() as u64 {
            return None;
        }
        let mut due = None;
        for helper in (0..self.holders.len()).filter(|h| self.has_room(*h)) {
            let Some(mine) = self.holders.get(helper).and_then(Holder::next_takes) else { continue };
            for (_, other) in (0..).zip(&self.holders).filter(|(i, _)| *i != helper) {
                if other.asked.iter().any(|(chunk, _)| !self.is_proved(*chunk) && self.askers(*chunk) == 1) {
                    let then = other.progress + (2.0 * mine) as Millis + 1;
                    due = Some(due.map_or(then, |due: Millis| due.min(then)));
                }
            }
        }
        due
    }

    fn end(&mut self, holder: usize) {
        let Some(h) = self.holders.get_mut(holder) else { return };
        h.part = Part::Ended;
        let asked = std::mem::take(&mut h.asked);
        for (chunk, _) in asked {
            let elsewhere = self.holders.iter().any(|h| h.asked.iter().any(|(c, _)| *c == chunk));
            if !elsewhere && !self.is_proved(chunk) {
                self.returned.insert(chunk);
            }
        }
    }

    /// Gives work, one chunk a round to each holder with room, the best first.
    fn fill(&mut self, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.held = now < self.begun + self.rules.head_start && self.left > 0;
        loop {
            let before = effects.len();
            for holder in 0..self.holders.len() {
                if self.has_room(holder)
                    && let Some(chunk) = self.next_free().or_else(|| self.next_to_help(holder, now))
                    && let Some(h) = self.holders.get_mut(holder)
                {
                    if h.asked.is_empty() {
                        h.progress = now;
                    }
                    h.asked.push_back((chunk, now));
                    effects.push(Effect::Request { holder, chunk });
                }
            }
            if effects.len() == before {
                return effects;
            }
        }
    }

    fn has_room(&self, holder: usize) -> bool {
        let better_to_come = || self.held && self.holders.iter().take(holder).any(|h| h.part == Part::Waiting);
        self.holders
            .get(holder)
            .is_some_and(|h| h.part == Part::Active && h.asked.len() < h.window && !better_to_come())
    }

    fn next_free(&mut self) -> Option<u64> {
        if let Some(chunk) = self.returned.pop_first() {
            return Some(chunk);
        }
        while self.is_proved(self.fresh) {
            self.fresh += 1;
        }
        (self.fresh < self.proved.len() as u64).then(|| {
            self.fresh += 1;
            self.fresh - 1
        })
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
            let pace = other.pace.or(me.pace)?;
            for (place, (chunk, _)) in (1..).zip(missing) {
                let theirs = (pace * f64::from(place)).max(waited);
                if theirs > 2.0 * mine && best.is_none_or(|(b, _)| theirs >= b) && self.askers(*chunk) == 1 {
                    best = Some((theirs, *chunk));
                }
            }
        }
        best.map(|(_, chunk)| chunk)
    }

    fn askers(&self, chunk: u64) -> usize {
        self.holders.iter().filter(|h| h.asked.iter().any(|(c, _)| *c == chunk)).count()
    }
}

impl Holder {
    /// How long one more chunk would take.
    fn next_takes(&self) -> Option<f64> {
        Some(self.pace? * (self.asked.len() + 1) as f64)
    }

    fn delivered(&mut self, chunk: u64, now: Millis, most: usize) {
        let Some(place) = self.asked.iter().position(|(c, _)| *c == chunk) else { return };
        let Some((_, asked)) = self.asked.remove(place) else { return };
        let pace = now.saturating_sub(self.progress.max(asked)) as f64;
        self.pace = Some(self.pace.map_or(pace, |before| before * 0.75 + pace * 0.25));
        self.progress = now;
        if now.saturating_sub(asked) > SLOW {
            self.window = (self.window / 2).max(1);
        } else {
            self.window = (self.window + 1).min(most.max(1));
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
