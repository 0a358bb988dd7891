//! File registries: `index.json` and the signed documents beside it.
//!
//! Decides when an index is read again (it changed) and what is done about a broken one (kept aside, rebuilt from what
//! is signed). Invariant: nothing in an index is believed for its own sake; what it lists without a signed release is
//! kept as unsigned, which is good for a plan and never for an install.

mod entries;
mod export;
mod import;
mod rebuild;
mod refused;
pub(crate) mod stream;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rusqlite::OptionalExtension;

use crate::db::column::sql;
use crate::error::{StoreError, at};
use crate::{Store, fsio};

/// The most rejections that a report lists.
const MAX_REJECTED: usize = 1000;

/// What came of reading indexes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IndexReport {
    /// Versions that were looked at.
    pub scanned: u64,
    /// Versions that were not known.
    pub added: u64,
    /// Versions that were known unsigned and are signed now.
    pub updated: u64,
    /// What was refused; the first 1000.
    pub rejected: Vec<Rejected>,
    /// The home's index.
    pub saved_to: PathBuf,
}

/// Something that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// Which file.
    pub path: PathBuf,
    /// The name of the package, as it stands there, where it is an entry of an index.
    pub name: Option<String>,
    /// Why.
    pub reason: String,
}

impl IndexReport {
    pub(crate) fn reject(&mut self, path: &Path, reason: impl Into<String>) {
        self.refuse(Rejected { path: path.to_owned(), name: None, reason: reason.into() });
    }

    fn refuse(&mut self, rejected: Rejected) {
        if self.rejected.len() < MAX_REJECTED {
            self.rejected.push(rejected);
        }
    }
}

/// An error and those below it in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        text = format!("{text}: {below}");
        source = below.source();
    }
    text
}

/// What is remembered of a file that was read.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    changed: u128,
    size: u64,
    digest: String,
}

impl Stamp {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (changed, size) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { changed, size, digest: parts.next()?.to_owned() })
    }

    fn to_text(&self) -> String {
        format!("{} {} {}", self.changed, self.size, self.digest)
    }
}

fn look(path: &Path) -> Option<(u128, u64)> {
    let meta = fs::metadata(path).ok()?;
    let changed = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    Some((changed, meta.len()))
}

impl Store {
    /// Reads the home's index and those of more directories, as far as they changed since they were last read.
    ///
    /// A directory is a registry itself (`index.json`, with `roots/`, `heads/`, `releases/`) or has one as `registry/`.
    pub fn sync_index(&self, directories: &[PathBuf], now: u64) -> Result<IndexReport, StoreError> {
        let mut report = IndexReport { saved_to: self.layout().index(), ..IndexReport::default() };
        match self.sync_home(now, &mut report).and_then(|()| self.list_published(false, now)) {
            Err(error @ (StoreError::DiskFull { .. } | StoreError::ReadOnly { .. })) => {
                // What is known can be read all the same; who must write is told again.
                self.notice("index-not-read", format!("what changed in the registry index is not taken in: {error}"));
            }
            done => done?,
        }
        for directory in directories {
            let found =
                [directory.clone(), directory.join("registry")].into_iter().find(|d| d.join("index.json").is_file());
            match found {
                None => report.reject(directory, "there is no index.json in it"),
                Some(registry) => {
                    if let Err(error) = self.sync_registry(&registry, false, now, &mut report) {
                        match error {
                            e @ (StoreError::Index { .. } | StoreError::Io { .. } | StoreError::TooLong { .. }) => {
                                report.reject(&registry.join("index.json"), chain(&e));
                            }
                            e => return Err(e),
                        }
                    }
                }
            }
        }
        Ok(report)
    }

    pub(crate) fn sync_home(&self, now: u64, report: &mut IndexReport) -> Result<(), StoreError> {
        match self.sync_registry(&self.layout().registry(), true, now, report) {
            Err(StoreError::Index { problem, .. }) => {
                let rebuilt = self.rebuild_broken(&problem, now)?;
                report.scanned += rebuilt.scanned;
                report.added += rebuilt.added;
                report.updated += rebuilt.updated;
                report.rejected.extend(rebuilt.rejected);
                Ok(())
            }
            other => other,
        }
    }

    /// Reads one registry's index, if it changed.
    fn sync_registry(&self, registry: &Path, home: bool, now: u64, report: &mut IndexReport) -> Result<(), StoreError> {
        let path = registry.join("index.json");
        let Some((changed, size)) = look(&path) else { return Ok(()) };
        let known = self.stamp(&path)?;
        if known.as_ref().is_some_and(|k| (k.changed, k.size) == (changed, size)) {
            return Ok(());
        }
        let mut import = || {
            let before = report.rejected.len();
            let read = self.import_registry(registry, home, now, report)?;
            self.note_refused(&path, report.rejected.get(before..).unwrap_or_default())?;
            Ok::<_, StoreError>(read)
        };
        // One of the same length may be the same; another one is read once, and not twice.
        let (digest, size) = match known.filter(|known| known.size == size) {
            None => import()?,
            Some(known) => {
                let there = fsio::open_regular(&path).and_then(fsio::hash_reader).map_err(at("read", &path))?;
                let is_same = known.digest == there.0.to_hex();
                if is_same { there } else { import()? }
            }
        };
        self.set_stamp(&path, &Stamp { changed, size, digest: digest.to_hex() })
    }

    fn stamp_key(path: &Path) -> String {
        format!("index:{}", path.display())
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, StoreError> {
        let text: Option<String> = self.db().read("read", |c| {
            c.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
                .query_row([Self::stamp_key(path)], |r| r.get(0))
                .optional()
        })?;
        Ok(text.and_then(|t| Stamp::parse(&t)))
    }

    fn set_stamp(&self, path: &Path, stamp: &Stamp) -> Result<(), StoreError> {
        self.db().write("note an index in", false, |t| {
            t.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")
                .and_then(|mut s| s.execute([Self::stamp_key(path), stamp.to_text()]))
                .map(|_| ())
                .map_err(sql("note an index in"))
        })
    }

    /// Notes that the home's index is what the database would write.
    fn stamp_home(&self) -> Result<(), StoreError> {
        let path = self.layout().index();
        let Some((changed, size)) = look(&path) else { return Ok(()) };
        let file = fsio::open_regular(&path).map_err(at("read", &path))?;
        let (digest, _) = fsio::hash_reader(file).map_err(at("read", &path))?;
        self.set_stamp(&path, &Stamp { changed, size, digest: digest.to_hex() })
    }
}
