//! Installed files against what was signed, and mending them.
//!
//! Decides what is damaged: a file that is missing, another, of another mode, or that nobody signed. Never changes
//! anything but in [`Store::repair`], which exchanges a package's whole directory.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ggen_core::PackageName;
use ggen_core::files::{FileEntry, FileList};
use ggen_core::release::SignedRelease;
use semver::Version;

use crate::archive;
use crate::db::installs;
use crate::error::StoreError;
use crate::install::Attend;
use crate::{Commit, Installed, Store, fsio};

/// The most problems that are listed of one package.
const MAX_PROBLEMS: usize = 100;

/// What `verify` found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Packages that were looked at.
    pub checked: usize,
    /// What is not as it was signed.
    pub damaged: Vec<Damage>,
}

/// One thing that is not as it was signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The file, or the package's directory.
    pub path: PathBuf,
    /// What is wrong with it, as a predicate.
    pub problem: String,
}

impl Store {
    /// Reads the whole database; a damaged one is rebuilt by the next [`Store::open`].
    pub fn check_database(&self) -> Result<(), StoreError> {
        self.db().check()
    }

    /// Compares installed files with what was signed: of all packages, or of these.
    pub fn verify(&self, names: Option<&[PackageName]>) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let installed = self.installed()?;
        for name in names.unwrap_or_default() {
            if !installed.iter().any(|i| i.id.name == *name) {
                return Err(StoreError::NotInstalled { name: name.clone() });
            }
        }
        for package in installed {
            if names.is_none_or(|n| n.contains(&package.id.name)) {
                verified.checked += 1;
                verified.damaged.extend(self.verify_one(&package)?);
            }
        }
        Ok(verified)
    }

    fn verify_one(&self, package: &Installed) -> Result<Vec<Damage>, StoreError> {
        let damage = |path: PathBuf, problem: &str| Damage {
            name: package.id.name.clone(),
            version: package.version.clone(),
            path,
            problem: problem.to_owned(),
        };
        if !package.path.is_dir() {
            return Ok(vec![damage(package.path.clone(), "is missing")]);
        }
        let Some(release) = self.installed_release(&package.id.name)? else { return Ok(Vec::new()) };
        let Some(files) = self.signed_files(&package.id.name, &release)? else {
            let problem = "cannot be checked: its file list is lost and its archive is not in the store";
            return Ok(vec![damage(package.path.clone(), problem)]);
        };
        let problems = compare(&package.path, &files)?;
        Ok(problems.into_iter().take(MAX_PROBLEMS).map(|(path, problem)| damage(path, problem)).collect())
    }

    /// The files that were signed: from the database, or else from the stored archive.
    pub(crate) fn signed_files(
        &self,
        name: &PackageName,
        release: &SignedRelease,
    ) -> Result<Option<FileList>, StoreError> {
        let expected = &release.release.archive;
        let text = self.db().read("read a file list from", |c| installs::files(c, name))?;
        if let Some(files) = text.and_then(|t| FileList::from_text(&t, expected.files).ok()) {
            return Ok(Some(files));
        }
        if expected.file_count == 0 {
            return Ok(Some(FileList::default()));
        }
        let path = self.archive_path(&expected.digest);
        if !path.is_file() {
            return Ok(None);
        }
        Ok(archive::inspect::list(&path, expected, self.limits()).ok())
    }

    /// Puts the signed files in the place of what is installed under `name`. The archive must be in the store; one that
    /// is damaged is moved away, and [`StoreError::ArchiveMissing`] or [`StoreError::ArchiveDamaged`] says that it has to
    /// be fetched again.
    pub fn repair(&self, name: &PackageName, attend: &mut dyn Attend) -> Result<Installed, StoreError> {
        let missing = || StoreError::NotInstalled { name: name.clone() };
        let row = self.db().read("read installs from", |c| installs::one(c, name))?.ok_or_else(missing)?;
        let release = self.installed_release(name)?.ok_or_else(missing)?;
        let mut staging = self.stage()?;
        let staged = staging.unpack(&release)?;
        let (direct, requested_by, origin) = (row.direct, row.requested_by, row.origin);
        let commit = Commit { release, direct, requirement: None, requested_by, origin, files: staged.files };
        let done = self.commit_as(&staging, &[commit], &[], true, attend)?;
        done.into_iter().next().ok_or_else(missing)
    }
}

/// What differs in `dir` from `files`.
fn compare(dir: &Path, files: &FileList) -> Result<Vec<(PathBuf, &'static str)>, StoreError> {
    let mut wanted: BTreeMap<&str, &FileEntry> = files.files().iter().map(|f| (f.path.as_str(), f)).collect();
    let mut problems = Vec::new();
    let mut waiting = vec![(dir.to_owned(), String::new())];
    while let Some((dir, prefix)) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else {
            problems.push((dir, "cannot be read"));
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(relative) = entry.file_name().to_str().map(|n| format!("{prefix}{n}")) else {
                problems.push((path, "is not part of the package"));
                continue;
            };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push((path, format!("{relative}/"))),
                _ => match wanted.remove(relative.as_str()) {
                    Some(file) => problems.extend(check_file(&path, file).map(|problem| (path, problem))),
                    None => problems.push((path, "is not part of the package")),
                },
            }
        }
    }
    problems.extend(wanted.keys().map(|path| (dir.join(path), "is missing")));
    problems.sort();
    Ok(problems)
}

fn check_file(path: &Path, file: &FileEntry) -> Option<&'static str> {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return Some("cannot be read") };
    if !meta.is_file() {
        return Some("is not a regular file");
    }
    if meta.len() != file.size {
        return Some("has another length than the signed one");
    }
    let Ok((digest, _)) = fsio::open_regular(path).and_then(fsio::hash_reader) else { return Some("cannot be read") };
    if digest != file.digest {
        return Some("has other bytes than the signed ones");
    }
    if (meta.permissions().mode() & 0o100 != 0) != file.executable {
        return Some("has another mode than the signed one");
    }
    None
}
