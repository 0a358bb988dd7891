//! Which chunk is asked from which holder.
//!
//! Decides the order, who takes over from one that failed, who helps a slow one (`choice`), when a slow one is given up
//! (`holder`), when a holder of a part is asked what it has now, and when further ones are looked for; how much is asked
//! ahead is `window`'s decision. Never reads, hashes or waits: it is told what happened and when, and answers what
//! to do. Invariants: nobody is asked for what he has not; a chunk that is not proved is either free, or asked from at least
//! one holder that still takes part; so as long as one that has everything takes part, all chunks are proved in the end.
//!
//! ```text
//! holder:  Waiting --ready--> Active --corrupt, failed, stalled, spent--> Ended
//! chunk:   free --asked--> under way (by one holder, or by two) --proved--> done
//!            ^------------ its last asker ended, or has it not
//! ```

mod choice;
mod holder;
mod rules;

use std::collections::BTreeSet;

use self::holder::{Holder, Idle, Part};
pub use self::rules::{Millis, Rules};
pub use crate::stock::ChunkSet;
use crate::stock::Stock;

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
    /// Ask `holder`, which has a part, what it has now.
    Look {
        /// By its rank, from 0.
        holder: usize,
    },
    /// `holder` gave nothing for the whole patience: its part is over.
    Stalled {
        /// By its rank, from 0.
        holder: usize,
    },
    /// `holder` has only a part, and nothing of what is missing: its part is over, and it did no wrong.
    Spent {
        /// By its rank, from 0.
        holder: usize,
    },
}

/// A holder of a part is asked again what it has after so long.
const LOOK_AGAIN: Millis = 1000;
/// Who else has an archive by now is asked for the first time after so long, and at last so seldom.
const OTHERS: [Millis; 2] = [5_000, 60_000];
/// Holders that one download may try, those that take over and those that came later included.
pub const MAX_TRIED: usize = 64;

/// How long a download goes on before it looks for further holders, when it has looked `times` times: those that it
/// began with may all be slow, and who began a little later has the rest by now.
pub fn look_for_others(times: u32) -> Millis {
    let [first, last] = OTHERS;
    first.saturating_mul(1 << times.min(16)).min(last)
}

/// The state of one download.
#[derive(Clone, Debug)]
pub struct Schedule {
    rules: Rules,
    begun: Millis,
    /// The latest moment that it was told of.
    now: Millis,
    /// Whether the better holders' head start is not over.
    held: bool,
    proved: Vec<bool>,
    left: u64,
    /// The first chunk that is not proved.
    first: u64,
    /// Chunks that are not proved, and that nobody who takes part was asked for.
    free: BTreeSet<u64>,
    holders: Vec<Holder>,
}

impl Schedule {
    /// A download of `chunks` chunks from `holders` holders, the best first.
    pub fn new(rules: Rules, chunks: u64, holders: usize, now: Millis) -> Self {
        let done = vec![false; usize::try_from(chunks).unwrap_or(0)];
        let left = done.len() as u64;
        let holders = vec![Holder::new(&rules, now); holders];
        Self { rules, begun: now, now, held: true, proved: done, left, first: 0, free: (0..left).collect(), holders }
    }

    /// One more holder, after all others; its rank.
    pub fn join(&mut self, now: Millis) -> usize {
        self.holders.push(Holder::new(&self.rules, now));
        self.holders.len() - 1
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
        self.mark(chunk);
    }

    /// Notes that `chunk` is proved; whether it was not.
    fn mark(&mut self, chunk: u64) -> bool {
        let slot = usize::try_from(chunk).ok().and_then(|i| self.proved.get_mut(i));
        let new = slot.is_some_and(|slot| !std::mem::replace(slot, true));
        if new {
            self.left -= 1;
            self.free.remove(&chunk);
            while self.is_proved(self.first) {
                self.first += 1;
            }
        }
        new
    }

    /// `holder` can be asked from now on, for what it `has`; none: for everything.
    pub fn ready(&mut self, holder: usize, has: Option<ChunkSet>, now: Millis) -> Vec<Effect> {
        if let Some(h) = self.holders.get_mut(holder).filter(|h| h.part == Part::Waiting) {
            (h.part, h.stock) = (Part::Active, Stock::new(has));
            (h.progress, h.looked) = (now, now);
        }
        self.fill(now)
    }

    /// `holder`, which was asked, says what it has now.
    pub fn looked(&mut self, holder: usize, has: ChunkSet, now: Millis) -> Vec<Effect> {
        if let Some(h) = self.holders.get_mut(holder)
            && h.looking.take().is_some()
        {
            h.stock.renew(has);
            h.looked = now;
        }
        self.fill(now)
    }

    /// Bytes of an answer came from `holder`, if not yet all of it: a slow one is alive.
    pub fn stirred(&mut self, holder: usize, now: Millis) {
        if let Some(h) = self.holders.get_mut(holder) {
            h.stirred = now;
        }
    }

    /// `holder` was asked for `chunk` and has it not: that costs it this chunk.
    pub fn has_not(&mut self, holder: usize, chunk: u64, now: Millis) -> Vec<Effect> {
        let all = self.proved.len() as u64;
        if let Some(h) = self.holders.get_mut(holder).filter(|h| h.part == Part::Active) {
            h.asked.retain(|(c, _)| *c != chunk);
            h.stock.deny(chunk, all);
            h.progress = now;
            self.give_back(chunk);
        }
        self.tick(now)
    }

    /// `chunk` came from `holder` and is what was signed. True if nobody had proved it before.
    pub fn proved(&mut self, holder: usize, chunk: u64, now: Millis) -> (bool, Vec<Effect>) {
        if let Some(h) = self.holders.get_mut(holder) {
            h.delivered(chunk, now);
        }
        let new = self.mark(chunk);
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
            holder.looking = holder.looking.map(|_| now);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        for holder in 0..self.holders.len() {
            if self.stalls(holder, now) {
                self.end(holder);
                effects.push(Effect::Stalled { holder });
            }
        }
        effects.extend(self.fill(now));
        for holder in 0..self.holders.len() {
            match self.idle_due(holder) {
                Some((due, Idle::Look)) if now >= due => {
                    if let Some(h) = self.holders.get_mut(holder) {
                        h.looking = Some(now);
                    }
                    effects.push(Effect::Look { holder });
                }
                Some((due, Idle::Spent)) if now >= due => {
                    self.end(holder);
                    effects.push(Effect::Spent { holder });
                }
                _ => {}
            }
        }
        effects
    }

    /// When [`Self::tick`] has something to do, if nothing else happens before.
    pub fn deadline(&self) -> Option<Millis> {
        let patience = self.rules.patience;
        let due = |h: &Holder| h.due(patience).filter(|due| *due > self.now).or_else(|| h.last_due(patience));
        let stall = self.holders.iter().filter_map(due).min();
        let held = self.held.then_some(self.begun + self.rules.head_start);
        let idle = (0..self.holders.len()).filter_map(|h| self.idle_due(h)).map(|(due, _)| due).min();
        stall.into_iter().chain(held).chain(idle).chain(self.help_due()).min()
    }

    /// Whether `holder` has kept waiting for too long: for the whole patience, where somebody who is in time has it all, too,
    /// or else for several, if bytes come. A line that many share is slow, and may be all that there is.
    fn stalls(&self, holder: usize, now: Millis) -> bool {
        let (patience, is_due) = (self.rules.patience, |due: Option<Millis>| due.is_some_and(|due| now >= due));
        let in_time = |h: &Holder| h.part == Part::Active && h.stock.is_whole() && !is_due(h.due(patience));
        let replaced = || (0..).zip(&self.holders).any(|(other, h)| other != holder && in_time(h));
        self.holders
            .get(holder)
            .is_some_and(|h| is_due(h.last_due(patience)) || (is_due(h.due(patience)) && replaced()))
    }

    /// What is done, and when, about a holder of a part that has nothing of what is missing.
    fn idle_due(&self, holder: usize) -> Option<(Millis, Idle)> {
        let h = self.holders.get(holder).filter(|h| h.part == Part::Active && !h.stock.is_whole())?;
        let missing = || (0..).zip(&self.proved).filter(|(_, proved)| !**proved).map(|(chunk, _)| chunk);
        let useful = || missing().any(|chunk: u64| h.stock.has(chunk));
        if self.left == 0 || !h.asked.is_empty() || h.looking.is_some() || useful() {
            return None;
        }
        let (end, look) = (h.progress + self.rules.patience, h.looked + LOOK_AGAIN);
        match h.stock.grows() {
            false => Some((h.progress, Idle::Spent)),
            true if look < end => Some((look, Idle::Look)),
            true => Some((end, Idle::Spent)),
        }
    }

    /// When the first idle holder may help another, if that gives nothing until then.
    fn help_due(&self) -> Option<Millis> {
        let mut due = None;
        for helper in (0..self.holders.len()).filter(|h| self.has_room(*h)) {
            let Some(me) = self.holders.get(helper) else { continue };
            let Some(mine) = me.next_takes() else { continue };
            let may = |chunk: u64| me.stock.has(chunk) && !self.is_proved(chunk) && self.askers(chunk) == 1;
            for (_, other) in (0..).zip(&self.holders).filter(|(i, _)| *i != helper) {
                if other.asked.iter().any(|(chunk, _)| may(*chunk)) {
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
            self.give_back(chunk);
        }
    }

    /// One that was asked for `chunk` will not give it.
    fn give_back(&mut self, chunk: u64) {
        if self.askers(chunk) == 0 && !self.is_proved(chunk) {
            self.free.insert(chunk);
        }
    }

    /// Gives work, one chunk a round to each holder with room, the best first.
    fn fill(&mut self, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.now = self.now.max(now);
        self.held = now < self.begun + self.rules.head_start && self.left > 0;
        loop {
            let before = effects.len();
            for holder in 0..self.holders.len() {
                if self.has_room(holder)
                    && let Some(chunk) = self.next_chunk(holder, now)
                    && let Some(h) = self.holders.get_mut(holder)
                {
                    if h.asked.is_empty() {
                        h.progress = now;
                    }
                    h.asked.push_back((chunk, h.window.asked(h.asked.len(), now)));
                    self.free.remove(&chunk);
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
            .is_some_and(|h| h.part == Part::Active && h.asked.len() < h.window.size() && !better_to_come())
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
