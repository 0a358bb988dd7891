//! The policy `beta-reputation`: peers are scored by what they did, and offences cost what they do harm.
//!
//! The score is the mean of a Beta distribution over recent outcomes, tempered by how fast the peer is expected to be; it
//! depends on nothing but this node's own sight of the peer. Invariant: speed never lifts a peer above what it has earned,
//! being slow is never a ban, and bytes that were not what was signed always are.

mod sanctions;

use ggen_plugin_sdk::prelude::*;
use ggen_plugin_sdk::settings::Fraction;

settings! {
    /// Scores peers by their recent outcomes, latency and throughput; bans for corrupt data and floods.
    pub struct BetaReputation {
        /// Successes that a newcomer is credited with. With `prior_failures` it says how fast a first impression fades.
        prior_successes: f64 = 1.0,
        /// Failures that a newcomer is charged with.
        prior_failures: f64 = 1.0,
        /// What an outcome counts in the tally that halves every day.
        day_weight: f64 = 1.0,
        /// What an outcome counts in the tally that halves every thirty days.
        month_weight: f64 = 0.25,
        /// How many failures a time-out counts for.
        timeout_weight: f64 = 0.5,
        /// How many failures an answer counts for that was not what was signed.
        corruption_weight: f64 = 20.0,
        /// A peer scores 0 while its tally of corrupt answers that halves every day is at least this: 0.5 is one day.
        corruption_limit: f64 = 0.5,
        /// How much of the score is speed.
        speed_share: Fraction = Fraction::new(0.3),
        /// Latency of a peer of middling speed.
        usual_latency: Span = Span::millis(200),
        /// Bytes a second of a peer of middling speed.
        usual_throughput: u64 = 1_000_000,
        /// Ban for bytes that are not what was signed.
        corrupt_ban: Span = Span::hours(1),
        /// Ban for sending more than a peer's share.
        flood_ban: Span = Span::hours(1),
        /// Floods in a day that are borne; the next one is banned for.
        flood_tolerance: u32 = 10,
        /// Ban for invalid records and malformed messages.
        invalid_ban: Span = Span::hours(1),
        /// Invalid records, and malformed messages, in a day that are only avoided for; the next one is banned for.
        invalid_tolerance: u32 = 3,
        /// How long a peer is asked last after its first slow or failed answer of a day; doubled by each further one.
        avoid: Span = Span::seconds(30),
        /// The longest that a peer is asked last.
        longest_avoid: Span = Span::hours(1),
    }
}

/// A number that can be reckoned with: what is not finite or is negative counts as nothing.
fn sound(number: f64) -> f64 {
    if number.is_finite() && number > 0.0 { number } else { 0.0 }
}

impl BetaReputation {
    /// The mean of Beta(successes + prior, failures + prior); 0.5 where nothing is known and nothing assumed.
    fn trust(&self, peer: &PeerFacts) -> f64 {
        let failures = |tally: &Tally| {
            sound(tally.failures)
                + self.timeout_weight * sound(tally.timeouts)
                + self.corruption_weight * sound(tally.corruptions)
        };
        let over_both = |day: f64, month: f64| self.day_weight * day + self.month_weight * month;
        let good = self.prior_successes + over_both(sound(peer.day.successes), sound(peer.month.successes));
        let bad = self.prior_failures + over_both(failures(&peer.day), failures(&peer.month));
        let all = good + bad;
        if all > 0.0 && all.is_finite() { good / all } else { 0.5 }
    }

    /// Expected speed from 0 to 1 for so many bytes, 0.5 being the usual; what is not measured counts as usual.
    fn speed(&self, bytes: f64, peer: &PeerFacts) -> f64 {
        let measured = |value: Option<f64>| value.map(sound).filter(|value| *value > 0.0);
        let usual_latency = as_f64(self.usual_latency.as_millis().max(1));
        let usual_throughput = as_f64(self.usual_throughput.max(1));
        let time = |latency: f64, throughput: f64| latency + bytes / throughput * 1000.0;
        let usual = time(usual_latency, usual_throughput);
        let expected = time(
            measured(peer.latency_ms).unwrap_or(usual_latency),
            measured(peer.bytes_per_second).unwrap_or(usual_throughput),
        );
        usual / (usual + expected)
    }

    fn score_one(&self, bytes: f64, peer: &PeerFacts) -> f64 {
        let corruptions = sound(peer.day.corruptions);
        if corruptions > 0.0 && corruptions >= self.corruption_limit {
            return 0.0;
        }
        let (trust, share) = (self.trust(peer), self.speed_share.get());
        let score = (1.0 - share) * trust + share * self.speed(bytes, peer).min(trust);
        if score.is_finite() { score.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Precise to 2^53, which is far beyond what is weighed here.
#[allow(clippy::cast_precision_loss, reason = "a rounded weight is a weight")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

impl PeerScoring for BetaReputation {
    fn score(&self, _: &Job, _: u64, bytes: Option<u64>, peers: &[PeerFacts]) -> Vec<f64> {
        let bytes = as_f64(bytes.unwrap_or(0));
        peers.iter().map(|peer| self.score_one(bytes, peer)).collect()
    }

    fn judge(&self, _: &Job, _: &PeerFacts, offence: &Offence) -> Sanction {
        self.sanction(offence)
    }
}

export!(BetaReputation: PeerScoring);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{configured, good_peer, job, newcomer, no_tally};

    fn score(bytes: Option<u64>, peer: PeerFacts) -> f64 {
        BetaReputation::default().score(&job(), 7, bytes, &[peer])[0]
    }

    #[test]
    fn a_newcomer_is_in_the_middle() {
        assert!((score(None, newcomer()) - 0.5).abs() < 1e-9);
        assert!((score(Some(1 << 30), newcomer()) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn good_peers_come_first_and_failing_ones_last() {
        let mut failing = newcomer();
        failing.day.failures = 5.0;
        failing.month.failures = 9.0;
        let (good, new, bad) = (score(None, good_peer()), score(None, newcomer()), score(None, failing));
        assert!(good > 0.8 && good > new && new > bad && bad > 0.0, "{good} {new} {bad}");
    }

    #[test]
    fn the_day_weighs_more_than_the_month() {
        let (mut lately, mut formerly) = (newcomer(), newcomer());
        lately.day = Tally { failures: 4.0, ..no_tally() };
        formerly.month = Tally { failures: 4.0, ..no_tally() };
        assert!(score(None, lately) < score(None, formerly));
    }

    #[test]
    fn corrupt_data_scores_nothing_for_a_day_and_little_afterwards() {
        let mut corrupt = good_peer();
        corrupt.day.corruptions = 1.0;
        corrupt.month.corruptions = 1.0;
        assert_eq!(score(None, corrupt), 0.0);
        corrupt.day.corruptions = 0.49;
        let later = score(None, corrupt);
        assert!(later > 0.0 && later < score(None, good_peer()), "{later}");
    }

    #[test]
    fn a_time_out_costs_less_than_a_failure() {
        let (mut slow, mut failed) = (newcomer(), newcomer());
        slow.day.timeouts = 3.0;
        failed.day.failures = 3.0;
        assert!(score(None, failed) < score(None, slow) && score(None, slow) < 0.5);
    }

    #[test]
    fn latency_decides_lookups_and_throughput_decides_fetches() {
        let near = PeerFacts { latency_ms: Some(5.0), bytes_per_second: Some(100_000.0), ..good_peer() };
        let wide = PeerFacts { latency_ms: Some(300.0), bytes_per_second: Some(50_000_000.0), ..good_peer() };
        assert!(score(None, near) > score(None, wide));
        assert!(score(Some(100_000_000), wide) > score(Some(100_000_000), near));
    }

    #[test]
    fn speed_does_not_make_up_for_failures() {
        let mut fast = newcomer();
        fast.latency_ms = Some(1.0);
        fast.bytes_per_second = Some(1e9);
        assert!((score(Some(1000), fast) - 0.5).abs() < 1e-9, "a fast newcomer is a newcomer");
        fast.day.failures = 20.0;
        assert!(score(Some(1000), fast) < 0.1);
    }

    #[test]
    fn scores_stay_in_range_whatever_comes_in() {
        for odd in [f64::NAN, f64::INFINITY, -5.0, f64::MAX, 0.0] {
            let tally = Tally { successes: odd, failures: odd, timeouts: odd, corruptions: 0.0 };
            let peer = PeerFacts {
                day: tally,
                month: tally,
                latency_ms: Some(odd),
                bytes_per_second: Some(odd),
                ..newcomer()
            };
            let result = score(Some(u64::MAX), peer);
            assert!((0.0..=1.0).contains(&result), "{odd}: {result}");
        }
        let flat: BetaReputation =
            configured(r#"{"prior_successes":0,"prior_failures":0,"usual_throughput":0}"#).unwrap();
        assert_eq!(flat.score(&job(), 0, None, &[newcomer(), newcomer()]).len(), 2);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let problems =
            configured::<BetaReputation>(r#"{"speed_share":2,"corrupt_ban":"soon","day_weight":-1}"#).unwrap_err();
        assert_eq!(problems.len(), 3);
    }
}
