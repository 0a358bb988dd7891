//! One OSV record: read, and asked whether it affects a version.
//!
//! Decides what of the format counts here: packages of the ecosystem `ggen`, named `NAME` or `PUBLISHER/NAME`; ranges of
//! the types `SEMVER` and `ECOSYSTEM`, which are the same here; lists of versions; withdrawal. Ranges of commits (`GIT`)
//! say nothing about releases. Fields that it does not know are ignored, as the format asks for.

use std::cmp::Ordering;

use semver::Version;
use serde::Deserialize;
use serde_json::Value;

use super::severity;
use crate::hooks::Severity;
use crate::name::{PackageId, PackageName, PublisherId};

/// The ecosystem that names packages of this kind.
const ECOSYSTEM: &str = "ggen";
/// The longest id or alias, in bytes.
const MAX_ID: usize = 128;
/// The most aliases of a record.
const MAX_ALIASES: usize = 64;
/// The most packages, ranges, events and listed versions of a record, over all.
const MAX_ENTRIES: usize = 20_000;

/// Why a record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordError(String);

fn wrong<T>(problem: impl Into<String>) -> Result<T, RecordError> {
    Err(RecordError(problem.into()))
}

/// One advisory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// The gravest that it says.
    pub severity: Severity,
    /// It was taken back.
    pub withdrawn: bool,
    pub(super) affected: Vec<Affected>,
}

/// Versions of one package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Affected {
    publisher: Option<PublisherId>,
    pub(super) name: PackageName,
    versions: Vec<Version>,
    ranges: Vec<Range>,
}

/// In the order in which they are heeded.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Range {
    events: Vec<(Option<Version>, Event)>,
    /// Versions from here on are not spoken of.
    limits: Vec<Version>,
}

/// At one version, what ends there comes before what begins, and that before what ends behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Event {
    Fixed,
    Introduced,
    LastAffected,
}

impl Record {
    /// Reads a record.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let written: Written = match serde_json::from_slice(bytes) {
            Ok(written) => written,
            Err(error) => return wrong(format!("it is no OSV record: {error}")),
        };
        if let Some(schema) = written.schema_version.filter(|version| !version.starts_with("1.")) {
            return wrong(format!("it is written in version {:?} of the format, and 1 is read", short(&schema)));
        }
        let aliases = written.aliases.unwrap_or_default();
        if aliases.len() > MAX_ALIASES {
            return wrong(format!("it has more than {MAX_ALIASES} aliases"));
        }
        if let Some(bad) = [&written.id].into_iter().chain(&aliases).find(|id| !is_id(id)) {
            return wrong(format!("{:?} is no id", short(bad)));
        }
        if let Some(at) = written.withdrawn.as_ref().filter(|at| !is_time(at)) {
            return wrong(format!("`withdrawn` is {:?}, and no time", short(at)));
        }
        let affected = written.affected.unwrap_or_default();
        let own =
            |a: &&WrittenAffected| a.package.as_ref().is_some_and(|p| p.ecosystem.eq_ignore_ascii_case(ECOSYSTEM));
        let mut scores: Vec<&Score> = written.severity.iter().flatten().collect();
        scores.extend(affected.iter().filter(own).filter_map(|a| a.severity.as_ref()).flatten());
        let specific = written.database_specific.iter().chain(affected.iter().filter(own).flat_map(|a| &a.specific));
        let severity = severity::gravest(scores.iter().map(|s| (s.kind.as_str(), s.score.as_str())), specific);
        if entries(&affected) > MAX_ENTRIES {
            return wrong(format!("it has more than {MAX_ENTRIES} ranges, events and versions"));
        }
        let affected = affected.iter().filter(own).map(Affected::of).collect::<Result<_, _>>()?;
        Ok(Self { id: written.id, aliases, severity, withdrawn: written.withdrawn.is_some(), affected })
    }

    /// Whether it affects a version of a package.
    pub fn affects(&self, id: &PackageId, version: &Version) -> bool {
        self.affected.iter().any(|affected| affected.is_about(id) && affected.holds(version))
    }

    /// All that it is called.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [&self.id].into_iter().chain(&self.aliases).map(String::as_str)
    }
}

impl Affected {
    fn of(written: &WrittenAffected) -> Result<Self, RecordError> {
        let Some(package) = &written.package else { return wrong("a package has no name") };
        let (publisher, bare) = match package.name.split_once('/') {
            Some((publisher, bare)) => (Some(publisher), bare),
            None => (None, package.name.as_str()),
        };
        let publisher = match publisher.map(str::parse::<PublisherId>).transpose() {
            Ok(publisher) => publisher,
            Err(_) => return wrong(format!("the publisher of {:?} is none", short(&package.name))),
        };
        let name = bare.parse::<PackageName>().map_err(|error| RecordError(error.to_string()))?;
        let versions = written.versions.iter().flatten().map(|v| version(v)).collect::<Result<_, _>>()?;
        let written_ranges = written.ranges.as_deref().unwrap_or_default();
        let spoken = written_ranges.iter().filter(|range| range.kind != "GIT");
        let ranges = spoken.map(Range::of).collect::<Result<_, _>>()?;
        let affected = Self { publisher, name, versions, ranges };
        if affected.ranges.is_empty() && affected.versions.is_empty() && !written_ranges.is_empty() {
            return wrong(format!("commits alone do not say which releases of {} are affected", affected.name));
        }
        Ok(affected)
    }

    fn is_about(&self, id: &PackageId) -> bool {
        self.name.collision_key() == id.name.collision_key() && self.publisher.is_none_or(|p| p == id.publisher)
    }

    fn holds(&self, version: &Version) -> bool {
        let all = self.versions.is_empty() && self.ranges.is_empty();
        let same = |listed: &Version| listed.cmp_precedence(version) == Ordering::Equal;
        all || self.versions.iter().any(same) || self.ranges.iter().any(|range| range.holds(version))
    }
}

impl Range {
    fn of(written: &WrittenRange) -> Result<Self, RecordError> {
        if !["SEMVER", "ECOSYSTEM"].contains(&written.kind.as_str()) {
            return wrong(format!("there is no type of range {:?}", short(&written.kind)));
        }
        let (mut events, mut limits) = (Vec::new(), Vec::new());
        for event in &written.events {
            match (&event.introduced, &event.fixed, &event.last_affected, &event.limit) {
                (Some(at), None, None, None) if at == "0" => events.push((None, Event::Introduced)),
                (Some(at), None, None, None) => events.push((Some(version(at)?), Event::Introduced)),
                (None, Some(at), None, None) => events.push((Some(version(at)?), Event::Fixed)),
                (None, None, Some(at), None) => events.push((Some(version(at)?), Event::LastAffected)),
                (None, None, None, Some(at)) if at == "*" => {}
                (None, None, None, Some(at)) => limits.push(version(at)?),
                _ => return wrong("an event is none of introduced, fixed, last_affected and limit"),
            }
        }
        if !events.iter().any(|(_, event)| *event == Event::Introduced) {
            return wrong("a range never begins: it has no `introduced`");
        }
        events.sort_by(|(a, first), (b, second)| by_precedence(a, b).then(first.cmp(second)));
        Ok(Self { events, limits })
    }

    fn holds(&self, version: &Version) -> bool {
        if !self.limits.is_empty() && !self.limits.iter().any(|at| version.cmp_precedence(at) == Ordering::Less) {
            return false;
        }
        let mut affected = false;
        for (at, event) in &self.events {
            let place = at.as_ref().map_or(Ordering::Greater, |at| version.cmp_precedence(at));
            affected = match event {
                Event::Introduced => affected || place != Ordering::Less,
                Event::Fixed => affected && place == Ordering::Less,
                Event::LastAffected => affected && place != Ordering::Greater,
            };
        }
        affected
    }
}

/// The beginning of all versions first.
fn by_precedence(a: &Option<Version>, b: &Option<Version>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp_precedence(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// A version; `1` and `1.2` stand for `1.0.0` and `1.2.0`.
fn version(text: &str) -> Result<Version, RecordError> {
    let numbers = text.split('.').filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())).count();
    let padded = match (numbers, text.matches('.').count()) {
        (1, 0) => format!("{text}.0.0"),
        (2, 1) => format!("{text}.0"),
        _ => text.to_owned(),
    };
    padded.parse().or_else(|_| wrong(format!("{:?} is no version", short(text))))
}

fn entries(affected: &[WrittenAffected]) -> usize {
    let of = |a: &WrittenAffected| {
        let events = a.ranges.iter().flatten().map(|r| 1 + r.events.len()).sum::<usize>();
        1 + events + a.versions.as_ref().map_or(0, Vec::len)
    };
    affected.iter().map(of).sum()
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID && text.bytes().all(|b| b.is_ascii_graphic())
}

/// As the format writes times: `2026-01-31T12:00:00Z`, with or without a fraction.
fn is_time(text: &str) -> bool {
    let form = |text: &str, form: &str| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(is, like)| if like == b'0' { is.is_ascii_digit() } else { is == like })
    };
    let Some((seconds, rest)) = text.split_at_checked(19) else { return false };
    let fraction = rest.strip_suffix('Z').map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    form(seconds, "0000-00-00T00:00:00")
        && fraction.is_some_and(|f| f.len() <= 9 && f.bytes().all(|b| b.is_ascii_digit()))
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[derive(Deserialize)]
struct Written {
    id: String,
    schema_version: Option<String>,
    aliases: Option<Vec<String>>,
    withdrawn: Option<String>,
    severity: Option<Vec<Score>>,
    affected: Option<Vec<WrittenAffected>>,
    database_specific: Option<Value>,
}

#[derive(Deserialize)]
struct Score {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct WrittenAffected {
    package: Option<WrittenPackage>,
    severity: Option<Vec<Score>>,
    ranges: Option<Vec<WrittenRange>>,
    versions: Option<Vec<String>>,
    #[serde(rename = "database_specific")]
    specific: Option<Value>,
}

#[derive(Deserialize)]
struct WrittenPackage {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct WrittenRange {
    #[serde(rename = "type")]
    kind: String,
    events: Vec<WrittenEvent>,
}

#[derive(Deserialize)]
struct WrittenEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}
