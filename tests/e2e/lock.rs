//! A project and its `ggen.lock`: what is locked stays, whoever installs it and whatever came since.

use std::path::{Path, PathBuf};

use ggen_tests::{Home, Package, Ran, Running, Value, json};

use crate::{each, home};

/// A folder beneath the home's own that is a project, with this manifest if any.
pub(crate) fn project(home: &Home, name: &str, dependencies: Option<&str>) -> PathBuf {
    let folder = home.root().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    if let Some(dependencies) = dependencies {
        let text = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n\n[dependencies]\n{dependencies}\n");
        std::fs::write(folder.join("package.toml"), text).unwrap();
    }
    folder
}

pub(crate) fn start(home: &Home, folder: &Path, args: &[&str]) -> Running {
    let mut command = home.command(&["marketplace"]);
    command.args(args).args(["--offline", "--json"]).current_dir(folder);
    Running::start(command)
}

#[track_caller]
pub(crate) fn run(home: &Home, folder: &Path, args: &[&str]) -> Ran {
    start(home, folder, args).ends_within(ggen_tests::LIMIT)
}

#[track_caller]
pub(crate) fn plan(home: &Home, folder: &Path, args: &[&str]) -> Vec<String> {
    versions(&run(home, folder, args).exits(0).value()["plan"])
}

fn versions(plan: &Value) -> Vec<String> {
    let one = |p: &Value| format!("{} {}", p["name"].as_str().unwrap(), p["version"].as_str().unwrap());
    let mut all: Vec<_> = plan.as_array().unwrap().iter().map(one).collect();
    all.sort();
    all
}

pub(crate) fn lock(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("ggen.lock")).expect("there is a lockfile")
}

/// Writes what the manifest of a project asks for anew.
fn depend(folder: &Path, dependencies: &str) {
    let text = format!("[package]\nname = \"shop\"\nversion = \"0.1.0\"\n\n[dependencies]\n{dependencies}\n");
    std::fs::write(folder.join("package.toml"), text).unwrap();
}

/// `app` and `other` need `lib`; each is there as 1.0.0.
fn published() -> Home {
    let home = home();
    home.publish(&Package::new("lib", "1.0.0"));
    home.publish(&Package::new("app", "1.0.0").needs("lib", "^1"));
    home.publish(&Package::new("other", "1.0.0").needs("lib", "^1"));
    home
}

#[test]
fn the_lockfile_names_the_closure_with_publishers_digests_and_policies() {
    let home = published();
    let folder = project(&home, "shop", Some(""));
    let answer = run(&home, &folder, &["install", "app@^1"]).exits(0).value();
    let text = lock(&folder);
    let value: toml::Table = text.parse().unwrap();
    let packages = value["package"].as_array().unwrap();
    let names: Vec<_> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["app", "lib"], "sorted:\n{text}");
    for planned in answer["plan"].as_array().unwrap() {
        for field in ["name", "version", "publisher", "digest"] {
            assert!(text.contains(&format!("{field} = {}", planned[field])), "{field} of {planned} in\n{text}");
        }
    }
    assert!(packages.iter().all(|p| p["registry"].as_str() == Some("registry")), "a logical name:\n{text}");
    let hooks: Vec<_> = value["policy"].as_array().unwrap().iter().map(|p| p["hook"].as_str().unwrap()).collect();
    assert_eq!(hooks, ["verification", "version-resolution"], "{text}");
    assert_eq!(value["requested"][0]["requirement"].as_str(), Some("^1"));
    run(&home, &folder, &["install", "app@^1"]).exits(0);
    assert_eq!(lock(&folder), text, "the same job writes the same text");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing else is left in the project");
}

#[test]
fn an_empty_folder_begins_a_project_and_any_other_folder_is_none() {
    let home = published();
    let empty = project(&home, "empty", None);
    run(&home, &empty, &["install", "lib", "--dry-run"]).exits(0);
    assert!(!empty.join("ggen.lock").exists(), "a dry run writes nothing");
    run(&home, &empty, &["install", "lib"]).exits(0);
    assert!(lock(&empty).contains("name = \"lib\""));
    let inner = project(&home, "empty/deep/er", None);
    run(&home, &inner, &["install", "app"]).exits(0);
    assert!(lock(&empty).contains("name = \"app\""), "the nearest project upwards is meant");
    let papers = project(&home, "papers", None);
    std::fs::write(papers.join("notes.txt"), "x").unwrap();
    run(&home, &papers, &["install", "other"]).exits(0);
    assert!(!papers.join("ggen.lock").exists());
}

#[test]
fn what_is_locked_stays_when_newer_versions_come_and_others_are_added() {
    let home = published();
    let folder = project(&home, "shop", Some("app = \"^1\""));
    assert_eq!(plan(&home, &folder, &["install"]), ["app 1.0.0", "lib 1.0.0"], "what the manifest asks for");
    home.publish(&Package::new("lib", "1.1.0"));
    home.publish(&Package::new("app", "1.1.0").needs("lib", "^1"));
    home.publish(&Package::new("other", "1.1.0").needs("lib", "^1.1"));
    assert_eq!(plan(&home, &folder, &["install"]), ["app 1.0.0", "lib 1.0.0"]);
    // The newest `other` would need a newer lib; an older one does without.
    let added = plan(&home, &folder, &["install", "other"]);
    assert_eq!(added, ["app 1.0.0", "lib 1.0.0", "other 1.0.0"]);
    // The minimal strategy, and a home that has nothing installed, do not move it either.
    assert_eq!(plan(&home, &folder, &["install", "--strategy", "minimal"]), added);
    let other = home.copy();
    assert_eq!(plan(&other, &folder, &["install", "--locked"]), added);
    let written = lock(&folder);
    assert!(written.contains("by = \"manifest\"") && written.contains("by = \"user\""), "{written}");
}

#[test]
fn what_must_move_moves_and_says_why() {
    let home = published();
    let folder = project(&home, "shop", Some(""));
    run(&home, &folder, &["install", "app"]).exits(0);
    home.publish(&Package::new("lib", "1.1.0"));
    home.publish(&Package::new("strict", "1.0.0").needs("lib", "^1.1"));
    let before = lock(&folder);
    let refused = run(&home, &folder, &["install", "strict", "--locked"]).exits(3).error();
    assert_eq!(refused["code"], "GGEN-E0210");
    let changes = refused["context"]["changes"].to_string();
    assert!(changes.contains("lib would go from 1.0.0 to 1.1.0") && changes.contains("strict"), "{changes}");
    assert_eq!(lock(&folder), before);
    let answer = run(&home, &folder, &["install", "strict"]).exits(0).value();
    assert_eq!(answer["moved"][0]["name"], "lib", "{answer}");
    assert_eq!((&answer["moved"][0]["from"], &answer["moved"][0]["to"]), (&"1.0.0".into(), &"1.1.0".into()));
    assert!(answer["moved"][0]["why"].to_string().contains("strict"), "{answer}");
    assert_eq!(each(&answer["moved"], "name"), ["lib"], "nothing else moved");
    assert_ne!(lock(&folder), before);
}

#[test]
fn the_manifest_holds_as_it_is_now_whatever_is_named_beside_it() {
    let home = published();
    home.publish(&Package::new("lib", "2.0.0"));
    home.publish(&Package::new("next", "1.0.0").needs("lib", "^2"));
    home.publish(&Package::new("solo", "1.0.0"));
    let folder = project(&home, "shop", Some("lib = \"^1\""));
    run(&home, &folder, &["install"]).exits(0);
    depend(&folder, "lib = \"^2\"");
    let named = plan(&home, &folder, &["install", "solo"]);
    assert_eq!(named, ["lib 2.0.0", "solo 1.0.0"]);
    assert_eq!(plan(&home, &folder, &["install", "--locked"]), named, "what was just written is what holds");
    assert_eq!(plan(&home, &folder, &["install", "lib@^2"]), named);
    // What the manifest no longer asks for stands in nobody's way.
    let folder = project(&home, "other", Some("lib = \"^1\""));
    run(&home, &folder, &["install"]).exits(0);
    depend(&folder, "");
    assert_eq!(plan(&home, &folder, &["install", "next"]), ["lib 2.0.0", "next 1.0.0"]);
    // A first lock has all of it too, and what does not go with it is refused.
    let fresh = project(&home, "fresh", Some("app = \"^1\""));
    let error = run(&home, &fresh, &["install", "lib@^2"]).exits(3).error();
    assert!(error["context"]["because"].to_string().contains("app 1.0.0 requires lib ^1"), "{error}");
    assert!(!fresh.join("ggen.lock").exists());
    let all = plan(&home, &fresh, &["install", "solo"]);
    assert_eq!(all, ["app 1.0.0", "lib 1.0.0", "solo 1.0.0"]);
    assert_eq!(plan(&home, &fresh, &["install", "--locked"]), all);
}

#[test]
fn who_names_a_package_again_without_a_range_does_not_widen_it() {
    let home = published();
    let folder = project(&home, "shop", None);
    let asked = || {
        let value: toml::Table = lock(&folder).parse().unwrap();
        value["requested"][0]["requirement"].as_str().unwrap().to_owned()
    };
    run(&home, &folder, &["install", "lib@^1"]).exits(0);
    run(&home, &folder, &["install", "lib"]).exits(0);
    assert_eq!(asked(), "^1");
    run(&home, &folder, &["install", "lib@*"]).exits(0);
    assert_eq!(asked(), "*", "where that is said, it is");
    // Outside of a project what is installed keeps its range the same way.
    home.json(&["marketplace", "install", "other@^1", "--offline"]);
    home.json(&["marketplace", "install", "other", "--offline"]);
    home.publish(&Package::new("other", "2.0.0"));
    assert_eq!(home.json(&["marketplace", "upgrade", "other", "--offline"])["upgraded"], json!([]));
    home.json(&["marketplace", "install", "other@*", "--offline"]);
    assert_eq!(each(&home.json(&["marketplace", "upgrade", "other", "--offline"])["upgraded"], "to"), ["2.0.0"]);
}

#[test]
fn a_first_lock_does_not_tell_what_its_machine_had_installed() {
    let home = published();
    home.json(&["marketplace", "install", "app", "--offline"]);
    home.publish(&Package::new("lib", "1.1.0"));
    let folder = project(&home, "shop", Some(""));
    assert_eq!(plan(&home, &folder, &["install", "lib"]), ["lib 1.1.0"]);
    // Outside of a project it stays as it is, unless it is said which end is meant.
    let version = |more: &[&str]| {
        let args = [&["marketplace", "install", "lib", "--dry-run", "--offline"], more].concat();
        each(&home.copy().json(&args)["plan"], "version")
    };
    home.publish(&Package::new("lib", "1.2.0"));
    assert_eq!(version(&[]), ["1.1.0"]);
    assert_eq!(version(&["--strategy", "newest"]), ["1.2.0"]);
    assert_eq!(version(&["--strategy", "minimal"]), ["1.0.0"]);
}

#[test]
fn without_names_there_must_be_something_to_go_by() {
    let home = published();
    let nothing = project(&home, "nothing", None);
    let error = run(&home, &nothing, &["install"]).exits(2).error();
    assert!(error["hints"].to_string().contains("install hello-ggen"), "{error}");
    assert_eq!(run(&home, &nothing, &["install", "app", "--locked"]).exits(2).error()["code"], "GGEN-E0114");
    let manifest = project(&home, "manifest", Some("app = \"^1\""));
    run(&home, &manifest, &["install", "--locked"]).exits(2);
    std::fs::write(manifest.join("package.toml"), "[package]\nname = \"x\"\nversion = \"1\"\n").unwrap();
    let error = run(&home, &manifest, &["install"]).exits(2).error();
    assert!(error["message"].as_str().unwrap().contains("package.toml:3"), "{error}");
}

#[test]
fn a_locked_digest_that_is_not_what_comes_is_refused() {
    let home = published();
    let folder = project(&home, "shop", Some(""));
    run(&home, &folder, &["install", "app"]).exits(0);
    let text = lock(&folder);
    let value: toml::Table = text.parse().unwrap();
    let digest = value["package"][1]["digest"].as_str().unwrap();
    let changed = text.replace(digest, &"0".repeat(64));
    std::fs::write(folder.join("ggen.lock"), &changed).unwrap();
    let fresh = home.copy();
    fresh.json(&["marketplace", "remove", "app", "lib"]);
    let error = run(&fresh, &folder, &["install"]).exits(4).error();
    assert_eq!(error["code"], "GGEN-E0311");
    assert_eq!(error["context"]["found"].as_str(), Some(digest), "{error}");
    assert!(fresh.installed().is_empty());
    assert_eq!(lock(&folder), changed, "the lockfile is left as it is");
}

#[test]
fn a_lock_of_somebody_else_s_package_is_not_overruled() {
    let (home, mut stranger) = (published(), home());
    let folder = project(&home, "shop", Some(""));
    run(&home, &folder, &["install", "lib"]).exits(0);
    stranger.publish(&Package::new("lib", "1.0.0").description("another one"));
    stranger.set("GGEN_P2P_BOOTSTRAP", "");
    let error = run(&stranger, &folder, &["install"]).exits(8).error();
    assert!(error["context"].to_string().contains("candidates"), "{error}");
    assert!(stranger.installed().is_empty());
}

#[test]
fn a_text_that_is_no_lockfile_is_refused_with_its_line() {
    let home = published();
    let folder = project(&home, "shop", None);
    for (text, line) in [("version = 1\n\n[[package]]\nname = \"Lib\"\n", 3), ("version = 99\n", 1), ("\u{0}", 1)] {
        std::fs::write(folder.join("ggen.lock"), text).unwrap();
        let error = run(&home, &folder, &["install", "lib"]).exits(2).error();
        assert_eq!((&error["code"], &error["context"]["line"]), (&"GGEN-E0113".into(), &line.into()), "{error}");
        assert_eq!(lock(&folder), text, "it is left as it is");
    }
    std::fs::write(folder.join("ggen.lock"), [0xff, 0xfe]).unwrap();
    run(&home, &folder, &["install", "lib"]).exits(2);
    std::fs::write(folder.join("ggen.lock"), "").unwrap();
    run(&home, &folder, &["install", "lib"]).exits(0);
    assert!(home.installed().len() == 1 && lock(&folder).contains("name = \"lib\""), "an empty one is a beginning");
}

#[test]
fn many_at_once_in_one_project_lose_nothing() {
    let home = home();
    let names: Vec<_> = (0..6).map(|n| format!("part-{n}")).collect();
    for name in &names {
        home.publish(&Package::new(name, "1.0.0"));
    }
    let folder = project(&home, "shop", Some(""));
    let all: Vec<_> = names.iter().map(|name| start(&home, &folder, &["install", name])).collect();
    for one in all {
        one.ends_within(ggen_tests::LIMIT).exits(0);
    }
    let value: toml::Table = lock(&folder).parse().unwrap();
    let locked: Vec<_> = value["package"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(locked, names);
    assert_eq!(value["requested"].as_array().unwrap().len(), names.len());
}

#[test]
fn clean_up_keeps_what_a_project_needs() {
    let home = published();
    // Somebody else's packages: what a home's own publisher signed is kept anyway.
    let buyer = Home::new(env!("CARGO_BIN_EXE_ggen"));
    let directory = home.path().join("registry");
    buyer.config(&format!("[registry]\ndirectories = [{directory:?}]\n[limits]\nclean_age = \"0ms\"\n"));
    let folder = project(&buyer, "shop", Some(""));
    run(&buyer, &folder, &["install", "app"]).exits(0);
    buyer.json(&["marketplace", "remove", "app", "lib"]);
    let kept = buyer.json(&["marketplace", "clean"]);
    assert!(!kept["removed"].to_string().contains("store/"), "{kept}");
    std::fs::remove_file(folder.join("ggen.lock")).unwrap();
    let gone = buyer.json(&["marketplace", "clean"]);
    assert!(gone["removed"].to_string().contains("store/"), "{gone}");
}

#[test]
fn other_policies_than_those_of_the_lock_are_told() {
    let home = published();
    let folder = project(&home, "shop", Some(""));
    run(&home, &folder, &["install", "app"]).exits(0);
    home.config("[[policy.version-resolution]]\nuse = \"minimal-versions\"\n");
    let answer = run(&home, &folder, &["install"]).exits(0).value();
    let told = answer["warnings"].to_string();
    assert!(told.contains("other-policies") && told.contains("minimal-versions"), "{answer}");
    assert!(lock(&folder).contains("minimal-versions"));
    let again = run(&home, &folder, &["install"]).exits(0).value();
    assert!(!again["warnings"].to_string().contains("other-policies"), "{again}");
}

#[test]
fn what_is_removed_in_a_project_is_no_longer_asked_for() {
    let home = published();
    let folder = project(&home, "shop", Some("lib = \"^1\""));
    run(&home, &folder, &["install"]).exits(0);
    let answer = run(&home, &folder, &["remove", "lib"]).exits(0).value();
    assert_eq!((&answer["removed"], &answer["unlocked"]), (&json!(["lib"]), &json!([])), "{answer}");
    assert_eq!(each(&answer["warnings"], "code"), ["in-manifest"], "{answer}");
    run(&home, &folder, &["install"]).exits(0);
    run(&home, &folder, &["install", "app", "other", "lib"]).exits(0);
    let remove = |home: &Home, name: &str| run(home, &folder, &["remove", name]).exits(0).value();
    let answer = remove(&home, "app");
    assert_eq!((&answer["removed"], &answer["unlocked"]), (&json!(["app"]), &json!(["app"])), "{answer}");
    assert_eq!(plan(&home, &folder, &["install", "--locked"]), ["lib 1.0.0", "other 1.0.0"]);
    // What others need, and the manifest asks for, is there all the same.
    let answer = remove(&home, "lib");
    assert_eq!((&answer["removed"], &answer["unlocked"]), (&json!([]), &json!(["lib"])), "{answer}");
    assert_eq!(each(&answer["warnings"], "code"), ["still-needed", "in-manifest"], "{answer}");
    assert_eq!(run(&home, &folder, &["remove", "lib"]).exits(1).error()["code"], "GGEN-E0209");
    // A lockfile from elsewhere, whose packages are not here.
    let answer = remove(&self::home(), "other");
    assert_eq!((&answer["removed"], &answer["unlocked"]), (&json!([]), &json!(["other"])), "{answer}");
    assert!(!lock(&folder).contains("\"other\"") && lock(&folder).contains("\"lib\""), "{}", lock(&folder));
}
