//! What the home's node keeps of the hash table for others, so that it outlives a restart.
//!
//! Decides what gives way where there is too much: what ends soonest. Never looks into a record: whoever reads it back
//! proves it again. Invariant: rows and bytes stay within the bounds of the node's own memory, whatever was lost on the
//! way here.

use std::collections::BTreeMap;

use ggen_core::Digest;
use rusqlite::{Connection, Transaction, params};

use super::column::{digest_column, from_sql, json_column, sql, to_json};
use crate::Store;
use crate::error::StoreError;

/// All that is kept under one key; nothing where nothing is any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DhtKey {
    /// The key.
    pub key: Digest,
    /// A record, and when it ends, in milliseconds since the Unix epoch.
    pub record: Option<(Vec<u8>, u64)>,
    /// Who provides it.
    pub providers: Vec<DhtProvider>,
}

/// A provider of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DhtProvider {
    /// Its peer id.
    pub peer: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// When that ends, in milliseconds since the Unix epoch.
    pub expires: u64,
}

/// Provider records for each key that may be kept, as the node's memory has them.
const PROVIDERS_PER_KEY: usize = 4;
const WRITE: &str = "write records of the hash table to";

/// A time as SQLite compares it.
fn time(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn put(transaction: &Transaction<'_>, kept: &DhtKey) -> rusqlite::Result<()> {
    let key = kept.key.as_bytes();
    transaction.prepare_cached("DELETE FROM dht_records WHERE key = ?1")?.execute([key])?;
    transaction.prepare_cached("DELETE FROM dht_providers WHERE key = ?1")?.execute([key])?;
    if let Some((value, expires)) = &kept.record {
        let text = "INSERT INTO dht_records (key, value, bytes, expires) VALUES (?1, ?2, ?3, ?4)";
        transaction.prepare_cached(text)?.execute(params![key, value, count(value.len()), time(*expires)])?;
    }
    let text = "INSERT OR REPLACE INTO dht_providers (key, peer, addresses, expires) VALUES (?1, ?2, ?3, ?4)";
    for provider in &kept.providers {
        let addresses = to_json(&provider.addresses);
        transaction.prepare_cached(text)?.execute(params![key, provider.peer, addresses, time(provider.expires)])?;
    }
    Ok(())
}

/// Removes what has ended, and what is too much: as many as are over, those first that end soonest.
fn make_room(transaction: &Transaction<'_>, rows: usize, bytes: usize, now: u64) -> rusqlite::Result<()> {
    for table in ["dht_records", "dht_providers"] {
        let text = format!("DELETE FROM {table} WHERE expires <= ?1");
        transaction.prepare_cached(&text)?.execute([time(now)])?;
    }
    // The sums run from what ends last to what ends first: what comes after the bound goes.
    let text =
        "SELECT max(expires) FROM (SELECT expires, row_number() OVER latest AS place, sum(bytes) OVER latest AS size
            FROM dht_records WINDOW latest AS (ORDER BY expires DESC, rowid DESC ROWS UNBOUNDED PRECEDING))
        WHERE place > ?1 OR size > ?2";
    let sums = "SELECT count(*), coalesce(sum(bytes), 0) FROM dht_records";
    let (held, size): (i64, i64) =
        transaction.prepare_cached(sums)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if held > count(rows) || size > count(bytes) {
        let over: Option<i64> =
            transaction.prepare_cached(text)?.query_row([count(rows), count(bytes)], |row| row.get(0))?;
        transaction.prepare_cached("DELETE FROM dht_records WHERE expires <= ?1")?.execute([over])?;
    }
    let most = count(rows.saturating_mul(PROVIDERS_PER_KEY));
    let held: i64 =
        transaction.prepare_cached("SELECT count(*) FROM dht_providers")?.query_row([], |row| row.get(0))?;
    let text = "DELETE FROM dht_providers WHERE (key, peer) IN
        (SELECT key, peer FROM dht_providers ORDER BY expires LIMIT ?1)";
    if held > most {
        transaction.prepare_cached(text)?.execute([held - most])?;
    }
    Ok(())
}

fn all(connection: &Connection, rows: usize, now: u64) -> rusqlite::Result<Vec<DhtKey>> {
    let mut keys: BTreeMap<Digest, DhtKey> = BTreeMap::new();
    let text = "SELECT key, value, expires FROM dht_records WHERE expires > ?1 ORDER BY expires DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(text)?;
    let records = statement.query_map([time(now), count(rows)], |row| {
        Ok((digest_column(row, 0)?, (row.get::<_, Vec<u8>>(1)?, from_sql(row.get(2)?))))
    })?;
    let empty = |key| DhtKey { key, record: None, providers: Vec::new() };
    for row in records {
        let (key, record) = row?;
        keys.entry(key).or_insert_with(|| empty(key)).record = Some(record);
    }
    let text = "SELECT key, peer, addresses, expires FROM dht_providers WHERE expires > ?1
        ORDER BY expires DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(text)?;
    let most = count(rows.saturating_mul(PROVIDERS_PER_KEY));
    let providers = statement.query_map([time(now), most], |row| {
        let provider =
            DhtProvider { peer: row.get(1)?, addresses: json_column(row, 2)?, expires: from_sql(row.get(3)?) };
        Ok((digest_column(row, 0)?, provider))
    })?;
    for row in providers {
        let (key, provider) = row?;
        keys.entry(key).or_insert_with(|| empty(key)).providers.push(provider);
    }
    Ok(keys.into_values().collect())
}

impl Store {
    /// Writes down what is kept under some keys, in the place of what was kept under them.
    pub fn put_dht(&self, kept: &[DhtKey], now: u64) -> Result<(), StoreError> {
        let limits = self.limits();
        self.db().write(WRITE, false, |t| {
            kept.iter().try_for_each(|kept| put(t, kept)).map_err(sql(WRITE))?;
            make_room(t, limits.max_dht_records, limits.max_dht_bytes, now).map_err(sql(WRITE))
        })
    }

    /// All that is kept and has not ended, sorted by key.
    pub fn dht(&self, now: u64) -> Result<Vec<DhtKey>, StoreError> {
        let rows = self.limits().max_dht_records;
        self.db().read("read records of the hash table from", |c| all(c, rows, now))
    }
}
