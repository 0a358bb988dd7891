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
        let course = Course { split: 30, heal: 45, end: 70, flicker: 0, churn: 0.2 };
        let found = run(seed, 120, &course);
        println!("seed {seed}: {found:?}");
        let Healed { cut_off, noticed, notice, online, heal, most_changes, restless, nodes, .. } = found;
        assert!(restless * 20 <= nodes, "{restless} changes of {nodes} calm nodes, seed {seed}");
        assert!(noticed * 50 >= cut_off * 49, "{noticed} of {cut_off} without anchors noticed it, seed {seed}");
        assert!(notice <= 60, "the last noticed it after {notice} s, seed {seed}");
        assert!(online * 100 >= nodes * 98, "{online} of {nodes} are online again, seed {seed}");
        assert!(heal <= 6 * 60, "nine tenths were online after {heal} s, seed {seed}");
        assert!(most_changes <= 4, "a node changed its mind {most_changes} times, seed {seed}");
    }
}

#[test]
fn outages_of_seconds_change_nobodys_mind() {
    let course = Course { split: 40, heal: 40, end: 40, flicker: 8, churn: 0.0 };
    let found = run(7, 100, &course);
    assert_eq!((found.restless, found.online), (0, found.nodes), "{found:?}");
}
