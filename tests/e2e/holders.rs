//! Several holders of one archive, some of which lie or die, and a download that is killed in the middle.

use std::time::Duration;

use ggen_tests::{Home, Liar, Node, Package, Proxy, archive_in, eventually, json, noise};

use crate::{each, home, proved};

/// 115 chunks of noise, and as many of archive.
const SIZE: usize = 30_000_000;
const CHUNK: u64 = 256 * 1024;
const LIMIT: Duration = Duration::from_secs(90);

/// A home whose node gives away `rate` bytes a second.
fn slow(rate: u32) -> Home {
    let home = home();
    home.config(&format!("[limits]\nupload_rate = {rate}\n"));
    home
}

fn package() -> Package {
    Package::new("wanted", "1.0.0").file("a.bin", noise(11, SIZE))
}

/// Another holder, which has the package from the first one's registry.
fn second_holder(publisher: &Home, rate: u32) -> Home {
    let holder = home();
    let directory = publisher.path().join("registry");
    holder.config(&format!("[registry]\ndirectories = [{directory:?}]\n[limits]\nupload_rate = {rate}\n"));
    holder.json(&["marketplace", "install", "wanted", "--offline"]);
    holder
}

fn know(user: &mut Home, addresses: &[&[String]]) {
    user.set("GGEN_P2P_BOOTSTRAP", &addresses.concat().join(","));
}

#[track_caller]
fn is_whole(user: &Home) {
    assert!(std::fs::read(user.path().join("packages/wanted/1.0.0/a.bin")).unwrap() == noise(11, SIZE));
    assert_eq!(user.json(&["marketplace", "verify"])["damaged"], json!([]));
    user.is_clean();
}

#[test]
fn three_of_five_holders_lie_and_each_is_named_and_banned() {
    // Slow enough that nobody honest has given everything before all were asked.
    let (publisher, mut user) = (slow(10_000_000), home());
    let published = publisher.publish(&package());
    let other = second_holder(&publisher, 10_000_000);
    let (first, mut second): (Node, Home) = (publisher.node(), other);
    second.bootstrap(&[&first]);
    let second = second.node();
    let archive = std::fs::read(archive_in(publisher.path(), published["digest"].as_str().unwrap())).unwrap();
    let liars = [(); 3].map(|()| Liar::start(archive.clone(), "wanted", &first));
    let lying: Vec<String> = liars.iter().flat_map(|l| l.addresses.clone()).collect();
    know(&mut user, &[&first.addresses, &second.addresses, &lying]);
    let ran = user.run(&["marketplace", "install", "wanted", "--json"]).exits(0);
    let warnings = ran.value()["warnings"].to_string();
    let bans = user.json(&["marketplace", "p2p", "bans"]);
    let mut banned = each(&bans["bans"], "peer_id");
    let mut wanted: Vec<String> = liars.iter().map(|l| l.peer_id.clone()).collect();
    for liar in &liars {
        assert!(liar.served() > 0, "each is asked\n{ran}");
        assert!(warnings.contains(&liar.peer_id), "each is named\n{ran}");
    }
    banned.sort();
    wanted.sort();
    assert_eq!(banned, wanted, "nobody else is banned: {bans}");
    is_whole(&user);
}

#[test]
fn a_holder_that_is_killed_at_the_half_costs_nothing_and_is_not_blamed() {
    let (publisher, mut user) = (slow(4_000_000), home());
    publisher.publish(&package());
    let mut other = second_holder(&publisher, 4_000_000);
    let first = publisher.node();
    other.bootstrap(&[&first]);
    let second = other.node();
    know(&mut user, &[&first.addresses, &second.addresses]);
    let mut install = user.spawn(&["marketplace", "install", "wanted", "--json"]);
    eventually("half of it is there", LIMIT, || (proved(&user) >= 58 || !install.runs()).then_some(()));
    assert!(install.runs(), "the download is under way");
    second.kill();
    install.ends_within(LIMIT).exits(0);
    is_whole(&user);
    assert_eq!(user.json(&["marketplace", "p2p", "bans"])["bans"], json!([]));
}

#[test]
fn who_is_killed_at_the_half_fetches_no_proved_chunk_again() {
    let (publisher, mut user) = (slow(8_000_000), home());
    publisher.publish(&package());
    let node = publisher.node();
    let wire = Proxy::new();
    wire.to(&node);
    user.set("GGEN_P2P_BOOTSTRAP", &wire.address_of(&node.peer_id));
    let mut install = user.spawn(&["marketplace", "install", "wanted", "--json"]);
    eventually("half of it is there", LIMIT, || (proved(&user) >= 58 || !install.runs()).then_some(()));
    assert!(install.runs(), "the download is under way");
    install.kill();
    let _killed = install.ends_within(LIMIT);
    let (kept, before) = (u64::from(proved(&user)), wire.carried());
    assert!(user.installed().is_empty());
    user.json(&["marketplace", "install", "wanted"]);
    let again = wire.carried() - before;
    let missing = SIZE as u64 - kept * CHUNK;
    println!("{kept} chunks were proved; {again} bytes came for the other {missing}");
    // What the encryption and the questions add comes on top.
    assert!(again < missing + missing / 10 + 2 * CHUNK, "{again} bytes for {missing} that were missing");
    is_whole(&user);
}
