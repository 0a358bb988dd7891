//! Memory after many decisions, sound and hostile ones: where it was before.

use std::process::Command;

use super::chains::{allow, package, situation};
use super::*;

/// What the process has in memory, in kB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Whether this is the process that is this test's alone: the others would be measured with it. Elsewhere it is started,
/// and must end well.
fn is_alone(test: &str) -> bool {
    const ALONE: &str = "GGEN_TEST_ALONE";
    if !Path::new("/proc/self/status").exists() {
        println!("SKIPPED: memory is read from /proc");
        return false;
    }
    if std::env::var(ALONE).is_ok_and(|name| name == test) {
        return true;
    }
    let this = std::env::current_exe().unwrap();
    let ran = Command::new(this).args(["--exact", test, "--nocapture"]).env(ALONE, test).output().unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && text.contains("1 passed"), "{text}\n{}", String::from_utf8_lossy(&ran.stderr));
    false
}

const MOST: i64 = 5_000;

fn stays(what: &str, warm: u32, rounds: u32, mut once: impl FnMut()) {
    (0..warm).for_each(|_| once());
    let before = resident();
    (0..rounds).for_each(|_| once());
    let grown = resident() - before;
    println!("{what}: {before} kB, then {grown} kB more");
    assert!(grown.abs() <= MOST, "{what}: {grown} kB more than {before} kB");
}

#[test]
fn ten_thousand_decisions_leave_memory_where_it_was() {
    if !is_alone("tests::steady::ten_thousand_decisions_leave_memory_where_it_was") {
        return;
    }
    let host_of = |hook, name| host(hook, &[asking::committed(name)]);
    let verifier = host_of(Hook::Verification, "signed-releases");
    let ranker = host_of(Hook::VersionResolution, "newest-compatible");
    let scorer = host_of(Hook::PeerScoring, "beta-reputation");
    let adviser = host_of(Hook::FallbackPolicy, "graceful-degradation");
    let (items, packages, peers) = ([item("a"), item("b")], [package("a", 5)], peers(20));
    stays("10 000 decisions", 100, 2_500, || {
        assert_eq!(verifier.review_plan(&job(), &items).decisions.len(), 1);
        assert!(ranker.rank(&job(), &packages).rankings.is_ok());
        assert!(!scorer.score(&job(), 1, Some(1), &peers).degraded);
        assert_eq!(adviser.decide(&job(), &situation()).decisions.len(), 1);
    });
}

#[test]
fn hostile_policies_leave_memory_where_it_was() {
    if !is_alone("tests::steady::hostile_policies_leave_memory_where_it_was") {
        return;
    }
    let limits = PolicyLimits { call_fuel: 1_000_000, fuel_per_entry: 0, ..PolicyLimits::default() };
    let bodies = [
        ("an endless loop", "(loop (br 0)) unreachable"),
        ("a memory bomb", "(loop (br_if 0 (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable"),
        (
            "memory that is written to",
            "(drop (memory.grow (i32.const 900))) (memory.fill (i32.const 65536) (i32.const 1) (i32.const 58000000)) unreachable",
        ),
        ("a trap", "unreachable"),
        ("a log flood", "(loop (call $emit (i32.const 2) (i32.const 0) (i32.const 8000)) (br 0)) unreachable"),
        (
            "a huge answer",
            "(drop (memory.grow (i32.const 950))) (i32.store (i32.const 300) (i32.const 65536)) (i32.store (i32.const 304) (i32.const 5000000)) (i32.const 300)",
        ),
    ];
    let mild = host(Hook::Verification, &[allow("mild")]);
    for (what, body) in bodies {
        let bytes: &'static [u8] = Wat::verifier(body).build().leak();
        let builtins = vec![BuiltIn { name: "hostile", bytes }];
        let links = vec![LinkConfig::new(Hook::Verification, "hostile", LinkSource::Default)];
        let host = PolicyHost::open(HostOptions { limits: limits.clone(), builtins, links, ..HostOptions::default() });
        let host = host.unwrap();
        stays(what, 20, 100, || {
            assert!(host.review_plan(&job(), &[item("a")]).decisions[0].fault.is_some());
            assert_eq!(mild.review_plan(&job(), &[item("a")]).decisions[0].fault, None);
        });
    }
    let broken = Wat::verifier(ALLOW_ALL).build();
    stays("what does not load", 20, 200, || {
        assert!(!crate::inspect_component(&broken[..broken.len() - 9], &limits, None, None).fits);
    });
}
