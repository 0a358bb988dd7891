//! Resolution that changes as little as it must of what was kept: of a lockfile, in the main.
//!
//! Holds every kept package to its version, lets go of those that stand in the way, and takes back each that could have
//! stayed after all. Decides; reads no lockfile. Invariant: no package of [`Kept::moved`] could keep its version beside
//! all those that did; each says why.

use std::collections::BTreeMap;

use semver::Version;

use super::attempt::{Failed, attempt};
use super::error::ResolveError;
use super::knowledge::{Bounds, Held, Knowledge, Request};
use super::relief;
use super::solution::Solution;
use crate::name::PackageId;

/// A solution that changes as little as it must of what was kept, and what it had to change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The solution.
    pub solution: Solution,
    /// What changed, by name.
    pub moved: Vec<Moved>,
}

/// A package that could not be kept as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Which.
    pub id: PackageId,
    /// Its version before.
    pub from: Version,
    /// Its version now; none where nothing needs it any more.
    pub to: Option<Version>,
    /// Why, in sentences.
    pub why: Vec<String>,
}

/// How often packages in the way are let go of before all are.
const ROUNDS: usize = 16;
/// The most packages that are tried to be taken back one by one.
const MAX_TAKEN_BACK: usize = 64;

/// As [`super::resolve`], with each package of `keep` at its version where that can be. The caller marks these versions
/// as locked, so that they are tried first, and may be yanked.
pub fn resolve_keeping(
    requests: &[Request],
    knowledge: &Knowledge,
    keep: &BTreeMap<PackageId, Version>,
    bounds: Bounds,
    cancelled: &dyn Fn() -> bool,
) -> Result<Kept, ResolveError> {
    let mut why: BTreeMap<PackageId, Vec<String>> = BTreeMap::new();
    let mut held = Held::new();
    for (id, version) in keep {
        match unusable(id, version, requests, knowledge) {
            Some(reason) => drop(why.insert(id.clone(), vec![reason])),
            None => drop(held.insert(id.clone(), version.clone())),
        }
    }
    let usable = held.clone();
    let mut solution = release_until_solved(requests, knowledge, &mut held, &mut why, bounds, cancelled)
        .map_err(|error| relief::with_hints(error, requests, knowledge, bounds, cancelled))?;
    // Whatever stayed by itself is held from now on, so that taking one back never costs another.
    let stayed = |solution: &Solution| -> Held {
        let moves = |id: &PackageId, from: &Version| solution.version(id).is_some_and(|to| to != from);
        usable.iter().filter(|(id, from)| !moves(id, from)).map(|(i, v)| (i.clone(), v.clone())).collect()
    };
    let mut held = stayed(&solution);
    for (id, version) in usable.iter().filter(|(id, _)| !held.contains_key(id)).take(MAX_TAKEN_BACK).collect::<Vec<_>>()
    {
        if held.contains_key(id) {
            continue;
        }
        let mut also = held.clone();
        also.insert(id.clone(), version.clone());
        match attempt(requests, knowledge, &also, bounds, cancelled) {
            Ok(better) => {
                held = stayed(&better);
                solution = better;
            }
            Err(failed) => match reasons(&failed.error) {
                Some(reasons) => drop(why.insert(id.clone(), reasons)),
                None => return Err(failed.error),
            },
        }
    }
    Ok(Kept { moved: moved(keep, &solution, why), solution })
}

/// Solves, and lets go of what stands in a failed attempt's derivation, until it holds.
fn release_until_solved(
    requests: &[Request],
    knowledge: &Knowledge,
    held: &mut Held,
    why: &mut BTreeMap<PackageId, Vec<String>>,
    bounds: Bounds,
    cancelled: &dyn Fn() -> bool,
) -> Result<Solution, ResolveError> {
    for round in 0.. {
        let Failed { error, involved } = match attempt(requests, knowledge, held, bounds, cancelled) {
            Ok(solution) => return Ok(solution),
            Err(failed) => failed,
        };
        // A circle is no derivation: another version of what is on it is the user's to ask for.
        let stands = held.is_empty() || matches!(error, ResolveError::Cycle(_));
        let Some(reasons) = reasons(&error).filter(|_| !stands) else { return Err(error) };
        let in_the_way = |id: &PackageId| involved.contains(id);
        let all = round >= ROUNDS || !held.keys().any(in_the_way);
        let released: Vec<PackageId> = held.keys().filter(|id| all || in_the_way(id)).cloned().collect();
        for id in released {
            held.remove(&id);
            why.insert(id, reasons.clone());
        }
    }
    Err(ResolveError::TooHard { steps: bounds.steps })
}

/// What a failure says about versions that were held; `None` where other versions would not help.
fn reasons(error: &ResolveError) -> Option<Vec<String>> {
    match error {
        ResolveError::NoSolution(explanation) => Some(explanation.because.clone()),
        ResolveError::Cycle(_) => Some(vec![error.to_string()]),
        _ => None,
    }
}

/// Why a version cannot be kept whatever else is chosen.
fn unusable(id: &PackageId, version: &Version, requests: &[Request], knowledge: &Knowledge) -> Option<String> {
    let package = knowledge.packages.get(id)?;
    let name = &id.name;
    let Some(known) = package.get(version) else { return Some(format!("there is no {name} {version} any more")) };
    match (&known.excluded, &known.yanked) {
        (Some(reason), _) => Some(format!("{name} {version} is left out: {reason}")),
        (None, Some(_)) if !known.allowed(id, requests) => Some(format!("{name} {version} was yanked")),
        _ => None,
    }
}

fn moved(keep: &Held, solution: &Solution, mut why: BTreeMap<PackageId, Vec<String>>) -> Vec<Moved> {
    let changed = |(id, from): (&PackageId, &Version)| {
        let to = solution.version(id).cloned();
        if to.as_ref() == Some(from) {
            return None;
        }
        let why = match to {
            Some(_) => why.remove(id).unwrap_or_default(),
            None => vec![format!("nothing needs {} any more", id.name)],
        };
        Some(Moved { id: id.clone(), from: from.clone(), to, why })
    };
    let mut moved: Vec<Moved> = keep.iter().filter_map(changed).collect();
    moved.sort_by(|a, b| a.id.name.cmp(&b.id.name));
    moved
}
