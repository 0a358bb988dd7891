//! Tests of the judgement of a network, one of them over any history.

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { confirm: 10_000, settle: 10_000, fresh: 900_000, head_age: 86_400_000 };

/// A whole network of `nodes`, seen at `now`.
fn whole(nodes: usize, now: Millis) -> Sight {
    Sight {
        peers: nodes,
        nodes,
        networks: 3,
        anchors: Anchors { all: 2, networks: 2, connected: 2, connected_networks: 2 },
        lookups: Lookups { succeeded_at: Some(now), failed: 0, shrunk: false },
        ..Sight::default()
    }
}

/// A watch that has seen a whole network of `nodes`.
fn online(nodes: usize) -> Watch {
    let mut watch = Watch::new(RULES);
    assert_eq!(watch.see(&whole(nodes, 1000), 1000).state, Network::Online);
    watch
}

#[test]
fn a_small_network_is_not_a_sick_one() {
    for nodes in [1, 2, 3, 4] {
        let mut watch = Watch::new(RULES);
        let mut sight = whole(nodes, 0);
        sight.anchors = Anchors { all: 1, networks: 1, connected: 1, connected_networks: 1 };
        sight.networks = 1;
        assert_eq!(watch.see(&sight, 0).state, Network::Online, "{nodes} nodes");
    }
    let mut office = online(3);
    let mut one_less = whole(2, 60_000);
    one_less.anchors.connected = 1;
    for later in 60..600 {
        assert_eq!(office.see(&one_less, later * 1000).state, Network::Online);
    }
}

#[test]
fn nobody_is_isolated_at_once_and_one_lookup_ends_it() {
    let mut watch = online(5);
    let verdict = watch.see(&Sight { lookups: whole(5, 1000).lookups, ..Sight::default() }, 2000);
    assert_eq!((verdict.state, verdict.changed, verdict.redial), (Network::Isolated, true, true));
    assert_eq!(verdict.symptoms, [Symptom::Alone]);
    assert!(!watch.see(&Sight::default(), 2500).redial, "what is known is not told twice");
    // A lookup from before the loss proves nothing.
    let verdict = watch.see(&whole(5, 1500), 3000);
    assert_eq!((verdict.state, verdict.symptoms), (Network::Degraded, vec![Symptom::NoLookup]));
    assert_eq!(watch.see(&whole(5, 3500), 3500).state, Network::Online);
}

#[test]
fn half_of_a_network_is_missed_although_much_is_left() {
    let mut watch = online(50);
    let mut half = whole(24, 20_000);
    half.anchors = Anchors { connected: 1, connected_networks: 1, ..half.anchors };
    half.lookups.shrunk = true;
    let verdict = watch.see(&half, 20_000);
    assert_eq!((verdict.state, verdict.redial), (Network::Online, true), "it is acted on before it is told");
    assert_eq!(verdict.symptoms, [Symptom::Shrunk]);
    assert_eq!(watch.see(&half, 29_999).state, Network::Online);
    let verdict = watch.see(&half, 30_000);
    assert_eq!((verdict.state, verdict.changed), (Network::Degraded, true));
    // It heals.
    assert_eq!(watch.see(&whole(49, 40_000), 40_000).state, Network::Degraded);
    assert_eq!(watch.see(&whole(50, 50_000), 50_000).state, Network::Online);
}

#[test]
fn what_is_found_again_is_a_reason_to_dial_the_rest() {
    let mut watch = online(20);
    let mut half = whole(9, 20_000);
    (half.anchors.connected, half.anchors.connected_networks, half.lookups.shrunk) = (0, 0, true);
    assert!(watch.see(&half, 20_000).redial);
    watch.see(&half, 31_000);
    half.lookups.shrunk = false;
    let verdict = watch.see(&half, 60_000);
    assert_eq!((verdict.redial, verdict.symptoms), (true, vec![Symptom::AnchorsSilent]));
    assert!(!watch.see(&half, 61_000).redial, "once");
    assert!(!watch.see(&whole(20, 62_000), 62_000).redial, "nobody is missing");
}

#[test]
fn flickering_changes_nothing() {
    let mut watch = online(20);
    for n in 0..1000u64 {
        let now = 2000 + n * 1000;
        let mut sight = whole(20, now);
        if n % 9 != 0 {
            sight.anchors.connected = 0;
        }
        assert_eq!(watch.see(&sight, now).state, Network::Online);
    }
}

#[test]
fn what_is_not_fresh_is_stale() {
    let mut watch = online(5);
    let mut sight = whole(5, 1000);
    for now in [901_000, 912_000] {
        watch.see(&sight, now);
    }
    assert_eq!((watch.state(), watch.symptoms()), (Network::Stale, &[Symptom::LookupOld][..]));
    let mut watch = online(5);
    sight = whole(5, 5000);
    sight.head_age = Some(RULES.head_age);
    watch.see(&sight, 5000);
    assert_eq!(watch.see(&sight, 15_000).symptoms, [Symptom::HeadsOld]);
    assert_eq!(watch.state(), Network::Stale);
}

#[test]
fn one_network_where_there_should_be_several_is_a_symptom() {
    let mut watch = online(9);
    let mut sight = whole(9, 20_000);
    sight.networks = 1;
    sight.anchors = Anchors { all: 3, networks: 3, connected: 1, connected_networks: 1 };
    watch.see(&sight, 20_000);
    assert_eq!(watch.see(&sight, 30_000).symptoms, [Symptom::OneNetwork]);
    assert_eq!(watch.state(), Network::Degraded);
}

fn any_sight() -> impl Strategy<Value = (Sight, Millis)> {
    let anchors = (0usize..5, 0usize..5).prop_map(|(all, connected)| Anchors {
        all,
        networks: all.min(3),
        connected: connected.min(all),
        connected_networks: connected.min(all).min(3),
    });
    let lookups = (any::<bool>(), 0u32..4, any::<bool>());
    (0usize..60, anchors, lookups, prop::option::of(0u64..100_000_000), 1u64..30_000).prop_map(
        |(nodes, anchors, (fine, failed, shrunk), head_age, pause)| {
            let succeeded_at = fine.then_some(u64::MAX);
            let lookups = Lookups { succeeded_at, failed: if fine { 0 } else { failed }, shrunk };
            (Sight { peers: nodes, nodes, networks: nodes.min(3), anchors, known: anchors, lookups, head_age }, pause)
        },
    )
}

proptest! {
    /// Whatever comes: isolated is exactly being alone, worse is never said before its time, and a whole network is
    /// online again in time.
    #[test]
    fn the_rules_hold_for_any_history(history in prop::collection::vec(any_sight(), 1..60)) {
        let mut watch = Watch::new(RULES);
        let (mut now, mut online_since) = (0, None);
        for (mut sight, pause) in history {
            now += pause;
            sight.lookups.succeeded_at = sight.lookups.succeeded_at.map(|_| now);
            let before = watch.state();
            let verdict = watch.see(&sight, now);
            prop_assert_eq!(verdict.state == Network::Isolated, sight.nodes == 0);
            prop_assert_eq!(verdict.changed, verdict.state != before);
            if before == Network::Online && ![Network::Online, Network::Isolated].contains(&verdict.state) {
                prop_assert!(now - online_since.unwrap_or(0) >= RULES.confirm || online_since.is_none());
            }
            online_since = (verdict.state == Network::Online).then(|| online_since.unwrap_or(now));
        }
        for step in 0..3 {
            let later = now + RULES.head_age + step * RULES.settle;
            watch.see(&whole(30, later), later);
        }
        prop_assert_eq!(watch.state(), Network::Online);
    }
}
