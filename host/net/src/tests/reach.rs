//! Routers between nodes: relays, ways round them, and whether a node can be called. All of it over real sockets.

use std::sync::Arc;
use std::time::Duration;

use ggen_core::chunks::CHUNK_SIZE;
use ggen_core::limits::Limits;
use ggen_core::release::Archive;

use crate::testing::*;
use crate::{Holder, Mode, Multiaddr, NodeConfig, NodeEvent, Outcome, Reach};

/// Content with one package and its archive.
fn content() -> (Memory, Archive, ggen_core::PackageId) {
    let bytes = bytes(CHUNK_SIZE * 8 + 7);
    let archive = archive_of(&bytes);
    let package = Publisher::new(1).package("behind-a-router", 2, &archive);
    let id = package.0.clone();
    let archives = [(archive.digest, Arc::new(bytes))].into();
    (Memory { packages: vec![package], archives, ..Memory::default() }, archive, id)
}

async fn relay(limits: Limits) -> TestNode {
    run_as(NodeConfig { relay: true, ..config(&[], limits, Mode::Node) }, Memory::default()).await
}

/// A node that nobody can call, with something to give, for which `relay` takes calls.
async fn hidden(relay: &TestNode, listen: Vec<Multiaddr>) -> (TestNode, Archive, ggen_core::PackageId) {
    let (memory, archive, id) = content();
    let config = NodeConfig { listen, reach: Reach::Private, ..config(&[relay], limits(), Mode::Node) };
    let node = run_as(config, memory).await;
    node.handle.provide(&[archive.digest], std::slice::from_ref(&id.name)).await.unwrap();
    node.evidence("reachable from outside: no; 1 relay takes calls").await;
    (node, archive, id)
}

fn is_circuit(address: &Multiaddr) -> bool {
    address.to_string().contains("/p2p-circuit")
}

/// Where a node is called through its relay.
async fn circuit(node: &TestNode) -> Multiaddr {
    let listens = node.handle.status().await.unwrap().listen_addresses;
    let full = listens.into_iter().find(is_circuit).expect("a relay takes its calls");
    crate::address::split_peer(&full).unwrap().1
}

fn is_offence(event: &NodeEvent) -> bool {
    matches!(event, NodeEvent::Offence(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_nowhere_is_found_and_asked_through_a_relay_and_gives_no_archive_over_it() {
    let mut relay = relay(limits()).await;
    let (mut hidden, archive, id) = hidden(&relay, Vec::new()).await;
    let mut asking = command(&[&relay], limits()).await;
    let found = async {
        loop {
            let heads = asking.handle.heads(&id.name).await.unwrap();
            if let Some(head) = heads.into_iter().find(|h| h.peer == hidden.peer()) {
                return head;
            }
        }
    };
    let head = tokio::time::timeout(Duration::from_secs(20), found).await.expect("it is found");
    assert_eq!(head.subnet.as_deref(), Some("127.0.0.0/24"), "it counts to the relay's network");
    assert_eq!(asking.handle.package(&id, &[hidden.peer()]).await.unwrap().peer, hidden.peer());
    let peers = asking.handle.peers().await.unwrap();
    let seen = peers.iter().find(|p| p.peer_id == hidden.peer()).unwrap();
    assert!(
        seen.addresses.iter().all(is_circuit) && !seen.dht,
        "through the relay, and no part of the table: {seen:?}"
    );
    assert!(!relay.handle.routed().await.unwrap().contains(&hidden.peer()), "whom nobody can call is in no table");

    let holders = asking.handle.holders(&archive.digest).await.unwrap();
    assert_eq!(holders.iter().map(|h| h.peer).collect::<Vec<_>>(), [hidden.peer()]);
    let (result, events, _) = asking.fetch(&archive, holders).await;
    let crate::NetError::Fetch { holders, .. } = result.unwrap_err() else { panic!("it has no other way") };
    assert!(matches!(&holders[0].outcome, Outcome::Failed { code, .. } if code == "only-relayed"), "{holders:?}");
    assert!(!events.iter().any(|e| matches!(e, crate::FetchEvent::Offence(_))), "it is nobody's fault: {events:?}");
    for node in [&mut relay, &mut hidden, &mut asking] {
        while let Ok(event) = node.events.try_recv() {
            assert!(!is_offence(&event), "nobody is blamed: {event:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_is_not_served_to_whoever_asks_over_a_relay() {
    let relay = relay(limits()).await;
    let (hidden, archive, id) = hidden(&relay, Vec::new()).await;
    let asking = command(&[&relay], limits()).await;
    asking.handle.connect(hidden.peer(), vec![circuit(&hidden).await]).await.unwrap();
    // A client that does not keep to the rule: it asks over whatever connection there is.
    let link = &asking.handle.link;
    let opened = link.open(hidden.peer(), vec![], crate::fetch::protocol::ARCHIVE, Duration::from_secs(5)).await;
    let refused = match opened {
        Err(error) => error.to_string(),
        Ok(mut stream) => {
            use futures::{AsyncReadExt as _, AsyncWriteExt as _};
            let _ = stream.write_all(archive.digest.as_bytes()).await;
            let _ = stream.flush().await;
            stream.read_exact(&mut [0]).await.unwrap_err().to_string()
        }
    };
    assert!(refused.contains("does not speak") || refused.contains("protocol"), "{refused}");
    let package = asking.handle.package(&id, &[hidden.peer()]).await.unwrap();
    assert_eq!(package.peer, hidden.peer(), "small questions are answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_round_the_relay_is_found_and_the_archive_comes_over_it() {
    let relay = relay(limits()).await;
    let (hidden, archive, _) = hidden(&relay, vec![loopback()]).await;
    let asking = command(&[&relay], limits()).await;
    asking.handle.connect(hidden.peer(), vec![circuit(&hidden).await]).await.unwrap();
    eventually("a direct connection", async || {
        let peers = asking.handle.peers().await.unwrap();
        peers.into_iter().find(|p| p.peer_id == hidden.peer() && !is_circuit(&p.addresses[0]))
    })
    .await;
    let holder = Holder { peer: hidden.peer(), addresses: vec![] };
    let (report, _, written) = asking.fetch(&archive, vec![holder]).await;
    assert_eq!(report.unwrap().holders[0].outcome, Outcome::Served);
    assert_eq!(written, bytes(archive.size));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_goes_round_the_relay_by_itself() {
    let relay = relay(limits()).await;
    let (hidden, archive, _) = hidden(&relay, vec![loopback()]).await;
    let asking = command(&[&relay], limits()).await;
    let holder = Holder { peer: hidden.peer(), addresses: vec![circuit(&hidden).await] };
    let (report, _, written) = asking.fetch(&archive, vec![holder]).await;
    assert_eq!(report.unwrap().holders[0].outcome, Outcome::Served);
    assert_eq!(written, bytes(archive.size));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_takes_calls_for_as_many_as_it_may_and_a_node_for_nobody() {
    let few = relay(Limits { relay_reservations: 1, ..limits() }).await;
    let (_first, ..) = hidden(&few, Vec::new()).await;
    let private =
        |to: &TestNode| NodeConfig { listen: Vec::new(), reach: Reach::Private, ..config(&[to], limits(), Mode::Node) };
    let second = run_as(private(&few), Memory::default()).await;
    let plain = node(Memory::default(), &[], limits()).await;
    let third = run_as(private(&plain), Memory::default()).await;
    for node in [&second, &third] {
        assert!(node.handle.joined(Duration::from_secs(5)).await.is_connected());
        // Long enough for a reservation that is given: one takes a few milliseconds here.
        tokio::time::sleep(Duration::from_millis(500)).await;
        node.evidence("reachable from outside: no; no relay takes calls").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_tell_a_node_that_it_can_be_called() {
    let other = node(Memory::default(), &[], limits()).await;
    let mut asking =
        run_as(NodeConfig { probe_local: true, ..config(&[&other], limits(), Mode::Node) }, Memory::default()).await;
    let told = asking.evidence("reachable from outside: yes, at ").await;
    let (_, address) = asking.contact();
    assert!(told.contains(&address.to_string()), "{told}");
    assert!(asking.handle.peers().await.unwrap().len() == 1);
    while let Ok(event) = asking.events.try_recv() {
        assert!(!is_offence(&event), "{event:?}");
    }
    let nobody_to_ask =
        run_as(NodeConfig { probe_local: true, ..config(&[], limits(), Mode::Node) }, Memory::default());
    nobody_to_ask.await.evidence("reachable from outside: unknown").await;
    let quiet = other.handle.status().await.unwrap().evidence;
    assert!(!quiet.iter().any(|e| e.contains("reachable")), "of loopback alone nothing is said: {quiet:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_called_leaves_the_hash_table_and_has_a_relay_take_its_calls() {
    let relay = relay(limits()).await;
    // It is seen at 127.0.0.1, where nobody listens.
    let listen = vec!["/ip4/127.0.0.2/tcp/0".parse().unwrap()];
    let config = NodeConfig { listen, probe_local: true, ..config(&[&relay], limits(), Mode::Node) };
    let deaf = run_as(config, Memory::default()).await;
    assert!(deaf.handle.joined(Duration::from_secs(5)).await.is_connected());
    deaf.evidence("reachable from outside: no; 1 relay takes calls").await;
    eventually("it says that it takes no part", async || {
        let peers = relay.handle.peers().await.unwrap();
        peers.into_iter().find(|p| p.peer_id == deaf.peer() && !p.dht)
    })
    .await;
    assert!(!relay.handle.routed().await.unwrap().contains(&deaf.peer()));
}
