//! A running node, used through its socket.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use ggen_core::chunks::CHUNK_SIZE;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::testing::*;
use crate::{FetchEvent, FetchRequest, NetError, Network, NodeEvent, SearchEvent, claim_control, connect};

fn memory() -> (Memory, ggen_core::release::Archive, ggen_core::PackageId) {
    let bytes = bytes(CHUNK_SIZE * 3 + 1);
    let archive = archive_of(&bytes);
    let package = Publisher::new(1).package("tool", 2, &archive);
    let id = package.0.clone();
    let archives = [(archive.digest, Arc::new(bytes))].into();
    (Memory { packages: vec![package], archives, ..Memory::default() }, archive, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_uses_a_running_node_as_its_own() {
    let (content, archive, id) = memory();
    let holder = node(content, &[], limits()).await;
    holder.handle.provide(&[archive.digest], &[]).await.unwrap();
    let running = node(Memory::default(), &[&holder], limits()).await;
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("control.sock");
    assert!(connect(&socket, Arc::new(limits())).await.unwrap().is_none());
    let server = claim_control(&socket).await.unwrap().serve(running.handle.clone(), home.path()).unwrap();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(claim_control(&socket).await, Err(NetError::AlreadyRunning)));

    let network = Network::Running(connect(&socket, Arc::new(limits())).await.unwrap().unwrap());
    assert!(network.joined(Duration::from_secs(5)).await.unwrap().is_connected());
    assert_eq!(network.status().await.unwrap().listen_addresses, running.address);
    assert_eq!(network.peers().await.unwrap()[0].peer_id, holder.peer());
    let mut search = network.search("tool", 5, Duration::from_secs(5)).await.unwrap();
    assert!(matches!(search.recv().await, Some(SearchEvent::Hits { hits, .. }) if hits.len() == 1));
    assert_eq!(search.recv().await, Some(SearchEvent::Done { complete: true, asked: 1, answered: 1 }));
    assert_eq!(network.heads(&id.name).await.unwrap().len(), 1);
    assert_eq!(network.head(&id).await.unwrap()[0].head.head.id(), id);
    assert_eq!(network.package(&id, &[]).await.unwrap().releases.len(), 2);
    let holders = network.holders(&archive.digest).await.unwrap();
    assert_eq!(holders[0].peer, holder.peer());

    let request = |path: std::path::PathBuf| FetchRequest {
        archive: archive.clone(),
        holders: holders.clone(),
        destination: tempfile::tempfile().unwrap(),
        path,
        proved: vec![],
    };
    let path = home.path().join("partial");
    std::fs::write(&path, b"").unwrap();
    let (events, mut told) = mpsc::channel(100);
    let report = network.fetch(request(path.clone()), events).await.unwrap();
    assert_eq!((report.digest, std::fs::read(&path).unwrap()), (archive.digest, bytes(archive.size)));
    let mut proved = 0;
    while let Some(event) = told.recv().await {
        proved += u32::from(matches!(event, FetchEvent::ChunkProved { .. }));
    }
    assert_eq!(proved, 4);
    for elsewhere in ["/etc/passwd", "relative", "/tmp/../etc/hosts"] {
        let (events, _told) = mpsc::channel(100);
        let error = network.fetch(request(elsewhere.into()), events).await.unwrap_err();
        assert!(matches!(&error, NetError::Remote { code, .. } if code == "file"), "{error:?}");
    }
    drop(server);
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_the_networks_goes_to_the_owner() {
    let mut running = node(Memory::default(), &[], limits()).await;
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("control.sock");
    // What a node that died left behind.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let server = claim_control(&socket).await.unwrap().serve(running.handle.clone(), home.path()).unwrap();
    let client = connect(&socket, Arc::new(limits())).await.unwrap().unwrap();
    let network = Network::Running(client);

    let stranger = crate::PeerId::random();
    network.ban(stranger, u64::MAX, "why").await.unwrap();
    assert_eq!(running.event(|e| if let NodeEvent::Banned(b) = e { Some(b.peer_id) } else { None }).await, stranger);
    assert_eq!(network.bans().await.unwrap().len(), 1);
    assert!(network.unban(stranger).await.unwrap());

    let asked = network.clone();
    let reload = tokio::spawn(async move { asked.reload().await });
    let answer =
        running.event(|e| if let NodeEvent::Request { verb, answer, .. } = e { Some((verb, answer)) } else { None });
    let (verb, answer) = answer.await;
    assert_eq!(verb, "reload");
    answer.send(Ok(json!({"links": 4}))).unwrap();
    assert_eq!(reload.await.unwrap().unwrap(), json!({"links": 4}));

    let stop = tokio::spawn(async move { network.stop().await });
    running.event(|e| matches!(e, NodeEvent::StopRequested).then_some(())).await;
    running.handle.shutdown().await.unwrap();
    drop(server);
    stop.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_bytes_on_the_socket_are_answered_or_dropped() {
    let running =
        node(Memory::default(), &[], ggen_core::limits::Limits { max_control_message: 1000, ..limits() }).await;
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("control.sock");
    let _server = claim_control(&socket).await.unwrap().serve(running.handle.clone(), home.path()).unwrap();
    let long = "x".repeat(5000);
    let digest = ggen_core::Digest::of(b"x").to_hex();
    let huge = format!(
        "{{\"v\":1,\"op\":{{\"fetch\":{{\"archive\":{{\"digest\":\"{digest}\",\"size\":{},\"chunks\":\"{digest}\",\"files\":\"{digest}\",\
         \"file_count\":1,\"unpacked_size\":1}},\"holders\":[],\"path\":\"x\",\"proved\":[]}}}}}}\n",
        u64::MAX
    );
    for (line, code) in [
        (huge.as_str(), "too-large"),
        ("{\"v\":2,\"op\":\"status\"}\n", "version"),
        ("{\"v\":1,\"op\":\"unknown\"}\n", "malformed"),
        ("\n", "malformed"),
        ("\u{0}\u{1}\n", "malformed"),
        (&long, "malformed"),
    ] {
        let mut stream = tokio::net::UnixStream::connect(&socket).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{line:?}: {answer}");
    }
    assert!(connect(&socket, Arc::new(limits())).await.unwrap().unwrap().status().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_or_goes_is_waited_for() {
    let running = node(Memory::default(), &[], limits()).await;
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("control.sock");
    let ask = || {
        let socket = socket.clone();
        tokio::spawn(async move { connect(&socket, Arc::new(limits())).await.unwrap() })
    };
    let claim = claim_control(&socket).await.unwrap();
    let early = ask();
    tokio::task::yield_now().await;
    let server = claim.serve(running.handle.clone(), home.path()).unwrap();
    let client = early.await.unwrap().expect("it was starting");
    assert!(client.status().await.is_ok());

    server.withdraw();
    let late = ask();
    assert!(matches!(client.status().await, Err(NetError::Stopped)), "it was there a moment ago");
    assert!(matches!(claim_control(&socket).await, Err(NetError::AlreadyRunning)), "it is not gone yet");
    drop(server);
    assert!(late.await.unwrap().is_none(), "it was stopping");
}
