//! `ggen-store`: the disk.
//!
//! Layout, locks, database, blobs, archives, the install transaction, recovery. Decides how things are kept, never which
//! things: it knows `ggen-core` alone. Invariant: whatever stops the process, a package is afterwards wholly there or not
//! at all, and what was once seen of a publisher (bindings, highest heads, roots) is not forgotten.
//!
//! All calls block; callers in an async program move them to a thread of their own.

pub mod archive;
mod blobs;
mod catalog;
mod clean;
mod db;
mod documents;
mod error;
mod evict;
mod examine;
mod fsio;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod heard;
mod holders;
pub mod index;
mod install;
mod installed;
mod journal;
mod kept;
mod keys;
mod landing;
mod layout;
mod locks;
mod lookups;
mod open;
mod partial;
mod place;
mod proved;
mod publish;
mod secret;
mod space;
mod staging;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trust_log;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ggen_core::limits::Limits;

pub use archive::{ArchiveError, GgenFile, Inspection, Packed, Unpacked, read_ggen_file, write_ggen_file};
pub use clean::Cleaned;
pub use db::catalog::Source;
pub use db::changes::{Changes, Cursor};
pub use db::decisions::{DecisionFilter, DecisionRow, Watched};
pub use db::dht::{DhtKey, DhtProvider};
pub use db::heard::{Heard, HeardHit};
pub use db::package::{CatalogPackage, CatalogVersion};
pub use db::peers::{Ban, PeerRecord};
pub use db::search::SearchHit;
pub use db::trust::{Binding, How};
pub use error::StoreError;
pub use examine::{Condition, Examined, HeldLock, LayoutFound, examine};
pub use fsio::open_regular;
pub use holders::LockHolder;
pub use index::{IndexReport, Rejected};
pub use install::{Attend, Commit, PackageLock, Staging};
pub use installed::{Installed, Removed};
pub use keys::{KeyInfo, PublisherKey};
pub use landing::Arriving;
pub use lookups::ProjectLock;
pub use partial::Partial;
pub use proved::{ProvedFile, ReadBounds};
pub use secret::read_secret;
pub use staging::{StagedPackage, StagingPlace};
pub use verify::{Damage, Verified};

use db::Db;
use layout::Layout;

/// Something that the user must be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// A stable word.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// One home. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    layout: Layout,
    limits: Limits,
    db: Db,
    notices: Mutex<Vec<Notice>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.home())
    }
}

impl Store {
    /// The home's directory.
    pub fn home(&self) -> &Path {
        self.inner.layout.home()
    }

    /// What the user must be told since the last time this was asked.
    pub fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.inner.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn notice(&self, code: &'static str, message: String) {
        self.inner.notices.lock().unwrap_or_else(PoisonError::into_inner).push(Notice { code, message });
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Packs a directory; see [`archive::pack()`].
    pub fn pack(dir: &Path, limits: &Limits) -> Result<Packed, ArchiveError> {
        archive::pack(dir, limits)
    }

    /// Unpacks an archive into a fresh directory; see [`archive::unpack()`].
    pub fn unpack(
        archive: &Path,
        into: &Path,
        expected: Option<&ggen_core::release::Archive>,
        limits: &Limits,
    ) -> Result<Unpacked, ArchiveError> {
        archive::unpack(archive, into, expected, limits)
    }

    /// Looks at a file as if a peer had sent it; see [`archive::inspect()`].
    pub fn inspect(path: &Path, limits: &Limits) -> Inspection {
        archive::inspect(path, limits)
    }

    /// The node's control socket.
    pub fn control_socket(&self) -> PathBuf {
        self.home().join("p2p/control.sock")
    }

    /// Where compiled policies are cached.
    pub fn components_dir(&self) -> PathBuf {
        self.layout().components()
    }

    /// Where installed policies are.
    pub fn plugins_dir(&self) -> PathBuf {
        self.home().join("plugins")
    }
}
