//! Small questions about a home that several jobs ask, and two small notes.
//!
//! Reads and writes rows; decides nothing.

use std::path::Path;

use ggen_core::{Digest, PackageId, PackageName, PublisherId};
use rusqlite::{OptionalExtension, params};

use crate::Installed;
use crate::Store;
use crate::archive::GgenFile;
use crate::db::catalog::Source;
use crate::db::column::{digest_column, from_sql, id_row, sql, to_sql};
use crate::db::installs;
use crate::error::StoreError;
use crate::holders::LockHolder;
use crate::locks::{self, Kind, Lock};

/// A project that is this process's until it is dropped.
#[derive(Debug)]
pub struct ProjectLock(#[allow(dead_code, reason = "held, never looked at")] Lock);

/// Publishers that one prefix may name before it is of no use.
const MAX_SAME_PREFIX: i64 = 16;

impl Store {
    /// The installed version of a name, if any.
    pub fn installed_package(&self, name: &PackageName) -> Result<Option<Installed>, StoreError> {
        let row = self.db().read("read installs from", |c| installs::one(c, name))?;
        Ok(row.map(|row| self.to_installed(row)))
    }

    /// Publishers of known packages whose id begins with `prefix` (lower-case hexadecimal digits), at most 16.
    pub fn publishers(&self, prefix: &str) -> Result<Vec<PublisherId>, StoreError> {
        self.db().read("read publishers from", |c| {
            let text = "SELECT DISTINCT publisher FROM packages WHERE lower(hex(publisher)) LIKE ?1 || '%' LIMIT ?2";
            let mut statement = c.prepare_cached(text)?;
            let rows = statement.query_map(params![prefix, MAX_SAME_PREFIX], |row| digest_column(row, 0))?;
            rows.map(|row| row.map(PublisherId)).collect()
        })
    }

    /// Packages in the catalog.
    pub fn package_count(&self) -> Result<usize, StoreError> {
        let count: Option<i64> = self.db().read("count packages in", |c| {
            c.prepare_cached("SELECT count(*) FROM packages")?.query_row([], |row| row.get(0)).optional()
        })?;
        Ok(count.and_then(|n| usize::try_from(n).ok()).unwrap_or(0))
    }

    /// Packages that at least so many sources told of and that are known since `before` (milliseconds since the Unix
    /// epoch) or longer, the longest known first, each with that time.
    pub fn widely_known(&self, sources: u32, before: u64, most: u32) -> Result<Vec<(PackageId, u64)>, StoreError> {
        self.db().read("read packages from", |c| {
            let text = "SELECT p.publisher, p.name, p.first_seen FROM packages p JOIN sources s ON s.package = p.id
                WHERE p.first_seen <= ?2 GROUP BY p.id HAVING count(*) >= ?1 ORDER BY p.first_seen, p.name LIMIT ?3";
            let mut statement = c.prepare_cached(text)?;
            let row = |row: &rusqlite::Row<'_>| Ok((id_row(row)?, from_sql(row.get(2)?)));
            let rows = statement.query_map(params![sources, to_sql(before), most], row)?;
            rows.collect()
        })
    }

    /// Notes that the network was asked what is new at `now` (milliseconds since the Unix epoch).
    pub fn note_refreshed(&self, now: u64) -> Result<(), StoreError> {
        self.db().write("note a refresh in", false, |t| {
            let text = "INSERT OR REPLACE INTO meta (key, value) VALUES ('refreshed', ?1)";
            t.execute(text, [now.to_string()]).map(|_| ()).map_err(sql("note a refresh in"))
        })
    }

    /// When the network was last asked what is new; none: never.
    pub fn refreshed(&self) -> Result<Option<u64>, StoreError> {
        let text: Option<String> = self.db().read("read the last refresh from", |c| {
            let mut statement = c.prepare_cached("SELECT value FROM meta WHERE key = 'refreshed'")?;
            statement.query_row([], |row| row.get(0)).optional()
        })?;
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// Notes that the user asked by name, and for which range, for packages that are installed already.
    pub fn mark_direct(&self, names: &[(PackageName, Option<String>)]) -> Result<(), StoreError> {
        if names.is_empty() {
            return Ok(());
        }
        self.db().write("note requests in", false, |t| {
            for (name, requirement) in names {
                let sql = sql("note a request in");
                let text = "UPDATE installs SET direct = 1, requirement = ifnull(?2, requirement) WHERE name = ?1";
                t.execute(text, params![name.as_str(), requirement]).map_err(sql)?;
            }
            Ok(())
        })
    }

    /// Waits until no other command of this home works on the project in this directory.
    pub fn lock_project(&self, dir: &Path, waiting: &mut dyn FnMut(&LockHolder)) -> Result<ProjectLock, StoreError> {
        let path = self.layout().project_lock(&Digest::of(dir.as_os_str().as_encoded_bytes()));
        locks::wait(&path, Kind::Exclusive, "the project's lockfile", self.limits(), waiting).map(ProjectLock)
    }

    /// Takes the verified documents of a `.ggen` file into the catalog.
    pub fn accept_file(&self, file: &GgenFile, now: u64) -> Result<(), StoreError> {
        self.accept_roots(&file.roots, now)?;
        if let Some(head) = &file.head {
            self.accept_head(head, Source::File, now)?;
        }
        self.accept_release(&file.release, Source::File, now)
    }
}
