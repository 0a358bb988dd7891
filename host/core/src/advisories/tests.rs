//! What OSV records mean here.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::digest::Digest;
use crate::name::PublisherId;

fn id(name: &str) -> PackageId {
    PackageId { publisher: PublisherId(Digest::of(b"a publisher")), name: name.parse().unwrap() }
}

fn read(value: &Value) -> Result<Record, RecordError> {
    Record::read(value.to_string().as_bytes())
}

/// A record about `web` with these events in one range.
fn ranged(events: &Value) -> Record {
    let package = json!({ "ecosystem": "ggen", "name": "web" });
    let range = json!({ "type": "SEMVER", "events": events });
    read(&json!({ "id": "A-1", "affected": [{ "package": package, "ranges": [range] }] })).unwrap()
}

#[track_caller]
fn affects(record: &Record, versions: &[&str], not: &[&str]) {
    for (listed, expected) in [(versions, true), (not, false)] {
        for version in listed {
            assert_eq!(record.affects(&id("web"), &version.parse().unwrap()), expected, "{version}");
        }
    }
}

#[test]
fn events_are_heeded_in_the_order_of_versions_however_they_are_written() {
    let twice = [
        json!([{ "introduced": "0" }, { "fixed": "1.2.0" }, { "introduced": "2.0.0" }, { "fixed": "2.1.3" }]),
        json!([{ "fixed": "2.1.3" }, { "introduced": "2.0.0" }, { "fixed": "1.2" }, { "introduced": "0" }]),
    ];
    for events in &twice {
        let yes = ["0.0.1", "1.1.9", "1.2.0-rc.1", "2.0.0", "2.1.2", "2.1.3-alpha"];
        affects(&ranged(events), &yes, &["1.2.0", "1.9.9", "2.0.0-beta", "2.1.3", "3.0.0"]);
    }
    affects(&ranged(&json!([{ "introduced": "1.0.0" }])), &["1.0.0", "9.9.9"], &["0.9.9", "1.0.0-rc.1"]);
    let last = ranged(&json!([{ "introduced": "1.0.0" }, { "last_affected": "1.4.0" }]));
    affects(&last, &["1.0.0", "1.4.0", "1.4.0+build"], &["0.9.0", "1.4.1"]);
    let one = ranged(&json!([{ "last_affected": "1.4.0" }, { "introduced": "1.4.0" }]));
    affects(&one, &["1.4.0"], &["1.3.9", "1.4.1"]);
    let limited = ranged(&json!([{ "introduced": "0" }, { "limit": "2.0.0" }]));
    affects(&limited, &["1.9.9"], &["2.0.0"]);
}

#[test]
fn versions_that_are_listed_are_affected_and_a_package_without_either_is_wholly() {
    let of = |more: Value| {
        let mut affected = json!({ "package": { "ecosystem": "ggen", "name": "web" } });
        affected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(&json!({ "id": "A-1", "affected": [affected] }))
    };
    affects(&of(json!({ "versions": ["1.0.0", "1.1"] })).unwrap(), &["1.0.0", "1.1.0"], &["1.0.1", "1.0.0-rc.1"]);
    affects(&of(json!({})).unwrap(), &["0.0.1", "99.0.0"], &[]);
    let git = json!({ "type": "GIT", "repo": "https://example.org/web", "events": [{ "introduced": "abc123" }] });
    assert!(of(json!({ "ranges": [git] })).is_err(), "commits alone say nothing, and that is not nothing affected");
    affects(&of(json!({ "ranges": [git], "versions": ["1.0.0"] })).unwrap(), &["1.0.0"], &["1.0.1"]);
    let both =
        json!({ "versions": ["0.5.0"], "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "1.0.0" }] }] });
    affects(&of(both).unwrap(), &["0.5.0", "1.0.0"], &["0.6.0"]);
}

#[test]
fn a_record_is_about_its_ecosystem_its_name_and_where_it_says_so_its_publisher() {
    let named = |ecosystem: &str, name: &str| {
        read(&json!({ "id": "A-1", "affected": [{ "package": { "ecosystem": ecosystem, "name": name } }] })).unwrap()
    };
    let version = Version::new(1, 0, 0);
    assert!(named("ggen", "my_web").affects(&id("my-web"), &version), "names that collide are one");
    assert!(!named("ggen", "web").affects(&id("web2"), &version));
    assert!(!named("npm", "@scope/web").affects(&id("web"), &version), "others' packages are not looked at");
    let whose = |publisher: PublisherId| named("ggen", &format!("{publisher}/web"));
    assert!(whose(id("web").publisher).affects(&id("web"), &version));
    assert!(!whose(PublisherId(Digest::of(b"somebody else"))).affects(&id("web"), &version));
}

#[test]
fn what_is_not_understood_is_an_error_and_what_is_not_known_is_ignored() {
    let package = json!({ "ecosystem": "ggen", "name": "web" });
    let range = |range: Value| json!({ "id": "A-1", "affected": [{ "package": package, "ranges": [range] }] });
    for bad in [
        json!([]),
        json!({}),
        json!({ "id": "" }),
        json!({ "id": "A 1" }),
        json!({ "id": "A\u{1b}[31m" }),
        json!({ "id": "A-1", "aliases": [""] }),
        json!({ "id": "A-1", "schema_version": "2.0.0" }),
        json!({ "id": "A-1", "withdrawn": "yes" }),
        json!({ "id": "A-1", "withdrawn": true }),
        json!({ "id": "A-1", "affected": [{ "package": { "ecosystem": "ggen", "name": "../web" } }] }),
        json!({ "id": "A-1", "affected": [{ "package": { "ecosystem": "ggen", "name": "me/web" } }] }),
        json!({ "id": "A-1", "affected": [{ "package": package, "versions": ["latest"] }] }),
        range(json!({ "type": "DATE", "events": [{ "introduced": "0" }] })),
        range(json!({ "type": "SEMVER", "events": [] })),
        range(json!({ "type": "SEMVER", "events": [{ "fixed": "1.0.0" }] })),
        range(json!({ "type": "SEMVER", "events": [{ "introduced": "one" }] })),
        range(json!({ "type": "SEMVER", "events": [{ "introduced": "0", "fixed": "1.0.0" }] })),
        range(json!({ "type": "SEMVER", "events": [{ "begins": "0" }] })),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
    assert!(Record::read(b"{\"id\": \"A-1\"").is_err());
    let rich = json!({
        "id": "A-1", "modified": "2026-01-01T00:00:00Z", "summary": "x", "references": [], "credits": [],
        "affected": [{ "package": { "ecosystem": "ggen", "name": "web", "purl": "pkg:ggen/web" }, "ecosystem_specific": {} }]
    });
    affects(&read(&rich).unwrap(), &["1.0.0"], &[]);
}

#[test]
fn the_gravest_word_counts() {
    let of = |more: Value| {
        let mut record = json!({ "id": "A-1" });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(&record).unwrap().severity
    };
    let cvss = |kind: &str, vector: &str| json!({ "severity": [{ "type": kind, "score": vector }] });
    assert_eq!(of(json!({})), Severity::Unknown);
    assert_eq!(of(cvss("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")), Severity::Critical);
    assert_eq!(of(cvss("CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N")), Severity::Medium);
    assert_eq!(
        of(cvss("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")),
        Severity::Critical
    );
    assert_eq!(of(cvss("CVSS_V3", "CVSS:3.1/AV:N/AV:N")), Severity::Unknown);
    assert_eq!(of(cvss("Ubuntu", "negligible")), Severity::Low);
    assert_eq!(of(json!({ "database_specific": { "severity": "MODERATE" } })), Severity::Medium);
    let mut both = cvss("Ubuntu", "low");
    both["database_specific"] = json!({ "severity": "HIGH" });
    assert_eq!(of(both), Severity::High);
}

fn record(name: &str, aliases: &[&str], events: Value) -> Record {
    Record { id: name.to_owned(), aliases: aliases.iter().map(|a| (*a).to_owned()).collect(), ..ranged(&events) }
}

#[test]
fn a_release_fixes_what_affects_the_one_before_and_not_itself_under_any_name() {
    let (old, new) = (Version::new(1, 0, 0), Version::new(1, 0, 1));
    let until = |version: &str| json!([{ "introduced": "0" }, { "fixed": version }]);
    let mut all = Advisories::default();
    all.add("acme", record("A-1", &["CVE-1"], until("1.0.1")));
    all.add("acme", record("A-2", &[], until("2.0.0")));
    all.add("acme", record("A-3", &["CVE-3"], until("1.0.1")));
    all.add("other", record("O-3", &["CVE-3"], until("1.5.0")));
    let found = all.findings(&id("web"), &new, Some(&old));
    let ids = |list: &[Advisory]| list.iter().map(|a| format!("{}/{}", a.feed, a.id)).collect::<Vec<_>>();
    assert_eq!(ids(&found.affects), ["acme/A-2", "other/O-3"]);
    assert_eq!(ids(&found.fixes), ["acme/A-1"], "what another feed still sees under another name is not fixed");
    let aliases: Vec<_> = found.aliases.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(aliases, ["advisory-alias=A-1 CVE-1", "advisory-alias=O-3 CVE-3"]);
    assert_eq!(all.findings(&id("web"), &new, None).fixes, []);
    assert_eq!(all.affecting(&id("web"), &old).len(), 4);
    assert_eq!(all.findings(&id("api"), &new, Some(&old)), Findings::default());
}

#[test]
fn what_was_withdrawn_says_nothing_and_the_gravest_comes_first() {
    let mut all = Advisories::default();
    let from_0 = || json!([{ "introduced": "0" }]);
    all.add("acme", Record { withdrawn: true, ..record("A-0", &[], from_0()) });
    assert!(all.is_empty());
    all.add("acme", Record { severity: Severity::Low, ..record("A-1", &[], from_0()) });
    all.add("acme", Record { severity: Severity::Critical, ..record("A-2", &[], from_0()) });
    all.add("acme", Record { severity: Severity::High, ..record("A-1", &[], from_0()) });
    let told = all.affecting(&id("web"), &Version::new(1, 0, 0));
    let told: Vec<_> = told.iter().map(|a| (a.id.as_str(), a.severity)).collect();
    assert_eq!(told, [("A-2", Severity::Critical), ("A-1", Severity::High)], "one id is told once");
    for number in 0..2 * MAX_MATCHES {
        all.add("acme", record(&format!("B-{number}"), &[], from_0()));
    }
    assert_eq!(all.affecting(&id("web"), &Version::new(1, 0, 0)).len(), MAX_MATCHES);
    let time = |at: &str| read(&json!({ "id": "A-1", "withdrawn": at })).is_ok_and(|r| r.withdrawn);
    assert!(time("2026-01-31T12:00:00Z") && time("2026-01-31T12:00:00.123456Z"));
    assert!(!time("2026-01-31") && !time("2026-01-31T12:00:00+01:00") && !time("0000-00-00T00:00:00.1234567890Z"));
}

proptest! {
    /// Against the definition, version by version: the last event at or before a version decides.
    #[test]
    fn ranges_mean_what_the_format_says(events in prop::collection::vec((0..3u8, 0..6u64), 0..6), asked in 0..7u64) {
        let mut written = vec![json!({ "introduced": "0" })];
        let mut starts_and_ends = Vec::new();
        for (kind, at) in events {
            // One event a version: what several at one version mean is tested above.
            if starts_and_ends.iter().any(|(_, known)| *known == at) {
                continue;
            }
            starts_and_ends.push((kind, at));
            let key = ["introduced", "fixed", "last_affected"][usize::from(kind)];
            written.push(json!({ key: format!("{at}.0.0") }));
        }
        let mut affected = true;
        for version in 0..=asked {
            match starts_and_ends.iter().find(|(_, at)| *at == version) {
                Some((0, _)) => affected = true,
                Some((1, _)) => affected = false,
                _ => {}
            }
            // Versions between the last affected one and the next are free of it.
            if version < asked && starts_and_ends.contains(&(2, version)) {
                affected = false;
            }
        }
        written.rotate_left(1);
        prop_assert_eq!(ranged(&json!(written)).affects(&id("web"), &Version::new(asked, 0, 0)), affected);
    }

    #[test]
    fn no_bytes_make_it_panic(text in "\\{(\"(id|affected|ranges|events|versions|withdrawn)\": ?[\\[\\]{}\"a0-9,]{0,12},?){0,6}\\}?") {
        let _ = Record::read(text.as_bytes());
    }
}
