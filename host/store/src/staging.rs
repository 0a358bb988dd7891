//! Unpacking what is to be installed, from the store or while it arrives.
//!
//! Decides whether what came out is what was signed; where it goes is the transaction's business ([`crate::Staging`]).
//! Invariant: a package is staged only when its last file was compared with the signed list.

use std::path::{Path, PathBuf};

use ggen_core::files::FileList;
use ggen_core::release::SignedRelease;
use ggen_core::{Digest, PackageId};
use semver::Version;

use crate::archive::{self, ArchiveError, Unpacked};
use crate::error::{StoreError, at};
use crate::landing::Arriving;
use crate::{Store, fsio};

/// An unpacked package that is not visible yet.
#[derive(Clone, Debug)]
pub struct StagedPackage {
    /// Which.
    pub id: PackageId,
    /// Its version.
    pub version: Version,
    /// Where its files are, for whoever reviews them.
    pub dir: PathBuf,
    /// Its files, as they were signed.
    pub files: FileList,
    pub(crate) release: Digest,
}

/// Where one package is unpacked. What an earlier try left in it goes at the next.
#[derive(Clone, Debug)]
pub struct StagingPlace {
    pub(crate) store: Store,
    pub(crate) dir: PathBuf,
}

impl StagingPlace {
    /// Unpacks the archive of `release` from the store, checking every file against what was signed. An archive that
    /// turns out damaged is moved out of the store.
    pub fn unpack(&self, release: &SignedRelease) -> Result<StagedPackage, StoreError> {
        let expected = &release.release.archive;
        let missing = StoreError::ArchiveMissing { digest: expected.digest };
        let from = self.store.held_path(&expected.digest).ok_or(missing)?;
        self.store.touch_archive(&expected.digest);
        let unpack = |dir: &Path| archive::unpack(&from, dir, Some(expected), self.store.limits());
        self.stage(release, unpack, || self.store.check_archive(&expected.digest))
    }

    /// Unpacks the archive of `release` while it arrives. Errors with [`StoreError::Io`] when the download breaks off.
    pub fn unpack_arriving(&self, release: &SignedRelease, from: Arriving) -> Result<StagedPackage, StoreError> {
        let unpack =
            |dir: &Path| archive::unpack::unpack_from(from, dir, Some(&release.release.archive), self.store.limits());
        self.stage(release, unpack, || Ok(()))
    }

    /// `blame` tells, where an archive is not what was signed, if somebody else than its publisher did it.
    fn stage(
        &self,
        release: &SignedRelease,
        unpack: impl FnOnce(&Path) -> Result<Unpacked, ArchiveError>,
        blame: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<StagedPackage, StoreError> {
        fsio::remove_any(&self.dir)?;
        std::fs::create_dir(&self.dir).map_err(at("create", &self.dir))?;
        let files = match unpack(&self.dir) {
            Ok(unpacked) => unpacked.files,
            Err(ArchiveError::Io { action, path, source }) => return Err(StoreError::io(action, &path, source)),
            Err(e) => {
                blame()?;
                return Err(e.into());
            }
        };
        let (id, version) = (release.release.id(), release.release.version.clone());
        Ok(StagedPackage { id, version, dir: self.dir.clone(), files, release: release.digest })
    }
}
