//! What a fallback adviser is told and may answer. Decides nothing.
//!
//! Invariant: one record here for one in `wit/fallback-policy.wit`.

use serde::{Deserialize, Serialize};

use super::types::{Facts, Origin, Reason};

/// Origins that are asked side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Side by side, in no order.
    pub origins: Vec<Origin>,
    /// Time for all attempts in this stage; none: the host's own limit.
    #[serde(default)]
    pub within_ms: Option<u32>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Nobody there.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// Fewer answers than wanted, or signs of a split network.
    Incomplete,
    /// What came is not what was signed, or cannot be read.
    Corrupt,
    /// Every holder there failed.
    Exhausted,
}

/// How this node stands with the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// All is well.
    Online,
    /// Fewer answer than should.
    Degraded,
    /// Nobody answers.
    Isolated,
    /// Somebody answers, and nothing is fresh.
    Stale,
}

/// One thing tried before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Where.
    pub origin: Origin,
    /// What went wrong.
    pub trouble: Trouble,
    /// What exactly.
    pub code: String,
    /// Since the job began.
    pub elapsed_ms: u64,
}

/// Trouble, and what was tried so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Situation {
    /// What went wrong.
    pub trouble: Trouble,
    /// What exactly, as listed in `wit/FACTS.md`.
    pub code: String,
    /// Where.
    pub origin: Origin,
    /// The package that it is about, if one.
    #[serde(default)]
    pub package: Option<String>,
    /// How often this has now happened with this origin and package.
    pub attempt: u32,
    /// Since the job began.
    pub elapsed_ms: u64,
    /// What the host still allows.
    pub left_ms: u64,
    /// How this node stands with the network.
    pub network: Network,
    /// In time order.
    #[serde(default)]
    pub tried: Vec<Attempt>,
    /// Of the route.
    #[serde(default)]
    pub untried: Vec<Origin>,
    /// What else is known.
    #[serde(default)]
    pub facts: Facts,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Ask the next policy in the chain.
    Abstain,
    /// The same again, after so many milliseconds.
    Retry(u32),
    /// On with an origin of the route.
    TurnTo(Origin),
    /// On with what there is, marked as incomplete; the user is told why.
    Degrade(Reason),
    /// End the job.
    Stop(Reason),
}
