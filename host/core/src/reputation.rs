//! What this node remembers of a peer: outcomes whose weight fades.
//!
//! A plain value with `(state, event, now) -> state`; the host keeps it, a scoring policy judges by it. Invariant: no
//! event of a peer's own making raises its score, but bytes that were proved against a signed release.

use serde::{Deserialize, Serialize};

use crate::hooks::{Offence, OffenceClass, PeerFacts, Tally, Traits};

const DAY: f64 = 24.0 * 3600.0 * 1000.0;

/// What came of dealing with a peer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Outcome {
    /// Bytes that were proved, in so many milliseconds.
    Served {
        /// How many.
        bytes: u64,
        /// How long it took.
        elapsed_ms: u64,
        /// From a request to its first answer.
        latency_ms: Option<f64>,
    },
    /// It failed otherwise.
    Failed,
    /// No answer in time.
    TimedOut,
    /// An answer that was not what was signed.
    Corrupt,
}

/// One peer's record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerRecord {
    day: Tally,
    month: Tally,
    bytes_served: u64,
    latency_ms: Option<f64>,
    bytes_per_second: Option<f64>,
    first_seen: u64,
    last_success: Option<u64>,
    faded_at: u64,
    offences: Vec<(OffenceClass, u32, Vec<u64>)>,
    /// Asked last until then.
    pub avoid_until: u64,
}

/// Offences of a class whose times are kept: more of them only count.
const MAX_TIMES: usize = 64;

impl PeerRecord {
    /// A peer that was never met before `now`.
    pub fn new(now: u64) -> Self {
        Self {
            day: Tally::default(),
            month: Tally::default(),
            bytes_served: 0,
            latency_ms: None,
            bytes_per_second: None,
            first_seen: now,
            last_success: None,
            faded_at: now,
            offences: Vec::new(),
            avoid_until: 0,
        }
    }

    fn fade(&mut self, now: u64) {
        let elapsed = now.saturating_sub(self.faded_at) as f64 / DAY;
        scale(&mut self.day, 0.5f64.powf(elapsed));
        scale(&mut self.month, 0.5f64.powf(elapsed / 30.0));
        self.faded_at = self.faded_at.max(now);
    }

    /// Takes one outcome.
    pub fn record(&mut self, outcome: Outcome, now: u64) {
        self.fade(now);
        for tally in [&mut self.day, &mut self.month] {
            match outcome {
                Outcome::Served { .. } => tally.successes += 1.0,
                Outcome::Failed => tally.failures += 1.0,
                Outcome::TimedOut => tally.timeouts += 1.0,
                Outcome::Corrupt => tally.corruptions += 1.0,
            }
        }
        if let Outcome::Served { bytes, elapsed_ms, latency_ms } = outcome {
            self.bytes_served = self.bytes_served.saturating_add(bytes);
            self.last_success = Some(now);
            let rate = bytes as f64 * 1000.0 / elapsed_ms.max(1) as f64;
            self.bytes_per_second = Some(smooth(self.bytes_per_second, rate));
            if let Some(latency) = latency_ms.filter(|l| l.is_finite() && *l >= 0.0) {
                self.latency_ms = Some(smooth(self.latency_ms, latency));
            }
        }
    }

    /// Counts one offence, and tells it as a policy is told.
    pub fn offend(&mut self, class: OffenceClass, code: &str, now: u64) -> Offence {
        let place = match self.offences.iter().position(|(c, _, _)| *c == class) {
            Some(place) => place,
            None => {
                self.offences.push((class, 0, Vec::new()));
                self.offences.len() - 1
            }
        };
        let (mut today, mut ever) = (1, 1);
        if let Some((_, count, times)) = self.offences.get_mut(place) {
            times.retain(|t| now.saturating_sub(*t) < DAY as u64);
            if times.len() == MAX_TIMES {
                times.remove(0);
            }
            times.push(now);
            *count = count.saturating_add(1);
            (today, ever) = (times.len() as u32, *count);
        }
        Offence { class, code: code.to_owned(), today, ever }
    }

    /// What a policy is told of it, in numbers that JSON gives back exactly; the subnet's numbers are the caller's.
    pub fn facts(&self, now: u64, traits: Traits) -> PeerFacts {
        let mut faded = self.clone();
        faded.fade(now);
        PeerFacts {
            day: rounded(faded.day),
            month: rounded(faded.month),
            bytes_served: self.bytes_served,
            latency_ms: self.latency_ms.map(round),
            bytes_per_second: self.bytes_per_second.map(round),
            first_seen: self.first_seen,
            last_success: self.last_success,
            traits,
            ..PeerFacts::default()
        }
    }
}

fn scale(tally: &mut Tally, factor: f64) {
    for count in [&mut tally.successes, &mut tally.failures, &mut tally.timeouts, &mut tally.corruptions] {
        *count *= factor;
    }
}

/// To a millionth, large ones to whole numbers. A decision is replayed from its text, and JSON's readers are exact for
/// numbers of at most 15 digits only.
fn round(number: f64) -> f64 {
    const MOST: f64 = 1e9;
    if number.abs() < MOST { (number * 1e6).round() / 1e6 } else { number.round() }
}

fn rounded(tally: Tally) -> Tally {
    Tally {
        successes: round(tally.successes),
        failures: round(tally.failures),
        timeouts: round(tally.timeouts),
        corruptions: round(tally.corruptions),
    }
}

fn smooth(before: Option<f64>, now: f64) -> f64 {
    before.map_or(now, |before| before * 0.7 + now * 0.3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_fade_with_their_half_lives() {
        let mut record = PeerRecord::new(0);
        record.record(Outcome::Served { bytes: 1000, elapsed_ms: 10, latency_ms: Some(2.0) }, 0);
        record.record(Outcome::TimedOut, 0);
        let facts = record.facts(DAY as u64, Traits::default());
        assert!((facts.day.successes - 0.5).abs() < 1e-9 && (facts.day.timeouts - 0.5).abs() < 1e-9);
        assert!(facts.month.successes > 0.97);
        assert_eq!(facts.bytes_per_second, Some(100_000.0));
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<PeerRecord>(&json).unwrap(), record);
    }

    #[test]
    fn offences_are_counted_by_class_and_day() {
        let mut record = PeerRecord::new(0);
        for n in 1..=3 {
            assert_eq!(record.offend(OffenceClass::Flood, "messages", n).today, n as u32);
        }
        let later = record.offend(OffenceClass::Flood, "messages", 2 * DAY as u64);
        assert_eq!((later.today, later.ever), (1, 4));
        assert_eq!(record.offend(OffenceClass::CorruptData, "chunk-digest", 5).ever, 1);
    }

    proptest::proptest! {
        #[test]
        fn facts_come_back_from_their_text_as_they_were(
            events in proptest::collection::vec((0..4u8, 1..1u64 << 40, 0..100_000u64, 0.0..1e7f64, 0..1u64 << 33), 1..8),
            later in 0..1u64 << 34,
        ) {
            let (mut record, mut now) = (PeerRecord::new(0), 0);
            for (kind, bytes, elapsed_ms, latency, passed) in events {
                now += passed;
                let outcome = match kind {
                    0 => Outcome::Served { bytes, elapsed_ms, latency_ms: Some(latency) },
                    1 => Outcome::Failed,
                    2 => Outcome::TimedOut,
                    _ => Outcome::Corrupt,
                };
                record.record(outcome, now);
            }
            let facts = record.facts(now + later, Traits::default());
            let text = serde_json::to_string(&facts).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<PeerFacts>(&text).unwrap(), facts);
        }
    }

    #[test]
    fn a_clock_that_goes_back_makes_nothing_grow() {
        let mut record = PeerRecord::new(DAY as u64);
        record.record(Outcome::Corrupt, 0);
        assert!(record.facts(0, Traits::default()).day.corruptions <= 1.0);
    }
}
