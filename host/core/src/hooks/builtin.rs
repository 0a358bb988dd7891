//! What holds where no policy answers: a plain score, the order as it stands, a strict route, and stopping.
//!
//! Never used where a policy answered soundly. Invariant: nothing here allows what a policy could have refused; there
//! is no built-in verdict.

use super::fallback::{Action, Situation, Stage};
use super::scoring::{PeerFacts, Sanction};
use super::types::{Job, Origin, Reason};

/// The weight of recent corruption from which a peer counts as bad.
const CORRUPT: f64 = 0.5;

/// One score for each peer: the share of good outcomes, a newcomer in the middle, 0 for recent corruption.
#[must_use]
pub fn scores(peers: &[PeerFacts]) -> Vec<f64> {
    peers.iter().map(score).collect()
}

fn score(peer: &PeerFacts) -> f64 {
    if peer.day.corruptions >= CORRUPT {
        return 0.0;
    }
    let tally = &peer.month;
    let good = tally.successes.max(0.0) + 1.0;
    let bad = tally.failures.max(0.0) + tally.timeouts.max(0.0) + tally.corruptions.max(0.0) + 1.0;
    let share = good / (good + bad);
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

/// Nothing: the host's own protections (a corrupt holder leaves the download, a flood is dropped) need no sanction.
#[must_use]
pub const fn sanction() -> Sanction {
    Sanction::None
}

/// Each offered origin a stage of its own, in the order offered; none that uses the network while offline.
#[must_use]
pub fn route(job: &Job, offered: &[Origin]) -> Vec<Stage> {
    let usable = offered.iter().filter(|origin| !(job.offline && origin.uses_network()));
    usable.map(|origin| Stage { origins: vec![*origin], within_ms: None }).collect()
}

/// Stop, saying what went wrong.
#[must_use]
pub fn decide(situation: &Situation) -> Action {
    let message = match &situation.package {
        Some(package) => {
            format!("{package}: {} from {}", situation.code, situation.origin)
        }
        None => format!("{} from {}", situation.code, situation.origin),
    };
    Action::Stop(
        Reason::new("no-policy-decided", message)
            .with_hint("Enable a fallback policy, or mend what failed and try again."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::{Tally, Task};

    #[test]
    fn a_newcomer_stands_between_good_and_bad() {
        let newcomer = PeerFacts::default();
        let mut good = newcomer;
        good.month.successes = 9.0;
        let mut slow = newcomer;
        slow.month.timeouts = 9.0;
        let mut corrupt = good;
        corrupt.day.corruptions = 1.0;
        let scores = scores(&[good, newcomer, slow, corrupt]);
        assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
        assert_eq!(scores[1], 0.5);
        assert_eq!(scores[3], 0.0);
    }

    #[test]
    fn a_score_is_sound_whatever_the_tally() {
        let odd = [f64::NAN, f64::INFINITY, -5.0, f64::MAX];
        for value in odd {
            let tally = Tally { successes: value, failures: value, timeouts: value, corruptions: value };
            let peer = PeerFacts { month: tally, ..PeerFacts::default() };
            assert!((0.0..=1.0).contains(&scores(&[peer])[0]));
        }
    }

    #[test]
    fn offline_touches_no_network() {
        let offered = [Origin::Store, Origin::Peers, Origin::Organization, Origin::Bundled];
        let route = route(&Job::new(Task::Install, 0, true), &offered);
        let origins: Vec<_> = route.into_iter().flat_map(|s| s.origins).collect();
        assert_eq!(origins, [Origin::Store, Origin::Bundled]);
    }
}
