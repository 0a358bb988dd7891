//! What a column says, and what a statement's failure is.
//!
//! Decides how numbers, digests and documents are stored; never which table they are in. Invariant: what was written is
//! read back as it was, and a value that cannot be read is an error of its row alone, never another value.

use std::error::Error;
use std::str::FromStr;

use ggen_core::dsse::Envelope;
use ggen_core::release::SignedRelease;
use ggen_core::{Digest, PackageId, PublisherId};
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// The error of a statement inside a transaction.
pub(crate) fn sql(action: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { action, source }
}

/// A number without a sign, as its bits are stored.
pub(crate) const fn to_sql(number: u64) -> i64 {
    number.cast_signed()
}

/// A number without a sign, as it was stored.
pub(crate) const fn from_sql(number: i64) -> u64 {
    number.cast_unsigned()
}

/// A digest from its column.
pub(crate) fn digest_column(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get::<_, [u8; 32]>(column).map(Digest::from_bytes)
}

/// A digest from a column that may be empty.
pub(crate) fn optional_digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Digest>> {
    Ok(row.get::<_, Option<[u8; 32]>>(column)?.map(Digest::from_bytes))
}

/// A value that was written as text; a row that cannot be read is damage of that row alone.
pub(crate) fn text_column<T: FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T::Err: Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|e: T::Err| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(e)))
}

/// A value that was written as JSON.
pub(crate) fn json_column<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(e)))
}

/// JSON for a column.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A package from the columns of its publisher and its name, which are the first.
pub(crate) fn id_row(row: &Row<'_>) -> rusqlite::Result<PackageId> {
    Ok(PackageId { publisher: PublisherId(digest_column(row, 0)?), name: text_column(row, 1)? })
}

/// A signed release from the columns of its envelope and its digest.
pub(crate) fn release_columns(row: &Row<'_>, envelope: usize, digest: usize) -> rusqlite::Result<SignedRelease> {
    let signed: Envelope = json_column(row, envelope)?;
    let damaged = |e: Box<dyn Error + Send + Sync>| rusqlite::Error::FromSqlConversionFailure(envelope, Type::Text, e);
    let payload = signed.payload_bytes().map_err(|e| damaged(Box::new(e)))?;
    let release = serde_json::from_slice(&payload).map_err(|e| damaged(Box::new(e)))?;
    Ok(SignedRelease { release, digest: digest_column(row, digest)?, envelope: signed })
}
