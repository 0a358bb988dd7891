//! Downloads among several: from one who is in the middle of the same, and from one who gives no more than he wants to.

use std::path::Path;
use std::time::{Duration, Instant};

use ggen_tests::{Home, Package, Proxy, eventually, noise};

use crate::{each, home, proved};

fn installed(home: &Home, package: &str) -> Vec<u8> {
    std::fs::read(home.path().join(Path::new("packages").join(package).join("1.0.0/a.bin"))).unwrap_or_default()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn who_is_in_the_middle_of_a_download_gives_others_what_has_arrived() {
    let (publisher, mut middle, mut last) = (home(), home(), home());
    publisher.config("[limits]\nupload_rate = 1500000\n");
    publisher.publish(&Package::new("passed-on", "1.0.0").file("a.bin", noise(7, 15_000_000)));
    let first = publisher.node();
    middle.bootstrap(&[&first]);
    let own = middle.node();
    let wire = Proxy::new();
    wire.to(&own);
    let mut install = middle.spawn(&["marketplace", "install", "passed-on", "--json"]);
    eventually("a part is there", 60 * SECOND, || (proved(&middle) >= 20).then_some(()));
    last.set("GGEN_P2P_BOOTSTRAP", &[first.addresses[0].clone(), wire.address_of(&own.peer_id)].join(","));
    let second = last.spawn(&["marketplace", "install", "passed-on", "--json"]);
    let given = eventually("the one in the middle gives", 60 * SECOND, || {
        let carried = wire.carried();
        (carried > 2_000_000 || !install.runs()).then_some(carried)
    });
    assert!(install.runs(), "its own download was not over; {given} bytes came from it");
    second.ends_within(90 * SECOND).exits(0);
    install.ends_within(90 * SECOND).exits(0);
    for home in [&middle, &last] {
        assert!(installed(home, "passed-on") == noise(7, 15_000_000), "every byte is the publisher's");
        assert_eq!(home.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    }
    println!("{} bytes over the wire to the one in the middle", wire.carried());
}

#[test]
fn who_comes_later_and_has_it_all_takes_over_from_a_slow_holder() {
    const SIZE: usize = 24_000_000;
    let (publisher, mut holder, mut with_node, mut without) = (home(), home(), home(), home());
    publisher.publish(&Package::new("found-later", "1.0.0").file("a.bin", noise(9, SIZE)));
    let first = publisher.node();
    holder.bootstrap(&[&first]);
    holder.json(&["marketplace", "install", "found-later"]);
    assert_eq!(first.stop(), Some(0));
    publisher.config("[limits]\nupload_rate = 600000\n");
    let slow = publisher.node();
    let wire = Proxy::new();
    wire.to(&slow);
    for home in [&mut with_node, &mut without] {
        home.set("GGEN_P2P_BOOTSTRAP", &wire.address_of(&slow.peer_id));
    }
    let _own = with_node.node();
    let both = [&with_node, &without];
    let installs = both.map(|home| home.spawn(&["marketplace", "install", "found-later", "--json"]));
    for home in both {
        eventually("a chunk is there", 60 * SECOND, || (proved(home) > 0).then_some(()));
    }
    holder.bootstrap(&[&slow]);
    let _quick = holder.node();
    for install in installs {
        install.ends_within(90 * SECOND).exits(0);
    }
    for home in both {
        assert!(installed(home, "found-later") == noise(9, SIZE), "every byte is the publisher's");
        let asked = home.json(&["policy", "log", "--hook", "peer-scoring"]);
        // The two may find each other as well.
        let times = each(&asked["decisions"], "policy").len();
        assert!(times >= 2, "the policy scored those that were found later, too: {asked}");
    }
    // What the slow one gave to both: it would have been all of it twice.
    assert!(wire.carried() < SIZE as u64, "{} bytes", wire.carried());
}

#[test]
fn a_line_that_many_share_is_slow_and_serves_all_of_them() {
    const RATE: usize = 80_000;
    let publisher = home();
    publisher.config(&format!("[limits]\nupload_rate = {RATE}\n"));
    publisher.publish(&Package::new("shared", "1.0.0").file("a.bin", noise(11, 600_000)));
    let node = publisher.node();
    let mut homes: Vec<Home> = (0..6).map(|_| home()).collect();
    for home in &mut homes {
        home.bootstrap(&[&node]);
    }
    // A chunk takes each of them 20 s, twice of what is waited for one that sends nothing.
    let begun = Instant::now();
    let installs: Vec<_> =
        homes.iter().map(|home| home.spawn(&["marketplace", "install", "shared", "--json"])).collect();
    for install in installs {
        install.ends_within(120 * SECOND).exits(0);
    }
    println!("{:?}", begun.elapsed());
    for home in &homes {
        assert!(installed(home, "shared") == noise(11, 600_000), "every byte is the publisher's");
    }
}

#[test]
fn a_limit_on_what_is_given_away_holds_is_shared_and_starves_nobody() {
    const RATE: u64 = 2_000_000;
    let (publisher, mut one, mut other, mut third) = (home(), home(), home(), home());
    publisher.config(&format!("[limits]\nupload_rate = {RATE}\n"));
    publisher.publish(&Package::new("shared", "1.0.0").file("a.bin", noise(8, 12_000_000)));
    let node = publisher.node();
    third.bootstrap(&[&node]);
    let wires = [Proxy::new(), Proxy::new()];
    for (wire, home) in wires.iter().zip([&mut one, &mut other]) {
        wire.to(&node);
        home.set("GGEN_P2P_BOOTSTRAP", &wire.address_of(&node.peer_id));
    }
    let [a, b] = [&one, &other].map(|home| home.spawn(&["marketplace", "install", "shared", "--json"]));
    let carried = || wires.each_ref().map(Proxy::carried);
    let far = |at_least: u64| {
        eventually("both take", 60 * SECOND, || {
            carried().iter().all(|c| *c > at_least).then(|| (Instant::now(), carried()))
        })
    };
    let (begun, before) = far(1_000_000);
    let asked = Instant::now();
    let found = third.json(&["marketplace", "search", "shared"]);
    let took = asked.elapsed();
    assert_eq!(each(&found["results"], "name"), ["shared"]);
    let (ended, after) = far(5_000_000);
    let [first, second] = [after[0] - before[0], after[1] - before[1]];
    let (total, seconds) = ((first + second) as f64, (ended - begun).as_secs_f64());
    println!("{first} and {second} bytes in {seconds:.1} s; a question took {took:?} meanwhile");
    let rate = total / seconds;
    // A burst, and what the encryption adds, come on top.
    assert!(rate < RATE as f64 * 1.2 && rate > RATE as f64 * 0.6, "{rate} bytes a second");
    let share = first as f64 / total;
    assert!((0.35..0.65).contains(&share), "{share}");
    assert!(took < 8 * SECOND, "a small question waits for no transfer: {took:?}");
    for run in [a, b] {
        run.ends_within(90 * SECOND).exits(0);
    }
    assert!(installed(&one, "shared") == noise(8, 12_000_000));
}
