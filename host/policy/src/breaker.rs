//! When a scoring policy that keeps failing is set aside, and when it is tried again.
//!
//! ```text
//! heeded ── so many faults in a row ──▶ aside ── its period is over ──▶ one trial ── a fault ──▶ aside
//!    ▲                                                                     │
//!    └───────────────────────────────── an answer ─────────────────────────┘
//! ```
//!
//! Decides by the times it is given, and never looks at a clock. Invariant: while it is aside, or while one call tries
//! it, nobody else is told to ask it.

use std::time::{Duration, Instant};

/// Where one link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Heeded { faults: u32 },
    Aside { until: Instant },
    Trial { since: Instant },
}

/// What a call's end changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Set aside, for the first time or again.
    SetAside,
    /// Heeded again.
    Back,
}

/// One link's breaker.
#[derive(Debug)]
pub struct Breaker {
    standing: Standing,
    faults: u32,
    period: Duration,
}

impl Breaker {
    /// Sets aside after `faults` in a row, for `period`.
    pub const fn new(faults: u32, period: Duration) -> Self {
        Self { standing: Standing::Heeded { faults: 0 }, faults, period }
    }

    /// Whether the link is asked now. A trial that never ended counts as over after another period.
    pub fn may_ask(&mut self, now: Instant) -> bool {
        let over = |since: Instant, period| now.saturating_duration_since(since) >= period;
        match self.standing {
            Standing::Heeded { .. } => true,
            Standing::Aside { until } if now < until => false,
            Standing::Trial { since } if !over(since, self.period) => false,
            Standing::Aside { .. } | Standing::Trial { .. } => {
                self.standing = Standing::Trial { since: now };
                true
            }
        }
    }

    /// Takes how a call ended.
    pub fn ended(&mut self, failed: bool, now: Instant) -> Option<Change> {
        let aside = Standing::Aside { until: now.checked_add(self.period).unwrap_or(now) };
        let (standing, change) = match (self.standing, failed) {
            (Standing::Heeded { .. }, false) => (Standing::Heeded { faults: 0 }, None),
            (Standing::Heeded { faults }, true) if faults.saturating_add(1) < self.faults => {
                (Standing::Heeded { faults: faults.saturating_add(1) }, None)
            }
            (Standing::Heeded { .. } | Standing::Trial { .. }, true) => (aside, Some(Change::SetAside)),
            (Standing::Trial { .. }, false) => (Standing::Heeded { faults: 0 }, Some(Change::Back)),
            // A call that began before others set it aside.
            (aside @ Standing::Aside { .. }, _) => (aside, None),
        };
        self.standing = standing;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);

    #[test]
    fn after_faults_in_a_row_it_is_aside_for_a_while_and_then_tried_once() {
        let begun = Instant::now();
        let mut breaker = Breaker::new(3, PERIOD);
        for failed in [true, true, false, true, true] {
            assert!(breaker.may_ask(begun));
            assert_eq!(breaker.ended(failed, begun), None);
        }
        assert_eq!(breaker.ended(true, begun), Some(Change::SetAside));
        assert!(!breaker.may_ask(begun + PERIOD - Duration::from_millis(1)));

        let later = begun + PERIOD;
        assert!(breaker.may_ask(later));
        assert!(!breaker.may_ask(later), "one trial, not two");
        assert_eq!(breaker.ended(true, later), Some(Change::SetAside));
        assert!(!breaker.may_ask(later));

        let again = later + PERIOD;
        assert!(breaker.may_ask(again));
        assert_eq!(breaker.ended(false, again), Some(Change::Back));
        assert!(breaker.may_ask(again));
        assert_eq!(breaker.ended(true, again), None);
    }

    #[test]
    fn calls_under_way_change_nothing_and_a_lost_trial_is_made_up_for() {
        let begun = Instant::now();
        let mut breaker = Breaker::new(1, PERIOD);
        assert_eq!(breaker.ended(true, begun), Some(Change::SetAside));
        assert_eq!(breaker.ended(false, begun), None);
        assert!(!breaker.may_ask(begun));
        assert!(breaker.may_ask(begun + PERIOD));
        assert!(breaker.may_ask(begun + 2 * PERIOD));
    }
}
