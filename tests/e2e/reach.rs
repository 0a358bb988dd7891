//! Private networks by a key, and nodes that are called through a relay.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ggen_tests::{Home, Node, Package, Running, Value, eventually, noise};

use crate::{each, home};

/// Writes a network's key into `home`, and names it.
fn give_key(home: &mut Home, digit: char) {
    let path = home.root().join("swarm.key");
    std::fs::write(&path, format!("/key/swarm/psk/1.0.0/\n/base16/\n{}\n", digit.to_string().repeat(64))).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    home.set("GGEN_P2P_SWARM_KEY", &path);
}

/// Installs `name` with what others tell of it, which takes a moment: the answer.
fn installs(home: &Home, name: &str) -> Value {
    eventually("it is found and comes", Duration::from_secs(40), || {
        let ran = home.run(&["marketplace", "install", name, "--json"]);
        (ran.code() == 0).then(|| ran.value())
    })
}

#[test]
fn who_has_the_key_of_a_private_network_is_served_and_nobody_else_is() {
    let (mut hub, mut here, mut there, mut stranger) = (home(), home(), home(), home());
    for member in [&mut hub, &mut here, &mut there] {
        give_key(member, 'a');
    }
    let middle = hub.node();
    here.publish(&Package::new("secret-sauce", "1.0.0").file("a.bin", noise(1, 600_000)));
    here.bootstrap(&[&middle]);
    let _node = here.node();
    let evidence = hub.json(&["marketplace", "p2p", "status"])["evidence"].to_string();
    assert!(evidence.contains("a private network") && !evidence.contains("aaaaaaaa"), "{evidence}");

    there.bootstrap(&[&middle]);
    let answer = installs(&there, "secret-sauce");
    assert_eq!(each(&answer["installed"], "origin"), ["peers"]);
    assert_eq!(std::fs::read(there.path().join("packages/secret-sauce/1.0.0/a.bin")).unwrap(), noise(1, 600_000));

    stranger.bootstrap(&[&middle]);
    for key in [None, Some('b')] {
        if let Some(digit) = key {
            give_key(&mut stranger, digit);
        }
        let found = stranger.run(&["marketplace", "install", "secret-sauce"]).exits(3);
        assert!(found.stderr.contains("another network key, or none"), "it is told why\n{found}");
        assert!(!stranger.path().join("packages/secret-sauce").exists());
    }
}

#[test]
fn a_private_network_is_not_entered_without_its_key_nor_by_quic() {
    let mut home = home();
    give_key(&mut home, 'a');
    let quic = "/ip4/127.0.0.1/udp/0/quic-v1";
    let error = home.fails(2, &["marketplace", "p2p", "start", "--listen", quic]);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(quic) && message.contains("TCP only"), "{error}");
    let seed = format!("/ip4/127.0.0.1/udp/1/quic-v1/p2p/{}", "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp");
    home.set("GGEN_P2P_BOOTSTRAP", &seed);
    let error = home.fails(2, &["marketplace", "search", "anything"]);
    assert!(error["message"].as_str().unwrap().contains("quic-v1"), "{error}");

    let path = home.root().join("swarm.key");
    let wrong = |home: &Home, problem: &str| {
        for args in [&["marketplace", "p2p", "start"][..], &["marketplace", "search", "anything"]] {
            let error = home.fails(2, args);
            assert_eq!(error["code"], "GGEN-E0116", "{error}");
            assert!(error["message"].as_str().unwrap().contains("swarm.key"), "{error}");
            assert!(error["context"]["problem"].as_str().unwrap().contains(problem), "{problem}: {error}");
        }
    };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    wrong(&home, "others can read");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "/key/swarm/psk/1.0.0/\n/base16/\n00ff\n").unwrap();
    wrong(&home, "64 hexadecimal digits");
    std::fs::remove_file(&path).unwrap();
    wrong(&home, "cannot be read");
}

/// A node that takes calls for others.
fn relay() -> (Home, Node) {
    let home = home();
    home.config("[network]\nrelay = true\n");
    let node = home.node();
    (home, node)
}

/// Waits until a relay takes the calls of the node in `home`; where it is called then.
fn called_through_relay(home: &Home) -> Vec<String> {
    eventually("a relay takes its calls", Duration::from_secs(30), || {
        let status = home.json(&["marketplace", "p2p", "status"]);
        let taken = status["evidence"].to_string().contains("reachable from outside: no; 1 relay takes calls");
        let all = status["listen_addresses"].as_array().map_or(&[][..], Vec::as_slice);
        let all = all.iter().filter_map(|a| a.as_str()).filter(|a| a.contains("/p2p-circuit/"));
        taken.then(|| all.map(str::to_owned).collect())
    })
}

#[test]
fn who_is_called_through_a_relay_is_found_and_the_archive_comes_round_it() {
    let (_relay_home, relay) = relay();
    let (mut here, mut there) = (home(), home());
    here.bootstrap(&[&relay]).config("[network]\nreach = \"private\"\n");
    here.publish(&Package::new("behind-a-router", "1.0.0").file("a.bin", noise(2, 600_000)));
    let node = here.node();
    assert!(!called_through_relay(&here).is_empty());
    there.bootstrap(&[&relay]);
    let answer = installs(&there, "behind-a-router");
    assert_eq!(each(&answer["installed"], "origin"), ["peers"]);
    assert_eq!(std::fs::read(there.path().join("packages/behind-a-router/1.0.0/a.bin")).unwrap(), noise(2, 600_000));
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_relay_carries_questions_and_no_archive() {
    let (_relay_home, relay) = relay();
    let (mut here, mut there) = (home(), home());
    here.bootstrap(&[&relay]).set("GGEN_P2P_LISTEN", "").config("[network]\nlisten = []\n");
    here.publish(&Package::new("out-of-reach", "1.0.0").file("a.bin", noise(3, 600_000)));
    let _node: Running = here.spawn(&["marketplace", "p2p", "start", "--json"]);
    let at = called_through_relay(&here);
    there.set("GGEN_P2P_BOOTSTRAP", &[&relay.addresses[..], &at[..]].concat().join(","));
    eventually("it is resolved, and told why it does not come", Duration::from_secs(40), || {
        let ran = there.run(&["marketplace", "install", "out-of-reach"]);
        assert_ne!(ran.code(), 0, "there is no way for an archive\n{ran}");
        ran.stderr.contains("relays carry no archives").then_some(())
    });
    assert_eq!(there.json(&["marketplace", "p2p", "bans"])["bans"], ggen_tests::json!([]), "it is nobody's fault");
    there.is_clean();
}
