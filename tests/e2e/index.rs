//! `registry/index.json`: the file that people and other programs know, read, mended and written.

use ggen_tests::{Home, Package, Value, json};

use crate::{codes, each, home};

/// One version of a package in an index: name, version, yanked, dependencies.
pub(crate) type Line<'a> = (&'a str, &'a str, bool, &'a [(&'a str, &'a str)]);

/// Writes an index that lists versions of one unknown publisher, with no release behind any of them.
pub(crate) fn write(home: &Home, lines: &[Line<'_>]) {
    let mut packages = ggen_tests::Map::new();
    for (name, version, yanked, dependencies) in lines {
        let entry = packages
            .entry((*name).to_owned())
            .or_insert_with(|| json!({ "name": name, "description": format!("{name} of an index"), "versions": [] }));
        let dependencies: Vec<_> =
            dependencies.iter().map(|(d, r)| json!({ "name": d, "version_req": r, "optional": false })).collect();
        let line = json!({
            "version": version, "publisher": "0".repeat(64), "digest": "0".repeat(64), "size_bytes": 1,
            "yanked": yanked, "dependencies": dependencies,
        });
        entry["versions"].as_array_mut().unwrap().push(line);
    }
    let index = json!({ "version": "1", "updated_at": "2026-01-01T00:00:00Z", "packages": packages });
    std::fs::create_dir_all(home.path().join("registry")).unwrap();
    std::fs::write(home.path().join("registry/index.json"), index.to_string()).unwrap();
}

fn read(home: &Home) -> Value {
    let text = std::fs::read_to_string(home.path().join("registry/index.json")).unwrap();
    ggen_tests::parse(&text)
}

#[test]
fn publish_lists_what_it_signed() {
    let home = home();
    home.publish(&Package::new("needed", "0.9.0"));
    let published = home.publish(&Package::new("listed", "1.0.0").needs("needed", "^0.9"));
    let index = read(&home);
    assert_eq!(index["version"], "1");
    let line = &index["packages"]["listed"]["versions"][0];
    assert_eq!((&line["version"], &line["digest"]), (&"1.0.0".into(), &published["digest"]));
    assert_eq!((&line["publisher"], &line["yanked"]), (&published["publisher"], &false.into()));
    assert_eq!(line["dependencies"][0]["name"], "needed");
    assert_eq!(line["dependencies"][0]["version_req"], "^0.9");
    let release = home.path().join("registry").join(line["release"].as_str().expect("the signed release's path"));
    assert!(release.exists() || home.path().join(line["release"].as_str().unwrap()).exists(), "{}", release.display());
}

#[test]
fn an_index_without_archives_resolves_but_is_not_installed() {
    let home = home();
    write(
        &home,
        &[("base", "1.0.0", false, &[]), ("base", "1.1.0", false, &[]), ("app", "1.0.0", false, &[("base", "^1")])],
    );
    let plan = home.json(&["marketplace", "install", "app", "--dry-run", "--offline"]);
    assert_eq!(each(&plan["plan"], "name"), ["base", "app"]);
    assert_eq!(plan["plan"][0]["version"], "1.1.0");
    let said = plan["warnings"].to_string();
    assert!(said.contains("base") && said.contains("app"), "it names what has no signed release: {plan}");
    assert!(!codes(&plan["warnings"]).is_empty());
    home.fails(4, &["marketplace", "install", "app", "--offline"]);
    assert!(home.installed().is_empty());
    home.is_clean();
}

#[test]
fn no_version_that_fits_is_explained() {
    let home = home();
    write(
        &home,
        &[
            ("lib", "1.0.0", false, &[]),
            ("lib", "2.0.0", false, &[]),
            ("left", "1.0.0", false, &[("lib", "^1")]),
            ("right", "1.0.0", false, &[("lib", "^2")]),
        ],
    );
    let none = home.fails(3, &["marketplace", "install", "lib@^3", "--dry-run", "--offline"]);
    let said = none.to_string();
    assert!(said.contains("1.0.0") && said.contains("2.0.0") && said.contains("^3"), "the versions there are: {none}");
    let clash = home.fails(3, &["marketplace", "install", "left", "right", "--dry-run", "--offline"]);
    let said = clash.to_string();
    assert!(["left", "right", "lib"].iter().all(|name| said.contains(name)), "who needs what: {clash}");
    assert_ne!(none["code"], clash["code"]);
}

#[test]
fn a_circle_is_told_in_its_order() {
    let home = home();
    write(
        &home,
        &[
            ("a", "1.0.0", false, &[("b", "^2")]),
            ("b", "2.0.0", false, &[("c", "^3")]),
            ("c", "3.0.0", false, &[("a", "^1")]),
        ],
    );
    let error = home.fails(3, &["marketplace", "install", "a", "--dry-run", "--offline"]);
    let message = error["message"].as_str().unwrap();
    let turns = [
        "a@1.0.0 → b@2.0.0 → c@3.0.0 → a@1.0.0",
        "b@2.0.0 → c@3.0.0 → a@1.0.0 → b@2.0.0",
        "c@3.0.0 → a@1.0.0 → b@2.0.0 → c@3.0.0",
    ];
    assert!(turns.iter().any(|turn| message.contains(turn)), "{error}");
}

#[test]
fn a_broken_index_is_kept_and_rebuilt_from_what_is_proved() {
    let home = home();
    home.publish(&Package::new("kept", "1.0.0"));
    home.publish(&Package::new("kept", "1.1.0"));
    let index = home.path().join("registry/index.json");
    std::fs::write(&index, "{\"version\":\"1\",\"packages\":{\"kept\"").unwrap();
    let ran = home.run(&["marketplace", "install", "kept", "--offline", "--json"]).exits(0);
    let answer = ran.value();
    assert_eq!(each(&answer["installed"], "version"), ["1.1.0"]);
    let told = format!("{} {}", answer["warnings"], ran.stderr);
    assert!(told.contains("index.json.corrupted"), "the user is told\n{ran}");
    let kept = std::fs::read_to_string(index.with_file_name("index.json.corrupted")).unwrap();
    assert!(kept.ends_with("\"kept\""), "the broken file is kept as it was");
    assert_eq!(each(&read(&home)["packages"]["kept"]["versions"], "version"), ["1.1.0", "1.0.0"]);

    std::fs::write(&index, "not json either").unwrap();
    home.json(&["marketplace", "update", "--offline"]);
    let second = std::fs::read_dir(home.path().join("registry")).unwrap().flatten();
    let kept: Vec<_> = second.filter(|e| e.file_name().to_string_lossy().contains("corrupted")).collect();
    assert_eq!(kept.len(), 2, "a second one gets a number: {kept:?}");
}

#[test]
fn a_lost_database_is_rebuilt_too() {
    let home = home();
    let publisher = home.key();
    home.publish(&Package::new("kept", "1.0.0"));
    home.json(&["marketplace", "install", "kept", "--offline"]);
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(home.path().join(file));
    }
    assert_eq!(home.installed(), [("kept".to_owned(), "1.0.0".to_owned())]);
    let answer = home.json(&["marketplace", "install", "kept", "--offline"]);
    assert_eq!(answer["plan"][0]["publisher"], publisher.as_str());
    home.publish(&Package::new("kept", "1.0.1"));
    home.is_clean();
}

#[test]
fn what_is_wrong_in_an_index_is_rejected_entry_by_entry() {
    let home = home();
    home.publish(&Package::new("good", "1.0.0"));
    let mut index = read(&home);
    index["packages"]["../evil"] = json!({ "name": "../evil", "description": "", "versions": [] });
    let mut forged = index["packages"]["good"]["versions"][0].clone();
    forged["version"] = json!("one");
    index["packages"]["good"]["versions"].as_array_mut().unwrap().push(forged);
    std::fs::write(home.path().join("registry/index.json"), index.to_string()).unwrap();
    let answer = home.json(&["marketplace", "update", "--offline"]);
    assert!(answer["rejected"].as_array().is_some_and(|r| !r.is_empty()), "{answer}");
    home.json(&["marketplace", "install", "good", "--offline"]);
    home.is_clean();
}
