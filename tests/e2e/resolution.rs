//! Resolution through the program: over an index that has no archives, hard graphs, circles, and the wish to stop.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ggen_tests::{Home, Package, Value, json};

use crate::{each, home};

/// Versions of a package, each with its dependencies; one that ends in `!` is yanked.
pub(crate) type Versions = Vec<(String, Vec<(String, String)>)>;

/// A home whose index lists these packages; nobody signed anything of it.
pub(crate) fn indexed(packages: &BTreeMap<String, Versions>) -> Home {
    let home = home();
    let zero = "0".repeat(64);
    let dependency =
        |(name, range): &(String, String)| json!({ "name": name, "version_req": range, "optional": false });
    let version = |(version, needs): &(String, Vec<(String, String)>)| {
        let dependencies: Vec<Value> = needs.iter().map(dependency).collect();
        json!({ "version": version.trim_end_matches('!'), "publisher": zero, "digest": zero, "size_bytes": 1,
                "yanked": version.ends_with('!'), "dependencies": dependencies })
    };
    let package = |(name, versions): (&String, &Versions)| {
        let versions: Vec<Value> = versions.iter().map(version).collect();
        (name.clone(), json!({ "name": name, "description": "", "versions": versions }))
    };
    let all: serde_json::Map<String, Value> = packages.iter().map(package).collect();
    let index = json!({ "version": "1", "updated_at": "2026-01-01T00:00:00Z", "packages": all });
    std::fs::create_dir_all(home.path().join("registry")).unwrap();
    std::fs::write(home.path().join("registry/index.json"), index.to_string()).unwrap();
    home
}

pub(crate) fn one(version: &str, needs: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
    (version.to_owned(), needs.iter().map(|(name, range)| ((*name).to_owned(), (*range).to_owned())).collect())
}

/// More pigeons than holes: no solution, and no short reason for it.
fn pigeons(count: usize) -> BTreeMap<String, Versions> {
    let mut packages = BTreeMap::new();
    let holes = 1..count;
    for pigeon in 1..=count {
        let into = |hole: usize| one(&format!("{hole}.0.0"), &[(&format!("hole-{hole}"), &format!("={pigeon}.0.0"))]);
        packages.insert(format!("pigeon-{pigeon}"), holes.clone().map(into).collect());
    }
    for hole in holes {
        packages.insert(format!("hole-{hole}"), (1..=count).map(|p| one(&format!("{p}.0.0"), &[])).collect());
    }
    let all: Vec<(String, String)> = (1..=count).map(|p| (format!("pigeon-{p}"), "*".to_owned())).collect();
    packages.insert("loft".to_owned(), vec![("1.0.0".to_owned(), all)]);
    packages
}

#[test]
fn a_dry_run_resolves_what_has_no_archives_and_an_install_of_it_is_refused() {
    let packages = BTreeMap::from([
        ("app".to_owned(), vec![one("1.0.0", &[("lib", ">=1, <3")]), one("2.0.0", &[("lib", "^9")])]),
        ("lib".to_owned(), vec![one("1.0.0", &[]), one("2.5.0", &[]), one("3.0.0-rc.1", &[])]),
    ]);
    let home = indexed(&packages);
    let answer = home.json(&["marketplace", "install", "app", "--dry-run", "--offline"]);
    assert_eq!(each(&answer["plan"], "version"), ["2.5.0", "1.0.0"], "{answer}");
    assert!(answer["warnings"].to_string().contains("no signed release"), "{answer}");
    assert_eq!(home.fails(4, &["marketplace", "install", "app", "--offline"])["code"], "GGEN-E0306");
}

#[test]
fn a_strategy_says_which_end_of_what_is_allowed_is_taken() {
    let packages = BTreeMap::from([
        ("app".to_owned(), vec![one("1.0.0", &[("lib", ">=1.1, <3")]), one("1.1.0", &[("lib", ">=1.1, <3")])]),
        ("lib".to_owned(), ["1.0.0", "1.1.0", "2.5.0", "3.0.0"].iter().map(|v| one(v, &[])).collect()),
    ]);
    let home = indexed(&packages);
    let chosen = |more: &[&str]| {
        let args = [&["marketplace", "install", "app", "--dry-run", "--offline"], more].concat();
        each(&home.json(&args)["plan"], "version")
    };
    assert_eq!(chosen(&[]), ["2.5.0", "1.1.0"]);
    assert_eq!(chosen(&["--strategy", "newest"]), ["2.5.0", "1.1.0"]);
    assert_eq!(chosen(&["--strategy", "minimal"]), ["1.1.0", "1.0.0"]);
}

#[test]
fn of_what_is_told_of_many_packages_a_person_reads_some_and_a_program_all() {
    let mut packages = BTreeMap::from([("part-40".to_owned(), vec![one("1.0.0", &[])])]);
    for place in 0..40 {
        packages.insert(format!("part-{place}"), vec![one("1.0.0", &[(&format!("part-{}", place + 1), "^1")])]);
    }
    let home = indexed(&packages);
    let args = ["marketplace", "install", "part-0", "--dry-run", "--offline"];
    assert_eq!(home.json(&args)["warnings"].as_array().unwrap().len(), 41);
    let told = home.run(&args).exits(0).stderr;
    assert_eq!(told.matches("no signed release").count(), 12, "{told}");
    assert!(told.contains("and 29 more of that kind (unsigned): --json has all of them"), "{told}");
}

#[test]
fn a_hard_graph_ends_at_the_limit_and_says_so() {
    let home = indexed(&pigeons(11));
    home.config("[limits]\nmax_resolution_steps = 2000\n");
    let error = home.fails(3, &["marketplace", "install", "loft", "--dry-run", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0205", "{error}");
    assert!(error["hints"].to_string().contains("max_resolution_steps"), "{error}");
}

#[test]
fn a_hard_graph_ends_at_once_when_the_user_wishes() {
    let home = indexed(&pigeons(14));
    let args = ["marketplace", "install", "loft", "--dry-run", "--offline"];
    // Compiles the policies, so that the second run comes to solving at once.
    home.config("[limits]\nmax_resolution_steps = 10\n");
    home.fails(3, &args);
    home.config("[limits]\nmax_resolution_steps = 4000000000\n");
    let mut child = home.command(&args).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stderr.take().unwrap()).lines().any(|line| line.unwrap().contains("resolving"));
    assert!(told, "it tells that it resolves");
    assert!(child.try_wait().unwrap().is_none(), "it is still at it");
    let stopped = Instant::now();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // 100 ms are promised; the rest is for a machine that does other things as well.
    assert!(stopped.elapsed() < Duration::from_millis(1000), "{:?}", stopped.elapsed());
}

#[test]
fn circles_of_any_length_are_told_in_order() {
    for length in [1, 2, 7, 1000] {
        let mut packages = BTreeMap::new();
        for place in 0..length {
            let next = format!("ring-{:04}", (place + 1) % length);
            packages.insert(format!("ring-{place:04}"), vec![one("1.0.0", &[(&next, "^1")])]);
        }
        let home = indexed(&packages);
        let error = home.fails(3, &["marketplace", "install", "ring-0000", "--dry-run", "--offline"]);
        assert_eq!(error["code"], "GGEN-E0204", "{length}: {error}");
        let ring: Vec<_> = error["context"]["cycle"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        let wanted: Vec<_> = (0..length).map(|place| format!("ring-{place:04}@1.0.0")).collect();
        assert_eq!(ring, wanted);
    }
}

#[test]
fn a_conflict_is_explained_in_sentences_and_as_a_tree() {
    let packages = BTreeMap::from([
        ("left".to_owned(), vec![one("1.0.0", &[("base", "^1")])]),
        ("right".to_owned(), vec![one("1.0.0", &[("base", "^2")])]),
        ("base".to_owned(), vec![one("1.0.0", &[]), one("2.0.0", &[])]),
    ]);
    let home = indexed(&packages);
    let error = home.fails(3, &["marketplace", "install", "left", "right", "--dry-run", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0203", "{error}");
    let because = error["context"]["because"].to_string();
    for sentence in ["left 1.0.0 requires base ^1", "right 1.0.0 requires base ^2"] {
        assert!(because.contains(sentence), "{sentence} in {because}");
    }
    assert!(error["context"]["derivation"]["causes"].is_array(), "{error}");
    assert_eq!(error["context"]["network_asked"], false);
    assert_eq!(error["context"]["catalog_age_ms"], Value::Null, "this home never asked anybody");
}

#[test]
fn what_is_yanked_is_published_all_the_same() {
    let home = indexed(&BTreeMap::from([("old".to_owned(), vec![one("1.0.0!", &[]), one("1.1.0!", &[])])]));
    let exact = home.json(&["marketplace", "install", "old@=1.0.0", "--dry-run", "--offline"]);
    assert_eq!(each(&exact["plan"], "version"), ["1.0.0"]);
    let error = home.fails(3, &["marketplace", "install", "old", "--dry-run", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0202", "{error}");
    assert!(error["context"]["because"].to_string().contains("old 1.1.0 was yanked"), "{error}");
    assert!(error["hints"].to_string().contains("old@=1.1.0"), "{error}");
}

#[test]
fn a_yanked_version_is_not_blamed_for_a_conflict_of_others() {
    let home = indexed(&BTreeMap::from([
        ("app".to_owned(), vec![one("1.0.0", &[("lib", "^2")]), one("2.0.0!", &[])]),
        ("lib".to_owned(), vec![one("1.0.0", &[]), one("2.0.0", &[])]),
    ]));
    let error = home.fails(3, &["marketplace", "install", "app", "lib@^1", "--dry-run", "--offline"]);
    assert_eq!((&error["code"], &error["context"]["package"]), (&"GGEN-E0203".into(), &"lib".into()), "{error}");
    assert!(error["hints"].to_string().contains("lib@^2.0.0 would do"), "{error}");
}

#[test]
fn what_an_install_breaks_of_what_is_installed_is_named() {
    let home = home();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        home.publish(&Package::new("lib", version));
    }
    home.publish(&Package::new("one", "1.0.0").needs("lib", "^1"));
    home.publish(&Package::new("two", "1.0.0").needs("lib", "^2"));
    home.publish(&Package::new("both", "1.0.0").needs("lib", ">=1"));
    for name in ["one", "both"] {
        assert_eq!(home.json(&["marketplace", "install", name, "--offline"])["warnings"], json!([]));
    }
    for more in [&["--dry-run"][..], &[]] {
        let args = [&["marketplace", "install", "two", "--offline"], more].concat();
        let warnings = home.json(&args)["warnings"].clone();
        let told = "one 1.0.0, which is installed, requires lib ^1 and gets 2.0.0";
        assert_eq!(warnings, json!([{ "code": "breaks", "message": told }]), "{more:?}");
    }
    // What is broken already is not the fault of what comes next.
    assert_eq!(home.json(&["marketplace", "install", "both", "--offline"])["warnings"], json!([]));
    assert_eq!(home.json(&["marketplace", "install", "lib@=1.1.0", "--offline"])["warnings"][0]["code"], "breaks");
}

#[test]
fn what_the_disk_knows_is_told_with_its_age() {
    let (author, mut user) = (home(), home());
    author.publish(&Package::new("tool", "1.0.0"));
    let node = author.node();
    user.bootstrap(&[&node]);
    user.json(&["marketplace", "update"]);
    let args = ["marketplace", "install", "tool@^9", "--offline"];
    let error = user.fails(3, &args);
    assert!(error["context"]["catalog_age_ms"].as_u64().is_some_and(|age| age < 600_000), "{error}");
    let told = user.run(&args).exits(3).stderr;
    assert!(told.contains("last refreshed from the network"), "{told}");
}

#[test]
fn a_name_that_nobody_publishes_is_answered_with_what_may_have_been_meant() {
    let packages = BTreeMap::from([
        ("sparql-forge".to_owned(), vec![one("1.0.0", &[])]),
        ("sparql-forges".to_owned(), vec![one("1.0.0", &[])]),
        ("unrelated".to_owned(), vec![one("1.0.0", &[])]),
        ("app".to_owned(), vec![one("1.0.0", &[("parql-forge", "^1")])]),
    ]);
    let home = indexed(&packages);
    let meant = |target: &str| {
        let error = home.fails(3, &["marketplace", "install", target, "--dry-run", "--offline"]);
        assert_eq!(error["code"], "GGEN-E0201", "{error}");
        let hints: Vec<_> = each(&error["hints"], "text").into_iter().filter(|h| h.contains("did you mean")).collect();
        hints
    };
    assert_eq!(meant("sparlq-forge"), ["did you mean sparql-forge?", "did you mean sparql-forges?"]);
    // Also where a dependency is meant, and the first letter is the one that is missing.
    assert_eq!(meant("app"), ["did you mean sparql-forge?", "did you mean sparql-forges?"]);
    assert_eq!(meant("never-heard-of"), [] as [&str; 0]);
}
