//! How an install grows with the network: the table of `RESULTS.md`, from 100 to 10 000 simulated nodes; what is found
//! over half a day, and how soon a crowd has a new release.
//!
//! `cargo bench -p ggen-tests --bench simulation [NODES…]`; prints, asserts nothing.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends"
)]

#[path = "../simulation/mod.rs"]
mod simulation;

use simulation::{Figures, LIBRARY, Plan, World};

fn main() {
    let named: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if named.is_empty() { vec![100, 300, 1000, 3000, 10_000] } else { named };
    println!("{}", Figures::TITLE);
    for nodes in sizes {
        let plan = Plan { nodes, installs: 10_000, ..Plan::default() };
        let figures = World::new(&plan).run();
        println!("{}", figures.row(&plan));
        println!("  failures {:?}, refused {:?}; {}", figures.failures(), figures.refused, plan.line());
        let (late, _, then) = figures.within(plan.minutes / 2..plan.minutes);
        let run = figures.fingerprint().short();
        println!("  second half {late} of {then}, blamed {}, deceived {}, run {run}", figures.blamed, figures.deceived);
    }
    half_a_day();
    crowd();
}

fn half_a_day() {
    let plan = Plan { nodes: 1000, installs: 0, minutes: 12 * 60, probes: 5000, keys: 1000, ..Plan::default() };
    let figures = World::new(&plan).run();
    let (found, probes) = figures.found_in(0..plan.minutes + 1);
    let told = figures.told_in(60..plan.minutes / 2, Some(LIBRARY));
    let (most, all) = (told.iter().max().copied().unwrap_or(0), told.iter().sum::<u64>());
    println!("{found} of {probes} holders found; a thousand keys: {all} told in {} min, {most} in one", told.len());
}

fn crowd() {
    for (parts, others) in [(1, 1), (1, 0), (0, 0)] {
        let plan = Plan { nodes: 300, installs: 0, minutes: 40, chunks: 64, crowd: 60, ..Plan::default() };
        let plan = Plan { parts, others, ..plan };
        let figures = World::new(&plan).run();
        let took = figures.took(0..plan.crowd);
        let (half, all) = (took.get(took.len() / 2), took.last());
        println!(
            "a crowd, parts {parts}, further holders looked for {others}: {} of {} have it, half within {half:?} ms, all {all:?}",
            took.len(),
            plan.crowd
        );
    }
}
