//! From nothing to an installed policy: what `plugin new` makes, step by step as the guide has it.
//!
//! Building for real compiles the SDK twice (natively and for WebAssembly): only where `GGEN_TEST_AUTHORS` is set.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ggen_tests::{Home, Running, checkout, files_beneath};

use crate::home;

/// The longest that a build may take.
const BUILD: std::time::Duration = std::time::Duration::from_secs(420);
const HOOKS: [&str; 4] = ["verification", "version-resolution", "peer-scoring", "fallback-policy"];

#[test]
fn a_new_policy_is_a_whole_crate_that_needs_nothing_but_the_program() {
    let home = home();
    let answer = home.json(&["plugin", "new", "no-left-pads", "--hook", "verification"]);
    let path = PathBuf::from(answer["path"].as_str().unwrap());
    let files = files_beneath(&home.root().join(&path));
    for file in ["Cargo.toml", "README.md", "src/lib.rs", "sdk/Cargo.toml", "sdk/src/lib.rs", "wit/types.wit"] {
        assert!(files.contains(&file.to_owned()), "{file} in {files:?}");
    }
    for file in each_text(&answer["files"]) {
        assert!(files.contains(&file), "{file} in {files:?}");
    }
    assert!(!home.path().exists(), "no home is needed");
    let error = home.fails(1, &["plugin", "new", "no-left-pads", "--hook", "verification"]);
    assert_eq!(error["code"], "GGEN-E0829", "{error}");
    for name in ["match", "Upper", "signed-releases", "../elsewhere"] {
        assert_eq!(home.fails(2, &["plugin", "new", name, "--hook", "verification"])["code"], "GGEN-E0820", "{name}");
    }
    home.fails(2, &["plugin", "new", "other", "--hook", "verifier"]);
    let other = home.root().join("deep/er");
    let named = ["plugin", "new", "other", "--hook", "peer-scoring", "--path", other.to_str().unwrap()];
    let root = checkout();
    home.json(&[&named[..], &["--sdk", root.to_str().unwrap()]].concat());
    let manifest = fs::read_to_string(other.join("other/Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("{}/plugin-sdk", root.display())) && !other.join("other/sdk").exists());
}

fn each_text(list: &ggen_tests::Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_compiler_without_the_target_is_told_with_a_way_forward() {
    let mut home = home();
    home.json(&["plugin", "new", "mine", "--hook", "verification"]);
    let rustc = home.root().join("rustc");
    let nowhere = home.root().join("nowhere");
    let script =
        format!("#!/bin/sh\ncase \"$*\" in\n-V) echo 'rustc 1.95.0 (test)';;\n*) echo {};;\nesac\n", nowhere.display());
    fs::write(&rustc, script).unwrap();
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    home.set("RUSTC", rustc.to_str().unwrap());
    let error = home.fails(1, &["plugin", "build", "mine"]);
    assert_eq!(error["code"], "GGEN-E0813", "{error}");
    let hints = error["hints"].to_string();
    for way in ["rustup target add wasm32-unknown-unknown", "rustc-web rust-web-src"] {
        assert!(hints.contains(way), "{way} in {error}");
    }
    assert!(error["context"]["asked"][0].as_str().unwrap().contains("rustc 1.95.0 (test)"), "{error}");
    let told = home.run(&["plugin", "build", "mine"]).exits(1).stderr;
    assert!(told.contains("→ where rustup is: rustup target add wasm32-unknown-unknown"), "{told}");
    // Rust is not here at all.
    home.set("RUSTC", "/nonexistent/rustc");
    let error = home.fails(1, &["plugin", "build", "mine"]);
    assert!(error["hints"].to_string().contains("https://rustup.rs"), "{error}");
}

/// Whether the policies can be built here; says so where not.
fn can_build() -> bool {
    if std::env::var_os("GGEN_TEST_AUTHORS").is_none() {
        eprintln!("SKIPPED: GGEN_TEST_AUTHORS is not set, so no new policy is built");
        return false;
    }
    true
}

/// What cargo and rustup need to be found by, where `HOME` is the test's own.
fn tools(home: &mut Home) {
    let user = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let place = std::env::var_os(variable).map_or_else(|| user.join(folder), PathBuf::from);
        home.set(variable, place.to_str().unwrap());
    }
    // The dependencies are compiled once for all, and kept from run to run.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authors");
    let config = home.root().join(".cargo");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), format!("[build]\ntarget-dir = {:?}\n", target.display().to_string()))
        .unwrap();
}

fn cargo_test(home: &Home, folder: &Path) {
    // With the surroundings that commands of this home have.
    let mut command: Command = home.command(&[]);
    let surroundings: Vec<_> = command.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
    command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["test", "--quiet"]).current_dir(folder).envs(surroundings).stdin(Stdio::null());
    // What the workspace was built with is here; a compiler without the target fetches the library's dependencies.
    command.env("CARGO_NET_OFFLINE", "true");
    for variable in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_MANIFEST_DIR"] {
        command.env_remove(variable);
    }
    let ran = Running::start(command).ends_within(BUILD).exits(0);
    assert!(ran.stdout.contains("2 passed"), "{ran}");
}

#[test]
fn a_new_policy_of_each_hook_is_tested_built_asked_installed_and_used() {
    if !can_build() {
        return;
    }
    let mut home = home();
    tools(&mut home);
    let mut configuration = String::new();
    for hook in HOOKS {
        let name = format!("my-{hook}");
        home.json(&["plugin", "new", &name, "--hook", hook]);
        let folder = home.root().join(&name);
        cargo_test(&home, &folder);
        let ran = home.spawn(&["plugin", "build", &name, "--json"]).ends_within(BUILD).exits(0);
        let built = ran.value()["path"].as_str().unwrap().to_owned();
        let checked = home.json(&["plugin", "check", &built]);
        assert_eq!((&checked["fits"], &checked["hooks"]), (&true.into(), &ggen_tests::json!([hook])), "{checked}");
        let cases = folder.join("cases").display().to_string();
        let tested = home.json(&["plugin", "test", &name, "--with", &built, "--cases", &cases]);
        assert!(tested["passed"].as_u64().unwrap() >= 2 && tested["failed"] == ggen_tests::json!([]), "{tested}");
        let installed = home.json(&["plugin", "install", &built]);
        assert_eq!(installed["name"], name, "{installed}");
        configuration.push_str(installed["configuration"].as_str().unwrap());
        configuration.push('\n');
    }
    // One that only objects needs another beside it that answers.
    home.config(&format!("{configuration}\n[[policy.verification]]\nuse = \"signed-releases\"\n"));
    let shown = home.json(&["policy", "show"]);
    for hook in HOOKS {
        let first = &shown["hooks"][hook][0];
        assert!(first["problem"].is_null() && first["policy"] == format!("my-{hook}"), "{shown}");
    }
    home.json(&["marketplace", "install", "hello-ggen", "--offline"]);
    assert_eq!(home.installed()[0].0, "hello-ggen", "they let the starter package in");
    let log = home.json(&["policy", "log", "--policy", "my-version-resolution"]);
    assert!(!log["decisions"].as_array().unwrap().is_empty(), "{log}");
}
