//! What the node keeps for others: there after a restart, for as long as it is good, and never too much of it.

use ggen_core::Digest;
use ggen_core::limits::Limits;

use crate::testing::{Home, limits};
use crate::{DhtKey, DhtProvider, Store};

fn provider(name: &str, expires: u64) -> DhtProvider {
    DhtProvider { peer: name.into(), addresses: vec!["/ip4/127.0.0.1/tcp/1".into()], expires }
}

fn key(n: u64, bytes: usize, expires: u64) -> DhtKey {
    DhtKey { key: Digest::of(&n.to_be_bytes()), record: Some((vec![7; bytes], expires)), providers: vec![] }
}

#[test]
fn what_is_kept_is_there_again_until_it_ends() {
    let home = Home::new();
    let first = DhtKey { providers: vec![provider("a", 200), provider("b", 100)], ..key(1, 10, 300) };
    home.store.put_dht(&[first.clone(), key(2, 10, u64::MAX)], 1).unwrap();
    let again = home.again();
    assert_eq!(again.dht(50).unwrap().len(), 2);
    let late = again.dht(150).unwrap();
    assert_eq!(late.iter().find(|k| k.key == first.key).unwrap().providers, [provider("a", 200)]);
    assert_eq!(again.dht(1000).unwrap().len(), 1);
    // All under a key is replaced at once.
    again.put_dht(&[DhtKey { record: None, providers: vec![provider("c", 900)], ..first.clone() }], 2).unwrap();
    let kept = again.dht(3).unwrap().into_iter().find(|k| k.key == first.key).unwrap();
    assert_eq!((kept.record, kept.providers), (None, vec![provider("c", 900)]));
    again.put_dht(&[DhtKey { record: None, providers: vec![], ..first }], 3).unwrap();
    assert_eq!(again.dht(4).unwrap().len(), 1);
}

#[test]
fn rows_and_bytes_are_bounded_and_what_ends_soonest_gives_way() {
    let home = Home::new();
    let few = Limits { max_dht_records: 10, max_dht_bytes: 1000, ..limits() };
    let store = Store::open(home.path(), &few).unwrap();
    for n in 0..30 {
        let providers = (0..5).map(|p| provider(&format!("{p}"), 1000 + n)).collect();
        store.put_dht(&[DhtKey { providers, ..key(n, 50, 1000 + n) }], 1).unwrap();
    }
    let kept = store.dht(1).unwrap();
    let mut ends: Vec<u64> = kept.iter().filter_map(|k| k.record.as_ref().map(|r| r.1)).collect();
    ends.sort_unstable();
    assert_eq!(ends, (1020..1030).collect::<Vec<_>>());
    assert_eq!(kept.iter().map(|k| k.providers.len()).sum::<usize>(), 40);
    store.put_dht(&[key(99, 900, 5000)], 1).unwrap();
    let sizes: usize = store.dht(1).unwrap().iter().filter_map(|k| k.record.as_ref().map(|r| r.0.len())).sum();
    assert_eq!(sizes, 1000, "the large one, and two of the small");
    store.put_dht(&[], 4000).unwrap();
    assert_eq!(store.dht(1).unwrap().len(), 1, "what has ended is gone");
}
