//! What one fact of a derivation is called in words.
//!
//! Decides only which versions are near a requirement; see [`super::explain`].

use pubgrub::{External, Ranges};
use semver::{Op, Version, VersionReq};

use super::knowledge::{Held, Knowledge, KnownPackage, Request};
use super::node::{Fact, Node, absent};
use crate::name::{PackageId, PackageName};

/// The most versions that a sentence lists.
pub(super) const MAX_SHOWN: usize = 12;

/// A requirement, and the release that has it; none where the user has it.
pub(super) type Demand = (Option<String>, VersionReq);

/// Who knows what facts are about.
pub(super) struct Teller<'a> {
    pub(super) requests: &'a [Request],
    pub(super) knowledge: &'a Knowledge,
    pub(super) kept: &'a Held,
}

impl Teller<'_> {
    /// A package that no requirement of others rules out: nobody publishes it, no version matches, or none may be used.
    /// With the range that is left of it.
    pub(super) fn culprit<'f>(&self, fact: &'f Fact) -> Option<(&'f Node, &'f Ranges<Version>)> {
        match fact {
            External::FromDependencyOf(_, _, target @ (Node::Package(_) | Node::Nobody(_)), range)
                if *range == Ranges::empty() =>
            {
                Some((target, range))
            }
            External::NoVersions(node @ Node::Nobody(_), range) => Some((node, range)),
            External::NoVersions(node @ Node::Package(id), range) => {
                let package = self.knowledge.packages.get(id.as_ref())?;
                self.barred(id, package, range).map(|_| (node, range))
            }
            _ => None,
        }
    }

    /// The release that requires `name` by this fact, where it is not the user who does.
    pub(super) fn owner_of(&self, fact: &Fact, name: &PackageName) -> Option<String> {
        let External::FromDependencyOf(Node::Package(owner), versions, target, _) = fact else { return None };
        let named = match target {
            Node::Nobody(target) => target == name,
            Node::Package(id) => id.name == *name,
            _ => false,
        };
        let package = self.knowledge.packages.get(owner.as_ref()).filter(|_| named)?;
        let version = package.versions.iter().find(|v| versions.contains(&v.version))?;
        Some(format!("{} {}", owner.name, version.version))
    }

    /// The requirement on `node` that leaves nothing but `range` of it, with the release that has it.
    pub(super) fn wanted(&self, facts: &[&Fact], node: &Node, range: &Ranges<Version>) -> Option<Demand> {
        facts.iter().find_map(|fact| match fact {
            External::FromDependencyOf(owner, versions, target, left) if target == node && left == range => {
                let name = node_name(target)?;
                Some((self.owner_of(fact, name), self.requirement(owner, versions, target)?))
            }
            _ => None,
        })
    }

    /// What `owner` requires of `target`; where it does so several times, all of it at once. Of versions that require
    /// different things, what the first of them does.
    fn requirement(&self, owner: &Node, versions: &Ranges<Version>, target: &Node) -> Option<VersionReq> {
        let name = node_name(target)?;
        match owner {
            Node::Package(id) => self.demands(id, versions, target).into_iter().next().map(|(_, required)| required),
            _ => self.requests.iter().find(|r| r.name == *name).map(|r| r.requirement.clone()),
        }
    }

    /// What versions of `owner` require of `target`, those that require the same together: one fact may be about several
    /// that leave the same of it in other words.
    fn demands(
        &self,
        owner: &PackageId,
        versions: &Ranges<Version>,
        target: &Node,
    ) -> Vec<(Vec<&Version>, VersionReq)> {
        let mut demands: Vec<(Vec<&Version>, VersionReq)> = Vec::new();
        let (Some(name), Some(package)) = (node_name(target), self.knowledge.packages.get(owner)) else {
            return demands;
        };
        let is_optional = matches!(target, Node::Beside(_));
        for known in package.versions.iter().filter(|v| versions.contains(&v.version)) {
            let mut named =
                known.dependencies.iter().filter(|d| d.name == *name && d.optional == is_optional).peekable();
            if named.peek().is_none() {
                continue;
            }
            let required = VersionReq { comparators: named.flat_map(|d| d.requirement.comparators.clone()).collect() };
            match demands.iter().position(|(_, other)| *other == required) {
                Some(at) => demands.get_mut(at).into_iter().for_each(|(those, _)| those.push(&known.version)),
                None if demands.len() < MAX_SHOWN => demands.push((vec![&known.version], required)),
                None => {}
            }
        }
        demands
    }

    /// A package of which two requirements leave nothing in common, with who has them and what they are.
    pub(super) fn contested<'f>(&self, facts: &[&'f Fact]) -> Option<(&'f PackageId, [Demand; 2])> {
        let edges = || {
            facts.iter().filter_map(|fact| match fact {
                External::FromDependencyOf(owner, versions, target @ Node::Package(id), range) => {
                    Some((owner, versions, target, id.as_ref(), range))
                }
                _ => None,
            })
        };
        let of = |owner: &Node, versions: &Ranges<Version>, target: &Node| match owner {
            Node::Package(owner) => {
                let (those, requirement) = self.demands(owner, versions, target).into_iter().next()?;
                Some((Some(shortly(owner, &those)), requirement))
            }
            _ => Some((None, self.requirement(owner, versions, target)?)),
        };
        edges().enumerate().find_map(|(at, (owner, versions, target, id, range))| {
            // Versions of one release are never needed at once.
            let differs = |o: &Node| o != owner;
            let other =
                edges().skip(at + 1).find(|(o, _, t, _, r)| *t == target && differs(o) && r.is_disjoint(range))?;
            Some((id, [of(owner, versions, target)?, of(other.0, other.1, other.2)?]))
        })
    }

    /// A fact, and what there is where nothing fits.
    pub(super) fn sentences(&self, fact: &Fact) -> Vec<String> {
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

    fn requires(&self, owner: &Node, versions: &Ranges<Version>, target: &Node) -> Vec<String> {
        let Some(name) = node_name(target) else { return Vec::new() };
        let Node::Package(id) = owner else {
            let requirement = self.requirement(owner, versions, target);
            return requirement.iter().map(|r| format!("you asked for {name} {}", show_requirement(r))).collect();
        };
        if matches!(target, Node::Beside(beside) if beside == id) {
            return Vec::new();
        }
        let sentence = |(those, requirement): (Vec<&Version>, VersionReq)| {
            let (who, what) = (self.those(id, &those), show_requirement(&requirement));
            match target {
                Node::Beside(_) => format!("{who} goes only with {name} {what} (optional)"),
                _ => format!("{who} requires {name} {what}"),
            }
        };
        self.demands(id, versions, target).into_iter().map(sentence).collect()
    }

    /// A package with those of its versions that are inside.
    pub(super) fn which(&self, node: &Node, versions: &Ranges<Version>) -> String {
        let (Node::Package(id) | Node::Beside(id)) = node else { return node.to_string() };
        let known = self.knowledge.packages.get(id.as_ref()).map_or(&[][..], |p| p.versions.as_slice());
        let inside: Vec<_> = known.iter().filter(|v| versions.contains(&v.version)).map(|v| &v.version).collect();
        self.those(id, &inside)
    }

    /// A package with some of its versions.
    fn those(&self, id: &PackageId, versions: &[&Version]) -> String {
        let known = self.knowledge.packages.get(id).map_or(0, |p| p.versions.len());
        match versions.len() {
            0 => id.name.to_string(),
            all if all == known && all > 1 => format!("{} (every version)", id.name),
            _ => format!("{} {}", id.name, list(versions.iter().copied())),
        }
    }

    pub(super) fn there_is(&self, node: &Node, range: &Ranges<Version>) -> Option<String> {
        match node {
            Node::Root | Node::Beside(_) => None,
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
            return Some(format!("{} was to stay at {kept}", id.name));
        }
        let barred: Vec<_> =
            package.versions.iter().filter(|v| range.contains(&v.version) && !v.allowed(id, self.requests)).collect();
        let mut parts: Vec<_> = barred
            .iter()
            .take(MAX_SHOWN)
            .map(|v| match (&v.excluded, &v.yanked) {
                (Some(why), _) => format!("{} {} is left out: {why}", id.name, v.version),
                (None, Some(why)) if why.is_empty() => format!("{} {} was yanked", id.name, v.version),
                (None, why) => format!("{} {} was yanked: {}", id.name, v.version, why.as_deref().unwrap_or_default()),
            })
            .collect();
        if barred.len() > parts.len() {
            parts.push(format!("and {} more may not be used", barred.len() - parts.len()));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// What follows from a set of terms that cannot hold at once.
    pub(super) fn conclusion<'t>(&self, terms: impl Iterator<Item = (&'t Node, bool, &'t Ranges<Version>)>) -> String {
        let (mut chosen, mut needed) = (Vec::new(), Vec::new());
        for (node, positive, range) in terms.filter(|(node, ..)| **node != Node::Root) {
            let beside = matches!(node, Node::Beside(_)) && range.contains(&absent());
            let shown = self.which(node, range) + if beside { " or none" } else { "" };
            if positive { chosen.push(shown) } else { needed.push(shown) }
        }
        match (chosen.as_slice(), needed.as_slice()) {
            ([], []) => "what you asked for cannot be had".to_owned(),
            ([one], []) => format!("{one} cannot be used"),
            (many, []) => format!("{} cannot be used together", many.join(" and ")),
            ([], needed) => format!("{} is needed", needed.join(" or ")),
            (chosen, needed) => format!("{} needs {}", chosen.join(" with "), needed.join(" or ")),
        }
    }
}

/// A package with its version where it is one, else by its name alone.
fn shortly(id: &PackageId, versions: &[&Version]) -> String {
    match versions {
        [only] => format!("{} {only}", id.name),
        _ => id.name.to_string(),
    }
}

/// `*` in words; anything else as it is written.
pub(super) fn show_requirement(requirement: &VersionReq) -> String {
    if *requirement == VersionReq::STAR { "(any version)".to_owned() } else { requirement.to_string() }
}

/// Of `versions` (highest first), none of which matches: the highest below what is required and the lowest above.
pub(super) fn nearest(versions: &[Version], requirement: &VersionReq) -> Vec<Version> {
    let place = |c: &semver::Comparator| Version::new(c.major, c.minor.unwrap_or(0), c.patch.unwrap_or(0));
    let lower = |c: &&semver::Comparator| !matches!(c.op, Op::Less | Op::LessEq);
    let from = requirement.comparators.iter().filter(lower).map(place).max();
    let to = requirement.comparators.iter().filter(|c| !lower(c)).map(place).min().or(from.clone());
    let missed = || versions.iter().filter(|v| !requirement.matches(v));
    let below = from.as_ref().and_then(|from| missed().find(|v| *v < from));
    let above = to.as_ref().and_then(|to| missed().rfind(|v| *v >= to));
    below.into_iter().chain(above).cloned().collect()
}

pub(super) fn node_name(node: &Node) -> Option<&PackageName> {
    match node {
        Node::Root => None,
        Node::Package(id) | Node::Beside(id) => Some(&id.name),
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
    let mut shown = Vec::new();
    let mut more = 0usize;
    for version in versions {
        if shown.len() < MAX_SHOWN { shown.push(version.to_string()) } else { more += 1 }
    }
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
