//! A running node takes up other policies without a stop.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ggen_tests::{Home, Node, Package, checkout, eventually};

use crate::{each, home};

/// Until a node has told something.
const SOON: Duration = Duration::from_secs(60);

/// A policy set with a name in its settings; `watch`: how often a node looks at its files.
fn set(watch: &str, retries: u32) -> String {
    format!(
        "[limits]\npolicy_watch = \"{watch}\"\n\n[[policy.fallback-policy]]\nuse = \"graceful-degradation\"\nsettings = \
         {{ retries = {retries} }}\n\n[[policy.peer-scoring]]\nuse = \"beta-reputation\"\n"
    )
}

fn tells(node: &Node, text: &str) {
    eventually(text, SOON, || node.told().contains(text).then_some(()));
}

/// Settings with which a route was last asked; none: it was not.
fn last_route(home: &Home) -> Option<String> {
    let log = home.json(&["policy", "log", "--hook", "fallback-policy", "--subject", "route", "--limit", "1"]);
    each(&log["decisions"], "settings_digest").pop()
}

#[test]
fn a_swap_loses_no_request() {
    let server = home();
    server.publish(&Package::new("swap-me", "1.0.0"));
    server.config(&set("1h", 1));
    let node = server.node();
    let before = last_route(&server);
    let (over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) || done.load(Ordering::Relaxed) == 0 {
                let mut client = home();
                client.bootstrap(&[&node]);
                client.json(&["marketplace", "install", "swap-me"]);
                assert_eq!(client.installed().len(), 1);
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                assert_eq!(server.json(&["marketplace", "p2p", "status"])["running"], true);
            }
        });
        for generation in 2..6u32 {
            server.config(&set("1h", generation));
            let answer = server.json(&["policy", "reload"]);
            assert_eq!((&answer["running"], &answer["reloaded"]), (&true.into(), &true.into()), "{answer}");
            assert_eq!(answer["generation"], generation, "{answer}");
            assert!(each(&answer["policies"], "policy").contains(&"graceful-degradation".to_owned()), "{answer}");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(done.load(Ordering::Relaxed) > 0);
    let after = last_route(&server);
    assert!(after.is_some() && after != before, "the node itself asks the new set");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_set_that_does_not_load_leaves_the_old_one_working_and_says_why() {
    let mut server = home();
    let organization = server.root().join("policy.toml");
    fs::write(&organization, "").unwrap();
    server.set("GGEN_POLICY_FILE", organization.to_str().unwrap());
    server.config(&set("50ms", 1));
    let node = server.node();
    let own = server.path().join("config.toml").display().to_string();

    let unknown = "[[policy.verification]]\nuse = \"nobody-has-it\"\n";
    server.config(&format!("{}\n{unknown}", set("50ms", 2)));
    let error = server.fails(8, &["policy", "reload"]);
    assert_eq!(error["code"], "GGEN-E0711", "{error}");
    for part in [own.as_str(), "there is no policy `nobody-has-it`"] {
        assert!(error["context"]["problems"].to_string().contains(part), "{part} in {error}");
    }
    tells(&node, "there is no policy `nobody-has-it`");

    server.config("this is no TOML");
    server.fails(2, &["policy", "reload"]);
    tells(&node, &format!("{own}:1: this is no TOML"));

    server.config(&set("50ms", 3).replace("retries", "rerties"));
    let error = server.fails(8, &["policy", "reload"]);
    assert!(error.to_string().contains("rerties"), "{error}");
    tells(&node, "rerties");

    server.config(&set("50ms", 4));
    tells(&node, "set 2 of the policies is in use");
    fs::write(&organization, "[[policy.nonsense]]\n").unwrap();
    tells(&node, organization.to_str().unwrap());
    assert_eq!(server.fails(8, &["policy", "reload"])["code"], "GGEN-E0705");
    assert_eq!(server.json(&["marketplace", "p2p", "status"])["running"], true);
    assert!(!node.told().contains("set 3"), "{}", node.told());
    fs::write(&organization, "[[policy.verification]]\nuse = \"org-allowlist\"\nsettings = { names = [\"a\"] }\n")
        .unwrap();
    tells(&node, "set 3 of the policies is in use");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_changed_component_is_taken_up_by_itself() {
    let server = home();
    let component = server.root().join("mine.wasm");
    let dist = |name: &str| checkout().join("plugins/dist").join(format!("{name}.wasm"));
    fs::copy(dist("minimal-versions"), &component).unwrap();
    let link = format!("\n[[policy.version-resolution]]\nuse = {:?}\n", component.display().to_string());
    server.config(&format!("{}{link}", set("50ms", 1)));
    let node = server.node();
    // In one step, as a build puts it there.
    let fresh = server.root().join("fresh.wasm");
    fs::copy(dist("newest-compatible"), &fresh).unwrap();
    fs::rename(&fresh, &component).unwrap();
    tells(&node, "set 2 of the policies is in use");
    let answer = server.json(&["policy", "reload"]);
    assert!(each(&answer["policies"], "policy").contains(&"newest-compatible".to_owned()), "{answer}");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_set_that_leaves_peers_out_of_the_route_ends_the_node() {
    let server = home();
    server.config(&set("50ms", 1));
    let mut node = server.node();
    server.config("[[policy.fallback-policy]]\nuse = \"air-gap\"\n");
    assert_eq!(node.ended(), Some(8));
    let answer = server.json(&["policy", "reload"]);
    assert_eq!((&answer["running"], &answer["reloaded"]), (&false.into(), &false.into()), "{answer}");
    assert!(each(&answer["policies"], "policy").contains(&"air-gap".to_owned()), "they are checked: {answer}");
}
