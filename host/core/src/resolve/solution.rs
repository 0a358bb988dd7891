//! A solution: which version of which package, and why each is there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pubgrub::SelectedDependencies;
use semver::Version;

use super::error::{Collision, ResolveError};
use super::knowledge::{Knowledge, Request};
use super::node::Node;
use crate::name::{PackageId, PackageName};
use crate::naming::DecidedBy;

/// One package of a solution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// Which.
    pub id: PackageId,
    /// Its version.
    pub version: Version,
    /// Asked for by the user.
    pub direct: bool,
    /// Who needs it, sorted.
    pub requested_by: BTreeSet<PackageName>,
    /// Who said that this publisher is meant.
    pub decided_by: DecidedBy,
}

/// The whole closure, dependencies first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Solution {
    /// In an order in which each comes after what it needs.
    pub packages: Vec<Chosen>,
}

impl Solution {
    /// From pubgrub's answer: what can be reached from the requests, each with who asks for it.
    pub(super) fn assemble(
        selected: &SelectedDependencies<Node, Version>,
        requests: &[Request],
        knowledge: &Knowledge,
    ) -> Result<Self, ResolveError> {
        let versions: BTreeMap<&PackageId, &Version> = selected
            .iter()
            .filter_map(|(node, version)| match node {
                Node::Package(id) => Some((id.as_ref(), version)),
                _ => None,
            })
            .collect();
        let mut reached: BTreeMap<PackageId, Chosen> = BTreeMap::new();
        let mut queue = VecDeque::new();
        let mut names: BTreeMap<String, (PackageId, Option<PackageName>)> = BTreeMap::new();
        for request in requests {
            let Some(Ok((id, by))) = knowledge.typed(request) else { continue };
            queue.push_back((id, None::<PackageName>, by));
        }
        while let Some((id, from, by)) = queue.pop_front() {
            let Some(version) = versions.get(&id) else {
                return Err(ResolveError::Unsound(format!("{} is needed and not chosen", id.name)));
            };
            let this = (id.clone(), from.clone());
            if let Some(other) = names.insert(id.name.collision_key(), this.clone()).filter(|other| other.0 != id) {
                return Err(ResolveError::Collision(Box::new(Collision { first: other, second: this })));
            }
            let known = reached.contains_key(&id);
            let chosen = reached.entry(id.clone()).or_insert_with(|| Chosen {
                id: id.clone(),
                version: (*version).clone(),
                direct: false,
                requested_by: BTreeSet::new(),
                decided_by: by,
            });
            chosen.direct |= from.is_none();
            chosen.requested_by.extend(from);
            if known {
                continue;
            }
            let Some(release) = knowledge.packages.get(&id).and_then(|p| p.get(version)) else { continue };
            for dependency in release.dependencies.iter().filter(|d| !d.optional) {
                if let Some(Ok((target, by))) = knowledge.dependency(&id, dependency) {
                    queue.push_back((target, Some(id.name.clone()), by));
                }
            }
        }
        Ok(Self { packages: in_order(reached, knowledge) })
    }

    /// The version chosen of a package.
    pub fn version(&self, id: &PackageId) -> Option<&Version> {
        self.packages.iter().find(|c| c.id == *id).map(|c| &c.version)
    }

    /// Packages that are there in a version which an optional requirement does not allow.
    pub(super) fn broken_optional(&self, knowledge: &Knowledge) -> BTreeSet<PackageId> {
        let versions: BTreeMap<&PackageId, &Version> = self.packages.iter().map(|c| (&c.id, &c.version)).collect();
        let mut broken = BTreeSet::new();
        for chosen in &self.packages {
            let release = knowledge.packages.get(&chosen.id).and_then(|p| p.get(&chosen.version));
            for dependency in release.into_iter().flat_map(|r| &r.dependencies).filter(|d| d.optional) {
                let Some(Ok((target, _))) = knowledge.dependency(&chosen.id, dependency) else { continue };
                if versions.get(&target).is_some_and(|v| !dependency.requirement.matches(v)) {
                    broken.insert(target);
                }
            }
        }
        broken
    }
}

/// Dependencies first; among equals by name. A circle is broken anywhere: [`super::cycle`] refuses it afterwards.
fn in_order(mut packages: BTreeMap<PackageId, Chosen>, knowledge: &Knowledge) -> Vec<Chosen> {
    let mut needs: BTreeMap<PackageId, Vec<PackageId>> = BTreeMap::new();
    for chosen in packages.values() {
        let release = knowledge.packages.get(&chosen.id).and_then(|p| p.get(&chosen.version));
        let targets = release
            .map(|r| {
                let required = r.dependencies.iter().filter(|d| !d.optional);
                required.filter_map(|d| knowledge.dependency(&chosen.id, d)?.ok()).map(|(id, _)| id).collect()
            })
            .unwrap_or_default();
        needs.insert(chosen.id.clone(), targets);
    }
    let mut order = Vec::new();
    let mut visited = BTreeSet::new();
    let mut stack: Vec<(PackageId, bool)> = packages.keys().rev().map(|id| (id.clone(), false)).collect();
    while let Some((id, done)) = stack.pop() {
        if done {
            order.extend(packages.remove(&id));
            continue;
        }
        if !visited.insert(id.clone()) {
            continue;
        }
        let targets = needs.get(&id).cloned().unwrap_or_default();
        stack.push((id, true));
        stack.extend(targets.into_iter().rev().filter(|t| !visited.contains(t)).map(|t| (t, false)));
    }
    order
}
