//! Newer versions of what is here: `upgrade`, `list --outdated`; and who needs whom: `tree`, `why`.

use std::collections::BTreeMap;

use ggen_tests::{Home, Package, Running, Value, json};

use crate::lock::{lock, plan, project, run};
use crate::resolution::{indexed, one};
use crate::{each, home};

/// `app` 1.0.0 and `lib` 1.0.0 are installed, and newer ones are there.
fn behind() -> Home {
    let home = home();
    home.publish(&Package::new("lib", "1.0.0"));
    home.publish(&Package::new("app", "1.0.0").needs("lib", "^1"));
    home.json(&["marketplace", "install", "app@^1", "--offline"]);
    home.publish(&Package::new("lib", "1.1.0"));
    home.publish(&Package::new("lib", "2.0.0"));
    home.publish(&Package::new("app", "1.1.0").needs("lib", "^1"));
    home.publish(&Package::new("app", "2.0.0").needs("lib", "^2"));
    home
}

fn outdated(home: &Home) -> Vec<(String, String, String, String)> {
    let answer = home.json(&["marketplace", "list", "--outdated", "--offline"]);
    let text = |p: &Value, field: &str| p[field].as_str().unwrap().to_owned();
    let packages = answer["packages"].as_array().unwrap();
    packages.iter().map(|p| (text(p, "name"), text(p, "version"), text(p, "wanted"), text(p, "latest"))).collect()
}

fn four(name: &str, version: &str, wanted: &str, latest: &str) -> (String, String, String, String) {
    (name.to_owned(), version.to_owned(), wanted.to_owned(), latest.to_owned())
}

#[test]
fn outdated_tells_what_is_allowed_and_what_is_newest() {
    let home = behind();
    assert_eq!(outdated(&home), [four("app", "1.0.0", "1.1.0", "2.0.0"), four("lib", "1.0.0", "1.1.0", "2.0.0")]);
    assert_eq!(home.installed().len(), 2);
    assert_eq!(home.installed()[0].1, "1.0.0", "it only looks");
    home.json(&["marketplace", "upgrade", "--offline"]);
    assert_eq!(outdated(&home), [four("app", "1.1.0", "1.1.0", "2.0.0"), four("lib", "1.1.0", "1.1.0", "2.0.0")]);
}

#[test]
fn an_upgrade_stays_within_what_was_asked_for() {
    let home = behind();
    let dry = home.json(&["marketplace", "upgrade", "--dry-run", "--offline"]);
    let wanted = json!([
        { "name": "app", "from": "1.0.0", "to": "1.1.0" },
        { "name": "lib", "from": "1.0.0", "to": "1.1.0" }
    ]);
    assert_eq!(dry["upgraded"], wanted);
    assert_eq!(home.installed()[0].1, "1.0.0");
    assert_eq!(home.json(&["marketplace", "upgrade", "--offline"])["upgraded"], wanted);
    assert_eq!(home.installed(), [("app".into(), "1.1.0".into()), ("lib".into(), "1.1.0".into())]);
    assert_eq!(home.json(&["marketplace", "upgrade", "--offline"])["upgraded"], json!([]));
    // Asking for more is what `install` is for.
    home.json(&["marketplace", "install", "app@^2", "--offline"]);
    assert_eq!(home.installed()[0], ("app".into(), "2.0.0".into()));
    home.is_clean();
}

#[test]
fn one_name_moves_that_and_what_it_must() {
    let home = behind();
    let done = home.json(&["marketplace", "upgrade", "lib", "--offline"]);
    assert_eq!(done["upgraded"], json!([{ "name": "lib", "from": "1.0.0", "to": "1.1.0" }]));
    let error = home.fails(1, &["marketplace", "upgrade", "nobody", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0208");
}

#[test]
fn an_exact_version_moves_within_what_is_compatible_and_says_so() {
    let home = home();
    home.publish(&Package::new("solo", "1.0.0"));
    home.publish(&Package::new("solo", "1.1.0"));
    home.publish(&Package::new("solo", "2.0.0"));
    home.json(&["marketplace", "install", "solo@=1.0.0", "--offline"]);
    let done = home.json(&["marketplace", "upgrade", "--offline"]);
    assert_eq!(done["upgraded"], json!([{ "name": "solo", "from": "1.0.0", "to": "1.1.0" }]));
    assert!(done["warnings"].to_string().contains("=1.0.0"), "{done}");
}

#[test]
fn an_upgrade_asks_the_network_and_obeys_the_verifier() {
    let (author, mut user) = (home(), home());
    author.publish(&Package::new("tool", "1.0.0"));
    let node = author.node();
    user.bootstrap(&[&node]);
    user.json(&["marketplace", "install", "tool"]);
    let folder = author.write(&Package::new("tool", "1.1.0").license("GPL-3.0-only"));
    author.json(&["marketplace", "publish", &folder]);
    user.config(
        "[[policy.verification]]\nuse = \"signed-releases\"\nsettings = { deny_licenses = [\"GPL-3.0-only\"] }\n",
    );
    assert_eq!(user.run(&["marketplace", "upgrade", "--json"]).exits(8).error()["code"], "GGEN-E0701");
    user.config("");
    let done = user.json(&["marketplace", "upgrade"]);
    assert_eq!(done["upgraded"], json!([{ "name": "tool", "from": "1.0.0", "to": "1.1.0" }]));
}

#[test]
fn an_upgrade_in_a_project_writes_its_lockfile() {
    let home = behind();
    let folder = home.root().join("shop");
    std::fs::create_dir(&folder).unwrap();
    let run = |args: &[&str]| {
        let mut command = home.command(args);
        command.args(["--offline", "--json"]).current_dir(&folder);
        Running::start(command).ends_within(ggen_tests::LIMIT).exits(0).value()
    };
    run(&["marketplace", "install", "app@=1.0.0", "lib@=1.0.0"]);
    let lock = || std::fs::read_to_string(folder.join("ggen.lock")).unwrap();
    assert!(lock().contains("name = \"app\"\nversion = \"1.0.0\""));
    let done = run(&["marketplace", "upgrade"]);
    assert_eq!(each(&done["upgraded"], "to"), ["1.1.0", "1.1.0"], "{done}");
    assert!(lock().contains("name = \"app\"\nversion = \"1.1.0\""), "{}", lock());
    assert!(lock().contains("requirement = \"^1.0.0\""), "{}", lock());
}

/// What a lockfile says was asked for, by name.
fn asked(folder: &std::path::Path) -> Vec<(String, String)> {
    let value: toml::Table = lock(folder).parse().unwrap();
    let text = |r: &toml::Value, field: &str| r[field].as_str().unwrap().to_owned();
    let requested = value["requested"].as_array().unwrap();
    requested.iter().map(|r| (text(r, "name"), text(r, "requirement"))).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, range)| ((*name).to_owned(), (*range).to_owned())).collect()
}

#[test]
fn an_exact_version_of_what_is_not_named_or_does_not_move_stays_exact() {
    let home = home();
    for name in ["pinned", "free"] {
        home.publish(&Package::new(name, "1.0.0"));
    }
    let folder = project(&home, "shop", None);
    run(&home, &folder, &["install", "pinned@=1.0.0", "free"]).exits(0);
    home.publish(&Package::new("free", "1.1.0"));
    let done = run(&home, &folder, &["upgrade", "free"]).exits(0).value();
    assert_eq!(each(&done["upgraded"], "name"), ["free"]);
    assert_eq!(done["warnings"], json!([]), "nothing is widened");
    let exact = pairs(&[("free", "*"), ("pinned", "=1.0.0")]);
    assert_eq!(asked(&folder), exact);
    // There is no other version that it could move to.
    for args in [&["upgrade"][..], &["upgrade", "pinned"]] {
        assert_eq!(run(&home, &folder, args).exits(0).value()["upgraded"], json!([]));
        assert_eq!(asked(&folder), exact, "{args:?}");
    }
    // Outside of a project it is the same.
    home.json(&["marketplace", "install", "pinned@=1.0.0", "--offline"]);
    home.json(&["marketplace", "upgrade", "--offline"]);
    assert!(home.run(&["marketplace", "why", "pinned"]).exits(0).stdout.contains("(=1.0.0)"));
    home.publish(&Package::new("pinned", "1.0.1"));
    let done = run(&home, &folder, &["upgrade", "pinned"]).exits(0).value();
    assert_eq!(
        (each(&done["upgraded"], "to"), each(&done["warnings"], "code")),
        (vec!["1.0.1".into()], vec!["exact".into()])
    );
    assert_eq!(asked(&folder), pairs(&[("free", "*"), ("pinned", "^1.0.0")]));
}

/// A project whose lockfile was written when `old` 1.0.0 was not yanked yet.
fn locked_by_hand(home: &Home) -> std::path::PathBuf {
    let (folder, zero) = (project(home, "shop", None), "0".repeat(64));
    let text = format!(
        "version = 1\n\n[[requested]]\nname = \"old\"\nrequirement = \"=1.0.0\"\nby = \"user\"\n\n[[package]]\n\
         name = \"old\"\nversion = \"1.0.0\"\npublisher = \"{zero}\"\ndigest = \"{zero}\"\nregistry = \"registry\"\n"
    );
    std::fs::write(folder.join("ggen.lock"), text).unwrap();
    folder
}

#[test]
fn a_yanked_version_that_was_asked_for_exactly_stays_until_there_is_another() {
    let home = indexed(&BTreeMap::from([("old".to_owned(), vec![one("1.0.0!", &[]), one("2.0.0", &[])])]));
    let folder = locked_by_hand(&home);
    assert_eq!(plan(&home, &folder, &["upgrade", "--dry-run"]), ["old 1.0.0"]);
    let versions = ["1.0.0!", "1.0.1", "2.0.0"].map(|v| one(v, &[])).to_vec();
    let home = indexed(&BTreeMap::from([("old".to_owned(), versions)]));
    let folder = locked_by_hand(&home);
    assert_eq!(plan(&home, &folder, &["upgrade", "--dry-run"]), ["old 1.0.1"]);
}

#[test]
fn an_upgrade_tells_what_it_adds_what_it_drops_and_why_others_moved() {
    let home = home();
    for name in ["first", "second"] {
        home.publish(&Package::new(name, "1.0.0"));
    }
    let folder = project(&home, "shop", Some("first = \"^1\""));
    run(&home, &folder, &["install"]).exits(0);
    let manifest = |dependencies: &str| {
        let text = format!("[package]\nname = \"shop\"\nversion = \"1.0.0\"\n[dependencies]\n{dependencies}");
        std::fs::write(folder.join("package.toml"), text).unwrap();
    };
    let told = |more: &[&str]| {
        let mut command = home.command(&["marketplace", "upgrade", "--offline"]);
        command.args(more).current_dir(&folder);
        Running::start(command).ends_within(ggen_tests::LIMIT).exits(0).stdout
    };
    manifest("first = \"^1\"\nsecond = \"^1\"\n");
    assert_eq!(told(&["--dry-run"]).trim(), "would add second 1.0.0");
    let done = run(&home, &folder, &["upgrade"]).exits(0).value();
    assert_eq!((&done["added"], &done["upgraded"]), (&json!([{ "name": "second", "version": "1.0.0" }]), &json!([])));
    assert!(told(&[]).contains("nothing to upgrade"));
    // Locked, and not on this machine.
    home.json(&["marketplace", "remove", "second"]);
    assert!(told(&[]).contains("installed second 1.0.0"));
    manifest("");
    assert!(told(&["--dry-run"]).contains("second 1.0.0 is not needed any more"));
    let done = run(&home, &folder, &["upgrade"]).exits(0).value();
    assert_eq!(each(&done["moved"], "name"), ["first", "second"], "{done}");
    assert_eq!((&done["moved"][0]["to"], done["plan"].as_array().unwrap().len()), (&Value::Null, 0));
    assert!(!lock(&folder).contains("[[package]]"), "{}", lock(&folder));
    assert_eq!(home.installed().len(), 2, "what is installed is not taken away");
}

#[test]
fn what_was_not_named_stays_or_says_why_it_could_not() {
    let home = home();
    home.publish(&Package::new("base", "1.0.0"));
    home.publish(&Package::new("left", "1.0.0").needs("base", "^1"));
    home.publish(&Package::new("right", "1.0.0").needs("base", "^1"));
    let folder = project(&home, "shop", Some("left = \">=1\"\nright = \"^1\""));
    run(&home, &folder, &["install"]).exits(0);
    home.publish(&Package::new("base", "2.0.0"));
    home.publish(&Package::new("left", "2.0.0").needs("base", "^2"));
    home.publish(&Package::new("right", "2.0.0").needs("base", "^2"));
    // `right` was not named, and `left` needs no other version so much that it would be taken along.
    let done = run(&home, &folder, &["upgrade", "left"]).exits(0).value();
    assert_eq!((&done["upgraded"], &done["moved"]), (&json!([]), &json!([])), "{done}");
    let manifest = std::fs::read_to_string(folder.join("package.toml")).unwrap();
    std::fs::write(folder.join("package.toml"), manifest.replace("right = \"^1\"", "right = \"^2\"")).unwrap();
    let done = run(&home, &folder, &["upgrade", "left"]).exits(0).value();
    assert_eq!(each(&done["upgraded"], "name"), ["base", "left", "right"], "{done}");
    assert_eq!(each(&done["moved"], "name"), ["right"], "{done}");
    assert!(done["moved"][0]["why"].to_string().contains("you asked for right ^2"), "{done}");
}

#[test]
fn in_a_project_outdated_is_about_its_lockfile() {
    let home = home();
    home.publish(&Package::new("lib", "1.0.0"));
    home.publish(&Package::new("elsewhere", "1.0.0"));
    home.publish(&Package::new("early", "1.0.0-rc.1"));
    let folder = project(&home, "shop", None);
    run(&home, &folder, &["install", "lib@^1", "early@^1.0.0-rc.1"]).exits(0);
    home.json(&["marketplace", "remove", "lib", "early"]);
    home.json(&["marketplace", "install", "elsewhere", "--offline"]);
    for (name, version) in [("lib", "1.1.0"), ("lib", "2.0.0"), ("elsewhere", "1.1.0"), ("early", "1.0.0-rc.2")] {
        home.publish(&Package::new(name, version));
    }
    let rows = |answer: Value| {
        let text = |p: &Value, field: &str| p[field].as_str().unwrap().to_owned();
        let packages = answer["packages"].as_array().unwrap().clone();
        let row = |p: &Value| (text(p, "name"), text(p, "version"), text(p, "wanted"), text(p, "latest"));
        packages.iter().map(row).collect::<Vec<_>>()
    };
    let early = four("early", "1.0.0-rc.1", "1.0.0-rc.2", "1.0.0-rc.2");
    let locked = rows(run(&home, &folder, &["list", "--outdated"]).exits(0).value());
    assert_eq!(locked, [early.clone(), four("lib", "1.0.0", "1.1.0", "2.0.0")]);
    // Elsewhere it is about what is installed.
    assert_eq!(outdated(&home), [four("elsewhere", "1.0.0", "1.1.0", "1.1.0")]);
    run(&home, &folder, &["upgrade"]).exits(0);
    home.publish(&Package::new("early", "1.0.0"));
    let latest = rows(run(&home, &folder, &["list", "--outdated"]).exits(0).value());
    assert_eq!(latest[0], four("early", "1.0.0-rc.2", "1.0.0", "1.0.0"));
}

fn diamond() -> Home {
    let home = home();
    home.publish(&Package::new("base", "1.0.0"));
    home.publish(&Package::new("left", "1.0.0").needs("base", "^1"));
    home.publish(&Package::new("right", "1.0.0").needs("base", ">=1, <2").needs("left", "*"));
    home.publish(&Package::new("top", "1.0.0").needs("left", "^1").needs("right", "^1"));
    home.json(&["marketplace", "install", "top", "--offline"]);
    home
}

#[test]
fn the_tree_tells_each_part_once() {
    let home = diamond();
    let answer = home.json(&["marketplace", "tree"]);
    assert_eq!(answer["tree"][0]["name"], "top");
    assert_eq!(each(&answer["tree"][0]["dependencies"], "name"), ["left", "right"]);
    assert_eq!(answer["tree"][0]["dependencies"][1]["dependencies"][1]["repeated"], true);
    insta::assert_snapshot!(home.run(&["marketplace", "tree"]).exits(0).stdout, @r"
    top 1.0.0
    ├── left 1.0.0
    │   └── base 1.0.0
    └── right 1.0.0
        ├── base 1.0.0
        └── left 1.0.0 (*)
    ");
    let part = home.json(&["marketplace", "tree", "left"]);
    assert_eq!(each(&part["tree"], "name"), ["left"]);
    home.fails(1, &["marketplace", "tree", "nobody"]);
}

#[test]
fn why_tells_every_way() {
    let home = diamond();
    let answer = home.json(&["marketplace", "why", "base"]);
    let ways: Vec<Vec<String>> = answer["paths"].as_array().unwrap().iter().map(|path| each(path, "name")).collect();
    let way = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(ways, [way("top left base"), way("top right base"), way("top right left base")]);
    assert_eq!(answer["paths"][1][2]["requirement"], ">=1, <2");
    let text = home.run(&["marketplace", "why", "base"]).exits(0);
    assert!(text.stdout.contains("top@1.0.0 (*) → right@1.0.0 (^1) → base@1.0.0 (>=1, <2)"), "{text}");
    home.fails(1, &["marketplace", "why", "nobody"]);
    home.fails(2, &["marketplace", "why", "no name"]);
}
