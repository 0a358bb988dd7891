//! Private networks: who has the key, and who has another or none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::testing::*;
use crate::{Mode, NetError, NoContent, NodeConfig, Outcome, SwarmKey, start};

fn key(digit: char) -> SwarmKey {
    format!("/key/swarm/psk/1.0.0/\n/base16/\n{}\n", digit.to_string().repeat(64)).parse().unwrap()
}

async fn keyed(key: Option<SwarmKey>, bootstrap: &[&TestNode], mode: Mode, content: Memory) -> TestNode {
    run_as(NodeConfig { swarm_key: key, ..config(bootstrap, limits(), mode) }, content).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_key_is_served() {
    let bytes = bytes(700_000);
    let archive = archive_of(&bytes);
    let archives = [(archive.digest, Arc::new(bytes.clone()))].into();
    let node = keyed(Some(key('a')), &[], Mode::Node, Memory { archives, ..Memory::default() }).await;
    let command = keyed(Some(key('a')), &[&node], Mode::Command, Memory::default()).await;
    assert!(command.handle.joined(Duration::from_secs(5)).await.is_connected());
    let (report, _, written) = command.fetch(&archive, vec![node.holder()]).await;
    assert_eq!((&report.unwrap().holders[0].outcome, written == bytes), (&Outcome::Served, true));
    let told = node.evidence("a private network: ").await;
    assert!(told.contains(&key('a').fingerprint()) && !told.contains("aaaaaaaa"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_another_key_or_none_stays_outside_and_is_told_why() {
    let inside = keyed(Some(key('a')), &[], Mode::Node, Memory::default()).await;
    let open = keyed(None, &[], Mode::Node, Memory::default()).await;
    for (mine, to) in [(Some(key('b')), &inside), (None, &inside), (Some(key('a')), &open)] {
        let began = Instant::now();
        let stranger = keyed(mine, &[to], Mode::Command, Memory::default()).await;
        let joined = stranger.handle.joined(Duration::from_secs(10)).await;
        assert!(!joined.is_connected(), "{mine:?}");
        let problem = &joined.failures[0].1;
        assert!(problem.contains("another network key, or none"), "{mine:?}: {problem}");
        assert!(began.elapsed() < Duration::from_secs(5), "{mine:?}: {:?}", began.elapsed());
    }
    for node in [inside, open] {
        assert!(node.handle.peers().await.unwrap().is_empty());
    }
    // Who is simply not there is not said to have another key.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("/ip4/127.0.0.1/tcp/{nobody}").parse().unwrap();
    let alone = NodeConfig {
        swarm_key: Some(key('a')),
        bootstrap: vec![(crate::PeerId::random(), address)],
        ..config(&[], limits(), Mode::Command)
    };
    let joined = run_as(alone, Memory::default()).await.handle.joined(Duration::from_secs(5)).await;
    assert!(!joined.failures[0].1.contains("network key"), "{joined:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quic_has_no_place_in_a_private_network() {
    let quic: crate::Multiaddr = "/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap();
    let relay = crate::PeerId::random();
    let over = format!("/ip4/127.0.0.1/udp/1/quic-v1/p2p/{relay}/p2p-circuit").parse().unwrap();
    let peer = crate::PeerId::random();
    let with = |listen, bootstrap| NodeConfig {
        swarm_key: Some(key('a')),
        listen,
        bootstrap,
        ..config(&[], limits(), Mode::Node)
    };
    for (named, config) in [
        (&quic, with(vec![loopback(), quic.clone()], vec![])),
        (&quic, with(vec![loopback()], vec![(peer, quic.clone())])),
        (&over, with(vec![loopback()], vec![(peer, over.clone())])),
    ] {
        let error = start(config, Arc::new(NoContent)).await.map(drop).unwrap_err();
        let NetError::Address { text, problem } = &error else { panic!("{error:?}") };
        assert!(*text == named.to_string() && problem.contains("TCP only"), "{error}");
    }
    // A peer's address of QUIC is not dialled.
    let inside = keyed(Some(key('a')), &[], Mode::Node, Memory::default()).await;
    let both =
        run_as(NodeConfig { listen: vec![loopback(), quic], ..config(&[], limits(), Mode::Node) }, Memory::default())
            .await;
    let at = both.address.iter().filter(|a| a.to_string().contains("quic")).cloned().collect();
    let refused = inside.handle.connect(both.peer(), at).await.unwrap_err().to_string();
    assert!(refused.contains("not supported") || refused.contains("Unsupported"), "{refused}");
}
