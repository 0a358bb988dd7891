//! Announcements: heard by everybody, passed on only where they are news, and no way to do harm.

use std::time::Duration;

use ggen_core::head::{SignedHead, head_key};
use ggen_core::limits::Limits;

use crate::NodeEvent;
use crate::node::command::Command;
use crate::testing::*;

/// The sequences of the next heads that a node hears, by their events.
async fn heard(node: &mut TestNode) -> Vec<(String, u64)> {
    let heads = node.event(|e| if let NodeEvent::Heard(heads) = e { Some(heads) } else { None }).await;
    heads.iter().map(|h| (h.announced.head.head.name.to_string(), h.announced.head.head.sequence)).collect()
}

/// Tells any bytes, as an honest handle would not.
async fn tell(from: &TestNode, head: &SignedHead, bytes: Vec<u8>) {
    let (key, mark) = (head_key(&head.head.id()), head.mark());
    from.handle.link.call(|reply| Command::Announce { bytes, key, mark, reply }).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_head_is_heard_by_everybody_with_its_release() {
    let a = node(Memory::default(), &[], limits()).await;
    let mut b = node(Memory::default(), &[&a], limits()).await;
    let mut c = node(Memory::default(), &[&b], limits()).await;
    for node in [&b, &c] {
        assert!(node.handle.joined(Duration::from_secs(5)).await.is_connected());
    }
    let publisher = Publisher::new(1);
    let (id, package) = publisher.package("told", 1, &archive_of(b"x"));
    a.handle.announce(package.head, Some(package.releases[0].clone())).await.unwrap();
    for node in [&mut b, &mut c] {
        let heads = node.event(|e| if let NodeEvent::Heard(heads) = e { Some(heads) } else { None }).await;
        assert_eq!((heads.len(), heads[0].announced.head.head.id()), (1, id.clone()));
        assert_eq!(heads[0].announced.release.as_ref().unwrap().release.name, id.name);
        let seen = node.handle.status().await.unwrap().evidence.join("\n");
        assert!(seen.contains("the newest head from a peer was signed"), "it is evidence of a network: {seen}");
    }
    assert!(!a.handle.status().await.unwrap().evidence.join("\n").contains("the newest head"), "its own is none");
    // A command has nobody to hear it but nodes, and is gone soon.
    let command = command(&[&a], limits()).await;
    assert!(command.handle.announce(publisher.head("brief", 1, u64::MAX).bundle, None).await.unwrap());
    command.handle.shutdown().await.unwrap();
    assert_eq!(heard(&mut c).await, [("brief".to_owned(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_passed_over_and_nobody_is_accused_of_it() {
    let mut node = node(Memory::default(), &[], limits()).await;
    let teller = command(&[&node], limits()).await;
    let publisher = Publisher::new(1);
    let head = |sequence, expires| publisher.head("a", sequence, expires);
    for old in [head(5, u64::MAX), head(4, u64::MAX), head(5, u64::MAX), head(9, 1)] {
        tell(&teller, &old, old.bundle.to_json()).await;
    }
    tell(&teller, &head(5, 9_999_999_999_999), head(5, 9_999_999_999_999).bundle.to_json()).await;
    let last = publisher.head("b", 1, u64::MAX);
    tell(&teller, &last, last.bundle.to_json()).await;
    let mut told = Vec::new();
    while !told.contains(&("b".to_owned(), 1)) {
        let event = node.event(|e| matches!(e, NodeEvent::Heard(_) | NodeEvent::Offence(_)).then_some(e)).await;
        let NodeEvent::Heard(heads) = event else { panic!("nobody is accused: {event:?}") };
        told.extend(heads.iter().map(|h| (h.announced.head.head.name.to_string(), h.announced.head.head.sequence)));
    }
    // The other head of sequence 5 comes too, before or after the last: the owner keeps the proof.
    told.sort();
    told.dedup();
    assert_eq!(told, [("a".to_owned(), 5), ("b".to_owned(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_prove_itself_is_the_senders_fault() {
    let mut node = node(Memory::default(), &[], limits()).await;
    let teller = command(&[&node], limits()).await;
    let head = Publisher::new(1).head("a", 1, u64::MAX);
    let mut forged = head.bundle.clone();
    forged.head = Publisher::new(2).head("a", 9, u64::MAX).bundle.head;
    tell(&teller, &head, forged.to_json()).await;
    assert_eq!(node.offence().await, "signature");
    tell(&teller, &head, b"garbage".to_vec()).await;
    assert_eq!(node.offence().await, "undecodable");
    tell(&teller, &head, vec![b' '; ggen_core::announcement::MAX_ANNOUNCEMENT + 1]).await;
    assert_eq!(node.offence().await, "frame-too-large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_counted_and_an_honest_announcement_is_heard_beside_it() {
    let few = Limits { gossip_rate: 20, gossip_burst: 50, ..limits() };
    let mut node = node(Memory::default(), &[], few).await;
    let (flooder, honest) = (command(&[&node], limits()).await, command(&[&node], limits()).await);
    let publisher = Publisher::new(1);
    for n in 0..400 {
        let head = publisher.head(&format!("flood-{n}"), 1, u64::MAX);
        tell(&flooder, &head, head.bundle.to_json()).await;
    }
    let honest_head = Publisher::new(2).head("honest", 1, u64::MAX);
    assert!(honest.handle.announce(honest_head.bundle, None).await.unwrap());
    let (mut offences, mut told) = (0, Vec::new());
    while offences == 0 || !told.iter().any(|name| name == "honest") {
        match node.event(Some).await {
            NodeEvent::Heard(heads) => told.extend(heads.iter().map(|h| h.announced.head.head.name.to_string())),
            NodeEvent::Offence(offence) => {
                assert_eq!((offence.code.as_str(), offence.peer), ("messages", flooder.peer()));
                offences += offence.count;
            }
            _ => {}
        }
    }
    assert!(told.len() < 350, "most of the flood is dropped: {}", told.len());
}
