//! Trust in the database: bindings of names, roots of publishers, and the log that all of it is in first.
//!
//! Decides whether a chain of roots may follow the one that is known. Invariant: neither the version of a publisher's
//! roots nor the sequence of a head is ever lowered here.

use std::fmt;
use std::str::FromStr;

use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadMark, Succession};
use ggen_core::root::Publisher;
use ggen_core::{Digest, PackageId, PackageName, PublisherId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::column::{digest_column, from_sql, json_column, sql, text_column, to_json, to_sql};
use super::{installs, package_row};
use crate::error::StoreError;
use crate::layout::Layout;
use crate::trust_log::{self, Record};

/// Whose a name is, in this home.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The name as it was bound; others that collide with it are the same.
    pub name: PackageName,
    /// Whose it is.
    pub publisher: PublisherId,
    /// Since when, in milliseconds since the Unix epoch.
    pub since: u64,
    /// How it came to be.
    pub how: How,
}

/// How a name came to be bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// The user typed the name, and one publisher had it.
    FirstUse,
    /// The user said so.
    User,
    /// The home's own publisher.
    Own,
    /// A release named the publisher for its dependency.
    Dependency,
}

impl How {
    /// The word that is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstUse => "first-use",
            Self::User => "user",
            Self::Own => "own",
            Self::Dependency => "dependency",
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for How {
    type Err = std::convert::Infallible;

    /// A word of a later program is the weakest one here.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "user" => Self::User,
            "own" => Self::Own,
            "dependency" => Self::Dependency,
            _ => Self::FirstUse,
        })
    }
}

const OFFSET: &str = "trust_offset";

/// How much of the log the database knows.
pub(crate) fn offset(connection: &Connection) -> rusqlite::Result<u64> {
    let text: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE key = ?1", [OFFSET], |r| r.get(0)).optional()?;
    Ok(text.and_then(|t| t.parse().ok()).unwrap_or(0))
}

fn set_offset(transaction: &Transaction<'_>, offset: u64) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![OFFSET, offset.to_string()]))
        .map(|_| ())
        .map_err(sql("note the trust log in"))
}

/// Writes `records` to the log, durably, before the transaction that believes them may end.
pub(crate) fn log(transaction: &Transaction<'_>, layout: &Layout, records: &[Record]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let length = trust_log::append(&layout.trust_log(), records)?;
    set_offset(transaction, length)
}

/// Takes over what the log has and the database has not.
pub(crate) fn catch_up(transaction: &Transaction<'_>, layout: &Layout, now: u64) -> Result<(), StoreError> {
    let from = offset(transaction).map_err(sql("read"))?;
    let length = trust_log::replay(&layout.trust_log(), from, &mut |record| apply(transaction, &record, now))?;
    set_offset(transaction, length)
}

/// Does to the tables what a record says.
fn apply(transaction: &Transaction<'_>, record: &Record, now: u64) -> Result<(), StoreError> {
    match record {
        Record::Bind { name, publisher, how, at } => {
            let Ok(how) = how.parse();
            put_binding(transaction, &Binding { name: name.clone(), publisher: *publisher, since: *at, how })
        }
        Record::Unbind { name, .. } => drop_binding(transaction, name),
        Record::Mark { publisher, name, sequence, digest } => {
            let id = PackageId { publisher: *publisher, name: name.clone() };
            let package = package_row::package_row(transaction, &id, now)?;
            let seen = package_row::mark(transaction, package).map_err(sql("read"))?;
            let mark = HeadMark { sequence: *sequence, digest: *digest };
            match HeadMark::compare(seen, mark) {
                Succession::Newer => package_row::set_mark(transaction, package, mark),
                Succession::Same | Succession::Older | Succession::Equivocation => Ok(()),
            }
        }
        Record::Equivocated { publisher, name } => {
            let id = PackageId { publisher: *publisher, name: name.clone() };
            let package = package_row::package_row(transaction, &id, now)?;
            package_row::set_equivocated(transaction, package, None)
        }
        Record::Roots { publisher, version, digest } => {
            let known = known_roots(transaction, *publisher).map_err(sql("read"))?;
            if known.is_some_and(|(known, _)| known >= *version) {
                return Ok(());
            }
            put_roots(transaction, *publisher, *version, *digest, &[], now)
        }
        Record::Project { path } => installs::put_project(transaction, path, now).map(|_| ()),
    }
}

// --- bindings

pub(crate) fn binding(connection: &Connection, name: &PackageName) -> rusqlite::Result<Option<Binding>> {
    connection
        .prepare_cached("SELECT name, publisher, since, how FROM bindings WHERE key = ?1")?
        .query_row([name.collision_key()], binding_row)
        .optional()
}

pub(crate) fn bindings(connection: &Connection) -> rusqlite::Result<Vec<Binding>> {
    let mut statement = connection.prepare_cached("SELECT name, publisher, since, how FROM bindings ORDER BY key")?;
    let rows = statement.query_map([], binding_row)?;
    rows.collect()
}

fn binding_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Binding> {
    Ok(Binding {
        name: text_column(row, 0)?,
        publisher: PublisherId(digest_column(row, 1)?),
        since: from_sql(row.get(2)?),
        how: text_column(row, 3)?,
    })
}

pub(crate) fn put_binding(transaction: &Transaction<'_>, binding: &Binding) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO bindings (key, name, publisher, since, how) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut s| {
            s.execute(params![
                binding.name.collision_key(),
                binding.name.as_str(),
                binding.publisher.0.as_bytes(),
                to_sql(binding.since),
                binding.how.as_str()
            ])
        })
        .map(|_| ())
        .map_err(sql("write a binding to"))
}

pub(crate) fn drop_binding(transaction: &Transaction<'_>, name: &PackageName) -> Result<(), StoreError> {
    transaction
        .prepare_cached("DELETE FROM bindings WHERE key = ?1")
        .and_then(|mut s| s.execute([name.collision_key()]))
        .map(|_| ())
        .map_err(sql("remove a binding from"))
}

// --- roots

fn known_roots(connection: &Connection, publisher: PublisherId) -> rusqlite::Result<Option<(u64, Digest)>> {
    connection
        .prepare_cached("SELECT root_version, root_digest FROM publishers WHERE publisher = ?1")?
        .query_row([publisher.0.as_bytes()], |row| Ok((from_sql(row.get(0)?), digest_column(row, 1)?)))
        .optional()
}

/// The roots that are here, with when the publisher was first seen.
pub(crate) fn roots(connection: &Connection, publisher: PublisherId) -> rusqlite::Result<Option<(Vec<Envelope>, u64)>> {
    connection
        .prepare_cached("SELECT roots, first_seen FROM publishers WHERE publisher = ?1")?
        .query_row([publisher.0.as_bytes()], |row| Ok((json_column(row, 0)?, from_sql(row.get(1)?))))
        .optional()
}

fn put_roots(
    transaction: &Transaction<'_>,
    publisher: PublisherId,
    version: u64,
    digest: Digest,
    roots: &[Envelope],
    now: u64,
) -> Result<(), StoreError> {
    let text =
        "INSERT INTO publishers (publisher, root_version, root_digest, roots, first_seen) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (publisher) DO UPDATE SET root_version = ?2, root_digest = ?3, roots = ?4";
    transaction
        .prepare_cached(text)
        .and_then(|mut s| {
            s.execute(params![publisher.0.as_bytes(), to_sql(version), digest.as_bytes(), to_json(&roots), to_sql(now)])
        })
        .map(|_| ())
        .map_err(sql("write roots to"))
}

/// Takes a chain of roots that proved itself, if it is the known one or goes on from it. Says whether it is new here.
pub(crate) fn accept_roots(
    transaction: &Transaction<'_>,
    publisher: &Publisher,
    roots: &[Envelope],
    now: u64,
    records: &mut Vec<Record>,
) -> Result<bool, StoreError> {
    let found = publisher.root_version;
    let digests = || roots.iter().map(|r| r.payload_bytes().map(|b| Digest::of(&b)).unwrap_or(Digest::of(b"")));
    let latest = digests().next_back().unwrap_or(Digest::of(b""));
    let id = publisher.id;
    let known = known_roots(transaction, id).map_err(sql("read"))?;
    if let Some((known, digest)) = known {
        let there = usize::try_from(known).ok().and_then(|k| digests().nth(k.checked_sub(1)?));
        if there != Some(digest) {
            return Err(StoreError::RootRolledBack { publisher: id, known, found });
        }
        let held = self::roots(transaction, id).map_err(sql("read"))?.is_some_and(|(r, _)| !r.is_empty());
        if known == found && held {
            return Ok(false);
        }
    }
    if known.is_none_or(|(known, _)| known < found) {
        records.push(Record::Roots { publisher: id, version: found, digest: latest });
    }
    put_roots(transaction, id, found, latest, roots, now)?;
    Ok(true)
}
