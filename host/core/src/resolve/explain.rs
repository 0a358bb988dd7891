//! Why there is no solution, in sentences.
//!
//! Walks pubgrub's derivation and says each fact in it once: who requires what, which versions there are, which of them
//! a policy excluded and why, which are nearest. Decides nothing; what is said of one fact is [`super::tell`]'s.

use std::collections::BTreeSet;

use pubgrub::{DerivationTree, External, Ranges};
use semver::{Version, VersionReq};
use serde::Serialize;

use super::ResolveError;
use super::derivation::{Derivation, derivation};
use super::keep::Held;
use super::knowledge::{Knowledge, Request};
use super::provider::Node;
use super::tell::{MAX_SHOWN, Teller, show_requirement};
use crate::name::{PackageId, PackageName};

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

pub(super) type Tree = DerivationTree<Node, Ranges<Version>, String>;
pub(super) type Fact = External<Node, Ranges<Version>, String>;

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
    let mut culprits: Vec<&Node> = Vec::new();
    for node in facts.iter().filter_map(|fact| teller.culprit(fact)) {
        if !culprits.contains(&node) {
            culprits.push(node);
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
        [Node::Nobody(name)] => nobody(&teller, name, &facts, blank),
        [node @ Node::Package(id)] => no_match(&teller, id, teller.wanted(&facts, node), blank),
        _ => conflict(&teller, blank),
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

fn no_match(
    teller: &Teller<'_>,
    id: &PackageId,
    wanted: Option<(Option<String>, VersionReq)>,
    mut blank: Explanation,
) -> Explanation {
    let known = teller.knowledge.packages.get(id);
    let versions: Vec<Version> = known.into_iter().flat_map(|p| &p.versions).map(|v| v.version.clone()).collect();
    let (owner, requirement) = match wanted {
        Some((owner, requirement)) => (owner, Some(requirement)),
        None => (None, teller.requests.iter().find(|r| r.name == id.name).map(|r| r.requirement.clone())),
    };
    let shown = requirement.as_ref().map(show_requirement);
    let headline = match (&owner, &shown) {
        _ if versions.is_empty() => format!("no version of {} is known", id.name),
        (Some(owner), Some(shown)) => format!("no version of {} satisfies {shown}, which {owner} requires", id.name),
        (None, Some(shown)) => format!("no version of {} satisfies {shown}", id.name),
        (_, None) => format!("no version of {} satisfies what requires it", id.name),
    };
    let nearest = requirement.as_ref().map(|r| super::tell::nearest(&versions, r)).unwrap_or_default();
    if !nearest.is_empty() && versions.len() > nearest.len() {
        let list: Vec<String> = nearest.iter().map(ToString::to_string).collect();
        blank.because.push(format!("the nearest to {} is {}", shown.unwrap_or_default(), list.join(" and ")));
    }
    let mut hints = Vec::new();
    let pre = nearest.iter().rev().find(|v| !v.pre.is_empty());
    let best = nearest.iter().rev().find(|v| v.pre.is_empty()).or(versions.iter().find(|v| v.pre.is_empty()));
    match (best, &owner) {
        (Some(best), None) => hints.push(format!("ask for one that there is: {}@^{best}", id.name)),
        (Some(best), Some(owner)) => hints.push(format!(
            "the publisher of {owner} could move it to {} ^{best}; until then another version of {} may do",
            id.name,
            owner.split(' ').next().unwrap_or(owner)
        )),
        (None, _) => {}
    }
    if let Some(pre) = pre {
        hints.push(format!("a pre-release is taken only where it is named: {}@={pre}", id.name));
    }
    hints.push("look for newer releases: ggen marketplace update".to_owned());
    let available = versions.into_iter().take(MAX_AVAILABLE).collect();
    let package = Some(id.name.clone());
    Explanation {
        headline,
        code: "no-matching-version",
        package,
        required_by: owner,
        available,
        nearest,
        hints,
        ..blank
    }
}

fn conflict(teller: &Teller<'_>, blank: Explanation) -> Explanation {
    let names: Vec<String> = teller.requests.iter().map(|r| r.name.to_string()).take(MAX_SHOWN).collect();
    let hint = "relax one of the requirements above, or ask for an older version of the package that has it";
    Explanation {
        headline: format!("the requirements of {} cannot hold together", names.join(", ")),
        hints: vec![hint.to_owned()],
        ..blank
    }
}
