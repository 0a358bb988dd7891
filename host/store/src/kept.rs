//! What outlives its job for the sake of the decision log: components that its rows name, and archives whose files a
//! policy denied.
//!
//! Decides how long and how much. Never who is served: what is in quarantine is not in the store, and only the store is
//! served. Invariant: a component stays as long as a row names it; quarantine is bounded in bytes
//! and age, but for what an install or an own release has nowhere else.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ggen_core::Digest;
use ggen_core::release::Archive;

use crate::Store;
use crate::archive;
use crate::error::{StoreError, at};
use crate::fsio;

fn component(folder: &Path, digest: &str) -> Option<PathBuf> {
    digest.parse::<Digest>().ok().map(|digest| folder.join(format!("{digest}.wasm")))
}

/// Writes components that are not there yet. The caller holds the database's writing lock.
pub(crate) fn put_components(folder: &Path, components: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    for (digest, bytes) in components {
        let Some(path) = component(folder, digest) else { continue };
        if !path.is_file() {
            fsio::write_whole(&path, bytes, 0o600, false)?;
        }
    }
    Ok(())
}

/// Removes components that are not among `named`. The caller holds the database's writing lock.
pub(crate) fn forget_components(folder: &Path, named: &BTreeSet<String>) -> Result<(), StoreError> {
    for name in fsio::names_in(folder)? {
        if name.strip_suffix(".wasm").is_some_and(|digest| !named.contains(digest)) {
            fsio::remove_any(&folder.join(name))?;
        }
    }
    Ok(())
}

impl Store {
    /// Whether a component is kept for the rows that name it.
    pub fn has_component(&self, digest: &str) -> bool {
        component(&self.layout().policies(), digest).is_some_and(|path| path.is_file())
    }

    /// The bytes of a component that a row names, if they are as they were; none where they are gone or changed.
    pub fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(path) = component(&self.layout().policies(), digest) else { return Ok(None) };
        let bytes = fsio::read_bounded(&path, self.limits().max_component)?;
        Ok(bytes.filter(|bytes| Digest::of(bytes).to_string() == digest))
    }

    /// Moves an archive out of the store, so that nobody is served it; the oldest that nothing needs go where there
    /// is no room.
    pub fn quarantine_archive(&self, digest: &Digest) -> Result<(), StoreError> {
        let (from, folder) = (self.archive_path(digest), self.layout().quarantine());
        if from.is_file() {
            let to = self.quarantined_path(digest);
            std::fs::rename(&from, &to).map_err(at("move", &from))?;
            fsio::remove_any(&from.with_extension("chunks"))?;
            // Its age counts from now; one that cannot be told is only cleaned up earlier.
            if let Ok(file) = File::options().append(true).open(&to) {
                let _ = file.set_modified(SystemTime::now());
            }
        }
        let mut kept = Vec::new();
        for name in fsio::names_in(&folder)? {
            let path = folder.join(&name);
            let Ok(about) = std::fs::symlink_metadata(&path) else { continue };
            kept.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len(), path, name));
        }
        kept.sort();
        let mut bytes: u64 = kept.iter().map(|(_, size, ..)| size).sum();
        if bytes <= self.limits().max_quarantine {
            return Ok(());
        }
        let needed = self.needed_archives()?;
        for (_, size, path, name) in kept {
            if bytes <= self.limits().max_quarantine {
                break;
            }
            if !name.parse().is_ok_and(|digest| needed.contains(&digest)) {
                fsio::remove_any(&path)?;
                bytes = bytes.saturating_sub(size);
            }
        }
        Ok(())
    }

    /// Puts an archive that no policy denies any longer back into the store.
    pub fn release_from_quarantine(&self, digest: &Digest) -> Result<(), StoreError> {
        let (from, to) = (self.quarantined_path(digest), self.archive_path(digest));
        if !from.is_file() {
            return Ok(());
        }
        if self.has_archive(digest) {
            return fsio::remove_any(&from);
        }
        if let Some(folder) = to.parent() {
            fsio::make_dir(folder)?;
        }
        std::fs::rename(&from, &to).map_err(at("move", &from))
    }

    /// Whether an archive is in quarantine.
    pub fn is_quarantined(&self, digest: &Digest) -> bool {
        self.quarantined_path(digest).is_file()
    }

    /// An archive that is here, served or not; none where it is gone.
    pub fn held_path(&self, digest: &Digest) -> Option<PathBuf> {
        [self.archive_path(digest), self.quarantined_path(digest)].into_iter().find(|path| path.is_file())
    }

    fn quarantined_path(&self, digest: &Digest) -> PathBuf {
        self.layout().quarantine().join(digest.to_string())
    }

    /// Unpacks an archive that is here into an empty folder, to be looked at and thrown away; none where it is gone.
    pub fn look_into(&self, digest: &Digest, into: &Path) -> Result<Option<archive::Unpacked>, StoreError> {
        let Some(path) = self.held_path(digest) else { return Ok(None) };
        let file = fsio::open_regular(&path).map_err(at("open", &path))?;
        let (found, _) = fsio::hash_reader(file).map_err(at("read", &path))?;
        if found != *digest {
            return Ok(None);
        }
        Ok(Some(archive::unpack(&path, into, None::<&Archive>, self.limits())?))
    }

    /// A folder for what is looked at and thrown away; it goes with the value.
    pub fn scratch(&self) -> Result<tempfile::TempDir, StoreError> {
        let tmp = self.layout().tmp();
        tempfile::Builder::new().prefix("look-").tempdir_in(&tmp).map_err(at("create in", &tmp))
    }
}
