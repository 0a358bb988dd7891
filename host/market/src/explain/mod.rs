//! `policy explain NAME`: why a package was refused or let in, why this version, why from these holders, told from the
//! decision log.
//!
//! Decides which recorded job is told: the latest that had the package reviewed or ranked, else the latest that was about
//! it. Asks no policy: what is told is what was decided then, put together by the chain's own rules. Invariant: each
//! sentence names whose word it is.

mod answer;
mod review;
mod told;
mod version;
mod way;

use ggen_core::PackageName;
use ggen_policy::PolicyHost;
use ggen_store::{DecisionFilter, DecisionRow};

use crate::error::MarketError;
use crate::market::Market;

pub use self::answer::{ExplainAnswer, ExplainedHolder, ExplainedReason, ExplainedVersion};
use self::told::{Locks, Told};

/// Rows about the package that are looked through for its latest job.
const LOOKED: usize = 500;
/// Rows of one job.
const MAX_ROWS: usize = 4000;

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
