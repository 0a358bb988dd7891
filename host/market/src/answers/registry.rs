//! Answers about what a home has: list, info, verify, clean, update, inspect.

use super::Notice;
use ggen_core::Digest;
use ggen_core::PackageName;
use ggen_core::PublisherId;
use ggen_core::doctor::{Diagnosis, Finding, Step};
use semver::Version;
use serde::Serialize;
use std::path::PathBuf;

/// One version in `info`.
#[derive(Clone, Debug, Serialize)]
pub struct InfoVersion {
    /// The version.
    pub version: Version,
    /// Whose it is.
    pub publisher: PublisherId,
    /// The archive's digest.
    pub digest: Digest,
    /// By the publisher's word, in milliseconds since the Unix epoch; none without a signed release.
    pub published: Option<u64>,
    /// Why it should not be used, where it was yanked.
    pub yanked: Option<String>,
}

/// One dependency in `info`.
#[derive(Clone, Debug, Serialize)]
pub struct InfoDependency {
    /// The name.
    pub name: PackageName,
    /// The range.
    pub version_req: String,
    /// Not installed unasked.
    pub optional: bool,
    /// Whose, where the release says so.
    pub publisher: Option<PublisherId>,
}

/// Two lists of releases of one sequence, both signed by their publisher.
#[derive(Clone, Debug, Serialize)]
pub struct InfoEquivocation {
    /// Whose.
    pub publisher: PublisherId,
    /// What proves it to anybody: the publisher's `roots`, and the `first` and the `second` list, as they were signed;
    /// none where it was lost with the database.
    pub proof: Option<serde_json::Value>,
}

/// `marketplace info`.
#[derive(Clone, Debug, Serialize)]
pub struct InfoAnswer {
    /// The package.
    pub name: PackageName,
    /// What the newest release says.
    pub description: String,
    /// Its licence.
    pub license: Option<String>,
    /// The installed version.
    pub installed: Option<Version>,
    /// Highest first.
    pub versions: Vec<InfoVersion>,
    /// Of the newest version.
    pub dependencies: Vec<InfoDependency>,
    /// Publishers of this name that have signed two lists of releases under one sequence.
    pub equivocations: Vec<InfoEquivocation>,
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// One package of `list`.
#[derive(Clone, Debug, Serialize)]
pub struct ListedPackage {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Whose it is.
    pub publisher: PublisherId,
    /// Where its files are.
    pub path: PathBuf,
    /// Asked for by the user.
    pub direct: bool,
    /// The newest version that what is asked for allows; with `--outdated` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Version>,
    /// The newest version that there is; with `--outdated` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Version>,
}

/// `marketplace list`.
#[derive(Clone, Debug, Serialize)]
pub struct ListAnswer {
    /// By name.
    pub packages: Vec<ListedPackage>,
    /// Those alone that are not at their newest version.
    #[serde(skip)]
    pub outdated: bool,
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// `marketplace remove`.
#[derive(Clone, Debug, Serialize)]
pub struct RemoveAnswer {
    /// What is gone.
    pub removed: Vec<PackageName>,
    /// What the project's lockfile no longer asks for.
    pub unlocked: Vec<PackageName>,
    /// Dependencies that nothing needs any more, and that stay.
    pub unneeded: Vec<PackageName>,
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// A file that is not what was signed.
#[derive(Clone, Debug, Serialize)]
pub struct Damage {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The file, beneath the package's directory.
    pub path: String,
    /// `changed`, `missing`, `unexpected`, …
    pub problem: String,
}

/// `marketplace verify`.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyAnswer {
    /// Packages looked at.
    pub checked: usize,
    /// What is wrong, after any repair.
    pub damaged: Vec<Damage>,
    /// Packages that were mended.
    pub repaired: Vec<PackageName>,
    /// What could not be mended, and why.
    pub warnings: Vec<Notice>,
}

/// `marketplace clean`.
#[derive(Clone, Debug, Serialize)]
pub struct CleanAnswer {
    /// Bytes that were freed, or would be.
    pub freed_bytes: u64,
    /// What was removed, or would be.
    pub removed: Vec<String>,
    /// Nothing was removed.
    pub dry_run: bool,
}

/// `marketplace doctor`.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorAnswer {
    /// The home that was looked at.
    pub home: PathBuf,
    /// Nothing fails.
    pub healthy: bool,
    /// What was looked at, the most fundamental first.
    pub checks: Vec<Finding>,
    /// What it comes to.
    pub diagnosis: Diagnosis,
    /// The one thing to do next; it destroys nothing.
    pub next_step: Option<Step>,
}

/// An index entry that was not taken.
#[derive(Clone, Debug, Serialize)]
pub struct RejectedEntry {
    /// What it is.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// `marketplace update`.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateAnswer {
    /// Releases looked at.
    pub scanned: u64,
    /// New ones.
    pub added: u64,
    /// Packages whose head moved.
    pub updated: u64,
    /// What was not taken.
    pub rejected: Vec<RejectedEntry>,
    /// The index.
    pub saved_to: PathBuf,
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// A file in an archive.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedFile {
    /// Beneath the package's directory.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Mode 755.
    pub executable: bool,
    /// Of its bytes.
    pub digest: Digest,
}

/// `marketplace inspect`.
#[derive(Clone, Debug, Serialize)]
pub struct InspectAnswer {
    /// Whether it would be taken from a peer.
    pub accepted: bool,
    /// Why not.
    pub reasons: Vec<Notice>,
    /// What is in it, as far as it could be read.
    pub files: Vec<InspectedFile>,
    /// The files' bytes.
    pub unpacked_size: u64,
    /// What a `.ggen` file says it is, once its signature was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<InspectedRelease>,
}

/// The signed release of a `.ggen` file.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedRelease {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Who signed it.
    pub publisher: PublisherId,
}
