//! Why a resolution fails.
//!
//! Decides nothing: what is known of a failure, for whoever tells it.

use std::fmt;

use semver::Version;

use super::explanation::Explanation;
use super::knowledge::Missing;
use crate::name::{PackageId, PackageName};
use crate::naming::NamingError;

/// Why there is no solution, yet or at all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ResolveError {
    /// Something has to be fetched first; not an error of the user's.
    #[error("more has to be known first")]
    Missing(Missing),
    /// A name that stands for nobody, or for two.
    #[error("it is not decided whose {} is meant", .0.error.name())]
    Naming(Box<NamingRefusal>),
    /// Two packages that a home has no room for side by side.
    #[error("{0}")]
    Collision(Box<Collision>),
    /// The requirements cannot hold together.
    #[error("{}", .0.headline)]
    NoSolution(Box<Explanation>),
    /// A circle of dependencies, in order; the first is not repeated at the end.
    #[error("circular dependency: {}", in_order(.0))]
    Cycle(Vec<(PackageName, Version)>),
    /// The graph is too large or too hard.
    #[error("resolution was given up after {steps} steps")]
    TooHard {
        /// Steps taken.
        steps: u32,
    },
    /// More packages than one install may have.
    #[error("the solution has {found} packages, more than the {limit} allowed")]
    TooMany {
        /// Packages found.
        found: usize,
        /// Packages allowed.
        limit: usize,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// The answer did not pass the independent check: a defect of this program, never installed.
    #[error("the solver's answer is wrong: {0}")]
    Unsound(String),
}

/// A name that could not be decided, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamingRefusal {
    /// The release that depends on it; none where the user typed it.
    pub required_by: Option<(PackageId, Version)>,
    /// Why.
    pub error: NamingError,
}

/// Two packages of one name, or of names that are the same but for `-` and `_`: a home has room for one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// One, and who requires it; none where the user typed it.
    pub first: (PackageId, Option<PackageName>),
    /// The other.
    pub second: (PackageId, Option<PackageName>),
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = (&self.first.0, &self.second.0);
        match first.name == second.name {
            true => write!(f, "two publishers' packages named {} are needed at once", first.name),
            false => write!(f, "{} and {} are needed at once, and count as one name", first.name, second.name),
        }
    }
}

impl ResolveError {
    pub(super) fn naming(required_by: Option<(PackageId, Version)>, error: NamingError) -> Self {
        Self::Naming(Box::new(NamingRefusal { required_by, error }))
    }
}

/// `a@1.0.0 → b@2.0.0 → a@1.0.0`.
fn in_order(cycle: &[(PackageName, Version)]) -> String {
    let mut parts: Vec<String> = cycle.iter().map(|(name, version)| format!("{name}@{version}")).collect();
    parts.extend(parts.first().cloned());
    parts.join(" → ")
}
