//! Heads, releases, bindings and search.
//!
//! Decides nothing.

use ggen_core::Digest;
use ggen_core::dsse::{Envelope, SecretKey};
use ggen_core::head::{Head, HeadVersion, Succession};
use ggen_core::root::{ROOT_TYPE, Root};

use crate::testing::{Author, Home, tree};
use crate::{How, Source, StoreError};

fn peer(network: &str) -> Source {
    Source::Peer { peer: "p".into(), network: network.into() }
}

#[test]
fn a_head_is_believed_once_and_never_rolled_back() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let dir = tree(&[("a", "1")]);
    let one = author.release(&home.store, "pkg", "1.0.0", dir.path());
    let two = author.release(&home.store, "pkg", "1.1.0", dir.path());
    let (first, second) = (author.head(&one), author.head(&two));
    let accept = |head, source| home.store.accept_head(head, source, 5).unwrap();
    assert_eq!(accept(&second, peer("10.0")), Succession::Newer);
    assert_eq!(accept(&second, peer("10.0")), Succession::Same);
    assert_eq!(accept(&second, peer("10.1")), Succession::Same);
    assert_eq!(accept(&first, peer("10.2")), Succession::Older);
    home.store.accept_release(&two, peer("10.0"), 6).unwrap();
    let package = home.store.package(&author.package("pkg")).unwrap().unwrap();
    assert_eq!((package.head.unwrap(), package.sources, package.equivocated), (second.clone(), 2, false));
    assert_eq!((package.mark.unwrap(), package.publisher_first_seen), (second.mark(), Some(5)));
    let shown: Vec<_> = package.versions.iter().map(|v| (v.version.to_string(), v.release.is_some())).collect();
    assert_eq!(shown, [("1.1.0".to_owned(), true), ("1.0.0".to_owned(), false)]);
    assert_eq!(home.store.release(&author.package("pkg"), &"1.1.0".parse().unwrap()).unwrap(), Some(two));
}

#[test]
fn two_heads_of_one_sequence_are_kept_as_a_proof() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "pkg", "1.0.0");
    let version = |yanked| HeadVersion { version: "1.0.0".parse().unwrap(), release: release.digest, yanked };
    let other = Head::with_release(None, &author.package("pkg"), version(Some("no".into())), 11, 1000);
    let other = other.sign(&author.key, author.roots.clone()).unwrap();
    assert_eq!(home.store.accept_head(&other, peer("x"), 5).unwrap(), Succession::Equivocation);
    let package = home.store.package(&author.package("pkg")).unwrap().unwrap();
    assert!(package.equivocated && package.head.unwrap().digest != other.digest);
    let proof: serde_json::Value = serde_json::from_str(&package.proof.unwrap()).unwrap();
    assert!(proof["first"]["payload"].is_string() && proof["first"] != proof["second"]);
}

#[test]
fn another_release_under_a_known_version_is_refused_wherever_it_comes_from() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let first = author.publish(&home.store, "pkg", "1.0.0");
    let other = author.release(&home.store, "pkg", "1.0.0", tree(&[("other", "x")]).path());
    let error = home.store.accept_release(&other, Source::Own, 2).unwrap_err();
    assert!(matches!(error, StoreError::ReleaseChanged { known, .. } if known == first.digest));
    let head = author.head(&other);
    assert!(matches!(home.store.accept_head(&head, peer("x"), 2), Err(StoreError::ReleaseChanged { .. })));
    // Nothing of the refused head is left: the sequence that it had is still free.
    let package = home.store.package(&author.package("pkg")).unwrap().unwrap();
    assert_eq!((package.mark.unwrap().sequence, package.versions.len()), (1, 1));
}

#[test]
fn a_head_under_revoked_keys_is_refused() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let dir = tree(&[("a", "1")]);
    let one = author.release(&home.store, "pkg", "1.0.0", dir.path());
    let old_roots = author.roots.clone();
    let new_key = SecretKey::from_seed(&[9; 32]);
    let root = Root { schema: 1, version: 2, keys: vec![new_key.public()], threshold: 1, created: 2 };
    let second = Envelope::sign(ROOT_TYPE, &serde_json::to_vec(&root).unwrap(), &[&author.key, &new_key]);
    author.roots.push(second);
    let old_key = std::mem::replace(&mut author.key, new_key);
    let head = author.head(&one);
    assert_eq!(home.store.accept_head(&head, peer("x"), 1).unwrap(), Succession::Newer);
    assert_eq!(home.store.publisher(author.id).unwrap().unwrap().root_version, 2);
    let mut stolen = head.head.clone();
    stolen.sequence = 99;
    let stolen = stolen.sign(&old_key, old_roots.clone()).unwrap();
    let refused = |store: &crate::Store| {
        let error = store.accept_head(&stolen, peer("x"), 1).unwrap_err();
        assert!(matches!(error, StoreError::RootRolledBack { known: 2, found: 1, .. }), "{error}");
        assert!(store.accept_roots(&old_roots, 1).is_err());
    };
    refused(&home.store);
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(home.path().join(name));
    }
    let again = home.again();
    refused(&again);
    assert_eq!(again.accept_head(&head, peer("x"), 1).unwrap(), Succession::Same);
}

#[test]
fn bindings_are_by_collision_key_and_logged() {
    let (home, a, b) = (Home::new(), Author::new(1), Author::new(2));
    let name = "web_app".parse().unwrap();
    home.store.bind(&name, a.id, How::FirstUse, 7).unwrap();
    let found = home.again().binding(&"web-app".parse().unwrap()).unwrap().unwrap();
    assert_eq!((found.publisher, found.how, found.since), (a.id, How::FirstUse, 7));
    home.store.bind(&name, b.id, How::User, 8).unwrap();
    assert_eq!(home.store.bindings().unwrap().len(), 1);
    assert!(home.store.unbind(&"web-app".parse().unwrap()).unwrap());
    assert!(!home.store.unbind(&name).unwrap());
    let log = std::fs::read_to_string(home.path().join("trust.log")).unwrap();
    assert_eq!(log.lines().count(), 3, "{log}");
}

#[test]
fn search_ranks_the_exact_name_first_and_takes_any_text() {
    let (home, mut author) = (Home::new(), Author::new(1));
    for name in ["graph-tools", "graph", "other", "my-graph-lib"] {
        author.publish(&home.store, name, "1.0.0");
    }
    let names = |query: &str| -> Vec<String> {
        home.store.search(query, 10).unwrap().into_iter().map(|h| h.id.name.to_string()).collect()
    };
    assert_eq!(names("graph").first().map(String::as_str), Some("graph"));
    assert_eq!(names("graph").len(), 3);
    assert_eq!(names("gra").len(), 3);
    assert_eq!(names("sparql").len(), 4);
    assert_eq!(names("what other is for"), ["other"]);
    assert_eq!(names("muller").len(), 4);
    assert_eq!(names("").len(), 4);
    assert_eq!(home.store.search("", 2).unwrap().len(), 2);
    for text in
        ["\"", "a AND", "NEAR(", "*", "name:x", "'; drop table texts; --", "\0", "(((", "-x", "^", &"y".repeat(100_000)]
    {
        names(text);
    }
    let hit = home.store.search("graph", 1).unwrap().remove(0);
    assert_eq!(
        (hit.version.unwrap().to_string(), hit.description),
        ("1.0.0".to_owned(), "what graph is for".to_owned())
    );
}

#[test]
fn heads_are_paged_and_claimants_found() {
    let (home, mut a, mut b) = (Home::new(), Author::new(1), Author::new(2));
    a.publish(&home.store, "my-lib", "1.0.0");
    b.publish(&home.store, "my_lib", "1.0.0");
    a.publish(&home.store, "z", "1.0.0");
    assert_eq!(home.store.claimants(&"my-lib".parse().unwrap()).unwrap().len(), 2);
    let mut seen = Vec::new();
    while let Some((id, bundle)) = home.store.heads_page(seen.last(), 1).unwrap().pop() {
        ggen_core::head::SignedHead::verify(bundle, Some(&id)).unwrap();
        seen.push(id);
    }
    assert_eq!(seen.len(), 3);
    assert!(home.store.package(&Author::new(3).package("my-lib")).unwrap().is_none());
    assert!(home.store.release_of_archive(&Digest::of(b"?")).unwrap().is_none());
}

#[test]
fn widely_known_is_what_several_sources_told_of_long_ago() {
    let (home, mut author) = (Home::new(), Author::new(1));
    author.publish(&home.store, "pkg", "1.0.0");
    let id = author.package("pkg");
    let head = home.store.package(&id).unwrap().unwrap().head.unwrap();
    let since = |sources, before| home.store.widely_known(sources, before, 10).unwrap();
    let known = since(1, u64::MAX / 2);
    assert_eq!(known.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&id]);
    assert_eq!(since(2, u64::MAX / 2), []);
    for network in ["a", "b", "b"] {
        home.store.accept_head(&head, peer(network), 9).unwrap();
    }
    assert_eq!(since(3, u64::MAX / 2), known, "peers of one network count once");
    assert_eq!(since(4, u64::MAX / 2), []);
    assert_eq!(since(3, known[0].1.saturating_sub(1)), [], "it is not known for so long");
    assert_eq!(home.store.widely_known(1, u64::MAX / 2, 0).unwrap(), []);
}
