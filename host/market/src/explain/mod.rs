//! `policy explain NAME`: why a package was refused or let in, why this version, why from these holders, told from the
//! decision log.
//!
//! Decides which recorded job is told: the latest that had the package reviewed or ranked, else the latest that was about
//! it. Asks no policy: what is told is what was decided then, put together by the chain's own rules. Invariant: each
//! sentence names whose word it is.

mod review;
mod version;
mod way;

use ggen_core::PackageName;
use ggen_core::hooks::{Answer, Question};
use ggen_policy::PolicyHost;
use ggen_store::{DecisionFilter, DecisionRow};
use serde::Serialize;

use crate::error::MarketError;
use crate::market::Market;

/// Rows about the package that are looked through for its latest job.
const LOOKED: usize = 500;
/// Rows of one job.
const MAX_ROWS: usize = 4000;

/// A policy's reason about the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedReason {
    /// The version that it was about.
    pub version: String,
    /// The policy's name.
    pub policy: String,
    /// `warn`, `pass-over`, `deny`, `excluded`, or `fault` where it gave no answer.
    pub verdict: &'static str,
    /// `enforce` or `shadow`.
    pub mode: String,
    /// The reason's code; empty for a fault.
    pub code: String,
    /// The reason.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file that locks the policy.
    pub locked_by: Option<String>,
}

/// Where a version stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedVersion {
    /// The version.
    pub version: String,
    /// Its place in the order, from 1; none: excluded, or no policy had a preference.
    pub place: Option<usize>,
    /// The policy that excluded it.
    pub excluded_by: Option<String>,
}

/// A holder as the policies saw it; who it is they were not told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedHolder {
    /// Its score; the lowest of all policies'.
    pub score: f64,
    /// Whether the operator names it.
    pub named: bool,
    /// Good answers in the last month, the older the less they count.
    pub successes: f64,
    /// Bad answers, lies and time-outs in the last month.
    pub failures: f64,
}

/// `policy explain`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExplainAnswer {
    /// The package.
    pub name: String,
    /// When it was decided, in milliseconds since the Unix epoch; none: the log has nothing about it.
    pub time: Option<u64>,
    /// What was being done: `install`, …
    pub task: Option<String>,
    /// The version that was reviewed.
    pub version: Option<String>,
    /// What the policies came to: `allow`, `warn`, `pass-over` or `deny`; none: it came to no review.
    pub verdict: Option<&'static str>,
    /// Every reason given about it.
    pub reasons: Vec<ExplainedReason>,
    /// Its versions, highest first.
    pub versions: Vec<ExplainedVersion>,
    /// Whose order of the versions counted.
    pub ordered_by: Option<String>,
    /// Its holders, best first.
    pub holders: Vec<ExplainedHolder>,
    /// All of it in sentences.
    pub sentences: Vec<String>,
    /// The numbers of the decisions that this is told from.
    pub decisions: Vec<i64>,
}

/// A row that can be told from.
struct Told {
    row: DecisionRow,
    question: Question,
    /// None where the policy gave none.
    answer: Option<Answer>,
}

impl Told {
    fn of(row: DecisionRow) -> Option<Self> {
        let question = serde_json::from_str(&row.input).ok()?;
        let answer = serde_json::from_str(&row.verdict).ok();
        Some(Self { row, question, answer })
    }

    fn is_heeded(&self) -> bool {
        self.row.mode == "enforce"
    }

    fn fault(&self) -> &str {
        self.row.fault.as_deref().unwrap_or("it gave no answer")
    }
}

/// Consecutive rows of one question: a chain's answers.
fn chains<'a>(rows: &'a [Told], call: &str) -> Vec<Vec<&'a Told>> {
    let mut chains: Vec<Vec<&Told>> = Vec::new();
    for told in rows.iter().filter(|told| told.row.call == call) {
        let of = |chain: &&mut Vec<&Told>| chain.first().is_some_and(|f| f.row.input_digest == told.row.input_digest);
        match chains.iter_mut().find(of) {
            Some(chain) => chain.push(told),
            None => chains.push(vec![told]),
        }
    }
    chains
}

/// Who locks a policy of a hook now.
type Locks<'a> = &'a dyn Fn(&DecisionRow) -> Option<String>;

impl Market {
    /// Why things about a package are as they are.
    pub fn policy_explain(&self, name: &str) -> Result<ExplainAnswer, MarketError> {
        let name: PackageName = name.parse().map_err(|problem: ggen_core::name::NameError| MarketError::Usage {
            text: name.to_owned(),
            problem: problem.to_string(),
            hint: Some("write a package's name, as `ggen marketplace list` shows it".to_owned()),
        })?;
        let about = DecisionFilter { package: Some(name.to_string()), ..DecisionFilter::default() };
        let rows = self.store.decisions(&about, LOOKED)?;
        let decides = |row: &&DecisionRow| ["review-plan", "review-contents", "rank"].contains(&row.call.as_str());
        let Some(latest) = rows.iter().find(decides).or_else(|| rows.first()) else {
            return Ok(ExplainAnswer { name: name.to_string(), ..ExplainAnswer::default() });
        };
        let job = DecisionFilter { time: Some(latest.time), ..DecisionFilter::default() };
        let mut rows: Vec<_> = self.store.decisions(&job, MAX_ROWS)?.into_iter().filter_map(Told::of).collect();
        rows.reverse();
        let host = self.policies()?;
        Ok(explain(&name, &rows, &|row| locked_by(&host, row)))
    }
}

fn locked_by(host: &PolicyHost, row: &DecisionRow) -> Option<String> {
    host.locked_by(row.hook.parse().ok()?, &row.policy)
}

/// The rows of one job, oldest first, as they are told.
fn explain(name: &PackageName, rows: &[Told], locks: Locks<'_>) -> ExplainAnswer {
    let mut answer = ExplainAnswer { name: name.to_string(), ..ExplainAnswer::default() };
    let Some(first) = rows.first() else { return answer };
    answer.time = Some(first.row.time);
    let task = serde_json::to_value(first.question.job().task).ok();
    answer.task = task.and_then(|task| task.as_str().map(str::to_owned));
    review::tell(name, rows, locks, &mut answer);
    version::tell(name, rows, locks, &mut answer);
    way::tell(name, rows, &mut answer);
    answer.decisions.sort_unstable();
    answer.decisions.dedup();
    answer
}

#[cfg(test)]
mod tests;
