//! What would do instead of what was asked for and cannot be had.
//!
//! Decides by solving again, with one request wider or left out. Invariant: what is offered was solved and checked like any
//! other answer, over the same knowledge; where that lacks something, nothing is offered.

use semver::VersionReq;

use super::attempt::attempt;
use super::error::ResolveError;
use super::explanation::{Explanation, RELAX};
use super::knowledge::{Bounds, Held, Knowledge, Request};
use super::solution::Solution;

/// The most requests that are tried without, or with any version.
const MAX_TRIED: usize = 8;
/// Steps of each of these solutions: what is hard is not worth a hint.
const STEPS: u32 = 2000;

/// Puts what would do first among the hints of a conflict.
pub(super) fn with_hints(
    mut error: ResolveError,
    requests: &[Request],
    knowledge: &Knowledge,
    bounds: Bounds,
    cancelled: &dyn Fn() -> bool,
) -> ResolveError {
    if let ResolveError::NoSolution(explanation) = &mut error
        && is_between_requirements(explanation)
    {
        let bounds = Bounds { steps: bounds.steps.min(STEPS), ..bounds };
        let solve = |requests: &[Request]| attempt(requests, knowledge, &Held::new(), bounds, cancelled).ok();
        let mut hints = wider(requests, &solve);
        if hints.is_empty() {
            hints = without(requests, &solve);
        }
        if !hints.is_empty() {
            explanation.hints.retain(|hint| hint != RELAX);
        }
        explanation.hints.splice(0..0, hints);
    }
    error
}

/// Whether others than the user have a part in it: a request that nothing satisfies has its nearest versions told.
fn is_between_requirements(explanation: &Explanation) -> bool {
    explanation.code == "conflict" || explanation.required_by.is_some()
}

type Solve<'a> = &'a dyn Fn(&[Request]) -> Option<Solution>;

/// One request with any version, and what comes of it.
fn wider(requests: &[Request], solve: Solve<'_>) -> Vec<String> {
    let mut hints = Vec::new();
    for (at, request) in requests.iter().enumerate().filter(|(_, r)| r.requirement != VersionReq::STAR).take(MAX_TRIED)
    {
        let mut others = requests.to_vec();
        if let Some(wide) = others.get_mut(at) {
            wide.requirement = VersionReq::STAR;
        }
        let solved = solve(&others);
        let version = solved.and_then(|s| s.packages.into_iter().find(|c| c.direct && c.id.name == request.name));
        if let Some(chosen) = version {
            let name = &request.name;
            hints.push(format!(
                "{name}@^{} would do, where you asked for {name}@{}",
                chosen.version, request.requirement
            ));
        }
    }
    hints
}

/// All but one of the requests.
fn without(requests: &[Request], solve: Solve<'_>) -> Vec<String> {
    if requests.len() < 2 {
        return Vec::new();
    }
    let mut hints = Vec::new();
    for (at, request) in requests.iter().enumerate().take(MAX_TRIED) {
        let mut others = requests.to_vec();
        others.remove(at);
        if solve(&others).is_some() {
            hints.push(format!("without {} it would do", request.name));
        }
    }
    hints
}
