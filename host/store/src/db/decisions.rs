//! The decision log: what policies were asked, and what they said.
//!
//! Never judges a decision. Invariant: bounded in count and age; an input is stored once, however often it was judged.

use ggen_core::Digest;
use rusqlite::{Connection, Transaction, params, params_from_iter};

use super::{digest_column, from_sql, json_column, sql, to_json, to_sql};
use crate::Store;
use crate::error::StoreError;

/// One decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecisionRow {
    /// Its number; ignored when it is written.
    pub id: i64,
    /// When, in milliseconds since the Unix epoch.
    pub time: u64,
    /// Which hook.
    pub hook: String,
    /// What was judged: a package, a peer.
    pub subject: String,
    /// The policy's name.
    pub policy: String,
    /// The policy's version.
    pub version: String,
    /// The digest of the policy's component.
    pub digest: String,
    /// Its settings: JSON.
    pub settings: String,
    /// The digest of the input.
    pub input_digest: Digest,
    /// The input: JSON.
    pub input: String,
    /// The verdict: JSON.
    pub verdict: String,
    /// Why.
    pub reasons: Vec<String>,
    /// Fuel used.
    pub fuel: u64,
    /// Time used, in microseconds.
    pub micros: u64,
    /// The limit that was hit, if one was.
    pub limit: Option<String>,
    /// Its place in the hook's chain, from 0.
    pub place: u32,
    /// `enforce` or `shadow`.
    pub mode: String,
}

/// Which decisions are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DecisionFilter {
    /// Of this hook.
    pub hook: Option<String>,
    /// Whose subject has this text in it.
    pub subject: Option<String>,
    /// Not before this time, in milliseconds since the Unix epoch.
    pub since: Option<u64>,
}

fn insert(transaction: &Transaction<'_>, row: &DecisionRow) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO inputs (digest, input) VALUES (?1, ?2)")?
        .execute(params![row.input_digest.as_bytes(), row.input])?;
    let text = "INSERT INTO decisions (time, hook, subject, policy, version, digest, settings, input, verdict, reasons,
        fuel, micros, limit_hit, place, mode) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    transaction.prepare_cached(text)?.execute(params![
        to_sql(row.time),
        row.hook,
        row.subject,
        row.policy,
        row.version,
        row.digest,
        row.settings,
        row.input_digest.as_bytes(),
        row.verdict,
        to_json(&row.reasons),
        to_sql(row.fuel),
        to_sql(row.micros),
        row.limit,
        row.place,
        row.mode
    ])?;
    Ok(())
}

fn prune(transaction: &Transaction<'_>, most: u64, oldest: u64) -> rusqlite::Result<()> {
    let text = "DELETE FROM decisions WHERE id <= (SELECT max(id) FROM decisions) - ?1 OR time < ?2";
    let gone = transaction.prepare_cached(text)?.execute(params![to_sql(most), to_sql(oldest)])?;
    if gone > 0 {
        let text = "DELETE FROM inputs WHERE NOT EXISTS (SELECT 1 FROM decisions WHERE input = inputs.digest)";
        transaction.prepare_cached(text)?.execute([])?;
    }
    Ok(())
}

fn select(connection: &Connection, filter: &DecisionFilter, limit: usize) -> rusqlite::Result<Vec<DecisionRow>> {
    let text = "SELECT d.id, d.time, d.hook, d.subject, d.policy, d.version, d.digest, d.settings, d.input, i.input,
        d.verdict, d.reasons, d.fuel, d.micros, d.limit_hit, d.place, d.mode
        FROM decisions d JOIN inputs i ON i.digest = d.input
        WHERE (?1 IS NULL OR d.hook = ?1) AND (?2 IS NULL OR instr(d.subject, ?2) > 0) AND d.time >= ?3
        ORDER BY d.id DESC LIMIT ?4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let since = to_sql(filter.since.unwrap_or(0).min(i64::MAX.cast_unsigned()));
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map(params![filter.hook, filter.subject, since, limit], |row| {
        Ok(DecisionRow {
            id: row.get(0)?,
            time: from_sql(row.get(1)?),
            hook: row.get(2)?,
            subject: row.get(3)?,
            policy: row.get(4)?,
            version: row.get(5)?,
            digest: row.get(6)?,
            settings: row.get(7)?,
            input_digest: digest_column(row, 8)?,
            input: row.get(9)?,
            verdict: row.get(10)?,
            reasons: json_column(row, 11)?,
            fuel: from_sql(row.get(12)?),
            micros: from_sql(row.get(13)?),
            limit: row.get(14)?,
            place: row.get(15)?,
            mode: row.get(16)?,
        })
    })?;
    rows.collect()
}

impl Store {
    /// Keeps decisions, and forgets those that are too many or too old at `now`.
    pub fn add_decisions(&self, rows: &[DecisionRow], now: u64) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let age = u64::try_from(self.limits().decision_age.as_millis()).unwrap_or(u64::MAX);
        let (most, oldest) = (self.limits().max_decisions, now.saturating_sub(age));
        self.db().write("write decisions to", false, |t| {
            let write = sql("write decisions to");
            rows.iter().try_for_each(|row| insert(t, row)).map_err(&write)?;
            prune(t, most, oldest).map_err(&write)
        })
    }

    /// At most `limit` decisions, latest first.
    pub fn decisions(&self, filter: &DecisionFilter, limit: usize) -> Result<Vec<DecisionRow>, StoreError> {
        self.db().read("read decisions from", |c| select(c, filter, limit))
    }

    /// How many decisions of each verdict a policy's component made: `(policy, digest, verdict, count)`.
    pub fn decision_counts(&self) -> Result<Vec<(String, String, String, u64)>, StoreError> {
        self.db().read("read decisions from", |c| {
            let text =
                "SELECT policy, digest, verdict, count(*) FROM decisions GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT 10000";
            let mut statement = c.prepare_cached(text)?;
            let rows = statement.query_map(params_from_iter([0; 0]), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, from_sql(row.get(3)?)))
            })?;
            rows.collect()
        })
    }
}
