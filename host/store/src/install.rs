//! The install transaction: before its one SQLite transaction nothing has happened, after it everything has.
//!
//! ```text
//! stage   tmp/tx-…/       unpacked and checked, no lock held
//! lock    packages in name order, clean-up shared; what changed meanwhile is seen here
//! sync    the archive, the journal, then the whole file system once
//! rename  tmp/tx-…/n  ->  packages/<name>/<version>
//! commit  one transaction: installs and bindings
//! sweep   other versions of these names go
//! ```
//!
//! Decides nothing about which packages. Invariant: a directory beneath `packages/` that no row names is nobody's, and
//! is removed by whoever finds the journal of the transaction that left it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ggen_core::files::FileList;
use ggen_core::release::SignedRelease;
use ggen_core::{PackageName, PublisherId};

use crate::archive;
use crate::db::column::sql;
use crate::db::installs::{self, InstallRow};
use crate::db::trust::{self, Binding, How};
use crate::error::{StoreError, at};
use crate::holders::LockHolder;
use crate::journal::{Journal, Placed};
use crate::locks::{self, Kind, Lock};
use crate::staging::{StagedPackage, StagingPlace};
use crate::trust_log::Record;
use crate::{Installed, Store, documents, fsio};

/// Work in progress: a directory of its own, removed when dropped.
#[derive(Debug)]
pub struct Staging {
    store: Store,
    dir: PathBuf,
    staged: Vec<StagedPackage>,
    places: usize,
    /// Set where the directory has what only a later start can put back.
    keep: AtomicBool,
    _lock: Lock,
}

/// A package that is this process's until this is dropped.
#[derive(Debug)]
pub struct PackageLock(#[allow(dead_code, reason = "held, never looked at")] Option<Lock>);

/// What is to be installed.
#[derive(Clone, Debug)]
pub struct Commit {
    /// What.
    pub release: SignedRelease,
    /// The user asked for it by name.
    pub direct: bool,
    /// The range that the user asked for; none keeps what was noted before.
    pub requirement: Option<String>,
    /// Names of the packages that asked for it.
    pub requested_by: Vec<String>,
    /// Where it came from, for people.
    pub origin: String,
    /// Its files.
    pub files: FileList,
}

/// Who hears of a commit while it goes on. Any `FnMut(&LockHolder)` is one that never objects.
pub trait Attend {
    /// Somebody else holds a lock that is needed.
    fn waiting(&mut self, holder: &LockHolder);

    /// Asked once, when all is ready and nothing has happened yet; `false` ends the commit with [`StoreError::Stopped`].
    fn may_commit(&mut self) -> bool {
        true
    }
}

impl<F: FnMut(&LockHolder)> Attend for F {
    fn waiting(&mut self, holder: &LockHolder) {
        self(holder);
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.keep.load(Ordering::Relaxed) {
            // What cannot be removed now is removed by the next start: its lock goes with this process.
            let _ = fsio::remove_any(&self.dir);
        }
    }
}

impl Staging {
    /// Unpacks the archive of `release` from the store into a place of its own.
    pub fn unpack(&mut self, release: &SignedRelease) -> Result<StagedPackage, StoreError> {
        let staged = self.place().unpack(release)?;
        self.add(staged.clone());
        Ok(staged)
    }

    /// A place for one more package. It must not be used when this is dropped: its files go with it.
    pub fn place(&mut self) -> StagingPlace {
        let dir = self.dir.join(self.places.to_string());
        self.places += 1;
        StagingPlace { store: self.store.clone(), dir }
    }

    /// Takes in what was unpacked in a place of this.
    pub fn add(&mut self, staged: StagedPackage) {
        self.staged.push(staged);
    }

    /// Packs a directory into a file that goes with this work.
    pub fn pack(&self, dir: &Path) -> Result<archive::Packed, archive::ArchiveError> {
        archive::pack_in(dir, &self.dir, self.store.limits())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Leaves everything as a killed process would.
    #[cfg(test)]
    pub(crate) fn abandon(self) -> PathBuf {
        self.keep.store(true, Ordering::Relaxed);
        self.dir.clone()
    }
}

impl Store {
    /// Begins work in progress.
    pub fn stage(&self) -> Result<Staging, StoreError> {
        // Between the directory and its lock nobody may take it for a dead process's.
        let _shared = self.lock_clean(Kind::Shared, &mut |_| ())?;
        let tmp = self.layout().tmp();
        let made = tempfile::Builder::new().prefix("tx-").tempdir_in(&tmp).map_err(at("create in", &tmp))?;
        let lock = locks::wait(&made.path().join("lock"), Kind::Exclusive, "tmp", self.limits(), &mut |_| ())?;
        Ok(Staging {
            store: self.clone(),
            dir: made.keep(),
            staged: Vec::new(),
            places: 0,
            keep: AtomicBool::new(false),
            _lock: lock,
        })
    }

    /// Waits until no other command changes this package.
    pub fn lock_package(
        &self,
        name: &PackageName,
        waiting: &mut dyn FnMut(&LockHolder),
    ) -> Result<PackageLock, StoreError> {
        let mut locks = self.lock_packages(std::slice::from_ref(name), waiting)?;
        Ok(PackageLock(locks.pop()))
    }

    pub(crate) fn lock_clean(&self, kind: Kind, waiting: &mut dyn FnMut(&LockHolder)) -> Result<Lock, StoreError> {
        locks::wait(&self.layout().clean_lock(), kind, "the clean-up lock", self.limits(), waiting)
    }

    pub(crate) fn lock_packages(
        &self,
        names: &[PackageName],
        waiting: &mut dyn FnMut(&LockHolder),
    ) -> Result<Vec<Lock>, StoreError> {
        let lock = |name: &PackageName| {
            let path = self.layout().package_lock(name);
            locks::wait(&path, Kind::Exclusive, name.as_str(), self.limits(), waiting)
        };
        names.iter().map(lock).collect()
    }

    /// Installs what was staged: all of it or nothing. A package that is there already in the same release is left as it
    /// is but for `direct` and `requested_by`; another version of it is replaced.
    pub fn commit(
        &self,
        staging: Staging,
        packages: Vec<Commit>,
        bind: Vec<(PackageName, PublisherId, How)>,
        attend: &mut dyn Attend,
    ) -> Result<Vec<Installed>, StoreError> {
        self.commit_as(&staging, &packages, &bind, false, attend)
    }

    /// With `replace`, files that are there already are exchanged for the staged ones.
    pub(crate) fn commit_as(
        &self,
        staging: &Staging,
        packages: &[Commit],
        bind: &[(PackageName, PublisherId, How)],
        replace: bool,
        attend: &mut dyn Attend,
    ) -> Result<Vec<Installed>, StoreError> {
        let mut names: Vec<PackageName> = packages.iter().map(|c| c.release.release.name.clone()).collect();
        names.sort();
        names.dedup();
        let mut waiting = |holder: &LockHolder| attend.waiting(holder);
        let _clean = self.lock_clean(Kind::Shared, &mut waiting)?;
        let _locks = self.lock_packages(&names, &mut waiting)?;
        self.check_bindings(bind)?;
        let journal = self.plan_placing(staging, packages, names, replace)?;
        journal.write(staging.dir())?;
        self.make_durable(packages)?;
        if !attend.may_commit() {
            return Err(StoreError::Stopped);
        }
        let done = journal.place(self, staging.dir()).and_then(|()| self.record(packages, bind));
        if let Err(error) = done {
            // By what the database says: an error of a commit need not mean that it did not happen.
            if let Err(error) = journal.recover(self, staging.dir()) {
                tracing::warn!(%error, "an install could not be undone; the next start does it");
                staging.keep.store(true, Ordering::Relaxed);
            }
            return Err(error);
        }
        // The transaction stands: what cannot be swept now is swept by the next start.
        if let Err(error) = journal.sweep(self, staging.dir()) {
            tracing::warn!(%error, "old versions could not be removed");
        }
        let rows = self.installed()?;
        let mine = |c: &Commit| rows.iter().find(|r| r.id.name == c.release.release.name).cloned();
        Ok(packages.iter().filter_map(mine).collect())
    }

    fn plan_placing(
        &self,
        staging: &Staging,
        packages: &[Commit],
        names: Vec<PackageName>,
        replace: bool,
    ) -> Result<Journal, StoreError> {
        let mut place = Vec::new();
        for commit in packages {
            let release = &commit.release.release;
            let row = self.db().read("read installs from", |c| installs::one(c, &release.name))?;
            let target = self.layout().package(&release.name, &release.version);
            let there = row.is_some_and(|r| r.release == commit.release.digest) && target.is_dir();
            if there && !replace {
                continue;
            }
            let staged = staging.staged.iter().find(|s| s.release == commit.release.digest);
            let Some(staged) = staged else {
                return Err(StoreError::NotInstalled { name: release.name.clone() });
            };
            place.push(Placed::new(&release.name, &release.version, commit.release.digest, &staged.dir)?);
        }
        Ok(Journal { place, names })
    }

    /// The archives are what cannot be rebuilt; one sync of the file system is cheaper than one of each file.
    fn make_durable(&self, packages: &[Commit]) -> Result<(), StoreError> {
        for commit in packages {
            let release = &commit.release;
            documents::write_release(&self.layout().registry(), release, false)?;
            let path = self.archive_path(&release.release.archive.digest);
            if let Ok(file) = std::fs::File::open(&path) {
                rustix::fs::fdatasync(&file).map_err(|e| StoreError::io("sync", &path, e.into()))?;
            }
        }
        fsio::sync_fs(self.layout().home())
    }

    fn check_bindings(&self, bind: &[(PackageName, PublisherId, How)]) -> Result<(), StoreError> {
        for (name, wanted, _) in bind {
            let bound = self.binding(name)?;
            if let Some(bound) = bound.filter(|b| b.publisher != *wanted) {
                let name = name.clone();
                return Err(StoreError::BoundToOther { name, bound: bound.publisher, wanted: *wanted });
            }
        }
        Ok(())
    }

    /// The commit itself.
    pub(crate) fn record(
        &self,
        packages: &[Commit],
        bind: &[(PackageName, PublisherId, How)],
    ) -> Result<(), StoreError> {
        let now = fsio::now();
        self.db().write("record an install in", true, |t| {
            let mut records = Vec::new();
            for (name, publisher, how) in bind {
                let bound = trust::binding(t, name).map_err(sql("read"))?;
                match bound.map(|b| b.publisher) {
                    Some(bound) if bound == *publisher => continue,
                    Some(bound) => {
                        return Err(StoreError::BoundToOther { name: name.clone(), bound, wanted: *publisher });
                    }
                    None => {}
                }
                let binding = Binding { name: name.clone(), publisher: *publisher, since: now, how: *how };
                trust::put_binding(t, &binding)?;
                records.push(bind_record(&binding));
            }
            for commit in packages {
                let name = &commit.release.release.name;
                let before = installs::one(t, name).map_err(sql("read"))?;
                let files = Some(commit.files.to_text()).filter(|t| !t.is_empty());
                let row = commit_row(commit, before, now);
                let known = installs::files(t, name).map_err(sql("read"))?;
                installs::put(t, &row, &commit.release, files.or(known).as_deref())?;
            }
            trust::log(t, self.layout(), &records)
        })
    }
}

pub(crate) fn bind_record(binding: &Binding) -> Record {
    Record::Bind {
        name: binding.name.clone(),
        publisher: binding.publisher,
        how: binding.how.to_string(),
        at: binding.since,
    }
}

/// What was asked for by the user stays so; what was asked for by packages is added up.
fn commit_row(commit: &Commit, before: Option<InstallRow>, now: u64) -> InstallRow {
    let release = &commit.release.release;
    let before = before.filter(|b| b.id == release.id());
    let same = before.as_ref().is_some_and(|b| b.release == commit.release.digest);
    let mut requested_by = commit.requested_by.clone();
    requested_by.extend(before.iter().filter(|_| same).flat_map(|b| b.requested_by.iter().cloned()));
    requested_by.sort();
    requested_by.dedup();
    let (origin, installed_at) = match &before {
        Some(before) if same => (before.origin.clone(), before.installed_at),
        _ => (commit.origin.clone(), now),
    };
    InstallRow {
        id: release.id(),
        version: release.version.clone(),
        archive: release.archive.digest,
        release: commit.release.digest,
        requirement: commit.requirement.clone().or_else(|| before.as_ref().and_then(|b| b.requirement.clone())),
        direct: commit.direct || before.is_some_and(|b| b.direct),
        requested_by,
        origin,
        installed_at,
    }
}
