//! How an install grows with the network: the table of `RESULTS.md`, from 100 to 10 000 simulated nodes.
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

use simulation::{Figures, Plan, World};

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
}
