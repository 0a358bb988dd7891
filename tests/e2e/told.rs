//! What nodes tell each other: new heads at once, older ones when they meet; found by everybody, also when the one who
//! published is gone.

use std::time::Duration;

use ggen_tests::{Home, Node, Package, eventually};

use crate::{each, home};

/// Waits until the home finds `query` by what its node has heard, and gives the result's name and sources.
fn hears(home: &Home, query: &str) -> Vec<String> {
    eventually("it is heard of", Duration::from_secs(30), || {
        let found = home.json(&["marketplace", "search", query, "--offline"]);
        let names = each(&found["results"], "name");
        (!names.is_empty()).then_some(names)
    })
}

/// A second home whose node has joined the first one's.
fn joined(first: &Node) -> (Home, Node) {
    let mut home = home();
    home.bootstrap(&[first]);
    let node = home.node();
    eventually("the nodes meet", Duration::from_secs(30), || {
        (home.json(&["marketplace", "p2p", "status"])["connected_peers"] != 0).then_some(())
    });
    (home, node)
}

#[test]
fn what_is_published_on_one_node_is_found_on_the_others_without_asking_anybody() {
    let here = home();
    let node = here.node();
    let (there, _node) = joined(&node);
    let (third, _third) = joined(&node);
    here.key();
    let publish = |version: &str| {
        let folder = here.write(&Package::new("told", version).description("a rare glockenspiel"));
        assert_eq!(here.json(&["marketplace", "publish", &folder])["announced"], true);
    };
    publish("1.0.0");
    assert_eq!(hears(&there, "glockenspiel"), ["told"]);
    assert_eq!(hears(&third, "told"), ["told"]);
    publish("1.1.0");
    eventually("the newer one is heard of", Duration::from_secs(30), || {
        let found = there.json(&["marketplace", "search", "told", "--offline"]);
        (found["results"][0]["version"] == "1.1.0").then_some(())
    });
    let installed = there.json(&["marketplace", "install", "told"]);
    let first = crate::codes(&installed["warnings"]).iter().any(|code| code.ends_with("first-use"));
    assert!(first, "nothing was trusted by being heard of: {installed}");
    assert!(there.path().join("packages/told/1.1.0").is_dir());
}

#[test]
fn who_meets_later_catches_up_and_hands_it_on_when_the_publisher_is_gone() {
    let here = home();
    here.publish(&Package::new("earlier", "1.0.0").description("a rare theremin"));
    let node = here.node();
    let (there, second) = joined(&node);
    assert_eq!(hears(&there, "theremin"), ["earlier"]);
    node.kill();
    let (third, _third) = joined(&second);
    assert_eq!(hears(&third, "theremin"), ["earlier"]);
    let mut asking = home();
    asking.bootstrap(&[&second]);
    let found = asking.json(&["marketplace", "search", "theremin"]);
    assert_eq!(each(&found["results"], "name"), ["earlier"], "whoever is asked tells what it has heard: {found}");
    // What was heard outlives the node.
    second.kill();
    assert_eq!(hears(&there, "theremin"), ["earlier"]);
}
