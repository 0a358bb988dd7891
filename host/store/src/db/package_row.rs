//! The row of a package: the highest head seen of it, and whether its publisher signed two of one sequence.
//!
//! Never decides which head stands: whoever writes a mark has compared it. Invariant: a package has one row, made when
//! it is first named, and that two heads were signed is never taken back.

use ggen_core::PackageId;
use ggen_core::head::HeadMark;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::column::{from_sql, optional_digest, sql, to_sql};
use crate::error::StoreError;

/// The row of a package, made where it is missing.
pub(crate) fn package_row(transaction: &Transaction<'_>, id: &PackageId, now: u64) -> Result<i64, StoreError> {
    let find = "SELECT id FROM packages WHERE publisher = ?1 AND name = ?2";
    let found = transaction
        .prepare_cached(find)
        .and_then(|mut s| s.query_row(params![id.publisher.0.as_bytes(), id.name.as_str()], |r| r.get(0)).optional())
        .map_err(sql("read"))?;
    if let Some(found) = found {
        return Ok(found);
    }
    let insert = "INSERT INTO packages (publisher, name, key, first_seen) VALUES (?1, ?2, ?3, ?4)";
    transaction
        .prepare_cached(insert)
        .and_then(|mut s| {
            s.insert(params![id.publisher.0.as_bytes(), id.name.as_str(), id.name.collision_key(), to_sql(now)])
        })
        .map_err(sql("write a package to"))
}

/// The highest head seen of a package.
pub(crate) fn mark(connection: &Connection, package: i64) -> rusqlite::Result<Option<HeadMark>> {
    connection.prepare_cached("SELECT mark_sequence, mark_digest FROM packages WHERE id = ?1")?.query_row(
        [package],
        |row| {
            let sequence: Option<i64> = row.get(0)?;
            let digest = optional_digest(row, 1)?;
            Ok(sequence.zip(digest).map(|(s, digest)| HeadMark { sequence: from_sql(s), digest }))
        },
    )
}

pub(crate) fn set_mark(transaction: &Transaction<'_>, package: i64, mark: HeadMark) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE packages SET mark_sequence = ?2, mark_digest = ?3 WHERE id = ?1")
        .and_then(|mut s| s.execute(params![package, to_sql(mark.sequence), mark.digest.as_bytes()]))
        .map(|_| ())
        .map_err(sql("write a mark to"))
}

pub(crate) fn set_equivocated(
    transaction: &Transaction<'_>,
    package: i64,
    proof: Option<&str>,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE packages SET equivocated = 1, proof = coalesce(proof, ?2) WHERE id = ?1")
        .and_then(|mut s| s.execute(params![package, proof]))
        .map(|_| ())
        .map_err(sql("write a proof to"))
}
