//! The catalog: what is read from it.
//!
//! Never decides which version is used. Releases are taken from the database without checking their signatures again:
//! they were checked on their way in, and the file is the user's own. Heads are checked each time.

use ggen_core::head::{HeadBundle, HeadMark, SignedHead};
use ggen_core::release::{Dependency, SignedRelease};
use ggen_core::{Digest, PackageId, PackageName};
use rusqlite::{Connection, OptionalExtension, params};
use semver::Version;

use super::column::{from_sql, id_row, json_column, optional_digest, release_columns, text_column};
use super::{package_row, trust};

/// What this home knows of a package.
#[derive(Clone, Debug)]
pub struct CatalogPackage {
    /// Which.
    pub id: PackageId,
    /// The latest head, if one is here.
    pub head: Option<SignedHead>,
    /// The highest head ever seen; above `head` only after the database was lost.
    pub mark: Option<HeadMark>,
    /// Two heads of one sequence were seen.
    pub equivocated: bool,
    /// Both of them, as JSON `{"roots","first","second"}`.
    pub proof: Option<String>,
    /// Highest first.
    pub versions: Vec<CatalogVersion>,
    /// Distinct sources of the latest head; peers of one network count once.
    pub sources: usize,
    /// When the publisher's roots were first seen here, in milliseconds since the Unix epoch.
    pub publisher_first_seen: Option<u64>,
    /// What it is said to be.
    pub description: String,
}

/// What this home knows of one version.
#[derive(Clone, Debug)]
pub struct CatalogVersion {
    /// The version.
    pub version: Version,
    /// The signed release, if it is here.
    pub release: Option<SignedRelease>,
    /// The digest that a head or a release fixed.
    pub release_digest: Option<Digest>,
    /// The archive's digest: signed, or (`unsigned`) as an index says.
    pub archive: Option<Digest>,
    /// The archive's bytes.
    pub archive_size: Option<u64>,
    /// Signed, or (`unsigned`) as an index says; none where the release is not here.
    pub dependencies: Option<Vec<Dependency>>,
    /// Why it should not be used.
    pub yanked: Option<String>,
    /// When this home first saw it, in milliseconds since the Unix epoch.
    pub witnessed: u64,
    /// From an index, without a signed release: good for a plan, never for an install.
    pub unsigned: bool,
    /// The latest head lists it.
    pub in_head: bool,
    /// When it was published, by the publisher's word.
    pub published: Option<u64>,
}

pub(crate) fn package(connection: &Connection, id: &PackageId) -> rusqlite::Result<Option<CatalogPackage>> {
    let text = "SELECT id, head, equivocated, proof, description,
        (SELECT count(*) FROM sources WHERE package = packages.id) FROM packages WHERE publisher = ?1 AND name = ?2";
    type Row = (i64, Option<String>, bool, Option<String>, String, i64);
    let row: Option<Row> = connection
        .prepare_cached(text)?
        .query_row(params![id.publisher.0.as_bytes(), id.name.as_str()], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
        })
        .optional()?;
    let Some((package, head, equivocated, proof, description, sources)) = row else { return Ok(None) };
    let (roots, first_seen) = trust::roots(connection, id.publisher)?.map_or((Vec::new(), None), |(r, t)| (r, Some(t)));
    let head = head
        .and_then(|h| serde_json::from_str(&h).ok())
        .and_then(|head| SignedHead::verify(HeadBundle { roots, head }, Some(id)).ok());
    let mut versions = versions(connection, package)?;
    for version in &mut versions {
        version.in_head = head.as_ref().is_some_and(|h| h.head.version(&version.version).is_some());
    }
    Ok(Some(CatalogPackage {
        id: id.clone(),
        head,
        mark: package_row::mark(connection, package)?,
        equivocated,
        proof,
        versions,
        sources: usize::try_from(sources).unwrap_or(0),
        publisher_first_seen: first_seen,
        description,
    }))
}

fn versions(connection: &Connection, package: i64) -> rusqlite::Result<Vec<CatalogVersion>> {
    let text = "SELECT version, release, envelope, archive, size, yanked, witnessed, unsigned, published, dependencies
        FROM versions WHERE package = ?1";
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map([package], |row| {
        let has_envelope = row.get_ref(2)? != rusqlite::types::ValueRef::Null;
        let release = if has_envelope { Some(release_columns(row, 2, 1)?) } else { None };
        let listed = row.get_ref(9)? != rusqlite::types::ValueRef::Null;
        let dependencies = match &release {
            Some(signed) => Some(signed.release.dependencies.clone()),
            None if listed => Some(json_column(row, 9)?),
            None => None,
        };
        Ok(CatalogVersion {
            version: text_column(row, 0)?,
            release_digest: optional_digest(row, 1)?,
            archive: optional_digest(row, 3)?,
            archive_size: row.get::<_, Option<i64>>(4)?.map(from_sql),
            yanked: row.get(5)?,
            witnessed: from_sql(row.get(6)?),
            unsigned: row.get(7)?,
            published: row.get::<_, Option<i64>>(8)?.map(from_sql),
            in_head: false,
            dependencies,
            release,
        })
    })?;
    let mut versions: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    versions.sort_by(|a, b| b.version.cmp(&a.version));
    Ok(versions)
}

/// The highest head seen of a package.
pub(crate) fn mark(connection: &Connection, id: &PackageId) -> rusqlite::Result<Option<HeadMark>> {
    let row: Option<i64> = connection
        .prepare_cached("SELECT id FROM packages WHERE publisher = ?1 AND name = ?2")?
        .query_row(params![id.publisher.0.as_bytes(), id.name.as_str()], |r| r.get(0))
        .optional()?;
    row.map_or(Ok(None), |row| package_row::mark(connection, row))
}

/// Whose packages have this name. One that an index lists with yanked versions alone counts where there is no other: it is
/// published, and adds no doubt to whose a name is that can be used.
pub(crate) fn claimants(connection: &Connection, name: &PackageName) -> rusqlite::Result<Vec<PackageId>> {
    let usable =
        "SELECT publisher, name FROM packages WHERE key = ?1 AND newest IS NOT NULL OR key = ?1 AND head IS NOT NULL
        ORDER BY publisher, name LIMIT 1000";
    let yanked = "SELECT publisher, name FROM packages
        WHERE key = ?1 AND EXISTS (SELECT 1 FROM versions WHERE package = packages.id)
        ORDER BY publisher, name LIMIT 1000";
    let mut found = Vec::new();
    for text in [usable, yanked] {
        if found.is_empty() {
            let mut statement = connection.prepare_cached(text)?;
            let rows = statement.query_map([name.collision_key()], id_row)?;
            found = rows.collect::<rusqlite::Result<_>>()?;
        }
    }
    Ok(found)
}

/// Names that begin as `name` does; where none is near, names of about its length: a bounded part of each.
pub(crate) fn names_like(connection: &Connection, name: &PackageName) -> rusqlite::Result<[Vec<PackageName>; 2]> {
    let length = "length(name) BETWEEN ?1 - 2 AND ?1 + 2 AND (newest IS NOT NULL OR head IS NOT NULL)";
    let read = |text: String, from: &str| -> rusqlite::Result<Vec<PackageName>> {
        let mut statement = connection.prepare_cached(&text)?;
        let length = i64::try_from(name.as_str().len()).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![length, from], |row| text_column(row, 0))?;
        rows.collect()
    };
    let key = name.collision_key();
    let first = key.get(..1).unwrap_or_default();
    let alike =
        format!("SELECT DISTINCT name FROM packages WHERE key >= ?2 AND key < ?2 || '~' AND {length} LIMIT 50000");
    let others = format!(
        "SELECT DISTINCT name FROM packages WHERE key < ?2 AND {length} OR key > ?2 || '~' AND {length} LIMIT 50000"
    );
    Ok([read(alike, first)?, read(others, first)?])
}

pub(crate) fn release(
    connection: &Connection,
    id: &PackageId,
    version: &Version,
) -> rusqlite::Result<Option<SignedRelease>> {
    let text = "SELECT v.envelope, v.release FROM versions v JOIN packages p ON p.id = v.package
        WHERE p.publisher = ?1 AND p.name = ?2 AND v.version = ?3 AND v.envelope IS NOT NULL";
    connection
        .prepare_cached(text)?
        .query_row(params![id.publisher.0.as_bytes(), id.name.as_str(), version.to_string()], |row| {
            release_columns(row, 0, 1)
        })
        .optional()
}

/// Any release with this archive: what proves its size and chunks.
pub(crate) fn release_of_archive(connection: &Connection, archive: &Digest) -> rusqlite::Result<Option<SignedRelease>> {
    connection
        .prepare_cached("SELECT envelope, release FROM versions WHERE archive = ?1 AND envelope IS NOT NULL LIMIT 1")?
        .query_row([archive.as_bytes()], |row| release_columns(row, 0, 1))
        .optional()
}

/// Heads in the order of packages, after `after`.
pub(crate) fn heads_page(
    connection: &Connection,
    after: Option<&PackageId>,
    limit: usize,
) -> rusqlite::Result<Vec<(PackageId, HeadBundle)>> {
    let text = "SELECT p.publisher, p.name, p.head, b.roots FROM packages p
        JOIN publishers b ON b.publisher = p.publisher
        WHERE p.head IS NOT NULL AND (p.publisher, p.name) > (?1, ?2)
        ORDER BY p.publisher, p.name LIMIT ?3";
    let (publisher, name) = match after {
        Some(id) => (id.publisher.0.as_bytes().to_vec(), id.name.as_str()),
        None => (Vec::new(), ""),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map(params![publisher, name, limit], |row| {
        Ok((id_row(row)?, HeadBundle { head: json_column(row, 2)?, roots: json_column(row, 3)? }))
    })?;
    rows.collect()
}
