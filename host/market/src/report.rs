//! How a job tells what it is doing, and how it is told to stop.
//!
//! Never an answer: answers are returned. Invariant: telling costs no more than a call, and never fails a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::answers::Notice;

/// Something worth a line or a bar while a job runs.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A new step: `resolving`, `fetching web-framework 2.1.0`, …
    Step(String),
    /// Bytes of the current download.
    Bytes {
        /// Here and proved.
        done: u64,
        /// In all.
        total: u64,
    },
    /// Another process has the lock: its own words for it.
    Waiting(String),
    /// What the user should read although the job goes on.
    Notice(Notice),
    /// For `-v` only.
    Detail(String),
}

/// Takes progress: a terminal, a log, nothing.
pub trait Reporter: Send + Sync {
    /// Takes one piece.
    fn report(&self, progress: Progress);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Progress) {}
}

/// The user's wish to stop, seen by every step of a job.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Wishes it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was wished.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
