//! Clean-up: what nobody needs any more.
//!
//! Decides what goes: partial downloads, archives that no install, project or own release needs and that were not used
//! for `clean_age` or are too many (`evict`), compiled policies as old, archives in quarantine that no decision can be
//! about any more, and temporaries of dead processes. Invariant: it holds the clean-up lock alone, so that nothing an
//! install is about to use goes.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use fs2::FileExt;
use ggen_core::Digest;

use crate::blobs::is_older;
use crate::db::column::digest_column;
use crate::db::{installs, trust};
use crate::error::{StoreError, at};
use crate::holders::LockHolder;
use crate::locks::{self, Kind};
use crate::trust_log::Record;
use crate::{Store, fsio, space};

/// The longest lockfile of a project, in bytes.
const MAX_LOCKFILE: u64 = 16 * 1024 * 1024;
/// Files that a dead process left half written, in `tmp/` outside a transaction or in a registry, go after this long.
const TEMPORARY_AGE: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Folders in folders of a registry: `releases/<publisher>/<name>`.
const REGISTRY_DEPTH: usize = 3;

/// What clean-up removed, or would.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cleaned {
    /// Bytes on disk.
    pub freed_bytes: u64,
    /// What, relative to the home.
    pub removed: Vec<String>,
}

impl Store {
    /// Removes what nobody needs at `now` (milliseconds since the Unix epoch); with `dry_run`, only says what.
    pub fn clean(&self, dry_run: bool, now: u64, waiting: &mut dyn FnMut(&LockHolder)) -> Result<Cleaned, StoreError> {
        let _alone = self.lock_clean(Kind::Exclusive, waiting)?;
        let mut cleaned = Cleaned::default();
        self.clean_temporaries(dry_run, now, &mut cleaned)?;
        self.clean_half_written(self.home(), 0, dry_run, now, &mut cleaned)?;
        self.clean_half_written(&self.layout().registry(), REGISTRY_DEPTH, dry_run, now, &mut cleaned)?;
        self.clean_partials(dry_run, &mut cleaned)?;
        self.clean_archives(dry_run, now, &mut cleaned)?;
        self.evict(dry_run, now, &mut cleaned)?;
        let components = self.layout().components();
        for name in fsio::names_in(&components)? {
            let path = components.join(name);
            if is_older(&path, self.limits().clean_age, now) {
                self.clear(&path, dry_run, &mut cleaned)?;
            }
        }
        let (quarantine, needed) = (self.layout().quarantine(), self.needed_archives()?);
        for name in fsio::names_in(&quarantine)? {
            let path = quarantine.join(&name);
            let is_needed = name.parse().is_ok_and(|digest| needed.contains(&digest));
            if !is_needed && is_older(&path, self.limits().decision_age, now) {
                self.clear(&path, dry_run, &mut cleaned)?;
            }
        }
        if !dry_run {
            self.sweep_bans(now)?;
        }
        Ok(cleaned)
    }

    pub(crate) fn clear(&self, path: &Path, dry_run: bool, cleaned: &mut Cleaned) -> Result<(), StoreError> {
        if std::fs::symlink_metadata(path).is_err() {
            return Ok(());
        }
        let size = space::size_of(path);
        if !dry_run {
            fsio::remove_any(path)?;
        }
        cleaned.freed_bytes = cleaned.freed_bytes.saturating_add(size);
        cleaned.removed.push(self.shown(path));
        Ok(())
    }

    /// A path as it is told: relative to the home.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.home()).unwrap_or(path).display().to_string()
    }

    fn clean_temporaries(&self, dry_run: bool, now: u64, cleaned: &mut Cleaned) -> Result<(), StoreError> {
        let tmp = self.layout().tmp();
        for name in fsio::names_in(&tmp)? {
            let path = tmp.join(&name);
            let dead = match name.starts_with("tx-") {
                true => locks::is_free(&path.join("lock")),
                false => is_older(&path, TEMPORARY_AGE, now),
            };
            if !dead {
                continue;
            }
            if let Some(journal) = crate::journal::Journal::read(&path)?.filter(|_| !dry_run) {
                journal.recover(self, &path)?;
            }
            self.clear(&path, dry_run, cleaned)?;
        }
        Ok(())
    }

    /// Files that a dead process was about to put in their place.
    fn clean_half_written(
        &self,
        dir: &Path,
        depth: usize,
        dry_run: bool,
        now: u64,
        cleaned: &mut Cleaned,
    ) -> Result<(), StoreError> {
        for name in fsio::names_in(dir)? {
            let path = dir.join(&name);
            let is_dir = || std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
            if name.starts_with(fsio::HALF_WRITTEN) {
                if is_older(&path, TEMPORARY_AGE, now) {
                    self.clear(&path, dry_run, cleaned)?;
                }
            } else if depth > 0 && is_dir() {
                self.clean_half_written(&path, depth - 1, dry_run, now, cleaned)?;
            }
        }
        Ok(())
    }

    fn clean_partials(&self, dry_run: bool, cleaned: &mut Cleaned) -> Result<(), StoreError> {
        let partials = self.layout().partials();
        let names = fsio::names_in(&partials)?;
        for name in &names {
            let path = partials.join(name);
            if name.parse::<Digest>().is_err() {
                let owned = name.split('.').next().is_some_and(|o| names.iter().any(|n| n == o));
                if !owned {
                    self.clear(&path, dry_run, cleaned)?;
                }
                continue;
            }
            let file = File::open(&path).map_err(at("open", &path))?;
            // Locked: a download is under way.
            if file.try_lock_exclusive().is_ok() {
                self.clear(&path.with_extension("map"), dry_run, cleaned)?;
                self.clear(&path, dry_run, cleaned)?;
            }
        }
        Ok(())
    }

    fn clean_archives(&self, dry_run: bool, now: u64, cleaned: &mut Cleaned) -> Result<(), StoreError> {
        let needed = self.needed_archives()?;
        let store = self.layout().store();
        for part in fsio::names_in(&store)? {
            for name in fsio::names_in(&store.join(&part))? {
                let path = store.join(&part).join(&name);
                let digest = name.split('.').next().and_then(|d| d.parse::<Digest>().ok());
                let goes = match digest {
                    // A chunk list goes with its archive; one without an archive is nobody's.
                    Some(_) if name.ends_with(".chunks") => !path.with_extension("").exists(),
                    Some(_) if name.contains(".damaged") => true,
                    Some(digest) => !needed.contains(&digest) && is_older(&path, self.limits().clean_age, now),
                    None => is_older(&path, TEMPORARY_AGE, now),
                };
                if goes {
                    self.clear(&path, dry_run, cleaned)?;
                    let chunks: PathBuf = path.with_extension("chunks");
                    if chunks.exists() && chunks != path {
                        self.clear(&chunks, dry_run, cleaned)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Archives that installs, own publishers' releases or registered projects need.
    pub(crate) fn needed_archives(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let mut needed: BTreeSet<Digest> = self.installed()?.into_iter().map(|i| i.digest).collect();
        for key in self.keys()? {
            let text = "SELECT v.archive FROM versions v JOIN packages p ON p.id = v.package
                WHERE p.publisher = ?1 AND v.archive IS NOT NULL AND v.envelope IS NOT NULL";
            let own: Vec<Digest> = self.db().read("read releases from", |c| {
                let mut statement = c.prepare_cached(text)?;
                let rows = statement.query_map([key.publisher.0.as_bytes()], |row| digest_column(row, 0))?;
                rows.collect()
            })?;
            needed.extend(own);
        }
        for project in self.db().read("read projects from", installs::projects)? {
            if let Some(bytes) = fsio::read_bounded(Path::new(&project), MAX_LOCKFILE).unwrap_or(None) {
                needed.extend(digests_in(&String::from_utf8_lossy(&bytes)));
            }
        }
        Ok(needed)
    }

    /// Notes a lockfile, or the directory with a `ggen.lock`: clean-up keeps the archives that it names for as long as
    /// it is there.
    pub fn register_project(&self, project: &Path) -> Result<(), StoreError> {
        let lockfile = if project.is_dir() { project.join("ggen.lock") } else { project.to_owned() };
        let path = std::path::absolute(&lockfile).map_err(at("look at", &lockfile))?;
        let (path, now) = (path.display().to_string(), fsio::now());
        self.db().write("register a project in", false, |t| {
            if installs::put_project(t, &path, now)? {
                trust::log(t, self.layout(), &[Record::Project { path: path.clone() }])?;
            }
            Ok(())
        })
    }

    /// The lockfiles that were noted.
    pub fn projects(&self) -> Result<Vec<PathBuf>, StoreError> {
        let paths = self.db().read("read projects from", installs::projects)?;
        Ok(paths.into_iter().map(PathBuf::from).collect())
    }
}

/// Everything in a lockfile that is written as a digest: rather one archive too many kept than one too few.
fn digests_in(text: &str) -> impl Iterator<Item = Digest> {
    text.split(|c: char| !c.is_ascii_hexdigit()).filter_map(|word| word.parse().ok())
}
