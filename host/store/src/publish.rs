//! An own release, listed: one transaction is the publish; its files follow, at the latest with the next command.
//!
//! Decides nothing about what is published. Invariant: what the database lists as published and `registry/` has not yet
//! (a signed document, a line of the index) is written down in the same transaction, and made up for by whoever reads the
//! registry next.

use ggen_core::head::SignedHead;
use ggen_core::release::SignedRelease;
use ggen_core::{PackageId, PackageName};
use rusqlite::{Connection, Transaction};

use crate::db::column::sql;
use crate::db::{catalog, trust};
use crate::install::bind_record;
use crate::{Binding, How, Source, Store, StoreError, documents, fsio};

/// Before the package in the keys of `meta`.
const BEHIND: &str = "behind:";

impl Store {
    /// Publishes an own release with the head that lists it, and binds its name to its publisher.
    pub fn publish(&self, release: &SignedRelease, head: &SignedHead, now: u64) -> Result<(), StoreError> {
        let id = release.release.id();
        self.db().write("publish in", true, |t| {
            let mut records = Vec::new();
            catalog::accept_release(t, release, true, now)?;
            catalog::accept_head(t, head, &Source::Own, now, &mut records)?;
            if trust::binding(t, &id.name).map_err(sql("read"))?.is_none() {
                let binding = Binding { name: id.name.clone(), publisher: id.publisher, since: now, how: How::Own };
                trust::put_binding(t, &binding)?;
                records.push(bind_record(&binding));
            }
            note_behind(t, &id, &head.digest.to_hex())?;
            trust::log(t, self.layout(), &records)
        })?;
        self.export_index()
    }

    /// Writes what earlier publishes did not come to; `always` writes the index in any case.
    pub(crate) fn list_published(&self, always: bool, now: u64) -> Result<(), StoreError> {
        let behind = self.db().read("read what is not listed from", behind)?;
        if behind.is_empty() && !always {
            return Ok(());
        }
        let registry = self.layout().registry();
        for (id, _) in &behind {
            let Some(package) = self.package(id)? else { continue };
            if let Some(head) = &package.head {
                documents::write_roots(&registry, id.publisher, &head.bundle.roots, true)?;
                documents::write_head(&registry, head, true)?;
            }
            for release in package.versions.iter().filter_map(|v| v.release.as_ref()) {
                let path = crate::layout::release_file(&registry, id.publisher, &id.name, &release.release.version);
                if !path.exists() {
                    documents::write_release(&registry, release, true)?;
                }
            }
        }
        self.write_index(now)?;
        if behind.is_empty() {
            return Ok(());
        }
        self.db().write("note what is listed in", false, |t| {
            // Only what was written: somebody else may have published meanwhile.
            let mut statement =
                t.prepare_cached("DELETE FROM meta WHERE key = ?1 AND value = ?2").map_err(sql("note"))?;
            for (id, head) in &behind {
                statement.execute([key(id), head.clone()]).map_err(sql("note"))?;
            }
            Ok(())
        })
    }

    /// Writes the home's index anew, after reading what somebody else may have changed in it.
    pub fn export_index(&self) -> Result<(), StoreError> {
        let now = fsio::now();
        self.sync_home(now, &mut crate::IndexReport::default())?;
        self.list_published(true, now)
    }
}

fn key(id: &PackageId) -> String {
    format!("{BEHIND}{}:{}", id.publisher, id.name)
}

fn note_behind(transaction: &Transaction<'_>, id: &PackageId, head: &str) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute([key(id), head.to_owned()]))
        .map(|_| ())
        .map_err(sql("note what is not listed in"))
}

/// Packages whose files are behind, each with the digest of the head that is to be written.
fn behind(connection: &Connection) -> rusqlite::Result<Vec<(PackageId, String)>> {
    let text = "SELECT key, value FROM meta WHERE key >= ?1 AND key < ?2";
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map([BEHIND, "behind;"], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let mut found = Vec::new();
    for row in rows {
        let (key, head) = row?;
        let parts = key.strip_prefix(BEHIND).and_then(|rest| rest.split_once(':'));
        let id = parts.and_then(|(publisher, name)| {
            Some(PackageId { publisher: publisher.parse().ok()?, name: name.parse::<PackageName>().ok()? })
        });
        found.extend(id.map(|id| (id, head)));
    }
    Ok(found)
}
