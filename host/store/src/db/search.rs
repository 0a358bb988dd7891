//! Ranked search over the catalog.
//!
//! Decides which packages are looked at for a user's text, and in which order they answer: the exact name first, then by
//! the core's score. Invariant: no text is an error, and none reaches FTS5's own query language.
//!
//! FTS5's own rank reads every package that has a word before it gives the first one, which takes seconds for a word that
//! hundreds of thousands have. So FTS5 is asked for at most [`CANDIDATES`] packages a step, in the order in which they
//! came here, and only these are ranked: exact names, names with this beginning, names that have all words, then whatever
//! has all words anywhere, and the last word as a beginning only where these are too few: then the commonest words that
//! begin so are asked for, which is a look at a list of words, where FTS5's own prefix indexes would triple what an import
//! writes. What a step leaves out has the words in less telling places than what an earlier step found.

use std::collections::BTreeSet;

use ggen_core::PackageId;
use ggen_core::search::{Query, Texts, score};
use rusqlite::{Connection, params};
use semver::Version;

use super::column::id_row;
use super::refresh::{About, about_columns};

/// The most packages that one step finds.
const CANDIDATES: i64 = 250;
/// The most words that one beginning stands for, the commonest first.
const COMPLETIONS: i64 = 64;

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

/// A package with how well it answers.
struct Ranked {
    is_exact: bool,
    score: f64,
    hit: SearchHit,
}

/// At most `limit` packages, best first; a text without words lists packages by name.
pub(crate) fn search(connection: &Connection, text: &str, limit: usize) -> rusqlite::Result<Vec<SearchHit>> {
    let query = Query::new(text);
    let found = match (&query.key, query.words.is_empty()) {
        (None, true) => {
            let wanted = i64::try_from(limit).unwrap_or(i64::MAX);
            ids(connection, "SELECT id FROM packages WHERE ?1 = '' ORDER BY key, publisher LIMIT ?2", "", wanted)?
        }
        _ => candidates(connection, &query, limit)?,
    };
    let mut ranked = Vec::with_capacity(found.len());
    for package in found {
        ranked.push(rank(connection, &query, package)?);
    }
    if !query.words.is_empty() {
        ranked.sort_by(|a, b| {
            let best = b.is_exact.cmp(&a.is_exact);
            let sources = b.hit.sources.cmp(&a.hit.sources);
            let exact = if a.is_exact && b.is_exact { sources } else { best.then(b.score.total_cmp(&a.score)) };
            exact.then_with(|| (&a.hit.id.name, a.hit.id.publisher).cmp(&(&b.hit.id.name, b.hit.id.publisher)))
        });
    }
    Ok(ranked.into_iter().map(|r| r.hit).take(limit).collect())
}

/// The packages that are looked at, each once.
fn candidates(connection: &Connection, query: &Query, limit: usize) -> rusqlite::Result<Vec<i64>> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut add = |ids: Vec<i64>| {
        found.extend(ids.into_iter().filter(|id| seen.insert(*id)));
        found.len()
    };
    if let Some(key) = &query.key {
        let exact = "SELECT id FROM packages WHERE key = ?1 LIMIT ?2";
        add(ids(connection, exact, key, CANDIDATES)?);
        let begins = "SELECT id FROM packages WHERE key > ?1 AND key < ?1 || '~' ORDER BY key LIMIT ?2";
        add(ids(connection, begins, key, CANDIDATES)?);
    }
    if query.words.is_empty() {
        return Ok(found);
    }
    let all = matching(&query.words);
    add(ids(connection, "SELECT rowid FROM names WHERE names MATCH ?1 LIMIT ?2", &all, CANDIDATES)?);
    let texts = "SELECT rowid FROM texts WHERE texts MATCH ?1 LIMIT ?2";
    let enough = add(ids(connection, texts, &all, CANDIDATES)?) >= limit;
    // The last word as a beginning costs a look at every word that begins so, and a single letter begins too many.
    let telling = query.words.last().is_some_and(|word| word.chars().nth(1).is_some());
    if !enough
        && telling
        && let Some(begun) = beginning(connection, &query.words)?
    {
        add(ids(connection, texts, &begun, CANDIDATES)?);
    }
    Ok(found)
}

/// All of the words wanted, the last one as a beginning; none where nothing begins so.
fn beginning(connection: &Connection, words: &[String]) -> rusqlite::Result<Option<String>> {
    let Some((last, before)) = words.split_last() else { return Ok(None) };
    // No letter comes after the last one that there is.
    let text = "SELECT term FROM terms WHERE term > ?1 AND term < ?1 || char(1114111) ORDER BY doc DESC LIMIT ?2";
    let ends: Vec<String> = connection
        .prepare_cached(text)?
        .query_map(params![last, COMPLETIONS], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if ends.is_empty() {
        return Ok(None);
    }
    let any = ends.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" OR ");
    let all = before.iter().map(|word| quoted(word) + " AND ").collect::<String>();
    Ok(Some(format!("{all}({any})")))
}

/// Each word quoted, all of them wanted.
fn matching(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word is letters and digits: nothing in it ends the quotation.
fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

fn ids(connection: &Connection, text: &str, key: &str, limit: i64) -> rusqlite::Result<Vec<i64>> {
    connection.prepare_cached(text)?.query_map(params![key, limit], |row| row.get(0))?.collect()
}

fn rank(connection: &Connection, query: &Query, package: i64) -> rusqlite::Result<Ranked> {
    let text = "SELECT publisher, name, key, newest, description, keywords, category, author,
        (SELECT count(*) FROM sources WHERE package = packages.id) FROM packages WHERE id = ?1";
    connection.prepare_cached(text)?.query_row([package], |row| {
        let (id, key): (PackageId, String) = (id_row(row)?, row.get(2)?);
        let (newest, about): (Option<String>, About) = (row.get(3)?, about_columns(row, 4)?);
        let texts = Texts {
            name: id.name.as_str(),
            keywords: &about.keywords,
            description: &about.description,
            category: &about.category,
            author: &about.author,
        };
        let sources: i64 = row.get(8)?;
        Ok(Ranked {
            is_exact: query.key.as_ref() == Some(&key),
            score: score(query, &texts),
            hit: SearchHit {
                version: newest.and_then(|v| v.parse().ok()),
                description: about.description,
                sources: usize::try_from(sources).unwrap_or(0),
                id,
            },
        })
    })
}
