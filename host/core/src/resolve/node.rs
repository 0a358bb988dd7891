//! What pubgrub works with, and what its answers are made of.

use std::fmt;
use std::sync::Arc;

use pubgrub::{DerivationTree, External, Ranges};
use semver::Version;

use crate::name::{PackageId, PackageName};

/// What pubgrub calls a package.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Node {
    /// The user's requests.
    Root,
    /// A package.
    Package(Arc<PackageId>),
    /// The version of a package if it is there, else [`absent`]: what requirements that are optional are about.
    Beside(Arc<PackageId>),
    /// A name that nobody publishes: it has no versions, so the solver turns away from whoever needs it.
    Nobody(PackageName),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the request"),
            Self::Package(id) | Self::Beside(id) => id.name.fmt(f),
            Self::Nobody(name) => name.fmt(f),
        }
    }
}

/// What stands for a package that is not there, among its versions. A package that has this very version gains nothing
/// by it: the independent check refuses what comes of it.
pub(super) const fn absent() -> Version {
    Version::new(u64::MAX, u64::MAX, u64::MAX)
}

/// How pubgrub came to a refusal.
pub(super) type Tree = DerivationTree<Node, Ranges<Version>, String>;
/// One of the facts in it.
pub(super) type Fact = External<Node, Ranges<Version>, String>;
