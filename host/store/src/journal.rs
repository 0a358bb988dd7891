//! The journal of a transaction on `packages/`: what it takes to finish or undo it.
//!
//! Decides, from the installs that the database knows, which directories stay. Invariant: after [`Journal::recover`] the
//! directories of the journal's names are exactly those that the database names, wherever the transaction was cut off.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ggen_core::{Digest, PackageName};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::db::installs;
use crate::error::{StoreError, at};
use crate::{Store, fsio};

/// The journal's name in its transaction's directory.
const NAME: &str = "journal";
/// The longest journal, in bytes.
const MAX: u64 = 64 * 1024 * 1024;

/// One directory that is to be put in its place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Placed {
    name: PackageName,
    version: Version,
    release: Digest,
    /// Its name in the transaction's directory.
    staged: String,
    /// By which it is known wherever it is.
    inode: u64,
}

impl Placed {
    pub(crate) fn new(name: &PackageName, version: &Version, release: Digest, dir: &Path) -> Result<Self, StoreError> {
        let inode = std::fs::symlink_metadata(dir).map_err(at("look at", dir))?.ino();
        let staged = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name: name.clone(), version: version.clone(), release, staged, inode })
    }

    fn is_at(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|m| m.ino() == self.inode)
    }
}

/// What a transaction does to `packages/`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    pub(crate) place: Vec<Placed>,
    /// Names of which only the version stays that the database knows in the end.
    pub(crate) names: Vec<PackageName>,
}

impl Journal {
    pub(crate) fn write(&self, transaction: &Path) -> Result<(), StoreError> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        // The sync of the file system that follows covers it; one that only removes has none.
        let alone = self.place.is_empty();
        fsio::write_whole(&transaction.join(NAME), &text, 0o600, alone)?;
        match transaction.parent() {
            Some(tmp) if alone => fsio::sync_dir(tmp),
            _ => Ok(()),
        }
    }

    pub(crate) fn read(transaction: &Path) -> Result<Option<Self>, StoreError> {
        let bytes = fsio::read_bounded(&transaction.join(NAME), MAX)?;
        Ok(bytes.and_then(|b| serde_json::from_slice(&b).ok()).filter(Self::stays_beneath))
    }

    /// No place of it is outside its transaction's directory.
    fn stays_beneath(&self) -> bool {
        let plain = |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
        self.place.iter().all(|placed| plain(&placed.staged))
    }

    /// Puts the staged directories in their places; one that is there is exchanged for it.
    pub(crate) fn place(&self, store: &Store, transaction: &Path) -> Result<(), StoreError> {
        let packages = store.layout().packages();
        for placed in &self.place {
            let target = store.layout().package(&placed.name, &placed.version);
            let parent = packages.join(placed.name.as_str());
            fsio::make_dir(&parent)?;
            put(&transaction.join(&placed.staged), &target)?;
            fsio::sync_dir(&parent)?;
        }
        fsio::sync_dir(&packages)
    }

    /// Takes out again what was placed, and puts back what was there.
    pub(crate) fn undo(&self, store: &Store, transaction: &Path) -> Result<(), StoreError> {
        for placed in &self.place {
            let target = store.layout().package(&placed.name, &placed.version);
            if !placed.is_at(&target) {
                continue;
            }
            let staged = transaction.join(&placed.staged);
            let away = transaction.join(format!("{}.undone", placed.staged));
            let before = [staged.clone(), replaced(&staged)].into_iter().find(|p| p.is_dir());
            std::fs::rename(&target, &away).map_err(at("rename", &target))?;
            if let Some(before) = before {
                std::fs::rename(&before, &target).map_err(at("rename", &before))?;
            }
            let dir = store.layout().packages().join(placed.name.as_str());
            // Before the journal goes: afterwards nobody would know whose the directory was.
            fsio::sync_dir(&dir)?;
            remove_if_empty(&dir);
        }
        Ok(())
    }

    /// Removes every version of the journal's names but the installed one.
    pub(crate) fn sweep(&self, store: &Store, transaction: &Path) -> Result<(), StoreError> {
        for (number, name) in self.names.iter().enumerate() {
            let row = store.db().read("read installs from", |c| installs::one(c, name))?;
            let keep = row.map(|r| r.version.to_string());
            let dir = store.layout().packages().join(name.as_str());
            let mut moved = false;
            for version in fsio::names_in(&dir)? {
                if Some(&version) != keep.as_ref() {
                    let from = dir.join(&version);
                    let away = transaction.join(format!("old-{number}-{version}"));
                    std::fs::rename(&from, &away).map_err(at("rename", &from))?;
                    moved = true;
                }
            }
            if moved {
                // Before the journal goes: afterwards nobody would know whose the directory was.
                fsio::sync_dir(&dir)?;
            }
            remove_if_empty(&dir);
        }
        Ok(())
    }

    /// Finishes or undoes the transaction of a dead process.
    pub(crate) fn recover(&self, store: &Store, transaction: &Path) -> Result<(), StoreError> {
        let mut undo = Self { place: Vec::new(), names: Vec::new() };
        for placed in &self.place {
            let row = store.db().read("read installs from", |c| installs::one(c, &placed.name))?;
            let done = row.is_some_and(|r| r.release == placed.release && r.version == placed.version);
            let target = store.layout().package(&placed.name, &placed.version);
            if !done {
                undo.place.push(placed.clone());
            } else if !target.exists() {
                // Cut off between the two renames of `put`'s slow way.
                let before = replaced(&transaction.join(&placed.staged));
                if before.is_dir() {
                    std::fs::rename(&before, &target).map_err(at("rename", &before))?;
                }
            }
        }
        undo.undo(store, transaction)?;
        self.sweep(store, transaction)
    }
}

/// Where `put` leaves what it replaced when it cannot exchange.
fn replaced(staged: &Path) -> PathBuf {
    staged.with_extension("replaced")
}

/// Renames `staged` to `target`; what is at `target` comes to `staged`, in one step where the file system can.
fn put(staged: &Path, target: &Path) -> Result<(), StoreError> {
    let failed = |e: Errno| StoreError::io("rename", staged, e.into());
    match renameat_with(CWD, staged, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        Err(Errno::EXIST | Errno::NOTEMPTY | Errno::INVAL | Errno::NOSYS) => {}
        Err(e) => return Err(failed(e)),
    }
    if !target.exists() {
        return std::fs::rename(staged, target).map_err(at("rename", staged));
    }
    match renameat_with(CWD, staged, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS) => {
            std::fs::rename(target, replaced(staged)).map_err(at("rename", target))?;
            std::fs::rename(staged, target).map_err(at("rename", staged))
        }
        Err(e) => Err(failed(e)),
    }
}

fn remove_if_empty(dir: &Path) {
    // A directory with something in it refuses, and that is as good.
    let _ = std::fs::remove_dir(dir);
}
