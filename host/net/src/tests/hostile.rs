//! What peers may send without doing harm.

use std::time::Duration;

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use ggen_core::head::{SignedHead, head_key};
use ggen_core::limits::Limits;
use libp2p::StreamProtocol;

use crate::NetError;
use crate::catalog::CATALOG;
use crate::fetch::protocol::ARCHIVE;
use crate::node::command::{Command, HeldHead};
use crate::testing::*;

/// Puts any bytes under any key, as an honest handle would not.
async fn put(from: &TestNode, head: &SignedHead, value: Vec<u8>, key: &ggen_core::Digest) -> Result<usize, NetError> {
    let head = HeldHead { key: *key, value, mark: head.mark(), expires: u64::MAX };
    from.handle.link.call(|reply| Command::PutHead { head, reply }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_are_refused_at_the_door_unless_they_prove_themselves() {
    let mut node = node(Memory::default(), &[], limits()).await;
    let command = command(&[&node], limits()).await;
    let publisher = Publisher::new(1);
    let (first, second) = (publisher.head("a", 1, u64::MAX), publisher.head("a", 2, u64::MAX));
    let key = head_key(&first.head.id());

    let mut forged = second.bundle.clone();
    forged.head = Publisher::new(2).head("a", 9, u64::MAX).bundle.head;
    put(&command, &first, forged.to_json(), &key).await.unwrap();
    assert_eq!(node.offence().await, "signature");
    put(&command, &first, publisher.head("b", 1, u64::MAX).bundle.to_json(), &key).await.unwrap();
    assert_eq!(node.offence().await, "wrong-key");
    put(&command, &first, b"garbage".to_vec(), &key).await.unwrap();
    assert_eq!(node.offence().await, "undecodable");

    command.handle.put_head(second.bundle.clone()).await.unwrap();
    assert_eq!(node.stored().await, std::slice::from_ref(&second));
    // A lower one is refused silently; an event for a third tells that it has been looked at.
    put(&command, &first, first.bundle.to_json(), &key).await.unwrap();
    command.handle.put_head(publisher.head("c", 1, u64::MAX).bundle).await.unwrap();
    assert_eq!(node.stored().await, [publisher.head("c", 1, u64::MAX)]);
    let other = super::hostile::asker(&node).await;
    let found = other.handle.head(&first.head.id()).await.unwrap();
    assert_eq!(found.iter().map(|f| f.head.head.sequence).collect::<Vec<_>>(), [2]);
}

async fn asker(node: &TestNode) -> TestNode {
    command(&[node], limits()).await
}

async fn send(from: &TestNode, to: &TestNode, protocol: StreamProtocol, bytes: &[u8]) -> Vec<u8> {
    let limit = Duration::from_secs(5);
    let mut stream = from.handle.link.open(to.peer(), vec![], protocol, limit).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.close().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(limit, stream.take(1000).read_to_end(&mut answer)).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_every_protocol_is_counted_and_survived() {
    let mut node = node(Memory::default(), &[], limits()).await;
    let command = command(&[&node], limits()).await;
    assert!(
        send(&command, &node, CATALOG, b"\0\0\0\x09{\"what\":1}").await.ends_with(br#"{"error":{"code":"malformed"}}"#)
    );
    assert_eq!(node.offence().await, "undecodable");
    send(&command, &node, CATALOG, b"\xff\xff\xff\xff").await;
    assert_eq!(node.offence().await, "frame-too-large");
    send(&command, &node, CATALOG, b"\0\0").await;
    assert_eq!(send(&command, &node, ARCHIVE, &[7; 32]).await, [1]);
    send(&command, &node, ARCHIVE, &[7; 5]).await;
    for protocol in ["/ggen/kad/1", "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"] {
        send(&command, &node, StreamProtocol::new(protocol), &[0xff; 4096]).await;
    }
    let again = asker(&node).await;
    let mut search = again.handle.search("x", 5, Duration::from_secs(5)).await.unwrap();
    assert!(matches!(search.recv().await, Some(crate::SearchEvent::Hits { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_streams_of_one_peer_are_bounded() {
    let few = Limits { max_streams_per_peer: 4, ..limits() };
    let mut node = node(Memory::default(), &[], few).await;
    let flooder = command(&[&node], limits()).await;
    let mut held = Vec::new();
    for _ in 0..12 {
        let mut stream = flooder.handle.link.open(node.peer(), vec![], CATALOG, Duration::from_secs(5)).await.unwrap();
        let _ = stream.write_all(b"\0").await;
        let _ = stream.flush().await;
        held.push(stream);
    }
    assert_eq!(node.offence().await, "streams");
    let honest = asker(&node).await;
    let mut search = honest.handle.search("x", 5, Duration::from_secs(5)).await.unwrap();
    assert!(matches!(search.recv().await, Some(crate::SearchEvent::Hits { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banned_peer_is_refused_until_it_is_not() {
    let node = node(Memory::default(), &[], limits()).await;
    let command = command(&[&node], limits()).await;
    node.handle.ban(command.peer(), u64::MAX, "for a test").await.unwrap();
    assert_eq!(node.handle.bans().await.unwrap()[0].reason, "for a test");
    let mut search = command.handle.search("x", 5, Duration::from_secs(5)).await.unwrap();
    assert!(matches!(search.recv().await, Some(crate::SearchEvent::Done { complete: false, .. })));
    let (peer, address) = node.contact();
    let reached = async |times: u32| {
        for _ in 0..times {
            let _ = command.handle.connect(peer, vec![address.clone()]).await;
            let mut search = command.handle.search("x", 5, Duration::from_secs(5)).await.unwrap();
            if matches!(search.recv().await, Some(crate::SearchEvent::Hits { .. })) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    };
    assert!(!reached(5).await);
    assert!(node.handle.unban(command.peer()).await.unwrap());
    assert!(reached(200).await);
}
