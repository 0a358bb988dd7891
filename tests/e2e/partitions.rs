//! A network that is lost, in part or altogether, and found again by itself.

use std::time::{Duration, Instant};

use ggen_tests::{Home, Islands, LIMIT, Node, Package, Proxy, Value, eventually, noise};

use crate::{each, home};

fn status(home: &Home) -> Value {
    home.json(&["marketplace", "p2p", "status"])
}

fn state(home: &Home) -> String {
    status(home)["network"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_bootstrap_that_is_dead_and_then_alive_is_found_without_the_user() {
    let (first, mut second, wire) = (home(), home(), Proxy::new());
    // Its identity is known; it is not there yet.
    let before = first.node();
    let address = wire.address_of(&before.peer_id);
    assert_eq!(before.stop(), Some(0));
    second.set("GGEN_P2P_BOOTSTRAP", &address).config("[limits]\nbootstrap_retry = \"500ms\"\n");
    let alone = second.node();
    let seen = eventually("it goes on alone, and says so", LIMIT, || {
        alone.told().contains("P2P network unreachable, using local registry").then(|| status(&second))
    });
    assert_eq!((&seen["running"], &seen["network"]), (&true.into(), &"isolated".into()), "{seen}");
    assert_eq!(second.json(&["marketplace", "search", "anything", "--offline"])["results"], ggen_tests::json!([]));

    let seed = first.node();
    wire.to(&seed);
    eventually("it joins by itself", LIMIT, || (state(&second) == "online").then_some(()));
    // It is lost, and comes back once more.
    seed.kill();
    let told = "Limited P2P connectivity, some packages may be unavailable";
    eventually("the loss is seen and told", LIMIT, || {
        (state(&second) == "isolated" && alone.told().contains(told)).then_some(())
    });
    let seed = first.node();
    wire.to(&seed);
    eventually("it joins again by itself", LIMIT, || (state(&second) == "online").then_some(()));
}

#[test]
fn a_restart_comes_back_at_once_to_the_peers_it_knew() {
    let (here, mut there) = (home(), home());
    let node = here.node();
    there.bootstrap(&[&node]);
    let first = there.node();
    eventually("they have met", LIMIT, || (state(&there) == "online").then_some(()));
    assert_eq!(first.stop(), Some(0));
    there.set("GGEN_P2P_BOOTSTRAP", "");
    // The machine may be busy with other tests: the quickest of some counts.
    let quickest = (0..3).map(|_| {
        let again = there.node();
        let ready = Instant::now();
        eventually("it is back", LIMIT, || (status(&there)["connected_peers"] == 1).then_some(()));
        let took = ready.elapsed();
        assert_eq!(again.stop(), Some(0));
        took
    });
    let quickest = quickest.min().unwrap();
    assert!(quickest < Duration::from_secs(2), "back after {quickest:?}");
}

/// A package that takes about ten seconds through a wire this slow.
const SLOW: u64 = 3_000_000;

#[test]
fn a_node_and_a_command_stop_in_time_in_the_middle_of_a_transfer() {
    let (here, mut there, wire) = (home(), home(), Proxy::new());
    here.publish(&Package::new("heavy", "1.0.0").file("a.bin", noise(7, 20_000_000)));
    let node = here.node();
    wire.to(&node);
    wire.slow_down(SLOW);
    there.set("GGEN_P2P_BOOTSTRAP", &wire.address_of(&node.peer_id));
    let partial = there.path().join("cache/partial");
    let begun =
        || std::fs::read_dir(&partial).is_ok_and(|d| d.flatten().any(|f| f.metadata().is_ok_and(|m| m.len() > 0)));

    let mut install = there.spawn(&["marketplace", "install", "heavy", "--json"]);
    eventually("the download begins", LIMIT, || (begun() || !install.runs()).then_some(()));
    assert!(install.runs(), "it is over too early");
    let wish = Instant::now();
    install.interrupt();
    install.ends_within(LIMIT).exits(130);
    assert!(wish.elapsed() < Duration::from_secs(3), "the command took {:?}", wish.elapsed());
    assert!(there.installed().is_empty());
    there.is_clean();

    let before = wire.carried();
    let mut install = there.spawn(&["marketplace", "install", "heavy", "--json"]);
    eventually("it goes on", LIMIT, || (wire.carried() > before + 1_000_000 || !install.runs()).then_some(()));
    assert!(install.runs(), "it is over too early");
    let wish = Instant::now();
    assert_eq!(node.stop(), Some(0));
    assert!(wish.elapsed() < Duration::from_secs(3), "the node took {:?}", wish.elapsed());
    wire.cut();
    let ran = install.ends_within(LIMIT);
    assert_ne!(ran.code(), 0, "nobody else has it\n{ran}");
    there.is_clean();

    // What was proved before is not fetched again, and now there is nothing in the way.
    let again = here.node();
    there.bootstrap(&[&again]);
    there.json(&["marketplace", "install", "heavy"]);
    assert_eq!(there.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
}

/// An install through the home's own node, which ends in the middle.
fn goes_on_after(end: impl FnOnce(Node)) {
    let (here, mut there, wire) = (home(), home(), Proxy::new());
    here.publish(&Package::new("heavy", "1.0.0").file("a.bin", noise(8, 12_000_000)));
    let node = here.node();
    wire.to(&node);
    wire.slow_down(SLOW);
    there.set("GGEN_P2P_BOOTSTRAP", &wire.address_of(&node.peer_id));
    let own = there.node();
    let mut install = there.spawn(&["marketplace", "install", "heavy", "--json"]);
    let partial = there.path().join("cache/partial");
    let begun =
        || std::fs::read_dir(&partial).is_ok_and(|d| d.flatten().any(|f| f.metadata().is_ok_and(|m| m.len() > 0)));
    eventually("the download begins", LIMIT, || (begun() || !install.runs()).then_some(()));
    end(own);
    let ran = install.ends_within(LIMIT).exits(0);
    assert_eq!(each(&ran.value()["installed"], "origin"), ["peers"], "{ran}");
}

#[test]
fn an_install_goes_on_when_the_homes_own_node_is_stopped() {
    goes_on_after(|own| assert_eq!(own.stop(), Some(0)));
}

#[test]
fn an_install_goes_on_when_the_homes_own_node_is_killed() {
    goes_on_after(Node::kill);
}

#[test]
fn a_node_that_speaks_quic_alone_serves_and_is_served() {
    let (here, mut there) = (home(), home());
    here.publish(&Package::new("over-udp", "1.0.0").file("a.bin", noise(9, 1_000_000)));
    let node = Node::start_at(&here, "/ip4/127.0.0.1/udp/0/quic-v1", &[]);
    assert!(node.addresses.iter().all(|a| a.contains("/quic-v1/p2p/")), "{:?}", node.addresses);
    there.bootstrap(&[&node]);
    let answer = there.json(&["marketplace", "install", "over-udp"]);
    assert_eq!(each(&answer["installed"], "origin"), ["peers"]);
    assert_eq!(std::fs::read(there.path().join("packages/over-udp/1.0.0/a.bin")).unwrap(), noise(9, 1_000_000));
}

/// Two networks, or the reason why not, told aloud.
fn islands() -> Option<Islands> {
    Islands::new().map_err(|why| eprintln!("SKIPPED: this machine allows no network namespaces: {why}")).ok()
}

const QUICK: &str = "[limits]\nbootstrap_retry = \"1s\"\nself_lookup_interval = \"3s\"\npartition_confirm = \"2s\"\n\
                     ping_interval = \"2s\"\n";

#[test]
fn a_partition_is_seen_from_both_sides_and_heals_by_itself() {
    let Some(islands) = islands() else { return };
    let mut homes: Vec<Home> = (0..6).map(|_| home()).collect();
    let mut nodes: Vec<Node> = Vec::new();
    for (n, home) in homes.iter_mut().enumerate() {
        let side = n / 3;
        home.run_by(islands.prefix(side)).config(QUICK);
        if let Some(seed) = nodes.first() {
            home.bootstrap(&[seed]);
        }
        let listen = format!("/ip4/{}/tcp/0", Islands::ip(side, n as u8 + 1));
        nodes.push(Node::start_at(home, &listen, &[]));
    }
    // Each by itself: on a busy machine they need not all be so at one moment.
    let all_are = |wanted: &str, peers: u64| {
        let mut seen: Vec<Option<Value>> = vec![None; 6];
        eventually(&format!("each becomes {wanted}"), LIMIT * 2, || {
            let fits = |s: &Value| s["network"] == wanted && s["connected_peers"].as_u64() >= Some(peers);
            for (home, seen) in homes.iter().zip(&mut seen).filter(|(_, seen)| seen.is_none()) {
                *seen = Some(status(home)).filter(fits);
            }
            seen.iter().cloned().collect::<Option<Vec<Value>>>()
        })
    };
    all_are("online", 5);
    // A part is missed only by those who know how many there were.
    eventually("each has found all six", LIMIT, || {
        let knows = |home: &Home| status(home)["evidence"].to_string().contains("a network of 6 nodes");
        homes.iter().all(knows).then_some(())
    });

    islands.cut();
    let seen = all_are("degraded", 2);
    for status in &seen {
        assert!(status["evidence"].to_string().contains("a large part of the network is gone"), "{status}");
    }
    // A lookup misses the others before their connections are given up.
    eventually("the other side misses its bootstrap peer", LIMIT, || {
        status(&homes[4])["evidence"].to_string().contains("no bootstrap peer is connected").then_some(())
    });
    for (side, name) in [(0, "left"), (3, "right")] {
        homes[side].key();
        let folder = homes[side].write(&Package::new(name, "1.0.0").file("a.bin", noise(side as u64, 10_000)));
        homes[side].json(&["marketplace", "publish", &folder]);
    }
    // Each side goes on with what it has.
    homes[1].json(&["marketplace", "install", "left"]);
    homes[4].json(&["marketplace", "install", "right"]);
    assert_ne!(homes[1].run(&["marketplace", "install", "right"]).code(), 0);

    islands.heal();
    all_are("online", 4);
    homes[2].json(&["marketplace", "install", "right"]);
    homes[5].json(&["marketplace", "install", "left"]);
    for node in nodes {
        assert!(node.told().contains("Limited P2P connectivity, some packages may be unavailable"), "{}", node.told());
    }
}

#[test]
fn nodes_of_one_local_network_find_each_other_unless_they_should_not() {
    let Some(islands) = islands() else { return };
    let mut homes: Vec<Home> = (0..3).map(|_| home()).collect();
    let mut nodes = Vec::new();
    for (n, home) in homes.iter_mut().enumerate() {
        home.run_by(islands.prefix(n % 2)).set("GGEN_P2P_MDNS", if n == 2 { "off" } else { "on" });
        nodes.push(Node::start_at(home, &format!("/ip4/{}/tcp/0", Islands::wire(n % 2)), &[]));
    }
    eventually("two find each other", LIMIT, || (status(&homes[0])["network"] == "online").then_some(()));
    let peers = homes[0].json(&["marketplace", "p2p", "peers"]);
    assert_eq!(each(&peers["peers"], "peer_id"), std::slice::from_ref(&nodes[1].peer_id));
    assert_eq!(status(&homes[2])["connected_peers"], 0, "the third neither asks nor answers");
}
