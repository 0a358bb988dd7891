//! From the catalog into `registry/index.json`.
//!
//! Decides nothing: what the home's registry lists is written, sorted. Invariant: the file is replaced in one rename, and
//! one process at a time writes it from what the database has then.

use std::io::{self, BufWriter, Write};

use ggen_core::PackageId;
use ggen_core::release::Dependency;
use rusqlite::Connection;
use semver::Version;
use serde::Serialize;

use crate::db::column::{from_sql, id_row, json_column, optional_digest, release_columns, text_column};
use crate::db::refresh::{About, about_columns};
use crate::error::{StoreError, at};
use crate::locks::{self, Kind};
use crate::{Store, fsio, layout};

#[derive(Serialize)]
struct PackageOut<'a> {
    name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keywords: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<&'a str>,
    versions: Vec<VersionOut>,
}

#[derive(Serialize)]
struct VersionOut {
    #[serde(serialize_with = "as_text")]
    version: Version,
    publisher: String,
    digest: Option<String>,
    size_bytes: Option<u64>,
    dependencies: Vec<DependencyOut>,
    yanked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
}

#[derive(Serialize)]
struct DependencyOut {
    name: String,
    version_req: String,
    optional: bool,
    publisher: Option<String>,
}

fn as_text<S: serde::Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(version)
}

struct Row {
    id: PackageId,
    about: About,
    version: VersionOut,
}

impl Store {
    /// Writes the home's index from the catalog.
    pub(crate) fn write_index(&self, now: u64) -> Result<(), StoreError> {
        let (path, registry) = (self.layout().index(), self.layout().registry());
        let _lock = locks::wait(
            &self.layout().state_lock(),
            Kind::Exclusive,
            "the registry index",
            self.limits(),
            &mut |_| (),
        )?;
        let mut file = tempfile::Builder::new()
            .prefix(fsio::HALF_WRITTEN)
            .tempfile_in(&registry)
            .map_err(at("write in", &registry))?;
        let mut out = BufWriter::new(file.as_file_mut());
        let written = self.db().read("read packages from", |c| Ok(write(c, &mut out, now)))?;
        written.and_then(|()| out.flush()).map_err(at("write", &path))?;
        drop(out);
        fsio::set_mode(file.as_file(), 0o644).map_err(at("write", &path))?;
        file.as_file().sync_data().map_err(at("sync", &path))?;
        file.persist(&path).map_err(|e| StoreError::io("write", &path, e.error))?;
        fsio::sync_dir(&registry)?;
        self.stamp_home()
    }
}

fn write(connection: &Connection, out: &mut impl Write, now: u64) -> io::Result<()> {
    let text =
        "SELECT p.publisher, p.name, p.description, p.keywords, p.category, p.author, v.version, v.archive, v.size,
        v.yanked, v.envelope, v.release, v.dependencies FROM packages p JOIN versions v ON v.package = p.id WHERE v.listed ORDER BY p.name, p.publisher";
    let mut statement = connection.prepare(text).map_err(io::Error::other)?;
    let rows = statement.query_map([], row).map_err(io::Error::other)?;
    write!(out, "{{\"version\":\"1\",\"updated_at\":\"{}\",\"packages\":{{", date(now))?;
    let mut current: Vec<Row> = Vec::new();
    let mut first = true;
    for row in rows {
        let row = row.map_err(io::Error::other)?;
        if current.first().is_some_and(|c| c.id.name != row.id.name) {
            package(out, &mut current, &mut first)?;
        }
        current.push(row);
    }
    package(out, &mut current, &mut first)?;
    out.write_all(b"\n}}\n")
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let id = id_row(row)?;
    let version: Version = text_column(row, 6)?;
    let present = |column| row.get_ref(column).map(|v| v != rusqlite::types::ValueRef::Null);
    let (dependencies, release): (Vec<Dependency>, _) = if present(10)? {
        let name = layout::release_name(id.publisher, &id.name, &version);
        (release_columns(row, 10, 11)?.release.dependencies, Some(name))
    } else if present(12)? {
        (json_column(row, 12)?, None)
    } else {
        (Vec::new(), None)
    };
    let dependency = |d: Dependency| DependencyOut {
        name: d.name.to_string(),
        version_req: d.requirement.to_string(),
        optional: d.optional,
        publisher: d.publisher.map(|p| p.to_string()),
    };
    let version = VersionOut {
        version,
        publisher: id.publisher.to_string(),
        digest: optional_digest(row, 7)?.map(|d| d.to_hex()),
        size_bytes: row.get::<_, Option<i64>>(8)?.map(from_sql),
        dependencies: dependencies.into_iter().map(dependency).collect(),
        yanked: present(9)?,
        release,
    };
    Ok(Row { id, about: about_columns(row, 2)?, version })
}

fn package(out: &mut impl Write, rows: &mut Vec<Row>, first: &mut bool) -> io::Result<()> {
    let mut versions = Vec::new();
    let Some((name, about)) = rows.first().map(|r| (r.id.name.to_string(), r.about.clone())) else {
        return Ok(());
    };
    versions.extend(rows.drain(..).map(|r| r.version));
    versions.sort_by(|a, b| b.version.cmp(&a.version).then_with(|| a.publisher.cmp(&b.publisher)));
    let lines = |text| str::lines(text).filter(|line| !line.is_empty()).collect();
    out.write_all(if std::mem::take(first) { b"\n" } else { b",\n" })?;
    serde_json::to_writer(&mut *out, &name)?;
    out.write_all(b":")?;
    let package = PackageOut {
        name: &name,
        description: &about.description,
        keywords: lines(&about.keywords),
        categories: lines(&about.category),
        authors: lines(&about.author),
        versions,
    };
    serde_json::to_writer(&mut *out, &package)?;
    Ok(())
}

/// Milliseconds since the Unix epoch as RFC 3339, by Hinnant's `civil_from_days`.
fn date(millis: u64) -> String {
    let (seconds, days) = (millis / 1000 % 86_400, millis / 86_400_000 + 719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(1_709_208_000_000), "2024-02-29T12:00:00Z");
        assert_eq!(date(4_102_444_799_000), "2099-12-31T23:59:59Z");
    }
}
