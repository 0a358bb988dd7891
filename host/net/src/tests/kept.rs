//! What a node keeps for others outlives it, and what it announces it announces again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ggen_core::Digest;
use ggen_core::head::{archive_key, head_key};
use ggen_core::limits::Limits;

use crate::testing::*;
use crate::{Identity, Kept, KeptProvider, KeptRecord, Mode, NodeConfig, NodeEvent, new_identity, start};

fn in_an_hour() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from((now + Duration::from_secs(3600)).as_millis()).unwrap()
}

async fn node_with(kept: Vec<Kept>) -> TestNode {
    let config = NodeConfig {
        identity: Identity::Kept(new_identity().unwrap()),
        mode: Mode::Node,
        listen: vec![loopback()],
        kept,
        limits: Arc::new(limits()),
        ..NodeConfig::default()
    };
    let (handle, events) = start(config, Arc::new(Memory::default())).await.unwrap();
    let address = handle.status().await.unwrap().listen_addresses;
    TestNode { handle, events, address }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_kept_for_others_is_handed_back_and_found_by_strangers() {
    let mut keeper = node(Memory::default(), &[], limits()).await;
    let owner = node(Memory::default(), &[&keeper], limits()).await;
    assert!(owner.handle.joined(Duration::from_secs(5)).await.is_connected());
    let (archive, head) = (Digest::of(b"archive"), Publisher::new(1).head("a", 3, u64::MAX));
    owner.handle.provide(&[archive], &[]).await.unwrap();
    owner.handle.put_head(head.bundle.clone()).await.unwrap();
    let mut kept: Vec<Kept> = Vec::new();
    let wanted = [archive_key(&archive), head_key(&head.head.id())];
    while !wanted
        .iter()
        .all(|key| kept.iter().any(|k| k.key == *key && (k.record.is_some() || !k.providers.is_empty())))
    {
        kept.extend(keeper.event(|e| if let NodeEvent::Kept(kept) = e { Some(kept) } else { None }).await);
    }
    let provider = kept.iter().find_map(|k| k.providers.first()).unwrap();
    assert_eq!((provider.peer, &provider.addresses[0]), (owner.peer(), &owner.address[0]));
    owner.handle.shutdown().await.unwrap();
    keeper.handle.shutdown().await.unwrap();

    let again = node_with(kept).await;
    let stranger = command(&[&again], limits()).await;
    let found = async {
        loop {
            let found = stranger.handle.head(&head.head.id()).await.unwrap();
            if let Some(first) = found.into_iter().next() {
                return first.head;
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), found).await.unwrap(), head);
    let holders = stranger.handle.holders(&archive).await.unwrap();
    assert_eq!(holders.iter().map(|h| h.peer).collect::<Vec<_>>(), [owner.peer()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_counts_only_if_it_proves_itself_and_has_not_expired() {
    let publisher = Publisher::new(1);
    let (good, other) = (publisher.head("good", 1, u64::MAX), publisher.head("other", 1, u64::MAX));
    let (old, archive) = (publisher.head("old", 1, 1000), Digest::of(b"archive"));
    let key = |head: &ggen_core::head::SignedHead| head_key(&head.head.id());
    let record = |key: Digest, value: Vec<u8>| Kept {
        key,
        record: Some(KeptRecord { value, expires: in_an_hour() }),
        providers: vec![],
    };
    let gone = KeptProvider { peer: crate::PeerId::random(), addresses: vec![loopback()], expires: 1000 };
    let kept = vec![
        record(key(&other), good.bundle.to_json()),
        record(key(&old), old.bundle.to_json()),
        record(Digest::of(b"x"), b"garbage".to_vec()),
        Kept { key: archive_key(&archive), record: None, providers: vec![gone] },
        record(key(&good), good.bundle.to_json()),
    ];
    let mut node = node_with(kept).await;
    let asking = command(&[&node], limits()).await;
    // What is no good is not kept on, and nobody is accused of it.
    let mut dropped = Vec::new();
    while dropped.len() < 3 {
        let event = node.event(|e| matches!(e, NodeEvent::Kept(_) | NodeEvent::Offence(_)).then_some(e)).await;
        let NodeEvent::Kept(kept) = event else { panic!("{event:?}") };
        assert!(kept.iter().all(|k| k.record.is_none() && k.providers.is_empty()), "{kept:?}");
        dropped.extend(kept.into_iter().map(|k| k.key));
    }
    assert!(!dropped.contains(&key(&good)));
    assert_eq!(asking.handle.head(&good.head.id()).await.unwrap()[0].head, good);
    assert!(asking.handle.head(&other.head.id()).await.unwrap().is_empty());
    assert!(asking.handle.head(&old.head.id()).await.unwrap().is_empty());
    assert!(asking.handle.holders(&archive).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_and_providers_are_announced_again_by_themselves() {
    let quick = Limits { republish_interval: Duration::from_secs(1), ..limits() };
    let holder = node(Memory::default(), &[], quick).await;
    let (archive, head) = (Digest::of(b"archive"), Publisher::new(1).head("a", 1, u64::MAX));
    holder.handle.provide(&[archive], &[]).await.unwrap();
    holder.handle.hold(vec![head.bundle.clone()]).await.unwrap();
    // Who has been told stays: a node that nobody is connected to announces nothing, and says nothing of it.
    let mut all = Vec::new();
    for _ in 0..2 {
        // Each time to somebody who has heard of nothing.
        let mut fresh = node(Memory::default(), &[&holder], limits()).await;
        let (mut provided, mut stored) = (false, false);
        while !(provided && stored) {
            let kept = fresh.event(|e| if let NodeEvent::Kept(kept) = e { Some(kept) } else { None }).await;
            provided |= kept.iter().any(|k| k.providers.iter().any(|p| p.peer == holder.peer()));
            stored |= kept.iter().any(|k| k.record.as_ref().is_some_and(|r| r.value == head.bundle.to_json()));
        }
        all.push(fresh);
    }
    let status = holder.handle.status().await.unwrap();
    assert!(status.evidence.contains(&"it announces 2 keys in time".to_owned()), "{:?}", status.evidence);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_provides_without_end_drives_out_nobody_who_provides_little() {
    let small = Limits { max_dht_records: 5, ..limits() };
    let mut keeper = node(Memory::default(), &[], small).await;
    let archives = |of: &str, count: usize| -> Vec<Digest> {
        (0..count).map(|n| Digest::of(format!("{of} {n}").as_bytes())).collect()
    };
    let mut provided = Vec::new();
    for (of, count) in [("honest", 3), ("crowd", 40)] {
        let provider = node(Memory::default(), &[&keeper], limits()).await;
        assert!(provider.handle.joined(Duration::from_secs(5)).await.is_connected());
        provider.handle.provide(&archives(of, count), &[]).await.unwrap();
        let keys: BTreeSet<Digest> = archives(of, count).iter().map(archive_key).collect();
        let mut seen = BTreeSet::new();
        // Of more than it can note at once, it tells some.
        while seen.len() < count.min(8) {
            let kept = keeper.event(|e| if let NodeEvent::Kept(kept) = e { Some(kept) } else { None }).await;
            seen.extend(kept.into_iter().map(|k| k.key).filter(|key| keys.contains(key)));
        }
        provided.push(provider);
    }
    let honest = provided[0].peer();
    for provider in provided {
        provider.handle.shutdown().await.unwrap();
    }
    let stranger = command(&[&keeper], limits()).await;
    for archive in archives("honest", 3) {
        let holders = stranger.handle.holders(&archive).await.unwrap();
        assert_eq!(holders.iter().map(|h| h.peer).collect::<Vec<_>>(), [honest]);
    }
}
