//! What a job tells while it runs: a live line on a terminal, plain lines without one.
//!
//! Decides nothing about the job. Invariant: telling never blocks a job on anything but stderr, and nothing is told
//! twice.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ggen_market::{Notice, Progress, Reporter};
use indicatif::{ProgressBar, ProgressStyle};

use super::clean;
use super::page::Page;
use crate::format::in_use;

/// The most notices that are remembered as told.
const MAX_REMEMBERED: usize = 1024;
/// Between two frames of a live line.
const FRAME: Duration = Duration::from_millis(100);

/// What is told, and how.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// A terminal: lines may be overwritten.
    pub live: bool,
    /// Steps.
    pub steps: bool,
    /// Notices, and waits for others.
    pub notices: bool,
    /// Details.
    pub details: bool,
    /// Colours.
    pub colour: bool,
}

/// Tells on stderr.
pub struct Teller {
    style: Style,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    total: Option<u64>,
    told: BTreeSet<(String, String)>,
}

impl Teller {
    /// Tells nothing yet.
    pub fn new(style: Style) -> Self {
        Self { style, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the live line away.
    pub fn end(&self) {
        if let Some(bar) = self.state().bar.take() {
            bar.finish_and_clear();
        }
    }

    /// A plain line of progress.
    pub fn line(&self, text: &str) {
        if self.style.steps {
            self.print(|page| page.line(text));
        }
    }

    /// A notice, once.
    pub fn notice(&self, notice: &Notice) {
        if !self.style.notices {
            return;
        }
        let mut state = self.state();
        if state.told.len() >= MAX_REMEMBERED || !state.told.insert((notice.code.clone(), notice.message.clone())) {
            return;
        }
        drop(state);
        self.print(|page| page.warning(&notice.message));
    }

    fn print(&self, write: impl FnOnce(&mut Page)) {
        let mut page = Page::new(self.style.colour);
        write(&mut page);
        let print = || drop(io::stderr().write_all(page.text().as_bytes()));
        match &self.state().bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn step(&self, text: &str) {
        if !self.style.live {
            self.line(text);
            return;
        }
        let mut state = self.state();
        state.total = None;
        let bar = state.bar.get_or_insert_with(ProgressBar::new_spinner);
        bar.set_style(style("{spinner} {msg}"));
        bar.set_message(clean::line(text));
        bar.enable_steady_tick(FRAME);
    }

    fn bytes(&self, done: u64, total: u64) {
        if !self.style.live {
            return;
        }
        let mut state = self.state();
        if state.total.replace(total) != Some(total) {
            let bar = state.bar.get_or_insert_with(ProgressBar::new_spinner);
            bar.set_style(style("{spinner} {msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}"));
            bar.set_length(total);
            bar.enable_steady_tick(FRAME);
        }
        if let Some(bar) = &state.bar {
            bar.set_position(done);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Reporter for Teller {
    fn report(&self, progress: Progress) {
        match progress {
            Progress::Step(text) => self.step(&text),
            Progress::Bytes { done, total } => self.bytes(done, total),
            Progress::Waiting(holder) if self.style.notices => {
                self.print(|page| page.line(format!("⏳ waiting for {}: {}", holder.what, in_use(&holder))));
            }
            Progress::Notice(notice) => self.notice(&notice),
            Progress::Detail(text) if self.style.details => self.print(|page| page.aside(format!("  {text}"))),
            Progress::Waiting(_) | Progress::Detail(_) => {}
        }
    }
}
