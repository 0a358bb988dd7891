//! Requirements, names and versions that cannot be meant: each with a code of its own, and the place that is wrong.

use ggen_tests::{Package, Value, files_beneath, json};

use crate::{codes, each, home};

const LONG: &str = "1234567890123456789012345678901234567890123456789012345678901234567890";

#[test]
fn a_manifest_is_refused_at_the_character_that_is_wrong() {
    let home = home();
    home.key();
    let long = format!("=1.0.0-{LONG}{LONG}");
    let cases = [
        ("other = \"not a range\"", "GGEN-E0814", 5, 10),
        ("other = \">=1.2, <z\"", "GGEN-E0814", 5, 18),
        ("other = { version = \"^1.\" }", "GGEN-E0814", 5, 25),
        ("required = [\"one\", \"two@1.x.2\"]", "GGEN-E0814", 5, 29),
        ("my-own = \"^1\"", "GGEN-E0815", 5, 1),
        ("optional = [\"my_own\"]", "GGEN-E0815", 5, 13),
        ("required = [\"one\", \"two\", \"one@^1\"]", "GGEN-E0816", 5, 27),
        ("one = \"^1\"\noptional = [\"one\"]", "GGEN-E0816", 6, 13),
        ("my_pack = \"^1\"\nmy-pack = \"^1\"", "GGEN-E0817", 6, 1),
        ("required = [\"my-pack\", \"my_pack\"]", "GGEN-E0817", 5, 24),
        (&format!("other = \"{long}\""), "GGEN-E0818", 5, 9),
        ("one = \"^1\"\none = \"^2\"", "GGEN-E0801", 6, 1),
        ("other = 5", "GGEN-E0804", 5, 9),
    ];
    let folder = home.write(&Package::new("my-own", "1.0.0"));
    let manifest = std::path::Path::new(&folder).join("package.toml");
    let publish = ["marketplace", "publish", &folder, "--offline"];
    let head = "[package]\nname = \"my-own\"\nversion = \"1.0.0\"\n[dependencies]\n";
    let refused = |text: &str, code: &str, line: u64, column: u64| {
        std::fs::write(&manifest, text).unwrap();
        let error = home.fails(2, &publish);
        let context = &error["context"];
        assert_eq!(
            (&error["code"], &context["line"], &context["column"]),
            (&json!(code), &json!(line), &json!(column)),
            "{text}\n{error}"
        );
        let place = format!("package.toml:{line}:{column}: ");
        assert!(error["message"].as_str().unwrap().contains(&place), "{error}");
        assert!(error["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{error}");
        home.json(&["explain", code]);
    };
    for (lines, code, line, column) in cases {
        refused(&format!("{head}{lines}\n"), code, line, column);
    }
    let array = "dependencies = [\"one\", \"one\"]\n[package]\nname = \"my-own\"\nversion = \"1.0.0\"\n";
    refused(array, "GGEN-E0816", 1, 24);
    refused(&head.replace("1.0.0", &long), "GGEN-E0818", 3, 11);
    assert!(files_beneath(&home.path().join("store")).iter().all(|file| !file.contains("my-own")));
    home.is_clean();
}

#[test]
fn a_typed_requirement_is_shown_with_a_caret_beneath_what_is_wrong() {
    let home = home();
    let long = format!("1.0.0-{LONG}{LONG}");
    for (range, column) in
        [("not-a-range", 1), (">=1.2, <z", 9), ("^1.", 4), ("1.2.3-a_b", 8), ("1.é", 3), (&long, 129)]
    {
        let target = format!("some-pack@{range}");
        let error = home.fails(2, &["marketplace", "install", &target, "--offline"]);
        assert_eq!((&error["code"], &error["context"]["column"]), (&json!("GGEN-E0115"), &json!(column)), "{error}");
        let told = home.run(&["marketplace", "install", &target, "--offline"]).exits(2).stderr;
        let shown: String = range.chars().take(128).collect();
        let caret = format!("  {shown}\n  {}^\n", " ".repeat(column - 1));
        assert!(told.contains(&caret), "{target}: {told}");
    }
    let error = home.fails(2, &["marketplace", "install", "some-pack@", "--offline"]);
    assert_eq!((&error["code"], &error["context"]["text"]), (&json!("GGEN-E0115"), &json!("some-pack@")), "{error}");
    home.json(&["explain", "GGEN-E0115"]);
    home.is_clean();
}

#[test]
fn an_index_with_long_versions_is_taken_without_them() {
    let home = home();
    home.publish(&Package::new("good", "1.0.0"));
    let path = home.path().join("registry/index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let known = index["packages"]["good"]["versions"][0].clone();
    let mut version = known.clone();
    version["version"] = json!(format!("2.0.0-{LONG}{LONG}"));
    let mut needs = known;
    needs["version"] = json!("3.0.0");
    needs.as_object_mut().unwrap().remove("release");
    needs["dependencies"] = json!([{ "name": "x", "version_req": format!("=1.0.0-{LONG}{LONG}"), "optional": false }]);
    index["packages"]["good"]["versions"].as_array_mut().unwrap().extend([version, needs]);
    std::fs::write(&path, index.to_string()).unwrap();
    let answer = home.json(&["marketplace", "update", "--offline"]);
    let rejected = answer["rejected"].as_array().unwrap();
    let long = rejected.iter().filter(|r| r.to_string().contains("longer than 128 characters")).count();
    assert_eq!((rejected.len(), long), (2, 2), "{answer}");
    home.json(&["marketplace", "install", "good", "--offline"]);
    home.is_clean();
}

#[test]
fn what_an_index_lists_and_cannot_be_read_is_told_to_whoever_asks_for_it() {
    let home = home();
    let version = |version: &str, range: &str| {
        let needs = json!([{ "name": "base", "version_req": range, "optional": false }]);
        json!({ "version": version, "publisher": "b".repeat(64), "digest": "c".repeat(64), "size_bytes": 1,
            "dependencies": needs })
    };
    let package = |name: &str, versions: Vec<Value>| json!({ "name": name, "description": "", "versions": versions });
    let packages = json!({
        "tool": package("tool", vec![version("1.0.0", "^1 || ^2"), version("1.0", "^1")]),
        "my_pack": package("my_pack", vec![version("1.0.0", "^1")]),
        "lone": package("lone", vec![json!({ "version": "1.0.0", "publisher": "b".repeat(64), "digest": "c".repeat(64) })]),
    });
    let index = json!({ "version": "1", "updated_at": "2026-01-01T00:00:00Z", "packages": packages });
    std::fs::create_dir_all(home.path().join("registry")).unwrap();
    std::fs::write(home.path().join("registry/index.json"), index.to_string()).unwrap();
    let args = |target: &'static str| ["marketplace", "install", target, "--dry-run", "--offline"];
    // Whoever asks for something else is told once, when the index is read.
    for told in [1, 0] {
        let warnings = home.json(&args("lone"))["warnings"].take();
        let refused = codes(&warnings).iter().filter(|code| *code == "index-entry-refused").count();
        assert_eq!(refused, told, "{warnings}");
    }
    // Also by commands that do not read the index again.
    for _ in 0..2 {
        let error = home.fails(3, &args("tool"));
        assert_eq!(error["code"], "GGEN-E0201", "{error}");
        let refused = error["context"]["refused_entries"].to_string();
        for part in ["tool 1.0.0: its dependency", "^1 || ^2", "at character 4", "tool 1.0: its version"] {
            assert!(refused.contains(part), "{part} in {refused}");
        }
    }
    let error = home.fails(3, &args("my-pack"));
    assert!(each(&error["hints"], "text").contains(&"did you mean my_pack?".to_owned()), "{error}");
}
