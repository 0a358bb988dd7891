//! One question to one policy: a fresh instance, its settings, the call, its answer checked, the instance dropped.
//!
//! Decides how a call ended: with a sound answer, with a fault, or because the policy does not fit. Never keeps an
//! instance, which would burn other fuel on the same input. Invariant: runs on a thread of its own stack only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ggen_core::hooks::check::{self, BadAnswer, clean_text};
use ggen_core::hooks::{Answer, Description, Hook, PolicyLimits, Problem, Question};
use wasmtime::component::{Instance, InstancePre, Resource};
use wasmtime::{Store, Trap};

use crate::bindings::guest;
use crate::convert::{ToCore, ToGuest};
use crate::decision::LogLine;
use crate::error::{Fault, Limit, LinkProblem};
use crate::loaded::{Indices, Loaded};
use crate::runtime::{self, Runtime};
use crate::state::{ArchiveView, State};

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// It was asked and failed.
    Fault(Fault),
    /// It cannot be asked.
    Unfit(Arc<LinkProblem>),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<LinkProblem> for Failure {
    fn from(problem: LinkProblem) -> Self {
        Self::Unfit(Arc::new(problem))
    }
}

/// How one call went.
pub struct Run {
    /// The sound answer, or why there is none.
    pub answer: Result<Answer, Failure>,
    /// Fuel that the call burned.
    pub fuel: u64,
    /// On the wall clock, with setting up.
    pub took: Duration,
    /// The most linear memory that it had, in bytes.
    pub memory: u64,
    /// What the policy logged.
    pub log: Vec<LogLine>,
}

impl Run {
    /// One that never began.
    pub fn without(failure: Failure) -> Self {
        Self { answer: Err(failure), fuel: 0, took: Duration::ZERO, memory: 0, log: Vec::new() }
    }
}

/// One instance and its store.
struct Session<'a> {
    runtime: &'a Runtime,
    store: Store<State>,
    instance: Instance,
}

impl<'a> Session<'a> {
    fn start(runtime: &'a Runtime, pre: &InstancePre<State>) -> Result<Self, Fault> {
        let limits = &runtime.limits;
        let wall = Duration::from_millis(limits.wall_ms);
        let mut store = Store::new(&runtime.engine, State::new(limits, Instant::now() + wall));
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.answer_bytes);
        let ready = store.set_fuel(limits.configure_fuel);
        store.set_epoch_deadline(runtime::ticks(wall));
        match ready.and_then(|()| pre.instantiate(&mut store)) {
            Ok(instance) => Ok(Self { runtime, store, instance }),
            Err(error) => Err(fault(&store, &error)),
        }
    }

    /// Gives the next call its own fuel and time.
    fn budget(&mut self, fuel: u64, wall: Duration) -> Result<(), Fault> {
        let result = self.store.set_fuel(fuel);
        self.store.set_epoch_deadline(runtime::ticks(wall));
        self.store.data_mut().deadline = Instant::now() + wall;
        self.check(result)
    }

    fn check<T>(&self, result: wasmtime::Result<T>) -> Result<T, Fault> {
        result.map_err(|error| fault(&self.store, &error))
    }

    fn configure(&mut self, indices: &Indices, settings: &str) -> Result<(), Failure> {
        let limits = &self.runtime.limits;
        self.budget(limits.configure_fuel, Duration::from_millis(limits.wall_ms))?;
        let plugin = load("plugin", indices.plugin.load(&mut self.store, &self.instance))?;
        let answer = plugin.call_configure(&mut self.store, settings);
        match self.check(answer)? {
            Ok(()) => Ok(()),
            Err(problems) => Err(LinkProblem::Settings { problems: cleaned(problems, limits) }.into()),
        }
    }
}

/// A function that is there, with other types than the contract's.
fn load<G>(interface: &'static str, guest: wasmtime::Result<G>) -> Result<G, Failure> {
    guest.map_err(|error| LinkProblem::types(interface, &error).into())
}

fn cleaned(problems: Vec<guest::plugin::Problem>, limits: &PolicyLimits) -> Vec<Problem> {
    const MOST: usize = 32;
    let clean = |problem: Problem| Problem {
        path: clean_text(&problem.path, limits.text_bytes),
        message: clean_text(&problem.message, limits.text_bytes),
    };
    problems.into_iter().take(MOST).map(|problem| clean(problem.to_core())).collect()
}

/// What ended a call.
fn fault(store: &Store<State>, error: &wasmtime::Error) -> Fault {
    let state = store.data();
    if let Some(limit) = state.struck {
        return Fault::of(limit);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Fault::of(Limit::Fuel),
        Some(Trap::Interrupt) => Fault::of(Limit::Time),
        Some(Trap::StackOverflow) => Fault::of(Limit::Stack),
        Some(trap) => match state.last_words() {
            Some(words) => Fault::new(words),
            None => Fault::new(trap.to_string()),
        },
        None => {
            let text = format!("{error:#}");
            // wasmtime keeps this error's type to itself.
            if text.contains("fuel allocated for hostcalls") {
                return Fault::of(Limit::AnswerSize);
            }
            Fault::new(clean_text(&text, store.data().line_bytes()))
        }
    }
}

/// What the component says of itself, in an instance that is asked nothing else.
pub fn describe(runtime: &Runtime, pre: &InstancePre<State>, indices: &Indices) -> Result<Description, LinkProblem> {
    let failed = |source| LinkProblem::Start { source };
    let mut session = Session::start(runtime, pre).map_err(failed)?;
    let plugin = indices
        .plugin
        .load(&mut session.store, &session.instance)
        .map_err(|error| LinkProblem::types("plugin", &error))?;
    let wall = Duration::from_millis(runtime.limits.wall_ms);
    session.budget(runtime.limits.configure_fuel, wall).map_err(failed)?;
    let description = plugin.call_describe(&mut session.store);
    session.check(description).map(ToCore::to_core).map_err(failed)
}

/// Whether the policy takes these settings, and whether the types of all that it offers are the contract's.
pub fn try_settings(runtime: &Runtime, policy: &Loaded, settings: &str) -> Result<(), Arc<LinkProblem>> {
    let attempt = || -> Result<(), Failure> {
        let mut session = Session::start(runtime, &policy.pre)?;
        let (store, instance, indices) = (&mut session.store, &session.instance, &policy.indices);
        if let Some(found) = &indices.verification {
            load("verification", found.load(&mut *store, instance))?;
        }
        if let Some(found) = &indices.contents {
            load("contents-verification", found.load(&mut *store, instance))?;
        }
        if let Some(found) = &indices.resolution {
            load("version-resolution", found.load(&mut *store, instance))?;
        }
        if let Some(found) = &indices.scoring {
            load("peer-scoring", found.load(&mut *store, instance))?;
        }
        if let Some(found) = &indices.fallback {
            load("fallback-policy", found.load(&mut *store, instance))?;
        }
        session.configure(indices, settings)
    };
    attempt().map_err(|failure| match failure {
        Failure::Fault(source) => Arc::new(LinkProblem::Start { source }),
        Failure::Unfit(problem) => problem,
    })
}

/// Asks `policy` one question. `wall_cap`: at most so long, whatever its fuel allows.
pub fn ask(
    runtime: &Runtime,
    policy: &Loaded,
    settings: &str,
    question: &Question,
    archive: Option<Arc<dyn ArchiveView>>,
    wall_cap: Option<Duration>,
) -> Run {
    let begun = Instant::now();
    let mut run = Run::without(Fault::new("").into());
    run.answer = match Session::start(runtime, &policy.pre) {
        Err(fault) => Err(fault.into()),
        Ok(mut session) => {
            let answer = asked(&mut session, policy, settings, question, archive, wall_cap, &mut run.fuel);
            let state = session.store.data_mut();
            (run.log, run.memory) = (state.take_lines(), state.memory());
            answer
        }
    };
    run.took = begun.elapsed();
    run
}

fn asked(
    session: &mut Session<'_>,
    policy: &Loaded,
    settings: &str,
    question: &Question,
    archive: Option<Arc<dyn ArchiveView>>,
    wall_cap: Option<Duration>,
    burned: &mut u64,
) -> Result<Answer, Failure> {
    session.configure(&policy.indices, settings)?;
    let fuel = fuel_for(question, &session.runtime.limits);
    let wall = session.runtime.limits.wall_for(fuel);
    session.budget(fuel, wall_cap.map_or(wall, |cap| cap.min(wall)))?;
    session.store.data_mut().archive = archive;
    let answer = call(session, &policy.indices, question);
    *burned = fuel.saturating_sub(session.store.get_fuel().unwrap_or(0));
    answer
}

/// Fuel that a question of this size gets.
pub fn fuel_for(question: &Question, limits: &PolicyLimits) -> u64 {
    match question {
        Question::ReviewPlan { plan, .. } => limits.fuel_for_entries(plan.len()),
        Question::ReviewContents { item, .. } => {
            limits.fuel_for_contents(item.release.unpacked_size, item.release.file_count)
        }
        Question::Rank { packages, .. } => {
            limits.fuel_for_entries(packages.iter().map(|package| package.candidates.len()).sum())
        }
        Question::Score { peers, .. } => limits.fuel_for_entries(peers.len()),
        Question::Judge { .. } | Question::Route { .. } | Question::Decide { .. } => limits.fuel_for_entries(1),
    }
}

fn unsound(bad: BadAnswer) -> Failure {
    Failure::Fault(Fault::new(format!("its answer is not sound: {bad}")))
}

/// The interface's functions in this instance.
macro_rules! functions {
    ($session:ident, $found:expr, $name:literal) => {
        match $found {
            Some(found) => load($name, found.load(&mut $session.store, &$session.instance))?,
            None => return Err(LinkProblem::MissingExport { interface: $name.into() }.into()),
        }
    };
}

fn call(session: &mut Session<'_>, indices: &Indices, question: &Question) -> Result<Answer, Failure> {
    match question.hook() {
        Hook::Verification => call_verification(session, indices, question),
        Hook::VersionResolution => call_resolution(session, indices, question),
        Hook::PeerScoring => call_scoring(session, indices, question),
        Hook::FallbackPolicy => call_fallback(session, indices, question),
    }
}

/// A question that was sent to another hook's function: a mistake of this host, not of the policy.
fn misdirected() -> Failure {
    Failure::Fault(Fault::new("it was asked through another hook"))
}

fn call_verification(session: &mut Session<'_>, indices: &Indices, question: &Question) -> Result<Answer, Failure> {
    let limits = &session.runtime.limits;
    let job = question.job().to_guest();
    match question {
        Question::ReviewPlan { plan, .. } => {
            let verifier = functions!(session, &indices.verification, "verification");
            let given = verifier.call_review_plan(&mut session.store, &job, &plan.to_guest());
            let given = session.check(given)?.to_core();
            Ok(Answer::ReviewPlan(check::verdicts(given, plan.len(), limits).map_err(unsound)?))
        }
        Question::ReviewContents { item, .. } => {
            let verifier = functions!(session, &indices.contents, "contents-verification");
            let archive = Resource::new_borrow(0);
            let given = verifier.call_review_contents(&mut session.store, &job, &item.to_guest(), archive);
            let given = session.check(given)?.to_core();
            Ok(Answer::ReviewContents(check::verdict(given, limits).map_err(unsound)?))
        }
        _ => Err(misdirected()),
    }
}

fn call_resolution(session: &mut Session<'_>, indices: &Indices, question: &Question) -> Result<Answer, Failure> {
    let limits = &session.runtime.limits;
    let job = question.job().to_guest();
    let Question::Rank { packages, .. } = question else { return Err(misdirected()) };
    let ranker = functions!(session, &indices.resolution, "version-resolution");
    let mut rankings = Vec::with_capacity(packages.len());
    for package in packages {
        let (request, candidates) = (package.request.to_guest(), package.candidates.to_guest());
        let given = ranker.call_rank(&mut session.store, &job, &request, &candidates);
        let given = session.check(given)?.to_core();
        rankings.push(check::ranking(given, package.candidates.len(), limits).map_err(unsound)?);
    }
    Ok(Answer::Rank(rankings))
}

fn call_scoring(session: &mut Session<'_>, indices: &Indices, question: &Question) -> Result<Answer, Failure> {
    let limits = &session.runtime.limits;
    let job = question.job().to_guest();
    let scorer = functions!(session, &indices.scoring, "peer-scoring");
    match question {
        Question::Score { seed, bytes, peers, .. } => {
            let given = scorer.call_score(&mut session.store, &job, *seed, *bytes, &peers.to_guest());
            let given = session.check(given)?;
            Ok(Answer::Score(check::scores(given, peers.len()).map_err(unsound)?))
        }
        Question::Judge { peer, offence, .. } => {
            let given = scorer.call_judge(&mut session.store, &job, peer.to_guest(), &offence.to_guest());
            let given = session.check(given)?.to_core();
            Ok(Answer::Judge(check::sanction(given, limits).map_err(unsound)?))
        }
        _ => Err(misdirected()),
    }
}

fn call_fallback(session: &mut Session<'_>, indices: &Indices, question: &Question) -> Result<Answer, Failure> {
    let limits = &session.runtime.limits;
    let job = question.job().to_guest();
    let adviser = functions!(session, &indices.fallback, "fallback-policy");
    match question {
        Question::Route { offered, .. } => {
            let given = adviser.call_route(&mut session.store, &job, &offered.to_guest());
            let given = session.check(given)?.map(ToCore::to_core).map_err(ToCore::to_core);
            Ok(Answer::Route(check::route(given, offered, limits).map_err(unsound)?))
        }
        Question::Decide { situation, .. } => {
            let given = adviser.call_decide(&mut session.store, &job, &situation.to_guest());
            let given = session.check(given)?.to_core();
            Ok(Answer::Decide(check::action(given, situation, limits).map_err(unsound)?))
        }
        _ => Err(misdirected()),
    }
}
