//! Policies that do their worst: each ends as its hook's table says, says why, and the next call works.

use ggen_core::hooks::chain::Ruling;
use ggen_core::hooks::{Hook, PolicyLimits};

use super::*;
use crate::{Limit, PlanReview};

fn reviewed(host: &PolicyHost) -> PlanReview {
    host.review_plan(&job(), &[item("a"), item("b")])
}

/// What the only policy's failure on a plan is, after checking that it denies, twice, and stays a named row.
fn denied_by(wat: &Wat<'_>) -> (Option<Limit>, String) {
    let host = host(Hook::Verification, &[wat.build()]);
    let first = reviewed(&host);
    for verdict in &first.verdicts {
        assert_eq!(verdict.ruling, Ruling::Deny);
        assert_eq!(verdict.by[0].reason.code, "policy-failed");
    }
    assert_eq!(first.decisions.len(), 1);
    let row = &first.decisions[0];
    assert!(row.verdict.is_none());
    assert_eq!((row.policy.as_str(), row.version.as_str()), ("sample", "1.2.3"));
    let again = reviewed(&host);
    assert_eq!(again.decisions[0].fault, row.fault);
    (row.limit, row.fault.clone().unwrap())
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    let (limit, text) = denied_by(&Wat::verifier("(loop (br 0)) unreachable"));
    assert_eq!(limit, Some(Limit::Fuel));
    assert!(text.contains("fuel"), "{text}");
}

#[test]
fn a_loop_with_fuel_to_spare_runs_out_of_time() {
    let bytes = Wat::verifier("(loop (br 0)) unreachable").build();
    let limits = PolicyLimits { call_fuel: u64::MAX / 2, wall_ms: 50, ..tight() };
    // Time that goes with so much fuel would be ages: only the fixed part may count here.
    let runtime = crate::runtime::Runtime::new(limits).unwrap();
    let loader = crate::load::Loader { runtime: &runtime, cache: None, compiler: None };
    let question = ggen_core::hooks::Question::ReviewPlan { job: job(), plan: vec![item("a")] };
    let run = runtime
        .scoped(|| {
            let loaded = loader.load_bytes(&bytes, "d".into()).unwrap();
            let cap = Some(std::time::Duration::from_millis(50));
            crate::run::ask(&runtime, &loaded, "{}", &question, None, cap)
        })
        .unwrap();
    match run.answer {
        Err(crate::run::Failure::Fault(fault)) => {
            assert_eq!(fault.limit, Some(Limit::Time));
            assert!(!fault.is_replayable());
        }
        _ => panic!("it should have run out of time"),
    }
}

#[test]
fn a_memory_bomb_runs_out_of_memory() {
    let (limit, _) =
        denied_by(&Wat::verifier("(loop (br_if 0 (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable"));
    assert_eq!(limit, Some(Limit::Memory));
}

#[test]
fn endless_recursion_runs_out_of_stack() {
    let mut wat = Wat::verifier("(call $deep (i32.const 0)) (i32.const 0)");
    wat.functions.push_str("(func $deep (param i32) (call $deep (local.get 0)) (call $deep (local.get 0)))");
    let host = host_with(Hook::Verification, &[wat.build()], |_| {});
    let review = reviewed(&host);
    let limit = review.decisions[0].limit;
    assert_eq!(limit, Some(Limit::Stack));
}

#[test]
fn a_trap_denies_with_the_policys_own_words() {
    let (limit, text) = denied_by(&Wat::verifier("unreachable"));
    assert_eq!((limit, text.contains("unreachable")), (None, true));
    let (_, text) = denied_by(&Wat::verifier("(call $emit (i32.const 4) (i32.const 100) (i32.const 5)) unreachable"));
    assert_eq!(text, "1.2.3");
}

#[test]
fn a_log_flood_is_cut_off() {
    let (declarations, answer) = ALLOW_ALL.split_once('\n').map(|(_, rest)| rest.split_once('\n').unwrap()).unwrap();
    let bytes = Wat::verifier(&format!(
        "{declarations}
         (loop
            (call $emit (i32.const 2) (i32.const 0) (i32.const 8000))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $i) (i32.const 1000))))
         (local.set $i (i32.const 0))
         {answer}"
    ));
    let review = reviewed(&host(Hook::Verification, &[bytes.build()]));
    assert_eq!(review.verdicts[0].ruling, Ruling::Allow);
    let log = &review.decisions[0].log;
    assert_eq!(log.len(), 64);
    assert!(log.iter().all(|line| line.text.len() <= 1024 && !line.text.contains(char::is_control)));
    // What crosses is paid for.
    assert!(review.decisions[0].fuel > 8_000_000);
}

#[test]
fn an_answer_larger_than_any_may_be_is_refused() {
    let answer = |at: u32, count: u32| {
        format!(
            "(drop (memory.grow (i32.const 950)))
             (i32.store (i32.const 300) (i32.const {at})) (i32.store (i32.const 304) (i32.const {count})) (i32.const 300)"
        )
    };
    let (limit, _) = denied_by(&Wat::verifier(&answer(65_536, 5_000_000)));
    assert_eq!(limit, Some(Limit::AnswerSize));
    // More than there is memory, and a place outside of it.
    for body in [answer(0, 100_000_000), answer(u32::MAX - 3, 2)] {
        let (limit, text) = denied_by(&Wat::verifier(&body.replace("4294967292", "-4")));
        assert_eq!(limit, None, "{text}");
    }
}

#[test]
fn a_wrong_number_of_verdicts_is_no_answer() {
    let (limit, text) = denied_by(&Wat::verifier("(i32.const 400)"));
    assert_eq!(limit, None);
    assert!(text.contains("0 answers for 2"), "{text}");
}

#[test]
fn scores_out_of_range_leave_the_built_in_ones() {
    // A list of two numbers, the second of which is 2.
    let body = "(f64.store (i32.const 320) (f64.const 0.5)) (f64.store (i32.const 328) (f64.const 2))
        (i32.store (i32.const 300) (i32.const 320)) (i32.store (i32.const 304) (i32.const 2)) (i32.const 300)";
    let host = host(Hook::PeerScoring, &[Wat::scorer(body).build()]);
    let review = host.score(&job(), 1, None, &peers(2));
    assert!(review.degraded);
    assert_eq!(review.scores, [0.5, 0.5]);
    assert!(review.decisions[0].fault.as_ref().unwrap().contains("score 2"));
}

#[test]
fn a_ranker_that_fails_stops_the_job_and_is_named() {
    let host = host(Hook::VersionResolution, &[Wat::ranker("unreachable").named("odd-ranker").build()]);
    let fault = host.rank(&job(), &[chains::package("a", 2)]).rankings.unwrap_err();
    assert_eq!(fault.policy, "odd-ranker");
    assert!(fault.to_string().contains("odd-ranker"), "{fault}");
}

#[test]
fn an_adviser_that_fails_stops() {
    let host = host(Hook::FallbackPolicy, &[Wat::adviser("unreachable", "unreachable").build()]);
    let stop = host.route(&job(), &[Origin::Store]).route.unwrap_err();
    assert_eq!(stop.reason.code, "policy-failed");
    let review = host.decide(&job(), &chains::situation());
    assert!(matches!(review.action, ggen_core::hooks::Action::Stop(reason) if reason.code == "policy-failed"));
}

#[test]
fn hostile_calls_side_by_side_leave_the_others_alone() {
    let bad = host(Hook::Verification, &[Wat::verifier("(loop (br 0)) unreachable").build()]);
    let good = host(Hook::Verification, &[Wat::verifier(ALLOW_ALL).build()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(reviewed(&bad).verdicts[0].ruling, Ruling::Deny));
            scope.spawn(|| assert_eq!(reviewed(&good).verdicts[0].ruling, Ruling::Allow));
        }
    });
}
