//! Feeds of advisories: packages like any other, whose word counts where an operator names them.

use ggen_tests::{Home, LIMIT, Package, Running, json};

use crate::{codes, each, home};

pub(crate) const FEED: &str = "[[advisories]]\npackage = \"acme-advisories\"\n";

/// An OSV record: `package` is affected from `from` on, until `fixed`.
fn record(id: &str, package: &str, from: &str, fixed: Option<&str>) -> String {
    let mut events = vec![json!({ "introduced": from })];
    events.extend(fixed.map(|fixed| json!({ "fixed": fixed })));
    json!({
        "schema_version": "1.6.0", "id": id, "modified": "2026-01-31T12:00:00Z", "aliases": [format!("CVE-{id}")],
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [{
            "package": { "ecosystem": "ggen", "name": package },
            "ranges": [{ "type": "SEMVER", "events": events }],
        }],
    })
    .to_string()
}

fn feed(version: &str, records: &[String]) -> Package {
    let file =
        |package: Package, (number, record): (usize, &String)| package.file(&format!("osv/{number}.json"), record);
    records.iter().enumerate().fold(Package::new("acme-advisories", version), file)
}

pub(crate) fn installs(home: &Home, target: &str) -> ggen_tests::Value {
    home.json(&["marketplace", "install", target, "--offline"])
}

/// A home with three versions of `web`, and a feed that is installed and believed: 1.1.0 and 1.2.0 are affected.
pub(crate) fn with_feed() -> Home {
    let home = home();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        home.publish(&Package::new("web", version));
    }
    home.publish(&feed("1.0.0", &[record("ACME-1", "web", "1.1.0", None)]));
    installs(&home, "acme-advisories");
    home.config(FEED);
    home
}

pub(crate) fn version_of(home: &Home, name: &str) -> Option<String> {
    home.installed().into_iter().find(|(n, _)| n == name).map(|(_, version)| version)
}

#[test]
fn what_is_installed_and_affected_stays_and_is_told() {
    let home = home();
    home.publish(&Package::new("web", "1.0.0"));
    home.publish(&Package::new("app", "1.0.0").needs("web", "^1"));
    home.publish(&feed("1.0.0", &[record("ACME-1", "web", "0", None)]));
    installs(&home, "web");
    installs(&home, "acme-advisories");
    home.config(FEED);
    let answer = installs(&home, "app");
    let told = answer["warnings"].as_array().unwrap().iter().find(|w| w["code"] == "affected");
    assert!(told.is_some_and(|w| w.to_string().contains("web 1.0.0") && w.to_string().contains("ACME-1")), "{answer}");
    assert_eq!(home.installed().len(), 3);
}

#[test]
fn what_fixes_an_advisory_need_not_wait_for_its_age() {
    let home = home();
    home.publish(&Package::new("web", "1.0.0"));
    home.publish(&feed("1.0.0", &[record("ACME-1", "web", "0", Some("1.0.1"))]));
    installs(&home, "web");
    installs(&home, "acme-advisories");
    home.publish(&Package::new("web", "1.0.1"));
    let chain = "[[policy.verification]]\nuse = \"signed-releases\"\n[[policy.verification]]\nuse = \"minimum-age\"\n";
    // All was first seen a moment ago.
    home.config(chain);
    home.fails(8, &["marketplace", "install", "web@=1.0.1", "--offline"]);
    home.config(&format!("{FEED}{chain}"));
    let done = home.json(&["marketplace", "upgrade", "web", "--offline"]);
    assert_eq!(done["upgraded"], json!([{ "name": "web", "from": "1.0.0", "to": "1.0.1" }]));
    // What fixes nothing waits.
    home.publish(&Package::new("web", "1.0.2"));
    home.fails(8, &["marketplace", "install", "web@=1.0.2", "--offline"]);
    home.config(&format!("{FEED}{chain}settings = {{ allow_fixes = false }}\n"));
    home.fails(8, &["marketplace", "install", "web@=1.0.2", "--offline"]);
}

#[test]
fn a_frozen_home_takes_the_fix_and_nothing_newer() {
    let home = home();
    home.publish(&Package::new("web", "1.0.0"));
    home.publish(&feed("1.0.0", &[record("ACME-1", "web", "0", Some("1.0.1"))]));
    installs(&home, "web");
    installs(&home, "acme-advisories");
    home.publish(&Package::new("web", "1.0.1"));
    home.publish(&Package::new("web", "1.0.2"));
    let chain = concat!(
        "[[policy.version-resolution]]\nuse = \"freeze\"\nsettings = { until = \"2020-01-01\" }\n",
        "[[policy.version-resolution]]\nuse = \"newest-compatible\"\n"
    );
    let planned =
        || each(&home.json(&["marketplace", "install", "web@>1.0.0", "--dry-run", "--offline"])["plan"], "version");
    home.config(chain);
    home.fails(3, &["marketplace", "install", "web@>1.0.0", "--dry-run", "--offline"]);
    home.config(&format!("{FEED}{chain}"));
    assert_eq!(planned(), ["1.0.1"], "the candidates have their advisories");
}

#[test]
fn without_the_feed_that_is_named_nothing_but_it_is_installed() {
    let home = home();
    home.publish(&Package::new("web", "1.0.0"));
    home.publish(&feed("1.0.0", &[record("ACME-1", "web", "1.1.0", None)]));
    home.config(FEED);
    let error = home.fails(8, &["marketplace", "install", "web", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0710", "{error}");
    let hints = error["hints"].to_string();
    assert!(hints.contains("ggen marketplace install acme-advisories"), "{error}");
    assert!(hints.contains("config.toml"), "{error}");
    home.fails(8, &["marketplace", "install", "web", "--dry-run", "--offline"]);
    assert!(home.installed().is_empty());
    let answer = installs(&home, "acme-advisories");
    assert!(codes(&answer["warnings"]).contains(&"advisories".to_owned()), "it is told meanwhile: {answer}");
    installs(&home, "web@=1.0.0");
    home.is_clean();
}

#[test]
fn a_feed_is_the_homes_and_no_projects() {
    let home = home();
    home.publish(&Package::new("web", "1.0.0"));
    home.publish(&feed("1.0.0", &[record("ACME-1", "web", "1.1.0", None)]));
    home.config(FEED);
    let project = home.root().join("project");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("package.toml"), Package::new("mine", "1.0.0").needs("web", "^1").manifest()).unwrap();
    let run = |args: &[&str]| {
        let mut command = home.command(args);
        command.current_dir(&project);
        Running::start(command).ends_within(LIMIT)
    };
    run(&["marketplace", "install", "--offline"]).exits(8);
    run(&["marketplace", "install", "acme-advisories", "--offline"]).exits(0);
    assert!(!project.join("ggen.lock").exists(), "a feed is nothing of the project");
    run(&["marketplace", "install", "--offline"]).exits(0);
    assert_eq!(home.installed().len(), 2);
    let lock = std::fs::read_to_string(project.join("ggen.lock")).unwrap();
    assert!(lock.contains("\"web\"") && !lock.contains("acme-advisories"), "{lock}");
}

#[test]
fn a_damaged_feed_is_told_stops_installs_and_can_be_mended() {
    let home = with_feed();
    let file = home.path().join("packages/acme-advisories/1.0.0/osv/0.json");
    let whole = std::fs::read(&file).unwrap();
    // Valid, and silent about what it was about.
    std::fs::write(&file, record("ACME-1", "somebody-else", "0", None)).unwrap();
    let error = home.fails(8, &["marketplace", "install", "web", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0710", "{error}");
    assert!(error.to_string().contains("ggen marketplace verify acme-advisories --repair"), "{error}");
    std::fs::remove_file(&file).unwrap();
    home.fails(8, &["marketplace", "install", "web", "--offline"]);
    assert_eq!(version_of(&home, "web"), None);
    // A file that nobody signed says nothing.
    std::fs::write(&file, &whole).unwrap();
    std::fs::write(file.with_file_name("more.json"), record("ACME-2", "web", "0", None)).unwrap();
    installs(&home, "web@=1.0.0");
    std::fs::write(&file, b"{}").unwrap();
    home.json(&["marketplace", "verify", "acme-advisories", "--repair"]);
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    installs(&home, "web");
}

#[test]
fn a_feed_that_is_not_understood_does_not_take_the_place_of_one_that_is() {
    let home = with_feed();
    for (version, bad) in [("1.1.0", "{\"id\": \"ACME-2\"".to_owned()), ("1.2.0", record("ACME-2", "web", "new", None))]
    {
        home.publish(&feed(version, &[record("ACME-1", "web", "1.1.0", None), bad]));
        let error = home.fails(8, &["marketplace", "install", &format!("acme-advisories@={version}"), "--offline"]);
        assert_eq!(error["code"], "GGEN-E0710", "{error}");
        assert!(error.to_string().contains("osv/1.json"), "it names the file: {error}");
        assert_eq!(version_of(&home, "acme-advisories").as_deref(), Some("1.0.0"));
    }
    installs(&home, "web@=1.0.0");
    assert_eq!(version_of(&home, "web").as_deref(), Some("1.0.0"), "the old one still serves");
    home.is_clean();
}

#[test]
fn an_organizations_feed_counts_and_only_its_publishers() {
    let mut home = with_feed();
    let key = home.key();
    let policy = home.root().join("policy.toml");
    home.set("GGEN_POLICY_FILE", policy.to_str().unwrap());
    std::fs::write(&policy, format!("{FEED}publisher = \"{key}\"\n")).unwrap();
    // The user's own word about the same feed changes nothing.
    home.config(&format!("{FEED}publisher = \"{}\"\n", "0".repeat(64)));
    installs(&home, "web@=1.0.0");
    assert_eq!(version_of(&home, "web").as_deref(), Some("1.0.0"));
    std::fs::write(&policy, format!("{FEED}publisher = \"{}\"\n", "0".repeat(64))).unwrap();
    home.config("");
    let error = home.fails(8, &["marketplace", "install", "web@^1.1", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0710", "{error}");
    assert!(error.to_string().contains(policy.to_str().unwrap()), "{error}");
}

#[test]
fn a_mistyped_feed_is_an_error_with_its_line() {
    let home = with_feed();
    for (text, said) in [
        ("[[advisories]]\npackge = \"acme-advisories\"\n", "did you mean `package`?"),
        ("[[advisories]]\n", "does not say which package"),
        ("[advisories]\npackage = \"acme-advisories\"\n", "must be a list of tables"),
        ("[[advisories]]\npackage = \"../acme\"\n", "config.toml:2"),
        ("[[advisories]]\npackage = \"acme\"\npublisher = \"acme\"\n", "config.toml:3"),
        ("[[advisories]]\npackage = \"a-b\"\n[[advisories]]\npackage = \"a_b\"\n", "config.toml:4"),
    ] {
        home.config(text);
        let error = home.fails(2, &["marketplace", "install", "web", "--offline"]);
        assert!(error.to_string().contains(said), "{text}: {error}");
        assert!(!home.path().join("packages/web").exists());
    }
}
