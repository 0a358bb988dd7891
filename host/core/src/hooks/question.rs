//! One call of a hook as one value, and its answer: what the decision log stores and `plugin test` reads. Decides
//! nothing but what a question is about.
//!
//! Invariant: a question holds the whole input of its call (but for an archive's files), so that it can be asked again:
//! its numbers are such as come back from its text ([`crate::reputation::PeerRecord::facts`]).

use serde::{Deserialize, Serialize};

use super::fallback::{Action, Situation, Stage};
use super::resolution::{Candidate, Ranking, Request};
use super::scoring::{Offence, PeerFacts, Sanction};
use super::types::{Hook, Job, Origin, Reason};
use super::verification::{Item, Verdict};

/// One package and all its versions, highest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankQuestion {
    /// Which package.
    pub request: Request,
    /// Its versions.
    pub candidates: Vec<Candidate>,
}

/// One call of a hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum Question {
    /// `verification.review-plan`.
    ReviewPlan {
        /// What is being done.
        job: Job,
        /// The whole closure, dependencies first.
        plan: Vec<Item>,
    },
    /// `contents-verification.review-contents`.
    ReviewContents {
        /// What is being done.
        job: Job,
        /// The release whose files are looked at.
        item: Box<Item>,
    },
    /// `version-resolution.rank`, once for each package, all in one instance.
    Rank {
        /// What is being done.
        job: Job,
        /// In the order in which they are asked.
        packages: Vec<RankQuestion>,
    },
    /// `peer-scoring.score`.
    Score {
        /// What is being done.
        job: Job,
        /// What equal scores are drawn from.
        seed: u64,
        /// What is about to be fetched; none for a lookup.
        bytes: Option<u64>,
        /// In the order of the scores.
        peers: Vec<PeerFacts>,
    },
    /// `peer-scoring.judge`.
    Judge {
        /// What is being done.
        job: Job,
        /// Who.
        peer: PeerFacts,
        /// What it did.
        offence: Offence,
    },
    /// `fallback-policy.route`.
    Route {
        /// What is being done.
        job: Job,
        /// What may be used.
        offered: Vec<Origin>,
    },
    /// `fallback-policy.decide`.
    Decide {
        /// What is being done.
        job: Job,
        /// What went wrong.
        situation: Situation,
    },
}

/// A sound answer, in the shape of its question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", content = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// One verdict for each item.
    ReviewPlan(Vec<Verdict>),
    /// One verdict.
    ReviewContents(Verdict),
    /// One ranking for each package.
    Rank(Vec<Ranking>),
    /// One score for each peer.
    Score(Vec<f64>),
    /// One sanction.
    Judge(Sanction),
    /// Stages, or why the job stops.
    Route(Result<Vec<Stage>, Reason>),
    /// What to do.
    Decide(Action),
}

impl Question {
    /// The hook that it belongs to.
    #[must_use]
    pub const fn hook(&self) -> Hook {
        match self {
            Self::ReviewPlan { .. } | Self::ReviewContents { .. } => Hook::Verification,
            Self::Rank { .. } => Hook::VersionResolution,
            Self::Score { .. } | Self::Judge { .. } => Hook::PeerScoring,
            Self::Route { .. } | Self::Decide { .. } => Hook::FallbackPolicy,
        }
    }

    /// The function's name in the contract.
    #[must_use]
    pub const fn call(&self) -> &'static str {
        match self {
            Self::ReviewPlan { .. } => "review-plan",
            Self::ReviewContents { .. } => "review-contents",
            Self::Rank { .. } => "rank",
            Self::Score { .. } => "score",
            Self::Judge { .. } => "judge",
            Self::Route { .. } => "route",
            Self::Decide { .. } => "decide",
        }
    }

    /// What is being done.
    #[must_use]
    pub const fn job(&self) -> &Job {
        match self {
            Self::ReviewPlan { job, .. }
            | Self::ReviewContents { job, .. }
            | Self::Rank { job, .. }
            | Self::Score { job, .. }
            | Self::Judge { job, .. }
            | Self::Route { job, .. }
            | Self::Decide { job, .. } => job,
        }
    }

    /// Names of the packages that it is about; none for peers and routes.
    #[must_use]
    pub fn packages(&self) -> Vec<&str> {
        match self {
            Self::ReviewPlan { plan, .. } => plan.iter().map(|i| i.release.name.as_str()).collect(),
            Self::ReviewContents { item, .. } => vec![item.release.name.as_str()],
            Self::Rank { packages, .. } => packages.iter().map(|p| p.request.name.as_str()).collect(),
            Self::Decide { situation, .. } => situation.package.as_deref().into_iter().collect(),
            Self::Score { .. } | Self::Judge { .. } | Self::Route { .. } => Vec::new(),
        }
    }

    /// One line for a list of decisions: what was asked for, or what happened.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::ReviewPlan { plan, .. } => plan_subject(plan),
            Self::ReviewContents { item, .. } => release_subject(item),
            Self::Rank { packages, .. } => match packages.as_slice() {
                [one] => one.request.name.clone(),
                many => format!("{} packages", many.len()),
            },
            Self::Score { peers, .. } => format!("{} peers", peers.len()),
            Self::Judge { offence, .. } => format!("offence {}", offence.code),
            Self::Route { offered, .. } => {
                let names: Vec<_> = offered.iter().map(|o| o.name()).collect();
                format!("route over {}", names.join(", "))
            }
            Self::Decide { situation, .. } => match &situation.package {
                Some(package) => format!("{} at {}: {package}", situation.code, situation.origin),
                None => format!("{} at {}", situation.code, situation.origin),
            },
        }
    }
}

fn release_subject(item: &Item) -> String {
    format!("{} {}", item.release.name, item.release.version)
}

fn plan_subject(plan: &[Item]) -> String {
    const NAMED: usize = 4;
    let direct: Vec<_> = plan.iter().filter(|item| item.direct).map(release_subject).collect();
    let named = direct.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match plan.len() - direct.len().min(NAMED) {
        0 => named,
        more if named.is_empty() => format!("{more} packages"),
        more => format!("{named} and {more} more"),
    }
}

impl Answer {
    /// All reasons in it.
    #[must_use]
    pub fn reasons(&self) -> Vec<&Reason> {
        match self {
            Self::ReviewPlan(verdicts) => verdicts.iter().flat_map(Verdict::reasons).collect(),
            Self::ReviewContents(verdict) => verdict.reasons().iter().collect(),
            Self::Rank(rankings) => rankings.iter().flat_map(|r| r.excluded.iter().map(|e| &e.reason)).collect(),
            Self::Route(Err(reason)) | Self::Decide(Action::Degrade(reason) | Action::Stop(reason)) => vec![reason],
            Self::Score(_) | Self::Judge(_) | Self::Route(Ok(_)) | Self::Decide(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::types::Task;

    #[test]
    fn questions_and_answers_survive_json() {
        let question = Question::Route {
            job: Job::new(Task::Install, 7, true),
            offered: vec![Origin::Store, Origin::LocalNetwork],
        };
        let text = serde_json::to_string(&question).unwrap();
        assert!(text.starts_with(r#"{"call":"route","job":{"now":7,"task":"install""#), "{text}");
        assert_eq!(serde_json::from_str::<Question>(&text).unwrap(), question);

        let answer = Answer::Decide(Action::TurnTo(Origin::Bundled));
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(text, r#"{"call":"decide","answer":{"turn-to":"bundled"}}"#);
        assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
    }

    #[test]
    fn a_question_written_by_hand_needs_only_what_matters() {
        let text = r#"{"call":"rank","job":{"now":1,"task":"install"},"packages":[
            {"request":{"name":"a","publisher":"p"},
             "candidates":[{"version":"1.0.0","published":1,"witnessed":1}]}]}"#;
        let question: Question = serde_json::from_str(text).unwrap();
        assert_eq!(question.subject(), "a");
        assert_eq!(question.hook(), Hook::VersionResolution);
    }
}
