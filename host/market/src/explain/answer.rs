//! What `policy explain` answers.
//!
//! Decides nothing. Invariant: the sentences and the facts beside them are of the same decisions.

use serde::Serialize;

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
