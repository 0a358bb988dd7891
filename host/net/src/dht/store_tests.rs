//! What a store keeps and lets go, whatever peers send.

use std::time::Duration;

use super::super::providers::{MAX_OF_NETWORK, MAX_PER_KEY};
use super::*;

fn key(n: u32) -> RecordKey {
    RecordKey::new(&n.to_be_bytes())
}

fn store(max_dht_records: usize, max_dht_bytes: usize) -> Store {
    Store::new(PeerId::random(), &Limits { max_dht_records, max_dht_bytes, ..Limits::default() })
}

#[test]
fn a_flood_of_records_stays_within_bounds_and_drops_nothing_of_our_own() {
    let mut store = store(50, 2000);
    let mine = Record { publisher: Some(store.me), ..Record::new(key(u32::MAX), vec![0; 100]) };
    for n in 0..500 {
        let _ = store.put(Record::new(key(n), vec![0; 90]));
    }
    store.put(mine).unwrap();
    for n in 500..1000 {
        let _ = store.put(Record::new(key(n), vec![0; 90]));
    }
    assert!(store.records.len() <= 50 && store.bytes <= 2000 && !store.records.is_empty());
    assert_eq!(store.bytes, store.records().map(|r| r.value.len()).sum::<usize>());
    assert!(store.get(&key(u32::MAX)).is_some());
    assert!(store.put(Record::new(key(1), vec![0; 300_000])).is_err());
}

#[test]
fn a_flood_of_providers_stays_within_bounds_and_drops_nothing_of_our_own() {
    let mut store = store(20, 2000);
    store.provide(key(u32::MAX)).unwrap();
    let place = store.distance(&key(u32::MAX));
    for n in 0..200 {
        let _ = store.add_provider(ProviderRecord::new(key(n), PeerId::random(), vec![]));
        let _ = store.add_provider(ProviderRecord::new(key(u32::MAX), PeerId::random(), vec![]));
        let held: usize = (0..200).map(|n| store.providers(&key(n)).len()).sum();
        assert!(store.providers.of_others(&place).count() <= MAX_PER_KEY && held <= 80);
        assert_eq!(store.providers.count(), held + store.providers.of_others(&place).count());
    }
    assert_eq!(store.providers.count(), 80);
    assert_eq!(store.provided().count(), 1);
    assert!(store.providers(&key(u32::MAX)).iter().any(|p| p.provider == store.me));
    for n in 0..40 {
        assert_eq!(store.provide(key(n)).is_ok(), n < 19, "{n}");
    }
    let me = store.me;
    store.remove_provider(&key(u32::MAX), &me);
    assert_eq!(store.provided().count(), 19);
}

#[test]
fn a_crowd_in_one_network_keeps_no_holder_of_another_out() {
    let mut store = store(20, 2000);
    let of = |host: String| {
        let address = format!("/ip4/{host}/tcp/1").parse().unwrap();
        ProviderRecord::new(key(1), PeerId::random(), vec![address])
    };
    for n in 0..40 {
        let _ = store.add_provider(of(format!("9.9.9.{n}")));
    }
    assert_eq!(store.providers(&key(1)).len(), MAX_OF_NETWORK);
    let honest = of("8.8.8.8".into());
    store.add_provider(honest.clone()).unwrap();
    assert!(store.providers(&key(1)).contains(&honest));
    // By where it is connected from, not by what it says.
    let liar = of("7.7.7.7".into());
    assert!(store.add_provider_of(liar, "9.9.9.0/24".into()).is_err());
}

#[test]
fn one_peer_that_provides_everything_drives_out_nobody_who_has_less() {
    let mut store = store(5, 2000);
    let (honest, crowd) = (PeerId::random(), PeerId::random());
    for n in 0..5 {
        store.add_provider(ProviderRecord::new(key(n), honest, vec![])).unwrap();
    }
    store.take_changed(100, 1000, 5);
    for n in 5..2000 {
        let _ = store.add_provider(ProviderRecord::new(key(n), crowd, vec![]));
    }
    assert!((0..5).all(|n| store.providers(&key(n)).iter().any(|p| p.provider == honest)));
    assert_eq!(store.providers.count(), 20);
    // What gave way is not kept on elsewhere, and whoever comes later finds a place.
    let late = ProviderRecord::new(key(3000), PeerId::random(), vec![]);
    store.add_provider(late.clone()).unwrap();
    assert_eq!((store.providers(&key(3000)), store.providers.count()), (vec![late], 20));
}

#[test]
fn one_source_of_many_records_drives_out_nobody_who_has_less() {
    let key = |n: u32| RecordKey::new(&[n.to_be_bytes(); 8].concat());
    let mut store = store(20, 20_000);
    let record = |n: u32| Record::new(key(n), vec![0; 100]);
    for n in 0..5 {
        store.put_of(record(n), "honest".into()).unwrap();
        // Sent once more by somebody who will have many, it is still one of the few of the first.
        store.put_of(record(n), "crowd".into()).unwrap();
    }
    for n in 0..500 {
        let _ = store.put_of(record(n), "crowd".into());
    }
    assert!((0..5).all(|n| store.get(&key(n)).is_some()));
    assert_eq!((store.records.len(), store.bytes), (20, 2000));
    store.put_of(record(1000), "late".into()).unwrap();
    assert!(store.get(&key(1000)).is_some() && store.records.len() == 20);
    // By what they weigh, too: few that are long are not less than many that are short.
    for n in 2000..2010 {
        let _ = store.put_of(Record::new(key(n), vec![0; 9000]), "long".into());
    }
    assert!((0..5).chain([1000]).all(|n| store.get(&key(n)).is_some()) && store.bytes <= 20_000);
}

#[test]
fn a_replaced_record_is_counted_once() {
    let mut store = store(5, 1000);
    for size in [100, 200, 50] {
        store.put(Record::new(key(1), vec![0; size])).unwrap();
    }
    assert_eq!((store.bytes, store.records.len()), (50, 1));
    store.remove(&key(1));
    assert_eq!(store.bytes, 0);
}

#[test]
fn what_changed_of_others_is_noted_once_and_what_is_put_back_is_not() {
    let key = |n: u8| RecordKey::new(&[n; 32]);
    let mut store = store(2, 2000);
    let me = store.me;
    store.provide(key(1)).unwrap();
    let end = Some(Instant::now() + Duration::from_secs(3600));
    let record = |n: u8| Record { expires: end, ..Record::new(key(n), vec![n; 10]) };
    for _ in 0..3 {
        store.put(record(2)).unwrap();
    }
    let mut theirs = ProviderRecord::new(key(1), PeerId::random(), vec![]);
    theirs.expires = end;
    store.add_provider(theirs.clone()).unwrap();
    let mut taken = store.take_changed(10, 1000, 5);
    taken.sort_by_key(|kept| kept.key);
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].providers.iter().map(|p| p.peer).collect::<Vec<_>>(), [theirs.provider], "not this node");
    assert_eq!(taken[1].record.as_ref().map(|r| r.value.len()), Some(10));
    store.put(record(2)).unwrap();
    store.add_provider(theirs).unwrap();
    assert_eq!(store.take_changed(10, 1000, 5), [], "nothing new");
    store.put_back(record(3)).unwrap();
    assert_eq!(store.take_changed(10, 1000, 5), [], "it is written down");
    store.put(Record { publisher: Some(me), ..record(2) }).unwrap();
    let taken = store.take_changed(10, 1000, 5);
    assert!(taken.len() == 1 && taken[0].record.is_none(), "its own is nobody else's");
    store.sweep(Instant::now() + Duration::from_secs(7200));
    assert_eq!(store.take_changed(1, 1000, 5).len(), 1, "at most so many");
    let rest = store.take_changed(10, 1000, 5);
    assert!(rest.iter().all(|kept| kept.record.is_none() && kept.providers.is_empty()), "{rest:?}");
    assert_eq!((store.bytes, store.records.len(), store.provided().count()), (0, 0, 1));
    for n in 0..100 {
        let _ = store.put(record(n));
    }
    assert!(store.changed.len() <= 4);
}
