//! The core's rules on a simulated network: small ones here, in seconds; `cargo bench -p ggen-tests --bench simulation`
//! has the large ones.
//!
//! Whatever fails here prints one line that repeats it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and so does its harness"
)]

mod gossip;
mod halves;
mod lending;
#[path = "mod.rs"]
mod simulation;
mod swarm;
mod telling;
mod trouble;

use simulation::{Figures, Plan, World};

/// Runs a plan and insists on what must hold in every run.
#[track_caller]
fn run(plan: &Plan) -> Figures {
    let figures = World::new(plan).run();
    let line = plan.line();
    println!("{}\n{}  {:?} {:?}\n{line}", Figures::TITLE, figures.row(plan), figures.failures(), figures.refused);
    assert_eq!(figures.ends.len(), plan.installs + plan.crowd, "an install that never ended\n{line}");
    assert_eq!(figures.blamed, 0, "an honest holder was blamed for a wrong chunk\n{line}");
    assert_eq!(figures.deceived, 0, "another publisher's package was taken for the one that was meant\n{line}");
    figures
}

#[test]
fn a_plan_is_read_back_from_its_line() {
    let plan = Plan { seed: 9, byzantine: 0.25, split: 20, ..Plan::default() };
    assert_eq!(plan.to_string().parse(), Ok(plan));
    assert!("nodes=many".parse::<Plan>().is_err() && "colour=1".parse::<Plan>().is_err());
}

#[test]
fn one_plan_is_one_run() {
    let plan = Plan { nodes: 100, installs: 40, minutes: 40, ..Plan::default() };
    let first = World::new(&plan).run().fingerprint();
    assert_eq!(World::new(&plan).run().fingerprint(), first, "{}", plan.line());
    let other = Plan { seed: 2, ..plan };
    assert_ne!(World::new(&other).run().fingerprint(), first);
}

#[test]
fn in_a_network_without_trouble_every_install_succeeds_at_once() {
    let plan =
        Plan { nodes: 200, byzantine: 0.0, churn: 0.0, loss: 0.0, installs: 200, minutes: 60, ..Plan::default() };
    let figures = run(&plan);
    assert_eq!(figures.succeeded(), plan.installs, "{}", plan.line());
    // Who installed an earlier version knows an earlier head, and says so.
    assert!(figures.refused.keys().all(|code| code == "lower-sequence"), "{}", plan.line());
}

#[test]
fn with_a_fifth_byzantine_and_a_third_leaving_an_hour_installs_succeed() {
    let (mut counted, mut succeeded) = (0, 0);
    let mut lines = Vec::new();
    for seed in 1..=4 {
        let plan = Plan { seed, ..Plan::default() };
        let figures = run(&plan);
        assert!(!figures.corrupt.is_empty() && !figures.refused.is_empty(), "nobody misbehaved\n{}", plan.line());
        (counted, succeeded) = (counted + figures.counted(), succeeded + figures.succeeded());
        if figures.counted() > figures.succeeded() {
            lines.push(format!("{:?} {}", figures.failures(), plan.line()));
        }
    }
    assert!(succeeded * 1000 >= counted * 995, "{succeeded} of {counted}\n{}", lines.join("\n"));
}

/// Each half publishes and installs on; nothing has to be merged by hand afterwards: the highest sequence wins.
#[test]
fn a_network_in_two_halves_heals_by_itself() {
    let plan = Plan { byzantine: 0.1, installs: 600, minutes: 150, split: 30, ..Plan::default() };
    let figures = run(&plan);
    let (during, _, then) = figures.within(60..90);
    let (healed, newest, all) = figures.within(95..150);
    println!("{during} of {then} during the split, {healed} of {all} after it, {newest} of them the newest");
    assert!(during * 100 >= then * 60, "{during} of {then} installs in the halves\n{}", plan.line());
    assert!(healed * 100 >= all * 99, "{healed} of {all} installs after the heal\n{}", plan.line());
    assert!(newest * 100 >= all * 97, "{newest} of {all} got the newest version\n{}", plan.line());
}

/// Real ones: fifty are measured by `cargo bench -p ggen-tests --bench swarm`.
#[test]
fn what_one_of_a_dozen_real_nodes_tells_is_found_and_heard_by_the_others() {
    let swarm = swarm::Swarm::start(12);
    let took = swarm.lookups(6);
    println!("lookups among 12 nodes: median {:?}", swarm::percentile(&took, 50));
    let took = swarm.announcements(6);
    assert_eq!(took.len(), 6 * 11);
    println!("announcements among 12 nodes: all but one in a hundred within {:?}", swarm::percentile(&took, 99));
    assert!(swarm.connections().iter().all(|c| *c > 0));
}

/// For the line that a failing run printed.
#[test]
fn given() {
    match std::env::var("GGEN_SIMULATION") {
        Ok(text) => drop(run(&text.parse().unwrap())),
        Err(_) => println!("SKIPPED: GGEN_SIMULATION has no plan"),
    }
}
