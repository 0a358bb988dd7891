//! What the signed documents on disk prove, when an index or the database is lost.
//!
//! Decides nothing that import does not: each document proves itself or is rejected. Invariant: a broken index is kept,
//! and never lowers what was seen (the marks are in the database and in `trust.log`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ggen_core::files::{FileEntry, FileList};
use ggen_core::paths::ArchivePath;
use ggen_core::release::SignedRelease;
use ggen_core::{PackageId, PackageName, PublisherId};
use semver::Version;

use super::entries::{Item, What};
use super::{IndexReport, chain};
use crate::db::installs::{self, InstallRow};
use crate::error::{StoreError, at};
use crate::{Source, Store, documents, fsio, layout};

/// Documents that are written in one transaction.
const BATCH: usize = 512;

impl Store {
    /// Builds the home's index anew from the signed documents on disk and from what the catalog knows. An index that
    /// cannot be read is kept beside it.
    pub fn rebuild_index(&self, now: u64) -> Result<IndexReport, StoreError> {
        let mut report = IndexReport { saved_to: self.layout().index(), ..IndexReport::default() };
        let registry = self.layout().registry();
        match self.import_registry(&registry, true, now, &mut report) {
            Ok(_) => {}
            Err(StoreError::Index { problem, .. }) => return self.rebuild_broken(&problem, now),
            Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        self.read_documents(now, &mut report)?;
        self.write_index(now)?;
        Ok(report)
    }

    /// The same for an index that is known to be broken.
    pub(super) fn rebuild_broken(&self, problem: &str, now: u64) -> Result<IndexReport, StoreError> {
        let mut report = IndexReport { saved_to: self.layout().index(), ..IndexReport::default() };
        let kept = fsio::set_aside(&self.layout().index(), "corrupted")?;
        self.read_documents(now, &mut report)?;
        self.write_index(now)?;
        let message = format!(
            "the registry index was corrupted ({problem}) and has been rebuilt from signed releases; \
             the corrupted one is kept as {}",
            kept.display()
        );
        self.notice("index-rebuilt", message);
        Ok(report)
    }

    /// Takes in what the documents of the home prove.
    pub(crate) fn import_documents(&self, now: u64) -> Result<(), StoreError> {
        self.read_documents(now, &mut IndexReport::default())
    }

    fn read_documents(&self, now: u64, report: &mut IndexReport) -> Result<(), StoreError> {
        let registry = self.layout().registry();
        for name in fsio::names_in(&registry.join("roots"))? {
            let Ok(id) = name.parse::<PublisherId>() else { continue };
            if let Err(error) = self.read_publisher_documents(&registry, id, now, report) {
                match error {
                    e @ (StoreError::Document { .. } | StoreError::Root(_) | StoreError::TooLong { .. }) => {
                        report.reject(&registry.join("roots").join(&name), chain(&e));
                    }
                    e => return Err(e),
                }
            }
        }
        Ok(())
    }

    fn read_publisher_documents(
        &self,
        registry: &Path,
        id: PublisherId,
        now: u64,
        report: &mut IndexReport,
    ) -> Result<(), StoreError> {
        let Some((publisher, roots)) = documents::read_publisher(registry, id)? else { return Ok(()) };
        let source = Source::Registry(registry.display().to_string());
        let path = registry.join("roots").join(id.to_string());
        let mut items = vec![Item { path, what: What::Roots(Box::new(publisher.clone()), roots) }];
        let mut heads = BTreeMap::new();
        for file in fsio::names_in(&registry.join("heads").join(id.to_string()))? {
            let Some(name) = file.strip_suffix(".dsse").and_then(|n| n.parse::<PackageName>().ok()) else { continue };
            let path = layout::head_file(registry, id, &name);
            match documents::read_head(registry, id, &name) {
                Ok(Some(head)) => {
                    heads.insert(name, head.clone());
                    items.push(Item { path, what: What::Head(Box::new(head)) });
                }
                Ok(None) => {}
                Err(e) => report.reject(&path, chain(&e)),
            }
        }
        for (path, name, version) in release_files(registry, id)? {
            match documents::read_release(&path, &publisher, heads.get(&name)) {
                Ok(Some(r)) if r.release.name == name && r.release.version == version => {
                    items.push(Item { path, what: What::Release(Box::new(r)) });
                }
                Ok(Some(_)) => report.reject(&path, "it is another package's or version's"),
                Ok(None) => {}
                Err(e) => report.reject(&path, chain(&e)),
            }
            if items.len() >= BATCH {
                self.take_in(&std::mem::take(&mut items), &source, true, now, report)?;
            }
        }
        self.take_in(&items, &source, true, now, report)
    }

    /// Finds out what is installed from the directories themselves.
    pub(crate) fn recover_installs(&self) -> Result<(), StoreError> {
        let packages = self.layout().packages();
        let mut found: Vec<(SignedRelease, Option<FileList>)> = Vec::new();
        for name in fsio::names_in(&packages)? {
            let Ok(name) = name.parse::<PackageName>() else { continue };
            for version in fsio::names_in(&packages.join(name.as_str()))? {
                let Ok(version) = version.parse::<Version>() else { continue };
                found.extend(self.identify(&name, &version)?);
            }
        }
        let needed: Vec<String> =
            found.iter().flat_map(|(r, _)| r.release.dependencies.iter().map(|d| d.name.collision_key())).collect();
        let now = fsio::now();
        self.db().write("recover installs in", true, |t| {
            for (release, files) in &found {
                let r = &release.release;
                let row = InstallRow {
                    id: r.id(),
                    version: r.version.clone(),
                    archive: r.archive.digest,
                    release: release.digest,
                    direct: !needed.contains(&r.name.collision_key()),
                    requested_by: Vec::new(),
                    origin: "recovered".to_owned(),
                    installed_at: now,
                    requirement: None,
                };
                installs::put(t, &row, release, files.as_ref().map(FileList::to_text).as_deref())?;
            }
            Ok(())
        })
    }

    /// Which release a directory is of: the one whose files it has; else the only one there is, damaged.
    fn identify(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Option<(SignedRelease, Option<FileList>)>, StoreError> {
        let mut known = Vec::new();
        for id in self.claimants(name)? {
            let id = PackageId { name: name.clone(), ..id };
            known.extend(self.release(&id, version)?);
        }
        let files = list_directory(&self.layout().package(name, version))?;
        if let Some(files) = files
            && let Some(at) = known.iter().position(|r| r.release.archive.files == files.digest())
        {
            return Ok(Some((known.swap_remove(at), Some(files))));
        }
        let only = if known.len() == 1 { known.pop() } else { None };
        Ok(only.map(|release| (release, None)))
    }
}

fn release_files(registry: &Path, publisher: PublisherId) -> Result<Vec<(PathBuf, PackageName, Version)>, StoreError> {
    let mut found = Vec::new();
    let base = registry.join("releases").join(publisher.to_string());
    for name in fsio::names_in(&base)? {
        let Ok(parsed) = name.parse::<PackageName>() else { continue };
        for file in fsio::names_in(&base.join(&name))? {
            if let Some(version) = file.strip_suffix(".dsse").and_then(|v| v.parse::<Version>().ok()) {
                found.push((base.join(&name).join(&file), parsed.clone(), version));
            }
        }
    }
    Ok(found)
}

/// The file list of a directory; none where something in it cannot be in one.
pub(crate) fn list_directory(dir: &Path) -> Result<Option<FileList>, StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let mut entries = Vec::new();
    let mut waiting = vec![(dir.to_owned(), String::new())];
    while let Some((dir, prefix)) = waiting.pop() {
        for name in fsio::names_in(&dir)? {
            let path = dir.join(&name);
            let relative = format!("{prefix}{name}");
            let meta = std::fs::symlink_metadata(&path).map_err(at("look at", &path))?;
            if meta.is_dir() {
                waiting.push((path, format!("{relative}/")));
                continue;
            }
            let Ok(archive_path) = ArchivePath::new(&relative) else { return Ok(None) };
            if !meta.is_file() {
                return Ok(None);
            }
            let file = fsio::open_regular(&path).map_err(at("read", &path))?;
            let (digest, size) = fsio::hash_reader(file).map_err(at("read", &path))?;
            let executable = meta.permissions().mode() & 0o100 != 0;
            entries.push(FileEntry { path: archive_path, digest, size, executable });
        }
    }
    Ok(FileList::new(entries).ok())
}
