//! pubgrub's view of [`Knowledge`].
//!
//! Ranges are sets of known versions: a requirement becomes the union of the runs of versions that it matches, so that
//! the `semver` crate alone decides what matches, pre-releases included.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use pubgrub::{Dependencies, DependencyConstraints, DependencyProvider, PackageResolutionStatistics, Ranges};
use semver::{Version, VersionReq};

use super::error::ResolveError;
use super::knowledge::{Bounds, Held, Knowledge, KnownVersion, Missing, Request};
use super::node::{Node, absent};
use crate::name::PackageId;
use crate::naming::NamingError;

/// [`ResolveError`] as pubgrub wants errors.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Stop(pub(super) ResolveError);

/// Steps that are allowed for each package that is known.
const STEPS_PER_PACKAGE: u32 = 4;

/// Versions that are looked at before it is asked whether to stop.
const CANCEL_EACH: usize = 4096;

/// What is needed, and which versions will do.
type Edges = Vec<(Node, Ranges<Version>)>;
/// A package and a requirement on it.
type RangeKey = (PackageId, String);

pub(super) struct Provider<'a> {
    pub(super) knowledge: &'a Knowledge,
    pub(super) requests: &'a [Request],
    kept: &'a Held,
    roots: Edges,
    watched: BTreeSet<PackageId>,
    ranges: RefCell<HashMap<RangeKey, Ranges<Version>>>,
    bounds: Bounds,
    steps: Cell<u32>,
    cancelled: &'a dyn Fn() -> bool,
}

impl<'a> Provider<'a> {
    pub(super) fn new(
        requests: &'a [Request],
        knowledge: &'a Knowledge,
        kept: &'a Held,
        bounds: Bounds,
        cancelled: &'a dyn Fn() -> bool,
    ) -> Result<Self, ResolveError> {
        let mut provider = Self {
            knowledge,
            requests,
            kept,
            roots: Vec::new(),
            watched: BTreeSet::new(),
            ranges: RefCell::default(),
            bounds,
            steps: Cell::new(0),
            cancelled,
        };
        provider.roots = provider.root_edges()?;
        Ok(provider)
    }

    pub(super) fn steps(&self) -> u32 {
        self.steps.get()
    }

    /// From now on optional requirements on these packages are heeded while solving, not only looked at afterwards.
    /// Whether any of them is new.
    pub(super) fn watch(&mut self, packages: BTreeSet<PackageId>) -> bool {
        let before = self.watched.len();
        self.watched.extend(packages);
        self.watched.len() > before
    }

    /// Errs where the caller wishes to stop.
    pub(super) fn check_cancelled(&self) -> Result<(), ResolveError> {
        if (self.cancelled)() { Err(ResolveError::Cancelled) } else { Ok(()) }
    }

    fn root_edges(&self) -> Result<Edges, ResolveError> {
        let mut missing = Missing::default();
        let mut edges = Vec::new();
        for request in self.requests {
            match self.knowledge.typed(request) {
                None => {
                    missing.names.insert(request.name.clone());
                }
                Some(Ok((id, _))) => self.edge(id, &request.requirement, &mut missing, &mut edges)?,
                Some(Err(NamingError::Unknown { name })) => edges.push((Node::Nobody(name), Ranges::full())),
                Some(Err(error)) => return Err(ResolveError::naming(None, error)),
            }
        }
        if missing.is_empty() { Ok(edges) } else { Err(ResolveError::Missing(missing)) }
    }

    fn edge(
        &self,
        id: PackageId,
        requirement: &VersionReq,
        missing: &mut Missing,
        edges: &mut Edges,
    ) -> Result<(), ResolveError> {
        match self.range(&id, requirement)? {
            Some(range) => edges.push((Node::Package(Arc::new(id)), range)),
            None => drop(missing.packages.insert(id)),
        }
        Ok(())
    }

    /// Whether the host and the policies let it be chosen, and no other version is held.
    pub(super) fn usable(&self, id: &PackageId, known: &KnownVersion) -> bool {
        self.kept.get(id).is_none_or(|kept| *kept == known.version) && known.allowed(id, self.requests)
    }

    /// The known versions that `requirement` matches, as runs; `None` where the package is not known.
    fn range(&self, id: &PackageId, requirement: &VersionReq) -> Result<Option<Ranges<Version>>, ResolveError> {
        let Some(package) = self.knowledge.packages.get(id) else { return Ok(None) };
        let key = (id.clone(), requirement.to_string());
        if let Some(range) = self.ranges.borrow().get(&key) {
            return Ok(Some(range.clone()));
        }
        let mut runs: Vec<(&Version, &Version)> = Vec::new();
        let mut open = false;
        for (count, known) in package.versions.iter().rev().enumerate() {
            // The one place where a single step looks at every version.
            if count % CANCEL_EACH == CANCEL_EACH - 1 {
                self.check_cancelled()?;
            }
            let matches = requirement.matches(&known.version);
            match runs.last_mut().filter(|_| open && matches) {
                Some(run) => run.1 = &known.version,
                None if matches => runs.push((&known.version, &known.version)),
                None => {}
            }
            open = matches;
        }
        let range: Ranges<Version> = runs
            .into_iter()
            .map(|(first, last)| (Bound::Included(first.clone()), Bound::Included(last.clone())))
            .collect();
        self.ranges.borrow_mut().insert(key, range.clone());
        Ok(Some(range))
    }

    fn edges_of(&self, id: &PackageId, version: &Version) -> Result<Edges, ResolveError> {
        let Some(known) = self.knowledge.packages.get(id).and_then(|p| p.get(version)) else { return Ok(Vec::new()) };
        let (mut missing, mut edges) = (Missing::default(), Vec::new());
        if self.watched.contains(id) {
            edges.push((Node::Beside(Arc::new(id.clone())), Ranges::singleton(version.clone())));
        }
        for dependency in known.dependencies.iter().filter(|d| d.optional && !self.watched.is_empty()) {
            let Some(Ok((target, _))) = self.knowledge.dependency(id, dependency) else { continue };
            if self.watched.contains(&target)
                && let Some(range) = self.range(&target, &dependency.requirement)?
            {
                edges.push((Node::Beside(Arc::new(target)), range.union(&Ranges::singleton(absent()))));
            }
        }
        for dependency in known.dependencies.iter().filter(|d| !d.optional) {
            match self.knowledge.dependency(id, dependency) {
                None => {
                    missing.names.insert(dependency.name.clone());
                }
                Some(Ok((target, _))) => self.edge(target, &dependency.requirement, &mut missing, &mut edges)?,
                Some(Err(NamingError::Unknown { name })) => edges.push((Node::Nobody(name), Ranges::full())),
                Some(Err(error)) => {
                    return Err(ResolveError::naming(Some((id.clone(), version.clone())), error));
                }
            }
        }
        if missing.is_empty() { Ok(edges) } else { Err(ResolveError::Missing(missing)) }
    }
}

impl DependencyProvider for Provider<'_> {
    type P = Node;
    type V = Version;
    type VS = Ranges<Version>;
    type M = String;
    type Err = Stop;
    /// Packages with conflicts first, then those with the fewest versions left.
    type Priority = (u32, std::cmp::Reverse<usize>);

    fn prioritize(&self, node: &Node, range: &Self::VS, conflicts: &PackageResolutionStatistics) -> Self::Priority {
        let id = match node {
            Node::Package(id) => id,
            // Last of all: by then it is decided whether the package is there.
            Node::Beside(_) => return (0, std::cmp::Reverse(usize::MAX)),
            Node::Root | Node::Nobody(_) => return (u32::MAX, std::cmp::Reverse(0)),
        };
        let versions = self.knowledge.packages.get(id.as_ref()).map_or(&[][..], |p| p.versions.as_slice());
        let left = versions.iter().filter(|v| range.contains(&v.version)).take(1000).count();
        let conflicts = if left == 0 { u32::MAX } else { conflicts.conflict_count() };
        (conflicts, std::cmp::Reverse(left))
    }

    fn choose_version(&self, node: &Node, range: &Self::VS) -> Result<Option<Version>, Stop> {
        match node {
            Node::Root => Ok(Some(Version::new(0, 0, 0))),
            Node::Nobody(_) => Ok(None),
            Node::Beside(_) if range.contains(&absent()) => Ok(Some(absent())),
            Node::Beside(id) => {
                let versions = self.knowledge.packages.get(id.as_ref()).into_iter().flat_map(|p| &p.versions);
                Ok(versions.map(|v| &v.version).find(|v| range.contains(v)).cloned())
            }
            Node::Package(id) => {
                let Some(package) = self.knowledge.packages.get(id.as_ref()) else { return Ok(None) };
                let fits = |v: &&KnownVersion| range.contains(&v.version) && self.usable(id, v);
                Ok(package.ranked().find(fits).map(|v| v.version.clone()))
            }
        }
    }

    fn get_dependencies(&self, node: &Node, version: &Version) -> Result<Dependencies<Node, Self::VS, String>, Stop> {
        let edges = match node {
            Node::Root => self.roots.clone(),
            Node::Nobody(_) | Node::Beside(_) => Vec::new(),
            Node::Package(id) => self.edges_of(id, version).map_err(Stop)?,
        };
        Ok(Dependencies::Available(DependencyConstraints::from_iter(merge(edges))))
    }

    fn should_cancel(&self) -> Result<(), Stop> {
        let steps = self.steps.get().saturating_add(1);
        self.steps.set(steps);
        self.check_cancelled().map_err(Stop)?;
        let known = u32::try_from(self.knowledge.packages.len()).unwrap_or(u32::MAX);
        if steps > self.bounds.steps.saturating_add(known.saturating_mul(STEPS_PER_PACKAGE)) {
            return Err(Stop(ResolveError::TooHard { steps }));
        }
        Ok(())
    }
}

/// Two edges to one package are one edge with both ranges.
fn merge(edges: Edges) -> Edges {
    let mut merged = Edges::new();
    for (node, range) in edges {
        match merged.iter_mut().find(|(n, _)| *n == node) {
            Some((_, before)) => *before = before.intersection(&range),
            None => merged.push((node, range)),
        }
    }
    merged
}
