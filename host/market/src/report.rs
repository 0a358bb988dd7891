//! How a job tells what it is doing, and how it is told to stop.
//!
//! Never an answer: answers are returned. Invariant: telling costs no more than a call, and never fails a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ggen_store::{Attend, LockHolder};

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
    /// Another process has a lock that this one needs.
    Waiting(LockHolder),
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

/// What the store calls while it waits for a lock.
pub(crate) fn waiting(reporter: &Arc<dyn Reporter>) -> impl FnMut(&LockHolder) + use<> {
    let reporter = Arc::clone(reporter);
    move |holder| reporter.report(Progress::Waiting(holder.clone()))
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Progress) {}
}

/// The user's wish to stop, seen by every step of a job; and whether it came too late.
///
/// ```text
/// running ── cancel ──► cancelled: the job ends, and nothing has happened
///    └─ begin_commit ─► committing: the job goes to its end, and all of it has ── cancel ──► the same, in a hurry
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicU8>);

const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
const COMMITTING: u8 = 2;
const HURRIED: u8 = 3;

impl Cancel {
    /// Wishes it. A job that has begun to commit leaves out only what comes after its commit.
    pub fn cancel(&self) {
        let next = |state| match state {
            RUNNING => Some(CANCELLED),
            COMMITTING => Some(HURRIED),
            _ => None,
        };
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }

    /// Whether it was wished in time.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) == CANCELLED
    }

    /// From here on a wish comes too late, until the job is done; `false` if there was one already.
    pub fn begin_commit(&self) -> bool {
        let begun = self.0.compare_exchange(RUNNING, COMMITTING, Ordering::SeqCst, Ordering::SeqCst);
        begun != Err(CANCELLED)
    }

    /// Whether the job has begun to commit.
    pub fn is_committing(&self) -> bool {
        matches!(self.0.load(Ordering::SeqCst), COMMITTING | HURRIED)
    }

    /// Whether the wish came after the commit had begun.
    pub fn is_hurried(&self) -> bool {
        self.0.load(Ordering::SeqCst) == HURRIED
    }
}

/// Tells the user who is waited for, and the store whether the user still wants it.
pub(crate) struct Attending {
    pub(crate) reporter: Arc<dyn Reporter>,
    pub(crate) cancel: Cancel,
}

impl Attend for Attending {
    fn waiting(&mut self, holder: &LockHolder) {
        self.reporter.report(Progress::Waiting(holder.clone()));
    }

    fn may_commit(&mut self) -> bool {
        self.cancel.begin_commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_comes_first_stands() {
        let late = Cancel::default();
        assert!(late.begin_commit() && late.begin_commit());
        late.cancel();
        assert!(late.is_committing() && late.is_hurried() && !late.is_cancelled() && late.begin_commit());
        let early = Cancel::default();
        early.cancel();
        assert!(!early.begin_commit() && early.is_cancelled() && !early.is_committing());
    }
}
