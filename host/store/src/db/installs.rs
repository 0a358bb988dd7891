//! What is installed, and which projects need what.
//!
//! Never looks at the disk. Invariant: one version of a name at most; its file list is read only by who checks files.

use ggen_core::release::SignedRelease;
use ggen_core::{Digest, PackageId, PackageName};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use semver::Version;

use super::column::{digest_column, from_sql, id_row, json_column, release_columns, sql, text_column, to_json, to_sql};
use crate::error::StoreError;

/// A row of `installs`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct InstallRow {
    pub(crate) id: PackageId,
    pub(crate) version: Version,
    pub(crate) archive: Digest,
    pub(crate) release: Digest,
    pub(crate) direct: bool,
    pub(crate) requested_by: Vec<String>,
    pub(crate) origin: String,
    pub(crate) installed_at: u64,
    pub(crate) requirement: Option<String>,
}

const COLUMNS: &str =
    "publisher, name, version, archive, release, direct, requested_by, origin, installed_at, requirement";

fn install_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<InstallRow> {
    Ok(InstallRow {
        id: id_row(row)?,
        version: text_column(row, 2)?,
        archive: digest_column(row, 3)?,
        release: digest_column(row, 4)?,
        direct: row.get(5)?,
        requested_by: json_column(row, 6)?,
        origin: row.get(7)?,
        installed_at: from_sql(row.get(8)?),
        requirement: row.get(9)?,
    })
}

pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<InstallRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM installs ORDER BY name"))?;
    let rows = statement.query_map([], install_row)?;
    rows.collect()
}

pub(crate) fn one(connection: &Connection, name: &PackageName) -> rusqlite::Result<Option<InstallRow>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM installs WHERE name = ?1"))?
        .query_row([name.as_str()], install_row)
        .optional()
}

/// The signed release of an installed package.
pub(crate) fn release(connection: &Connection, name: &PackageName) -> rusqlite::Result<Option<SignedRelease>> {
    connection
        .prepare_cached("SELECT envelope, release FROM installs WHERE name = ?1")?
        .query_row([name.as_str()], |row| release_columns(row, 0, 1))
        .optional()
}

/// The text of the file list of an installed package.
pub(crate) fn files(connection: &Connection, name: &PackageName) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT files FROM install_files WHERE name = ?1")?
        .query_row([name.as_str()], |row| row.get(0))
        .optional()
}

pub(crate) fn put(
    transaction: &Transaction<'_>,
    row: &InstallRow,
    release: &SignedRelease,
    files: Option<&str>,
) -> Result<(), StoreError> {
    let write = sql("write an install to");
    let text = "INSERT OR REPLACE INTO installs
        (name, publisher, version, archive, release, envelope, direct, requested_by, origin, installed_at,
        requirement)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    transaction
        .prepare_cached(text)
        .and_then(|mut s| {
            s.execute(params![
                row.id.name.as_str(),
                row.id.publisher.0.as_bytes(),
                row.version.to_string(),
                row.archive.as_bytes(),
                row.release.as_bytes(),
                to_json(&release.envelope),
                row.direct,
                to_json(&row.requested_by),
                row.origin,
                to_sql(row.installed_at),
                row.requirement
            ])
        })
        .map_err(&write)?;
    let done = match files {
        Some(files) => transaction
            .prepare_cached("INSERT OR REPLACE INTO install_files (name, files) VALUES (?1, ?2)")
            .and_then(|mut s| s.execute(params![row.id.name.as_str(), files])),
        None => transaction
            .prepare_cached("DELETE FROM install_files WHERE name = ?1")
            .and_then(|mut s| s.execute([row.id.name.as_str()])),
    };
    done.map(|_| ()).map_err(write)
}

pub(crate) fn remove(transaction: &Transaction<'_>, name: &PackageName) -> Result<(), StoreError> {
    for text in ["DELETE FROM installs WHERE name = ?1", "DELETE FROM install_files WHERE name = ?1"] {
        transaction
            .prepare_cached(text)
            .and_then(|mut s| s.execute([name.as_str()]))
            .map_err(sql("remove an install from"))?;
    }
    Ok(())
}

// --- projects

/// Whether it was not known.
pub(crate) fn put_project(transaction: &Transaction<'_>, path: &str, now: u64) -> Result<bool, StoreError> {
    let action = sql("register a project in");
    let known = transaction
        .prepare_cached("UPDATE projects SET seen = ?2 WHERE path = ?1")
        .and_then(|mut s| s.execute(params![path, to_sql(now)]))
        .map_err(&action)?;
    if known > 0 {
        return Ok(false);
    }
    transaction
        .prepare_cached("INSERT INTO projects (path, seen) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![path, to_sql(now)]))
        .map(|_| true)
        .map_err(action)
}

pub(crate) fn projects(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT path FROM projects ORDER BY path")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}
