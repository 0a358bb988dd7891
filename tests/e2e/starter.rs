//! The starter registry: a first install on a machine without any network.

use crate::{each, home};

#[test]
fn hello_ggen_is_installed_with_no_network_at_all_and_says_where_it_came_from() {
    let home = home();
    let ran = home.run(&["marketplace", "install", "hello-ggen", "--offline", "--json"]).exits(0);
    let answer = ran.value();
    assert_eq!(each(&answer["installed"], "name"), ["hello-ggen"]);
    assert_eq!(each(&answer["installed"], "origin"), ["bundled"], "{ran}");
    let path = std::path::PathBuf::from(answer["installed"][0]["path"].as_str().unwrap());
    assert!(path.join("README.md").is_file() && path.join("package.toml").is_file());
    assert_eq!(home.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    home.is_clean();
    let people = crate::home();
    let ran = people.run(&["marketplace", "install", "hello-ggen", "--offline"]).exits(0);
    assert!(ran.stdout.contains("from the starter registry"), "{ran}");
}

#[test]
fn without_a_network_it_needs_no_flag() {
    // No bootstrap, no mDNS: nobody can be reached, and nobody is waited for.
    let home = home();
    let ran = home.run(&["marketplace", "install", "hello-ggen", "--json"]).exits(0);
    assert_eq!(each(&ran.value()["installed"], "origin"), ["bundled"], "{ran}");
    assert!(ran.took < std::time::Duration::from_secs(20), "{ran}");
}

#[test]
fn every_package_of_it_is_found_and_installs_with_what_it_needs() {
    let home = home();
    for name in ["hello-ggen", "project-papers", "release-vocabulary", "rest-api-blueprint"] {
        let found = home.json(&["marketplace", "search", name, "--offline"]);
        assert!(each(&found["results"], "name").contains(&name.to_owned()), "{found}");
        home.json(&["marketplace", "install", name, "--offline"]);
    }
    assert_eq!(home.installed().len(), 4);
    assert_eq!(home.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
}
