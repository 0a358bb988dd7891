//! Fifty real nodes in one process, and one node of the program with fifty connections: printed, not asserted.
//!
//! `cargo build --release -p ggen && cargo bench -p ggen-tests --bench swarm [NODES]`; `GGEN` names another program.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends"
)]

#[path = "../simulation/swarm.rs"]
mod swarm;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ggen_core::announcement::Announcement;
use ggen_core::root::ProvedRoots;
use ggen_tests::{Home, checkout};
use swarm::{Swarm, announcement_of, percentile};

/// How long an idle node is watched.
const IDLE: Duration = Duration::from_secs(30);
/// After so long a node has caught up with those that it joined.
const SETTLED: Duration = Duration::from_secs(60);

fn line(what: &str, measured: &str, aim: &str) {
    println!("{what:<58} {measured:>22}  {aim:>12}");
}

fn main() {
    let nodes = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(50);
    println!("{:<58} {:>22}  {:>12}", "what", "measured", "aim");
    checks();
    lookups(nodes);
    idle();
}

/// The processor time of this thread so far, in seconds, to a hundredth: another's load does not count.
fn own_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Announcements, each with its release and of another publisher, read and verified on this thread alone: of publishers
/// that were never seen, and then of the same ones with another package each.
fn checks() {
    let of = |first: u64| -> Vec<Vec<u8>> { (0..500).map(|n| announcement_of(n, first + n).to_json()).collect() };
    let (first, next) = (of(0), of(500));
    line("announcements checked on one core: unknown publishers", &rate(&first, &[]), ">= 10000 /s");
    line("announcements checked on one core: known publishers", &rate(&next, &first), ">= 10000 /s");
}

/// How many of these are checked in a second, again and again by one who has seen nothing but what was `before`.
fn rate(announced: &[Vec<u8>], before: &[Vec<u8>]) -> String {
    let check = |bytes: &Vec<u8>, proved: &mut ProvedRoots| {
        let checked = Announcement::from_json(bytes).and_then(|told| told.verify_knowing(proved));
        checked.expect("all of it is signed");
    };
    let mut seen = ProvedRoots::new(announced.len());
    before.iter().for_each(|bytes| check(bytes, &mut seen));
    let (begun, start, mut checked) = (Instant::now(), own_time(), 0);
    while begun.elapsed() < Duration::from_secs(3) {
        let mut proved = seen.clone();
        announced.iter().for_each(|bytes| check(bytes, &mut proved));
        checked += announced.len();
    }
    format!("{:.0} /s", checked as f64 / (own_time() - start).max(0.01))
}

fn lookups(nodes: usize) {
    let begun = Instant::now();
    let swarm = Swarm::start(nodes);
    line(&format!("{nodes} nodes started and joined"), &format!("{:.1} s", begun.elapsed().as_secs_f64()), "-");
    let took = swarm.lookups(200);
    let ms = |percent| percentile(&took, percent).as_secs_f64() * 1000.0;
    let measured = format!("p50 {:.1}, p99 {:.1} ms", ms(50), ms(99));
    line(&format!("a signed head looked up among {nodes} nodes"), &measured, "p50 <= 50 ms");
    let took = swarm.announcements(100);
    let ms = |percent| percentile(&took, percent).as_secs_f64() * 1000.0;
    let measured = format!("p50 {:.1}, p99 {:.1} ms", ms(50), ms(99));
    line(&format!("an announcement, until each of {nodes} nodes has heard of it"), &measured, "p99 <= 1 s");
    let mut connections = swarm.connections();
    connections.sort_unstable();
    let median = connections.get(connections.len() / 2).copied().unwrap_or(0);
    line("connections of a node there, median", &median.to_string(), "-");
}

/// A node of the program, with fifty others connected to it and nothing to do.
fn idle() {
    let bin = std::env::var_os("GGEN").map_or_else(|| checkout().join("target/release/ggen"), PathBuf::from);
    if !bin.is_file() {
        return println!("no program at {}: cargo build --release -p ggen, or set GGEN", bin.display());
    }
    let home = Home::new(&bin);
    let node = home.node();
    let others = Swarm::joined_by(50, &node.addresses);
    let joined = Instant::now();
    let watched = || {
        let before = node.processor_time();
        std::thread::sleep(IDLE);
        format!("{:.2} % of a core", (node.processor_time() - before) / IDLE.as_secs_f64() * 100.0)
    };
    let at_first = watched();
    std::thread::sleep(SETTLED.saturating_sub(joined.elapsed()));
    let later = watched();
    let connected = home.json(&["marketplace", "p2p", "peers"])["peers"].as_array().map_or(0, Vec::len);
    line("resident memory of an idle node", &format!("{} MB", node.resident_kb() / 1000), "<= 60 MB");
    line("its processor while all logs are read twice", &at_first, "-");
    line(&format!("its processor with {connected} connections, idle"), &later, "<= 1 %");
    drop(others);
}
