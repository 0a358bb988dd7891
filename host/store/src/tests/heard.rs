//! What others tell: kept apart from the catalog, found, bounded.
//!
//! Decides nothing.

use ggen_core::announcement::{Announced, Announcement};
use ggen_core::head::{Head, HeadVersion};
use ggen_core::limits::Limits;

use crate::testing::{Author, Home, limits, tree};
use crate::{Changes, Cursor, Heard, How, Source, Store};

fn announced(home: &Home, author: &mut Author, name: &str, version: &str) -> Announced {
    let release = author.release(&home.store, name, version, tree(&[("a", name)]).path());
    let head = author.head(&release);
    Announcement::new(head.bundle, Some(release.envelope)).verify().unwrap()
}

fn from(announced: Announced, network: &str) -> Heard {
    Heard { announced, peer: format!("peer-{network}"), network: network.into() }
}

#[test]
fn what_others_tell_is_found_and_is_not_in_the_catalog() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let told = from(announced(&home, &mut author, "pkg", "1.0.0"), "a");
    assert_eq!(home.store.accept_heard(std::slice::from_ref(&told), 5).unwrap(), 1);
    assert_eq!(home.store.accept_heard(&[told], 6).unwrap(), 0, "once");
    let id = author.package("pkg");
    let hits = home.store.search_heard("sparql", 5).unwrap();
    assert_eq!((hits.len(), &hits[0].id, hits[0].peer.as_str()), (1, &id, "peer-a"));
    assert_eq!((hits[0].version.to_string(), hits[0].description.as_str()), ("1.0.0".into(), "what pkg is for"));
    assert!(home.store.package(&id).unwrap().is_none() && home.store.search("pkg", 5).unwrap().is_empty());
    assert!(home.store.claimants(&id.name).unwrap().is_empty());
    assert_eq!(home.store.heard_claimants(&id.name).unwrap(), std::slice::from_ref(&id));
    assert!(home.store.roots(author.id).unwrap().is_empty(), "nothing is trusted by being heard of");
    let newer = from(announced(&home, &mut author, "pkg", "1.1.0"), "b");
    assert_eq!(home.store.accept_heard(&[newer], 7).unwrap(), 1);
    let hits = home.again().search_heard("pkg", 5).unwrap();
    assert_eq!((hits.len(), hits[0].version.to_string()), (1, "1.1.0".to_owned()));
    assert!(home.store.search_heard("\"* OR", 5).is_ok());
}

#[test]
fn a_package_of_the_catalog_is_brought_up_to_date_there() {
    let (home, mut author) = (Home::new(), Author::new(1));
    author.publish(&home.store, "pkg", "1.0.0");
    let newer = from(announced(&home, &mut author, "pkg", "1.1.0"), "a");
    assert_eq!(home.store.accept_heard(&[newer], 5).unwrap(), 1);
    assert!(home.store.search_heard("pkg", 5).unwrap().is_empty());
    let package = home.store.package(&author.package("pkg")).unwrap().unwrap();
    assert_eq!(package.head.unwrap().head.sequence, 2);
    assert!(package.versions.iter().all(|v| v.release.is_some()));
}

#[test]
fn a_publisher_that_signs_two_is_told_of_when_the_package_is_wanted() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let first = announced(&home, &mut author, "pkg", "1.0.0");
    let listed = first.head.head.versions[0].clone();
    let other = HeadVersion { yanked: Some("no".into()), ..listed };
    let other = Head::with_release(None, &author.package("pkg"), other, 11, 1000);
    let second = Announcement::new(other.sign(&author.key, author.roots.clone()).unwrap().bundle, None);
    home.store.accept_heard(&[from(first.clone(), "a"), from(second.verify().unwrap(), "b")], 5).unwrap();
    let peer = Source::Peer { peer: "p".into(), network: "n".into() };
    home.store.accept_head(&first.head, peer, 6).unwrap();
    let package = home.store.package(&author.package("pkg")).unwrap().unwrap();
    let proof: serde_json::Value = serde_json::from_str(&package.proof.unwrap()).unwrap();
    assert!(package.equivocated && proof["first"]["payload"].is_string() && proof["first"] != proof["second"]);
    assert!(home.store.heard(&author.package("pkg")).unwrap().is_none(), "it is in the catalog now");
}

#[test]
fn the_log_of_heads_can_be_followed() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let first = author.publish(&home.store, "a", "1.0.0");
    let told = from(announced(&home, &mut author, "b", "1.0.0"), "n");
    home.store.accept_heard(&[told], 5).unwrap();
    let page = home.store.changes(0, 10, usize::MAX).unwrap();
    let names = |page: &Changes| -> Vec<String> {
        page.entries.iter().map(|(_, a)| a.clone().verify().unwrap().head.head.name.to_string()).collect()
    };
    assert_eq!((names(&page), page.log.len()), (vec!["a".to_owned(), "b".to_owned()], 32));
    let release = page.entries[0].1.clone().verify().unwrap().release.unwrap();
    assert_eq!(release.digest, first.digest, "with the release that speaks for it");
    assert!(home.store.changes(page.last, 10, usize::MAX).unwrap().entries.is_empty());
    author.publish(&home.store, "a", "1.1.0");
    let next = home.again().changes(page.last, 10, usize::MAX).unwrap();
    assert_eq!((names(&next), &next.log), (vec!["a".to_owned()], &page.log));
    assert_eq!(home.store.changes(0, 1, usize::MAX).unwrap().entries.len(), 1);
    let cut = home.store.changes(0, 10, 1).unwrap();
    assert_eq!((cut.entries.len(), cut.last, cut.more), (1, cut.entries[0].0, true), "there is room for no other");
    assert!(home.store.changes(u64::MAX, 1, usize::MAX).unwrap().entries.is_empty());
    assert_ne!(Home::new().store.changes(0, 1, usize::MAX).unwrap().log, page.log);
}

#[test]
fn how_far_others_were_followed_is_remembered_within_bounds() {
    let home = Home::new();
    let store = Store::open(home.path(), &Limits { max_known_peers: 3, ..limits() }).unwrap();
    for n in 0..5 {
        store.put_cursor(&Cursor { peer: n.to_string(), log: "x".into(), after: n }, n).unwrap();
    }
    store.put_cursor(&Cursor { peer: "3".into(), log: "y".into(), after: 7 }, 9).unwrap();
    let kept: Vec<_> = store.cursors().unwrap().into_iter().map(|c| (c.peer, c.log, c.after)).collect();
    assert_eq!(kept, [("3".into(), "y".into(), 7), ("4".into(), "x".into(), 4), ("2".into(), "x".into(), 2)]);
}

#[test]
fn whoever_tells_most_makes_room_and_a_bound_publisher_stays() {
    let home = Home::new();
    let few = Limits { max_heard: 20, max_heard_of_publisher: 15, ..limits() };
    let store = Store::open(home.path(), &few).unwrap();
    let (mut honest, mut bound, mut flooder) = (Author::new(1), Author::new(2), Author::new(3));
    store.bind(&"mine".parse().unwrap(), bound.id, How::User, 1).unwrap();
    let kept = from(announced(&home, &mut honest, "honest", "1.0.0"), "quiet");
    let own = from(announced(&home, &mut bound, "bound", "1.0.0"), "loud");
    store.accept_heard(&[kept, own], 5).unwrap();
    for n in 0..30 {
        let told = from(announced(&home, &mut flooder, &format!("flood-{n}"), "1.0.0"), "loud");
        store.accept_heard(&[told], 6).unwrap();
    }
    assert_eq!(store.search_heard("flood", 50).unwrap().len(), 15, "a stranger's share");
    for (n, seed) in (40..60).enumerate() {
        let told = from(announced(&home, &mut Author::new(seed), &format!("more-{n}"), "1.0.0"), "loud");
        store.accept_heard(&[told], 7).unwrap();
    }
    assert!(store.search_heard("", 100).unwrap().len() <= 20);
    for name in ["honest", "bound"] {
        assert_eq!(store.search_heard(name, 5).unwrap().len(), 1, "{name} stays");
    }
    let little = Limits { max_heard_bytes: 5000, ..limits() };
    let store = Store::open(home.path(), &little).unwrap();
    store.accept_heard(&[from(announced(&home, &mut honest, "last", "1.0.0"), "quiet")], 8).unwrap();
    let left = store.search_heard("", 100).unwrap();
    assert!((1..5).contains(&left.len()), "{left:?}");
}
