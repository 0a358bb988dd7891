//! `.ggen` files: packages that are carried to a machine without a network.

use std::path::PathBuf;

use ggen_tests::Package;

use crate::{each, home};

fn file_in(folder: &std::path::Path) -> PathBuf {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "ggen"));
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn a_package_travels_as_one_file() {
    let (here, there) = (home(), home());
    let publisher = here.key();
    let folder = here.write(&Package::new("on-a-stick", "1.0.0").file("a.ttl", "@prefix : <urn:a#> .\n"));
    let stick = here.root().join("stick");
    std::fs::create_dir(&stick).unwrap();
    here.json(&["marketplace", "publish", &folder, "--offline", "--output", stick.to_str().unwrap()]);
    let file = file_in(&stick);

    let inspected = there.json(&["marketplace", "inspect", file.to_str().unwrap()]);
    assert_eq!((&inspected["accepted"], &inspected["reasons"]), (&true.into(), &ggen_tests::json!([])), "{inspected}");
    assert!(inspected["unpacked_size"].as_u64() > Some(0));
    assert!(inspected["files"].to_string().contains("a.ttl"), "{inspected}");
    assert!(there.installed().is_empty(), "inspecting installs nothing");

    let answer = there.json(&["marketplace", "install", file.to_str().unwrap(), "--offline"]);
    assert_eq!(answer["plan"][0]["publisher"], publisher.as_str());
    assert_eq!(each(&answer["installed"], "origin"), ["file"]);
    assert_eq!(there.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    there.is_clean();
}

#[test]
fn a_file_that_was_changed_on_its_way_is_refused() {
    let (here, there) = (home(), home());
    here.key();
    let folder = here.write(&Package::new("on-a-stick", "1.0.0").file("a.bin", ggen_tests::noise(1, 50_000)));
    let stick = here.root().join("stick");
    std::fs::create_dir(&stick).unwrap();
    here.json(&["marketplace", "publish", &folder, "--offline", "--output", stick.to_str().unwrap()]);
    let file = file_in(&stick);
    let good = std::fs::read(&file).unwrap();
    let changed = there.root().join("changed.ggen");
    // In the signed part, in the archive, and cut short.
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for bytes in [flipped(600), flipped(good.len() - 20_000), good[..good.len() / 2].to_vec(), Vec::new()] {
        std::fs::write(&changed, bytes).unwrap();
        let path = changed.to_str().unwrap();
        let inspected = there.run(&["marketplace", "inspect", path, "--json"]);
        assert_ne!(inspected.value()["accepted"], true, "{inspected}");
        let ran = there.run(&["marketplace", "install", path, "--offline", "--json"]).exits(4);
        assert!(ran.error().to_string().contains("changed.ggen") || ran.error()["message"].is_string());
        assert!(there.installed().is_empty());
        there.is_clean();
    }
}

#[test]
fn what_a_file_needs_must_be_there_too() {
    let (here, there) = (home(), home());
    here.publish(&Package::new("needed", "1.0.0"));
    let folder = here.write(&Package::new("needs-it", "1.0.0").needs("needed", "^1"));
    let stick = here.root().join("stick");
    std::fs::create_dir(&stick).unwrap();
    here.json(&["marketplace", "publish", &folder, "--offline", "--output", stick.to_str().unwrap()]);
    let file = file_in(&stick);
    let error = there.fails(3, &["marketplace", "install", file.to_str().unwrap(), "--offline"]);
    assert!(error.to_string().contains("needed"), "{error}");
    assert!(there.installed().is_empty());
}
