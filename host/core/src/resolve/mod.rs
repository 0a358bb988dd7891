//! Resolution: names and ranges in, exact releases out.
//!
//! pubgrub solves over what is known; what it lacks comes back as [`ResolveError::Missing`], is fetched by the caller, and
//! it solves again. Decides; never fetches, never asks a policy (its ranking and exclusions are part of
//! [`Knowledge`]). Invariant: every [`Solution`] passed [`check::check`], which shares no code with the solver.

mod check;
mod cycle;
mod derivation;
mod explain;
mod keep;
mod knowledge;
mod lookahead;
mod provider;
mod relief;
mod solution;
mod tell;

use std::collections::BTreeSet;
use std::fmt;

use pubgrub::PubGrubError;
use semver::Version;

use crate::name::{PackageId, PackageName};
use crate::naming::NamingError;

pub use derivation::Derivation;
pub use explain::Explanation;
pub use keep::{Kept, Moved, resolve_keeping};
pub use knowledge::{Knowledge, KnownPackage, KnownVersion, Request};
pub use solution::{Chosen, Solution};

/// Steps that are allowed for each package that is known.
const STEPS_PER_PACKAGE: u32 = 4;

/// Bounds of one resolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Steps of the solver, beside four for each known package: those a graph needs that is only large.
    pub steps: u32,
    /// Packages of a solution.
    pub packages: usize,
}

/// What the solver would have to know.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Missing {
    /// Whose these names are.
    pub names: BTreeSet<PackageName>,
    /// Which versions these packages have.
    pub packages: BTreeSet<PackageId>,
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.packages.is_empty()
    }
}

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
    #[error("circular dependency: {}", cycle::show(.0))]
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
    fn naming(required_by: Option<(PackageId, Version)>, error: NamingError) -> Self {
        Self::Naming(Box::new(NamingRefusal { required_by, error }))
    }
}

/// How often optional requirements may send the solver back.
const OPTIONAL_ROUNDS: usize = 64;

/// Solves `requests` over `knowledge`; `cancelled` is asked at each step.
pub fn resolve(
    requests: &[Request],
    knowledge: &Knowledge,
    bounds: Bounds,
    cancelled: &dyn Fn() -> bool,
) -> Result<Solution, ResolveError> {
    let held = keep::Held::new();
    attempt(requests, knowledge, &held, bounds, cancelled)
        .map_err(|failed| relief::with_hints(failed.error, requests, knowledge, bounds, cancelled))
}

/// An attempt that failed, and the packages that its derivation speaks of.
struct Failed {
    error: ResolveError,
    involved: BTreeSet<PackageId>,
}

impl From<ResolveError> for Failed {
    fn from(error: ResolveError) -> Self {
        Self { error, involved: BTreeSet::new() }
    }
}

/// Solves with each package of `held` at its version, if it is needed at all.
fn attempt(
    requests: &[Request],
    knowledge: &Knowledge,
    held: &keep::Held,
    bounds: Bounds,
    cancelled: &dyn Fn() -> bool,
) -> Result<Solution, Failed> {
    let mut provider = provider::Provider::new(requests, knowledge, held, bounds, cancelled)?;
    provider.look_ahead()?;
    for _ in 0..OPTIONAL_ROUNDS {
        let selected = match pubgrub::resolve(&provider, provider::Node::Root, Version::new(0, 0, 0)) {
            Ok(selected) => selected,
            Err(PubGrubError::NoSolution(tree)) => {
                let error = explain::no_solution(&tree, requests, knowledge, held);
                return Err(Failed { error, involved: explain::involved(&tree) });
            }
            Err(PubGrubError::ErrorRetrievingDependencies { source, .. })
            | Err(PubGrubError::ErrorChoosingVersion { source, .. })
            | Err(PubGrubError::ErrorInShouldCancel(source)) => return Err(source.0.into()),
        };
        let solution = solution::Solution::assemble(&selected, requests, knowledge)?;
        let broken = solution.broken_optional(knowledge);
        if !broken.is_empty() && provider.watch(broken) {
            continue;
        }
        if solution.packages.len() > bounds.packages {
            return Err(ResolveError::TooMany { found: solution.packages.len(), limit: bounds.packages }.into());
        }
        cycle::refuse(&solution, knowledge)?;
        check::check(&solution, requests, knowledge).map_err(ResolveError::Unsound)?;
        return Ok(solution);
    }
    Err(ResolveError::TooHard { steps: provider.steps() }.into())
}

#[cfg(test)]
mod tests;
