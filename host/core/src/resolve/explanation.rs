//! A refusal as it is told: to a person in sentences, to a program as a tree.

use semver::Version;
use serde::Serialize;

use crate::name::PackageName;

/// A refusal that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// One line.
    pub headline: String,
    /// `no-matching-version`, `no-such-package` or `conflict`.
    pub code: &'static str,
    /// The package that it is about, where it is about one.
    pub package: Option<PackageName>,
    /// The release that requires `package`, where the user did not name it.
    pub required_by: Option<String>,
    /// The facts, one sentence each.
    pub because: Vec<String>,
    /// Versions that there are of `package`, highest first.
    pub available: Vec<Version>,
    /// Those of them next to what is required, lower ones first.
    pub nearest: Vec<Version>,
    /// What to change.
    pub hints: Vec<String>,
    /// How the facts lead to the refusal.
    pub derivation: Derivation,
    /// Whether `derivation` had more than is shown.
    pub derivation_cut: bool,
}

/// How facts lead to a conclusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Derivation {
    /// What follows.
    Derived {
        /// In a sentence.
        conclusion: String,
        /// From what; empty where the rest is not shown.
        causes: Vec<Derivation>,
    },
    /// What is known.
    Fact {
        /// In sentences.
        fact: String,
    },
}

/// What to change where nothing better is known.
pub(super) const RELAX: &str =
    "relax one of the requirements above, or ask for an older version of the package that has it";
