//! What is shown and searched of a package, brought up to date after each change of it.
//!
//! Decides which version speaks for a package: the highest that is not yanked, and no pre-release where there is another.
//! Never changes what is known of a version. Invariant: `texts` and `names` have the words of what stands in the package's
//! row, and of nothing else.

use std::borrow::Cow;

use ggen_core::release::{MAX_CLAIM, Release};
use ggen_core::search::words;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use semver::Version;

use super::column::{release_columns, sql, text_column};
use crate::error::StoreError;

/// What a package says of itself; keywords, categories and authors by lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct About {
    pub(crate) description: String,
    pub(crate) keywords: String,
    pub(crate) category: String,
    pub(crate) author: String,
}

impl About {
    fn signed(release: &Release) -> Self {
        let claims = |key: &str| {
            let all = release.claims.iter().filter(|(k, _)| k == key).map(|(_, v)| v.as_str());
            all.collect::<Vec<_>>().join("\n")
        };
        Self {
            description: release.description().to_owned(),
            keywords: claims("keyword"),
            category: claims("category"),
            author: claims("author"),
        }
    }

    /// No longer than a release could say it.
    pub(crate) fn shortened(self) -> Self {
        let short = |text: String| match text.char_indices().nth(MAX_CLAIM) {
            Some((at, _)) => text.get(..at).unwrap_or_default().to_owned(),
            None => text,
        };
        Self {
            description: short(self.description),
            keywords: short(self.keywords),
            category: short(self.category),
            author: short(self.author),
        }
    }
}

/// Brings up to date what is shown and searched of a package. `unsigned` is what an index says: it counts only where
/// nothing signed says another.
pub(crate) fn refresh(transaction: &Transaction<'_>, package: i64, unsigned: Option<&About>) -> Result<(), StoreError> {
    let newest = newest(transaction, package).map_err(sql("read"))?.map(|v| v.to_string());
    let release = latest_release(transaction, package).map_err(sql("read"))?;
    let text = "SELECT name, newest, description, keywords, category, author,
        EXISTS (SELECT 1 FROM names WHERE rowid = ?1) FROM packages WHERE id = ?1";
    let (name, known_newest, known, is_found): (String, Option<String>, About, bool) = transaction
        .prepare_cached(text)
        .and_then(|mut s| s.query_row([package], |r| Ok((r.get(0)?, r.get(1)?, about_columns(r, 2)?, r.get(6)?))))
        .map_err(sql("read"))?;
    let about = match (&release, unsigned) {
        (Some(release), _) => Cow::Owned(About::signed(release)),
        (None, Some(unsigned)) => Cow::Borrowed(unsigned),
        (None, None) => Cow::Borrowed(&known),
    };
    if newest != known_newest || *about != known {
        let text = "UPDATE packages SET newest = ?2, description = ?3, keywords = ?4, category = ?5, author = ?6
            WHERE id = ?1";
        transaction
            .prepare_cached(text)
            .and_then(|mut s| {
                s.execute(params![package, newest, about.description, about.keywords, about.category, about.author])
            })
            .map_err(sql("write a package to"))?;
    }
    if is_found && *about == known {
        return Ok(());
    }
    if is_found {
        for text in ["DELETE FROM texts WHERE rowid = ?1", "DELETE FROM names WHERE rowid = ?1"] {
            transaction.prepare_cached(text).and_then(|mut s| s.execute([package])).map_err(sql("write words to"))?;
        }
    }
    put_words(transaction, package, &Words::of(&name, &about)).map_err(sql("write words to"))
}

/// What a package is found by, in the core's words with a space between.
#[derive(Debug)]
pub(crate) struct Words {
    named: String,
    all: String,
}

impl Words {
    pub(crate) fn of(name: &str, about: &About) -> Self {
        let named = words(name).join(" ");
        let mut all = named.clone();
        for text in [&about.keywords, &about.description, &about.category, &about.author] {
            for word in words(text) {
                all.push(' ');
                all.push_str(&word);
            }
        }
        Self { named, all }
    }
}

/// Writes the words of a package that has none yet.
pub(crate) fn put_words(connection: &Connection, package: i64, words: &Words) -> rusqlite::Result<()> {
    let Words { named, all } = words;
    connection.prepare_cached("INSERT INTO names (rowid, words) VALUES (?1, ?2)")?.execute(params![package, named])?;
    connection.prepare_cached("INSERT INTO texts (rowid, words) VALUES (?1, ?2)")?.execute(params![package, all])?;
    Ok(())
}

/// What a row says, from this column on.
pub(crate) fn about_columns(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<About> {
    Ok(About {
        description: row.get(first)?,
        keywords: row.get(first + 1)?,
        category: row.get(first + 2)?,
        author: row.get(first + 3)?,
    })
}

/// Writes all words anew, after a change of their form.
pub(crate) fn all(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let next = "SELECT id FROM packages WHERE id > ?1 ORDER BY id LIMIT 1";
    let mut last = 0i64;
    loop {
        let found = transaction
            .prepare_cached(next)
            .and_then(|mut s| s.query_row([last], |r| r.get(0)).optional())
            .map_err(sql("read"))?;
        let Some(package) = found else { return Ok(()) };
        refresh(transaction, package, None)?;
        last = package;
    }
}

/// The version that speaks for a package: the highest; a pre-release only where there is nothing else.
pub(crate) fn highest<'a>(versions: impl Iterator<Item = &'a Version>) -> Option<&'a Version> {
    versions.max_by(|a, b| (a.pre.is_empty(), *a).cmp(&(b.pre.is_empty(), *b)))
}

/// The highest version that is not yanked.
fn newest(connection: &Connection, package: i64) -> rusqlite::Result<Option<Version>> {
    let text = "SELECT version FROM versions WHERE package = ?1 AND yanked IS NULL";
    let mut statement = connection.prepare_cached(text)?;
    let versions: Vec<Version> =
        statement.query_map([package], |row| text_column(row, 0))?.collect::<rusqlite::Result<_>>()?;
    Ok(highest(versions.iter()).cloned())
}

fn latest_release(connection: &Connection, package: i64) -> rusqlite::Result<Option<Release>> {
    let text = "SELECT version FROM versions WHERE package = ?1 AND envelope IS NOT NULL";
    let mut statement = connection.prepare_cached(text)?;
    let versions: Vec<Version> =
        statement.query_map([package], |row| text_column(row, 0))?.collect::<rusqlite::Result<_>>()?;
    let Some(highest) = highest(versions.iter()) else { return Ok(None) };
    let signed = connection
        .prepare_cached("SELECT envelope, release FROM versions WHERE package = ?1 AND version = ?2")?
        .query_row(params![package, highest.to_string()], |row| release_columns(row, 0, 1))?;
    Ok(Some(signed.release))
}
