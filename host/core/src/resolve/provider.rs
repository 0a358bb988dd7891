//! pubgrub's view of [`Knowledge`].
//!
//! Ranges are sets of known versions: a requirement becomes the union of the runs of versions that it matches, so that
//! the `semver` crate alone decides what matches, pre-releases included.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use pubgrub::{Dependencies, DependencyConstraints, DependencyProvider, PackageResolutionStatistics, Ranges};
use semver::{Version, VersionReq};

use super::keep::Held;
use super::knowledge::{Knowledge, KnownVersion, Request};
use super::{Bounds, Missing, ResolveError};
use crate::name::{PackageId, PackageName};
use crate::naming::NamingError;
use crate::release::Dependency;

/// What pubgrub calls a package.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Node {
    /// The user's requests.
    Root,
    /// A package.
    Package(Arc<PackageId>),
    /// A name that nobody publishes: it has no versions, so the solver turns away from whoever needs it.
    Nobody(PackageName),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the request"),
            Self::Package(id) => id.name.fmt(f),
            Self::Nobody(name) => name.fmt(f),
        }
    }
}

/// [`ResolveError`] as pubgrub wants errors.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Stop(pub(super) ResolveError);

/// An optional requirement that turned out to matter: `owner`'s `version` and its requirement on a package that is
/// there anyway.
pub(super) struct OptionalEdge {
    pub(super) owner: PackageId,
    pub(super) version: Version,
    pub(super) dependency: Dependency,
}

/// What is needed, and which versions will do.
type Edges = Vec<(Node, Ranges<Version>)>;
/// A package and a requirement on it.
type RangeKey = (PackageId, String);

pub(super) struct Provider<'a> {
    knowledge: &'a Knowledge,
    requests: &'a [Request],
    kept: &'a Held,
    roots: Edges,
    held: HashMap<(PackageId, Version), Vec<Dependency>>,
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
            held: HashMap::new(),
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

    /// From now on the requirement holds as if it were not optional.
    pub(super) fn hold_optional(&mut self, edge: OptionalEdge) {
        self.held.entry((edge.owner, edge.version)).or_default().push(edge.dependency);
    }

    fn root_edges(&self) -> Result<Edges, ResolveError> {
        let mut missing = Missing::default();
        let mut edges = Vec::new();
        for request in self.requests {
            match self.knowledge.typed(request) {
                None => {
                    missing.names.insert(request.name.clone());
                }
                Some(Ok((id, _))) => self.edge(id, &request.requirement, &mut missing, &mut edges),
                Some(Err(NamingError::Unknown { name })) => edges.push((Node::Nobody(name), Ranges::full())),
                Some(Err(error)) => return Err(ResolveError::naming(None, error)),
            }
        }
        if missing.is_empty() { Ok(edges) } else { Err(ResolveError::Missing(missing)) }
    }

    fn edge(&self, id: PackageId, requirement: &VersionReq, missing: &mut Missing, edges: &mut Edges) {
        match self.range(&id, requirement) {
            Some(range) => edges.push((Node::Package(Arc::new(id)), range)),
            None => {
                missing.packages.insert(id);
            }
        }
    }

    /// Whether the host and the policies let it be chosen, and no other version is held.
    fn usable(&self, id: &PackageId, known: &KnownVersion) -> bool {
        self.kept.get(id).is_none_or(|kept| *kept == known.version) && known.allowed(id, self.requests)
    }

    /// The known versions that `requirement` matches, as runs; `None` where the package is not known.
    fn range(&self, id: &PackageId, requirement: &VersionReq) -> Option<Ranges<Version>> {
        let package = self.knowledge.packages.get(id)?;
        let key = (id.clone(), requirement.to_string());
        if let Some(range) = self.ranges.borrow().get(&key) {
            return Some(range.clone());
        }
        let mut range = Ranges::empty();
        let mut run: Option<(&Version, &Version)> = None;
        for known in package.versions.iter().rev() {
            match (run, requirement.matches(&known.version)) {
                (None, true) => run = Some((&known.version, &known.version)),
                (Some((first, _)), true) => run = Some((first, &known.version)),
                (Some((first, last)), false) => {
                    range = range.union(&Ranges::from_range_bounds(first.clone()..=last.clone()));
                    run = None;
                }
                (None, false) => {}
            }
        }
        if let Some((first, last)) = run {
            range = range.union(&Ranges::from_range_bounds(first.clone()..=last.clone()));
        }
        self.ranges.borrow_mut().insert(key, range.clone());
        Some(range)
    }

    fn edges_of(&self, id: &PackageId, version: &Version) -> Result<Edges, ResolveError> {
        let Some(known) = self.knowledge.packages.get(id).and_then(|p| p.get(version)) else { return Ok(Vec::new()) };
        let held = self.held.get(&(id.clone(), version.clone()));
        let required = known.dependencies.iter().filter(|d| !d.optional).chain(held.into_iter().flatten());
        let (mut missing, mut edges) = (Missing::default(), Vec::new());
        for dependency in required {
            match self.knowledge.dependency(id, dependency) {
                None => {
                    missing.names.insert(dependency.name.clone());
                }
                Some(Ok((target, _))) => self.edge(target, &dependency.requirement, &mut missing, &mut edges),
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
        let Node::Package(id) = node else { return (u32::MAX, std::cmp::Reverse(0)) };
        let versions = self.knowledge.packages.get(id.as_ref()).map_or(&[][..], |p| p.versions.as_slice());
        let left = versions.iter().filter(|v| range.contains(&v.version)).take(1000).count();
        let conflicts = if left == 0 { u32::MAX } else { conflicts.conflict_count() };
        (conflicts, std::cmp::Reverse(left))
    }

    fn choose_version(&self, node: &Node, range: &Self::VS) -> Result<Option<Version>, Stop> {
        match node {
            Node::Root => Ok(Some(Version::new(0, 0, 0))),
            Node::Nobody(_) => Ok(None),
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
            Node::Nobody(_) => Vec::new(),
            Node::Package(id) => self.edges_of(id, version).map_err(Stop)?,
        };
        Ok(Dependencies::Available(DependencyConstraints::from_iter(merge(edges))))
    }

    fn should_cancel(&self) -> Result<(), Stop> {
        let steps = self.steps.get().saturating_add(1);
        self.steps.set(steps);
        if (self.cancelled)() {
            return Err(Stop(ResolveError::Cancelled));
        }
        if steps > self.bounds.steps {
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
