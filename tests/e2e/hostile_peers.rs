//! Peers that mean harm, against the real program: floods of messages and of connections.
//!
//! `GGEN_TEST_HEAVY=1` floods for ten seconds instead of six.

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ggen_tests::{Flooder, Package, eventually};

use crate::{each, home};

#[test]
fn a_flood_of_gossip_is_cut_off_while_an_honest_announcement_arrives() {
    let seconds = if std::env::var_os("GGEN_TEST_HEAVY").is_some() { 10 } else { 6 };
    let (here, mut there) = (home(), home());
    let node = here.node();
    there.bootstrap(&[&node]);
    let _honest = there.node();
    eventually("the nodes meet", Duration::from_secs(30), || {
        (here.json(&["marketplace", "p2p", "status"])["connected_peers"] == 1).then_some(())
    });
    let package = there.write(&Package::new("honest", "1.0.0"));
    there.key();
    let before = node.resident_kb();
    let mut flooder = Flooder::start(&node);
    let (peer, so_far) = (flooder.peer_id.clone(), flooder.sent());
    let (arrived, most, (sent, thrown_out)) = std::thread::scope(|scope| {
        let flood = scope.spawn(move || flooder.flood(10_000, Duration::from_secs(seconds)));
        eventually("the flood is on", Duration::from_secs(30), || {
            (so_far.load(Ordering::SeqCst) > 2000 || flood.is_finished()).then_some(())
        });
        there.json(&["marketplace", "publish", &package]);
        let published = Instant::now();
        let mut most = node.resident_kb();
        let arrived = eventually("the honest one arrives", Duration::from_secs(30), || {
            most = most.max(node.resident_kb());
            let found = here.json(&["marketplace", "search", "honest", "--offline"]);
            each(&found["results"], "name").iter().any(|n| n == "honest").then(|| published.elapsed())
        });
        while !flood.is_finished() {
            most = most.max(node.resident_kb());
            std::thread::sleep(Duration::from_millis(20));
        }
        (arrived, most, flood.join().expect("the flooder"))
    });
    println!("{sent} messages sent; the honest one found after {arrived:?}; memory {before} KiB, at most {most} KiB");
    assert!(sent > 2000, "a flood at all: {sent}");
    assert!(most.saturating_sub(before) < 50 * 1024, "memory from {before} KiB to {most} KiB");
    assert!(thrown_out, "it is banned");
    let peers = here.json(&["marketplace", "p2p", "peers"]);
    let peers = each(&peers["peers"], "peer_id");
    assert!(peers.len() == 1 && !peers.contains(&peer), "and nobody else is: {peers:?}");
}

#[test]
fn a_flooders_ban_outlives_the_nodes_restart_and_expires() {
    let home = home();
    home.config(
        "[limits]\ngossip_rate = 50\ngossip_burst = 100\n[[policy.peer-scoring]]\nuse = \"beta-reputation\"\n\
         settings = { flood_ban = \"25s\" }\n",
    );
    let node = home.node();
    let mut flooder = Flooder::start(&node);
    let (_, thrown_out) = flooder.flood(2000, Duration::from_secs(60));
    assert!(thrown_out, "it is banned");
    let bans = || home.json(&["marketplace", "p2p", "bans"])["bans"].clone();
    let banned = Instant::now();
    assert_eq!(each(&bans(), "peer_id"), std::slice::from_ref(&flooder.peer_id));
    let until = bans()[0]["until"].as_u64();
    assert_eq!(node.stop(), Some(0));

    let again = home.node();
    assert_eq!(bans()[0]["until"].as_u64(), until, "the same ban, not another");
    let let_in = flooder.is_let_in(&again);
    assert!(!let_in || banned.elapsed() > Duration::from_secs(24), "it is not let in before its time");
    eventually("the ban is over", Duration::from_secs(60), || (bans() == ggen_tests::json!([])).then_some(()));
    eventually("it is let in again", Duration::from_secs(30), || flooder.is_let_in(&again).then_some(()));
}

#[test]
fn a_thousand_connections_that_say_nothing_keep_nobody_out() {
    let (here, mut there) = (home(), home());
    here.publish(&Package::new("reachable", "1.0.0"));
    let node = here.node();
    let address = node.addresses[0].split('/').nth(4).expect("a port");
    let port: u16 = address.parse().expect("a port");
    let held: Vec<_> = (0..1000).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    assert!(held.len() > 500, "{}", held.len());
    there.bootstrap(&[&node]);
    eventually("it is reached all the same", Duration::from_secs(60), || {
        let ran = there.run(&["marketplace", "install", "reachable"]);
        (ran.code() == 0).then_some(())
    });
}
