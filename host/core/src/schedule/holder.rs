//! One holder, as the schedule sees it.
//!
//! Decides when it has kept waiting for too long; never who takes over. Invariant: whatever comes from it and how slowly,
//! it has given a whole chunk by [`Holder::last_due`], or its part is over then.

use std::collections::VecDeque;

use super::rules::{Millis, Rules};
use crate::stock::Stock;
use crate::window::{Mark, Window};

/// So many times the patience is waited for a chunk that comes, if slowly.
const SLOWLY: u64 = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Waiting,
    Active,
    Ended,
}

#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub part: Part,
    pub stock: Stock,
    pub asked: VecDeque<(u64, Mark)>,
    pub window: Window,
    pub progress: Millis,
    /// When bytes came last that are no whole chunk yet.
    pub stirred: Millis,
    /// Milliseconds a chunk, smoothed.
    pub pace: Option<f64>,
    /// When it was asked what it has now, while it has not answered.
    pub looking: Option<Millis>,
    /// When it said last what it has.
    pub looked: Millis,
}

/// What an idle holder of a part is due for.
pub(super) enum Idle {
    Look,
    Spent,
}

impl Holder {
    pub fn new(rules: &Rules, now: Millis) -> Self {
        Self {
            part: Part::Waiting,
            stock: Stock::Whole,
            asked: VecDeque::new(),
            window: Window::new(rules.window),
            progress: now,
            stirred: now,
            pace: None,
            looking: None,
            looked: now,
        }
    }

    /// How long one more chunk would take.
    pub fn next_takes(&self) -> Option<f64> {
        Some(self.pace? * (self.asked.len() + 1) as f64)
    }

    /// When it has kept waiting for the whole patience.
    pub fn due(&self, patience: Millis) -> Option<Millis> {
        let active = self.part == Part::Active;
        let chunk = (active && !self.asked.is_empty()).then_some(self.progress);
        let look = self.looking.filter(|_| active);
        chunk.into_iter().chain(look).min().map(|since| since + patience)
    }

    /// When it has done so in spite of what came meanwhile.
    pub fn last_due(&self, patience: Millis) -> Option<Millis> {
        let due = self.due(patience)?;
        Some(due.max(self.stirred + patience).min(due + patience * (SLOWLY - 1)))
    }

    pub fn delivered(&mut self, chunk: u64, now: Millis) {
        let Some(place) = self.asked.iter().position(|(c, _)| *c == chunk) else { return };
        let Some((_, mark)) = self.asked.remove(place) else { return };
        let pace = now.saturating_sub(self.progress.max(mark.at)) as f64;
        self.pace = Some(self.pace.map_or(pace, |before| before * 0.75 + pace * 0.25));
        self.progress = now;
        self.window.proved(mark, now);
    }
}
