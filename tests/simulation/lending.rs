//! Nodes in the middle of a download as holders of a part. What fails prints the line that repeats it.

use crate::run;
use crate::simulation::Plan;

const CROWD: usize = 40;

/// When half of the crowd had it, and when all had it, in milliseconds.
fn flash(plan: &Plan) -> (u64, u64) {
    let figures = run(plan);
    let took = figures.took(plan.installs..plan.installs + plan.crowd);
    assert_eq!(took.len(), plan.crowd, "{:?}\n{}", figures.failures(), plan.line());
    assert_eq!(figures.stalled_honest, 0, "a holder was given up for nothing\n{}", plan.line());
    assert_eq!(figures.lent > 0, plan.parts > 0, "{} chunks came from downloads\n{}", figures.lent, plan.line());
    (took[took.len() / 2], took[took.len() - 1])
}

#[test]
fn a_crowd_has_a_new_release_sooner_where_downloads_give_what_has_arrived() {
    for seed in 1..=2 {
        let plan = Plan { seed, nodes: 120, byzantine: 0.0, churn: 0.0, installs: 0, ..Plan::default() };
        let plan = Plan { minutes: 24, chunks: 56, crowd: CROWD, ..plan };
        let ((half, all), (half_alone, all_alone)) = (flash(&plan), flash(&Plan { parts: 0, ..plan.clone() }));
        let (half_first, all_first) = flash(&Plan { others: 0, ..plan.clone() });
        let ratios = (half_alone as f64 / half as f64, all_alone as f64 / all as f64);
        println!("seed {seed}: half after {half} ms, all after {all} ms; without parts {half_alone}, {all_alone}");
        println!("seed {seed}: from those alone that each began with {half_first}, {all_first}");
        println!("seed {seed}: half {:.1} times sooner, all {:.1} times", ratios.0, ratios.1);
        assert!(ratios.0 > 2.0 && ratios.1 > 1.5, "{ratios:?}\n{}", plan.line());
        assert!(all_first as f64 > 1.25 * all as f64, "{all_first} without looking for others\n{}", plan.line());
    }
}

/// Some are slow, some stall or lie, some leave in the middle of what they give.
#[test]
fn installs_succeed_from_holders_that_have_a_part_or_are_slow_or_stall() {
    for seed in 1..=2 {
        let plan = Plan { seed, nodes: 200, installs: 100, minutes: 60, ..Plan::default() };
        let plan = Plan { chunks: 64, slow: 0.2, crowd: CROWD, ..plan };
        let figures = run(&plan);
        let (counted, succeeded) = (figures.counted(), figures.succeeded());
        println!(
            "{} of {} chunks came from downloads, {} holders stalled",
            figures.lent,
            figures.fetched,
            figures.stalled.len()
        );
        assert!(figures.lent > 0 && counted > 130, "nothing happened\n{}", plan.line());
        assert!(succeeded * 100 >= counted * 99, "{succeeded} of {counted} {:?}\n{}", figures.failures(), plan.line());
        // Who has left in the middle has given nothing, either.
        assert!(figures.stalled_quick <= 2, "{} good holders were given up\n{}", figures.stalled_quick, plan.line());
    }
}
