//! Many who want much: connections of one network, streams of a few, providers that lead nowhere.

use std::time::Duration;

use futures::AsyncWriteExt as _;
use ggen_core::limits::Limits;

use crate::catalog::CATALOG;
use crate::testing::*;
use crate::{Mode, NodeEvent, SearchEvent};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_has_its_share_of_connections_and_nobody_in_it_is_punished() {
    let few = Limits { max_connections_per_network: 3, count_local_networks: true, ..limits() };
    let mut node = node(Memory::default(), &[], few).await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(command(&[&node], limits()).await);
    }
    let refused = run(Memory::default(), &[&node], limits(), Mode::Command, Vec::new()).await;
    assert!(!refused.handle.joined(Duration::from_secs(5)).await.is_connected());
    assert_eq!(node.handle.peers().await.unwrap().len(), 3);
    inside.pop().unwrap().handle.shutdown().await.unwrap();
    let (peer, address) = node.contact();
    let mut reached = false;
    for _ in 0..200 {
        reached = reached || refused.handle.connect(peer, vec![address.clone()]).await.is_ok();
        tokio::time::sleep(Duration::from_millis(20)).await;
        if reached {
            break;
        }
    }
    assert!(reached, "who left made room");
    while let Ok(event) = node.events.try_recv() {
        assert!(!matches!(event, NodeEvent::Offence(_)), "{event:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_a_few_leave_room_for_others() {
    let few = Limits { max_streams: 32, max_streams_per_peer: 16, ..limits() };
    let node = node(Memory::default(), &[], few).await;
    let (mut held, mut flooders) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let flooder = command(&[&node], limits()).await;
        for _ in 0..16 {
            if let Ok(mut stream) = flooder.handle.link.open(node.peer(), vec![], CATALOG, Duration::from_secs(5)).await
            {
                let _ = stream.write_all(b"\0").await;
                let _ = stream.flush().await;
                held.push(stream);
            }
        }
        flooders.push(flooder);
    }
    let honest = command(&[&node], limits()).await;
    let mut search = honest.handle.search("x", 5, Duration::from_secs(5)).await.unwrap();
    assert!(matches!(search.recv().await, Some(SearchEvent::Hits { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_that_lead_nowhere_cost_no_more_than_a_moment() {
    let bytes = bytes(300_000);
    let archive = archive_of(&bytes);
    let hub = node(Memory::default(), &[], limits()).await;
    let archives = [(archive.digest, std::sync::Arc::new(bytes))].into_iter().collect();
    let holder = node(Memory { archives, ..Memory::default() }, &[&hub], limits()).await;
    assert!(holder.handle.joined(Duration::from_secs(5)).await.is_connected());
    holder.handle.provide(&[archive.digest], &[]).await.unwrap();
    for _ in 0..6 {
        let ghost = node(Memory::default(), &[&hub], limits()).await;
        assert!(ghost.handle.joined(Duration::from_secs(5)).await.is_connected());
        ghost.handle.provide(&[archive.digest], &[]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        ghost.handle.shutdown().await.unwrap();
    }
    let asking = command(&[&hub], limits()).await;
    let began = std::time::Instant::now();
    let mut found = asking.handle.holders(&archive.digest).await.unwrap();
    for _ in 0..50 {
        if found.iter().any(|h| h.peer == holder.peer()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        found = asking.handle.holders(&archive.digest).await.unwrap();
    }
    assert!(found.iter().any(|h| h.peer == holder.peer()), "{found:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

/// Another node, once `hub` knows it as one: nobody is turned away.
async fn guise(hub: &TestNode) -> TestNode {
    let guise = node(Memory::default(), &[hub], limits()).await;
    assert!(guise.handle.joined(Duration::from_secs(5)).await.is_connected());
    eventually("it is known as a node", async || {
        let peers = hub.handle.peers().await.unwrap();
        peers.into_iter().find(|p| p.peer_id == guise.peer() && p.dht)
    })
    .await;
    guise
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_under_new_identities_does_not_fill_the_routing_table() {
    let few = Limits { max_routed_per_network: 3, count_local_networks: true, ..limits() };
    let hub = node(Memory::default(), &[], few).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let guise = guise(&hub).await;
        seen.push(guise.peer());
        guise.handle.shutdown().await.unwrap();
    }
    let routed = hub.handle.routed().await.unwrap();
    assert_eq!(routed.len(), 3, "{routed:?} of {seen:?}");
    assert!(routed.contains(&seen[5]), "one that has left gave way: {routed:?} of {seen:?}");
    // Those that are there do not.
    let mut there = Vec::new();
    for _ in 0..4 {
        there.push(guise(&hub).await);
    }
    let routed = hub.handle.routed().await.unwrap();
    assert_eq!(routed.len(), 3, "{routed:?}");
    assert!(there[..3].iter().all(|node| routed.contains(&node.peer())), "{routed:?}");
}
