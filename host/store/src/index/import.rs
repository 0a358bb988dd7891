//! From an index and the documents beside it into the catalog.
//!
//! Decides what is written together. Never judges an entry: that is `entries`'. Invariant: an entry that is refused leaves
//! nothing behind, and what waits to be written is bounded, however long the index is.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use ggen_core::{Digest, PackageId};
use rusqlite::{OptionalExtension, Transaction, params};

use super::entries::{Batch, Item, What, read_batches};
use super::{IndexReport, chain};
use crate::db::column::sql;
use crate::db::unsigned::{self, Pass, Unsigned};
use crate::db::{catalog, trust};
use crate::error::{StoreError, at};
use crate::trust_log::Record;
use crate::{Source, Store, fsio};

/// Batches that wait to be written.
const WAITING: usize = 2;
/// Packages that are written in one transaction, as far as they are there when it ends: fewer and larger ones cost less.
const TRANSACTION: usize = 8192;
/// How long a transaction waits for more.
const PATIENCE: Duration = Duration::from_millis(20);

impl Store {
    /// Reads the index of `registry` and takes in what it lists; tells its SHA-256 and length. One thread reads and
    /// proves, another one writes.
    pub(super) fn import_registry(
        &self,
        registry: &Path,
        home: bool,
        now: u64,
        report: &mut IndexReport,
    ) -> Result<(Digest, u64), StoreError> {
        let path = registry.join("index.json");
        let file = fsio::open_regular(&path).map_err(at("read", &path))?;
        let source = Source::Registry(registry.display().to_string());
        let _fast = self.db().importing();
        let before = super::look(&path);
        let pass = if home { self.db().write("import an index into", false, Pass::begin)? } else { None };
        let (send, batches) = sync_channel(WAITING);
        let read = std::thread::scope(|scope| {
            let reader = std::thread::Builder::new().name("index".to_owned());
            let reader =
                reader.spawn_scoped(scope, move || read_batches(file, registry, &send)).map_err(at("read", &path))?;
            // What was read before a break is as good as it was.
            let written = self.write_batches(batches, &source, home, pass.as_ref(), now, report);
            let read = reader.join().unwrap_or_else(|_| Err("its reader ended early".to_owned()));
            written.map(|()| read)
        })?;
        if let Some(pass) = pass {
            self.end_pass(&pass, &path, read.is_ok().then_some(before).flatten())?;
        }
        read.map_err(|problem| StoreError::Index { path, problem })
    }

    /// What the home's index lists no more goes: it rested on nothing else. Not where the file was read in part, or is
    /// another by now: whoever reads that one sees to it.
    fn end_pass(&self, pass: &Pass, path: &Path, read: Option<(u128, u64)>) -> Result<(), StoreError> {
        self.db().write("import an index into", false, |t| {
            let whole = read.is_some() && super::look(path) == read;
            if pass.end(t, whole)? > 0 {
                // Other directories may list it too: they are read again.
                t.execute("DELETE FROM meta WHERE key LIKE 'index:%'", []).map_err(sql("import an index into"))?;
            }
            Ok(())
        })
    }

    fn write_batches(
        &self,
        batches: Receiver<Batch>,
        source: &Source,
        home: bool,
        pass: Option<&Pass>,
        now: u64,
        report: &mut IndexReport,
    ) -> Result<(), StoreError> {
        while let Ok(first) = batches.recv() {
            self.db().write("import an index into", false, |t| {
                let (mut batch, mut packages) = (first, 0);
                loop {
                    batch.rejected.drain(..).for_each(|rejected| report.refuse(rejected));
                    take_items(t, self, &batch.items, source, home, now, report)?;
                    for item in &batch.items {
                        if let (Some(pass), What::Unsigned(package)) = (pass, &item.what) {
                            pass.note(t, package)?;
                        }
                    }
                    packages += batch.packages;
                    if packages >= TRANSACTION {
                        return Ok(());
                    }
                    // Nobody waits long for the database while this waits for a slow registry.
                    match batches.recv_timeout(PATIENCE) {
                        Ok(next) => batch = next,
                        Err(_) => return Ok(()),
                    }
                }
            })?;
        }
        Ok(())
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
        self.db().write("import an index into", false, |t| take_items(t, self, items, source, listed, now, report))
    }
}

fn take_items(
    t: &Transaction<'_>,
    store: &Store,
    items: &[Item],
    source: &Source,
    listed: bool,
    now: u64,
    report: &mut IndexReport,
) -> Result<(), StoreError> {
    let mut records = Vec::new();
    let point = |text: &str| {
        t.prepare_cached(text).and_then(|mut s| s.execute([])).map(|_| ()).map_err(sql("import an index into"))
    };
    for item in items {
        if let What::Unsigned(package) = &item.what {
            take_unsigned(t, package, listed, now, report)?;
            continue;
        }
        let before = records.len();
        point("SAVEPOINT item")?;
        match take_item(t, &item.what, source, listed, now, &mut records, report) {
            Ok(()) => {}
            Err(e @ (StoreError::Database { .. } | StoreError::DatabaseDamaged { .. })) => return Err(e),
            Err(e) => {
                records.truncate(before);
                point("ROLLBACK TO item")?;
                report.reject(&item.path, chain(&e));
            }
        }
        point("RELEASE item")?;
    }
    trust::log(t, store.layout(), &records)
}

/// Nothing but the database itself refuses it.
fn take_unsigned(
    t: &Transaction<'_>,
    package: &Unsigned,
    listed: bool,
    now: u64,
    report: &mut IndexReport,
) -> Result<(), StoreError> {
    let count = package.versions.len() as u64;
    report.scanned = report.scanned.saturating_add(count);
    if unsigned::insert(t, package, listed, now)? {
        report.added = report.added.saturating_add(count);
        return Ok(());
    }
    for version in &package.versions {
        if known(t, &package.id, &version.version)? == Known::Nothing {
            report.added += 1;
        }
    }
    unsigned::accept(t, package, listed, now)
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
            let known = known(t, &release.release.id(), &release.release.version.to_string())?;
            catalog::accept_release(t, release, listed, now)?;
            report.scanned += 1;
            match known {
                Known::Nothing => report.added += 1,
                Known::Unsigned => report.updated += 1,
                Known::Signed => {}
            }
            Ok(())
        }
        What::Unsigned(package) => take_unsigned(t, package, listed, now, report),
    }
}

#[derive(PartialEq, Eq)]
enum Known {
    Nothing,
    Unsigned,
    Signed,
}

fn known(t: &Transaction<'_>, id: &PackageId, version: &str) -> Result<Known, StoreError> {
    let text = "SELECT v.envelope IS NOT NULL, v.unsigned FROM versions v JOIN packages p ON p.id = v.package
        WHERE p.publisher = ?1 AND p.name = ?2 AND v.version = ?3";
    let found: Option<(bool, bool)> = t
        .prepare_cached(text)
        .and_then(|mut s| {
            let key = params![id.publisher.0.as_bytes(), id.name.as_str(), version];
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
