//! Nodes: publish here, search and install there.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::time::Duration;

use ggen_tests::{Home, Liar, Node, Package, Value, archive_in, eventually, noise};

use crate::{each, home};

/// Waits until a search from `home` finds `name`, as an announcement takes a moment.
fn finds(home: &Home, name: &str) {
    eventually("the search finds it", Duration::from_secs(30), || {
        let found = home.json(&["marketplace", "search", name]);
        each(&found["results"], "name").iter().any(|n| n == name).then_some(())
    });
}

fn first_use(answer: &Value) -> bool {
    crate::codes(&answer["warnings"]).iter().any(|code| code.ends_with("first-use"))
}

#[test]
fn publish_here_search_and_install_there() {
    let (here, mut there) = (home(), home());
    let publisher = here.key();
    let node = here.node();
    let needed = here.write(&Package::new("shapes", "0.3.0").file("shapes.ttl", noise(1, 20_000)));
    let package =
        here.write(&Package::new("loopback", "1.0.0").description("a rare xylophone").needs("shapes", "^0.3"));
    let published = here.json(&["marketplace", "publish", &needed]);
    assert_eq!(published["announced"], true, "a node runs: {published}");
    here.json(&["marketplace", "publish", &package]);

    there.bootstrap(&[&node]);
    let found = there.json(&["marketplace", "search", "xylophone"]);
    assert_eq!(
        (each(&found["results"], "name"), &found["complete"]),
        (vec!["loopback".into()], &true.into()),
        "{found}"
    );
    assert_eq!(found["results"][0]["publisher"], publisher.as_str());
    assert!(found["results"][0]["sources"].to_string().contains(&node.peer_id), "it says who told: {found}");
    let answer = there.json(&["marketplace", "install", "loopback"]);
    assert_eq!(each(&answer["plan"], "name"), ["shapes", "loopback"]);
    let origins = each(&answer["installed"], "origin");
    assert!(origins.iter().all(|o| o == "peers"), "{origins:?}");
    assert!(first_use(&answer), "trust on first use is told: {answer}");
    assert_eq!(std::fs::read(there.path().join("packages/shapes/0.3.0/shapes.ttl")).unwrap(), noise(1, 20_000));
    assert_eq!(there.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    there.is_clean();
    let again = there.json(&["marketplace", "install", "loopback"]);
    assert!(!first_use(&again), "told once: {again}");
}

#[test]
fn info_tells_of_what_only_others_have() {
    let (here, mut there) = (home(), home());
    here.publish(&Package::new("distant", "1.0.0"));
    let node = here.node();
    there.bootstrap(&[&node]);
    let info = there.json(&["marketplace", "info", "distant"]);
    assert_eq!(each(&info["versions"], "version"), ["1.0.0"]);
}

#[test]
fn what_was_published_before_the_node_started_is_found_too() {
    let (here, mut there) = (home(), home());
    here.publish(&Package::new("earlier", "1.0.0"));
    let node = here.node();
    there.bootstrap(&[&node]);
    finds(&there, "earlier");
    there.json(&["marketplace", "install", "earlier"]);
}

#[test]
fn a_second_holder_serves_when_the_publishers_node_is_gone() {
    let (publisher, mut holder, mut late) = (home(), home(), home());
    publisher.publish(&Package::new("outlives", "1.0.0").file("a.bin", noise(2, 700_000)));
    let first = publisher.node();
    holder.bootstrap(&[&first]);
    holder.json(&["marketplace", "install", "outlives"]);
    let second = holder.node();
    first.kill();
    late.bootstrap(&[&second]);
    let answer = late.json(&["marketplace", "install", "outlives"]);
    assert_eq!(each(&answer["installed"], "origin"), ["peers"]);
    assert_eq!(std::fs::read(late.path().join("packages/outlives/1.0.0/a.bin")).unwrap(), noise(2, 700_000));
}

/// Bytes of the file that a liar has, too: so many chunks that both holders are asked before one could give them all.
const CONTESTED: usize = 40_000_000;

/// A publisher's node with a package of many chunks, and a holder of it that lies.
fn with_liar(publisher: &Home) -> (Node, Liar) {
    let package = Package::new("contested", "1.0.0").file("a.bin", noise(3, CONTESTED));
    let published = publisher.publish(&package);
    let node = publisher.node();
    let archive = std::fs::read(archive_in(publisher.path(), published["digest"].as_str().unwrap())).unwrap();
    let liar = Liar::start(archive, "contested", &node);
    (node, liar)
}

#[test]
fn a_holder_of_one_wrong_byte_is_found_at_its_first_chunk_and_the_others_finish() {
    let (publisher, mut user) = (home(), home());
    let (node, liar) = with_liar(&publisher);
    let both: Vec<_> = node.addresses.iter().chain(&liar.addresses).map(String::as_str).collect();
    user.set("GGEN_P2P_BOOTSTRAP", &both.join(","));
    let ran = user.run(&["marketplace", "install", "contested", "--json"]).exits(0);
    let answer = ran.value();
    let installed = std::fs::read(user.path().join("packages/contested/1.0.0/a.bin")).unwrap();
    assert!(installed == noise(3, CONTESTED), "every byte is the publisher's");
    assert_eq!(user.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    user.is_clean();
    assert!(liar.served() > 0, "it was asked at all");
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains(&liar.peer_id), "it is named\n{ran}");
    assert!(warnings.contains("Package verification failed, trying alternate source"), "{ran}");
    assert!(warnings.contains("banned"), "{ran}");
}

#[test]
fn a_ban_outlives_the_command_and_the_banned_peer_is_not_asked_again() {
    let (publisher, mut user) = (home(), home());
    let (node, liar) = with_liar(&publisher);
    let both: Vec<_> = node.addresses.iter().chain(&liar.addresses).map(String::as_str).collect();
    user.set("GGEN_P2P_BOOTSTRAP", &both.join(","));
    let ran = user.run(&["marketplace", "install", "contested"]).exits(0);
    assert!(ran.stderr.contains(&liar.peer_id) && ran.stderr.contains("banned"), "{ran}");
    user.json(&["marketplace", "remove", "contested"]);
    user.json(&["marketplace", "clean"]);
    let before = liar.served();
    node.kill();
    std::fs::remove_dir_all(user.path().join("store")).unwrap();
    std::fs::create_dir_all(user.path().join("store")).unwrap();
    user.set("GGEN_P2P_BOOTSTRAP", &liar.addresses.join(","));
    user.fails(5, &["marketplace", "install", "contested"]);
    assert_eq!(liar.served(), before, "a banned peer is not asked");
}

#[test]
fn where_everybody_lies_one_error_names_each_and_nothing_is_installed() {
    let (publisher, mut user) = (home(), home());
    let (node, liar) = with_liar(&publisher);
    user.bootstrap(&[&node]);
    let plan = user.json(&["marketplace", "install", "contested", "--dry-run"]);
    let digest = plan["plan"][0]["digest"].as_str().unwrap();
    // The honest node keeps its word about the package and loses the archive.
    std::fs::remove_file(archive_in(publisher.path(), digest)).unwrap();
    let both: Vec<_> = node.addresses.iter().chain(&liar.addresses).map(String::as_str).collect();
    user.set("GGEN_P2P_BOOTSTRAP", &both.join(","));
    let ran = user.run(&["marketplace", "install", "contested", "--json"]);
    assert!([4, 5].contains(&ran.code()), "{ran}");
    assert!(ran.error().to_string().contains(&liar.peer_id), "every holder and why it failed\n{ran}");
    assert!(liar.served() > 0);
    assert!(user.installed().is_empty());
    user.is_clean();
}

#[test]
fn status_is_true_from_another_process() {
    let (a, mut b) = (home(), home());
    let idle = a.json(&["marketplace", "p2p", "status"]);
    assert_eq!((&idle["running"], &idle["peer_id"]), (&false.into(), &ggen_tests::Value::Null), "{idle}");
    a.fails(1, &["marketplace", "p2p", "peers"]);
    let node = a.node();
    let alone = a.json(&["marketplace", "p2p", "status"]);
    assert_eq!(alone["running"], true);
    assert_eq!(alone["peer_id"], node.peer_id.as_str());
    assert_eq!(alone["listen_addresses"], ggen_tests::json!(node.addresses));
    assert_eq!((&alone["connected_peers"], &alone["network"]), (&0.into(), &"isolated".into()), "{alone}");
    assert!(alone["evidence"].as_array().is_some_and(|e| !e.is_empty()), "it says why: {alone}");

    b.bootstrap(&[&node]);
    let other = b.node();
    let joined = eventually("the nodes see each other", Duration::from_secs(30), || {
        let status = a.json(&["marketplace", "p2p", "status"]);
        (status["connected_peers"] == 1 && status["network"] == "online").then_some(status)
    });
    let health = &joined["health"];
    assert_eq!((&health["p2p_connected"], &health["peer_count"]), (&true.into(), &1.into()), "{joined}");
    assert_eq!(health["registry_loaded"], true);
    assert!(health["dht_responsive"].is_boolean() && health["disk_space_available"].as_u64() > Some(0));
    let peers = a.json(&["marketplace", "p2p", "peers"]);
    assert_eq!(each(&peers["peers"], "peer_id"), std::slice::from_ref(&other.peer_id));
    assert_eq!(peers["peers"][0]["direction"], "inbound");
    assert!(peers["peers"][0]["addresses"].is_array());

    other.kill();
    eventually("the loss is seen", Duration::from_secs(60), || {
        (a.json(&["marketplace", "p2p", "status"])["connected_peers"] == 0).then_some(())
    });
}

#[test]
fn the_control_socket_is_for_its_owner_alone_and_stop_ends_the_node() {
    let home = home();
    let mut node = home.node();
    let socket = home.path().join("p2p/control.sock").symlink_metadata().unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    let ran = home.run(&["marketplace", "p2p", "start", "--listen", "/ip4/127.0.0.1/tcp/0", "--json"]);
    assert_ne!(ran.code(), 0, "one node a home\n{ran}");
    ran.error();
    assert_eq!(home.json(&["marketplace", "p2p", "stop"])["stopped"], true);
    assert_eq!(node.ended(), Some(0));
    assert!(!home.path().join("p2p/control.sock").exists(), "the socket goes with its node");
    assert_eq!(home.json(&["marketplace", "p2p", "status"])["running"], false);
}

#[test]
fn an_identity_is_kept_and_a_killed_node_is_in_nobodys_way() {
    let home = home();
    let node = home.node();
    let before = node.peer_id.clone();
    node.kill();
    assert_eq!(home.json(&["marketplace", "p2p", "status"])["running"], false, "a dead socket is no node");
    assert_eq!(home.node().peer_id, before);
    let key = home.path().join("p2p/identity.key").metadata().unwrap();
    assert_eq!(key.permissions().mode() & 0o077, 0);
}

#[test]
fn a_command_uses_the_running_node_of_its_home() {
    let (publisher, mut user) = (home(), home());
    publisher.publish(&Package::new("through", "1.0.0").file("a.bin", noise(4, 300_000)));
    let node = publisher.node();
    user.bootstrap(&[&node]);
    let own = user.node();
    user.set("GGEN_P2P_BOOTSTRAP", "");
    let answer = user.json(&["marketplace", "install", "through"]);
    assert_eq!(each(&answer["installed"], "origin"), ["peers"], "it has no other way there");
    assert_eq!(user.json(&["marketplace", "p2p", "status"])["peer_id"], own.peer_id.as_str());
}

#[test]
fn a_bootstrap_that_nobody_answers_costs_a_warning_and_no_waiting() {
    let mut home = home();
    home.publish(&Package::new("local", "1.0.0"));
    let nobody = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    home.set("GGEN_P2P_BOOTSTRAP", nobody);
    let ran = home.run(&["marketplace", "search", "local"]).exits(0);
    assert!(ran.stderr.contains("P2P network unreachable, using local registry"), "{ran}");
    let ran = home.run(&["marketplace", "install", "local", "--json"]).exits(0);
    assert!(ran.took < Duration::from_secs(20), "a command never waits where local sources answer it\n{ran}");
    home.is_clean();
}

#[test]
fn an_install_over_the_network_goes_on_where_it_broke_off() {
    let (publisher, mut user) = (home(), home());
    publisher.publish(&Package::new("heavy", "1.0.0").file("a.bin", noise(5, 40_000_000)));
    let node = publisher.node();
    user.bootstrap(&[&node]);
    let mut install = user.spawn(&["marketplace", "install", "heavy", "--json"]);
    let partial = user.path().join("cache/partial");
    let begun = || std::fs::read_dir(&partial).is_ok_and(|d| d.flatten().next().is_some());
    eventually("the download begins", ggen_tests::LIMIT, || (begun() || !install.runs()).then_some(()));
    install.interrupt();
    let ran = install.ends_within(Duration::from_secs(30));
    assert!([0, 130].contains(&ran.code()), "{ran}");
    if ran.code() == 130 {
        assert!(user.installed().is_empty());
    }
    user.is_clean();
    user.json(&["marketplace", "install", "heavy"]);
    assert_eq!(user.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
}
