//! How a job tells what it is doing, and how it is told to stop.
//!
//! Never an answer: answers are returned. Invariant: telling costs no more than a call, and never fails a job.

use std::sync::Arc;

use ggen_store::{Attend, LockHolder};
use tokio::sync::watch;

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
#[derive(Clone, Debug)]
pub struct Cancel(Arc<watch::Sender<Wish>>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    Running,
    Cancelled,
    Committing,
    Hurried,
}

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Wish::Running)))
    }
}

impl Cancel {
    fn state(&self) -> Wish {
        *self.0.borrow()
    }

    /// Wishes it. A job that has begun to commit leaves out only what comes after its commit.
    pub fn cancel(&self) {
        self.0.send_if_modified(|state| {
            let next = match *state {
                Wish::Running => Wish::Cancelled,
                Wish::Committing => Wish::Hurried,
                Wish::Cancelled | Wish::Hurried => return false,
            };
            *state = next;
            true
        });
    }

    /// Resolves when it is wished, in time or not.
    pub async fn wished(&self) {
        let wish = |state: &Wish| matches!(state, Wish::Cancelled | Wish::Hurried);
        // It ends with the sender at the earliest, and that is here.
        let _ = self.0.subscribe().wait_for(wish).await;
    }

    /// Whether it was wished in time.
    pub fn is_cancelled(&self) -> bool {
        self.state() == Wish::Cancelled
    }

    /// From here on a wish comes too late, until the job is done; `false` if there was one already.
    pub fn begin_commit(&self) -> bool {
        let mut begun = false;
        self.0.send_if_modified(|state| {
            begun = *state != Wish::Cancelled;
            if *state == Wish::Running {
                *state = Wish::Committing;
            }
            // Nobody waits for this.
            false
        });
        begun
    }

    /// Whether the job has begun to commit.
    pub fn is_committing(&self) -> bool {
        matches!(self.state(), Wish::Committing | Wish::Hurried)
    }

    /// Whether the wish came after the commit had begun.
    pub fn is_hurried(&self) -> bool {
        self.state() == Wish::Hurried
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

    #[tokio::test]
    async fn who_waits_hears_of_a_wish_and_of_nothing_else() {
        use futures::FutureExt as _;
        for commits in [false, true] {
            let cancel = Cancel::default();
            let (there, wishes) = (cancel.clone(), cancel.clone());
            let wished = there.wished();
            tokio::pin!(wished);
            assert!(wished.as_mut().now_or_never().is_none());
            assert!(!commits || cancel.begin_commit());
            assert!(wished.as_mut().now_or_never().is_none(), "a commit is no wish");
            tokio::join!(wished, async move { wishes.cancel() });
            cancel.wished().await;
        }
    }
}
