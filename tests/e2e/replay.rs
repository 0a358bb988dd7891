//! What was decided is asked again and explained.

use std::fs;

use ggen_tests::{Home, Package, checkout};

use crate::{each, home};

const DENY: &str =
    "[[policy.verification]]\nuse = \"signed-releases\"\nsettings = { deny_licenses = [\"GPL-3.0-only\"] }\n";

fn dist(name: &str) -> String {
    checkout().join("plugins/dist").join(format!("{name}.wasm")).display().to_string()
}

/// A home in which one package was let in and one was denied.
fn decided() -> Home {
    let home = home();
    home.publish(&Package::new("fine", "1.0.0"));
    home.publish(&Package::new("noted", "1.0.0").license("GPL-3.0-only"));
    home.config(DENY);
    home.json(&["marketplace", "install", "fine", "--offline"]);
    home.fails(8, &["marketplace", "install", "noted", "--offline"]);
    home
}

#[test]
fn the_same_policy_decides_the_same_with_the_same_fuel() {
    let home = decided();
    for (name, hook) in [
        ("signed-releases", "verification"),
        ("newest-compatible", "version-resolution"),
        ("graceful-degradation", "fallback-policy"),
    ] {
        let answer = home.json(&["policy", "replay", "--with", &dist(name), "--hook", hook]);
        assert_eq!((&answer["policy"], &answer["in_place_of"]), (&name.into(), &name.into()), "{answer}");
        let asked = answer["asked"].as_u64().unwrap();
        assert!(asked >= 2, "{answer}");
        assert_eq!(answer["same"], asked, "{answer}");
        assert_eq!((&answer["unchanged_policy"], &answer["other_fuel"]), (&asked.into(), &0.into()), "{answer}");
        assert_eq!((&answer["changed"], &answer["not_replayable"]), (&0.into(), &0.into()), "{answer}");
    }
}

#[test]
fn another_policy_is_told_with_what_it_would_decide_otherwise() {
    let home = decided();
    let settings = home.root().join("settings.json");
    fs::write(&settings, "{}").unwrap();
    let (component, settings) = (dist("signed-releases"), settings.display().to_string());
    let replay = ["policy", "replay", "--with", &component, "--settings", &settings];
    let answer = home.json(&replay);
    assert_eq!(answer["changed"], 1, "{answer}");
    let change = &answer["changes"][0];
    assert!(change["was"] == "deny" && ["allow", "warn"].contains(&change["now"].as_str().unwrap()), "{answer}");
    assert_eq!(change["differences"][0]["subject"], "noted 1.0.0", "{answer}");
    let text = home.run(&replay).exits(0).stdout;
    assert!(text.contains("- noted 1.0.0: deny") && text.contains("1 otherwise"), "{text}");

    let listed = home.root().join("listed.json");
    fs::write(&listed, r#"{"names":["noted"]}"#).unwrap();
    let listed = listed.display().to_string();
    let (component, unknown) = (dist("org-allowlist"), "[[policy.verification]]\nuse = \"nobody-has-it\"\n");
    let beside = ["policy", "replay", "--with", &component, "--settings", &listed];
    let answer = home.json(&beside);
    assert!(answer["in_place_of"].is_null(), "the log does not know it: {answer}");
    let subjects = each(&answer["changes"], "subject");
    assert!(
        !subjects.is_empty() && subjects.iter().all(|one| one == "fine 1.0.0"),
        "what is denied stays so: {answer}"
    );
    let answer = home.json(&[&beside[..], &["--policy", "signed-releases"]].concat());
    let subjects = each(&answer["changes"], "subject");
    for subject in ["noted 1.0.0", "fine 1.0.0"] {
        assert!(subjects.iter().any(|one| one == subject), "{subject}, in its place: {answer}");
    }
    assert_eq!(home.json(&[&beside[..], &["--since", "2999-01-01"]].concat())["asked"], 0);
    assert_eq!(home.json(&[&beside[..], &["--subject", "nothing"]].concat())["asked"], 0);

    fs::write(&listed, r#"{"nmaes":[]}"#).unwrap();
    let error = home.fails(1, &beside);
    assert!(error.to_string().contains("nmaes"), "settings that it refuses: {error}");
    // A policy that was not there has nothing to be held against.
    home.config(unknown);
    home.fails(8, &["marketplace", "install", "noted", "--offline"]);
    let answer = home.json(&["policy", "replay", "--with", &component, "--policy", "nobody-has-it"]);
    assert!(answer["not_replayable"].as_u64().unwrap() > 0 && answer["asked"] == 0, "{answer}");
    assert_eq!(answer["left_out"][0]["code"], "not-replayable", "{answer}");
}

#[test]
fn contents_are_asked_again_while_their_archive_is_here_and_told_when_it_is_gone() {
    let home = home();
    home.publish(&Package::new("tool", "1.0.0").file("run.sh", "#!/bin/sh\n"));
    let link =
        "[[policy.verification]]\nuse = \"signed-releases\"\n[[policy.verification]]\nuse = \"no-executables\"\n";
    home.config(link);
    home.fails(8, &["marketplace", "install", "tool", "--offline"]);
    let replay = ["policy", "replay", "--with", &dist("no-executables")];
    let answer = home.json(&replay);
    let asked = answer["asked"].as_u64().unwrap();
    assert!(asked >= 1 && answer["archive_gone"] == 0, "{answer}");
    assert_eq!((&answer["same"], &answer["other_fuel"]), (&asked.into(), &0.into()), "from quarantine: {answer}");
    for folder in ["quarantine", "store"] {
        fs::remove_dir_all(home.path().join(folder)).unwrap();
        fs::create_dir(home.path().join(folder)).unwrap();
    }
    let answer = home.json(&replay);
    assert!(answer["archive_gone"].as_u64().unwrap() >= 1, "{answer}");
    assert_eq!(answer["left_out"][0]["code"], "archive-gone", "{answer}");
    assert!(answer["left_out"][0]["reason"].as_str().unwrap().contains("tool 1.0.0"), "{answer}");
    home.is_clean();
}

#[test]
fn why_it_was_refused_is_told_in_sentences() {
    let home = decided();
    let answer = home.json(&["policy", "explain", "noted"]);
    assert_eq!((&answer["verdict"], &answer["version"]), (&"deny".into(), &"1.0.0".into()), "{answer}");
    let denial = answer["reasons"].as_array().unwrap().iter().find(|r| r["verdict"] == "deny").unwrap();
    assert_eq!((&denial["policy"], &denial["code"]), (&"signed-releases".into(), &"license".into()), "{answer}");
    let text = home.run(&["policy", "explain", "noted"]).exits(0).stdout;
    assert!(text.contains("noted 1.0.0 was refused.") && text.contains("signed-releases denied it:"), "{text}");
    let answer = home.json(&["policy", "explain", "Fine"]);
    let said = answer["sentences"].to_string();
    for part in ["fine 1.0.0 was let in", "1.0.0 is its only known version", "It might come from: store"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let unknown = home.json(&["policy", "explain", "never-heard-of"]);
    assert!(unknown["time"].is_null() && unknown["sentences"] == ggen_tests::json!([]), "{unknown}");
    home.fails(2, &["policy", "explain", "no/name"]);
}
