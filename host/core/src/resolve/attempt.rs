//! One run of the solver, and all that its answer has to pass.

use std::collections::BTreeSet;

use pubgrub::PubGrubError;
use semver::Version;

use super::error::ResolveError;
use super::knowledge::{Bounds, Held, Knowledge, Request};
use super::node::Node;
use super::provider::Provider;
use super::solution::Solution;
use super::{check, cycle, explain};
use crate::name::PackageId;

/// How often optional requirements may send the solver back.
const OPTIONAL_ROUNDS: usize = 64;

/// An attempt that failed, and the packages that its derivation speaks of.
pub(super) struct Failed {
    pub error: ResolveError,
    pub involved: BTreeSet<PackageId>,
}

impl From<ResolveError> for Failed {
    fn from(error: ResolveError) -> Self {
        Self { error, involved: BTreeSet::new() }
    }
}

/// Solves with each package of `held` at its version, if it is needed at all.
pub(super) fn attempt(
    requests: &[Request],
    knowledge: &Knowledge,
    held: &Held,
    bounds: Bounds,
    cancelled: &dyn Fn() -> bool,
) -> Result<Solution, Failed> {
    let mut provider = Provider::new(requests, knowledge, held, bounds, cancelled)?;
    provider.look_ahead()?;
    for _ in 0..OPTIONAL_ROUNDS {
        let selected = match pubgrub::resolve(&provider, Node::Root, Version::new(0, 0, 0)) {
            Ok(selected) => selected,
            Err(PubGrubError::NoSolution(tree)) => {
                let error = explain::no_solution(&tree, requests, knowledge, held);
                return Err(Failed { error, involved: explain::involved(&tree) });
            }
            Err(PubGrubError::ErrorRetrievingDependencies { source, .. })
            | Err(PubGrubError::ErrorChoosingVersion { source, .. })
            | Err(PubGrubError::ErrorInShouldCancel(source)) => return Err(source.0.into()),
        };
        let solution = Solution::assemble(&selected, requests, knowledge)?;
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
