//! What is left when a decision has been made: links that only watch, still to be asked, and what the operator must be
//! told.
//!
//! Decides how much of it is kept. A shadow link's question waits here with everything that it needs, so that it adds
//! nothing to the decision that it watches, and finishes on the policies that it was asked of even where others have
//! taken their place. Invariant: bounded in number and bytes; what does not fit is counted, not kept, and stays to
//! `policy replay`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::asking::{Asking, Watched};
use crate::decision::Decision;

/// Questions that wait at most.
const QUESTIONS: usize = 256;
/// All their texts at most, in bytes.
const BYTES: usize = 16 << 20;
/// Notices at most.
const NOTICES: usize = 64;

/// Something that the operator must be told, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyNotice {
    /// `policy-set-aside` or `policy-back`.
    pub code: &'static str,
    /// The sentence.
    pub message: String,
}

/// A question for a link that only watches.
pub(crate) struct Shadow {
    /// The question, its chain and its engine.
    pub asking: Asking,
    /// Which link of the chain.
    pub place: usize,
}

/// Shadow questions and notices; shared by all hosts of one program, because a set of policies may be swapped meanwhile.
#[derive(Default)]
pub struct Afterwards {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    shadows: VecDeque<Shadow>,
    bytes: usize,
    lost: u64,
    notices: Vec<PolicyNotice>,
}

impl Afterwards {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, shadow: Shadow) {
        let mut kept = self.lock();
        let bytes = kept.bytes.saturating_add(shadow.asking.size());
        if kept.shadows.len() >= QUESTIONS || bytes > BYTES {
            kept.lost = kept.lost.saturating_add(1);
            return;
        }
        kept.bytes = bytes;
        kept.shadows.push_back(shadow);
    }

    pub(crate) fn tell(&self, code: &'static str, message: String) {
        let mut kept = self.lock();
        if kept.notices.len() < NOTICES {
            kept.notices.push(PolicyNotice { code, message });
        }
    }

    fn next(&self) -> Option<Shadow> {
        let mut kept = self.lock();
        let shadow = kept.shadows.pop_front()?;
        kept.bytes = kept.bytes.saturating_sub(shadow.asking.size());
        Some(shadow)
    }

    /// Asks waiting shadow links for at most `budget`, oldest first; what is not reached waits on. A link that needed
    /// more time than was left has no row: it is not the policy that failed.
    pub fn finish(&self, budget: Duration) -> Vec<Decision> {
        let end = Instant::now().checked_add(budget);
        let mut rows = Vec::new();
        loop {
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return rows;
            }
            let Some(Shadow { asking, place }) = self.next() else { return rows };
            match asking.watch(place, left) {
                Watched::Row(row) => rows.push(*row),
                Watched::Nothing => {}
                Watched::Cut => {
                    let mut kept = self.lock();
                    kept.lost = kept.lost.saturating_add(1);
                }
            }
        }
    }

    /// Questions that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().shadows.len()
    }

    /// Questions that no shadow link answered, for want of room or time.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// What to tell, which is then gone from here.
    #[must_use]
    pub fn notices(&self) -> Vec<PolicyNotice> {
        std::mem::take(&mut self.lock().notices)
    }
}

impl std::fmt::Debug for Afterwards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Afterwards").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
