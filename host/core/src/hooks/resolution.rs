//! What a version ranker is told and may answer. Decides nothing.
//!
//! Invariant: one record here for one in `wit/version-resolution.wit`; candidates stand highest version first.

use serde::{Deserialize, Serialize};

use super::types::{Advisory, Facts, Reason};

/// One version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The version.
    pub version: String,
    /// The publisher's word, milliseconds since the Unix epoch.
    pub published: u64,
    /// When it was first seen here or vouched for; for cut-off dates use this.
    pub witnessed: u64,
    /// Whether it is a pre-release.
    #[serde(default)]
    pub pre_release: bool,
    /// Why it was withdrawn, if it was.
    #[serde(default)]
    pub yanked: Option<String>,
    /// Whether it is the one installed now.
    #[serde(default)]
    pub installed: bool,
    /// Whether the lockfile pins it.
    #[serde(default)]
    pub locked: bool,
    /// That affect it.
    #[serde(default)]
    pub advisories: Vec<Advisory>,
    /// What else is known.
    #[serde(default)]
    pub facts: Facts,
}

/// The package whose versions are ranked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its name.
    pub name: String,
    /// Its publisher's id.
    pub publisher: String,
    /// What the user asked for; none for a dependency.
    #[serde(default)]
    pub requirement: Option<String>,
}

/// A version that is not to be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Index into the candidates.
    pub candidate: u32,
    /// What the user reads.
    pub reason: Reason,
}

/// One policy's order of one package's versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    /// Indexes, best first, of all that are not excluded; none: no preference.
    #[serde(default)]
    pub order: Option<Vec<u32>>,
    /// Each with its reason.
    #[serde(default)]
    pub excluded: Vec<Exclusion>,
}
