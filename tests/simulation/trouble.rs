//! Floods and partitions, each on a small model of its own. What fails prints the seed that repeats it.

use crate::gossip::{Flooded, flood};
use crate::halves::{Course, Healed, run};

#[test]
fn a_flood_blames_no_honest_node_and_honest_announcements_arrive() {
    for seed in 1..=2 {
        let found = flood(seed, 200, 0.15, 2000, 8);
        println!("seed {seed}: {found:?}");
        let Flooded { blamed, banned, byzantine, arrived, arrived_later, relayed, .. } = found;
        assert_eq!(blamed, 0, "an honest node was counted as an offender, seed {seed}");
        assert_eq!(banned, byzantine, "one that floods goes on, seed {seed}");
        assert!(relayed <= 1000, "an honest node relays more than a peer may send: {relayed}, seed {seed}");
        // What does not arrive at once comes by the logs.
        assert!(arrived > 0.6, "{arrived} of all, seed {seed}");
        assert!(arrived_later > 0.99, "{arrived_later} once the flood is cut off, seed {seed}");
    }
}

#[test]
fn without_a_flood_every_announcement_reaches_everybody() {
    let found = flood(3, 200, 0.0, 0, 4);
    assert_eq!(found, flood(3, 200, 0.0, 0, 4), "one seed is one run");
    assert_eq!((found.blamed, found.byzantine), (0, 0));
    assert!(found.arrived > 0.999, "{found:?}");
}

#[test]
fn a_network_in_two_halves_says_so_and_is_whole_soon_after_the_heal() {
    for seed in 1..=3 {
        let course = Course { lost: 5, split: 30, heal: 45, end: 70, flicker: 0, churn: 0.2 };
        let found = run(seed, 120, &course);
        println!("seed {seed}: {found:?}");
        let Healed { cut_off, noticed, notice, others, others_noticed, online, heal, last, .. } = found;
        let Healed { most_changes, restless, nodes, .. } = found;
        assert!(restless * 20 <= nodes, "{restless} changes of {nodes} calm nodes, seed {seed}");
        assert!(noticed * 50 >= cut_off * 49, "{noticed} of {cut_off} without anchors noticed it, seed {seed}");
        assert!(notice <= 60, "the last noticed it after {notice} s, seed {seed}");
        // They have all anchors, and only the sample of their nearest to go by.
        assert!(others_noticed * 10 >= others * 8, "{others_noticed} of {others} with anchors noticed it, seed {seed}");
        assert!(online * 100 >= nodes * 98, "{online} of {nodes} are online again, seed {seed}");
        assert!(
            heal <= 60 && last <= 90,
            "nine tenths were online after {heal} s, the last after {last} s, seed {seed}"
        );
        assert!(most_changes <= 4, "a node changed its mind {most_changes} times, seed {seed}");
    }
}

/// A part that leaves is missed by more the larger it is: a tenth by nobody, a half by nearly all.
#[test]
fn who_keeps_the_anchors_misses_a_large_part_and_no_small_one() {
    let mut shares = Vec::new();
    for lost in [1, 3, 4, 5, 6] {
        let (mut noticed, mut others) = (0, 0);
        for seed in 11..=13 {
            let found = run(seed, 120, &Course { lost, split: 8, heal: 12, end: 12, flicker: 0, churn: 0.2 });
            (noticed, others) = (noticed + found.others_noticed, others + found.others);
        }
        println!("{lost} of ten are lost: {noticed} of {others} notice it");
        shares.push(noticed * 100 / others);
    }
    assert!(shares.is_sorted() && shares[0] <= 3, "{shares:?}");
    assert!(shares[1] <= 60 && shares[2] >= 40 && shares[3] >= 80 && shares[4] >= 95, "{shares:?}");
}

#[test]
fn outages_of_seconds_change_nobodys_mind() {
    let course = Course { lost: 5, split: 40, heal: 40, end: 40, flicker: 8, churn: 0.0 };
    let found = run(7, 100, &course);
    assert_eq!((found.restless, found.online), (0, found.nodes), "{found:?}");
}

#[test]
fn those_who_come_and_go_for_hours_change_hardly_a_mind() {
    let course = Course { lost: 0, split: 240, heal: 240, end: 240, flicker: 0, churn: 0.5 };
    let found = run(21, 100, &course);
    assert!(found.restless <= 1, "seed 21: {found:?}");
}
