//! How many chunks one holder is asked for ahead.
//!
//! Decides by what was measured: a holder's window is what it delivers in the time that one question takes, and half as
//! much again; so a fast one far away holds many, a slow one few, and one that nearly stalls two. Never waits. Invariant:
//! a window is never more than its bound, and 1 only while the time of one question is measured anew.
//!
//! ```text
//! window = 1.5 x (question to proved chunk, nothing else under way) / (milliseconds a chunk, many under way)
//! ```

/// Milliseconds of a clock that only rises.
type Millis = u64;

/// Chunks that a holder is asked for before it delivered any.
const FIRST: usize = 4;
/// Chunks that a holder is asked for, at least.
const LEAST: usize = 2;
/// How much more than what the way to the holder has room for is asked for.
const ROOM: f64 = 1.5;
/// The shortest time of one question that is told from another, in milliseconds.
const PRECISION: f64 = 2.0;
/// After so long the time of one question is measured anew: the way may be another one.
const MEASURED: Millis = 10_000;

/// What is to be known of a question when its answer comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// When it was asked.
    pub at: Millis,
    /// Questions that were under way then.
    ahead: usize,
    /// Chunks that had come then.
    before: u64,
}

/// The window of one holder.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    most: usize,
    size: usize,
    delivered: u64,
    /// Milliseconds a chunk, with many under way.
    each: Option<f64>,
    /// Milliseconds of one question, and when that was measured.
    round: Option<f64>,
    measured: Millis,
    /// What is under way runs out, so that the next question is alone.
    measuring: bool,
}

impl Window {
    /// Of a holder that nothing is known of.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        let (delivered, each, round, measured, measuring) = (0, None, None, 0, false);
        Self { most, size: FIRST.min(most), delivered, each, round, measured, measuring }
    }

    /// How many chunks may be under way now.
    pub fn size(&self) -> usize {
        if self.measuring { 1 } else { self.size }
    }

    /// A question goes out while `ahead` others are under way.
    pub fn asked(&self, ahead: usize, now: Millis) -> Mark {
        Mark { at: now, ahead, before: self.delivered }
    }

    /// Its answer came and is what was signed.
    pub fn proved(&mut self, mark: Mark, now: Millis) {
        self.delivered += 1;
        let took = (now.saturating_sub(mark.at) as f64).max(PRECISION);
        let alone = self.measuring && mark.ahead == 0;
        if alone || self.round.is_none_or(|round| took <= round) {
            (self.round, self.measured) = (Some(took), now);
        }
        if alone {
            self.measuring = false;
            self.size = self.target().unwrap_or(self.size);
            return;
        }
        // Of a question that had the way for itself nothing is to be learned about how much goes over it.
        if (mark.ahead + 1) * 2 >= self.size {
            let each = took / self.delivered.saturating_sub(mark.before).max(1) as f64;
            let slower = |known: &f64| each > *known;
            self.each = Some(self.each.filter(slower).map_or(each, |known| known * 0.75 + each * 0.25));
            if let Some(target) = self.target() {
                let fewer = target.max(self.size / 2);
                self.size = if target > self.size { self.size + 1 } else { fewer };
            }
        }
        self.measuring |= now.saturating_sub(self.measured) > MEASURED;
    }

    fn target(&self) -> Option<usize> {
        let chunks = (ROOM * self.round? / self.each?).ceil();
        Some((chunks as usize).clamp(LEAST.min(self.most), self.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// A holder behind a way: a chunk takes `each` to be sent, and every question `round` besides.
    struct Way {
        window: Window,
        asked: VecDeque<Mark>,
        now: f64,
        /// When the holder has sent all that it was asked for.
        sent: f64,
        arrivals: VecDeque<f64>,
    }

    impl Way {
        fn new(most: usize) -> Self {
            let (asked, arrivals) = (VecDeque::new(), VecDeque::new());
            Self { window: Window::new(most), asked, now: 0.0, sent: 0.0, arrivals }
        }

        /// Carries so many chunks; how long it took.
        fn carry(&mut self, chunks: usize, round: f64, each: f64) -> f64 {
            let begun = self.now;
            for _ in 0..chunks {
                while self.asked.len() < self.window.size() {
                    self.asked.push_back(self.window.asked(self.asked.len(), self.now as Millis));
                    self.sent = self.sent.max(self.now + round / 2.0) + each;
                    self.arrivals.push_back(self.sent + round / 2.0);
                }
                self.now = self.now.max(self.arrivals.pop_front().unwrap());
                self.window.proved(self.asked.pop_front().unwrap(), self.now as Millis);
            }
            self.now - begun
        }
    }

    #[test]
    fn a_fast_holder_far_away_is_asked_for_much_and_a_slow_one_for_little() {
        let mut far = Way::new(64);
        far.carry(300, 100.0, 5.0);
        assert!((21..=40).contains(&far.window.size), "20 chunks are under way over 100 ms: {}", far.window.size);
        let mut slow = Way::new(64);
        slow.carry(20, 5.0, 800.0);
        assert_eq!(slow.window.size, LEAST);
        let mut near = Way::new(16);
        near.carry(100, 0.1, 0.3);
        assert!(near.window.size >= 8, "{}", near.window.size);
        assert_eq!(Window::new(0).size(), 1);
    }

    #[test]
    fn who_becomes_slow_holds_few_soon_and_many_again_when_that_is_over() {
        let mut way = Way::new(32);
        way.carry(200, 50.0, 3.0);
        let before = way.window.size;
        assert!(before >= 17, "{before}");
        // What is under way comes late; from then on no more than two are asked for.
        way.carry(before + 4, 50.0, 1000.0);
        assert_eq!(way.window.size, LEAST);
        way.carry(200, 50.0, 3.0);
        assert!(way.window.size >= 17, "{}", way.window.size);
    }

    #[test]
    fn a_longer_way_is_noticed() {
        let mut way = Way::new(32);
        way.carry(200, 5.0, 4.0);
        assert!(way.window.size <= 6, "{}", way.window.size);
        let mut took = 0.0;
        while took < 2.0 * MEASURED as f64 {
            took += way.carry(10, 100.0, 4.0);
        }
        assert!(way.window.size >= 25, "25 chunks are under way over 100 ms: {}", way.window.size);
    }

    proptest! {
        /// Whatever the way, the window stays within its bounds, and once it is known, the way is used to nine tenths.
        #[test]
        fn any_way_is_filled_and_not_flooded(round in 1.0f64..300.0, each in 0.5f64..200.0, most in 1usize..64) {
            let mut way = Way::new(most);
            way.carry(400, round, each);
            prop_assert!((1..=most.max(1)).contains(&way.window.size()));
            let fits = (round + each) / each;
            prop_assert!(way.window.size as f64 <= 2.0 * fits + 3.0, "{} of {fits}", way.window.size);
            let took = way.carry(400, round, each);
            let best = (400.0 * each).max(400.0 * (round + each) / most as f64);
            prop_assert!(took <= best * 1.15 + 3.0 * (round + each), "{took} instead of {best}");
        }
    }
}
