//! Ranked search over the catalog.
//!
//! Decides what a user's text asks for and in which order packages answer: the exact name first, then by FTS5's rank
//! (name, keywords, description and category, author). Invariant: no text is an error, and none reaches FTS5's own query
//! language.

use std::collections::BTreeSet;

use ggen_core::{PackageId, PackageName};
use rusqlite::{Connection, params};
use semver::Version;

use super::package::id_row;

/// The most words of a query that are looked at.
const MAX_WORDS: usize = 16;

/// A package that answers a query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchHit {
    /// Which.
    pub id: PackageId,
    /// Its newest version that is not yanked.
    pub version: Option<Version>,
    /// What it is said to be.
    pub description: String,
    /// Distinct sources of its head.
    pub sources: usize,
}

const COLUMNS: &str =
    "p.publisher, p.name, p.newest, p.description, (SELECT count(*) FROM sources WHERE package = p.id)";

/// At most `limit` packages, best first; a text without words lists packages by name.
pub(crate) fn search(connection: &Connection, query: &str, limit: usize) -> rusqlite::Result<Vec<SearchHit>> {
    let mut hits = exact(connection, query, limit)?;
    let mut seen: BTreeSet<PackageId> = hits.iter().map(|h| h.id.clone()).collect();
    let words = words(query);
    let found = if words.is_empty() {
        if hits.is_empty() { all(connection, limit)? } else { Vec::new() }
    } else {
        matching(connection, &match_expression(&words), limit)?
    };
    for hit in found {
        if hits.len() < limit && seen.insert(hit.id.clone()) {
            hits.push(hit);
        }
    }
    Ok(hits)
}

fn words(query: &str) -> Vec<String> {
    let words = query.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    words.take(MAX_WORDS).map(|w| w.chars().take(64).collect()).collect()
}

/// Each word quoted, all of them wanted, the last one as a beginning.
fn match_expression(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
    quoted.join(" ") + "*"
}

fn exact(connection: &Connection, query: &str, limit: usize) -> rusqlite::Result<Vec<SearchHit>> {
    let Ok(name) = query.trim().parse::<PackageName>() else { return Ok(Vec::new()) };
    let text = format!("SELECT {COLUMNS} FROM packages p WHERE p.key = ?1 ORDER BY 5 DESC, p.publisher LIMIT ?2");
    rows(connection, &text, &name.collision_key(), limit)
}

fn matching(connection: &Connection, expression: &str, limit: usize) -> rusqlite::Result<Vec<SearchHit>> {
    let text = format!(
        "SELECT {COLUMNS} FROM (SELECT rowid AS id, rank FROM texts WHERE texts MATCH ?1 ORDER BY rank LIMIT ?2) t
         JOIN packages p ON p.id = t.id ORDER BY t.rank, p.name"
    );
    rows(connection, &text, expression, limit)
}

fn all(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<SearchHit>> {
    let text = format!("SELECT {COLUMNS} FROM packages p WHERE ?1 = '' ORDER BY p.key, p.publisher LIMIT ?2");
    rows(connection, &text, "", limit)
}

fn rows(connection: &Connection, text: &str, key: &str, limit: usize) -> rusqlite::Result<Vec<SearchHit>> {
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map(params![key, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        let newest: Option<String> = row.get(2)?;
        let sources: i64 = row.get(4)?;
        Ok(SearchHit {
            id: id_row(row)?,
            version: newest.and_then(|v| v.parse().ok()),
            description: row.get(3)?,
            sources: usize::try_from(sources).unwrap_or(0),
        })
    })?;
    rows.collect()
}
