//! The ecosystem's real packages, where they are: `GGEN_TEST_PACKAGES` names their folder.

use std::path::{Path, PathBuf};

use crate::{each, home};

fn manifests(beneath: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(beneath).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            manifests(&path, found);
        } else if path.file_name().is_some_and(|n| n == "package.toml") {
            found.push(path);
        }
    }
}

#[test]
fn each_publishes_or_is_refused_with_file_line_and_a_hint() {
    let Some(folder) = std::env::var_os("GGEN_TEST_PACKAGES") else {
        eprintln!("SKIPPED: GGEN_TEST_PACKAGES names no folder of real packages");
        return;
    };
    let mut found = Vec::new();
    manifests(Path::new(&folder), &mut found);
    assert!(found.len() >= 80, "{} packages beneath {folder:?}", found.len());
    let (publisher, mut user) = (home(), home());
    publisher.key();
    let (mut published, mut refused) = (Vec::new(), Vec::new());
    for manifest in &found {
        let path = manifest.parent().and_then(Path::to_str).expect("a folder");
        let ran = publisher.run(&["marketplace", "publish", path, "--offline", "--json"]);
        if ran.code() == 0 {
            published.push(ran.value()["name"].as_str().expect("a name").to_owned());
            continue;
        }
        let error = ran.exits(2).error();
        let message = error["message"].as_str().unwrap_or_default();
        let place = message.split_once("package.toml:").and_then(|(_, rest)| rest.split(':').next());
        assert!(place.is_some_and(|line| line.parse::<u32>().is_ok()), "file and line: {error}");
        assert!(error["hints"].as_array().is_some_and(|h| !h.is_empty()), "a hint: {error}");
        refused.push(message.to_owned());
    }
    eprintln!("published {} of {}; refused:\n  {}", published.len(), found.len(), refused.join("\n  "));
    assert!(published.len() >= 72, "published {} of {}: {refused:#?}", published.len(), found.len());

    let node = publisher.node();
    user.bootstrap(&[&node]);
    let answer = user.json(&["marketplace", "search", "sparql"]);
    assert!(each(&answer["results"], "name").len() >= 2, "{answer}");
    for name in ["hello-world", "agent-memory-forge", "agent-reasoning-mcp"] {
        user.json(&["marketplace", "install", name]);
    }
    let installed: Vec<_> = user.installed().into_iter().map(|(name, _)| name).collect();
    assert!(installed.contains(&"agent-context-crafter".to_owned()), "with what they need: {installed:?}");
    assert_eq!(user.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    user.is_clean();
}
