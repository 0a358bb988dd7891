//! What nodes tell the hash table again and again, over hours: it is found, the load is spread, and who cannot keep up
//! says so. What fails prints the line that repeats it.

use crate::simulation::{Figures, LIBRARY, Plan, World};

fn run(plan: &Plan) -> Figures {
    let figures = World::new(plan).run();
    let (found, probes) = figures.found_in(0..plan.minutes + 1);
    println!("{found} of {probes} found, {} not taken; {:?}; {}", figures.untold, figures.wall, plan.line());
    figures
}

/// What was told is forgotten in four hours, and by each node that leaves.
#[test]
fn what_is_held_is_found_for_half_a_day_though_nodes_leave_and_records_end() {
    for seed in 1..=2 {
        let plan = Plan { seed, nodes: 200, installs: 0, minutes: 12 * 60, probes: 1200, ..Plan::default() };
        let figures = run(&plan);
        let (found, probes) = figures.found_in(0..plan.minutes + 1);
        assert!(probes > 1000 && found * 1000 >= probes * 995, "{found} of {probes}\n{}", plan.line());
        assert!(figures.left > 600 && figures.published > 20, "nothing happened\n{}", plan.line());
        assert!(figures.notices.is_empty(), "nobody has too much to tell: {:?}\n{}", figures.notices, plan.line());
        // Eight have what is published, and tell two keys each at once: that is a burst by itself.
        let minutes = figures.told_in(60..plan.minutes, None);
        let (most, all) = (minutes.iter().max().copied().unwrap_or(0), minutes.iter().sum::<u64>());
        println!("of {all} keys {most} were told in one minute");
        assert!(most * minutes.len() as u64 <= all * 16, "{most} in one minute of {all}\n{}", plan.line());
    }
}

#[test]
fn a_thousand_keys_of_one_node_are_told_over_the_whole_hour() {
    let plan =
        Plan { nodes: 100, byzantine: 0.0, churn: 0.0, installs: 0, minutes: 240, keys: 1000, ..Plan::default() };
    // The half of the run in which it has them all.
    let minutes = run(&plan).told_in(60..plan.minutes / 2, Some(LIBRARY));
    let (most, all) = (minutes.iter().max().copied().unwrap_or(0), minutes.iter().sum::<u64>());
    println!("of {all} keys {most} were told in one minute");
    assert!((900..=1150).contains(&all), "{all} in an hour\n{}", plan.line());
    assert!(most * minutes.len() as u64 <= all * 5 / 2, "{most} in one minute of {all}\n{}", plan.line());
}

/// With a fifth of all nodes silent or worse it can tell a thousand keys in an hour, or a little more.
#[test]
fn who_has_more_to_tell_than_it_can_says_so_once_and_when_it_has_caught_up() {
    let plan = Plan { nodes: 150, installs: 0, minutes: 6 * 60, probes: 600, keys: 5000, ..Plan::default() };
    let figures = run(&plan);
    let told: Vec<_> =
        figures.notices.iter().map(|(at, node, behind, of)| (at / 60_000, *node, *behind, *of)).collect();
    let [(first, LIBRARY, true, then), (last, LIBRARY, false, now)] = told[..] else {
        panic!("{told:?}\n{}", plan.line());
    };
    println!("it is behind after {first} min, and has caught up after {last}: {then:?}, {now:?}");
    assert!(then.keys >= 5000 && then.late > 0 && then.oldest > 30 * 60_000, "{then:?}\n{}", plan.line());
    assert!(first <= 40 && now.late == 0 && now.keys < 600, "{first} {now:?}\n{}", plan.line());
    assert!((plan.minutes / 2..plan.minutes * 5 / 6).contains(&last), "after {last} min\n{}", plan.line());
    let (found, probes) = figures.found_in(last + 10..plan.minutes + 1);
    assert!(found * 100 >= probes * 98, "{found} of {probes} once it has caught up\n{}", plan.line());
    let burst = figures.told_in(0..plan.minutes, Some(LIBRARY)).into_iter().max();
    assert!(burst <= Some(60), "{burst:?} keys in one minute\n{}", plan.line());
}

#[test]
fn what_nobody_takes_is_tried_ever_more_seldom_and_told_when_somebody_does() {
    let plan = Plan { nodes: 100, churn: 0.0, installs: 0, minutes: 6 * 60, probes: 600, deaf: 90, ..Plan::default() };
    let figures = run(&plan);
    let keys: u64 = figures.told_in(0..10, None).iter().sum();
    // 4 s after a failure or later, then each time twice as late: no more than twelve times within 90 min.
    assert!(
        figures.untold > 2 * keys && figures.untold <= 12 * keys,
        "{} of {keys} keys\n{}",
        figures.untold,
        plan.line()
    );
    let again = figures.told_in(plan.minutes / 2 + 50..plan.minutes, None);
    assert!(again.iter().all(|told| *told <= keys / 2), "{again:?}\n{}", plan.line());
    let (behind, caught_up): (Vec<_>, Vec<_>) = figures.notices.iter().partition(|(_, _, behind, _)| *behind);
    let names =
        |of: &[&(u64, u32, bool, _)]| of.iter().map(|(_, node, ..)| *node).collect::<std::collections::BTreeSet<_>>();
    assert!(!behind.is_empty() && names(&behind) == names(&caught_up), "{:?}\n{}", figures.notices, plan.line());
    assert_eq!((names(&behind).len(), names(&caught_up).len()), (behind.len(), caught_up.len()), "once each");
    let (found, probes) = figures.found_in(plan.minutes - 55..plan.minutes + 1);
    assert!(found * 100 >= probes * 99, "{found} of {probes} when it is over\n{}", plan.line());
}
