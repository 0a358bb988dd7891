//! What is installed, from then on: list, info, remove, verify, clean, update.

use ggen_tests::{Home, Package, archive_in};

use crate::{each, home};

fn with_tree() -> Home {
    let home = home();
    home.publish(&Package::new("leaf", "1.0.0").file("data/leaf.ttl", "@prefix : <urn:leaf#> .\n"));
    home.publish(&Package::new("top", "1.0.0").needs("leaf", "^1"));
    home.json(&["marketplace", "install", "top", "--offline"]);
    home
}

#[test]
fn info_tells_versions_and_dependencies() {
    let home = with_tree();
    home.publish(&Package::new("top", "1.1.0").needs("leaf", "^1").license("Apache-2.0"));
    let info = home.json(&["marketplace", "info", "top", "--offline"]);
    assert_eq!(info["name"], "top");
    assert_eq!(each(&info["versions"], "version"), ["1.1.0", "1.0.0"]);
    assert_eq!(info["dependencies"][0]["name"], "leaf");
    assert!(info["versions"][0]["publisher"].is_string() && info["versions"][0]["digest"].is_string());
    assert!(info["versions"][0].as_object().unwrap().contains_key("yanked"));
    let error = home.fails(5, &["marketplace", "info", "nobody-knows-this", "--offline"]);
    assert!(error["message"].as_str().unwrap().contains("nobody-knows-this"));
}

#[test]
fn what_others_need_is_not_removed() {
    let home = with_tree();
    let ran = home.run(&["marketplace", "remove", "leaf", "--json"]);
    assert_ne!(ran.code(), 0, "{ran}");
    assert!(ran.error().to_string().contains("top"), "it says who needs it: {ran}");
    let removed = home.json(&["marketplace", "remove", "top"]);
    assert!(removed["removed"].to_string().contains("top"), "{removed}");
    assert!(!home.path().join("packages/top/1.0.0").exists());
    home.json(&["marketplace", "remove", "leaf"]);
    assert!(home.installed().is_empty());
    let ran = home.run(&["marketplace", "remove", "leaf", "--json"]);
    assert_ne!(ran.code(), 0);
    ran.error();
    home.is_clean();
}

#[test]
fn verify_finds_what_changed_and_mends_it() {
    let home = with_tree();
    let whole = home.json(&["marketplace", "verify"]);
    assert_eq!((&whole["checked"], &whole["damaged"]), (&2.into(), &ggen_tests::json!([])));
    let leaf = home.path().join("packages/leaf/1.0.0");
    let changed = leaf.join("data/leaf.ttl");
    std::fs::remove_file(leaf.join("templates/hello.tmpl")).unwrap();
    // Beneath a read-only file a rename is how an editor changes it.
    std::fs::write(leaf.join("data/new"), "@prefix : <urn:liar#> .\n").unwrap();
    std::fs::rename(leaf.join("data/new"), &changed).unwrap();
    std::fs::write(leaf.join("stranger.txt"), "x").unwrap();
    let ran = home.run(&["marketplace", "verify", "--json"]);
    assert_eq!(ran.code(), 4, "{ran}");
    let answer = ran.value();
    let damaged = answer["damaged"].as_array().or_else(|| answer["error"]["context"]["damaged"].as_array());
    let damaged = damaged.unwrap_or_else(|| panic!("it lists what is damaged\n{ran}"));
    let mut paths: Vec<_> = damaged.iter().map(|d| d["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths.len(), 3, "{ran}");
    for (path, file) in paths.iter().zip(["data/leaf.ttl", "stranger.txt", "templates/hello.tmpl"]) {
        assert!(path.ends_with(file), "{file} in {ran}");
    }
    assert!(damaged.iter().all(|d| d["name"] == "leaf" && d["version"] == "1.0.0" && d["problem"].is_string()));

    let mended = home.json(&["marketplace", "verify", "leaf", "--repair", "--offline"]);
    assert_eq!(mended["damaged"], ggen_tests::json!([]), "{mended}");
    assert!(mended["repaired"].to_string().contains("leaf"), "{mended}");
    assert_eq!(std::fs::read(&changed).unwrap(), b"@prefix : <urn:leaf#> .\n");
    assert!(!leaf.join("stranger.txt").exists());
    home.is_clean();
}

#[test]
fn a_damaged_archive_in_the_store_is_not_installed() {
    let home = home();
    let published = home.publish(&Package::new("rotten", "1.0.0"));
    let archive = archive_in(home.path(), published["digest"].as_str().unwrap());
    let mut bytes = std::fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&archive).unwrap();
    std::fs::write(&archive, bytes).unwrap();
    let ran = home.run(&["marketplace", "install", "rotten", "--offline", "--json"]);
    assert!([4, 5].contains(&ran.code()), "{ran}");
    ran.error();
    assert!(!home.path().join("packages/rotten/1.0.0").exists());
    home.is_clean();
}

#[test]
fn clean_frees_what_nobody_needs_and_nothing_else() {
    let home = with_tree();
    home.json(&["marketplace", "install", "hello-ggen", "--offline"]);
    let digest = home.json(&["marketplace", "info", "hello-ggen", "--offline"])["versions"][0]["digest"].clone();
    let archive = archive_in(home.path(), digest.as_str().unwrap());
    assert!(archive.is_file());
    home.json(&["marketplace", "remove", "hello-ggen"]);
    assert!(archive.is_file(), "what was fetched once can be served and installed again");
    home.config("[limits]\nclean_age = \"1ms\"\n");
    let would = home.json(&["marketplace", "clean", "--dry-run"]);
    assert!(would["freed_bytes"].as_u64() > Some(0), "{would}");
    assert!(would["removed"].to_string().contains(digest.as_str().unwrap()), "{would}");
    assert!(archive.is_file(), "a dry run removes nothing");
    let stray = home.path().join("tmp/tx-abandoned");
    std::fs::create_dir_all(&stray).unwrap();
    std::fs::write(stray.join("half"), vec![0; 5000]).unwrap();
    home.json(&["marketplace", "clean"]);
    assert!(!archive.exists() && !stray.exists());
    assert_eq!(home.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    home.json(&["marketplace", "remove", "top"]);
    home.json(&["marketplace", "install", "top", "--offline"]);
    home.is_clean();
}

#[test]
fn update_scans_what_is_there() {
    let home = with_tree();
    let answer = home.json(&["marketplace", "update", "--force", "--offline"]);
    assert!(answer["scanned"].as_u64() >= Some(2), "{answer}");
    assert_eq!(answer["saved_to"], home.path().join("registry/index.json").to_str().unwrap());
    for field in ["added", "updated", "rejected"] {
        assert!(!answer[field].is_null(), "{field} in {answer}");
    }
}

#[test]
fn after_an_install_that_was_killed_the_next_command_puts_things_right() {
    let home = home();
    let mut big = Package::new("big", "1.0.0");
    for i in 0..200 {
        big = big.file(&format!("data/{i}.bin"), ggen_tests::noise(i, 100_000));
    }
    home.publish(&big);
    let mut install = home.spawn(&["marketplace", "install", "big", "--offline", "--json"]);
    // Killed once it has begun to unpack; one that is done before that proves nothing, and harms nothing.
    let tmp = home.path().join("tmp");
    let begun = || std::fs::read_dir(&tmp).is_ok_and(|d| d.flatten().next().is_some());
    ggen_tests::eventually("the install begins", ggen_tests::LIMIT, || (begun() || !install.runs()).then_some(()));
    install.kill();
    drop(install);
    home.json(&["marketplace", "install", "big", "--offline"]);
    assert_eq!(home.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    home.is_clean();
}
