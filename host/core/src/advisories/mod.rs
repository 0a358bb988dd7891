//! Advisories: which releases a trusted feed says are affected, and what a release fixes.
//!
//! Decides by [OSV](https://ossf.github.io/osv-schema/) records alone, with versions in the order of semantic versioning.
//! Never decides what becomes of a release: policies do. Invariant: what is not understood of a record makes the record an
//! error, never a smaller one; where two records of one thing disagree, the release counts as affected.

mod record;
mod severity;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use crate::hooks::{Advisory, Facts, Severity};
use crate::name::PackageId;

pub use self::record::{Record, RecordError};

/// Advisories about one release that policies are told, the gravest first.
pub const MAX_MATCHES: usize = 256;
/// Aliases of all of them that are told.
const MAX_ALIASES: usize = 256;

/// All records of all feeds, by the names that they are about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Advisories {
    records: Vec<(String, Record)>,
    /// Places in `records`, by the collision key of a package's name.
    by_name: BTreeMap<String, Vec<usize>>,
}

/// What the feeds say of one release.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// That affect it.
    pub affects: Vec<Advisory>,
    /// That affect the version which it would follow, and not it.
    pub fixes: Vec<Advisory>,
    /// The other names of all these, as open facts: `advisory-alias` is `<id> <alias>`.
    pub aliases: Facts,
}

impl Advisories {
    /// Takes in a record of a feed; one that was withdrawn says nothing any more.
    pub fn add(&mut self, feed: &str, record: Record) {
        if record.withdrawn {
            return;
        }
        let place = self.records.len();
        let names: BTreeSet<String> = record.affected.iter().map(|a| a.name.collision_key()).collect();
        for name in names {
            self.by_name.entry(name).or_default().push(place);
        }
        self.records.push((feed.to_owned(), record));
    }

    /// Records that can match something.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// That affect a version of a package, the gravest first.
    pub fn affecting(&self, id: &PackageId, version: &Version) -> Vec<Advisory> {
        told(&self.matching(id, version))
    }

    /// All that is to be told of a release that would follow `from`: the installed version, or the next lower one.
    pub fn findings(&self, id: &PackageId, version: &Version, from: Option<&Version>) -> Findings {
        let affects = self.matching(id, version);
        let names: BTreeSet<&str> = affects.iter().flat_map(|(_, record)| record.names()).collect();
        let before = from.map(|from| self.matching(id, from)).unwrap_or_default();
        // Under whatever name: what another feed still sees in this release is not fixed by it.
        let is_gone = |(_, record): &&(&str, &Record)| !record.names().any(|name| names.contains(name));
        let fixes: Vec<_> = before.iter().filter(is_gone).copied().collect();
        let alias = |(_, record): &(&str, &Record)| -> Vec<(String, String)> {
            let fact = |alias: &String| ("advisory-alias".to_owned(), format!("{} {alias}", record.id));
            record.aliases.iter().map(fact).collect()
        };
        let aliases: BTreeSet<(String, String)> = affects.iter().chain(&fixes).flat_map(alias).collect();
        Findings {
            affects: told(&affects),
            fixes: told(&fixes),
            aliases: aliases.into_iter().take(MAX_ALIASES).collect(),
        }
    }

    fn matching(&self, id: &PackageId, version: &Version) -> Vec<(&str, &Record)> {
        let places = self.by_name.get(&id.name.collision_key()).into_iter().flatten();
        let records = places.filter_map(|place| self.records.get(*place));
        records
            .filter(|(_, record)| record.affects(id, version))
            .map(|(feed, record)| (feed.as_str(), record))
            .collect()
    }
}

/// As policies see them: each id of a feed once, with its gravest severity.
fn told(matching: &[(&str, &Record)]) -> Vec<Advisory> {
    let mut gravest: BTreeMap<(&str, &str), Severity> = BTreeMap::new();
    for (feed, record) in matching {
        let severity = gravest.entry((record.id.as_str(), feed)).or_insert(record.severity);
        *severity = (*severity).max(record.severity);
    }
    let mut told: Vec<Advisory> = gravest
        .into_iter()
        .map(|((id, feed), severity)| Advisory { id: id.to_owned(), feed: feed.to_owned(), severity })
        .collect();
    told.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
    told.truncate(MAX_MATCHES);
    told
}
