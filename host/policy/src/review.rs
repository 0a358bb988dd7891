//! What a chain's answers come to for each hook, also where links fail or there are none.
//!
//! Decides by the table of what each hook owes its caller: a verifier that fails denies, a ranker that fails stops the
//! job, a scorer that fails leaves the built-in scores, an adviser that fails stops. Invariant: nothing in here turns a
//! failure into an allowance.

use std::sync::Arc;

use ggen_core::hooks::chain::{self, Attributed, Combined, HOST, Ranked};
use ggen_core::hooks::{
    Action, Answer, Hook, Item, Job, Offence, Origin, PeerFacts, Question, RankQuestion, Ranking, Reason, Sanction,
    Situation, Stage, Verdict, builtin,
};

use crate::ask::{Asked, NoAnswer, Said};
use crate::asking::Asking;
use crate::decision::Decision;
use crate::error::PolicyFault;
use crate::host::PolicyHost;
use crate::link_config::Mode;
use crate::state::ArchiveView;

/// What the verifiers say of a plan.
#[derive(Debug)]
pub struct PlanReview {
    /// One for each item, in their order.
    pub verdicts: Vec<Combined>,
    /// Rows for the log.
    pub decisions: Vec<Decision>,
}

/// What the verifiers say of a release's files.
#[derive(Debug)]
pub struct ContentsReview {
    /// Allow, warn or deny.
    pub verdict: Combined,
    /// Rows for the log.
    pub decisions: Vec<Decision>,
}

/// What the rankers say of packages' versions.
#[derive(Debug)]
pub struct RankReview {
    /// One for each package, in their order; or whose failure stops the job.
    pub rankings: Result<Vec<Ranked>, PolicyFault>,
    /// Rows for the log.
    pub decisions: Vec<Decision>,
}

/// What the scorers say of peers.
#[derive(Debug)]
pub struct ScoreReview {
    /// One for each peer, in their order, 0 (never) to 1 (first).
    pub scores: Vec<f64>,
    /// Whether built-in scores stand in for a policy's.
    pub degraded: bool,
    /// Rows for the log.
    pub decisions: Vec<Decision>,
}

/// What the scorers say of an offence.
#[derive(Debug)]
pub struct SanctionReview {
    /// What it costs.
    pub sanction: Sanction,
    /// Whether a policy that should have been heard was not.
    pub degraded: bool,
    /// Rows for the log.
    pub decisions: Vec<Decision>,
}

/// Where a job may look.
#[derive(Debug)]
pub struct RouteReview {
    /// Stages in order; or whose reason stops the job.
    pub route: Result<Vec<Stage>, Attributed>,
    /// Rows for the log.
    pub decisions: Vec<Decision>,
}

/// What to do about trouble.
#[derive(Debug)]
pub struct ActionReview {
    /// Never `abstain`.
    pub action: Action,
    /// Whose word it is.
    pub policy: String,
    /// Rows for the log.
    pub decisions: Vec<Decision>,
}

impl PolicyHost {
    /// Asks the verifiers about a whole plan, dependencies first.
    #[must_use]
    pub fn review_plan(&self, job: &Job, plan: &[Item]) -> PlanReview {
        let question = Question::ReviewPlan { job: job.clone(), plan: plan.to_vec() };
        let asked = self.ask_all(question, None);
        let said: Vec<_> = asked.said.iter().map(|said| (said.policy.as_str(), verdicts(said, plan.len()))).collect();
        PlanReview { verdicts: chain::plan(plan.len(), &said), decisions: asked.decisions }
    }

    /// Asks the verifiers that look into files about one release's.
    #[must_use]
    pub fn review_contents(&self, job: &Job, item: &Item, archive: &Arc<dyn ArchiveView>) -> ContentsReview {
        let question = Question::ReviewContents { job: job.clone(), item: Box::new(item.clone()) };
        let asked = self.ask_all(question, Some(archive));
        let said: Vec<_> = asked.said.iter().map(|said| (said.policy.as_str(), contents_verdict(said))).collect();
        ContentsReview { verdict: chain::contents(&said), decisions: asked.decisions }
    }

    /// Asks the rankers about packages and all their versions, highest first; one instance ranks them all.
    #[must_use]
    pub fn rank(&self, job: &Job, packages: &[RankQuestion]) -> RankReview {
        let question = Question::Rank { job: job.clone(), packages: packages.to_vec() };
        let asked = self.ask_all(question, None);
        RankReview { rankings: rankings(&asked.said, packages.len()), decisions: asked.decisions }
    }

    /// Asks the scorers which peers to try first.
    #[must_use]
    pub fn score(&self, job: &Job, seed: u64, bytes: Option<u64>, peers: &[PeerFacts]) -> ScoreReview {
        let question = Question::Score { job: job.clone(), seed, bytes, peers: peers.to_vec() };
        let asked = self.ask_all(question, None);
        let scores: Vec<_> = asked
            .said
            .iter()
            .map(|said| match &said.answer {
                Ok(Answer::Score(scores)) => scores.clone(),
                _ => builtin::scores(peers),
            })
            .collect();
        let degraded = asked.is_degraded();
        let scores = chain::scores(&scores).unwrap_or_else(|| builtin::scores(peers));
        ScoreReview { scores, degraded, decisions: asked.decisions }
    }

    /// Asks the scorers what an offence costs.
    #[must_use]
    pub fn judge(&self, job: &Job, peer: &PeerFacts, offence: &Offence) -> SanctionReview {
        let question = Question::Judge { job: job.clone(), peer: *peer, offence: offence.clone() };
        let asked = self.ask_all(question, None);
        let sanctions: Vec<_> = asked
            .said
            .iter()
            .map(|said| match &said.answer {
                Ok(Answer::Judge(sanction)) => *sanction,
                _ => builtin::sanction(),
            })
            .collect();
        let degraded = asked.is_degraded();
        SanctionReview { sanction: chain::sanction(&sanctions), degraded, decisions: asked.decisions }
    }

    /// Asks the advisers which of the offered origins may be touched, and in which order.
    #[must_use]
    pub fn route(&self, job: &Job, offered: &[Origin]) -> RouteReview {
        let question = Question::Route { job: job.clone(), offered: offered.to_vec() };
        let asked = self.ask_all(question, None);
        let said: Vec<_> = asked.said.iter().filter_map(|said| Some((said.policy.as_str(), stages(said)?))).collect();
        let route = chain::route(&said).map(|route| route.unwrap_or_else(|| builtin::route(job, offered)));
        RouteReview { route, decisions: asked.decisions }
    }

    /// Asks the advisers what to do about trouble; the first that does not abstain decides.
    #[must_use]
    pub fn decide(&self, job: &Job, situation: &Situation) -> ActionReview {
        let question = Question::Decide { job: job.clone(), situation: situation.clone() };
        let decided = |said: &[Said]| said.iter().filter_map(action).any(|action| action != Action::Abstain);
        let asked = self.ask(question, None, decided);
        let said: Vec<_> = asked.said.iter().filter_map(|said| Some((said.policy.as_str(), action(said)?))).collect();
        let (policy, action) = chain::decide(&said).unwrap_or_else(|| (HOST, builtin::decide(situation)));
        ActionReview { action, policy: policy.to_owned(), decisions: asked.decisions }
    }

    fn ask_all(&self, question: Question, archive: Option<&Arc<dyn ArchiveView>>) -> Asked {
        self.ask(question, archive, |_| false)
    }

    /// Asks the question's chain on a thread for policies; without an engine, every link has failed.
    fn ask(
        &self,
        question: Question,
        archive: Option<&Arc<dyn ArchiveView>>,
        enough: impl Fn(&[Said]) -> bool + Send + 'static,
    ) -> Asked {
        let hook = question.hook();
        if self.chains.links(hook).iter().all(|link| link.config.mode == Mode::Off) {
            return Asked::default();
        }
        let asked = self.runtime().map_err(|problem| problem.text()).and_then(|runtime| {
            let asking = Asking::new(Arc::clone(runtime), Arc::clone(&self.chains), question, archive.cloned());
            let afterwards = Arc::clone(&self.afterwards);
            runtime.run(move || asking.ask(&afterwards, enough)).map_err(|fault| fault.text)
        });
        asked.unwrap_or_else(|text| {
            tracing::error!(%hook, "no policy can be asked: {text}");
            let links = self.chains.links(hook).iter().filter(|link| link.config.mode == Mode::Enforce);
            Asked { said: links.map(|link| Said::failed(link, &text)).collect(), decisions: Vec::new() }
        })
    }
}

/// Why a link did not answer, as the user reads it.
fn reason(why: &NoAnswer) -> Reason {
    let (code, verb) = match why.is_fault {
        true => ("policy-failed", "could not decide"),
        false => ("policy-unusable", "cannot be used"),
    };
    let hint = match &why.locked_by {
        Some(file) => format!("It is locked by {file}: ask whoever keeps that file."),
        None => "Run `ggen policy show` to see where it is configured and what is wrong with it.".to_owned(),
    };
    Reason::new(code, format!("The policy {verb}: {}.", why.text)).with_hint(hint)
}

/// What a verifier without an answer comes to.
fn without_answer(why: &NoAnswer) -> Verdict {
    match why.is_fault || !why.may_miss {
        true => Verdict::Deny(vec![reason(why)]),
        false => Verdict::Warn(vec![reason(why)]),
    }
}

fn verdicts(said: &Said, items: usize) -> Vec<Verdict> {
    match &said.answer {
        Ok(Answer::ReviewPlan(verdicts)) => verdicts.clone(),
        Ok(_) => vec![without_answer(&NoAnswer::misdirected()); items],
        Err(why) => vec![without_answer(why); items],
    }
}

fn contents_verdict(said: &Said) -> Verdict {
    match &said.answer {
        Ok(Answer::ReviewContents(verdict)) => verdict.clone(),
        Ok(_) => without_answer(&NoAnswer::misdirected()),
        Err(why) => without_answer(why),
    }
}

fn rankings(said: &[Said], packages: usize) -> Result<Vec<Ranked>, PolicyFault> {
    let stop = |said: &Said, why: &NoAnswer| PolicyFault {
        hook: Hook::VersionResolution,
        policy: said.policy.clone(),
        limit: why.limit,
        text: why.text.clone(),
    };
    let mut links: Vec<(&str, &[Ranking])> = Vec::new();
    for one in said {
        match &one.answer {
            Ok(Answer::Rank(rankings)) => links.push((&one.policy, rankings)),
            Ok(_) => return Err(stop(one, &NoAnswer::misdirected())),
            Err(why) if !why.is_fault && why.may_miss => {}
            Err(why) => return Err(stop(one, why)),
        }
    }
    let of_package = |index: usize| {
        let links: Vec<_> = links.iter().filter_map(|(policy, all)| Some((*policy, all.get(index)?.clone()))).collect();
        chain::ranking(&links)
    };
    Ok((0..packages).map(of_package).collect())
}

/// A link's route; nothing where it is not there, as if it were not configured.
fn stages(said: &Said) -> Option<Result<Vec<Stage>, Reason>> {
    match &said.answer {
        Ok(Answer::Route(route)) => Some(route.clone()),
        Ok(_) => Some(Err(reason(&NoAnswer::misdirected()))),
        Err(why) => why.is_fault.then(|| Err(reason(why))),
    }
}

/// A link's action; nothing where it is not there, as if it were not configured.
fn action(said: &Said) -> Option<Action> {
    match &said.answer {
        Ok(Answer::Decide(action)) => Some(action.clone()),
        Ok(_) => Some(Action::Stop(reason(&NoAnswer::misdirected()))),
        Err(why) => why.is_fault.then(|| Action::Stop(reason(why))),
    }
}
