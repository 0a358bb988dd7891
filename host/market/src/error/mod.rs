//! Why a job did not end as the user wanted.
//!
//! Each variant has what a person needs to act; the command line alone turns it into a code, a sentence, hints and an
//! exit code.

mod feed;
mod plugin;

use std::path::PathBuf;

use ggen_core::manifest::{ManifestError, Place, RequirementError};
use ggen_core::resolve::ResolveError;
use ggen_core::{Digest, PackageName, PublisherId};
use ggen_net::NetError;
use ggen_policy::{Loosened, PolicyError, PolicyFault};
use ggen_store::{ArchiveError, StoreError};
use semver::Version;

pub use self::feed::{FeedFault, FeedProblem};
pub use self::plugin::PluginError;

/// A package that a policy denied, with every reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Of which policy, and why.
    pub reasons: Vec<DeniedReason>,
}

/// One reason of a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedReason {
    /// `<policy>/<code>`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// What the user can do about it, in the policy's words.
    pub hint: Option<String>,
    /// The file that locks the policy, if one does.
    pub locked_by: Option<PathBuf>,
}

/// A holder of an archive that did not serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderFailure {
    /// Who: a peer id, or a registry's folder.
    pub holder: String,
    /// Why.
    pub reason: String,
}

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An archive or a tree that cannot be packed.
    #[error("{} cannot be used", .path.display())]
    Archive {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: ArchiveError,
    },
    /// The network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Policies that cannot be loaded at all.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A policy failed where a job must stop with it.
    #[error("a policy failed, and this job may not go on without it")]
    PolicyFault(#[from] PolicyFault),
    /// A policy as a component or a crate.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// An organization's file that cannot be read.
    #[error("the organization's policy file {} cannot be used: {problem}", .path.display())]
    PolicyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// What an organization locked, and the user's configuration would loosen.
    #[error("{}", loosened_headline(.0))]
    Loosened(Vec<Loosened>),
    /// Policies that do not load: those that were in use stay in use.
    #[error("the policies cannot be taken up: {}", .problems.join("; "))]
    PolicySet {
        /// What is wrong, one line a link.
        problems: Vec<String>,
    },
    /// A manifest that is not valid.
    #[error("{}:{}:{}: {source}", .path.display(), .source.place.line, .source.place.column)]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: Box<ManifestError>,
    },
    /// A folder without a manifest.
    #[error("there is no package.toml in {}", .path.display())]
    NoManifest {
        /// The folder.
        path: PathBuf,
    },
    /// A file that cannot be read or written.
    #[error("{} cannot be {action}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// What was typed is no package, version or publisher.
    #[error("{text:?} cannot be understood: {problem}")]
    Usage {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        problem: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// The range behind the @ of what was typed is none.
    #[error("the requirement {:?} is not valid: {}", .wrong.text, .wrong.problem)]
    Requirement {
        /// What was typed, shortened.
        text: String,
        /// What is wrong in it, and where.
        wrong: RequirementError,
    },
    /// No signing key yet.
    #[error("there is no key to sign with")]
    NoKey,
    /// Names and ranges that do not fit.
    #[error(transparent)]
    Resolve(Box<Unresolved>),
    /// A policy said no.
    #[error("{}", denied_headline(.0))]
    Denied(Vec<Denied>),
    /// A feed of advisories without which nothing is installed.
    #[error(transparent)]
    Feed(Box<FeedFault>),
    /// The fallback policy stopped the job.
    #[error("{message}")]
    Stopped {
        /// `<policy>/<code>`.
        code: String,
        /// One sentence.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A version that nobody signed.
    #[error("{name} {version} has no signed release and cannot be installed")]
    Unsigned {
        /// The package.
        name: PackageName,
        /// Its version.
        version: Version,
    },
    /// The same name in another spelling is there.
    #[error("{name} and {other} are one name, and {other} is there already")]
    NameCollides {
        /// What was asked for.
        name: PackageName,
        /// What is there.
        other: PackageName,
    },
    /// Only lists of releases that are older than one seen before can be had.
    #[error("every list of releases of {name} that can be had is older than one seen before (sequence {sequence})")]
    RolledBack {
        /// The package.
        name: PackageName,
        /// The highest sequence seen.
        sequence: u64,
    },
    /// No holder gave the archive.
    #[error("{name} {version} could not be fetched from anybody")]
    AllHoldersFailed {
        /// The package.
        name: PackageName,
        /// Its version.
        version: Version,
        /// Everybody who was tried.
        failures: Vec<HolderFailure>,
    },
    /// The same name and version were published with other contents.
    #[error("{name} {version} is published already, with other contents")]
    AlreadyPublished {
        /// The package.
        name: PackageName,
        /// Its version.
        version: Version,
    },
    /// A name that is somebody else's here.
    #[error("{name} stands for publisher {} here, not for the key that would sign", .bound.short())]
    NameTaken {
        /// The name.
        name: PackageName,
        /// Whom it is bound to.
        bound: PublisherId,
    },
    /// A lockfile that cannot be read or written.
    #[error("{} cannot be {}", .path.display(), if *.written { "written" } else { "read" })]
    Lockfile {
        /// The file.
        path: PathBuf,
        /// Whether it was to be written, after all that it would have told was done.
        written: bool,
        /// Why.
        source: std::io::Error,
    },
    /// A lockfile that is none.
    #[error("{}:{}: {problem}", .path.display(), .place.line)]
    LockfileInvalid {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// What is wrong.
        problem: String,
    },
    /// Somebody wrote the lockfile while this job was at work.
    #[error("{} was changed while this command was at work; it is left as it is now", .path.display())]
    LockfileChanged {
        /// The file.
        path: PathBuf,
    },
    /// `--locked` without a lockfile.
    #[error("--locked was given, and there is no ggen.lock here")]
    NoLockfile,
    /// `--locked`, and the lockfile would change.
    #[error("{} would have to change, and --locked forbids it", .path.display())]
    LockedChange {
        /// The file.
        path: PathBuf,
        /// What would be different, a sentence each.
        changes: Vec<String>,
    },
    /// A locked version that is not what it was.
    #[error("{} {} is not what ggen.lock names", .0.name, .0.version)]
    LockedDigest(Box<LockedDigest>),
    /// Not in a project's closure, nor installed.
    #[error("{name} is not among {}", if *.in_project { "this project's packages" } else { "what is installed" })]
    NotThere {
        /// The package.
        name: PackageName,
        /// Whether a project was looked at.
        in_project: bool,
    },
    /// Not installed.
    #[error("{name} is not installed")]
    NotInstalled {
        /// The package.
        name: PackageName,
    },
    /// Needed by others.
    #[error("{name} is needed by {}", list(.needed_by))]
    Needed {
        /// The package.
        name: PackageName,
        /// By whom.
        needed_by: Vec<PackageName>,
    },
    /// Nothing is known of a package.
    #[error("nothing is known of {name}")]
    Unknown {
        /// The package.
        name: PackageName,
        /// Whether the network was asked.
        offline: bool,
    },
    /// The key of the private network cannot be used.
    #[error("the network's key {} cannot be used: {problem}", .path.display())]
    SwarmKey {
        /// The file.
        path: PathBuf,
        /// Why, as a clause.
        problem: String,
    },
    /// A node runs here already.
    #[error("a node runs in this home already")]
    NodeRunning,
    /// No node runs here.
    #[error("no node runs in this home")]
    NodeNotRunning,
    /// The user wished to stop.
    #[error("interrupted")]
    Interrupted,
    /// A defect of this program.
    #[error("internal error: {0}")]
    Internal(String),
}

/// A locked package with the digest in the lockfile, and the one that its publisher signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedDigest {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The digest in the lockfile.
    pub locked: Digest,
    /// The digest that the publisher signed.
    pub found: Digest,
}

/// A resolution that failed, and what the answer was based on.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct Unresolved {
    /// Why.
    pub source: ResolveError,
    /// Whether the network was asked; where not, a newer release may be out there.
    pub network_asked: bool,
    /// How long ago the network was last asked what is new, in milliseconds; none: never.
    pub catalog_age: Option<u64>,
    /// Where a name is not known: names that may have been meant.
    pub likely_meant: Vec<PackageName>,
    /// What an index lists of the package that it is about, and was not taken: the index, and why.
    pub refused: Vec<(PathBuf, String)>,
}

fn list(names: &[PackageName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn loosened_headline(loosened: &[Loosened]) -> String {
    match loosened {
        [] => "nothing is loosened".to_owned(),
        [one, ..] => format!(
            "the policy {} for {} is locked by {}, and {} {}",
            one.policy, one.hook, one.locked_by, one.by, one.how
        ),
    }
}

fn denied_headline(denied: &[Denied]) -> String {
    match denied {
        [one] => format!("{} {} may not be installed here", one.name, one.version),
        many => format!("{} packages may not be installed here", many.len()),
    }
}
