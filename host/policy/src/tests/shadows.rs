//! Links that only watch, and scoring policies that are set aside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ggen_core::hooks::chain::Ruling;

use super::chains::{OneFile, allow, deny, reader};
use super::*;
use crate::{Afterwards, ArchiveView, Mode};

const LONG: Duration = Duration::from_secs(20);

fn watched_by(watcher: Vec<u8>, enforced: Vec<u8>) -> PolicyHost {
    host_with(Hook::Verification, &[watcher, enforced], |link| {
        if link.use_ == "p0" {
            link.mode = Mode::Shadow;
        }
    })
}

#[test]
fn a_shadow_is_asked_afterwards_recorded_and_never_heeded() {
    let host = watched_by(deny("watcher"), allow("mild"));
    let review = host.review_plan(&job(), &[item("a")]);
    assert_eq!(review.verdicts[0].ruling, Ruling::Allow);
    let rows: Vec<_> = review.decisions.iter().map(|row| (row.policy.as_str(), row.mode)).collect();
    assert_eq!(rows, [("mild", Mode::Enforce)]);
    let watched = host.finish_shadows(LONG);
    let rows: Vec<_> = watched.iter().map(|row| (row.policy.as_str(), row.mode)).collect();
    assert_eq!(rows, [("watcher", Mode::Shadow)]);
    assert_eq!(watched[0].reasons[0].code, "no");
    // It saw what the enforced one saw.
    assert_eq!(watched[0].input, review.decisions[0].input);
    assert!(host.finish_shadows(LONG).is_empty());
}

#[test]
fn a_shadow_adds_nothing_to_the_decision_and_gets_no_more_than_its_time() {
    let host = watched_by(Wat::verifier("(loop (br 0)) unreachable").build(), allow("mild"));
    let review = host.review_plan(&job(), &[item("a")]);
    let begun = Instant::now();
    assert_eq!(review.decisions.len(), 1);
    assert!(host.finish_shadows(Duration::ZERO).is_empty());
    // Its own budget of fuel lets it end as a row.
    let rows = host.finish_shadows(LONG);
    assert_eq!(rows[0].limit, Some(crate::Limit::Fuel));
    assert!(begun.elapsed() < LONG);
}

#[test]
fn a_shadow_that_needs_more_than_is_left_has_no_row() {
    let limits = PolicyLimits { call_fuel: u64::MAX / 2, ..tight() };
    let (watcher, mild) = (Wat::verifier("(loop (br 0)) unreachable").build(), allow("mild"));
    let builtins = vec![BuiltIn { name: "w", bytes: watcher.leak() }, BuiltIn { name: "m", bytes: mild.leak() }];
    let shadow = LinkConfig { mode: Mode::Shadow, ..LinkConfig::new(Hook::Verification, "w", LinkSource::Default) };
    let links = vec![shadow, LinkConfig::new(Hook::Verification, "m", LinkSource::Default)];
    let afterwards = Arc::new(Afterwards::default());
    let options =
        HostOptions { limits, builtins, links, afterwards: Arc::clone(&afterwards), ..HostOptions::default() };
    let host = PolicyHost::open(options).unwrap();
    let _ = host.review_plan(&job(), &[item("a")]);
    // The set of policies is swapped: what waits finishes on the old one.
    drop(host);
    assert_eq!(afterwards.waiting(), 1);
    let begun = Instant::now();
    assert!(afterwards.finish(Duration::from_millis(200)).is_empty());
    assert!(begun.elapsed() < LONG);
    assert_eq!((afterwards.waiting(), afterwards.lost()), (0, 1));
}

#[test]
fn what_waits_is_bounded() {
    let host = watched_by(deny("watcher"), allow("mild"));
    for _ in 0..300 {
        let _ = host.review_plan(&job(), &[item("a")]);
    }
    assert_eq!(host.finish_shadows(LONG).len(), 256);
    assert_eq!(host.afterwards.lost(), 44);
}

#[test]
fn files_are_still_there_for_a_shadow() {
    let host = host_with(Hook::Verification, &[reader(0)], |link| link.mode = Mode::Shadow);
    let file = Arc::new(OneFile::default());
    let view: Arc<dyn ArchiveView> = Arc::clone(&file) as _;
    assert!(host.review_contents(&job(), &item("a"), &view).decisions.is_empty());
    assert!(file.0.lock().unwrap().is_empty());
    let rows = host.finish_shadows(LONG);
    assert_eq!((rows.len(), file.0.lock().unwrap().len()), (1, 1), "{rows:?}");
    assert_eq!(rows[0].fault, None);
}

#[test]
fn a_scorer_that_keeps_failing_is_set_aside_for_a_while_and_the_operator_is_told() {
    let bytes: &'static [u8] = Wat::scorer("unreachable").build().leak();
    let limits = PolicyLimits { breaker_ms: 300, ..tight() };
    let builtins = vec![BuiltIn { name: "bad", bytes }];
    let links = vec![LinkConfig::new(Hook::PeerScoring, "bad", LinkSource::Default)];
    let host = PolicyHost::open(HostOptions { limits, builtins, links, ..HostOptions::default() }).unwrap();
    let asked = || {
        let review = host.score(&job(), 1, None, &peers(1));
        assert!(review.degraded && review.scores == [0.5]);
        review.decisions.len()
    };
    assert_eq!((0..3).map(|_| asked()).sum::<usize>(), 3);
    let told = host.notices();
    assert_eq!((told.len(), told[0].code), (1, "policy-set-aside"));
    assert!(told[0].message.contains("`sample`") && told[0].message.contains("built-in scores"), "{told:?}");
    // Nobody asks it until its period is over; then one call tries it.
    let begun = Instant::now();
    let mut calls = 0;
    while asked() == 0 {
        calls += 1;
        assert!(begun.elapsed() < LONG);
        std::thread::yield_now();
    }
    assert!(calls > 0 && begun.elapsed() > Duration::from_millis(200));
    assert_eq!(asked(), 0);
    assert_eq!(host.notices()[0].code, "policy-set-aside");
}

#[test]
fn locked_scorers_and_other_hooks_are_asked_every_time() {
    let bytes = Wat::scorer("unreachable").build();
    let locked = host_with(Hook::PeerScoring, std::slice::from_ref(&bytes), |link| link.locked = true);
    let rows: usize = (0..5).map(|_| locked.score(&job(), 1, None, &peers(1)).decisions.len()).sum();
    assert_eq!(rows, 5);
    let verifier = host(Hook::Verification, &[Wat::verifier("unreachable").build()]);
    let ranker = host(Hook::VersionResolution, &[Wat::ranker("unreachable").build()]);
    let adviser = host(Hook::FallbackPolicy, &[Wat::adviser("unreachable", "unreachable").build()]);
    for _ in 0..5 {
        let review = verifier.review_plan(&job(), &[item("a")]);
        assert_eq!((review.decisions.len(), review.verdicts[0].ruling), (1, Ruling::Deny));
        assert!(ranker.rank(&job(), &[chains::package("a", 2)]).rankings.is_err());
        assert!(adviser.route(&job(), &[Origin::Store]).route.is_err());
    }
    assert!(verifier.notices().is_empty());
}
