//! Configurations of policies that are wrong: each is told with its file and line, and none loosens anything.

use ggen_tests::{Home, Package, Value, checkout};

use crate::home;

const INSTALL: [&str; 4] = ["marketplace", "install", "wanted", "--offline"];

fn published() -> Home {
    let home = home();
    home.publish(&Package::new("wanted", "1.0.0"));
    home
}

/// The install fails so, and nothing is there afterwards.
#[track_caller]
fn refused(home: &Home, exit: i32, code: &str) -> Value {
    let error = home.fails(exit, &INSTALL);
    assert_eq!(error["code"], code, "{error}");
    assert!(!home.path().join("packages/wanted").exists(), "{error}");
    error
}

#[test]
fn every_wrong_setting_is_told_with_its_path_and_its_line() {
    let home = published();
    home.config(concat!(
        "[[policy.verification]]\nuse = \"minimum-age\"\n",
        "[policy.verification.settings]\nmin_age = 7\naction = \"allow\"\nexempt_names = [\"a\", 5]\n"
    ));
    let said = refused(&home, 8, "GGEN-E0701").to_string();
    for place in ["/min_age: ", "config.toml:4", "/action: ", "config.toml:5", "/exempt_names/1: ", "config.toml:6"] {
        assert!(said.contains(place), "{place} in {said}");
    }
    let shown = home.json(&["policy", "show"]);
    assert!(shown["hooks"]["verification"][0]["problem"].as_str().is_some_and(|p| p.contains("/action")), "{shown}");
}

#[test]
fn a_digest_that_the_file_has_not_and_a_hook_that_there_is_not_stop_the_install() {
    let home = published();
    let component = checkout().join("plugins/dist/signed-releases.wasm").display().to_string();
    home.config(&format!("[[policy.verification]]\nuse = {component:?}\ndigest = \"{}\"\n", "0".repeat(64)));
    let said = refused(&home, 8, "GGEN-E0701").to_string();
    assert!(said.contains(&"0".repeat(64)) && said.contains("config.toml:1"), "{said}");
    home.config("[policy]\n[[policy.verificaton]]\nuse = \"signed-releases\"\n");
    let said = refused(&home, 2, "GGEN-E0103").to_string();
    assert!(said.contains("config.toml:2") && said.contains("did you mean `verification`?"), "{said}");
}

#[test]
fn two_components_of_one_name_are_refused_and_one_twice_is_not() {
    let home = published();
    let built_in = checkout().join("plugins/dist/signed-releases.wasm");
    let mut other = std::fs::read(&built_in).unwrap();
    // A custom section more: the same policy in other bytes.
    other.extend([0, 3, 1, b'x', b'y']);
    let path = home.root().join("other.wasm");
    std::fs::write(&path, other).unwrap();
    let links = |second: &str| {
        home.config(&format!(
            "[[policy.verification]]\nuse = \"signed-releases\"\n[[policy.verification]]\nuse = {second:?}\n"
        ));
    };
    links(path.to_str().unwrap());
    let said = refused(&home, 8, "GGEN-E0701").to_string();
    assert!(said.contains("config.toml:1") && said.contains("config.toml:3"), "both places: {said}");
    links(built_in.to_str().unwrap());
    home.json(&INSTALL);
}

#[test]
fn a_link_that_is_off_is_not_asked_and_is_nobody_who_answers() {
    let home = published();
    home.config("[[policy.verification]]\nuse = \"org-allowlist\"\nmode = \"off\"\nsettings = { names = [] }\n");
    let said = refused(&home, 8, "GGEN-E0701").to_string();
    assert!(said.contains("no-policy-responsible") && !said.contains("org-allowlist/"), "{said}");
    home.config(concat!(
        "[[policy.verification]]\nuse = \"org-allowlist\"\nmode = \"off\"\nsettings = { names = [] }\n",
        "[[policy.verification]]\nuse = \"signed-releases\"\n"
    ));
    home.json(&INSTALL);
    let shown = home.json(&["policy", "show"]);
    assert_eq!(shown["hooks"]["verification"][0]["mode"], "off", "{shown}");
}

#[test]
fn an_own_file_that_cannot_be_read_is_a_mistake_of_usage() {
    let home = published();
    let config = home.path().join("config.toml");
    home.config("[[policy.verification]]\nuse = \"signed-releases\"\n[[policy.verification]\n");
    let said = refused(&home, 2, "GGEN-E0105").to_string();
    assert!(said.contains("config.toml:3"), "{said}");
    std::fs::write(&config, [b'#', 0xff, 0xfe]).unwrap();
    assert!(home.fails(2, &INSTALL).to_string().contains("config.toml"));
    std::fs::remove_file(&config).unwrap();
    std::fs::create_dir(&config).unwrap();
    assert!(home.fails(2, &INSTALL).to_string().contains("config.toml"));
    std::fs::remove_dir(&config).unwrap();
    assert!(home.installed().is_empty());
}

#[test]
fn an_organizations_file_that_cannot_be_used_stops_installs_and_nothing_that_only_reads() {
    let mut home = published();
    let policy = home.root().join("policy.toml");
    home.set("GGEN_POLICY_FILE", policy.to_str().unwrap());
    let stops = |home: &Home, said: &str| {
        let error = refused(home, 8, "GGEN-E0705");
        assert!(error.to_string().contains(said) && error.to_string().contains("policy.toml"), "{said}: {error}");
        home.json(&["marketplace", "list"]);
        home.json(&["marketplace", "search", "wanted", "--offline"]);
    };
    stops(&home, "it is not there");
    for (text, said) in [
        (&b"[[policy.verification]\n"[..], "line 1"),
        (b"# fine so far\n[[policy.verificaton]]\nuse = \"x\"\n", "line 2"),
        (b"[[policy.verification]]\nuse = \"x\"\nlokced = true\n", "did you mean `locked`?"),
        (b"[names]\na = \"me\"\n", "line 2"),
        (b"[[advisories]]\n", "line 1"),
        (b"[network]\nmdns = true\n", "line 1"),
        (b"# \xff\n", "cannot be read"),
    ] {
        std::fs::write(&policy, text).unwrap();
        stops(&home, said);
    }
    std::fs::write(&policy, vec![b'#'; 2_000_000]).unwrap();
    stops(&home, "larger than");
    std::fs::remove_file(&policy).unwrap();
    std::fs::create_dir(&policy).unwrap();
    stops(&home, "cannot be read");
    for verb in [&["marketplace", "upgrade", "--offline"][..], &["plugin", "install", "nowhere.wasm"]] {
        assert_eq!(home.fails(8, verb)["code"], "GGEN-E0705", "{verb:?}");
    }
}
