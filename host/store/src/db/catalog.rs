//! The catalog: what is written into it, and what is refused.
//!
//! Decides with [`HeadMark::compare`] which head stands, and that a release once fixed under a name and version stays.
//! Never checks a signature: what comes was verified by core. Invariant: the highest mark of a package only rises, and
//! the digest of a version's release never changes.

use ggen_core::head::{HeadBundle, HeadMark, SignedHead, Succession};
use ggen_core::release::{Release, SignedRelease};
use ggen_core::{Digest, PackageId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use semver::Version;

use super::column::{optional_digest, sql, to_json, to_sql};
use super::package_row::{mark, package_row, set_equivocated, set_mark};
use super::refresh::refresh;
use super::{heard, trust};
use crate::error::StoreError;
use crate::trust_log::Record;

/// The most sources of one head that are told apart.
const MAX_SOURCES: usize = 64;

/// Where something was learned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Made here.
    Own,
    /// A file registry: its directory.
    Registry(String),
    /// The registry inside the program.
    Bundled,
    /// A `.ggen` file.
    File,
    /// A peer: its id, and the network (subnet) that it is in. Peers of one network count once.
    Peer {
        /// Its peer id.
        peer: String,
        /// Its network.
        network: String,
    },
}

impl Source {
    fn key(&self) -> String {
        match self {
            Self::Own => "own".to_owned(),
            Self::Registry(directory) => format!("registry:{directory}"),
            Self::Bundled => "bundled".to_owned(),
            Self::File => "file".to_owned(),
            Self::Peer { network, .. } => format!("network:{network}"),
        }
    }

    /// Whether the home keeps the signed documents itself; those of a directory are in that directory.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(self, Self::Registry(_))
    }
}

/// Takes a verified head in; `records` are for the trust log, before the transaction ends.
pub(crate) fn accept_head(
    transaction: &Transaction<'_>,
    signed: &SignedHead,
    source: &Source,
    now: u64,
    records: &mut Vec<Record>,
) -> Result<Succession, StoreError> {
    trust::accept_roots(transaction, &signed.publisher, &signed.bundle.roots, now, records)?;
    let id = signed.head.id();
    let package = package_row(transaction, &id, now)?;
    let seen = mark(transaction, package).map_err(sql("read"))?;
    let succession = HeadMark::compare(seen, signed.mark());
    match succession {
        Succession::Older => {}
        Succession::Equivocation if is_equivocated(transaction, package).map_err(sql("read"))? => {}
        Succession::Equivocation => {
            let (publisher, name) = (id.publisher, id.name.clone());
            let proof = proof(transaction, package, &signed.bundle)?;
            set_equivocated(transaction, package, Some(&proof))?;
            records.push(Record::Equivocated { publisher, name });
        }
        Succession::Same => {
            // After a lost database the mark may be known and the head not.
            if held_head(transaction, package).map_err(sql("read"))? != Some(signed.digest) {
                store_head(transaction, package, &id, signed, now)?;
                entered(transaction, package, &id, records)?;
            }
            add_source(transaction, package, source)?;
        }
        Succession::Newer => {
            store_head(transaction, package, &id, signed, now)?;
            entered(transaction, package, &id, records)?;
            let (publisher, name) = (id.publisher, id.name.clone());
            let HeadMark { sequence, digest } = signed.mark();
            records.push(Record::Mark { publisher, name, sequence, digest });
            set_mark(transaction, package, signed.mark())?;
            transaction
                .prepare_cached("DELETE FROM sources WHERE package = ?1")
                .and_then(|mut s| s.execute([package]))
                .map_err(sql("write sources to"))?;
            add_source(transaction, package, source)?;
        }
    }
    Ok(succession)
}

/// A head stands: others may learn of it, and what was only heard of the package is no more of use, but for the proof
/// that its publisher signed two.
fn entered(
    transaction: &Transaction<'_>,
    package: i64,
    id: &PackageId,
    records: &mut Vec<Record>,
) -> Result<(), StoreError> {
    heard::note_change(transaction, id)?;
    if let Some(proof) = heard::leave(transaction, id)? {
        set_equivocated(transaction, package, Some(&proof))?;
        records.push(Record::Equivocated { publisher: id.publisher, name: id.name.clone() });
    }
    Ok(())
}

/// Known with its proof: one is enough, and a log that grows with every further one would be a way to fill a disk.
fn is_equivocated(connection: &Connection, package: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT proof IS NOT NULL FROM packages WHERE id = ?1")?
        .query_row([package], |row| row.get(0))
}

fn held_head(connection: &Connection, package: i64) -> rusqlite::Result<Option<Digest>> {
    connection
        .prepare_cached("SELECT head_digest FROM packages WHERE id = ?1")?
        .query_row([package], |row| optional_digest(row, 0))
}

/// Both heads, as JSON: anybody can check them.
fn proof(connection: &Connection, package: i64, second: &HeadBundle) -> Result<String, StoreError> {
    let first: Option<String> = connection
        .query_row("SELECT head FROM packages WHERE id = ?1", [package], |r| r.get(0))
        .map_err(sql("read"))?;
    let first: serde_json::Value = first.and_then(|f| serde_json::from_str(&f).ok()).unwrap_or_default();
    Ok(to_json(&serde_json::json!({ "roots": second.roots, "first": first, "second": second.head })))
}

fn add_source(transaction: &Transaction<'_>, package: i64, source: &Source) -> Result<(), StoreError> {
    let text = "INSERT OR IGNORE INTO sources (package, source)
        SELECT ?1, ?2 WHERE (SELECT count(*) FROM sources WHERE package = ?1) < ?3";
    transaction
        .prepare_cached(text)
        .and_then(|mut s| s.execute(params![package, source.key(), i64::try_from(MAX_SOURCES).unwrap_or(64)]))
        .map(|_| ())
        .map_err(sql("write a source to"))
}

fn store_head(
    transaction: &Transaction<'_>,
    package: i64,
    id: &PackageId,
    signed: &SignedHead,
    now: u64,
) -> Result<(), StoreError> {
    for listed in &signed.head.versions {
        fix_release(transaction, package, id, &listed.version, listed.release, now)?;
    }
    let write = sql("write a head to");
    transaction
        .prepare_cached("UPDATE versions SET yanked = NULL WHERE package = ?1 AND unsigned = 0")
        .and_then(|mut s| s.execute([package]))
        .map_err(&write)?;
    for listed in signed.head.versions.iter().filter(|v| v.yanked.is_some()) {
        transaction
            .prepare_cached("UPDATE versions SET yanked = ?3 WHERE package = ?1 AND version = ?2")
            .and_then(|mut s| s.execute(params![package, listed.version.to_string(), listed.yanked]))
            .map_err(&write)?;
    }
    let update = "UPDATE packages SET head = ?2, head_sequence = ?3, head_digest = ?4, expires = ?5 WHERE id = ?1";
    transaction
        .prepare_cached(update)
        .and_then(|mut s| {
            s.execute(params![
                package,
                to_json(&signed.bundle.head),
                to_sql(signed.head.sequence),
                signed.digest.as_bytes(),
                to_sql(signed.head.expires)
            ])
        })
        .map_err(&write)?;
    refresh(transaction, package, None)
}

/// Fixes the digest of a version's release, for good.
fn fix_release(
    transaction: &Transaction<'_>,
    package: i64,
    id: &PackageId,
    version: &Version,
    release: Digest,
    now: u64,
) -> Result<(), StoreError> {
    let known = transaction
        .prepare_cached("SELECT release FROM versions WHERE package = ?1 AND version = ?2")
        .and_then(|mut s| s.query_row(params![package, version.to_string()], |row| optional_digest(row, 0)).optional())
        .map_err(sql("read"))?;
    match known.flatten() {
        Some(known) if known == release => return Ok(()),
        Some(known) => {
            return Err(StoreError::ReleaseChanged {
                id: Box::new(id.clone()),
                version: version.clone(),
                known,
                found: release,
            });
        }
        None => {}
    }
    // What an index listed unsigned under this version counts no more.
    let text = "INSERT INTO versions (package, version, release, witnessed) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (package, version) DO UPDATE SET release = ?3, unsigned = 0, yanked = NULL, dependencies = NULL,
            archive = NULL, size = NULL";
    transaction
        .prepare_cached(text)
        .and_then(|mut s| s.execute(params![package, version.to_string(), release.as_bytes(), to_sql(now)]))
        .map(|_| ())
        .map_err(sql("write a version to"))
}

/// Takes a verified release in. `listed`: the home's own registry has it.
pub(crate) fn accept_release(
    transaction: &Transaction<'_>,
    signed: &SignedRelease,
    listed: bool,
    now: u64,
) -> Result<(), StoreError> {
    let Release { version, archive, published, .. } = &signed.release;
    let id = signed.release.id();
    let package = package_row(transaction, &id, now)?;
    fix_release(transaction, package, &id, version, signed.digest, now)?;
    let text = "UPDATE versions SET envelope = ?3, archive = ?4, size = ?5, published = ?6, dependencies = NULL,
        listed = listed OR ?7 WHERE package = ?1 AND version = ?2";
    transaction
        .prepare_cached(text)
        .and_then(|mut s| {
            s.execute(params![
                package,
                version.to_string(),
                to_json(&signed.envelope),
                archive.digest.as_bytes(),
                to_sql(archive.size),
                to_sql(*published),
                listed
            ])
        })
        .map_err(sql("write a release to"))?;
    refresh(transaction, package, None)
}
