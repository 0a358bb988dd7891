//! The house's own rules, which the compiler does not know: lengths, docs, edges between crates, files that nobody
//! builds, work left undone.
//!
//! Reads sources as text. Invariant: an exception stands here by its name, with its reason.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/scan.rs"]
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use ggen_tests::{Value, checkout};

/// Lines of a file.
const MAX_FILE: usize = 400;
/// Lines of a function, from `fn` to its last brace.
const MAX_FUNCTION: usize = 70;
/// Functions that are flat tables: nothing to understand in their length.
const TABLES: &[&str] = &["host/core/src/limits.rs default"];
/// Files that are written by a program or are flat tables.
const FLAT_FILES: &[&str] = &[];
/// Folders with sources.
const ROOMS: &[&str] = &["host", "plugin-sdk", "plugins", "tests"];

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let root = checkout();
    let mut found = Vec::new();
    for room in ROOMS {
        walk(&root.join(room), &mut found);
    }
    found.sort();
    let name = |p: &Path| p.strip_prefix(&root).expect("beneath the checkout").display().to_string();
    found.iter().map(|p| (name(p), std::fs::read_to_string(p).expect("read a source"))).collect()
}

#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn no_file_is_longer_than_400_lines_and_no_function_longer_than_70() {
    let (mut files, mut functions) = (Vec::new(), Vec::new());
    for (name, text) in sources() {
        let lines = text.lines().count();
        if lines > MAX_FILE && !FLAT_FILES.contains(&name.as_str()) {
            files.push(format!("{name}: {lines}"));
        }
        for function in scan::functions(&text) {
            let place = format!("{name}:{} {}", function.line, function.name);
            let table = TABLES.contains(&format!("{name} {}", function.name).as_str());
            if function.lines > MAX_FUNCTION && !table {
                functions.push(format!("{place}: {}", function.lines));
            }
        }
    }
    none("files that are too long", &files);
    none("functions that are too long", &functions);
}

#[test]
fn every_module_begins_with_what_it_is() {
    let bare = sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(name, _)| name);
    none("files that do not begin with a `//!` doc", &bare.collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_undone() {
    let mut found = Vec::new();
    // Put together here, so that this file does not find itself.
    let words = [["TO", "DO"], ["FIX", "ME"], ["todo", "!("], ["unimpl", "emented!("], ["XX", "X"]].map(|w| w.concat());
    for (name, text) in sources() {
        for (line, number) in text.lines().zip(1..) {
            let undone = words.iter().any(|w| line.contains(w.as_str()));
            let unexplained =
                line.trim_start().starts_with("#[allow(") && line.contains(")]") && !line.contains("reason");
            let ignored = line.trim_start().starts_with("#[ignore");
            if undone || unexplained || ignored {
                found.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    none("work left undone, a lint silenced or a test ignored without a reason", &found);
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(checkout())
        .output()
        .expect("run cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ggen_tests::parse(&String::from_utf8_lossy(&output.stdout))
}

/// What each package depends on, its tests left out.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata()["packages"].as_array().expect("packages").clone();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().cloned().unwrap_or_default();
        all.iter().filter(|d| d["kind"].is_null()).map(|d| text(&d["name"])).collect()
    };
    packages.iter().map(|p| (text(&p["name"]), of(p))).collect()
}

#[test]
fn each_crate_knows_whom_it_may_know_and_nobody_else() {
    let edges = edges();
    let ours: BTreeSet<&str> = edges.keys().map(String::as_str).collect();
    let allowed: &[(&str, &[&str])] = &[
        ("ggen-core", &[]),
        ("ggen-policy", &["ggen-core"]),
        ("ggen-store", &["ggen-core"]),
        ("ggen-net", &["ggen-core"]),
        ("ggen-market", &["ggen-core", "ggen-policy", "ggen-store", "ggen-net"]),
        // The command line gives every crate's errors their codes; it calls none of them but the market.
        ("ggen", &["ggen-core", "ggen-policy", "ggen-market"]),
        ("ggen-tests", &["ggen-core", "ggen-net"]),
        ("ggen-plugin-sdk", &[]),
    ];
    let mut wrong = Vec::new();
    for (name, known) in &edges {
        let may = allowed.iter().find(|(n, _)| n == name).map_or(&["ggen-plugin-sdk"][..], |(_, may)| may);
        let strangers = known.iter().filter(|k| ours.contains(k.as_str()) && !may.contains(&k.as_str()));
        wrong.extend(strangers.map(|s| format!("{name} knows {s}")));
    }
    none("edges that the plan does not have", &wrong);
    for acting in ["tokio", "libp2p", "wasmtime", "rusqlite", "tempfile", "getrandom", "rustix"] {
        assert!(!edges["ggen-core"].contains(acting), "the core decides and never acts: {acting}");
    }
    assert!(!edges["ggen-net"].contains("rusqlite"), "the network waits for no database");
    for plugin in edges.keys().filter(|n| !allowed.iter().any(|(a, _)| a == n)) {
        let strangers: Vec<_> = edges[plugin].iter().filter(|d| *d != "ggen-plugin-sdk").collect();
        assert!(strangers.is_empty(), "a policy knows the SDK alone, and {plugin} knows {strangers:?}");
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut found = Vec::new();
    for package in metadata()["packages"].as_array().expect("packages") {
        for target in package["targets"].as_array().expect("targets") {
            let kind = target["kind"][0].as_str().unwrap_or_default();
            if ["lib", "rlib", "cdylib", "bin"].contains(&kind) {
                found.extend(circles::circles(Path::new(target["src_path"].as_str().expect("a path"))));
            }
        }
    }
    none("files that import each other in a circle: what both need belongs into a third", &found);
}

#[test]
fn every_dependency_has_its_line_in_the_architecture() {
    let text = std::fs::read_to_string(checkout().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let table: String = text.lines().filter(|l| l.starts_with('|')).collect::<Vec<_>>().join("\n");
    let named: BTreeSet<&str> = table.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').collect();
    let mut missing = BTreeSet::new();
    for package in metadata()["packages"].as_array().expect("packages") {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = dependency["name"].as_str().unwrap_or_default();
            if dependency["path"].is_null() && !named.contains(name) {
                missing.insert(name.to_owned());
            }
        }
    }
    none("dependencies without a line in ARCHITECTURE.md", &missing.into_iter().collect::<Vec<_>>());
}

#[test]
fn every_source_is_built_into_something() {
    let root = checkout();
    let mut reached = BTreeSet::new();
    for package in metadata()["packages"].as_array().expect("packages") {
        for target in package["targets"].as_array().expect("targets") {
            let path = PathBuf::from(target["src_path"].as_str().expect("a path"));
            reach(&path.canonicalize().unwrap_or(path), true, &mut reached);
        }
    }
    // Those of the fuzz targets belong to a workspace of their own; `host/store` holds its list against the folder.
    for target in std::fs::read_dir(root.join("tests/fuzz/fuzz_targets")).into_iter().flatten().flatten() {
        reach(&target.path().canonicalize().unwrap_or_else(|_| target.path()), true, &mut reached);
    }
    let built = |name: &str| root.join(name).canonicalize().is_ok_and(|p| reached.contains(&p));
    let orphans: Vec<_> = sources().into_iter().map(|(name, _)| name).filter(|name| !built(name)).collect();
    none("sources that no target includes", &orphans);
}

/// Follows the `mod` lines of a file.
fn reach(file: &Path, root: bool, reached: &mut BTreeSet<PathBuf>) {
    let Ok(text) = std::fs::read_to_string(file) else { return };
    if !reached.insert(file.to_owned()) {
        return;
    }
    let here = file.parent().expect("has a folder");
    let own = match file.file_stem().and_then(|s| s.to_str()) {
        Some(stem) if !root && stem != "mod" => here.join(stem),
        _ => here.to_owned(),
    };
    for module in scan::modules(&text) {
        let candidates = match &module.path {
            Some(path) => vec![here.join(path), own.join(path)],
            None => {
                let name = &module.name;
                vec![own.join(format!("{name}.rs")), own.join(name).join("mod.rs")]
            }
        };
        for candidate in candidates.iter().filter_map(|c| c.canonicalize().ok()) {
            reach(&candidate, false, reached);
        }
    }
}
