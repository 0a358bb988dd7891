//! What is installed, and taking it away.
//!
//! Decides nothing about which packages. Invariant: a package is gone with one transaction; its directory follows, at the
//! latest with the next start.

use std::path::PathBuf;

use ggen_core::release::SignedRelease;
use ggen_core::{Digest, PackageId, PackageName};
use semver::Version;

use crate::db::column::sql;
use crate::db::installs::{self, InstallRow};
use crate::holders::LockHolder;
use crate::journal::Journal;
use crate::locks::Kind;
use crate::{Store, StoreError};

/// An installed package.
#[derive(Clone, PartialEq, Debug)]
pub struct Installed {
    /// Which.
    pub id: PackageId,
    /// Its version.
    pub version: Version,
    /// Where its files are.
    pub path: PathBuf,
    /// The digest of its archive.
    pub digest: Digest,
    /// The digest of its signed release.
    pub release: Digest,
    /// The user asked for it by name.
    pub direct: bool,
    /// Names of the packages that asked for it.
    pub requested_by: Vec<String>,
    /// Where it came from, for people.
    pub origin: String,
    /// When, in milliseconds since the Unix epoch.
    pub installed_at: u64,
    /// The range that the user asked for, where the user asked for it.
    pub requirement: Option<String>,
}

/// A removed package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Which.
    pub id: PackageId,
    /// Its version.
    pub version: Version,
}

impl Store {
    /// What is installed, sorted by name.
    pub fn installed(&self) -> Result<Vec<Installed>, StoreError> {
        let rows = self.db().read("read installs from", installs::all)?;
        Ok(rows.into_iter().map(|row| self.to_installed(row)).collect())
    }

    /// Where a package's files are while it is installed at this version.
    pub fn package_path(&self, name: &PackageName, version: &Version) -> PathBuf {
        self.layout().package(name, version)
    }

    pub(crate) fn to_installed(&self, row: InstallRow) -> Installed {
        Installed {
            path: self.layout().package(&row.id.name, &row.version),
            id: row.id,
            version: row.version,
            digest: row.archive,
            release: row.release,
            direct: row.direct,
            requested_by: row.requested_by,
            origin: row.origin,
            installed_at: row.installed_at,
            requirement: row.requirement,
        }
    }

    /// The signed release of an installed package.
    pub fn installed_release(&self, name: &PackageName) -> Result<Option<SignedRelease>, StoreError> {
        self.db().read("read installs from", |c| installs::release(c, name))
    }

    /// Removes packages: all of them or, where one is not installed, none. Their archives stay for `clean`.
    pub fn remove(
        &self,
        names: &[PackageName],
        waiting: &mut dyn FnMut(&LockHolder),
    ) -> Result<Vec<Removed>, StoreError> {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        let staging = self.stage()?;
        let _clean = self.lock_clean(Kind::Shared, waiting)?;
        let _locks = self.lock_packages(&names, waiting)?;
        let journal = Journal { place: Vec::new(), names: names.clone() };
        journal.write(staging.dir())?;
        let removed = self.db().write("remove an install from", true, |t| {
            let mut removed = Vec::new();
            for name in &names {
                let Some(row) = installs::one(t, name).map_err(sql("read"))? else {
                    return Err(StoreError::NotInstalled { name: name.clone() });
                };
                installs::remove(t, name)?;
                removed.push(Removed { id: row.id, version: row.version });
            }
            Ok(removed)
        })?;
        journal.sweep(self, staging.dir())?;
        Ok(removed)
    }
}
