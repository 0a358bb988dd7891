//! When a node tells the network again what it holds, and when it falls behind with that.
//!
//! ```text
//!  Added ──▶ waiting ── due, and there is room ──▶ under way ── told ──▶ waiting, an interval later
//!               ▲                                     │
//!               └──────── soon, and ever later ───────┴── failed
//! ```
//!
//! A plain state machine `(state, event, now) -> effects`. Decides the order, the pace, the pause after a failure, and
//! when the owner is to hear of it; never knows what a key stands for, sends nothing and waits for nobody. Invariant: a
//! key is either waiting or under way, never both; behind and caught up are told in turns, once each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::limits::Limits;
use crate::schedule::Millis;

/// The times and counts that it goes by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rules {
    /// From one time to the next, on average.
    pub interval: Millis,
    /// A key that is due for longer means that the node has fallen behind.
    pub late: Millis,
    /// The first pause after a failure; each further one is twice as long, up to the interval.
    pub retry: Millis,
    /// Between two keys when many are told for the first time, or anew, on average.
    pub pace: Millis,
    /// Keys that are told at once.
    pub at_once: usize,
    /// Keys over all.
    pub most: usize,
}

/// Keys that are told at once.
const AT_ONCE: usize = 8;
/// 40 keys a second: a swarm that starts together asks each of its nodes no more than it can bear.
const PACE: Millis = 25;

impl From<&Limits> for Rules {
    fn from(limits: &Limits) -> Self {
        let millis = |time: Duration| Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX);
        let interval = millis(limits.republish_interval).max(1000);
        Self {
            interval,
            late: millis(limits.republish_late).max(1000),
            // 5 s at an hour: a new release whose first try failed is not to be unknown for a minute.
            retry: (interval / 720).max(500),
            pace: PACE,
            at_once: AT_ONCE,
            // Heads and archives have as many each.
            most: limits.max_dht_records.saturating_mul(2).max(1),
        }
    }
}

/// What happens.
#[derive(Clone, PartialEq, Debug)]
pub enum Event<K> {
    /// There is somebody to tell, for the first time or again: he has heard of nothing.
    Joined,
    /// There is nobody to tell any more.
    Alone,
    /// A key is to be told from now on. One that is known already, or one too many, changes nothing.
    Added(K),
    /// A key is being told at this moment, because somebody asked for it; and again from now on.
    Begun(K),
    /// A key is not to be told any more.
    Removed(K),
    /// A key that was under way is no more.
    Told {
        /// Which.
        key: K,
        /// Whether anybody took it.
        done: bool,
    },
    /// Time passes.
    Tick,
}

/// What is to be done.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect<K> {
    /// Tell the network of this key; say how that went by [`Event::Told`].
    Tell(K),
    /// Tell the owner that this node has fallen behind.
    Behind(Standing),
    /// Tell the owner that it has caught up.
    CaughtUp(Standing),
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Keys over all.
    pub keys: usize,
    /// Those that are due for longer than they may.
    pub late: usize,
    /// For how long the oldest is due.
    pub oldest: Millis,
}

/// One key.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Since when, or from when on, it should be told.
    owed: Millis,
    /// When it is told; none while it is.
    next: Option<Millis>,
    /// How often that failed in a row.
    failed: u32,
    /// Whether it was ever told.
    known: bool,
    /// Whether the network was found anew while it was under way.
    again: bool,
}

impl Entry {
    /// One that is told at a time, and is not late before.
    fn waiting(at: Millis, known: bool) -> Self {
        Self { owed: at, next: Some(at), failed: 0, known, again: false }
    }
}

/// What one node tells the network of itself.
#[derive(Clone, Debug)]
pub struct Republish<K> {
    rules: Rules,
    /// In 0..1, another for each node.
    seed: f64,
    /// How many numbers were dealt of it.
    dealt: u32,
    joined: bool,
    behind: bool,
    entries: BTreeMap<K, Entry>,
    waiting: BTreeSet<(Millis, K)>,
    owed: BTreeSet<(Millis, K)>,
    /// Keys that were never told.
    fresh: usize,
}

impl<K: Ord + Clone> Republish<K> {
    /// A node that has nothing to tell and nobody to tell it to; `seed` is in 0..1, and another for each node.
    pub fn new(rules: Rules, seed: f64) -> Self {
        Self {
            rules,
            seed,
            dealt: 0,
            joined: false,
            behind: false,
            entries: BTreeMap::new(),
            waiting: BTreeSet::new(),
            owed: BTreeSet::new(),
            fresh: 0,
        }
    }

    /// Whether a key is told again and again.
    pub fn has(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// How far it is at `now`.
    pub fn standing(&self, now: Millis) -> Standing {
        let lateness = |owed: Millis| if self.joined { now.saturating_sub(owed) } else { 0 };
        let oldest = self.owed.first().map_or(0, |(owed, _)| lateness(*owed));
        let late = self.owed.iter().take_while(|(owed, _)| lateness(*owed) > self.rules.late).count();
        Standing { keys: self.entries.len(), late, oldest }
    }

    /// Takes in what happens at `now`.
    pub fn on(&mut self, event: Event<K>, now: Millis) -> Vec<Effect<K>> {
        match event {
            Event::Joined => self.join(now),
            // What is not told for want of anybody is told anew when there is somebody: it is not late.
            Event::Alone => (self.joined, self.behind) = (false, false),
            Event::Added(key) => {
                if let Some(entry) = self.first_time(&key, now) {
                    self.put(key, entry);
                }
            }
            Event::Begun(key) => {
                let before = self.take(&key);
                if before.is_some() || self.entries.len() < self.rules.most {
                    let known = before.is_some_and(|entry| entry.known);
                    self.put(key, Entry { next: None, ..Entry::waiting(now, known) });
                }
            }
            Event::Removed(key) => drop(self.take(&key)),
            Event::Told { key, done } => self.told(key, done, now),
            Event::Tick => {}
        }
        let mut effects = self.due(now);
        effects.extend(self.judge(now));
        effects
    }

    /// The next number of 0..1: each one far from those before.
    fn deal(&mut self) -> f64 {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        self.dealt = self.dealt.wrapping_add(1);
        (self.seed + f64::from(self.dealt) * GOLDEN).fract()
    }

    /// A moment within `span` from `now`.
    fn within(&mut self, now: Millis, span: Millis) -> Millis {
        now.saturating_add((span as f64 * self.deal()) as Millis)
    }

    /// The time in which `count` keys are told one after the other; a few need none.
    fn span(&self, count: usize) -> Millis {
        let many = Millis::try_from(count.saturating_sub(self.rules.at_once)).unwrap_or(Millis::MAX);
        many.saturating_mul(self.rules.pace).min(self.rules.interval / 2)
    }

    fn first_time(&mut self, key: &K, now: Millis) -> Option<Entry> {
        if self.entries.contains_key(key) || self.entries.len() >= self.rules.most {
            return None;
        }
        if self.fresh < self.rules.at_once {
            // Nobody knows of it yet, and of what is late many still do: a few new ones go before all that.
            let first = self.waiting.first().map_or(now, |(at, _)| now.min(*at));
            return Some(Entry { next: Some(first), ..Entry::waiting(now, false) });
        }
        let span = self.span(self.fresh);
        Some(Entry::waiting(self.within(now, span), false))
    }

    fn put(&mut self, key: K, entry: Entry) {
        self.fresh += usize::from(!entry.known);
        self.owed.insert((entry.owed, key.clone()));
        if let Some(next) = entry.next {
            self.waiting.insert((next, key.clone()));
        }
        self.entries.insert(key, entry);
    }

    fn take(&mut self, key: &K) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.fresh -= usize::from(!entry.known);
        self.owed.remove(&(entry.owed, key.clone()));
        if let Some(next) = entry.next {
            self.waiting.remove(&(next, key.clone()));
        }
        Some(entry)
    }

    fn join(&mut self, now: Millis) {
        self.joined = true;
        let span = self.span(self.entries.len());
        for entry in self.entries.values_mut().filter(|entry| entry.next.is_none()) {
            entry.again = true;
        }
        let idle: Vec<K> = self.waiting.iter().map(|(_, key)| key.clone()).collect();
        for key in idle {
            let at = self.within(now, span);
            if let Some(entry) = self.take(&key) {
                self.put(key, Entry::waiting(at, entry.known));
            }
        }
    }

    fn told(&mut self, key: K, done: bool, now: Millis) {
        // One that was removed meanwhile, or that nobody waits for, is nobody's.
        if self.entries.get(&key).is_none_or(|entry| entry.next.is_some()) {
            return;
        }
        let jitter = 0.75 + self.deal() / 2.0;
        let Some(entry) = self.take(&key) else { return };
        let pause = |time: Millis| now.saturating_add((time as f64 * jitter) as Millis);
        let after = if done {
            Entry::waiting(pause(self.rules.interval), true)
        } else if entry.again {
            Entry::waiting(now, entry.known)
        } else {
            let doubled = self.rules.retry.saturating_mul(1 << entry.failed.min(16));
            let at = pause(doubled.min(self.rules.interval));
            Entry { next: Some(at), failed: entry.failed.saturating_add(1), ..entry }
        };
        self.put(key, after);
    }

    /// The keys whose time has come, as far as there is room.
    fn due(&mut self, now: Millis) -> Vec<Effect<K>> {
        let mut effects = Vec::new();
        if !self.joined {
            return effects;
        }
        let mut under_way = self.entries.len().saturating_sub(self.waiting.len());
        while under_way < self.rules.at_once {
            let Some((at, key)) = self.waiting.first().cloned() else { break };
            if at > now {
                break;
            }
            self.waiting.pop_first();
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.next = None;
            }
            under_way += 1;
            effects.push(Effect::Tell(key));
        }
        effects
    }

    /// Whether the owner is to hear that it has fallen behind, or has caught up.
    fn judge(&mut self, now: Millis) -> Option<Effect<K>> {
        if !self.joined {
            return None;
        }
        let oldest = self.owed.first().map_or(0, |(owed, _)| now.saturating_sub(*owed));
        if !self.behind && oldest > self.rules.late {
            self.behind = true;
            return Some(Effect::Behind(self.standing(now)));
        }
        // Not at the bound itself, so that it is not told again and again.
        if self.behind && oldest <= self.rules.late / 2 {
            self.behind = false;
            return Some(Effect::CaughtUp(self.standing(now)));
        }
        None
    }
}

#[cfg(test)]
#[path = "republish_tests.rs"]
mod tests;
