//! Policies decide, and their operator changes what they decide.

use ggen_tests::{Home, Package, checkout, component_importing};

use crate::from_text::Wat;
use crate::{codes, each, home};

fn three_versions() -> Home {
    let home = home();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        home.publish(&Package::new("swap-me", version));
    }
    home
}

fn planned(home: &Home, more: &[&str]) -> Vec<String> {
    let mut args = vec!["marketplace", "install", "swap-me", "--dry-run", "--offline"];
    args.extend_from_slice(more);
    each(&home.json(&args)["plan"], "version")
}

#[test]
fn the_ranking_policy_chooses_the_version() {
    let home = three_versions();
    assert_eq!(planned(&home, &[]), ["1.2.0"]);
    assert_eq!(planned(&home, &["--strategy", "minimal"]), ["1.0.0"]);
    home.config("[[policy.version-resolution]]\nuse = \"minimal-versions\"\n");
    assert_eq!(planned(&home, &[]), ["1.0.0"]);
    assert_eq!(planned(&home, &["--strategy", "newest"]), ["1.2.0"], "what is typed is over what is configured");
}

#[test]
fn a_ranking_that_makes_no_sense_stops_the_job_and_names_the_policy() {
    let home = three_versions();
    let file = home.root().join("odd.wasm");
    home.config(&format!("[[policy.version-resolution]]\nuse = {:?}\n", file.display().to_string()));
    for (places, sound) in [(&[2, 1, 0][..], true), (&[0, 0, 1], false), (&[7], false), (&[0, 1, 2, 0], false)] {
        std::fs::write(&file, Wat::order(places).named("odd-order").build()).unwrap();
        if sound {
            assert_eq!(planned(&home, &[]), ["1.0.0"]);
            continue;
        }
        let error = home.fails(8, &["marketplace", "install", "swap-me", "--offline"]);
        assert!(error.to_string().contains("odd-order"), "{places:?}: {error}");
        assert!(home.installed().is_empty(), "{places:?}");
    }
}

#[test]
fn a_policy_is_used_by_its_path_and_only_as_the_digest_says() {
    let home = three_versions();
    let component = checkout().join("plugins/dist/minimal-versions.wasm");
    let link = format!("[[policy.version-resolution]]\nuse = {:?}\n", component.display().to_string());
    home.config(&link);
    assert_eq!(planned(&home, &[]), ["1.0.0"]);
    let shown = home.json(&["policy", "show"]);
    let digest = shown["hooks"]["version-resolution"][0]["digest"].as_str().unwrap().to_owned();
    home.config(&format!("{link}digest = \"{digest}\"\n"));
    assert_eq!(planned(&home, &[]), ["1.0.0"]);
    home.config(&format!("{link}digest = \"{}\"\n", "0".repeat(64)));
    let ran = home.run(&["marketplace", "install", "swap-me", "--offline", "--json"]);
    assert!([2, 4, 8].contains(&ran.code()), "another component than the one that is meant\n{ran}");
    ran.error();
    assert!(home.installed().is_empty());
}

#[test]
fn a_verifier_that_denies_ends_with_8_and_its_reason() {
    let home = three_versions();
    home.config("[[policy.verification]]\nuse = \"org-allowlist\"\nsettings = { names = [\"something-else\"] }\n");
    let error = home.fails(8, &["marketplace", "install", "swap-me", "--offline"]);
    assert!(error.to_string().contains("org-allowlist/name"), "{error}");
    assert!(error.to_string().contains("is not on the list of packages"), "{error}");
    assert!(home.installed().is_empty());
    home.is_clean();
    let ran = home.run(&["marketplace", "install", "swap-me", "--offline"]).exits(8);
    assert!(ran.stderr.contains("swap-me 1.2.0 may not be installed here"), "{ran}");
    assert!(ran.stderr.contains("ask whoever keeps this machine's policy"), "the policy's own hint\n{ran}");

    home.config("[[policy.verification]]\nuse = \"org-allowlist\"\nsettings = { names = [\"swap-*\"] }\n");
    home.json(&["marketplace", "install", "swap-me", "--offline"]);
}

#[test]
fn a_denied_licence_of_a_dependency_denies_the_whole_plan() {
    let home = home();
    home.publish(&Package::new("viral", "1.0.0").license("AGPL-3.0-only"));
    home.publish(&Package::new("app", "1.0.0").needs("viral", "^1"));
    home.config(
        "[[policy.verification]]\nuse = \"signed-releases\"\nsettings = { deny_licenses = [\"AGPL-3.0-only\"] }\n",
    );
    let error = home.fails(8, &["marketplace", "install", "app", "--offline"]);
    let said = error.to_string();
    assert!(said.contains("signed-releases/license") && said.contains("viral"), "{error}");
    assert!(home.installed().is_empty());
    home.is_clean();
}

#[test]
fn every_reason_is_told_at_once() {
    let home = home();
    home.publish(&Package::new("doubly", "1.0.0").license("GPL-3.0-only"));
    home.config(concat!(
        "[[policy.verification]]\nuse = \"signed-releases\"\nsettings = { deny_licenses = [\"GPL-3.0-only\"] }\n",
        "[[policy.verification]]\nuse = \"org-allowlist\"\nsettings = { names = [\"other\"], licenses = [\"MIT\"] }\n",
    ));
    let said = home.fails(8, &["marketplace", "install", "doubly", "--offline"]).to_string();
    for reason in ["signed-releases/license", "org-allowlist/name", "org-allowlist/license"] {
        assert!(said.contains(reason), "{reason} in {said}");
    }
}

#[test]
fn an_organization_locks_what_a_user_cannot_loosen() {
    let mut home = three_versions();
    let policy = home.root().join("policy.toml");
    std::fs::write(
        &policy,
        "[[policy.verification]]\nuse = \"org-allowlist\"\nlocked = true\nsettings = { licenses = [\"Apache-2.0\"] }\n",
    )
    .unwrap();
    home.set("GGEN_POLICY_FILE", policy.to_str().unwrap());
    home.config(concat!(
        "[[policy.verification]]\nuse = \"signed-releases\"\n",
        "[[policy.verification]]\nuse = \"org-allowlist\"\nmode = \"off\"\n"
    ));
    let own = home.path().join("config.toml");
    let error = home.fails(8, &["marketplace", "install", "swap-me", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0709", "{error}");
    let told = &error["context"]["loosened"][0];
    assert_eq!(told["locked_by"], format!("{}:1", policy.display()), "{error}");
    assert_eq!(told["by"], format!("{}:3", own.display()), "{error}");
    assert_eq!(told["how"], "turns it off", "{error}");
    home.config("[[policy.verification]]\nuse = \"signed-releases\"\n");
    let error = home.fails(8, &["marketplace", "install", "swap-me", "--offline"]);
    assert!(error.to_string().contains("org-allowlist/license"), "{error}");
    assert!(error.to_string().contains(policy.to_str().unwrap()), "it says which file locks it: {error}");
    let shown = home.json(&["policy", "show"]);
    let first = &shown["hooks"]["verification"][0];
    assert_eq!((&first["policy"], &first["locked"]), (&"org-allowlist".into(), &true.into()), "{shown}");
    assert_eq!(first["from"], policy.to_str().unwrap());

    std::fs::write(&policy, "[[policy.verification]\nnot toml").unwrap();
    let ran = home.run(&["marketplace", "install", "swap-me", "--offline", "--json"]);
    assert_ne!(ran.code(), 0, "an organization's file that cannot be read stops installs\n{ran}");
    assert!(ran.error().to_string().contains("policy.toml"));
    assert!(home.installed().is_empty());
}

#[test]
fn an_organizations_names_are_over_everything() {
    let (mut home, other) = (home(), home());
    let theirs = other.key();
    home.publish(&Package::new("named", "1.0.0"));
    let policy = home.root().join("policy.toml");
    std::fs::write(&policy, format!("[names]\nnamed = \"{theirs}\"\n")).unwrap();
    home.set("GGEN_POLICY_FILE", policy.to_str().unwrap());
    let ran = home.run(&["marketplace", "install", "named", "--offline", "--json"]);
    assert!([3, 8].contains(&ran.code()), "{ran}");
    ran.error();
    assert!(home.installed().is_empty());
}

#[test]
fn shadow_is_asked_and_never_heeded() {
    let home = three_versions();
    home.config(concat!(
        "[[policy.verification]]\nuse = \"signed-releases\"\n",
        "[[policy.verification]]\nuse = \"org-allowlist\"\nmode = \"shadow\"\nsettings = { names = [] }\n"
    ));
    home.json(&["marketplace", "install", "swap-me", "--offline"]);
    let shown = home.json(&["policy", "show"]);
    let link = &shown["hooks"]["verification"][1];
    assert_eq!((&link["mode"], &link["line"]), (&"shadow".into(), &3.into()), "{shown}");
    assert_eq!(link["watched"]["days"], 30, "{shown}");
    assert_eq!(link["watched"]["asked"], link["watched"]["denied"], "it would have denied all of it: {shown}");
    assert_ne!(link["watched"]["asked"], 0, "{shown}");
}

#[test]
fn the_defaults_are_shown_with_their_digests() {
    let shown = home().json(&["policy", "show"]);
    for (hook, policy) in [
        ("verification", "signed-releases"),
        ("version-resolution", "newest-compatible"),
        ("peer-scoring", "beta-reputation"),
        ("fallback-policy", "graceful-degradation"),
    ] {
        let link = &shown["hooks"][hook][0];
        assert_eq!((&link["policy"], &link["mode"]), (&policy.into(), &"enforce".into()), "{shown}");
        assert_eq!(link["digest"].as_str().map(str::len), Some(64));
        assert_eq!((&link["locked"], &link["from"]), (&false.into(), &"default".into()));
    }
}

#[test]
fn a_component_that_wants_more_than_the_contract_is_refused_by_name() {
    let home = home();
    let wasi = home.root().join("wasi.wasm");
    std::fs::write(&wasi, component_importing("wasi:clocks/wall-clock@0.2.0")).unwrap();
    let ran = home.run(&["plugin", "check", wasi.to_str().unwrap(), "--json"]);
    assert_ne!(ran.code(), 0, "{ran}");
    let answer = ran.value();
    let answer = if answer["fits"].is_boolean() { &answer } else { &answer["error"] };
    assert!(answer.to_string().contains("wasi:clocks/wall-clock"), "by name\n{ran}");
    assert_ne!(answer["fits"], true);

    home.publish(&Package::new("guarded", "1.0.0"));
    home.config(&format!("[[policy.verification]]\nuse = {:?}\n", wasi.display().to_string()));
    let ran = home.run(&["marketplace", "install", "guarded", "--offline", "--json"]);
    assert_ne!(ran.code(), 0, "{ran}");
    assert!(ran.error().to_string().contains("wasi:clocks/wall-clock"), "{ran}");
    assert!(home.installed().is_empty());
}

#[test]
fn what_is_no_component_is_told_so() {
    let home = home();
    let garbage = home.root().join("garbage.wasm");
    let module = home.root().join("module.wasm");
    std::fs::write(&garbage, b"this is no wasm").unwrap();
    std::fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
    for path in [&garbage, &module] {
        for verb in ["check", "inspect"] {
            let ran = home.run(&["plugin", verb, path.to_str().unwrap(), "--json"]);
            assert_ne!(ran.code(), 0, "{ran}");
            assert_ne!(ran.value()["fits"], true, "{ran}");
            assert!(!ran.stderr.contains("panicked"), "{ran}");
        }
    }
    home.fails(2, &["plugin", "check", "/nowhere/at-all.wasm"]);
}

#[test]
fn the_components_that_are_shipped_fit_the_contract() {
    let home = home();
    let dist = checkout().join("plugins/dist");
    let mut seen = 0;
    for entry in std::fs::read_dir(&dist).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "wasm") {
            let answer = home.json(&["plugin", "check", path.to_str().unwrap()]);
            assert_eq!(answer["fits"], true, "{answer}");
            assert!(answer["hooks"].as_array().is_some_and(|h| !h.is_empty()) && answer["imports"].is_array());
            assert_eq!(answer["problems"], ggen_tests::json!([]));
            home.json(&["plugin", "inspect", path.to_str().unwrap()]);
            seen += 1;
        }
    }
    assert_eq!(seen, 12);
    let list = home.json(&["plugin", "list"]);
    for name in ["beta-reputation", "minimal-versions", "minimum-age", "org-allowlist"] {
        assert!(list.to_string().contains(name), "{list}");
    }
}

#[test]
fn a_mistyped_setting_is_an_error_and_never_loosens() {
    let home = three_versions();
    home.config("[[policy.verification]]\nuse = \"org-allowlist\"\nsettings = { nmaes = [\"x\"] }\n");
    let ran = home.run(&["marketplace", "install", "swap-me", "--offline", "--json"]);
    assert!([2, 8].contains(&ran.code()), "{ran}");
    let said = ran.error().to_string();
    assert!(said.contains("nmaes") && said.contains("names"), "the key and the nearest known one\n{ran}");
    assert!(said.contains("config.toml:3: there is no setting"), "with its line\n{ran}");
    assert!(home.installed().is_empty());
}

#[test]
fn a_passed_over_version_gives_way_to_the_next() {
    // Yanks need a later step to be made; an index may carry them.
    let home = home();
    crate::index::write(&home, &[("held", "1.0.0", false, &[]), ("held", "1.1.0", true, &[])]);
    let answer = home.json(&["marketplace", "install", "held", "--dry-run", "--offline"]);
    assert_eq!(each(&answer["plan"], "version"), ["1.0.0"], "{answer}");
    assert!(!codes(&answer["warnings"]).is_empty(), "it names what has no signed release: {answer}");
}
