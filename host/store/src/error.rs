//! What can go wrong on the disk, with the path or package it went wrong at.
//!
//! Decides which raw failure is which error (a full disk is a full disk wherever it shows itself); never how an error is
//! shown.

use std::io;
use std::path::{Path, PathBuf};

use ggen_core::dsse::DsseError;
use ggen_core::head::HeadError;
use ggen_core::release::ReleaseError;
use ggen_core::root::RootError;
use ggen_core::{Digest, PackageId, PackageName, PublisherId};
use semver::Version;

use crate::archive::ArchiveError;
use crate::holders::LockHolder;
use crate::space;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A call of the system.
    #[error("cannot {action} {path:?}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No room.
    #[error("the disk of {path:?} is full: {required} bytes are needed, {available} are free")]
    DiskFull {
        /// Where.
        path: PathBuf,
        /// Bytes needed; 0 where that is not known.
        required: u64,
        /// Bytes free.
        available: u64,
    },
    /// The home cannot be written.
    #[error("{path:?} is on a file system that is read-only")]
    ReadOnly {
        /// Where.
        path: PathBuf,
    },
    /// A home of another user.
    #[error("the home {path:?} belongs to user {owner}, and this program runs as user {me}")]
    NotOwned {
        /// The home.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// The number of the user that this program runs as.
        me: u32,
    },
    /// A home of a later program.
    #[error("the home {path:?} has layout {found:?}; this program knows {known}")]
    Layout {
        /// The home.
        path: PathBuf,
        /// What its `VERSION` says, shortened.
        found: String,
        /// The newest layout that this program knows.
        known: u32,
    },
    /// The database.
    #[error("cannot {action} the database")]
    Database {
        /// What was tried, as a verb.
        action: &'static str,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The database is damaged; the next start of any command rebuilds it.
    #[error("the database {path:?} is damaged")]
    DatabaseDamaged {
        /// Which file.
        path: PathBuf,
        /// How it showed.
        source: rusqlite::Error,
    },
    /// Another release under a name and version that are known: the first stands.
    #[error("{id} {version} is another release ({found:?}) than the one that is known ({known:?})")]
    ReleaseChanged {
        /// The package.
        id: Box<PackageId>,
        /// Its version.
        version: Version,
        /// The release that stands.
        known: Digest,
        /// The one that was refused.
        found: Digest,
    },
    /// Signed under keys of a publisher that have been replaced since, or under another chain of roots.
    #[error("publisher {publisher:?} is known with root {known}; what came has root {found}, or another one")]
    RootRolledBack {
        /// The publisher.
        publisher: PublisherId,
        /// The version of the latest root seen.
        known: u64,
        /// The version that came.
        found: u64,
    },
    /// A publisher's roots.
    #[error("the publisher does not prove itself")]
    Root(#[from] RootError),
    /// A head.
    #[error("the head is refused")]
    Head(#[from] HeadError),
    /// A release.
    #[error("the release is refused")]
    Release(#[from] ReleaseError),
    /// A signed document that cannot be read.
    #[error("the signed document {path:?} is refused")]
    Document {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: DsseError,
    },
    /// An archive.
    #[error("the archive is refused")]
    Archive(#[source] ArchiveError),
    /// An archive that is not in the store.
    #[error("the archive {digest} is not in the store")]
    ArchiveMissing {
        /// Which.
        digest: Digest,
    },
    /// Bytes of an archive that are not the signed ones.
    #[error("the archive {expected} is damaged: its bytes have the digest {found}")]
    ArchiveDamaged {
        /// Which.
        expected: Digest,
        /// What the bytes are instead.
        found: Digest,
    },
    /// The wait for a lock is over.
    #[error("{what} is in use by {holder}")]
    LockTimeout {
        /// What is locked.
        what: String,
        /// By whom.
        holder: LockHolder,
        /// Milliseconds waited.
        waited: u64,
    },
    /// Whoever wanted a commit did not want it any more; nothing has happened.
    #[error("stopped before anything happened")]
    Stopped,
    /// The name is bound to another publisher.
    #[error("{name} is bound to publisher {bound:?}, not to {wanted:?}")]
    BoundToOther {
        /// The name.
        name: PackageName,
        /// Whose it is here.
        bound: PublisherId,
        /// Whose was meant.
        wanted: PublisherId,
    },
    /// Nothing of this name is installed.
    #[error("{name} is not installed")]
    NotInstalled {
        /// The name.
        name: PackageName,
    },
    /// No such key, or no key at all.
    #[error("there is no publisher key{}", alias.as_ref().map(|a| format!(" {a:?}")).unwrap_or_default())]
    NoKey {
        /// Which was meant; none where any would have done.
        alias: Option<String>,
    },
    /// Several keys, and none was named.
    #[error("there are several publisher keys: {}", aliases.join(", "))]
    WhichKey {
        /// Their aliases.
        aliases: Vec<String>,
    },
    /// A key of this alias exists: keys are never overwritten.
    #[error("there is a publisher key {alias:?} already")]
    KeyExists {
        /// The alias.
        alias: String,
    },
    /// What cannot be an alias or a peer id in a file's name.
    #[error("{text:?} cannot be an alias: 1 to 64 of a-z, 0-9, '-' and '_'")]
    Alias {
        /// What was written, shortened.
        text: String,
    },
    /// A key file that cannot be read as one.
    #[error("the key file {path:?} is not valid: {problem}")]
    KeyFile {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A registry index that cannot be read.
    #[error("the registry index {path:?} cannot be read: {problem}")]
    Index {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of a package that is not as it was signed.
    #[error("{path:?} {problem}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, as a predicate.
        problem: &'static str,
    },
    /// A file that is longer than its kind may be.
    #[error("{path:?} has more than the {limit} bytes allowed")]
    TooLong {
        /// Which.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
}

impl StoreError {
    /// The error for a failed call of the system.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::full(path, 0),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path: path.to_owned() },
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    /// The error for a disk without room for `required` bytes.
    pub(crate) fn full(path: &Path, required: u64) -> Self {
        let available = space::available(path).unwrap_or(0);
        Self::DiskFull { path: path.to_owned(), required, available }
    }
}

impl From<ArchiveError> for StoreError {
    /// A failed call of the system is one, wherever it failed.
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Io { action, path, source } => Self::io(action, &path, source),
            error => Self::Archive(error),
        }
    }
}

/// `map_err(at("open", path))`.
pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::io(action, path, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_is_used_up_is_a_full_disk() {
        for code in [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT] {
            let error = StoreError::io("write", Path::new("/tmp"), io::Error::from(code));
            assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
        }
    }
}
