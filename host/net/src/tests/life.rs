//! Joining, losing, coming back, stopping.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use ggen_core::chunks::CHUNK_SIZE;
use ggen_core::limits::Limits;

use crate::testing::*;
use crate::{Identity, Mode, NetError, NetworkState, NoContent, NodeConfig, new_identity, peer_id_of, start};

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
    let (anchor, anchor_events) = start(config, Arc::new(NoContent)).await.unwrap();
    let online = async {
        while alone.status().await.unwrap().network != NetworkState::Online {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), online).await.unwrap();
    assert!(alone.status().await.unwrap().dht_responsive);
    let mut anchor = TestNode { handle: anchor, events: anchor_events, address: Vec::new() };
    assert_eq!(anchor.stored().await, [head]);
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

/// A name server on loopback that answers every question for TXT with `texts`.
fn name_server(texts: Vec<String>) -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let name = query[12..length].iter().position(|b| *b == 0).unwrap();
            let question = &query[12..12 + name + 5];
            let is_txt = question[name + 2] == 16;
            let answers = if is_txt { texts.len() as u8 } else { 0 };
            let mut reply = vec![query[0], query[1], 0x85, 0x80, 0, 1, 0, answers, 0, 0, 0, 0];
            reply.extend_from_slice(question);
            for text in texts.iter().take(usize::from(answers)) {
                reply.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, text.len() as u8 + 1, text.len() as u8]);
                reply.extend_from_slice(text.as_bytes());
            }
            let _ = socket.send_to(&reply, from);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_stands_for_the_addresses_of_its_peer() {
    let seed = node(Memory::default(), &[], limits()).await;
    let stranger = crate::PeerId::random();
    let texts = vec![
        "no address".to_owned(),
        format!("dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/{stranger}"),
        format!("dnsaddr={}", seed.address[0]),
    ];
    let named = format!("/dnsaddr/seeds.example.org/p2p/{}", seed.peer());
    let config = NodeConfig {
        bootstrap: vec![crate::parse_bootstrap(&named).unwrap()],
        resolver: Some(name_server(texts)),
        ..NodeConfig::default()
    };
    let (command, _events) = start(config, Arc::new(NoContent)).await.unwrap();
    let joined = command.joined(Duration::from_secs(10)).await;
    assert!(joined.is_connected(), "{joined:?}");
    assert_eq!(command.peers().await.unwrap()[0].peer_id, seed.peer());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_in_nobodys_routing_table() {
    let first = node(Memory::default(), &[], limits()).await;
    let second = node(Memory::default(), &[&first], limits()).await;
    let asking = command(&[&first, &second], limits()).await;
    // It asks much, and is connected all the while.
    for _ in 0..3 {
        let _ = asking.handle.holders(&ggen_core::Digest::of(b"nothing")).await;
    }
    for node in [&first, &second] {
        let infos = node.handle.peers().await.unwrap();
        let command = infos.iter().find(|p| p.peer_id == asking.peer()).expect("it is connected");
        assert!(!command.dht, "it takes no part");
        let routed = node.handle.routed().await.unwrap();
        assert!(!routed.contains(&asking.peer()), "{routed:?}");
    }
    let routed = first.handle.routed().await.unwrap();
    assert!(routed.contains(&second.peer()), "a node is: {routed:?}");
}
