//! Joining, losing, coming back, stopping.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use ggen_core::chunks::CHUNK_SIZE;
use ggen_core::limits::Limits;

use crate::testing::*;
use crate::{
    Identity, Mode, NetError, NetworkState, NoContent, NodeConfig, NodeEvent, new_identity, peer_id_of, start,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_goes_on_alone_and_joins_when_its_anchor_comes() {
    let identity = new_identity().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address: crate::Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    let quick = Arc::new(Limits { bootstrap_retry: Duration::from_millis(200), ..limits() });
    let config = NodeConfig {
        mode: Mode::Node,
        listen: vec![loopback()],
        bootstrap: vec![(peer_id_of(&identity).unwrap(), address.clone())],
        limits: quick.clone(),
        ..NodeConfig::default()
    };
    let (alone, _events) = start(config, Arc::new(NoContent)).await.unwrap();
    let began = Instant::now();
    let joined = alone.joined(Duration::from_secs(30)).await;
    assert!(!joined.is_connected() && joined.failures.len() == 1, "{joined:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
    let status = alone.status().await.unwrap();
    assert_eq!((status.network, status.dht_responsive), (NetworkState::Isolated, false));
    assert!(matches!(alone.heads(&"a".parse().unwrap()).await, Err(NetError::NoPeers)));

    let head = Publisher::new(1).head("a", 1, u64::MAX);
    assert!(matches!(alone.put_head(head.bundle.clone()).await, Err(NetError::NoPeers)));

    let identity = Identity::Kept(identity);
    let config =
        NodeConfig { identity, mode: Mode::Node, listen: vec![address], limits: quick, ..NodeConfig::default() };
    let (_anchor, mut anchor_events) = start(config, Arc::new(NoContent)).await.unwrap();
    let online = async {
        while alone.status().await.unwrap().network != NetworkState::Online {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), online).await.unwrap();
    assert!(alone.status().await.unwrap().dht_responsive);
    let told = async {
        loop {
            if let Some(NodeEvent::HeadStored(stored)) = anchor_events.recv().await {
                return stored;
            }
        }
    };
    assert_eq!(*tokio::time::timeout(Duration::from_secs(10), told).await.unwrap(), head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_use_and_a_bad_identity_are_errors() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port());
    let config = NodeConfig { listen: vec![address.parse().unwrap()], ..NodeConfig::default() };
    let error = start(config, Arc::new(NoContent)).await.map(drop).unwrap_err();
    assert!(matches!(&error, NetError::Listen { address: a, .. } if *a == address), "{error:?}");
    let config = NodeConfig { identity: Identity::Kept(vec![1, 2]), ..NodeConfig::default() };
    assert!(matches!(start(config, Arc::new(NoContent)).await.map(drop), Err(NetError::Identity(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_stops_in_time_in_the_middle_of_a_transfer() {
    let bytes = bytes(CHUNK_SIZE * 30);
    let archive = archive_of(&bytes);
    let (release, stalled) = mpsc::channel::<()>();
    let memory = Memory {
        archives: [(archive.digest, Arc::new(bytes))].into(),
        manner: Manner::StallsAt(9),
        release: Some(Arc::new(Mutex::new(stalled))),
        ..Memory::default()
    };
    let node = node(memory, &[], limits()).await;
    let command = command(&[&node], limits()).await;
    let holder = node.holder();
    let fetch = tokio::spawn(async move { command.fetch(&archive, vec![holder]).await.0 });
    while node.handle.peers().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let began = Instant::now();
    node.handle.shutdown().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(matches!(fetch.await.unwrap(), Err(NetError::Fetch { .. })));
    assert!(matches!(node.handle.status().await, Err(NetError::Stopped)));
    assert!(node.handle.shutdown().await.is_ok(), "stopping twice is no error");
    drop(release);
}
