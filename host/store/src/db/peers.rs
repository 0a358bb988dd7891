//! Peers and bans, as others describe them: records are opaque here.
//!
//! Decides only which record goes when there are too many: the one that was updated least recently.

use rusqlite::{Connection, OptionalExtension, params};

use super::column::{from_sql, json_column, sql, to_json, to_sql};
use crate::Store;
use crate::error::StoreError;

/// What is remembered of a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerRecord {
    /// Its peer id.
    pub peer: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whatever its keeper wrote: JSON.
    pub record: String,
    /// When, in milliseconds since the Unix epoch.
    pub updated: u64,
}

/// A ban.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ban {
    /// Its peer id.
    pub peer: String,
    /// Until when, in milliseconds since the Unix epoch.
    pub until: u64,
    /// Why.
    pub reason: String,
}

fn record_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<PeerRecord> {
    Ok(PeerRecord {
        peer: row.get(0)?,
        addresses: json_column(row, 1)?,
        record: row.get(2)?,
        updated: from_sql(row.get(3)?),
    })
}

fn bans(connection: &Connection, now: u64) -> rusqlite::Result<Vec<Ban>> {
    let mut statement =
        connection.prepare_cached("SELECT peer, until, reason FROM bans WHERE until > ?1 ORDER BY until")?;
    let rows = statement.query_map([to_sql(now)], |row| {
        Ok(Ban { peer: row.get(0)?, until: from_sql(row.get(1)?), reason: row.get(2)? })
    })?;
    rows.collect()
}

impl Store {
    /// What is remembered of a peer.
    pub fn peer_record(&self, peer: &str) -> Result<Option<PeerRecord>, StoreError> {
        self.db().read("read a peer from", |c| {
            c.prepare_cached("SELECT peer, addresses, record, updated FROM peers WHERE peer = ?1")?
                .query_row([peer], record_row)
                .optional()
        })
    }

    /// Remembers records (`updated` is taken from each); past `max_known_peers` the least recently updated are forgotten.
    pub fn put_peer_records(&self, records: &[PeerRecord]) -> Result<(), StoreError> {
        let most = i64::try_from(self.limits().max_known_peers).unwrap_or(i64::MAX);
        self.db().write("write peers to", false, |t| {
            let write = sql("write peers to");
            for r in records {
                t.prepare_cached(
                    "INSERT OR REPLACE INTO peers (peer, addresses, record, updated) VALUES (?1, ?2, ?3, ?4)",
                )
                .and_then(|mut s| s.execute(params![r.peer, to_json(&r.addresses), r.record, to_sql(r.updated)]))
                .map_err(&write)?;
            }
            // Whoever only once did wrong, under a name that costs nothing, does not push out who can be called again.
            let text = "DELETE FROM peers WHERE peer IN
                (SELECT peer FROM peers ORDER BY addresses = '[]', updated DESC LIMIT -1 OFFSET ?1)";
            t.prepare_cached(text).and_then(|mut s| s.execute([most])).map_err(&write)?;
            Ok(())
        })
    }

    /// Remembers one record.
    pub fn put_peer_record(&self, peer: &str, addresses: &[String], json: &str, now: u64) -> Result<(), StoreError> {
        let (peer, addresses, record) = (peer.to_owned(), addresses.to_vec(), json.to_owned());
        self.put_peer_records(&[PeerRecord { peer, addresses, record, updated: now }])
    }

    /// All records, most recently updated first.
    pub fn peers(&self) -> Result<Vec<PeerRecord>, StoreError> {
        self.db().read("read peers from", |c| {
            let text = "SELECT peer, addresses, record, updated FROM peers ORDER BY updated DESC";
            let mut statement = c.prepare_cached(text)?;
            let rows = statement.query_map([], record_row)?;
            rows.collect()
        })
    }

    /// Bans a peer until `until` (milliseconds since the Unix epoch), or longer where it is banned longer already. Where
    /// there are too many, those go that end first.
    pub fn put_ban(&self, peer: &str, until: u64, reason: &str) -> Result<(), StoreError> {
        let reason: String = reason.chars().take(1024).collect();
        let most = i64::try_from(self.limits().max_known_peers).unwrap_or(i64::MAX);
        self.db().write("write a ban to", false, |t| {
            let text = "INSERT INTO bans (peer, until, reason) VALUES (?1, ?2, ?3)
                ON CONFLICT (peer) DO UPDATE SET until = ?2, reason = ?3 WHERE until < ?2";
            t.prepare_cached(text)
                .and_then(|mut s| s.execute(params![peer, to_sql(until.min(i64::MAX.cast_unsigned())), reason]))
                .map_err(sql("write a ban to"))?;
            let text = "DELETE FROM bans WHERE peer IN (SELECT peer FROM bans ORDER BY until DESC LIMIT -1 OFFSET ?1)";
            t.prepare_cached(text).and_then(|mut s| s.execute([most])).map(|_| ()).map_err(sql("write a ban to"))
        })
    }

    /// The bans that hold at `now`. Those that are over are forgotten when one is lifted or by `clean`.
    pub fn bans(&self, now: u64) -> Result<Vec<Ban>, StoreError> {
        self.db().read("read bans from", |c| bans(c, now))
    }

    /// Lifts a ban; says whether there was one.
    pub fn remove_ban(&self, peer: &str) -> Result<bool, StoreError> {
        self.db().write("lift a ban in", false, |t| {
            let done = t.prepare_cached("DELETE FROM bans WHERE peer = ?1").and_then(|mut s| s.execute([peer]));
            done.map(|count| count > 0).map_err(sql("lift a ban in"))
        })
    }

    /// Forgets the bans that are over.
    pub fn sweep_bans(&self, now: u64) -> Result<(), StoreError> {
        self.db().write("sweep bans in", false, |t| {
            let done =
                t.prepare_cached("DELETE FROM bans WHERE until <= ?1").and_then(|mut s| s.execute([to_sql(now)]));
            done.map(|_| ()).map_err(sql("sweep bans in"))
        })
    }
}
