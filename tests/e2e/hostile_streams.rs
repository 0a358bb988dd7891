//! Peers that open streams and mean harm by them: half-open ones, ones that agree upon nothing, ones that drip.

use std::time::{Duration, Instant};

use ggen_tests::{Dripper, Home, Node, Package, Raw, agreed, archive_in, eventually, noise};

use crate::home;

const CATALOG: &str = "/ggen/catalog/1";
const ARCHIVE: &str = "/ggen/archive/1";
/// What an honest command may take longer than it does without any attack.
const ALLOWED: Duration = Duration::from_secs(5);
/// Memory that an attack may cost, in KiB.
const MEMORY: u64 = 64 * 1024;

/// How long an install from `node` takes, into a home of its own.
fn install(node: &Node, package: &str) -> Duration {
    let mut user = home();
    user.bootstrap(&[node]);
    let begun = Instant::now();
    user.run(&["marketplace", "install", package]).exits(0);
    begun.elapsed()
}

/// A node that tells what its peers do, of a home with a package.
fn told(home: &Home) -> Node {
    home.config("[limits]\nrequest_timeout = \"3s\"\n");
    home.publish(&Package::new("honest", "1.0.0").file("a.bin", noise(9, 600_000)));
    Node::start(home, &["-v"])
}

fn says(node: &Node, code: &str, peer: &str) {
    let line = format!("{code} of {peer}");
    eventually(&line, Duration::from_secs(30), || node.told().contains(&line).then_some(()));
}

#[test]
fn a_thousand_streams_without_a_word_keep_nobody_waiting() {
    let here = home();
    let node = told(&here);
    let usual = install(&node, "honest");
    let before = node.resident_kb();
    let mut raw: Vec<Raw> = (0..12).filter_map(|_| Raw::connect(&node)).collect();
    let words = [agreed(CATALOG), agreed(ARCHIVE), Vec::new(), b"\x13/multistream/1.0.0\n".to_vec()];
    let opened: usize = raw.iter_mut().zip(words.iter().cycle()).map(|(peer, words)| peer.open(100, words)).sum();
    let during = install(&node, "honest");
    let most = node.resident_kb();
    println!(
        "{opened} streams; an install takes {usual:?} without them and {during:?} with them; {before} KiB, then {most} KiB"
    );
    assert!(opened >= 1000, "a thousand at all: {opened}");
    assert!(during < usual + ALLOWED, "{during:?} instead of {usual:?}");
    assert!(most < before + MEMORY, "memory from {before} KiB to {most} KiB");
    assert!(install(&node, "honest") < usual + ALLOWED, "and afterwards");
}

#[test]
fn questions_that_come_a_byte_a_second_are_cut_off_and_told() {
    let here = home();
    let node = told(&here);
    let usual = install(&node, "honest");
    let mut raw = Raw::connect(&node).expect("a connection");
    let mut question = agreed(CATALOG);
    question.extend_from_slice(&[0, 0, 0xff, 0]);
    for _ in 0..3 {
        raw.drip(&question, b'{', Duration::from_secs(1));
        raw.drip(&agreed(ARCHIVE), 7, Duration::from_secs(1));
    }
    let during = install(&node, "honest");
    assert!(during < usual + ALLOWED, "{during:?} instead of {usual:?}");
    says(&node, "silent", &raw.peer_id);
}

#[test]
fn answers_that_come_a_byte_a_second_hold_nobody_up() {
    let (publisher, mut user, mut relay) = (home(), home(), home());
    let package = Package::new("contested", "1.0.0").file("a.bin", noise(10, 8_000_000));
    let published = publisher.publish(&package);
    let node = publisher.node();
    let usual = install(&node, "contested");
    let archive = std::fs::read(archive_in(publisher.path(), published["digest"].as_str().unwrap())).unwrap();
    let dripper = Dripper::start(&node, &archive);
    user.set("GGEN_P2P_BOOTSTRAP", &[node.addresses[0].as_str(), &dripper.address].join(","));
    let begun = Instant::now();
    let ran = user.run(&["marketplace", "install", "contested", "--json"]).exits(0);
    let took = begun.elapsed();
    println!("{took:?} with one that drips, {usual:?} without");
    // It is asked once for the package and once for the archive, and waited for no longer than for anybody.
    assert!(took < usual + 2 * ALLOWED, "{took:?} instead of {usual:?}\n{ran}");
    assert!(std::fs::read(user.path().join("packages/contested/1.0.0/a.bin")).unwrap() == noise(10, 8_000_000));
    // A node that follows its log, too, goes on.
    relay.set("GGEN_P2P_BOOTSTRAP", &[node.addresses[0].as_str(), &dripper.address].join(","));
    let follower = relay.node();
    let mut asker = home();
    asker.bootstrap(&[&follower]);
    eventually("the log of the honest node is followed", Duration::from_secs(30), || {
        let found = asker.json(&["marketplace", "search", "contested"]);
        (!crate::each(&found["results"], "name").is_empty()).then_some(())
    });
    let begun = Instant::now();
    let found = user.json(&["marketplace", "search", "contested"]);
    println!("a search of both takes {:?}", begun.elapsed());
    assert!(begun.elapsed() < ALLOWED && found["complete"] == false, "{:?}: {found}", begun.elapsed());
}

#[test]
fn more_connections_than_there_may_be_leave_room_for_those_that_are_there() {
    let (here, mut there) = (home(), home());
    here.config("[limits]\nmax_connections = 32\nrequest_timeout = \"3s\"\n");
    here.publish(&Package::new("honest", "1.0.0").file("a.bin", noise(9, 600_000)));
    let node = Node::start(&here, &["-v"]);
    there.bootstrap(&[&node]);
    let own = there.node();
    eventually("they meet", Duration::from_secs(30), || {
        (here.json(&["marketplace", "p2p", "status"])["connected_peers"] == 1).then_some(())
    });
    let before = node.resident_kb();
    let flood: Vec<Raw> = (0..60).filter_map(|_| Raw::connect(&node)).collect();
    let open = || flood.iter().filter(|raw| !raw.is_closed()).count();
    eventually("most are turned away", Duration::from_secs(20), || (open() <= 24).then_some(()));
    let begun = Instant::now();
    let answer = there.json(&["marketplace", "install", "honest"]);
    let (took, most) = (begun.elapsed(), node.resident_kb());
    println!("{} of 60 are let in; an install takes {took:?}; memory {before} KiB, then {most} KiB", open());
    assert_eq!(crate::each(&answer["installed"], "origin"), ["peers"], "{answer}");
    assert!(took < 2 * ALLOWED, "{took:?}");
    assert!(most < before + MEMORY, "memory from {before} KiB to {most} KiB");
    assert_eq!(there.json(&["marketplace", "p2p", "status"])["peer_id"], own.peer_id.as_str());
}
