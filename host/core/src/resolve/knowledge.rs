//! What is known when a resolution begins, within which bounds it runs, what it may lack, and the host's rules about which
//! versions may be used at all.

use std::collections::{BTreeMap, BTreeSet};

use semver::{Op, Version, VersionReq};

use crate::name::{PackageId, PackageName, PublisherId};
use crate::naming::{DecidedBy, NameFacts, NamingError, decide_dependency, decide_typed};
use crate::release::Dependency;

/// Bounds of one resolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Steps of the solver, beside four for each known package: those a graph needs that is only large.
    pub steps: u32,
    /// Packages of a solution.
    pub packages: usize,
}

/// What the solver would have to know.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Missing {
    /// Whose these names are.
    pub names: BTreeSet<PackageName>,
    /// Which versions these packages have.
    pub packages: BTreeSet<PackageId>,
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.packages.is_empty()
    }
}

/// What the user asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The name.
    pub name: PackageName,
    /// Whose, where the user said so.
    pub publisher: Option<PublisherId>,
    /// The range.
    pub requirement: VersionReq,
}

impl Request {
    /// Whether the user named exactly `version`: then it may be yanked.
    fn names_exactly(&self, version: &Version) -> bool {
        let exact = self.requirement.comparators.iter().any(|c| c.op == Op::Exact && c.patch.is_some());
        exact && self.requirement.matches(version)
    }
}

/// Versions that may not move.
pub(super) type Held = BTreeMap<PackageId, Version>;

/// One version of a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownVersion {
    /// The version.
    pub version: Version,
    /// What it needs.
    pub dependencies: Vec<Dependency>,
    /// Why it should not be used, where it was yanked.
    pub yanked: Option<String>,
    /// Named by the lockfile.
    pub locked: bool,
    /// Installed now.
    pub installed: bool,
    /// Why a policy excludes or passes over it.
    pub excluded: Option<String>,
}

/// A package with all its versions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownPackage {
    /// Highest first.
    pub versions: Vec<KnownVersion>,
    /// Indexes into `versions`, best first, as the version-resolution policy ranks them; empty: as they stand.
    pub order: Vec<usize>,
}

/// All that is known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Knowledge {
    /// Of names, by their collision key.
    pub names: BTreeMap<String, NameFacts>,
    /// Of packages; one that nobody could tell anything about is there without versions.
    pub packages: BTreeMap<PackageId, KnownPackage>,
}

impl KnownPackage {
    /// Versions, best first. A locked one comes before all others, whatever the ranking says.
    pub fn ranked(&self) -> impl Iterator<Item = &KnownVersion> {
        let all = self.order.is_empty().then_some(&self.versions).into_iter().flatten();
        let ranked = all.chain(self.order.iter().filter_map(|i| self.versions.get(*i)));
        self.versions.iter().filter(|v| v.locked).chain(ranked)
    }

    /// What is known of `version`.
    pub fn get(&self, version: &Version) -> Option<&KnownVersion> {
        let at = self.versions.binary_search_by(|known| version.cmp(&known.version)).ok()?;
        self.versions.get(at)
    }
}

impl KnownVersion {
    /// Whether the host and the policies let it be chosen: yanked ones only where locked, installed or named by the
    /// user with `=`.
    pub fn allowed(&self, id: &PackageId, requests: &[Request]) -> bool {
        let named = || requests.iter().any(|r| r.name == id.name && r.names_exactly(&self.version));
        self.excluded.is_none() && (self.yanked.is_none() || self.locked || self.installed || named())
    }
}

impl Knowledge {
    /// What is known of a name; `None` where nobody looked yet.
    pub fn name(&self, name: &PackageName) -> Option<&NameFacts> {
        self.names.get(&name.collision_key())
    }

    /// Whom the user means. `None` where the name was not looked up.
    pub fn typed(&self, request: &Request) -> Option<Result<(PackageId, DecidedBy), NamingError>> {
        let facts = self.name(&request.name)?;
        let decided = decide_typed(&request.name, facts, request.publisher);
        Some(decided.map(|(publisher, by)| (PackageId { publisher, name: request.name.clone() }, by)))
    }

    /// Whom a release of `owner` means. `None` where the name was not looked up.
    pub fn dependency(
        &self,
        owner: &PackageId,
        dependency: &Dependency,
    ) -> Option<Result<(PackageId, DecidedBy), NamingError>> {
        let facts = self.name(&dependency.name)?;
        let decided = decide_dependency(&dependency.name, facts, dependency.publisher, owner.publisher);
        Some(decided.map(|(publisher, by)| (PackageId { publisher, name: dependency.name.clone() }, by)))
    }
}
