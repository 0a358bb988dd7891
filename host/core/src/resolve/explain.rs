//! Why there is no solution, in sentences.
//!
//! Walks pubgrub's derivation and says each fact in it once: who requires what, which versions there are, which of them
//! a policy excluded and why. Decides nothing.

use std::collections::BTreeSet;

use pubgrub::{DerivationTree, External, Ranges};
use semver::Version;
use serde::Serialize;

use super::ResolveError;
use super::keep::Held;
use super::knowledge::{Knowledge, KnownPackage, Request};
use super::provider::Node;
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
    /// The facts, one sentence each.
    pub because: Vec<String>,
    /// Versions that there are of `package`, highest first.
    pub available: Vec<Version>,
    /// What to change.
    pub hints: Vec<String>,
}

type Tree = DerivationTree<Node, Ranges<Version>, String>;
type Fact = External<Node, Ranges<Version>, String>;

/// The most facts of a derivation that are told.
const MAX_FACTS: usize = 24;
/// The most versions that a sentence lists.
const MAX_SHOWN: usize = 12;

/// Turns a derivation into sentences.
pub(super) fn no_solution(tree: &Tree, requests: &[Request], knowledge: &Knowledge, kept: &Held) -> ResolveError {
    let facts = facts(tree);
    let teller = Teller { requests, knowledge, kept };
    let mut because: Vec<String> = Vec::new();
    for sentence in facts.iter().flat_map(|fact| teller.sentences(fact)) {
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
    let explanation = match culprits.as_slice() {
        [Node::Nobody(name)] => teller.nobody(name, because),
        [Node::Package(id)] => teller.no_match(id, because),
        _ => teller.conflict(because),
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

struct Teller<'a> {
    requests: &'a [Request],
    knowledge: &'a Knowledge,
    kept: &'a Held,
}

impl Teller<'_> {
    /// A package that no requirement of others rules out: nobody publishes it, no version matches, or none may be used.
    fn culprit<'f>(&self, fact: &'f Fact) -> Option<&'f Node> {
        match fact {
            External::FromDependencyOf(_, _, target, range) if *range == Ranges::empty() => Some(target),
            External::NoVersions(node @ Node::Nobody(_), _) => Some(node),
            External::NoVersions(node @ Node::Package(id), range) => {
                let package = self.knowledge.packages.get(id.as_ref())?;
                self.barred(id, package, range).map(|_| node)
            }
            _ => None,
        }
    }

    fn sentences(&self, fact: &Fact) -> Vec<String> {
        let mut sentences = Vec::new();
        if let External::FromDependencyOf(owner, versions, target, range) = fact {
            sentences.extend(self.requires(owner, versions, target));
            if *range == Ranges::empty() {
                sentences.extend(self.there_is(target, &Ranges::full()));
            }
        }
        if let External::NoVersions(node, range) = fact {
            sentences.extend(self.there_is(node, range));
        }
        sentences
    }

    fn requires(&self, owner: &Node, versions: &Ranges<Version>, target: &Node) -> Option<String> {
        let target = node_name(target)?;
        let Node::Package(id) = owner else {
            let request = self.requests.iter().find(|r| r.name == *target)?;
            return Some(format!("you asked for {} {}", request.name, request.requirement));
        };
        let package = self.knowledge.packages.get(id.as_ref())?;
        let inside: Vec<_> = package.versions.iter().filter(|v| versions.contains(&v.version)).collect();
        let requirement = inside.iter().flat_map(|v| &v.dependencies).find(|d| d.name == *target)?;
        let all = inside.len() == package.versions.len() && inside.len() > 1;
        let which = if all { "(every version)".to_owned() } else { list(inside.iter().map(|v| &v.version)) };
        Some(format!("{} {which} requires {target} {}", id.name, requirement.requirement))
    }

    fn there_is(&self, node: &Node, range: &Ranges<Version>) -> Option<String> {
        match node {
            Node::Root => None,
            Node::Nobody(name) => Some(format!("nobody is known to publish {name}")),
            Node::Package(id) => {
                let package = self.knowledge.packages.get(id.as_ref())?;
                self.barred(id, package, range).or_else(|| Some(available(&id.name, package)))
            }
        }
    }

    /// Versions that would fit and may not be used, with the reasons.
    fn barred(&self, id: &PackageId, package: &KnownPackage, range: &Ranges<Version>) -> Option<String> {
        if let Some(kept) = self.kept.get(id) {
            return Some(format!("{} stays at {kept}", id.name));
        }
        let barred = package.versions.iter().filter(|v| range.contains(&v.version) && !v.allowed(id, self.requests));
        let parts: Vec<_> = barred
            .take(MAX_SHOWN)
            .map(|v| match (&v.excluded, &v.yanked) {
                (Some(why), _) => format!("{} {} is left out: {why}", id.name, v.version),
                (None, Some(why)) if why.is_empty() => format!("{} {} was yanked", id.name, v.version),
                (None, why) => format!("{} {} was yanked: {}", id.name, v.version, why.as_deref().unwrap_or_default()),
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    fn nobody(&self, name: &PackageName, because: Vec<String>) -> Explanation {
        let near = self.near(name);
        let mut hints: Vec<String> = near.into_iter().map(|n| format!("did you mean {n}?")).collect();
        hints.push(format!("look for it: ggen marketplace search {name}"));
        hints
            .push("if it is new, reach a node that has it: GGEN_P2P_BOOTSTRAP, or --bootstrap of p2p start".to_owned());
        Explanation {
            headline: format!("nobody is known to publish {name}"),
            code: "no-such-package",
            package: Some(name.clone()),
            because,
            available: Vec::new(),
            hints,
        }
    }

    fn no_match(&self, id: &PackageId, because: Vec<String>) -> Explanation {
        let known = self.knowledge.packages.get(id);
        let versions: Vec<Version> = known.into_iter().flat_map(|p| &p.versions).map(|v| v.version.clone()).collect();
        let asked = self.requests.iter().find(|r| r.name == id.name);
        let headline = match asked {
            _ if versions.is_empty() => format!("no version of {} is known", id.name),
            Some(request) => format!("no version of {} satisfies {}", id.name, request.requirement),
            None => format!("no version of {} satisfies what requires it", id.name),
        };
        let mut hints = Vec::new();
        if let Some(newest) = versions.iter().find(|v| v.pre.is_empty()).or(versions.first()) {
            match asked {
                Some(_) => hints.push(format!("ask for one that there is: {}@^{newest}", id.name)),
                None => hints.push(format!(
                    "whoever requires it could move to {} ^{newest}, or an older version of it may do",
                    id.name
                )),
            }
        }
        hints.push("look for newer releases: ggen marketplace update".to_owned());
        let package = Some(id.name.clone());
        Explanation { headline, code: "no-matching-version", package, because, available: versions, hints }
    }

    fn conflict(&self, because: Vec<String>) -> Explanation {
        let names: Vec<String> = self.requests.iter().map(|r| r.name.to_string()).take(MAX_SHOWN).collect();
        Explanation {
            headline: format!("the requirements of {} cannot hold together", names.join(", ")),
            code: "conflict",
            package: None,
            because,
            available: Vec::new(),
            hints: vec![
                "relax one of the requirements above, or ask for an older version of the package that has it"
                    .to_owned(),
            ],
        }
    }

    fn near(&self, name: &PackageName) -> Vec<PackageName> {
        let mut near: Vec<_> = self
            .knowledge
            .packages
            .keys()
            .map(|id| (strsim::damerau_levenshtein(id.name.as_str(), name.as_str()), &id.name))
            .filter(|(distance, other)| *distance <= 2 && *other != name)
            .collect();
        near.sort();
        near.into_iter().map(|(_, n)| n.clone()).take(3).collect()
    }
}

fn node_name(node: &Node) -> Option<&PackageName> {
    match node {
        Node::Root => None,
        Node::Package(id) => Some(&id.name),
        Node::Nobody(name) => Some(name),
    }
}

fn available(name: &PackageName, package: &KnownPackage) -> String {
    match package.versions.as_slice() {
        [] => format!("no version of {name} is known"),
        versions => format!("there is {name} {}", list(versions.iter().map(|v| &v.version))),
    }
}

fn list<'a>(versions: impl Iterator<Item = &'a Version>) -> String {
    let all: Vec<String> = versions.map(ToString::to_string).collect();
    let shown: Vec<_> = all.iter().take(MAX_SHOWN).cloned().collect();
    match all.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
