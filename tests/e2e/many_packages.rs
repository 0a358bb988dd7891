//! A registry of many packages: read once, searched in order, and never read again on the way of a search or an install.
//!
//! 20 000 packages; `GGEN_TEST_CATALOG` names another number, up to a million.

use std::time::Duration;

use ggen_tests::{Home, Running, catalog};

use crate::{each, home};

fn count() -> usize {
    std::env::var("GGEN_TEST_CATALOG").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

/// A home whose registry lists as many packages as are tested with.
fn many() -> Home {
    let home = home();
    std::fs::create_dir_all(home.path().join("registry")).unwrap();
    catalog::write_index(&home.path().join("registry/index.json"), count());
    let update = home.command(&["marketplace", "update", "--offline", "--json"]);
    let update = Running::start(update).ends_within(Duration::from_secs(300)).exits(0).value();
    assert_eq!(
        (update["scanned"].as_u64(), update["added"].as_u64()),
        (Some(3 * count() as u64), Some(3 * count() as u64))
    );
    home
}

#[test]
fn a_large_registry_is_searched_in_order_and_its_index_is_not_read_again() {
    let home = many();
    let index = home.path().join("registry/index.json");
    // As long and as old as before, and no index at all: whoever reads it fails.
    let before = std::fs::metadata(&index).unwrap();
    std::fs::write(&index, vec![b'!'; usize::try_from(before.len()).unwrap()]).unwrap();
    std::fs::File::options().append(true).open(&index).unwrap().set_modified(before.modified().unwrap()).unwrap();
    let search = |query: &str| {
        let answer = home.json(&["marketplace", "search", query, "--offline", "--limit", "20"]);
        assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(0), "{query}: {answer}");
        each(&answer["results"], "name")
    };
    let names: Vec<String> = catalog::names(count()).into_iter().collect();
    for name in names.iter().step_by(names.len() / 5) {
        assert_eq!(search(name).first(), Some(name), "an exact name comes first");
        let plan = home.json(&["marketplace", "install", name, "--offline", "--dry-run"]);
        assert!(each(&plan["plan"], "name").contains(name), "{plan}");
    }
    for rank in 0..10 {
        let (word, found) = (catalog::word(rank), search(&catalog::word(rank)));
        assert_eq!(found.len(), 20, "{word}");
        assert!(found.iter().all(|name| name.split('-').any(|w| w == word)), "names come first: {word}: {found:?}");
    }
    // Rarer words stand in keywords and descriptions too.
    let rare = search(&catalog::word(5_000));
    assert!(!rare.is_empty() && rare.len() <= 20, "{rare:?}");
    assert_eq!(search("nobody-has-this"), [""; 0]);
    let left = std::fs::read(&index).unwrap();
    assert!(left.iter().all(|b| *b == b'!'), "the index is as it was left");
    assert!(!home.path().join("registry/index.json.corrupted").exists());
}

#[test]
fn what_an_index_says_of_a_package_is_searched_and_kept_when_it_is_written_again() {
    let home = home();
    std::fs::create_dir_all(home.path().join("registry")).unwrap();
    let index = home.path().join("registry/index.json");
    let version = ggen_tests::json!({ "version": "1.0.0", "publisher": "0".repeat(64), "dependencies": [] });
    let package = |name: &str, key: &str, value: &str| {
        let mut package = ggen_tests::json!({ "name": name, "description": "", "versions": [version] });
        package[key] = if key == "description" { value.into() } else { ggen_tests::json!([value]) };
        package
    };
    let packages = ggen_tests::json!({
        "by-name-zebra": package("by-name-zebra", "description", ""),
        "by-keyword": package("by-keyword", "keywords", "zebra"),
        "by-description": package("by-description", "description", "Stripes, as a Zébra has them"),
        "by-author": package("by-author", "authors", "Zebra Smith"),
        "none": package("none", "categories", "horses"),
    });
    let text = ggen_tests::json!({ "version": "1", "updated_at": "2026-01-01T00:00:00Z", "packages": packages });
    std::fs::write(&index, text.to_string()).unwrap();
    let search = |query: &str| each(&home.json(&["marketplace", "search", query, "--offline"])["results"], "name");
    assert_eq!(search("zebra"), ["by-name-zebra", "by-keyword", "by-description", "by-author"]);
    assert_eq!(search("horses"), ["none"]);
    home.json(&["marketplace", "update", "--force", "--offline"]);
    let written = ggen_tests::parse(&std::fs::read_to_string(&index).unwrap());
    assert_eq!(written["packages"]["by-keyword"]["keywords"], ggen_tests::json!(["zebra"]));
    assert_eq!(written["packages"]["by-author"]["authors"], ggen_tests::json!(["Zebra Smith"]));
    assert_eq!(written["packages"]["none"]["categories"], ggen_tests::json!(["horses"]));
}
