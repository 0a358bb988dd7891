//! What a solution will likely need, found before anything is solved.
//!
//! Follows the best version of each package that is known, and lists what is not known at the edge of that, so that a
//! whole layer of a graph is fetched side by side and the solver does not stop at each package. Decides nothing: what it
//! lists beyond need costs a question, what it leaves out the solver asks for.

use std::collections::{HashSet, VecDeque};

use semver::VersionReq;

use super::provider::Provider;
use super::{Missing, ResolveError};
use crate::name::PackageId;

impl Provider<'_> {
    /// Errs with everything that is missing along the best versions, if anything is.
    pub(super) fn look_ahead(&self) -> Result<(), ResolveError> {
        let mut missing = Missing::default();
        let mut queue: VecDeque<(PackageId, &VersionReq)> = VecDeque::new();
        for request in self.requests {
            if let Some(Ok((id, _))) = self.knowledge.typed(request) {
                queue.push_back((id, &request.requirement));
            }
        }
        let mut seen = HashSet::new();
        while let Some((id, requirement)) = queue.pop_front() {
            self.check_cancelled()?;
            let Some(package) = self.knowledge.packages.get(&id) else {
                missing.packages.insert(id);
                continue;
            };
            let fits = package.ranked().find(|v| requirement.matches(&v.version) && self.usable(&id, v));
            let Some(best) = fits.filter(|v| seen.insert((id.clone(), v.version.clone()))) else { continue };
            for dependency in best.dependencies.iter().filter(|d| !d.optional) {
                match self.knowledge.dependency(&id, dependency) {
                    None => drop(missing.names.insert(dependency.name.clone())),
                    Some(Ok((target, _))) => queue.push_back((target, &dependency.requirement)),
                    Some(Err(_)) => {}
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(ResolveError::Missing(missing)) }
    }
}
