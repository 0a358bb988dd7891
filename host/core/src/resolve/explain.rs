//! Why there is no solution, in sentences.
//!
//! Walks pubgrub's derivation and says each fact in it once: who requires what, which versions there are, which of them
//! a policy excluded and why, which are nearest. Decides nothing; what is said of one fact is [`super::tell`]'s.

use std::collections::BTreeSet;

use pubgrub::{DerivationTree, External, Ranges};
use semver::{Version, VersionReq};

use super::derivation::derivation;
use super::error::ResolveError;
use super::explanation::{Explanation, RELAX};
use super::knowledge::{Held, Knowledge, KnownVersion, Request};
use super::node::{Fact, Node, Tree};
use super::tell::{Demand, MAX_SHOWN, Teller, show_requirement};
use crate::name::{PackageId, PackageName};

/// The most facts of a derivation that are told.
const MAX_FACTS: usize = 24;
/// The longest list of versions that a program is told.
const MAX_AVAILABLE: usize = 1000;

/// Turns a derivation into sentences.
pub(super) fn no_solution(tree: &Tree, requests: &[Request], knowledge: &Knowledge, kept: &Held) -> ResolveError {
    let facts = facts(tree);
    let teller = Teller { requests, knowledge, kept };
    let told: Vec<String> = facts.iter().flat_map(|fact| teller.sentences(fact)).collect();
    // What the user asked for comes first: the rest follows from it.
    let (asked, rest): (Vec<_>, Vec<_>) = told.into_iter().partition(|sentence| sentence.starts_with("you asked for"));
    let mut because: Vec<String> = Vec::new();
    for sentence in asked.into_iter().chain(rest) {
        if !because.contains(&sentence) {
            because.push(sentence);
        }
    }
    let mut culprits: Vec<(&Node, &Ranges<Version>)> = Vec::new();
    for (node, range) in facts.iter().filter_map(|fact| teller.culprit(fact)) {
        if culprits.iter().all(|(other, _)| *other != node) {
            culprits.push((node, range));
        }
    }
    let (derivation, derivation_cut) = derivation(tree, &teller);
    let blank = Explanation {
        headline: String::new(),
        code: "conflict",
        package: None,
        required_by: None,
        because,
        available: Vec::new(),
        nearest: Vec::new(),
        hints: Vec::new(),
        derivation,
        derivation_cut,
    };
    let explanation = match culprits.as_slice() {
        [(Node::Nobody(name), _)] => nobody(&teller, name, &facts, blank),
        [(node @ Node::Package(id), range)] => match teller.wanted(&facts, node, range) {
            Some(wanted) => no_match(&teller, id, wanted, blank),
            // Nobody requires just what is barred: a version that may be used fits, and something else is in its way.
            None => conflict(&teller, &facts, blank),
        },
        _ => conflict(&teller, &facts, blank),
    };
    ResolveError::NoSolution(Box::new(explanation))
}

/// The leaves of a derivation, each once, in order, as far as they are told.
fn facts(tree: &Tree) -> Vec<&Fact> {
    let mut found: Vec<&Fact> = Vec::new();
    walk(tree, &mut |fact| {
        found.push(fact);
        found.len() < MAX_FACTS
    });
    found
}

/// Every package that a derivation speaks of.
pub(super) fn involved(tree: &Tree) -> BTreeSet<PackageId> {
    let mut found: BTreeSet<PackageId> = BTreeSet::new();
    let mut take = |node: &Node| match node {
        Node::Package(id) if !found.contains(id.as_ref()) => drop(found.insert(id.as_ref().clone())),
        _ => {}
    };
    walk(tree, &mut |fact| {
        match fact {
            External::NotRoot(node, _) | External::NoVersions(node, _) | External::Custom(node, _, _) => take(node),
            External::FromDependencyOf(owner, _, target, _) => [owner, target].into_iter().for_each(&mut take),
        }
        true
    });
    found
}

/// Visits leaves from left to right, until `visit` says no. Iterative, because a derivation can be deep.
fn walk<'t>(tree: &'t Tree, visit: &mut dyn FnMut(&'t Fact) -> bool) {
    let mut seen = BTreeSet::new();
    let mut stack = vec![tree];
    while let Some(next) = stack.pop() {
        match next {
            DerivationTree::External(fact) if visit(fact) => {}
            DerivationTree::External(_) => return,
            DerivationTree::Derived(derived) => {
                if derived.shared_id.is_none_or(|id| seen.insert(id)) {
                    stack.push(&derived.cause2);
                    stack.push(&derived.cause1);
                }
            }
        }
    }
}

fn nobody(teller: &Teller<'_>, name: &PackageName, facts: &[&Fact], blank: Explanation) -> Explanation {
    let owner = facts.iter().find_map(|fact| teller.owner_of(fact, name));
    let mut hints = Vec::new();
    let headline = match &owner {
        Some(owner) => {
            hints.push(format!(
                "only the publisher of {owner} can mend this: {name} may be a crate or another ecosystem's package"
            ));
            format!("nobody is known to publish {name}, which {owner} requires")
        }
        None => format!("nobody is known to publish {name}"),
    };
    hints.push(format!("look for it: ggen marketplace search {name}"));
    hints.push("if it is new, reach a node that has it: GGEN_P2P_BOOTSTRAP, or --bootstrap of p2p start".to_owned());
    let said = format!("nobody is known to publish {name}");
    let because = blank.because.into_iter().filter(|sentence| *sentence != said).collect();
    Explanation {
        headline,
        code: "no-such-package",
        package: Some(name.clone()),
        required_by: owner,
        because,
        hints,
        ..blank
    }
}

fn no_match(teller: &Teller<'_>, id: &PackageId, (owner, requirement): Demand, mut blank: Explanation) -> Explanation {
    let known = || teller.knowledge.packages.get(id).into_iter().flat_map(|p| &p.versions);
    let versions: Vec<Version> = known().map(|v| v.version.clone()).collect();
    let usable: Vec<Version> = known().filter(|v| v.allowed(id, teller.requests)).map(|v| v.version.clone()).collect();
    let fitting: Vec<&KnownVersion> = known().filter(|v| requirement.matches(&v.version)).collect();
    let (name, shown) = (&id.name, show_requirement(&requirement));
    let which = match &owner {
        Some(owner) => format!("satisfies {shown}, which {owner} requires"),
        None => format!("satisfies {shown}"),
    };
    let headline = match fitting.is_empty() {
        _ if versions.is_empty() => format!("no version of {name} is known"),
        true => format!("no version of {name} {which}"),
        false => format!("no version of {name} that {which}{} may be used", if owner.is_some() { "," } else { "" }),
    };
    let nearest = super::tell::nearest(&usable, &requirement);
    // Where something fits and may not be used, or was to stay at another version, nothing is nearer than that.
    if !nearest.is_empty() && fitting.is_empty() && versions.len() > nearest.len() {
        let list: Vec<String> = nearest.iter().map(ToString::to_string).collect();
        blank.because.push(format!("the nearest to {shown} is {}", list.join(" and ")));
    }
    let hints = change(id, owner.as_deref(), &requirement, &fitting, &nearest, &usable);
    Explanation {
        headline,
        code: "no-matching-version",
        package: Some(id.name.clone()),
        required_by: owner,
        available: versions.into_iter().take(MAX_AVAILABLE).collect(),
        nearest,
        hints,
        ..blank
    }
}

/// What can be changed where no version satisfies `requirement`, or where those that do, `fitting`, may not be used.
fn change(
    id: &PackageId,
    owner: Option<&str>,
    requirement: &VersionReq,
    fitting: &[&KnownVersion],
    nearest: &[Version],
    usable: &[Version],
) -> Vec<String> {
    let name = &id.name;
    let mut hints = Vec::new();
    let full = |v: &&Version| v.pre.is_empty();
    match (nearest.iter().rev().find(full).or(usable.iter().find(full)), owner) {
        (Some(best), None) => hints.push(format!("ask for one that there is: {name}@^{best}")),
        (Some(best), Some(owner)) => hints.push(format!(
            "the publisher of {owner} could move it to {name} ^{best}; until then another version of {} may do",
            owner.split(' ').next().unwrap_or(owner)
        )),
        (None, _) => {}
    }
    let would_match = |v: &&Version| {
        let released = Version::new(v.major, v.minor, v.patch);
        !v.pre.is_empty() && requirement.matches(&released)
    };
    if let Some(pre) = usable.iter().find(would_match).filter(|_| owner.is_none()) {
        hints.push(format!("a pre-release is taken only where it is named: {name}@={pre}"));
    }
    if let Some(yanked) = fitting.iter().find(|v| v.excluded.is_none() && v.yanked.is_some()) {
        hints.push(format!("a yanked version is taken only where you ask for exactly it: {name}@={}", yanked.version));
    }
    if fitting.iter().any(|v| v.excluded.is_some()) {
        hints.push(format!("which policy leaves versions out, and why: ggen policy explain {name}"));
    }
    hints.push("look for newer releases: ggen marketplace update".to_owned());
    hints
}

fn conflict(teller: &Teller<'_>, facts: &[&Fact], mut blank: Explanation) -> Explanation {
    let hints = vec![RELAX.to_owned()];
    let Some((id, both)) = teller.contested(facts) else {
        let names: Vec<String> = teller.requests.iter().map(|r| r.name.to_string()).take(MAX_SHOWN).collect();
        let headline = format!("the requirements of {} cannot hold together", names.join(", "));
        return Explanation { headline, hints, ..blank };
    };
    let [first, second] = both.map(|(owner, requirement)| {
        let owner = owner.map_or_else(|| "you asked for".to_owned(), |owner| format!("{owner} requires"));
        format!("{}, which {owner}", show_requirement(&requirement))
    });
    let sentence = teller.there_is(&Node::Package(id.clone().into()), &Ranges::full());
    blank.because.extend(sentence.filter(|sentence| !blank.because.contains(sentence)));
    let versions = teller.knowledge.packages.get(id).into_iter().flat_map(|p| &p.versions);
    Explanation {
        headline: format!("no version of {} satisfies both {first}, and {second}", id.name),
        package: Some(id.name.clone()),
        available: versions.map(|v| v.version.clone()).take(MAX_AVAILABLE).collect(),
        hints,
        ..blank
    }
}
