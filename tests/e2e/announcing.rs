//! What a node tells the network of what it holds, and keeps of what others told.

use std::time::Duration;

use ggen_core::head::{archive_key, head_key};
use ggen_core::{Digest, PackageId};
use ggen_tests::{Asker, Home, LIMIT, Node, Package, Value, eventually, noise};

use crate::{each, home};

/// The keys of a published package's head and archive.
fn keys(published: &Value) -> (Digest, Digest) {
    let text = |field: &str| published[field].as_str().expect("a text");
    let id = PackageId {
        publisher: text("publisher").parse().expect("a publisher"),
        name: text("name").parse().expect("a name"),
    };
    (head_key(&id), archive_key(&text("digest").parse().expect("a digest")))
}

fn evidence(home: &Home) -> String {
    home.json(&["marketplace", "p2p", "status"])["evidence"].to_string()
}

/// Waits until `node`'s own hash table has a package's head and who holds it.
fn is_kept_by(node: &Node, head: &Digest, archive: &Digest) {
    eventually("the records are kept", LIMIT, || {
        let mut asker = Asker::start(node);
        (asker.record(head).is_some() && !asker.providers(archive).is_empty()).then_some(())
    });
}

#[test]
fn what_a_node_keeps_for_another_outlives_its_restart_while_the_other_is_gone() {
    let (mut owner, keeper) = (home(), home());
    let (head, archive) = keys(&owner.publish(&Package::new("carried-on", "1.0.0").file("a.bin", noise(1, 10_000))));
    let kept = keeper.node();
    owner.bootstrap(&[&kept]);
    let owning = owner.node();
    let (who, place) = (owning.peer_id.clone(), owning.addresses[0].clone());
    is_kept_by(&kept, &head, &archive);
    owning.kill();
    assert_eq!(kept.stop(), Some(0));

    let again = keeper.node();
    let mut stranger = Asker::start(&again);
    let found = eventually("the head is proved again", LIMIT, || stranger.record(&head));
    assert!(String::from_utf8(found).expect("JSON").contains("\"roots\""), "a head bundle");
    let providers = stranger.providers(&archive);
    assert!(providers.len() == 1 && providers[0].starts_with(&who), "{providers:?}");
    assert!(providers[0].contains(place.split("/p2p/").next().unwrap()), "and where it was: {providers:?}");
    // A crash loses no more than the last moments.
    again.kill();
    let after = keeper.node();
    let mut stranger = Asker::start(&after);
    eventually("the head is there again", LIMIT, || stranger.record(&head));
}

/// A record ends with what is signed, not when whoever sent it on says.
#[test]
fn who_sends_a_head_on_cannot_end_it() {
    let (mut owner, keeper) = (home(), home());
    let (head, archive) = keys(&owner.publish(&Package::new("lasting", "1.0.0").file("a.txt", "a")));
    let kept = keeper.node();
    owner.bootstrap(&[&kept]);
    let owning = owner.node();
    is_kept_by(&kept, &head, &archive);
    let lasts = Duration::from_secs(1);
    for node in [&owning, &kept] {
        let mut stranger = Asker::start(node);
        let value = eventually("the head", LIMIT, || stranger.record(&head));
        assert!(stranger.put(&head, value.clone(), lasts));
    }
    // Nothing tells of what does not happen: the life that was given is waited out.
    std::thread::sleep(lasts * 2);
    for node in [&owning, &kept] {
        assert!(Asker::start(node).record(&head).is_some(), "{}", node.peer_id);
    }
}

#[test]
fn what_is_published_without_the_network_beside_a_node_is_announced_by_the_node() {
    let (mut here, there) = (home(), home());
    let other = there.node();
    here.bootstrap(&[&other]);
    let _node = here.node();
    eventually("they meet", LIMIT, || {
        (here.json(&["marketplace", "p2p", "status"])["connected_peers"] == 1).then_some(())
    });
    // The log of others is looked at again only in minutes, and never for the hash table's sake.
    for version in ["1.0.0", "1.1.0"] {
        let published = here.publish(&Package::new("beside", version).file("a.txt", version));
        assert_eq!(published["announced"], false, "the command touched no network");
        let (head, archive) = keys(&published);
        is_kept_by(&other, &head, &archive);
        eventually("and the search there finds it", LIMIT, || {
            let found = there.json(&["marketplace", "search", "beside", "--offline"]);
            each(&found["results"], "version").iter().any(|v| v == version).then_some(())
        });
    }
}

#[test]
fn a_node_that_is_told_so_serves_what_its_own_keys_have_signed_and_nothing_else() {
    let (publisher, mut holder, mut late) = (home(), home(), home());
    publisher.publish(&Package::new("of-another", "1.0.0").file("a.bin", noise(2, 100_000)));
    let (_, own) = keys(&holder.publish(&Package::new("of-its-own", "1.0.0").file("a.bin", noise(3, 100_000))));
    let first = publisher.node();
    holder.bootstrap(&[&first]).config("[network]\nserve_installed = false\n");
    let installed = holder.json(&["marketplace", "install", "of-another"]);
    let digest: Digest = installed["plan"][0]["digest"].as_str().unwrap().parse().unwrap();
    first.kill();
    let node = holder.node();
    let mut asker = Asker::start(&node);
    let served = eventually("it says what it serves", LIMIT, || asker.providers(&own).into_iter().next());
    assert!(served.starts_with(&node.peer_id), "{served}");
    assert!(asker.providers(&archive_key(&digest)).is_empty(), "and not what it does not");
    late.bootstrap(&[&node]);
    late.json(&["marketplace", "install", "of-its-own"]);
    late.fails(5, &["marketplace", "install", "of-another"]);
    assert_eq!(node.stop(), Some(0));
    // By default a node gives on what it has.
    holder.config("");
    let node = holder.node();
    late.bootstrap(&[&node]);
    late.json(&["marketplace", "install", "of-another"]);
}

#[test]
fn a_node_that_cannot_keep_up_with_its_announcements_says_so_and_says_when_it_can_again() {
    let (mut here, there) = (home(), home());
    here.publish(&Package::new("often-told", "1.0.0"));
    let other = there.node();
    here.bootstrap(&[&other]).config(
        "[limits]\nrepublish_interval = \"1s\"\nrepublish_late = \"3s\"\nlookup_timeout = \"1s\"\nping_interval = \"60s\"\n",
    );
    let node = here.node();
    eventually("they meet, and all is in time", LIMIT, || {
        evidence(&here).contains("it announces 3 keys in time").then_some(())
    });
    assert!(!node.told().contains("behind"), "{}", node.told());
    // It is there and does not answer.
    other.freeze();
    eventually("it is behind", LIMIT, || {
        node.told().contains("this node is behind with its announcements").then_some(())
    });
    assert!(evidence(&here).contains("announced too late"), "{}", evidence(&here));
    other.thaw();
    eventually("it has caught up", LIMIT, || node.told().contains("announcements are in time again").then_some(()));
    assert_eq!(node.told().matches("this node is behind").count(), 1, "told once: {}", node.told());
}
