//! Answers about packages on their way: publish, search, install.

use super::Notice;
use ggen_core::Digest;
use ggen_core::PackageName;
use ggen_core::PublisherId;
use ggen_core::hooks::Origin;
use semver::Version;
use serde::Serialize;
use std::path::PathBuf;

/// `marketplace publish`.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Who signed it.
    pub publisher: PublisherId,
    /// The archive's digest.
    pub digest: Digest,
    /// The archive's bytes.
    pub archive_size: u64,
    /// The files' bytes.
    pub unpacked_size: u64,
    /// Files in it.
    pub file_count: u32,
    /// Whether the network was told: a running node, or a peer that could be reached.
    pub announced: bool,
    /// The very same release was there already.
    pub unchanged: bool,
    /// The `.ggen` file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    /// Nothing was written.
    pub dry_run: bool,
    /// What the publisher should know.
    pub warnings: Vec<Notice>,
}

/// One result of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The package.
    pub name: PackageName,
    /// Its newest version.
    pub version: Version,
    /// Whose it is.
    pub publisher: PublisherId,
    /// What the publisher says it is.
    pub description: String,
    /// Where it was found: `registry`, `bundled`, or peer ids.
    pub sources: Vec<String>,
}

/// `marketplace search`.
#[derive(Clone, Debug, Serialize)]
pub struct SearchAnswer {
    /// Whether everybody who was asked answered in time.
    pub complete: bool,
    /// Best first.
    pub results: Vec<Found>,
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// One package of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedPackage {
    /// The package.
    pub name: PackageName,
    /// The exact version.
    pub version: Version,
    /// Whose it is.
    pub publisher: PublisherId,
    /// The archive's digest.
    pub digest: Digest,
    /// Who needs it; empty for what the user asked for alone.
    pub requested_by: Vec<PackageName>,
    /// Asked for by the user.
    pub direct: bool,
    /// Whether this very version is installed already.
    pub installed: bool,
    /// The archive's bytes.
    pub archive_size: u64,
    /// The files' bytes.
    pub unpacked_size: u64,
}

/// One package that was installed.
#[derive(Clone, Debug, Serialize)]
pub struct InstalledPackage {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Where its files are.
    pub path: PathBuf,
    /// Where its bytes came from.
    pub origin: Origin,
}

/// A version that a policy passed over.
#[derive(Clone, Debug, Serialize)]
pub struct PassedOver {
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// Why.
    pub reasons: Vec<Notice>,
}

/// `marketplace install`.
#[derive(Clone, Debug, Serialize)]
pub struct InstallAnswer {
    /// The closure, dependencies first.
    pub plan: Vec<PlannedPackage>,
    /// What was installed now; absent on a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<Vec<InstalledPackage>>,
    /// What a policy passed over.
    pub passed_over: Vec<PassedOver>,
    /// What could not stay at its version.
    pub moved: Vec<MovedPackage>,
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// A package that could not stay at the version that a project's lockfile names, or, in an upgrade, that is installed.
#[derive(Clone, Debug, Serialize)]
pub struct MovedPackage {
    /// The package.
    pub name: PackageName,
    /// The version that was locked.
    pub from: Version,
    /// The version that was chosen; none where it is not needed any more.
    pub to: Option<Version>,
    /// Why, a sentence each.
    pub why: Vec<String>,
}

impl From<ggen_core::resolve::Moved> for MovedPackage {
    fn from(moved: ggen_core::resolve::Moved) -> Self {
        Self { name: moved.id.name, from: moved.from, to: moved.to, why: moved.why }
    }
}

/// One package that `upgrade` brought to another version.
#[derive(Clone, Debug, Serialize)]
pub struct Upgraded {
    /// The package.
    pub name: PackageName,
    /// The version before.
    pub from: Version,
    /// The version now.
    pub to: Version,
}

/// One package that `upgrade` found to be needed and not there yet.
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
}

/// `marketplace upgrade`.
#[derive(Clone, Debug, Serialize)]
pub struct UpgradeAnswer {
    /// What has another version now, or would have.
    pub upgraded: Vec<Upgraded>,
    /// What is new in the closure.
    pub added: Vec<Added>,
    /// What was not to move and had to, and what nothing needs any more.
    pub moved: Vec<MovedPackage>,
    /// The closure, dependencies first.
    pub plan: Vec<PlannedPackage>,
    /// What was installed now; absent on a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<Vec<InstalledPackage>>,
    /// What a policy passed over.
    pub passed_over: Vec<PassedOver>,
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// A package of `tree` with what it needs.
#[derive(Clone, Debug, Serialize)]
pub struct TreeNode {
    /// The package.
    pub name: PackageName,
    /// Its version; none where it is not there.
    pub version: Option<Version>,
    /// Whose it is.
    pub publisher: Option<PublisherId>,
    /// What it needs is told further up.
    pub repeated: bool,
    /// What it needs.
    pub dependencies: Vec<TreeNode>,
}

/// `marketplace tree`.
#[derive(Clone, Debug, Serialize)]
pub struct TreeAnswer {
    /// What was asked for, with what that needs.
    pub tree: Vec<TreeNode>,
    /// The same, a line each.
    #[serde(skip)]
    pub lines: Vec<ggen_core::graph::TreeLine>,
    /// Whether there is more than is told.
    pub cut: bool,
    /// What is here, and nothing that was asked for needs.
    pub unneeded: Vec<PackageName>,
    /// The lockfile that it is about; none: what is installed.
    pub lockfile: Option<PathBuf>,
}

/// `marketplace why`.
#[derive(Clone, Debug, Serialize)]
pub struct WhyAnswer {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Every way from what was asked for to it.
    pub paths: Vec<Vec<ggen_core::graph::Step>>,
    /// Whether there are more.
    pub cut: bool,
    /// The lockfile that it is about; none: what is installed.
    pub lockfile: Option<PathBuf>,
}
