//! What a verifier is told and may answer. Decides nothing.
//!
//! Invariant: one record here for one in `wit/verification.wit`; what the publisher signed ([`Release`]) and what this
//! node knows ([`Evidence`]) never mix.

use serde::{Deserialize, Serialize};

use super::types::{Advisory, Facts, Origin, Reason};

/// A dependency as the publisher signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// The version requirement.
    pub requirement: String,
    /// Whether the package works without it.
    #[serde(default)]
    pub optional: bool,
}

/// What the publisher signed: the publisher's word, every field of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Publisher id, lowercase hexadecimal.
    pub publisher: String,
    /// SHA-256 of the archive, lowercase hexadecimal.
    pub digest: String,
    /// In bytes.
    pub archive_size: u64,
    /// In bytes.
    pub unpacked_size: u64,
    /// Regular files in the archive.
    pub file_count: u32,
    /// A valid SPDX expression; what was written, if it is none, is in `claims` as `license`.
    #[serde(default)]
    pub license: Option<String>,
    /// Milliseconds since the Unix epoch, as the publisher says.
    pub published: u64,
    /// Why it was withdrawn, if it was.
    #[serde(default)]
    pub yanked: Option<String>,
    /// As signed.
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
    /// Whatever else the manifest says.
    #[serde(default)]
    pub claims: Facts,
}

/// A registry's word for a release or a publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voucher {
    /// The registry's name in the operator's configuration.
    pub registry: String,
    /// For this very release; otherwise only for the publisher under this name.
    pub release: bool,
    /// Milliseconds since the Unix epoch.
    pub since: u64,
}

/// A well-established name that a person could take for this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookalike {
    /// That name.
    pub name: String,
    /// Its publisher's id.
    pub publisher: String,
    /// Whether it is installed here.
    pub installed: bool,
    /// Milliseconds since the Unix epoch.
    pub known_since: u64,
}

/// What this node knows, from itself and from those whom its operator trusts: never the publisher's word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// False only for a file named on the command line and when publishing.
    pub signed: bool,
    /// Whether the publisher's key is revoked.
    #[serde(default)]
    pub revoked: bool,
    /// The operator's name for this publisher, if one is configured.
    #[serde(default)]
    pub alias: Option<String>,
    /// Whom this name is bound to here, if anybody.
    #[serde(default)]
    pub bound_publisher: Option<String>,
    /// When this node first saw the publisher.
    #[serde(default)]
    pub publisher_first_seen: Option<u64>,
    /// When this release was first seen or vouched for, whichever is earlier; `now` on first sight.
    pub witnessed: u64,
    /// Of the signed head that lists this release.
    #[serde(default)]
    pub head_sequence: u64,
    /// The highest valid one ever seen for it.
    #[serde(default)]
    pub highest_sequence: u64,
    /// Proof is held that the publisher signed two heads with one sequence.
    #[serde(default)]
    pub equivocated: bool,
    /// Distinct peers and registries that gave this head.
    #[serde(default)]
    pub agreeing_sources: u32,
    /// The distinct subnets that they are in.
    #[serde(default)]
    pub agreeing_subnets: u32,
    /// Registries' words for it.
    #[serde(default)]
    pub vouchers: Vec<Voucher>,
    /// That affect this release.
    #[serde(default)]
    pub advisories: Vec<Advisory>,
    /// That affect the installed version, or the next lower one, and not this one.
    #[serde(default)]
    pub fixes: Vec<Advisory>,
    /// At most 8, best established first; only while this name is not bound here.
    #[serde(default)]
    pub lookalikes: Vec<Lookalike>,
    /// What else is known.
    #[serde(default)]
    pub facts: Facts,
}

/// One release of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What the publisher signed.
    pub release: Release,
    /// What this node knows.
    pub evidence: Evidence,
    /// Where its signed head came from.
    pub origin: Origin,
    /// Asked for by the user.
    pub direct: bool,
    /// Names of the plan's items that depend on it.
    #[serde(default)]
    pub requested_by: Vec<String>,
    /// The version installed now; where it is this one, nothing changes.
    #[serde(default)]
    pub installed: Option<String>,
}

/// One policy's word on one item. Reasons: 1 to 16.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not this policy's business.
    Abstain,
    /// Used.
    Allow,
    /// Used, and the user is told.
    Warn(Vec<Reason>),
    /// Not this release, but another will do.
    PassOver(Vec<Reason>),
    /// Nothing of this plan is used.
    Deny(Vec<Reason>),
}

impl Verdict {
    /// The reasons given; none for `abstain` and `allow`.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Abstain | Self::Allow => &[],
            Self::Warn(reasons) | Self::PassOver(reasons) | Self::Deny(reasons) => reasons,
        }
    }
}

/// One file of an archive, as a contents verifier sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFact {
    /// Path inside the package, with `/`.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Mode 755 rather than 644.
    pub executable: bool,
    /// SHA-256 of the file, lowercase hexadecimal.
    pub digest: String,
}
