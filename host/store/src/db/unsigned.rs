//! What an index lists without a signature.
//!
//! Decides that it gives way to whatever is signed. Everything that a row needs is made of an entry beforehand, by
//! whoever reads it: the one who writes is what an import waits for. What rests on the home's own index alone goes when
//! that lists it no more. Invariant: a version whose release is known is left as it is.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use ggen_core::release::Dependency;
use ggen_core::{Digest, PackageId};
use rusqlite::{Transaction, params};
use semver::Version;

use super::column::{sql, to_json, to_sql};
use super::package_row::package_row;
use super::refresh::{About, Words, highest, put_words, refresh};
use crate::error::StoreError;

/// A version that an index lists without a signed release.
pub(crate) struct UnsignedVersion {
    pub(crate) version: String,
    archive: Option<Digest>,
    size: Option<u64>,
    yanked: bool,
    /// JSON.
    dependencies: String,
}

/// A package with the versions of it that an index lists without a signed release.
pub(crate) struct Unsigned {
    pub(crate) id: PackageId,
    pub(crate) versions: Vec<UnsignedVersion>,
    key: String,
    about: About,
    words: Words,
    newest: Option<String>,
}

impl UnsignedVersion {
    pub(crate) fn new(
        version: &Version,
        archive: Option<Digest>,
        size: Option<u64>,
        dependencies: &[Dependency],
        yanked: bool,
    ) -> Self {
        Self { version: version.to_string(), archive, size, yanked, dependencies: to_json(&dependencies) }
    }
}

impl Unsigned {
    /// `versions`: each beside what it was read of.
    pub(crate) fn new(id: PackageId, about: About, versions: Vec<(Version, UnsignedVersion)>) -> Self {
        let newest = highest(versions.iter().filter(|(_, v)| !v.yanked).map(|(v, _)| v)).map(Version::to_string);
        let (key, words) = (id.name.collision_key(), Words::of(id.name.as_str(), &about));
        Self { versions: versions.into_iter().map(|(_, v)| v).collect(), id, key, about, words, newest }
    }
}

/// Takes in a package that nothing is known of yet; whether it was one.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    package: &Unsigned,
    listed: bool,
    now: u64,
) -> Result<bool, StoreError> {
    let text = "INSERT INTO packages
        (publisher, name, key, first_seen, newest, description, keywords, category, author)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
    let Unsigned { id, versions, key, about, words, newest } = package;
    let (publisher, name) = (id.publisher.0.as_bytes(), id.name.as_str());
    let inserted = transaction
        .prepare_cached(text)
        .and_then(|mut s| {
            let About { description, keywords, category, author } = about;
            s.execute(params![publisher, name, key, to_sql(now), newest, description, keywords, category, author])
        })
        .map_err(sql("write a package to"))?;
    if inserted == 0 {
        return Ok(false);
    }
    let row = transaction.last_insert_rowid();
    put_versions(transaction, row, versions, listed, now)?;
    put_words(transaction, row, words).map_err(sql("write words to"))?;
    Ok(true)
}

/// Takes in a package of which something may be known.
pub(crate) fn accept(
    transaction: &Transaction<'_>,
    package: &Unsigned,
    listed: bool,
    now: u64,
) -> Result<(), StoreError> {
    let row = package_row(transaction, &package.id, now)?;
    put_versions(transaction, row, &package.versions, listed, now)?;
    refresh(transaction, row, Some(&package.about))
}

fn put_versions(
    transaction: &Transaction<'_>,
    package: i64,
    versions: &[UnsignedVersion],
    listed: bool,
    now: u64,
) -> Result<(), StoreError> {
    let text =
        "INSERT INTO versions (package, version, archive, size, witnessed, yanked, unsigned, dependencies, listed)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)
        ON CONFLICT (package, version) DO UPDATE SET
            archive = ?3, size = ?4, yanked = ?6, dependencies = ?7, listed = listed OR ?8
        WHERE release IS NULL";
    let mut statement = transaction.prepare_cached(text).map_err(sql("write a version to"))?;
    for version in versions {
        statement
            .execute(params![
                package,
                version.version,
                version.archive.as_ref().map(|d| d.as_bytes()),
                version.size.map(to_sql),
                to_sql(now),
                version.yanked.then_some(""),
                version.dependencies,
                listed
            ])
            .map_err(sql("write a version to"))?;
    }
    Ok(())
}

/// One reading of the home's index over an older one: what it lists is noted, the rest goes at its end.
pub(crate) struct Pass(u64);

/// What a version is that rests on the home's index alone.
const RESTING: &str = "v.listed AND v.unsigned AND v.release IS NULL AND v.envelope IS NULL";

impl Pass {
    /// Begins, where something rests on the index that was read before. What is noted is this connection's alone.
    pub(crate) fn begin(transaction: &Transaction<'_>) -> Result<Option<Self>, StoreError> {
        static PASSES: AtomicU64 = AtomicU64::new(0);
        let text = format!("SELECT EXISTS (SELECT 1 FROM versions v WHERE {RESTING})");
        let begin = || {
            if !transaction.query_row(&text, [], |row| row.get::<_, bool>(0))? {
                return Ok(None);
            }
            transaction.execute_batch(
                "CREATE TEMP TABLE IF NOT EXISTS seen (pass INTEGER, publisher BLOB, name TEXT, version TEXT,
                    PRIMARY KEY (pass, publisher, name, version)) WITHOUT ROWID",
            )?;
            Ok(Some(Self(PASSES.fetch_add(1, Ordering::Relaxed))))
        };
        begin().map_err(sql("import an index into"))
    }

    /// Notes what the index lists.
    pub(crate) fn note(&self, transaction: &Transaction<'_>, package: &Unsigned) -> Result<(), StoreError> {
        let text = "INSERT OR IGNORE INTO temp.seen VALUES (?1, ?2, ?3, ?4)";
        let write = sql("import an index into");
        let mut statement = transaction.prepare_cached(text).map_err(&write)?;
        for version in &package.versions {
            let (publisher, name) = (package.id.publisher.0.as_bytes(), package.id.name.as_str());
            statement.execute(params![to_sql(self.0), publisher, name, version.version]).map_err(&write)?;
        }
        Ok(())
    }

    /// Forgets what was noted; with `whole`, what rests on the index and is not in it goes. How many versions went.
    pub(crate) fn end(&self, transaction: &Transaction<'_>, whole: bool) -> Result<usize, StoreError> {
        let pass = to_sql(self.0);
        let text = format!(
            "SELECT v.package, v.version FROM versions v JOIN packages p ON p.id = v.package WHERE {RESTING} AND NOT EXISTS
                (SELECT 1 FROM temp.seen s
                 WHERE s.pass = ?1 AND s.publisher = p.publisher AND s.name = p.name AND s.version = v.version)"
        );
        let find = || -> rusqlite::Result<Vec<(i64, String)>> {
            let mut statement = transaction.prepare(&text)?;
            statement.query_map([pass], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let gone = if whole { find().map_err(sql("read"))? } else { Vec::new() };
        for (package, version) in &gone {
            transaction
                .prepare_cached("DELETE FROM versions WHERE package = ?1 AND version = ?2")
                .and_then(|mut s| s.execute(params![package, version]))
                .map_err(sql("import an index into"))?;
        }
        for package in gone.iter().map(|(package, _)| *package).collect::<BTreeSet<_>>() {
            refresh(transaction, package, None)?;
        }
        transaction
            .execute("DELETE FROM temp.seen WHERE pass = ?1", [pass])
            .map(|_| gone.len())
            .map_err(sql("import an index into"))
    }
}
