//! What each job answers: the JSON of the command line is these values, field by field.
//!
//! Decides nothing. Invariant: a field that scripts know is never renamed or removed; more may come.

use std::path::PathBuf;

use ggen_core::hooks::{Hook, Origin};
use ggen_core::{Digest, PackageName, PublisherId};
use semver::Version;
use serde::Serialize;

/// Something that the user is told and that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Stable, for programs: `first-use`, `registry-corrupted`, …
    pub code: String,
    /// One sentence.
    pub message: String,
}

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
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// One key of a publisher. The secret is not in it.
#[derive(Clone, Debug, Serialize)]
pub struct KeyAnswer {
    /// The publisher's id.
    pub publisher: PublisherId,
    /// The local name.
    pub alias: String,
    /// Milliseconds since the Unix epoch.
    pub created: u64,
    /// The public key, 64 hexadecimal digits.
    pub public: String,
}

/// `key new`, `key list`.
#[derive(Clone, Debug, Serialize)]
pub struct KeysAnswer {
    /// In order of their aliases.
    pub keys: Vec<KeyAnswer>,
}

/// `key export`: what others need to know a publisher.
#[derive(Clone, Debug, Serialize)]
pub struct KeyExport {
    /// The publisher's id.
    pub publisher: PublisherId,
    /// The local name.
    pub alias: String,
    /// The root documents, first to latest, as they were signed.
    pub roots: Vec<ggen_core::dsse::Envelope>,
}

/// One binding of a name.
#[derive(Clone, Debug, Serialize)]
pub struct BindingAnswer {
    /// The name.
    pub name: PackageName,
    /// Whom it stands for here.
    pub publisher: PublisherId,
}

/// `key trust`, `key untrust`.
#[derive(Clone, Debug, Serialize)]
pub struct BindingsAnswer {
    /// All of this home's, by name.
    pub bindings: Vec<BindingAnswer>,
}

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
}

/// `marketplace list`.
#[derive(Clone, Debug, Serialize)]
pub struct ListAnswer {
    /// By name.
    pub packages: Vec<ListedPackage>,
}

/// `marketplace remove`.
#[derive(Clone, Debug, Serialize)]
pub struct RemoveAnswer {
    /// What is gone.
    pub removed: Vec<PackageName>,
    /// Dependencies that nothing needs any more, and that stay.
    pub unneeded: Vec<PackageName>,
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

/// `p2p start`, once it is ready.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReady {
    /// The node's identity.
    pub peer_id: String,
    /// Full multiaddresses with `/p2p/…`, as `--bootstrap` takes them.
    pub listen_addresses: Vec<String>,
}

/// The paper's health page.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// At least one peer is connected.
    pub p2p_connected: bool,
    /// Connected peers.
    pub peer_count: usize,
    /// The last self-lookup was answered.
    pub dht_responsive: bool,
    /// The index could be read.
    pub registry_loaded: bool,
    /// Bytes free on the home's file system.
    pub disk_space_available: u64,
}

/// `p2p status`.
#[derive(Clone, Debug, Serialize)]
pub struct StatusAnswer {
    /// Whether a node runs in this home.
    pub running: bool,
    /// Its identity.
    pub peer_id: Option<String>,
    /// Full multiaddresses.
    pub listen_addresses: Vec<String>,
    /// Connected peers.
    pub connected_peers: usize,
    /// `online`, `degraded`, `isolated` or `stale`.
    pub network: String,
    /// Why that is said.
    pub evidence: Vec<String>,
    /// The paper's page.
    pub health: Health,
    /// Packages in the registry.
    pub packages_indexed: usize,
}

/// One peer.
#[derive(Clone, Debug, Serialize)]
pub struct PeerAnswer {
    /// Its identity.
    pub peer_id: String,
    /// Where it is.
    pub addresses: Vec<String>,
    /// From the scoring policy, 0 to 1.
    pub score: Option<f64>,
    /// `inbound` or `outbound`.
    pub direction: String,
}

/// `p2p peers`.
#[derive(Clone, Debug, Serialize)]
pub struct PeersAnswer {
    /// Connected peers.
    pub peers: Vec<PeerAnswer>,
}

/// `p2p stop`.
#[derive(Clone, Debug, Serialize)]
pub struct StopAnswer {
    /// Whether a node ran and is gone now.
    pub stopped: bool,
}

/// One link of a hook's chain.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyLink {
    /// The policy's name.
    pub policy: String,
    /// Its version, once it could be read.
    pub version: Option<String>,
    /// Its component's digest.
    pub digest: Option<Digest>,
    /// `enforce`, `shadow` or `off`.
    pub mode: String,
    /// Whether nobody below may loosen it.
    pub locked: bool,
    /// The file that set it, or `default`.
    pub from: String,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// `policy show`.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyAnswer {
    /// The chain of each hook, in order.
    pub hooks: std::collections::BTreeMap<Hook, Vec<PolicyLink>>,
}
