//! Answers in words, and what two answers to one question differ in: what a log lists and a replay tells.
//!
//! Decides what counts as another decision: another verdict, order, score, sanction, route or action. A verdict of the
//! same kind with other reasons is one too, because people read them. Invariant: two answers without a difference are
//! the same answer.

use super::chain;
use super::fallback::{Action, Stage};
use super::question::{Answer, Question};
use super::resolution::{Candidate, Exclusion, Ranking};
use super::scoring::{Reach, Sanction};
use super::types::Reason;
use super::verification::{Item, Verdict};

/// Versions of an order that are told.
const SHOWN: usize = 4;

/// One thing that is decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// A release, a package, a peer by its number; for a route or an action what the question is about.
    pub subject: String,
    /// The first answer, in words.
    pub was: String,
    /// The second.
    pub now: String,
    /// The second one's reasons.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// In a word, as the contract names it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Abstain => "abstain",
            Self::Allow => "allow",
            Self::Warn(_) => "warn",
            Self::PassOver(_) => "pass-over",
            Self::Deny(_) => "deny",
        }
    }

    const fn strictness(&self) -> u8 {
        match self {
            Self::Abstain => 0,
            Self::Allow => 1,
            Self::Warn(_) => 2,
            Self::PassOver(_) => 3,
            Self::Deny(_) => 4,
        }
    }
}

impl Answer {
    /// In a word; the strictest, where it is about many.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::ReviewPlan(verdicts) => {
                verdicts.iter().max_by_key(|verdict| verdict.strictness()).map_or("abstain", Verdict::word)
            }
            Self::ReviewContents(verdict) => verdict.word(),
            Self::Rank(_) => "rank",
            Self::Score(_) => "score",
            Self::Judge(Sanction::None) => "none",
            Self::Judge(Sanction::Avoid(_)) => "avoid",
            Self::Judge(Sanction::Ban(_)) => "ban",
            Self::Route(Ok(_)) => "route",
            Self::Route(Err(_)) | Self::Decide(Action::Stop(_)) => "stop",
            Self::Decide(Action::Abstain) => "abstain",
            Self::Decide(Action::Retry(_)) => "retry",
            Self::Decide(Action::TurnTo(_)) => "turn-to",
            Self::Decide(Action::Degrade(_)) => "degrade",
        }
    }
}

/// What `now` says otherwise than `was`, both answers to `question`; nothing where they are the same.
#[must_use]
pub fn differences(question: &Question, was: &Answer, now: &Answer) -> Vec<Difference> {
    if was == now {
        return Vec::new();
    }
    let found = match (question, was, now) {
        (Question::ReviewPlan { plan, .. }, Answer::ReviewPlan(was), Answer::ReviewPlan(now)) => {
            let pairs = plan.iter().zip(was.iter().zip(now)).filter(|(_, (was, now))| was != now);
            pairs.map(|(item, (was, now))| verdict(item, was, now)).collect()
        }
        (Question::ReviewContents { item, .. }, Answer::ReviewContents(was), Answer::ReviewContents(now)) => {
            vec![verdict(item, was, now)]
        }
        (Question::Rank { packages, .. }, Answer::Rank(was), Answer::Rank(now)) => {
            let pairs = packages.iter().zip(was.iter().zip(now)).filter(|(_, (was, now))| was != now);
            let told = |(package, (was, now)): (&super::RankQuestion, (&Ranking, &Ranking))| Difference {
                subject: package.request.name.clone(),
                was: ranking(&package.candidates, was),
                now: ranking(&package.candidates, now),
                reasons: now.excluded.iter().map(|excluded| excluded.reason.clone()).collect(),
            };
            pairs.map(told).collect()
        }
        (Question::Score { .. }, Answer::Score(was), Answer::Score(now)) => {
            let pairs = was.iter().zip(now).enumerate().filter(|(_, (was, now))| was.to_bits() != now.to_bits());
            let told = |(index, (was, now)): (usize, (&f64, &f64))| Difference {
                subject: format!("peer {}", index + 1),
                was: was.to_string(),
                now: now.to_string(),
                reasons: Vec::new(),
            };
            pairs.map(told).collect()
        }
        _ => Vec::new(),
    };
    if !found.is_empty() {
        return found;
    }
    let reasons = now.reasons().into_iter().cloned().collect();
    vec![Difference { subject: question.subject(), was: told(was), now: told(now), reasons }]
}

/// What a chain that answered `was` would answer with a link more at its end, which answers `now`.
#[must_use]
pub fn beside(was: &Answer, now: &Answer) -> Answer {
    match (was, now) {
        (Answer::ReviewPlan(was), Answer::ReviewPlan(now)) => {
            Answer::ReviewPlan(was.iter().zip(now).map(|(was, now)| stricter(was, now)).collect())
        }
        (Answer::ReviewContents(was), Answer::ReviewContents(now)) => Answer::ReviewContents(stricter(was, now)),
        (Answer::Rank(was), Answer::Rank(now)) => Answer::Rank(was.iter().zip(now).map(ranked).collect()),
        (Answer::Score(was), Answer::Score(now)) => {
            let links = [was.clone(), now.clone()];
            Answer::Score(chain::scores(&links).unwrap_or_default())
        }
        (Answer::Judge(was), Answer::Judge(now)) => Answer::Judge(chain::sanction(&[*was, *now])),
        (Answer::Route(was), Answer::Route(now)) => match chain::route(&[("", was.clone()), ("", now.clone())]) {
            Ok(stages) => Answer::Route(Ok(stages.unwrap_or_default())),
            Err(stopped) => Answer::Route(Err(stopped.reason)),
        },
        (Answer::Decide(Action::Abstain), Answer::Decide(now)) => Answer::Decide(now.clone()),
        _ => was.clone(),
    }
}

fn stricter(was: &Verdict, now: &Verdict) -> Verdict {
    if now.strictness() > was.strictness() { now.clone() } else { was.clone() }
}

fn ranked((was, now): (&Ranking, &Ranking)) -> Ranking {
    let together = chain::ranking(&[("", was.clone()), ("", now.clone())]);
    let excluded = together.excluded.into_iter();
    let exclusion = |one: chain::Excluded| Exclusion { candidate: one.candidate, reason: one.reason };
    Ranking { order: together.order, excluded: excluded.map(exclusion).collect() }
}

fn verdict(item: &Item, was: &Verdict, now: &Verdict) -> Difference {
    Difference {
        subject: format!("{} {}", item.release.name, item.release.version),
        was: was.word().to_owned(),
        now: now.word().to_owned(),
        reasons: now.reasons().to_vec(),
    }
}

/// An answer that is about one thing, in words.
#[must_use]
pub fn told(answer: &Answer) -> String {
    match answer {
        Answer::Judge(Sanction::Avoid(seconds)) => format!("avoid for {seconds} s"),
        Answer::Judge(Sanction::Ban(ban)) => {
            let reach = match ban.reach {
                Reach::Peer => "the peer",
                Reach::Address => "its address",
                Reach::Subnet => "its network",
            };
            format!("ban {reach} for {} s", ban.seconds)
        }
        Answer::Route(Ok(stages)) => route(stages),
        Answer::Route(Err(reason)) => format!("stop ({})", reason.code),
        Answer::Decide(Action::Retry(millis)) => format!("retry after {millis} ms"),
        Answer::Decide(Action::TurnTo(origin)) => format!("turn to {origin}"),
        Answer::Decide(Action::Degrade(reason)) => format!("go on without ({})", reason.code),
        Answer::Decide(Action::Stop(reason)) => format!("stop ({})", reason.code),
        other => other.word().to_owned(),
    }
}

/// Stages of a route: what is asked at once joined by `+`, what is asked after it by `,`.
#[must_use]
pub fn route(stages: &[Stage]) -> String {
    let stage = |stage: &Stage| stage.origins.iter().map(|origin| origin.name()).collect::<Vec<_>>().join("+");
    match stages {
        [] => "nowhere".to_owned(),
        stages => stages.iter().map(stage).collect::<Vec<_>>().join(", "),
    }
}

/// The first versions of an order, and those that are left out.
#[must_use]
pub fn ranking(candidates: &[Candidate], ranking: &Ranking) -> String {
    let version = |index: u32| {
        let found = usize::try_from(index).ok().and_then(|index| candidates.get(index));
        found.map_or("?", |candidate| candidate.version.as_str())
    };
    let some = |indexes: Vec<u32>| {
        let mut versions: Vec<&str> = indexes.iter().take(SHOWN).copied().map(version).collect();
        if indexes.len() > SHOWN {
            versions.push("…");
        }
        versions.join(", ")
    };
    let order = match &ranking.order {
        None => "no order of its own".to_owned(),
        Some(order) if order.is_empty() => "nothing".to_owned(),
        Some(order) => some(order.clone()),
    };
    match ranking.excluded.is_empty() {
        true => order,
        false => format!("{order}; without {}", some(ranking.excluded.iter().map(|one| one.candidate).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::{Job, Origin, Task};

    fn question(text: &str) -> Question {
        serde_json::from_str(text).unwrap()
    }

    fn answer(text: &str) -> Answer {
        serde_json::from_str(text).unwrap()
    }

    fn rank() -> Question {
        let candidate = |v: &str| format!(r#"{{"version":"{v}","published":1,"witnessed":1}}"#);
        let all = ["5.0.0", "4.0.0", "3.0.0", "2.0.0", "1.0.0"].map(candidate).join(",");
        question(&format!(
            r#"{{"call":"rank","job":{{"now":1,"task":"install"}},"packages":[
                {{"request":{{"name":"a","publisher":"p"}},"candidates":[{all}]}}]}}"#
        ))
    }

    #[test]
    fn the_same_answer_has_no_difference_and_every_other_one_has() {
        let offered = vec![Origin::Store, Origin::Peers];
        let routed = Question::Route { job: Job::new(Task::Install, 1, false), offered };
        for (question, was, now) in [
            (rank(), r#"{"call":"rank","answer":[{"order":[0,1]}]}"#, r#"{"call":"rank","answer":[{"order":[1,0]}]}"#),
            (
                routed,
                r#"{"call":"route","answer":{"Ok":[{"origins":["store","peers"]}]}}"#,
                r#"{"call":"route","answer":{"Ok":[{"origins":["store"]},{"origins":["peers"],"within_ms":5}]}}"#,
            ),
        ] {
            let (was, now) = (answer(was), answer(now));
            assert!(differences(&question, &was, &was).is_empty());
            assert_eq!(differences(&question, &was, &now).len(), 1);
            assert_eq!(differences(&question, &now, &was).len(), 1);
        }
    }

    #[test]
    fn another_answer_that_looks_the_same_in_words_is_told_all_the_same() {
        let routed = Question::Route { job: Job::new(Task::Install, 1, false), offered: vec![Origin::Store] };
        let was = answer(r#"{"call":"route","answer":{"Ok":[{"origins":["store"]}]}}"#);
        let now = answer(r#"{"call":"route","answer":{"Ok":[{"origins":["store"],"within_ms":5}]}}"#);
        let found = differences(&routed, &was, &now);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn an_order_is_told_by_its_first_versions_and_what_it_leaves_out() {
        let Question::Rank { packages, .. } = rank() else { panic!("a ranking") };
        let told = |text: &str| ranking(&packages[0].candidates, &serde_json::from_str(text).unwrap());
        assert_eq!(told(r#"{"order":[4,3,2,1,0]}"#), "1.0.0, 2.0.0, 3.0.0, 4.0.0, …");
        assert_eq!(told("{}"), "no order of its own");
        let excluded = r#"{"order":[1],"excluded":[{"candidate":0,"reason":{"code":"c","message":"m"}}]}"#;
        assert_eq!(told(excluded), "4.0.0; without 5.0.0");
        assert_eq!(told(r#"{"order":[9]}"#), "?", "an index that is none is no panic");
    }

    #[test]
    fn a_score_that_differs_in_its_last_bit_is_another_one() {
        let scored =
            Question::Score { job: Job::new(Task::Install, 1, false), seed: 1, bytes: None, peers: Vec::new() };
        let (was, now) =
            (Answer::Score(vec![0.5, 0.25]), Answer::Score(vec![0.5, f64::from_bits(0.25f64.to_bits() + 1)]));
        let found = differences(&scored, &was, &now);
        assert_eq!((found.len(), found[0].subject.as_str()), (1, "peer 2"));
    }

    #[test]
    fn beside_what_was_heeded_only_what_is_stricter_counts() {
        for (was, now, both) in [
            (
                r#"{"call":"review-contents","answer":"allow"}"#,
                r#"{"call":"review-contents","answer":"abstain"}"#,
                "allow",
            ),
            (
                r#"{"call":"review-contents","answer":"allow"}"#,
                r#"{"call":"review-contents","answer":{"deny":[]}}"#,
                "deny",
            ),
            (r#"{"call":"judge","answer":{"avoid":5}}"#, r#"{"call":"judge","answer":"none"}"#, "avoid"),
            (r#"{"call":"decide","answer":"abstain"}"#, r#"{"call":"decide","answer":{"retry":5}}"#, "retry"),
            (r#"{"call":"decide","answer":{"retry":5}}"#, r#"{"call":"decide","answer":"abstain"}"#, "retry"),
        ] {
            assert_eq!(beside(&answer(was), &answer(now)).word(), both, "{was} with {now}");
        }
        let order = r#"{"call":"rank","answer":[{"order":[0,1]}]}"#;
        assert_eq!(beside(&answer(order), &answer(r#"{"call":"rank","answer":[{}]}"#)), answer(order));
        let without =
            r#"{"call":"rank","answer":[{"excluded":[{"candidate":0,"reason":{"code":"c","message":"m"}}]}]}"#;
        let Answer::Rank(both) = beside(&answer(order), &answer(without)) else { panic!("a ranking") };
        assert_eq!((both[0].order.clone(), both[0].excluded.len()), (Some(vec![1]), 1));
    }

    #[test]
    fn a_verdict_has_a_word_and_of_many_the_strictest_counts() {
        for (verdict, said) in [
            (r#"{"call":"review-plan","answer":["allow",{"deny":[]},{"warn":[]}]}"#, "deny"),
            (r#"{"call":"review-plan","answer":[]}"#, "abstain"),
            (r#"{"call":"review-contents","answer":"allow"}"#, "allow"),
            (r#"{"call":"decide","answer":{"turn-to":"bundled"}}"#, "turn-to"),
            (r#"{"call":"judge","answer":{"avoid":5}}"#, "avoid"),
        ] {
            assert_eq!(answer(verdict).word(), said, "{verdict}");
        }
    }
}
