//! The node of a home as its operator handles it: in the background, with bans, while it starts and stops.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ggen_tests::{Home, LIMIT, Node, Value, eventually, json};

use crate::{each, home};

const STRANGER: &str = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

fn connected(home: &Home) -> Vec<String> {
    each(&home.json(&["marketplace", "p2p", "peers"])["peers"], "peer_id")
}

fn status(home: &Home) -> Value {
    home.json(&["marketplace", "p2p", "status"])
}

/// A node in the background, stopped when the test is over, however that ends.
struct Background<'a>(&'a Home);

impl Drop for Background<'_> {
    fn drop(&mut self) {
        let _ = self.0.command(&["marketplace", "p2p", "stop"]).output();
    }
}

#[test]
fn a_node_in_the_background_is_ready_when_the_command_returns() {
    let home = home();
    let _stop = Background(&home);
    let ready = home.json(&["marketplace", "p2p", "start", "--daemon"]);
    let now = status(&home);
    assert_eq!((&now["running"], &now["peer_id"]), (&true.into(), &ready["peer_id"]));
    assert_eq!(now["listen_addresses"], ready["listen_addresses"]);
    assert!(!each_text(&ready["listen_addresses"]).is_empty(), "{ready}");
    let log = home.path().join("p2p/node.log");
    assert_eq!(log.metadata().expect("it has a log").permissions().mode() & 0o077, 0);
    assert_eq!(home.json(&["marketplace", "p2p", "stop"])["stopped"], true);
    assert_eq!(status(&home)["running"], false);
    // For people it tells as any node does, into its log.
    home.run(&["marketplace", "p2p", "start", "--daemon"]).exits(0);
    assert_eq!(home.json(&["marketplace", "p2p", "stop"])["stopped"], true);
    eventually("its log tells of its end", LIMIT, || {
        std::fs::read_to_string(&log).unwrap().contains("the node has stopped").then_some(())
    });
}

fn each_text(list: &Value) -> Vec<&str> {
    list.as_array().map_or_else(Vec::new, |l| l.iter().filter_map(Value::as_str).collect())
}

#[test]
fn a_node_that_cannot_start_in_the_background_says_why_and_how_it_ended() {
    let home = home();
    let ran = home.run(&["marketplace", "p2p", "start", "--daemon", "--listen", "/ip4/1.2.3", "--json"]).exits(2);
    assert_eq!(ran.error()["code"], "GGEN-E0108");
    let running = home.node();
    let ran = home.run(&["marketplace", "p2p", "start", "--daemon"]).exits(1);
    assert!(ran.stderr.contains("GGEN-E0407"), "{ran}");
    assert_eq!(status(&home)["peer_id"], running.peer_id.as_str());
}

#[test]
fn a_ban_holds_with_a_node_and_without_one_and_over_restarts() {
    let (here, mut there) = (home(), home());
    let node = here.node();
    there.bootstrap(&[&node]).config("[limits]\nbootstrap_retry = \"500ms\"\n");
    let other = there.node();
    eventually("they are connected", LIMIT, || connected(&here).contains(&other.peer_id).then_some(()));

    let banned = here.json(&["marketplace", "p2p", "ban", &other.addresses[0], "--reason", "too loud"]);
    assert_eq!((&banned["peer_id"], &banned["reason"]), (&other.peer_id.clone().into(), &"too loud".into()));
    eventually("it is dropped", LIMIT, || connected(&here).is_empty().then_some(()));
    assert_eq!(node.stop(), Some(0));

    here.json(&["marketplace", "p2p", "ban", STRANGER]);
    let held = here.json(&["marketplace", "p2p", "bans"]);
    let mut who = each(&held["bans"], "peer_id");
    who.sort();
    let mut expected = vec![other.peer_id.clone(), STRANGER.to_owned()];
    expected.sort();
    assert_eq!(who, expected, "{held}");
    assert!(held["bans"].as_array().unwrap().iter().all(|b| b["until"].as_u64().is_some()), "{held}");

    let mut again = here.command(&["marketplace", "p2p", "start", "--daemon", "--json"]);
    again.env("GGEN_P2P_LISTEN", node_listen(&there));
    let _stop = Background(&here);
    assert!(again.output().unwrap().status.success());
    let refused = eventually("it is refused by the next node, too", LIMIT, || {
        let evidence = status(&there);
        (evidence["network"] == "isolated").then_some(evidence)
    });
    assert_eq!(refused["connected_peers"], 0, "{refused}");
    assert!(connected(&here).is_empty());

    assert_eq!(here.json(&["marketplace", "p2p", "unban", &other.peer_id])["unbanned"], true);
    eventually("it comes back by itself", LIMIT, || connected(&here).contains(&other.peer_id).then_some(()));
    assert_eq!(here.json(&["marketplace", "p2p", "unban", &other.peer_id])["unbanned"], false);
    assert_eq!(each(&here.json(&["marketplace", "p2p", "bans"])["bans"], "peer_id"), [STRANGER]);
}

/// The address that `home`'s node begins with, without its peer.
fn node_listen(home: &Home) -> String {
    let bootstrap = home.command(&[]).get_envs().find_map(|(key, value)| {
        (key == "GGEN_P2P_BOOTSTRAP").then(|| value.unwrap_or_default().to_string_lossy().into_owned())
    });
    let bootstrap = bootstrap.expect("a home with a bootstrap address");
    bootstrap.split("/p2p/").next().unwrap_or_default().to_owned()
}

#[test]
fn a_ban_expires_by_itself() {
    let (here, mut there) = (home(), home());
    let node = here.node();
    there.bootstrap(&[&node]).config("[limits]\nbootstrap_retry = \"500ms\"\n");
    let other = there.node();
    eventually("they are connected", LIMIT, || connected(&here).contains(&other.peer_id).then_some(()));
    here.json(&["marketplace", "p2p", "ban", &other.peer_id, "--for", "3s"]);
    eventually("it is dropped", LIMIT, || connected(&here).is_empty().then_some(()));
    eventually("the ban is over", LIMIT, || {
        (here.json(&["marketplace", "p2p", "bans"])["bans"] == json!([])).then_some(())
    });
    eventually("it comes back by itself", LIMIT, || connected(&here).contains(&other.peer_id).then_some(()));
}

#[test]
fn who_cannot_be_banned_is_told() {
    let home = home();
    for wrong in ["", "fake", "/p2p/fake", "/ip4/127.0.0.1/tcp/1"] {
        assert_eq!(home.fails(2, &["marketplace", "p2p", "ban", wrong])["code"], "GGEN-E0120", "{wrong:?}");
        assert_eq!(home.fails(2, &["marketplace", "p2p", "unban", wrong])["code"], "GGEN-E0120", "{wrong:?}");
    }
    home.fails(2, &["marketplace", "p2p", "ban", STRANGER, "--for", "ever"]);
    let node = home.node();
    let error = home.fails(2, &["marketplace", "p2p", "ban", &node.peer_id]);
    assert!(error["message"].as_str().unwrap().contains("own node"), "{error}");
}

#[test]
fn commands_find_their_way_while_a_node_starts_and_stops() {
    let home = home();
    let asking = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        for verb in ["status", "peers", "bans"] {
            let (home, asking) = (&home, &asking);
            scope.spawn(move || {
                while asking.load(std::sync::atomic::Ordering::Relaxed) {
                    let ran = home.run(&["marketplace", "p2p", verb, "--json"]);
                    let none = verb == "peers" && ran.code() == 1 && ran.error()["code"] == "GGEN-E0408";
                    assert!(ran.code() == 0 || none, "{ran}");
                    assert!(ran.took < Duration::from_secs(20), "{ran}");
                }
            });
        }
        let node = std::panic::catch_unwind(|| {
            for _ in 0..3 {
                let mut node = home.node();
                assert_eq!(home.json(&["marketplace", "p2p", "stop"])["stopped"], true);
                assert_eq!(node.ended(), Some(0));
            }
        });
        asking.store(false, std::sync::atomic::Ordering::Relaxed);
        node.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn a_port_that_another_node_has_is_not_shared_with_it() {
    let (first, second) = (home(), home());
    let node = first.node();
    let taken = node.addresses[0].split("/p2p/").next().unwrap().to_owned();
    let ran = second.run(&["marketplace", "p2p", "start", "--listen", &taken, "--json"]).exits(5);
    assert_eq!(ran.error()["code"], "GGEN-E0406", "{ran}");
    assert_eq!(node.stop(), Some(0));
    // As soon as it is free, it is free.
    let again = Node::start_at(&second, &taken, &[]);
    assert!(again.addresses[0].starts_with(&taken), "{:?}", again.addresses);
}

#[test]
fn the_end_of_its_terminal_stops_a_node_as_a_user_does() {
    // Whoever runs the tests may have told all that he starts to outlive its terminal.
    let mut home = home();
    home.run_by(["env", "--default-signal=HUP"].map(str::to_owned).to_vec());
    let mut node = home.node();
    node.hang_up();
    assert_eq!(node.ended(), Some(0));
    assert!(!home.path().join("p2p/control.sock").exists());
    home.run_by(["env", "--ignore-signal=HUP"].map(str::to_owned).to_vec());
    let node = home.node();
    node.hang_up();
    assert_eq!(status(&home)["running"], true, "it was told to outlive it");
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_node_whose_home_is_gone_takes_nothing_from_the_next_one() {
    let home = home();
    let orphan = home.node();
    std::fs::rename(home.path(), home.root().join("elsewhere")).unwrap();
    let node = home.node();
    assert_eq!(orphan.stop(), Some(0));
    let now = status(&home);
    assert_eq!((&now["running"], now["peer_id"].as_str()), (&true.into(), Some(node.peer_id.as_str())), "{now}");
}

#[test]
fn doctor_and_status_say_why_nobody_is_there() {
    let mut home = home();
    let nobody = "/ip4/127.0.0.1/tcp/9/p2p/12D3KooWBLKdz91DoMTD3CAv6HJzvTBmw65hjWEn3vA5ZQdjYftX";
    home.set("GGEN_P2P_BOOTSTRAP", nobody);
    let node = home.node();
    eventually("the reason", LIMIT, || {
        status(&home)["evidence"].to_string().contains("bootstrap peer 12D3KooWBLK").then_some(())
    });
    let answer = home.json(&["marketplace", "doctor"]);
    assert_eq!(answer["diagnosis"]["code"], "node-not-online", "{answer}");
    assert_eq!(answer["next_step"]["command"], "ggen marketplace p2p status", "{answer}");
    eventually("it is told", LIMIT, || node.told().contains("cannot be reached").then_some(()));
}
