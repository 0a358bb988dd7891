//! Bytes that changed where they lay: found when they are read or served, put right from whoever still has them.

use ggen_tests::{Home, Package, archive_in, files_beneath, json, noise};

use crate::home;

/// Changes one byte in the middle of a file that may not be written.
fn flip(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn set_aside(home: &Home, digest: &str) -> bool {
    files_beneath(&home.path().join("store")).iter().any(|f| f.contains(digest) && f.contains("damaged"))
}

#[test]
fn an_archive_that_rotted_is_not_served_and_its_holder_is_no_liar() {
    let (first, mut second, mut third) = (home(), home(), home());
    let published = first.publish(&Package::new("rotting", "1.0.0").file("a.bin", noise(1, 700_000)));
    let digest = published["digest"].as_str().unwrap();
    let node = first.node();
    second.bootstrap(&[&node]);
    second.json(&["marketplace", "install", "rotting"]);
    let archive = archive_in(first.path(), digest);
    flip(&archive);
    let other = second.node();
    third.bootstrap(&[&node, &other]);
    let answer = third.json(&["marketplace", "install", "rotting"]);
    assert_eq!(crate::each(&answer["installed"], "name"), ["rotting"], "{answer}");
    let told = crate::codes(&answer["warnings"]);
    assert!(!told.iter().any(|code| code.contains("verification-failed")), "nobody sent a wrong byte: {answer}");
    // Asked for or not before the other had sent all: who asks it alone finds out.
    drop(other);
    let mut fourth = home();
    fourth.bootstrap(&[&node]);
    let error = fourth.fails(5, &["marketplace", "install", "rotting"]);
    assert!(!error.to_string().contains("verification"), "{error}");
    assert!(!archive.exists() && set_aside(&first, digest), "it is moved away, and kept");
    assert_eq!(first.json(&["marketplace", "verify"])["damaged"], json!([]));
}

#[test]
fn what_changed_is_mended_from_any_holder_where_the_store_cannot() {
    let (here, mut there) = (home(), home());
    let leaf = here.publish(&Package::new("leaf", "1.0.0").file("data/a.ttl", "@prefix : <urn:a#> .\n"));
    here.publish(&Package::new("top", "1.0.0").needs("leaf", "^1").file("data/b.bin", noise(1, 400_000)));
    let node = here.node();
    there.bootstrap(&[&node]);
    there.json(&["marketplace", "install", "top"]);
    // A changed file whose archive rotted too, and a missing one whose archive is gone.
    let file = there.path().join("packages/leaf/1.0.0/data/a.ttl");
    flip(&file);
    flip(&archive_in(there.path(), leaf["digest"].as_str().unwrap()));
    std::fs::remove_file(there.path().join("packages/top/1.0.0/data/b.bin")).unwrap();
    let top = there.json(&["marketplace", "info", "top", "--offline"])["versions"][0]["digest"].clone();
    std::fs::remove_file(archive_in(there.path(), top.as_str().unwrap())).unwrap();

    let ran = there.run(&["marketplace", "verify", "--json"]).exits(4);
    let mut named = crate::each(&ran.value()["damaged"], "path");
    named.sort();
    assert_eq!(named, ["data/a.ttl", "data/b.bin"], "{ran}");
    let alone = there.run(&["marketplace", "verify", "--repair", "--offline", "--json"]).exits(4).value();
    assert_eq!((alone["damaged"].as_array().unwrap().len(), &alone["repaired"]), (2, &json!([])), "{alone}");
    assert_eq!(crate::codes(&alone["warnings"]), ["not-repaired", "not-repaired"], "{alone}");
    let mended = there.json(&["marketplace", "verify", "--repair"]);
    assert_eq!((&mended["damaged"], &mended["repaired"]), (&json!([]), &json!(["leaf", "top"])), "{mended}");
    assert_eq!(std::fs::read(&file).unwrap(), b"@prefix : <urn:a#> .\n");
    assert!(archive_in(there.path(), top.as_str().unwrap()).exists(), "and can be served again");
    there.is_clean();
}

#[test]
fn an_archive_that_rotted_in_the_store_is_fetched_again() {
    let (here, mut there) = (home(), home());
    let published = here.publish(&Package::new("again", "1.0.0").file("a.bin", noise(1, 300_000)));
    let digest = published["digest"].as_str().unwrap();
    let node = here.node();
    there.bootstrap(&[&node]);
    there.json(&["marketplace", "install", "again"]);
    there.json(&["marketplace", "remove", "again"]);
    flip(&archive_in(there.path(), digest));
    let answer = there.json(&["marketplace", "install", "again"]);
    assert_eq!(crate::each(&answer["installed"], "origin"), ["peers"], "{answer}");
    assert!(crate::codes(&answer["warnings"]).contains(&"archive-damaged".to_owned()), "the user is told: {answer}");
    assert!(set_aside(&there, digest));
    assert_eq!(there.json(&["marketplace", "verify"])["damaged"], json!([]));
    there.is_clean();
}

#[test]
fn a_database_with_a_broken_page_is_found_and_rebuilt_and_trust_survives() {
    let home = home();
    let publisher = home.key();
    for i in 0..40 {
        home.publish(&Package::new(&format!("many-{i}"), "1.0.0").description(&format!("number {i}")));
    }
    home.publish(&Package::new("many-0", "1.1.0"));
    home.json(&["marketplace", "install", "many-0", "many-7", "--offline"]);
    // Every page but the first ones, as a dying disk would have it.
    let path = home.path().join("state.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let ran = home.run(&["marketplace", "verify", "--json"]).exits(0);
    let told = format!("{} {}", ran.stdout, ran.stderr);
    assert!(told.contains("state.db.corrupted"), "what was done, and where the damaged one is: {ran}");
    assert!(home.path().join("state.db.corrupted").exists());
    let installed = home.installed();
    assert_eq!(installed, [("many-0".to_owned(), "1.1.0".to_owned()), ("many-7".to_owned(), "1.0.0".to_owned())]);
    let plan = home.json(&["marketplace", "install", "many-3", "--dry-run", "--offline"]);
    assert_eq!(plan["plan"][0]["publisher"], publisher.as_str());
    let info = home.json(&["marketplace", "info", "many-0", "--offline"]);
    assert_eq!(crate::each(&info["versions"], "version"), ["1.1.0", "1.0.0"]);
    assert_eq!(home.run(&["marketplace", "verify"]).exits(0).stderr, "", "told once");
}
