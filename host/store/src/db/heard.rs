//! What others told of packages that no job here has asked for: good to be found and passed on, nothing else.
//!
//! Decides what gives way when there is too much: the oldest of the network that told most, never a publisher that a name
//! here is bound to. Never touches the catalog or the trust log, so that telling much fills neither. Invariant: of one
//! package the highest head that was heard stands, the first of two; counts and bytes stay within their bounds.

use ggen_core::announcement::{Announced, Announcement};
use ggen_core::head::{Head, HeadMark, Succession};
use ggen_core::limits::Limits;
use ggen_core::search::Query;
use ggen_core::{PackageId, PackageName};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use semver::Version;

use super::column::{digest_column, from_sql, id_row, json_column, sql, to_json, to_sql};
use crate::error::StoreError;

/// An announcement that proved itself, and by whom it came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was told.
    pub announced: Announced,
    /// By which peer.
    pub peer: String,
    /// From which network, or the peer again where that says nothing.
    pub network: String,
}

/// A package that was heard of and answers a query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeardHit {
    /// Which.
    pub id: PackageId,
    /// Its newest version that is not yanked.
    pub version: Version,
    /// What it is said to be.
    pub description: String,
    /// Who told of it.
    pub peer: String,
}

/// The highest head that was heard of a package, with the row.
fn row(connection: &Connection, id: &PackageId) -> rusqlite::Result<Option<(i64, HeadMark)>> {
    connection
        .prepare_cached("SELECT id, sequence, digest FROM heard WHERE publisher = ?1 AND name = ?2")?
        .query_row(params![id.publisher.0.as_bytes(), id.name.as_str()], |row| {
            Ok((row.get(0)?, HeadMark { sequence: from_sql(row.get(1)?), digest: digest_column(row, 2)? }))
        })
        .optional()
}

/// The highest head that was heard of a package.
pub(crate) fn mark(connection: &Connection, id: &PackageId) -> rusqlite::Result<Option<HeadMark>> {
    Ok(row(connection, id)?.map(|(_, mark)| mark))
}

/// The announcement that stands for a package.
pub(crate) fn announcement(connection: &Connection, id: &PackageId) -> rusqlite::Result<Option<Announcement>> {
    connection
        .prepare_cached("SELECT announcement FROM heard WHERE publisher = ?1 AND name = ?2")?
        .query_row(params![id.publisher.0.as_bytes(), id.name.as_str()], |row| json_column(row, 0))
        .optional()
}

/// Who has a package of this name, or of one that collides with it, by what was heard.
pub(crate) fn claimants(connection: &Connection, name: &PackageName) -> rusqlite::Result<Vec<PackageId>> {
    let text = "SELECT publisher, name FROM heard WHERE key = ?1 ORDER BY publisher, name LIMIT 1000";
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map([name.collision_key()], id_row)?;
    rows.collect()
}

/// The highest version that is not yanked; a pre-release only where there is nothing else.
fn newest(head: &Head) -> Option<&Version> {
    let good = head.versions.iter().filter(|v| v.yanked.is_none()).map(|v| &v.version);
    good.max_by_key(|v| (v.pre.is_empty(), *v))
}

/// Takes one announcement in; what it was to what is known.
pub(crate) fn accept(
    transaction: &Transaction<'_>,
    heard: &Heard,
    limits: &Limits,
    now: u64,
) -> Result<Succession, StoreError> {
    let head = &heard.announced.head;
    let id = head.head.id();
    let known = row(transaction, &id).map_err(sql("read"))?;
    let succession = HeadMark::compare(known.map(|(_, mark)| mark), head.mark());
    match (succession, known) {
        (Succession::Newer, known) => {
            if known.is_none() && is_over(transaction, &id, limits).map_err(sql("read"))? {
                return Ok(Succession::Older);
            }
            if let Some((row, _)) = known {
                forget(transaction, row)?;
            }
            put(transaction, heard, now)?;
            note_change(transaction, &id)?;
        }
        (Succession::Equivocation, Some((row, _))) => {
            let first = announcement(transaction, &id).map_err(sql("read"))?.map(|first| first.head);
            let roots = &head.bundle.roots;
            let proof = serde_json::json!({ "roots": roots, "first": first, "second": head.bundle.head });
            transaction
                .prepare_cached("UPDATE heard SET proof = ?2 WHERE id = ?1 AND proof IS NULL")
                .and_then(|mut s| s.execute(params![row, to_json(&proof)]))
                .map_err(sql("write a proof to"))?;
        }
        _ => {}
    }
    Ok(succession)
}

/// Whether a publisher that no name is bound to has told of enough.
fn is_over(connection: &Connection, id: &PackageId, limits: &Limits) -> rusqlite::Result<bool> {
    let text = "SELECT (SELECT count(*) FROM heard WHERE publisher = ?1) >= ?2
        AND NOT EXISTS (SELECT 1 FROM bindings WHERE publisher = ?1)";
    connection
        .prepare_cached(text)?
        .query_row(params![id.publisher.0.as_bytes(), to_sql(limits.max_heard_of_publisher)], |row| row.get(0))
}

fn put(transaction: &Transaction<'_>, heard: &Heard, now: u64) -> Result<(), StoreError> {
    let (head, release) = (&heard.announced.head, heard.announced.release.as_ref().map(|r| &r.release));
    let announcement = to_json(&heard.announced.announcement());
    let claims = |key: &str| {
        let all = release.iter().flat_map(|r| r.claims.iter()).filter(|(k, _)| k == key).map(|(_, v)| v.as_str());
        all.collect::<Vec<_>>().join(" ")
    };
    let description = release.map(|r| r.description()).unwrap_or_default();
    let write = sql("write what was heard to");
    let text = "INSERT INTO heard (publisher, name, key, sequence, digest, announcement, bytes, newest, description,
        peer, network, heard) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let row = transaction
        .prepare_cached(text)
        .and_then(|mut s| {
            s.insert(params![
                head.head.publisher.0.as_bytes(),
                head.head.name.as_str(),
                head.head.name.collision_key(),
                to_sql(head.head.sequence),
                head.digest.as_bytes(),
                announcement,
                i64::try_from(announcement.len()).unwrap_or(i64::MAX),
                newest(&head.head).map(ToString::to_string),
                description,
                heard.peer,
                heard.network,
                to_sql(now)
            ])
        })
        .map_err(&write)?;
    let text = "INSERT INTO heard_texts (rowid, name, keywords, description, category, author)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction
        .prepare_cached(text)
        .and_then(|mut s| {
            let name = head.head.name.as_str();
            s.execute(params![row, name, claims("keyword"), description, claims("category"), claims("author")])
        })
        .map(|_| ())
        .map_err(write)
}

fn forget(transaction: &Transaction<'_>, row: i64) -> Result<(), StoreError> {
    for text in ["DELETE FROM heard_texts WHERE rowid = ?1", "DELETE FROM heard WHERE id = ?1"] {
        transaction
            .prepare_cached(text)
            .and_then(|mut s| s.execute([row]))
            .map_err(sql("remove what was heard from"))?;
    }
    Ok(())
}

/// The package enters the catalog: what was heard of it goes. The proof of an equivocation, where there is one.
pub(crate) fn leave(transaction: &Transaction<'_>, id: &PackageId) -> Result<Option<String>, StoreError> {
    let Some((row, _)) = row(transaction, id).map_err(sql("read"))? else { return Ok(None) };
    let proof = transaction
        .prepare_cached("SELECT proof FROM heard WHERE id = ?1")
        .and_then(|mut s| s.query_row([row], |r| r.get(0)))
        .map_err(sql("read"))?;
    forget(transaction, row)?;
    Ok(proof)
}

/// Removes what is too much.
pub(crate) fn make_room(transaction: &Transaction<'_>, limits: &Limits) -> Result<(), StoreError> {
    loop {
        let sums = "SELECT coalesce(sum(count), 0), coalesce(sum(bytes), 0) FROM heard_sums";
        let (count, bytes): (i64, i64) = transaction
            .prepare_cached(sums)
            .and_then(|mut s| s.query_row([], |r| Ok((r.get(0)?, r.get(1)?))))
            .map_err(sql("read"))?;
        if from_sql(count) <= limits.max_heard && from_sql(bytes) <= limits.max_heard_bytes {
            return Ok(());
        }
        // Some at once, so that a full table does not look for each anew.
        let text = "SELECT publisher, name, id FROM heard WHERE network =
                (SELECT network FROM heard_sums ORDER BY count DESC, bytes DESC LIMIT 1)
            ORDER BY publisher IN (SELECT publisher FROM bindings), id LIMIT 16";
        let rows: Vec<(i64, PackageId)> = transaction
            .prepare_cached(text)
            .and_then(|mut s| s.query_map([], |r| Ok((r.get(2)?, id_row(r)?)))?.collect())
            .map_err(sql("read"))?;
        if rows.is_empty() {
            return Ok(());
        }
        for (row, id) in rows {
            forget(transaction, row)?;
            transaction
                .prepare_cached("DELETE FROM changes WHERE publisher = ?1 AND name = ?2")
                .and_then(|mut s| s.execute(params![id.publisher.0.as_bytes(), id.name.as_str()]))
                .map_err(sql("remove what was heard from"))?;
        }
    }
}

/// At most `limit` packages that answer a query, best first; a text without words lists what was heard last.
pub(crate) fn search(connection: &Connection, query: &str, limit: usize) -> rusqlite::Result<Vec<HeardHit>> {
    const COLUMNS: &str = "h.publisher, h.name, h.newest, h.description, h.peer";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let words = Query::new(query).words;
    let (text, asked) = if words.is_empty() {
        (format!("SELECT {COLUMNS} FROM heard h WHERE ?1 = '' ORDER BY h.id DESC LIMIT ?2"), String::new())
    } else {
        let text = format!(
            "SELECT {COLUMNS} FROM (SELECT rowid AS id, rank FROM heard_texts WHERE heard_texts MATCH ?1
                ORDER BY rank LIMIT ?2) t JOIN heard h ON h.id = t.id ORDER BY t.rank, h.name"
        );
        // Each word quoted, all of them wanted, the last one as a beginning.
        let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        (text, quoted.join(" ") + "*")
    };
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map(params![asked, limit], |row| {
        let newest: Option<String> = row.get(2)?;
        let Some(version) = newest.and_then(|v| v.parse().ok()) else { return Ok(None) };
        Ok(Some(HeardHit { id: id_row(row)?, version, description: row.get(3)?, peer: row.get(4)? }))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// Notes in the log of accepted heads that a package's head is another.
pub(crate) fn note_change(transaction: &Transaction<'_>, id: &PackageId) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO changes (publisher, name) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![id.publisher.0.as_bytes(), id.name.as_str()]))
        .map(|_| ())
        .map_err(sql("write to the log of heads of"))
}
