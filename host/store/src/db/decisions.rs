//! The decision log: what policies were asked, and what they said.
//!
//! Never judges a decision. Invariant: bounded in count, bytes and age; an input is stored once, however often it was
//! judged.

use ggen_core::Digest;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params, params_from_iter};

use super::column::{digest_column, from_sql, json_column, sql, to_json, to_sql};
use crate::Store;
use crate::error::StoreError;
use crate::kept;

/// One decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecisionRow {
    /// Its number; ignored when it is written.
    pub id: i64,
    /// When, in milliseconds since the Unix epoch: the same for all decisions of one job.
    pub time: u64,
    /// Which hook.
    pub hook: String,
    /// Which function of it.
    pub call: String,
    /// What was judged: a package, a peer.
    pub subject: String,
    /// Names of the packages that it was about.
    pub packages: Vec<String>,
    /// The policy's name.
    pub policy: String,
    /// The policy's version.
    pub version: String,
    /// The digest of the policy's component; empty where there was none.
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
    /// Why there is no answer.
    pub fault: Option<String>,
    /// Whether asking again must give the same.
    pub replayable: bool,
    /// What it logged: `level: text`.
    pub log: Vec<String>,
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
    /// Of the policy of this name.
    pub policy: Option<String>,
    /// Whose subject has this text in it.
    pub subject: Option<String>,
    /// About the package of this name.
    pub package: Option<String>,
    /// In this mode.
    pub mode: Option<String>,
    /// Not before this time, in milliseconds since the Unix epoch.
    pub since: Option<u64>,
    /// Of the job of exactly this time.
    pub time: Option<u64>,
    /// Of each question, only by the policy that was asked first among those that were heeded.
    pub first: bool,
    /// Only rows with a smaller number: the next page.
    pub before: Option<i64>,
}

/// Decisions between two looks at how many bytes their inputs have.
const SIZE_EVERY: i64 = 64;

fn insert(transaction: &Transaction<'_>, row: &DecisionRow) -> rusqlite::Result<()> {
    let bytes = i64::try_from(row.input.len()).unwrap_or(i64::MAX);
    transaction
        .prepare_cached("INSERT OR IGNORE INTO inputs (digest, input, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![row.input_digest.as_bytes(), row.input, bytes])?;
    let text = "INSERT INTO decisions (time, hook, subject, policy, version, digest, settings, input, verdict, reasons,
        fuel, micros, limit_hit, place, mode, call, packages, fault, replayable, log)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";
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
        row.mode,
        row.call,
        to_json(&row.packages),
        row.fault,
        row.replayable,
        to_json(&row.log),
    ])?;
    Ok(())
}

/// Forgets what is too much; whether anything went.
fn prune(transaction: &Transaction<'_>, most: u64, bytes: u64, oldest: u64) -> rusqlite::Result<bool> {
    let text = "DELETE FROM decisions WHERE id <= (SELECT max(id) FROM decisions) - ?1 OR time < ?2";
    let mut gone = transaction.prepare_cached(text)?.execute(params![to_sql(most), to_sql(oldest)])?;
    if gone > 0 {
        forget_inputs(transaction)?;
    }
    // An eighth of the oldest goes each time: what is left of a log of any size after so many is nothing.
    for _ in 0..64 {
        let sum = transaction
            .prepare_cached("SELECT coalesce(sum(bytes), 0) FROM inputs")?
            .query_row([], |row| row.get::<_, i64>(0))?;
        if from_sql(sum) <= bytes {
            break;
        }
        let text = "DELETE FROM decisions WHERE id <= (SELECT min(id) + (max(id) - min(id)) / 8 FROM decisions)";
        gone += transaction.prepare_cached(text)?.execute([])?;
        forget_inputs(transaction)?;
    }
    Ok(gone > 0)
}

fn forget_inputs(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let text = "DELETE FROM inputs WHERE NOT EXISTS (SELECT 1 FROM decisions WHERE input = inputs.digest)";
    transaction.prepare_cached(text)?.execute([]).map(drop)
}

const COLUMNS: &str = "d.id, d.time, d.hook, d.subject, d.policy, d.version, d.digest, d.settings, d.input, i.input,
    d.verdict, d.reasons, d.fuel, d.micros, d.limit_hit, d.place, d.mode, d.call, d.packages, d.fault, d.replayable,
    d.log";

fn decision(row: &rusqlite::Row<'_>) -> rusqlite::Result<DecisionRow> {
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
        call: row.get(17)?,
        packages: json_column(row, 18)?,
        fault: row.get(19)?,
        replayable: row.get(20)?,
        log: json_column(row, 21)?,
    })
}

/// The conditions of a filter, each with its value.
fn conditions(filter: &DecisionFilter) -> (Vec<&'static str>, Vec<Value>) {
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    let number = |number: Option<u64>| number.map(|n| Value::Integer(to_sql(n.min(i64::MAX.cast_unsigned()))));
    // A name in a JSON list of names stands in quotes, and has nothing in it that JSON would write otherwise.
    let package = filter.package.as_ref().map(|name| Value::Text(to_json(name)));
    let all = [
        ("d.hook = ?", text(&filter.hook)),
        ("d.policy = ?", text(&filter.policy)),
        ("instr(d.subject, ?) > 0", text(&filter.subject)),
        ("instr(d.packages, ?) > 0", package),
        ("d.mode = ?", text(&filter.mode)),
        ("d.time >= ?", number(filter.since)),
        ("d.time = ?", number(filter.time)),
        ("d.id < ?", filter.before.map(Value::Integer)),
    ];
    all.into_iter().filter_map(|(condition, value)| Some((condition, value?))).unzip()
}

/// The condition that is no comparison with a value.
const FIRST: &str = " AND d.mode = 'enforce' AND NOT EXISTS (SELECT 1 FROM decisions e WHERE e.input = d.input
    AND e.hook = d.hook AND e.time = d.time AND e.mode = 'enforce' AND e.place < d.place)";

fn select(connection: &Connection, filter: &DecisionFilter, limit: usize) -> rusqlite::Result<Vec<DecisionRow>> {
    let (conditions, mut values) = conditions(filter);
    let mut chosen = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
    if filter.first {
        chosen.push_str(FIRST);
    }
    let text = format!(
        "SELECT {COLUMNS} FROM decisions d JOIN inputs i ON i.digest = d.input WHERE {chosen} ORDER BY d.id DESC LIMIT ?"
    );
    values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map(params_from_iter(values), decision)?;
    rows.collect()
}

/// How a policy that only watches compares with those that are heeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watched {
    /// Questions that it answered, or failed to.
    pub asked: u64,
    /// Of them, those that it would have denied, failures included.
    pub denied: u64,
    /// Of them, those that it answered otherwise than the first policy that was heeded.
    pub otherwise: u64,
}

impl Store {
    /// Keeps decisions, and forgets those that are too many, too large or too old at `now`. `components` are the bytes of
    /// policies that the rows name: kept for as long as a row names them.
    pub fn add_decisions(
        &self,
        rows: &[DecisionRow],
        components: &[(String, Vec<u8>)],
        now: u64,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let limits = self.limits();
        let age = u64::try_from(limits.decision_age.as_millis()).unwrap_or(u64::MAX);
        let oldest = now.saturating_sub(age);
        self.db().write("write decisions to", false, |t| {
            let write = sql("write decisions to");
            rows.iter().try_for_each(|row| insert(t, row)).map_err(&write)?;
            // To sum up all inputs takes a while where there are many: not each time.
            let last = t.last_insert_rowid();
            let first = last.saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            let is_due = first / SIZE_EVERY != last / SIZE_EVERY;
            let bytes = if is_due { limits.max_decision_bytes } else { u64::MAX };
            let gone = prune(t, limits.max_decisions, bytes, oldest).map_err(&write)?;
            // Under the writer's lock: nobody else names a component between the look and the removal.
            kept::put_components(&self.layout().policies(), components)?;
            if gone {
                kept::forget_components(&self.layout().policies(), &named(t).map_err(&write)?)?;
            }
            Ok(())
        })
    }

    /// At most `limit` decisions, latest first.
    pub fn decisions(&self, filter: &DecisionFilter, limit: usize) -> Result<Vec<DecisionRow>, StoreError> {
        self.db().read("read decisions from", |c| select(c, filter, limit))
    }

    /// What a component that only watches would have decided since a time.
    pub fn watched(&self, hook: &str, policy: &str, digest: &str, since: u64) -> Result<Watched, StoreError> {
        let text = "SELECT count(*),
            coalesce(sum(s.fault IS NOT NULL OR instr(s.verdict, '{\"deny\":') > 0), 0),
            coalesce(sum((SELECT e.verdict FROM decisions e WHERE e.input = s.input AND e.mode = 'enforce'
                AND e.hook = s.hook ORDER BY e.place LIMIT 1) <> s.verdict), 0)
            FROM decisions s WHERE s.mode = 'shadow' AND s.hook = ?1 AND s.policy = ?2 AND s.digest = ?3 AND s.time >= ?4";
        self.db().read("read decisions from", |c| {
            c.prepare_cached(text)?.query_row(params![hook, policy, digest, to_sql(since)], |row| {
                let number = |column| row.get::<_, i64>(column).map(from_sql);
                Ok(Watched { asked: number(0)?, denied: number(1)?, otherwise: number(2)? })
            })
        })
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

/// Digests of components that rows name.
fn named(transaction: &Transaction<'_>) -> rusqlite::Result<std::collections::BTreeSet<String>> {
    let mut statement = transaction.prepare_cached("SELECT DISTINCT digest FROM decisions")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}
