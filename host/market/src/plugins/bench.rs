//! `plugin bench`: what a component costs here.
//!
//! Asks it the same questions again and again for a while, each in a fresh instance as in a chain, and tells how many went
//! through, how much fuel and memory each took, and how long a start takes with and without compiled code. Decides
//! nothing. Invariant: it ends within its time and one more call of each question.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ggen_core::hooks::{Hook, PolicyLimits, Question};
use ggen_core::limits::Limits;
use ggen_policy::Asker;
use serde::Serialize;

use super::{cases, typical};
use crate::error::{MarketError, PluginError};
use crate::policies::files::{component, settings_file};

/// The most calls of one question whose times are kept.
const MAX_CALLS: usize = 1_000_000;

/// What `plugin bench` is asked for.
#[derive(Clone, Debug)]
pub struct BenchRequest {
    /// The component.
    pub component: PathBuf,
    /// The question to ask; none: an ordinary one for each call that it answers.
    pub input: Option<PathBuf>,
    /// Its settings as a JSON file; none: `{}`.
    pub settings: Option<PathBuf>,
    /// For how long, all questions together.
    pub time: Duration,
}

/// How long a start takes, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StartupTimes {
    /// Compiling it and asking what it is: once for each component.
    pub compile_micros: u64,
    /// Loading what was compiled and asking what it is: once for each process.
    pub load_micros: u64,
    /// A fresh instance with its settings: a part of each decision.
    pub instance_micros: u64,
}

/// One question, asked again and again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchRun {
    /// Its hook.
    pub hook: Hook,
    /// Which function of it.
    pub call: String,
    /// What it was about.
    pub subject: String,
    /// How often.
    pub calls: usize,
    /// In one thread, a fresh instance each.
    pub calls_per_second: f64,
    /// Half of the calls took no longer.
    pub median_micros: u64,
    /// 99 of 100 took no longer.
    pub p99_micros: u64,
    /// Fuel of one call; the same each time.
    pub fuel: u64,
    /// The most linear memory of one call, in bytes.
    pub memory: u64,
    /// Why it did not answer, if it did not.
    pub fault: Option<String>,
}

/// `plugin bench`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchAnswer {
    /// What the policy calls itself.
    pub policy: String,
    /// By its own word.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// The component's bytes.
    pub size: u64,
    /// Before the first call.
    pub startup: StartupTimes,
    /// One for each question.
    pub runs: Vec<BenchRun>,
}

/// Measures a component.
///
/// # Errors
/// When it cannot be read or does not fit, or the question is none.
pub fn bench(request: &BenchRequest, limits: &Limits) -> Result<BenchAnswer, MarketError> {
    let bytes = component(&request.component, limits)?;
    let settings = request.settings.as_deref().map_or_else(|| Ok("{}".to_owned()), settings_file)?;
    let questions = match &request.input {
        Some(path) => vec![cases::question(path)?],
        None => typical::all(),
    };
    let failed = |source| MarketError::Io { path: std::env::temp_dir(), action: "written", source };
    let cache = tempfile::tempdir().map_err(failed)?;
    let open = || {
        let limits = PolicyLimits::from(limits);
        Asker::open(&bytes, &settings, &limits, Some(cache.path()), None)
            .map_err(|problem| PluginError::Unfit { path: request.component.clone(), problems: vec![problem.text()] })
    };
    let cold = open()?.startup();
    let mut asker = open()?;
    let warm = asker.startup();
    let questions: Vec<_> = questions.into_iter().filter(|question| asker.answers(question)).collect();
    if questions.is_empty() {
        let problems = vec!["it does not serve the hook of that question".to_owned()];
        return Err(PluginError::Unfit { path: request.component.clone(), problems }.into());
    }
    let share = request.time / u32::try_from(questions.len()).unwrap_or(1);
    let runs = questions.iter().map(|question| run(&mut asker, question, share)).collect();
    Ok(BenchAnswer {
        policy: asker.description().name.clone(),
        version: asker.description().version.clone(),
        digest: asker.digest().to_owned(),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        startup: StartupTimes {
            compile_micros: micros(cold.load),
            load_micros: micros(warm.load),
            instance_micros: micros(warm.instance),
        },
        runs,
    })
}

fn run(asker: &mut Asker, question: &Question, share: Duration) -> BenchRun {
    let (begun, mut times) = (Instant::now(), Vec::new());
    let (mut fuel, mut memory, mut fault) = (0, 0, None);
    loop {
        let call = Instant::now();
        let decision = asker.ask(question, None);
        times.push(micros(call.elapsed()));
        (fuel, memory) = (decision.fuel.max(fuel), decision.memory.max(memory));
        fault = fault.or(decision.fault);
        if fault.is_some() || times.len() >= MAX_CALLS || begun.elapsed() >= share {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs_f64().max(f64::EPSILON);
    let calls = times.len();
    times.sort_unstable();
    let at = |percent: usize| times.get((calls.saturating_sub(1)) * percent / 100).copied().unwrap_or_default();
    BenchRun {
        hook: question.hook(),
        call: question.call().to_owned(),
        subject: question.subject(),
        calls,
        calls_per_second: f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) / seconds,
        median_micros: at(50),
        p99_micros: at(99),
        fuel,
        memory,
        fault,
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn request(name: &str) -> BenchRequest {
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/dist");
        BenchRequest { component: dist.join(name), input: None, settings: None, time: Duration::from_millis(40) }
    }

    #[test]
    fn every_call_of_a_policy_is_measured_and_no_other() {
        for (name, calls) in [
            ("signed-releases.wasm", vec!["review-plan"]),
            ("newest-compatible.wasm", vec!["rank"]),
            ("beta-reputation.wasm", vec!["score", "judge"]),
            ("graceful-degradation.wasm", vec!["route", "decide"]),
        ] {
            let answer = bench(&request(name), &Limits::default()).unwrap();
            assert_eq!(answer.runs.iter().map(|run| run.call.as_str()).collect::<Vec<_>>(), calls);
            for run in &answer.runs {
                assert!(run.calls > 0 && run.fuel > 0 && run.memory > 0 && run.fault.is_none(), "{run:?}");
                assert!(run.median_micros <= run.p99_micros && run.calls_per_second > 0.0, "{run:?}");
            }
            assert!(answer.startup.load_micros < answer.startup.compile_micros, "{:?}", answer.startup);
        }
    }

    #[test]
    fn a_question_of_another_hook_and_settings_that_are_refused_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let (input, settings) = (folder.path().join("input.json"), folder.path().join("settings.json"));
        std::fs::write(&input, serde_json::to_string(&typical::rank(&["1.0.0"])).unwrap()).unwrap();
        let other = BenchRequest { input: Some(input), ..request("signed-releases.wasm") };
        assert!(bench(&other, &Limits::default()).unwrap_err().to_string().contains("does not serve"));
        std::fs::write(&settings, r#"{"nonsense":1}"#).unwrap();
        let refused = BenchRequest { settings: Some(settings), ..request("signed-releases.wasm") };
        assert!(bench(&refused, &Limits::default()).unwrap_err().to_string().contains("nonsense"));
    }
}
