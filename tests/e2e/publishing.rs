//! Publishing, on one home and without a network.

use ggen_tests::{Package, files_beneath};

use crate::{codes, each, home};

#[test]
fn publish_tells_what_was_signed_and_install_makes_it_visible() {
    let home = home();
    let publisher = home.key();
    let package = Package::new("web-framework", "2.1.0").file("ontology/web.ttl", "@prefix : <urn:web#> .\n");
    let published = home.publish(&package);
    assert_eq!((&published["name"], &published["version"]), (&"web-framework".into(), &"2.1.0".into()));
    assert_eq!(published["publisher"], publisher.as_str());
    assert_eq!(published["announced"], false, "nobody was told: {published}");
    assert_eq!(published["digest"].as_str().map(str::len), Some(64), "{published}");
    assert!(published["archive_size"].as_u64() > Some(0) && published["unpacked_size"].as_u64() > Some(0));

    let plan = home.json(&["marketplace", "install", "web-framework", "--dry-run", "--offline"]);
    assert!(plan.get("installed").is_none(), "a dry run installs nothing: {plan}");
    assert!(home.installed().is_empty());
    let answer = home.json(&["marketplace", "install", "web-framework@^2", "--offline"]);
    assert_eq!(answer["plan"], plan["plan"], "a dry run prints the very thing that an install runs");
    assert_eq!(answer["plan"][0]["digest"], published["digest"]);
    let path = std::path::PathBuf::from(answer["installed"][0]["path"].as_str().expect("a path"));
    assert_eq!(path, home.path().join("packages/web-framework/2.1.0"));
    assert_eq!(std::fs::read(path.join("ontology/web.ttl")).unwrap(), b"@prefix : <urn:web#> .\n");
    assert_eq!(std::fs::read(path.join("templates/hello.tmpl")).unwrap(), b"hello {{ name }}\n");
    let list = home.json(&["mp", "list"]);
    assert_eq!(list["packages"][0]["direct"], true, "`mp` is `marketplace`: {list}");
    assert_eq!(list["packages"][0]["publisher"], publisher.as_str());
    home.is_clean();
}

#[test]
fn one_version_is_published_once() {
    let home = home();
    let package = Package::new("stands", "1.0.0").file("a.txt", "first");
    let first = home.publish(&package);
    let again = home.publish(&package);
    assert_eq!(first["digest"], again["digest"], "the same files again are no other release");

    let folder = home.write(&package.clone().file("a.txt", "second"));
    let error = home.fails(4, &["marketplace", "publish", &folder, "--offline"]);
    assert!(error.to_string().contains("stands") && error.to_string().contains("1.0.0"), "{error}");
    let answer = home.json(&["marketplace", "install", "stands", "--offline"]);
    assert_eq!(answer["plan"][0]["digest"], first["digest"], "the first one stands");
    assert_eq!(std::fs::read(home.path().join("packages/stands/1.0.0/a.txt")).unwrap(), b"first");
}

#[test]
fn a_dry_run_of_publish_writes_nothing() {
    let home = home();
    home.key();
    let folder = home.write(&Package::new("not-yet", "1.0.0"));
    let before = files_beneath(&home.path().join("store"));
    let answer = home.json(&["marketplace", "publish", &folder, "--offline", "--dry-run"]);
    assert_eq!(answer["name"], "not-yet");
    assert_eq!(files_beneath(&home.path().join("store")), before);
    let found = home.json(&["marketplace", "search", "not-yet", "--offline"]);
    assert_eq!(found["results"], ggen_tests::json!([]));
}

#[test]
fn the_same_tree_gives_the_same_bytes_anywhere() {
    let (here, there) = (home(), home());
    let package = Package::new("same", "1.0.0").file("b/c.txt", "x").file("a.txt", "y");
    let turned = Package::new("same", "1.0.0").file("a.txt", "y").file("b/c.txt", "x");
    assert_eq!(here.publish(&package)["digest"], there.publish(&turned)["digest"]);
}

#[test]
fn what_ggenignore_names_is_left_out() {
    let home = home();
    let package = Package::new("tidy", "1.0.0")
        .file(".ggenignore", "*.log\nbuild/\n!keep.log\n")
        .file("noise.log", "no")
        .file("keep.log", "yes")
        .file("build/out.bin", "no");
    home.publish(&package);
    home.json(&["marketplace", "install", "tidy", "--offline"]);
    let there = files_beneath(&home.path().join("packages/tidy/1.0.0"));
    assert!(there.contains(&"keep.log".to_owned()), "{there:?}");
    assert!(!there.iter().any(|f| f == "noise.log" || f.starts_with("build/")), "{there:?}");
}

#[test]
fn versions_are_chosen_by_their_order_and_pre_releases_only_when_named() {
    let home = home();
    for version in ["1.9.0", "1.10.0", "2.0.0-beta.1"] {
        home.publish(&Package::new("ordered", version));
    }
    let chosen = |target: &str| {
        let answer = home.json(&["marketplace", "install", target, "--dry-run", "--offline"]);
        each(&answer["plan"], "version")
    };
    assert_eq!(chosen("ordered"), ["1.10.0"]);
    assert_eq!(chosen("ordered@^1, <1.10"), ["1.9.0"]);
    assert_eq!(chosen("ordered@2.0.0-beta.1"), ["2.0.0-beta.1"]);
}

#[test]
fn dependencies_come_along_and_say_who_asked() {
    let home = home();
    home.publish(&Package::new("leaf", "1.2.0"));
    home.publish(&Package::new("leaf", "2.0.0"));
    home.publish(&Package::new("middle", "1.0.0").needs("leaf", "^1"));
    home.publish(&Package::new("maybe", "1.0.0"));
    let top =
        Package::new("top", "1.0.0").needs("middle", "^1").needs("maybe", "{ version = \"^1\", optional = true }");
    home.publish(&top);
    let answer = home.json(&["marketplace", "install", "top", "--offline"]);
    assert_eq!(each(&answer["plan"], "name"), ["leaf", "middle", "top"], "dependencies first, optional ones not");
    assert_eq!(answer["plan"][0]["version"], "1.2.0");
    assert_eq!(answer["plan"][0]["requested_by"], ggen_tests::json!(["middle"]));
    let list = home.json(&["marketplace", "list"]);
    let direct: Vec<_> = list["packages"].as_array().unwrap().iter().map(|p| p["direct"] == true).collect();
    assert_eq!(direct, [false, false, true], "{list}");
}

#[test]
fn a_dependency_that_nobody_publishes_is_told_at_publish() {
    let home = home();
    let answer = home.publish(&Package::new("ahead", "1.0.0").needs("of-its-time", "^1"));
    let said = answer["warnings"].to_string();
    assert!(said.contains("of-its-time"), "{answer}");
    assert!(!codes(&answer["warnings"]).is_empty());
    let error = home.fails(3, &["marketplace", "install", "ahead", "--offline"]);
    assert!(error.to_string().contains("of-its-time"), "{error}");
    home.is_clean();
}

#[test]
fn publishing_without_a_key_says_how_to_make_one() {
    let home = home();
    let folder = home.write(&Package::new("keyless", "1.0.0"));
    let ran = home.run(&["marketplace", "publish", &folder, "--offline", "--json"]);
    if ran.code() == 0 {
        // A first publish may make the key itself; then it is there, and it signed.
        let keys = home.json(&["key", "list"]);
        assert_eq!(ran.value()["publisher"], keys["keys"][0]["publisher"]);
    } else {
        assert!(ran.error()["hints"].to_string().contains("ggen key new"), "{ran}");
    }
}

#[test]
fn a_secret_key_is_for_its_owner_alone_and_is_never_shown() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = home();
    home.key();
    let files = files_beneath(&home.path().join("keys"));
    assert!(!files.is_empty());
    for file in &files {
        let path = home.path().join("keys").join(file);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{file} can be read by others");
    }
    let export = home.run(&["key", "export", "--json"]).exits(0);
    assert!(export.stdout.contains("signatures"), "{export}");
    let published = home.json(&["marketplace", "publish", &home.write(&Package::new("open", "1.0.0")), "--offline"]);
    assert!(published["publisher"].is_string());
}
