//! The log of accepted heads: by it other nodes catch up, and by theirs this one.
//!
//! Decides what is told of a package: its head, and the release that is shown here. Invariant: a number of the log is never
//! used twice, so whoever has followed it so far misses nothing; a new database has a new log.

use ggen_core::announcement::Announcement;
use ggen_core::head::HeadBundle;
use ggen_core::{PackageId, PublisherId};
use rusqlite::{Connection, OptionalExtension, params};

use super::column::{from_sql, id_row, json_column, sql, to_sql};
use super::{heard, trust};
use crate::Store;
use crate::error::StoreError;

/// How far the log of a peer was followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// Its peer id.
    pub peer: String,
    /// Which log.
    pub log: String,
    /// The last number that was taken in.
    pub after: u64,
}

/// A piece of the log.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Which log.
    pub log: String,
    /// Heads with their numbers, rising.
    pub entries: Vec<(u64, Announcement)>,
    /// The number of the last entry that was looked at; 0 if there was none.
    pub last: u64,
    /// Whether there may be more after it.
    pub more: bool,
}

fn of_catalog(connection: &Connection, id: &PackageId) -> rusqlite::Result<Option<Announcement>> {
    let text = "SELECT p.head, (SELECT envelope FROM versions v WHERE v.package = p.id AND v.version = p.newest)
        FROM packages p WHERE p.publisher = ?1 AND p.name = ?2 AND p.head IS NOT NULL";
    let row: Option<(_, Option<String>)> = connection
        .prepare_cached(text)?
        .query_row(params![id.publisher.0.as_bytes(), id.name.as_str()], |r| Ok((json_column(r, 0)?, r.get(1)?)))
        .optional()?;
    let Some((head, release)) = row else { return Ok(None) };
    let Some((roots, _)) = trust::roots(connection, id.publisher)? else { return Ok(None) };
    let release = release.and_then(|text| serde_json::from_str(&text).ok());
    Ok((!roots.is_empty()).then(|| Announcement::new(HeadBundle { roots, head }, release)))
}

fn page(connection: &Connection, after: u64, limit: usize, room: usize) -> rusqlite::Result<Changes> {
    let log = connection.query_row("SELECT value FROM meta WHERE key = 'changes'", [], |r| r.get(0))?;
    let mut statement =
        connection.prepare_cached("SELECT publisher, name, id FROM changes WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    // A number beyond what SQLite can hold is of no log.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, most], |r| Ok((id_row(r)?, from_sql(r.get(2)?))))?;
    let (mut entries, mut last, mut looked, mut size) = (Vec::new(), 0, 0, 0);
    for row in rows {
        let (id, number): (PackageId, u64) = row?;
        (last, looked) = (number, looked + 1);
        if let Some(announcement) = told(connection, &id)? {
            size += announcement.to_json().len();
            entries.push((number, announcement));
        }
        if size >= room {
            break;
        }
    }
    Ok(Changes { log, entries, last, more: looked >= limit || size >= room })
}

/// What is told of a package: of what was heard, else of the catalog.
fn told(connection: &Connection, id: &PackageId) -> rusqlite::Result<Option<Announcement>> {
    match heard::announcement(connection, id)? {
        Some(announcement) => Ok(Some(announcement)),
        None => of_catalog(connection, id),
    }
}

impl Store {
    /// The number of the last change; 0 where there was none.
    pub fn last_change(&self) -> Result<u64, StoreError> {
        let text = "SELECT coalesce(max(id), 0) FROM changes";
        self.db().read("read the log of heads of", |c| {
            c.prepare_cached(text)?.query_row([], |row| Ok(from_sql(row.get(0)?)))
        })
    }

    /// What is told of a publisher's packages that have changed after one number of the log and up to another.
    pub fn changes_of(&self, publisher: PublisherId, after: u64, to: u64) -> Result<Vec<Announcement>, StoreError> {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let text = "SELECT publisher, name FROM changes WHERE publisher = ?1 AND id > ?2 AND id <= ?3 ORDER BY id";
        self.db().read("read the log of heads of", |c| {
            let mut statement = c.prepare_cached(text)?;
            let found = params![publisher.0.as_bytes(), number(after), number(to)];
            let ids = statement.query_map(found, id_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
            ids.iter().filter_map(|id| told(c, id).transpose()).collect()
        })
    }

    /// Which log this home's is, and at most `limit` entries of it after a number; no further one where they have `room`
    /// bytes together.
    pub fn changes(&self, after: u64, limit: usize, room: usize) -> Result<Changes, StoreError> {
        self.db().read("read the log of heads of", |c| page(c, after, limit, room))
    }

    /// How far the logs of others were followed, those last that were followed longest ago.
    pub fn cursors(&self) -> Result<Vec<Cursor>, StoreError> {
        self.db().read("read cursors from", |c| {
            let mut statement = c.prepare_cached("SELECT peer, log, after FROM cursors ORDER BY updated DESC")?;
            let rows = statement
                .query_map([], |r| Ok(Cursor { peer: r.get(0)?, log: r.get(1)?, after: from_sql(r.get(2)?) }))?;
            rows.collect()
        })
    }

    /// Notes how far a log was followed; the one that was followed longest ago goes where there are too many.
    pub fn put_cursor(&self, cursor: &Cursor, now: u64) -> Result<(), StoreError> {
        let most = i64::try_from(self.limits().max_known_peers).unwrap_or(i64::MAX);
        self.db().write("write a cursor to", false, |t| {
            t.prepare_cached("INSERT OR REPLACE INTO cursors (peer, log, after, updated) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut s| s.execute(params![cursor.peer, cursor.log, to_sql(cursor.after), to_sql(now)]))
                .map_err(sql("write a cursor to"))?;
            let text = "DELETE FROM cursors WHERE peer IN (SELECT peer FROM cursors ORDER BY updated DESC, peer
                LIMIT -1 OFFSET ?1)";
            t.prepare_cached(text).and_then(|mut s| s.execute([most])).map(|_| ()).map_err(sql("write a cursor to"))
        })
    }
}
