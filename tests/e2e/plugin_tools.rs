//! What an author of policies and an operator do with components: test, measure, install, use, remove.

use std::fs;
use std::path::PathBuf;

use ggen_tests::{Home, LIMIT, Package, Running, Value, checkout, copy_tree};

use crate::{each, home};

fn dist(name: &str) -> PathBuf {
    checkout().join("plugins/dist").join(format!("{name}.wasm"))
}

/// A policy of this checkout under another name of the same length: the name is a constant of its data.
fn renamed(name: &str, new: &str) -> Vec<u8> {
    assert_eq!(name.len(), new.len());
    let mut bytes = fs::read(dist(name)).unwrap();
    let places: Vec<_> = bytes.windows(name.len()).enumerate().filter(|(_, w)| *w == name.as_bytes()).collect();
    let places: Vec<_> = places.into_iter().map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{name} is in its component");
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}

/// `lowest-preferred` prefers what `minimal-versions` does.
fn lowest() -> Vec<u8> {
    renamed("minimal-versions", "lowest-preferred")
}

fn written(home: &Home, name: &str, bytes: &[u8]) -> String {
    let path = home.root().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn in_library(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.path().join("plugins")).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn code(error: &Value) -> &str {
    error["code"].as_str().unwrap()
}

#[test]
fn a_policy_is_installed_from_a_file_used_by_its_name_and_removed() {
    let home = home();
    for version in ["1.0.0", "1.1.0"] {
        home.publish(&Package::new("swap-me", version));
    }
    let planned =
        || each(&home.json(&["marketplace", "install", "swap-me", "--dry-run", "--offline"])["plan"], "version");
    assert_eq!(planned(), ["1.1.0"]);
    let file = written(&home, "mine.wasm", &lowest());
    let answer = home.json(&["plugin", "install", &file]);
    let digest = answer["digest"].as_str().unwrap().to_owned();
    assert_eq!((&answer["name"], &answer["origin"]), (&"lowest-preferred".into(), &"file".into()), "{answer}");
    assert_eq!(in_library(&home), sorted([format!("{digest}.wasm"), "lowest-preferred.json".to_owned()]));
    assert_eq!(home.json(&["plugin", "install", &file])["unchanged"], true);
    assert!(each(&home.json(&["plugin", "list"])["plugins"], "name").contains(&"lowest-preferred".to_owned()));

    home.config(answer["configuration"].as_str().unwrap());
    assert_eq!(planned(), ["1.0.0"], "what the answer says to write is what makes it count");
    let error = home.fails(8, &["plugin", "remove", "lowest-preferred"]);
    assert_eq!(code(&error), "GGEN-E0825");
    assert!(error["context"]["configuration"].as_str().unwrap().ends_with("config.toml"), "{error}");

    home.config("");
    let removed = home.json(&["plugin", "remove", "lowest-preferred"]);
    assert_eq!(removed["digest"], digest, "{removed}");
    let left = if removed["kept"] == true { vec![format!("{digest}.wasm")] } else { Vec::new() };
    assert_eq!(in_library(&home), left, "bytes stay only while decisions name them");
    assert_eq!(code(&home.fails(1, &["plugin", "remove", "lowest-preferred"])), "GGEN-E0824");
}

fn sorted<const N: usize>(mut names: [String; N]) -> [String; N] {
    names.sort();
    names
}

#[test]
fn what_does_not_fit_or_has_a_taken_name_changes_nothing() {
    let home = home();
    let junk = written(&home, "junk.wasm", b"no component");
    assert_eq!(code(&home.fails(1, &["plugin", "install", &junk])), "GGEN-E0822");
    let builtin = dist("minimal-versions");
    assert_eq!(code(&home.fails(2, &["plugin", "install", builtin.to_str().unwrap()])), "GGEN-E0820");
    assert_eq!(code(&home.fails(2, &["plugin", "install", "nowhere.wasm"])), "GGEN-E0112");
    assert_eq!(in_library(&home), [""; 0]);

    let first = written(&home, "first.wasm", &renamed("org-allowlist", "shared-policy"));
    let second = written(&home, "second.wasm", &renamed("plan-licenses", "shared-policy"));
    let old = home.json(&["plugin", "install", &first])["digest"].clone();
    let error = home.fails(1, &["plugin", "install", &second]);
    assert_eq!((code(&error), &error["context"]["installed"]), ("GGEN-E0823", &old), "{error}");
    assert_eq!(home.json(&["plugin", "install", &first])["unchanged"], true);
    let replaced = home.json(&["plugin", "install", &second, "--replace"]);
    assert_eq!(replaced["replaced"], old, "{replaced}");
    assert_ne!(replaced["digest"], old);
    let left = [format!("{}.wasm", replaced["digest"].as_str().unwrap()), "shared-policy.json".to_owned()];
    assert_eq!(in_library(&home), sorted(left));
}

#[test]
fn a_policy_comes_as_a_package_that_the_policies_let_in() {
    let home = home();
    home.publish(&Package::new("our-policy", "1.0.0").file("policy.wasm", lowest()));
    home.publish(&Package::new("broken-policy", "1.0.0").file("policy.wasm", b"no component"));
    home.publish(&Package::new("no-policy", "1.0.0"));
    for (name, expected) in [("broken-policy", "GGEN-E0822"), ("no-policy", "GGEN-E0826")] {
        assert_eq!(code(&home.fails(1, &["plugin", "install", name, "--offline"])), expected);
        assert!(home.installed().is_empty() && in_library(&home).is_empty(), "nothing of {name} is visible");
        home.is_clean();
    }
    home.config("[[policy.verification]]\nuse = \"org-allowlist\"\nsettings = { names = [\"other\"] }\n");
    home.fails(8, &["plugin", "install", "our-policy", "--offline"]);
    assert!(home.installed().is_empty() && in_library(&home).is_empty());
    home.config("");
    // An empty folder: where `marketplace install` would begin a project.
    let empty = home.root().join("empty");
    fs::create_dir(&empty).unwrap();
    let mut command = home.command(&["plugin", "install", "our-policy@^1", "--offline", "--json"]);
    command.current_dir(&empty);
    let answer = Running::start(command).ends_within(LIMIT).exits(0).value();
    assert_eq!(answer["name"], "lowest-preferred");
    assert!(answer["origin"].as_str().unwrap().starts_with("package our-policy 1.0.0 "), "{answer}");
    assert_eq!(home.installed(), [("our-policy".to_owned(), "1.0.0".to_owned())]);
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "a tool of the home is nothing of a project");
}

#[test]
fn cases_are_asked_and_a_difference_ends_with_1() {
    let home = home();
    let crate_folder = home.root().join("org-allowlist");
    copy_tree(&checkout().join("plugins/org-allowlist"), &crate_folder);
    let component = dist("org-allowlist");
    let args = ["plugin", "test", "org-allowlist", "--with", component.to_str().unwrap()];
    let answer = home.json(&args);
    assert!(answer["passed"].as_u64().unwrap() > 0 && answer["failed"] == Value::Array(Vec::new()), "{answer}");

    let expected = crate_folder.join("cases/not-on-the-lists/expected.json");
    let right = fs::read_to_string(&expected).unwrap();
    fs::write(&expected, right.replace("other is not", "another is not")).unwrap();
    let ran = home.run(&[&args[..], &["--json"]].concat()).exits(1);
    let failed = &ran.value()["failed"][0];
    assert_eq!(failed["case"], "not-on-the-lists");
    assert!(failed["expected"].to_string().contains("another is not"), "{failed}");
    assert!(failed["got"].to_string().contains("other is not"), "{failed}");
    let ran = home.run(&args).exits(1);
    for line in ["another is not on the list", "0 passed, 1 failed"] {
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(line), "{line}\n{ran}");
    }
    home.json(&[&args[..], &["--bless"]].concat());
    home.json(&args);
    assert!(!fs::read_to_string(&expected).unwrap().contains("another"), "the answer was written down");

    fs::write(crate_folder.join("cases/not-on-the-lists/input.json"), "{}").unwrap();
    assert_eq!(code(&home.fails(2, &args)), "GGEN-E0827");
}

#[test]
fn a_component_is_measured() {
    let home = home();
    let component = dist("beta-reputation");
    let answer = home.json(&["plugin", "bench", component.to_str().unwrap(), "--seconds", "1"]);
    assert_eq!(each(&answer["runs"], "call"), ["score", "judge"], "{answer}");
    for run in answer["runs"].as_array().unwrap() {
        assert!(run["calls_per_second"].as_f64().unwrap() > 0.0 && run["fuel"].as_u64().unwrap() > 0, "{answer}");
    }
    assert!(answer["startup"]["compile_micros"].as_u64().unwrap() > 0, "{answer}");
    let junk = written(&home, "junk.wasm", b"no component");
    assert_eq!(code(&home.fails(1, &["plugin", "bench", &junk])), "GGEN-E0822");
}
