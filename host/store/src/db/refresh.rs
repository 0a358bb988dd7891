//! What is shown and searched of a package, brought up to date after each change of it.
//!
//! Decides which version speaks for a package: the highest that is not yanked, and no pre-release where there is another.
//! Never changes what is known of a version.

use ggen_core::release::Release;
use rusqlite::{Connection, Transaction, params};
use semver::Version;

use super::{sql, text_column};
use crate::error::StoreError;

/// Brings up to date what is shown and searched of a package. `unsigned` is an index's description: it counts only
/// where nothing signed says another.
pub(crate) fn refresh(transaction: &Transaction<'_>, package: i64, unsigned: Option<&str>) -> Result<(), StoreError> {
    let newest = newest(transaction, package).map_err(sql("read"))?;
    let release = latest_release(transaction, package).map_err(sql("read"))?;
    let name: String = transaction
        .prepare_cached("SELECT name FROM packages WHERE id = ?1")
        .and_then(|mut s| s.query_row([package], |r| r.get(0)))
        .map_err(sql("read"))?;
    let claims = |key: &str| {
        let all = release.iter().flat_map(|r| r.claims.iter()).filter(|(k, _)| k == key).map(|(_, v)| v.as_str());
        all.collect::<Vec<_>>().join(" ")
    };
    let write = sql("write a package to");
    let description = match (&release, unsigned) {
        (Some(release), _) => Some(release.description().to_owned()),
        (None, Some(text)) => Some(text.chars().take(ggen_core::release::MAX_CLAIM).collect()),
        (None, None) => None,
    };
    transaction
        .prepare_cached("UPDATE packages SET newest = ?2, description = coalesce(?3, description) WHERE id = ?1")
        .and_then(|mut s| s.execute(params![package, newest.map(|v| v.to_string()), description]))
        .map_err(&write)?;
    if release.is_none() && unsigned.is_none() {
        // A head whose releases are not here yet: its name can be found already.
        let text =
            "INSERT INTO texts (rowid, name) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM texts WHERE rowid = ?1)";
        let done = transaction.prepare_cached(text).and_then(|mut s| s.execute(params![package, name]));
        return done.map(|_| ()).map_err(write);
    }
    transaction
        .prepare_cached("DELETE FROM texts WHERE rowid = ?1")
        .and_then(|mut s| s.execute([package]))
        .map_err(&write)?;
    let text =
        "INSERT INTO texts (rowid, name, keywords, description, category, author) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction
        .prepare_cached(text)
        .and_then(|mut s| {
            s.execute(params![package, name, claims("keyword"), description, claims("category"), claims("author")])
        })
        .map(|_| ())
        .map_err(write)
}

/// The highest version that is not yanked; a pre-release only where there is nothing else.
fn newest(connection: &Connection, package: i64) -> rusqlite::Result<Option<Version>> {
    let text = "SELECT version FROM versions WHERE package = ?1 AND yanked IS NULL";
    let mut statement = connection.prepare_cached(text)?;
    let versions: Vec<Version> =
        statement.query_map([package], |row| text_column(row, 0))?.collect::<rusqlite::Result<_>>()?;
    Ok(versions.into_iter().max_by(|a, b| (a.pre.is_empty(), a).cmp(&(b.pre.is_empty(), b))))
}

fn latest_release(connection: &Connection, package: i64) -> rusqlite::Result<Option<Release>> {
    let text = "SELECT version, rowid FROM versions WHERE package = ?1 AND envelope IS NOT NULL";
    let mut statement = connection.prepare_cached(text)?;
    let rows: Vec<(Version, i64)> = statement
        .query_map([package], |row| Ok((text_column(row, 0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let Some((_, row)) = rows.into_iter().max_by(|a, b| (a.0.pre.is_empty(), &a.0).cmp(&(b.0.pre.is_empty(), &b.0)))
    else {
        return Ok(None);
    };
    let signed = connection
        .prepare_cached("SELECT envelope, release FROM versions WHERE rowid = ?1")?
        .query_row([row], |row| super::package::release_columns(row, 0, 1))?;
    Ok(Some(signed.release))
}
