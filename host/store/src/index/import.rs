//! From an index and the documents beside it into the catalog.
//!
//! Decides entry by entry what is taken: what proves itself as signed, what names no release as unsigned, and the rest is
//! rejected with its reason. Invariant: an entry that is refused leaves nothing behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ggen_core::head::SignedHead;
use ggen_core::release::{Dependency, MAX_DEPENDENCIES, MAX_VERSION, SignedRelease};
use ggen_core::root::Publisher;
use ggen_core::{Digest, PackageId, PackageName, PublisherId};
use rusqlite::{OptionalExtension, Transaction, params};
use semver::Version;

use super::stream::{self, DependencyEntry, PackageEntry, VersionEntry};
use super::{IndexReport, chain};
use crate::db::catalog::{self, UnsignedVersion};
use crate::db::{sql, trust};
use crate::error::{StoreError, at};
use crate::layout;
use crate::trust_log::Record;
use crate::{Source, Store, documents, fsio};

/// Packages that are written in one transaction.
const BATCH: usize = 256;
/// The most versions of one package's entry.
const MAX_VERSIONS: usize = 4096;

/// Something for the catalog, with the file it is from.
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) what: What,
}

pub(super) enum What {
    Roots(Box<Publisher>, Vec<ggen_core::dsse::Envelope>),
    Head(Box<SignedHead>),
    Release(Box<SignedRelease>),
    Unsigned(PackageId, String, Vec<UnsignedVersion>),
}

impl Store {
    /// Reads the index of `registry` and takes in what it lists.
    pub(super) fn import_registry(
        &self,
        registry: &Path,
        home: bool,
        now: u64,
        report: &mut IndexReport,
    ) -> Result<(), StoreError> {
        let path = registry.join("index.json");
        let file = fsio::open_regular(&path).map_err(at("read", &path))?;
        let source = Source::Registry(registry.display().to_string());
        let mut reader = Reader { registry, publishers: BTreeMap::new(), items: Vec::new(), rejected: Vec::new() };
        let mut packages = 0;
        let read = stream::read(file, &mut |name, entry| {
            reader.package(&name, entry);
            packages += 1;
            if packages % BATCH == 0 { self.flush(&mut reader, &source, home, now, report) } else { Ok(()) }
        });
        // What was read before a break is as good as it was.
        self.flush(&mut reader, &source, home, now, report)?;
        read.map_err(|problem| StoreError::Index { path, problem })?
    }

    fn flush(
        &self,
        reader: &mut Reader<'_>,
        source: &Source,
        home: bool,
        now: u64,
        report: &mut IndexReport,
    ) -> Result<(), StoreError> {
        for (path, reason) in reader.rejected.drain(..) {
            report.reject(&path, reason);
        }
        reader.publishers.clear();
        self.take_in(&std::mem::take(&mut reader.items), source, home, now, report)
    }

    /// Writes items in one transaction; each one wholly or not at all.
    pub(super) fn take_in(
        &self,
        items: &[Item],
        source: &Source,
        listed: bool,
        now: u64,
        report: &mut IndexReport,
    ) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        self.db().write("import an index into", false, |t| {
            let mut records = Vec::new();
            for item in items {
                let before = records.len();
                t.execute_batch("SAVEPOINT item").map_err(sql("import an index into"))?;
                match take_item(t, &item.what, source, listed, now, &mut records, report) {
                    Ok(()) => {}
                    Err(e @ (StoreError::Database { .. } | StoreError::DatabaseDamaged { .. })) => return Err(e),
                    Err(e) => {
                        records.truncate(before);
                        t.execute_batch("ROLLBACK TO item").map_err(sql("import an index into"))?;
                        report.reject(&item.path, chain(&e));
                    }
                }
                t.execute_batch("RELEASE item").map_err(sql("import an index into"))?;
            }
            trust::log(t, self.layout(), &records)
        })
    }
}

fn take_item(
    t: &Transaction<'_>,
    what: &What,
    source: &Source,
    listed: bool,
    now: u64,
    records: &mut Vec<Record>,
    report: &mut IndexReport,
) -> Result<(), StoreError> {
    match what {
        What::Roots(publisher, roots) => trust::accept_roots(t, publisher, roots, now, records).map(|_| ()),
        What::Head(head) => catalog::accept_head(t, head, source, now, records).map(|_| ()),
        What::Release(release) => {
            let known = known(t, &release.release.id(), &release.release.version)?;
            catalog::accept_release(t, release, listed, now)?;
            report.scanned += 1;
            match known {
                Known::Nothing => report.added += 1,
                Known::Unsigned => report.updated += 1,
                Known::Signed => {}
            }
            Ok(())
        }
        What::Unsigned(id, description, versions) => {
            for version in versions {
                report.scanned += 1;
                if known(t, id, &version.version)? == Known::Nothing {
                    report.added += 1;
                }
            }
            catalog::accept_unsigned(t, id, description, versions, listed, now)
        }
    }
}

#[derive(PartialEq, Eq)]
enum Known {
    Nothing,
    Unsigned,
    Signed,
}

fn known(t: &Transaction<'_>, id: &PackageId, version: &Version) -> Result<Known, StoreError> {
    let text = "SELECT v.envelope IS NOT NULL, v.unsigned FROM versions v JOIN packages p ON p.id = v.package
        WHERE p.publisher = ?1 AND p.name = ?2 AND v.version = ?3";
    let found: Option<(bool, bool)> = t
        .prepare_cached(text)
        .and_then(|mut s| {
            let key = params![id.publisher.0.as_bytes(), id.name.as_str(), version.to_string()];
            s.query_row(key, |r| Ok((r.get(0)?, r.get(1)?))).optional()
        })
        .map_err(sql("read"))?;
    Ok(match found {
        Some((true, _)) => Known::Signed,
        Some((false, true)) => Known::Unsigned,
        // A head may have named a version whose release was not here.
        Some((false, false)) | None => Known::Nothing,
    })
}

/// Turns entries into items; reads and verifies the documents that they name.
struct Reader<'a> {
    registry: &'a Path,
    publishers: BTreeMap<PublisherId, Option<Publisher>>,
    items: Vec<Item>,
    rejected: Vec<(PathBuf, String)>,
}

impl Reader<'_> {
    fn index(&self) -> PathBuf {
        self.registry.join("index.json")
    }

    fn reject(&mut self, name: &str, reason: impl std::fmt::Display) {
        let name: String = name.chars().take(100).collect();
        self.rejected.push((self.index(), format!("{name}: {reason}")));
    }

    fn package(&mut self, name: &str, entry: PackageEntry) {
        let parsed = match name.parse::<PackageName>() {
            Ok(parsed) => parsed,
            Err(e) => return self.reject(name, e),
        };
        let description = entry.description.unwrap_or_default();
        let mut unsigned: BTreeMap<PublisherId, Vec<UnsignedVersion>> = BTreeMap::new();
        let mut heads: BTreeMap<PublisherId, Option<SignedHead>> = BTreeMap::new();
        for version in entry.versions.into_iter().take(MAX_VERSIONS) {
            let label = format!("{name} {}", version.version.chars().take(60).collect::<String>());
            let publisher = match version.publisher.as_deref().map(str::parse::<PublisherId>) {
                Some(Ok(publisher)) => publisher,
                Some(Err(e)) => {
                    self.reject(&label, e);
                    continue;
                }
                None => {
                    self.reject(&label, "it names no publisher");
                    continue;
                }
            };
            let id = PackageId { publisher, name: parsed.clone() };
            match self.version(&id, &version, &mut heads) {
                Ok(true) => {}
                Ok(false) => match unsigned_version(&version) {
                    Ok(version) => unsigned.entry(publisher).or_default().push(version),
                    Err(reason) => self.reject(&label, reason),
                },
                Err(reason) => self.reject(&label, reason),
            }
        }
        for (publisher, versions) in unsigned {
            let id = PackageId { publisher, name: parsed.clone() };
            self.items.push(Item { path: self.index(), what: What::Unsigned(id, description.clone(), versions) });
        }
    }

    /// Whether the version's signed release is here; an error if it is here and not good.
    fn version(
        &mut self,
        id: &PackageId,
        entry: &VersionEntry,
        heads: &mut BTreeMap<PublisherId, Option<SignedHead>>,
    ) -> Result<bool, String> {
        let Some(relative) = &entry.release else { return Ok(false) };
        let version = version(&entry.version)?;
        if *relative != layout::release_name(id.publisher, &id.name, &version) {
            return Err("its release is not where releases are".to_owned());
        }
        let path = self.registry.join(relative);
        if !path.is_file() {
            return Ok(false);
        }
        let Some(publisher) = self.publisher(id.publisher)? else {
            return Err("the roots of its publisher are missing".to_owned());
        };
        let head = match heads.get(&id.publisher) {
            Some(head) => head.clone(),
            None => {
                let head = documents::read_head(self.registry, id.publisher, &id.name).map_err(|e| chain(&e))?;
                if let Some(head) = &head {
                    let path = layout::head_file(self.registry, id.publisher, &id.name);
                    self.items.push(Item { path, what: What::Head(Box::new(head.clone())) });
                }
                heads.insert(id.publisher, head.clone());
                head
            }
        };
        let release = documents::read_release(&path, &publisher, head.as_ref()).map_err(|e| chain(&e))?;
        let Some(release) = release else { return Ok(false) };
        if release.release.id() != *id || release.release.version != version {
            return Err("its release is another package's or version's".to_owned());
        }
        self.items.push(Item { path, what: What::Release(Box::new(release)) });
        Ok(true)
    }

    fn publisher(&mut self, id: PublisherId) -> Result<Option<Publisher>, String> {
        if let Some(known) = self.publishers.get(&id) {
            return Ok(known.clone());
        }
        let read = documents::read_publisher(self.registry, id).map_err(|e| chain(&e))?;
        let publisher = read.map(|(publisher, roots)| {
            let path = self.registry.join("roots").join(id.to_string());
            self.items.push(Item { path, what: What::Roots(Box::new(publisher.clone()), roots) });
            publisher
        });
        self.publishers.insert(id, publisher.clone());
        Ok(publisher)
    }
}

/// A version of the index.
fn version(text: &str) -> Result<Version, String> {
    bounded(text)
        .and_then(|text| text.parse().map_err(|e: semver::Error| e.to_string()))
        .map_err(|e| format!("its version: {e}"))
}

/// The text of a version or requirement, if it is short enough to be read.
fn bounded(text: &str) -> Result<&str, String> {
    if text.len() > MAX_VERSION { Err(format!("it is longer than {MAX_VERSION} characters")) } else { Ok(text) }
}

fn unsigned_version(entry: &VersionEntry) -> Result<UnsignedVersion, String> {
    let version = version(&entry.version)?;
    let archive: Option<Digest> =
        entry.digest.as_deref().map(str::parse).transpose().map_err(|e| format!("its digest: {e}"))?;
    if entry.dependencies.len() > MAX_DEPENDENCIES {
        return Err("it has more than 512 dependencies".to_owned());
    }
    let dependencies = entry.dependencies.iter().map(dependency).collect::<Result<_, _>>()?;
    Ok(UnsignedVersion { version, archive, size: entry.size_bytes, dependencies, yanked: entry.yanked })
}

fn dependency(entry: &DependencyEntry) -> Result<Dependency, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("its dependency {:?}: {e}", entry.name);
    Ok(Dependency {
        publisher: entry.publisher.as_deref().map(str::parse).transpose().map_err(|e| wrong(&e))?,
        name: entry.name.parse().map_err(|e| wrong(&e))?,
        requirement: bounded(entry.version_req.as_deref().unwrap_or("*"))
            .and_then(|text| text.parse().map_err(|e: semver::Error| e.to_string()))
            .map_err(|e| wrong(&e))?,
        optional: entry.optional,
    })
}
