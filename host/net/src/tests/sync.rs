//! Catching up by the logs of others.

use std::time::Duration;

use ggen_core::limits::Limits;

use crate::NodeEvent;
use crate::PeerId;
use crate::content::PackageBundle;
use crate::testing::*;
use crate::types::{Cursor, Heard};

fn quick() -> Limits {
    Limits { sync_interval: Duration::from_millis(500), ..limits() }
}

fn packages(publisher: &Publisher, count: u64) -> Vec<(ggen_core::PackageId, PackageBundle)> {
    (0..count).map(|n| publisher.package(&format!("p-{n}"), 1, &archive_of(b"x"))).collect()
}

/// The next piece of `of`'s log; those of others that a node happens to meet are passed over.
async fn synced(node: &mut TestNode, of: PeerId) -> (Vec<Heard>, Cursor) {
    let piece = |e: NodeEvent| match e {
        NodeEvent::Synced { heads, cursor } if cursor.peer == of => Some((heads, cursor)),
        _ => None,
    };
    node.event(piece).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_later_learns_all_of_it_page_by_page_and_goes_on_from_there() {
    let publisher = Publisher::new(1);
    let a = node(Memory { packages: packages(&publisher, 450), ..Memory::default() }, &[], quick()).await;
    // What it knows already is not told it again.
    let known = Memory { packages: packages(&publisher, 10), ..Memory::default() };
    let mut b = node(known, &[&a], quick()).await;
    let mut names = Vec::new();
    let cursor = loop {
        let (heads, cursor) = synced(&mut b, a.peer()).await;
        names.extend(heads.iter().map(|h| h.announced.head.head.name.to_string()));
        assert!(heads.iter().all(|h| h.announced.release.is_some() && h.peer == a.peer()));
        if cursor.after == 450 {
            break cursor;
        }
    };
    assert_eq!((names.len(), names.first().map(String::as_str), cursor.peer), (440, Some("p-10"), a.peer()));
    let seen = b.handle.status().await.unwrap().evidence.join("\n");
    assert!(seen.contains("the newest head from a peer was signed"), "a log is evidence of a network: {seen}");
    // Handed back at the next start, the cursor spares all of that.
    let later = Cursor { after: 449, ..cursor.clone() };
    let mut again = node_with_cursors(Memory::default(), &[&a], quick(), vec![later]).await;
    let (heads, next) = synced(&mut again, a.peer()).await;
    assert_eq!((heads.len(), next), (1, cursor.clone()));
    // A number of another log means nothing.
    let other = Cursor { log: "other".into(), after: 449, ..cursor };
    let mut third = node_with_cursors(Memory::default(), &[&a], quick(), vec![other]).await;
    assert_eq!(synced(&mut third, a.peer()).await.0.len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_one_forged_head_is_read_no_further_and_its_owner_is_accused() {
    let publisher = Publisher::new(1);
    let mut content = Memory { packages: packages(&publisher, 3), ..Memory::default() };
    let (_, other) = Publisher::new(2).package("p-1", 1, &archive_of(b"x"));
    content.packages[1].1.head.head = other.head.head;
    let a = node(content, &[], quick()).await;
    let mut b = node(Memory::default(), &[&a], quick()).await;
    let event = b.event(|e| matches!(e, NodeEvent::Offence(_) | NodeEvent::Synced { .. }).then_some(e)).await;
    let NodeEvent::Offence(offence) = event else { panic!("nothing is taken: {event:?}") };
    assert_eq!((offence.code.as_str(), offence.peer), ("signature", a.peer()));
}
