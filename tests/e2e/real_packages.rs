//! The ecosystem's real packages, where they are: `GGEN_TEST_PACKAGES` names their folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ggen_tests::{Home, json};
use semver::{Version, VersionReq};

use crate::{each, home};

fn manifests(beneath: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(beneath).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            manifests(&path, found);
        } else if path.file_name().is_some_and(|n| n == "package.toml") {
            found.push(path);
        }
    }
}

#[test]
fn each_publishes_or_is_refused_with_file_line_and_a_hint() {
    let Some(folder) = std::env::var_os("GGEN_TEST_PACKAGES") else {
        eprintln!("SKIPPED: GGEN_TEST_PACKAGES names no folder of real packages");
        return;
    };
    let mut found = Vec::new();
    manifests(Path::new(&folder), &mut found);
    assert!(found.len() >= 80, "{} packages beneath {folder:?}", found.len());
    let (publisher, mut user) = (home(), home());
    publisher.key();
    let (mut published, mut refused) = (Vec::new(), Vec::new());
    for manifest in &found {
        let path = manifest.parent().and_then(Path::to_str).expect("a folder");
        let ran = publisher.run(&["marketplace", "publish", path, "--offline", "--json"]);
        if ran.code() == 0 {
            published.push(ran.value()["name"].as_str().expect("a name").to_owned());
            continue;
        }
        let error = ran.exits(2).error();
        let message = error["message"].as_str().unwrap_or_default();
        let place = message.split_once("package.toml:").and_then(|(_, rest)| rest.split(':').next());
        assert!(place.is_some_and(|line| line.parse::<u32>().is_ok()), "file and line: {error}");
        assert!(error["hints"].as_array().is_some_and(|h| !h.is_empty()), "a hint: {error}");
        refused.push(message.to_owned());
    }
    eprintln!("published {} of {}; refused:\n  {}", published.len(), found.len(), refused.join("\n  "));
    assert!(published.len() >= 72, "published {} of {}: {refused:#?}", published.len(), found.len());

    each_resolves_to_what_its_manifest_says(&publisher, &published);

    let node = publisher.node();
    user.bootstrap(&[&node]);
    let answer = user.json(&["marketplace", "search", "sparql"]);
    assert!(each(&answer["results"], "name").len() >= 2, "{answer}");
    for name in ["hello-world", "agent-memory-forge", "agent-reasoning-mcp"] {
        user.json(&["marketplace", "install", name]);
    }
    let installed: Vec<_> = user.installed().into_iter().map(|(name, _)| name).collect();
    assert!(installed.contains(&"agent-context-crafter".to_owned()), "with what they need: {installed:?}");
    assert_eq!(user.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    user.is_clean();
}

/// What a package needs, as it was signed: name and range of each that is not optional.
type Needs = BTreeMap<String, (Version, Vec<(String, VersionReq)>)>;

/// Each has one version here, so there is nothing to choose: its closure is there, or what is missing is known beforehand.
fn each_resolves_to_what_its_manifest_says(publisher: &Home, published: &[String]) {
    let mut needs = Needs::new();
    for name in published {
        let info = publisher.json(&["marketplace", "info", name, "--offline"]);
        let version = info["versions"][0]["version"].as_str().expect("a version").parse().expect("a version");
        let dependencies = info["dependencies"].as_array().expect("dependencies").iter();
        let wanted = dependencies.filter(|d| d["optional"] != true).map(|d| {
            let text = |field: &str| d[field].as_str().unwrap_or_else(|| panic!("{field} in {d}")).to_owned();
            (text("name"), text("version_req").parse().expect("a range"))
        });
        needs.insert(name.clone(), (version, wanted.collect()));
    }
    let mut refused = 0;
    for name in published {
        let ran = publisher.run(&["marketplace", "install", name, "--dry-run", "--offline", "--json"]);
        let (mut closure, mut missing) = (BTreeSet::new(), BTreeSet::new());
        walk(name, &needs, &mut closure, &mut missing);
        if missing.is_empty() {
            let plan = ran.exits(0).value();
            assert_eq!(each(&plan["plan"], "name").into_iter().collect::<BTreeSet<_>>(), closure);
            continue;
        }
        refused += 1;
        let error = ran.exits(3).error();
        let why = format!("{} {}", error["message"], error["context"]["because"]);
        let told = |(owner, name): &&(String, String)| why.contains(owner.as_str()) && why.contains(name.as_str());
        assert!(missing.iter().any(|edge| told(&edge)), "who needs what that is not there: {missing:?}\n{error}");
        assert!(error["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{error}");
    }
    assert!(refused > 0, "some of these need what nobody publishes");
    let error = publisher.fails(3, &["marketplace", "install", "telemedicine-platform", "--dry-run", "--offline"]);
    assert_eq!(
        error["message"],
        "nobody is known to publish healthcare-core, which telemedicine-platform 1.0.0 requires"
    );
    // A crate of this name is meant; what is published here under it is another thing, of another major version.
    let target = ["marketplace", "install", "clap-noun-verb@3.4.0", "--dry-run", "--offline"];
    let error = publisher.fails(3, &target);
    assert_eq!((&error["code"], &error["context"]["available"]), (&json!("GGEN-E0202"), &json!(["5.3.2"])), "{error}");
}

fn walk(name: &str, needs: &Needs, closure: &mut BTreeSet<String>, missing: &mut BTreeSet<(String, String)>) {
    if !closure.insert(name.to_owned()) {
        return;
    }
    for (needed, range) in needs.get(name).map(|(_, wanted)| wanted.as_slice()).unwrap_or_default() {
        match needs.get(needed) {
            Some((version, _)) if range.matches(version) => walk(needed, needs, closure, missing),
            _ => drop(missing.insert((name.to_owned(), needed.clone()))),
        }
    }
}
