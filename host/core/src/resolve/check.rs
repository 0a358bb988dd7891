//! An independent check of a solution, before anything is planned.
//!
//! Shares no code with the solver: it asks of each requirement, in the `semver` crate's words, whether it holds.

use super::knowledge::{Knowledge, Request};
use super::solution::Solution;

/// Errs with what does not hold.
pub(super) fn check(solution: &Solution, requests: &[Request], knowledge: &Knowledge) -> Result<(), String> {
    for request in requests {
        let Some(Ok((id, _))) = knowledge.typed(request) else { return Err(format!("{} means nobody", request.name)) };
        match solution.version(&id) {
            Some(version) if request.requirement.matches(version) => {}
            other => return Err(format!("{} {} was asked for, {other:?} chosen", request.name, request.requirement)),
        }
    }
    for chosen in &solution.packages {
        let release = knowledge.packages.get(&chosen.id).and_then(|p| p.get(&chosen.version));
        let Some(release) = release else {
            return Err(format!("{} {} does not exist", chosen.id.name, chosen.version));
        };
        if !release.allowed(&chosen.id, requests) {
            return Err(format!("{} {} may not be used", chosen.id.name, chosen.version));
        }
        for dependency in &release.dependencies {
            let target = match knowledge.dependency(&chosen.id, dependency) {
                Some(Ok((id, _))) => solution.version(&id),
                _ => None,
            };
            let holds = match target {
                Some(version) => dependency.requirement.matches(version),
                None => dependency.optional,
            };
            if !holds {
                let (name, requirement) = (&dependency.name, &dependency.requirement);
                return Err(format!("{} {} requires {name} {requirement}", chosen.id.name, chosen.version));
            }
        }
    }
    Ok(())
}
