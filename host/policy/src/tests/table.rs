//! The table of what each hook owes its caller: every hook, for every way in which its policy can fail.

use std::sync::Arc;

use ggen_core::hooks::chain::Ruling;
use ggen_core::hooks::{Action, Offence, OffenceClass, Sanction, builtin};

use super::chains::{OneFile, package, situation};
use super::*;
use crate::ArchiveView;

/// How a policy fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Failing {
    Traps,
    RunsOut,
    AnswersUnsoundly,
    IsNotThere,
    IsNoComponent,
    ServesAnotherHook,
    RefusesItsSettings,
}

use Failing::{AnswersUnsoundly, IsNoComponent, IsNotThere, RefusesItsSettings, RunsOut, ServesAnotherHook, Traps};

/// Asked and failed: the table's third column. The rest is its fourth.
const FAULTS: [Failing; 3] = [Traps, RunsOut, AnswersUnsoundly];
const UNFIT: [Failing; 4] = [IsNotThere, IsNoComponent, ServesAnotherHook, RefusesItsSettings];

const LOOP: &str = "(loop (br 0)) unreachable";
/// Settings refused without a word.
const REFUSE: &str = "(i32.store8 (i32.const 600) (i32.const 1)) (i32.const 600)";

/// A policy for `hook` whose every function has this body.
fn with_body(hook: Hook, body: &str) -> Wat<'static> {
    match hook {
        Hook::Verification => contents_verifier(body),
        Hook::VersionResolution => Wat::ranker(body),
        Hook::PeerScoring => {
            let mut wat = Wat::scorer(body);
            // Judging fails in the same way.
            wat.functions = wat.functions.replace("(result i32) (i32.const 400))", &format!("(result i32) {body})"));
            wat
        }
        Hook::FallbackPolicy => Wat::adviser(body, body),
    }
}

fn contents_verifier(body: &str) -> Wat<'static> {
    let plan = "ggen:policy/verification@0.1.0#review-plan";
    let contents = "ggen:policy/contents-verification@0.1.0#review-contents";
    Wat::new(
        "contents-verifier",
        format!(
            "(func (export \"{plan}\") {JOB_AND_LIST} {body})
             (func (export \"{contents}\") (param i32) (result i32) {body})"
        ),
    )
}

fn failing(hook: Hook, how: Failing, may_miss: bool) -> PolicyHost {
    let bytes = match how {
        Traps => with_body(hook, "unreachable").build(),
        RunsOut => with_body(hook, LOOP).build(),
        // A case, a length or an index that there is not.
        AnswersUnsoundly => with_body(
            hook,
            "(memory.fill (i32.const 600) (i32.const 77) (i32.const 8)) (i32.store (i32.const 604) (i32.const 3)) (i32.const 600)",
        )
        .build(),
        IsNotThere | IsNoComponent => b"nonsense".to_vec(),
        ServesAnotherHook => {
            let other = if hook == Hook::PeerScoring { Hook::FallbackPolicy } else { Hook::PeerScoring };
            with_body(other, "(i32.const 400)").build()
        }
        RefusesItsSettings => {
            let mut wat = with_body(hook, "(i32.const 400)");
            wat.configure = REFUSE;
            wat.build()
        }
    };
    let name = if how == IsNotThere { "nowhere" } else { "it" };
    let builtins = vec![BuiltIn { name: "it", bytes: bytes.leak() }];
    let link = LinkConfig { allow_missing: may_miss, ..LinkConfig::new(hook, name, LinkSource::Default) };
    PolicyHost::open(HostOptions { limits: tight(), builtins, links: vec![link], ..HostOptions::default() }).unwrap()
}

/// Every way to fail, with and without leave to be missing, twice each: whether it counts as missing.
fn every_failure(hook: Hook, check: impl Fn(&PolicyHost, bool, &str)) {
    for how in FAULTS.into_iter().chain(UNFIT) {
        for may_miss in [false, true] {
            let host = failing(hook, how, may_miss);
            for round in 0..2 {
                let missing = may_miss && UNFIT.contains(&how);
                check(&host, missing, &format!("{hook}, {how:?}, may be missing: {may_miss}, round {round}"));
            }
        }
    }
}

#[test]
fn a_verifier_that_fails_denies_and_only_one_that_may_be_missing_warns() {
    let archive: Arc<dyn ArchiveView> = Arc::new(OneFile::default());
    every_failure(Hook::Verification, |host, missing, case| {
        let ruling = if missing { Ruling::Warn } else { Ruling::Deny };
        let plan = host.review_plan(&job(), &[item("a"), item("b")]);
        assert!(plan.verdicts.iter().all(|verdict| verdict.ruling == ruling), "{case}: {plan:?}");
        let contents = host.review_contents(&job(), &item("a"), &archive);
        assert_eq!(contents.verdict.ruling, ruling, "{case}: {contents:?}");
        // Written down every time.
        for rows in [&plan.decisions, &contents.decisions] {
            assert!(rows.len() == 1 && rows[0].fault.is_some() && rows[0].verdict.is_none(), "{case}: {rows:?}");
        }
    });
}

#[test]
fn a_ranker_that_fails_stops_the_job_and_only_one_that_may_be_missing_leaves_the_built_in_order() {
    every_failure(Hook::VersionResolution, |host, missing, case| {
        let review = host.rank(&job(), &[package("a", 3)]);
        match review.rankings {
            Ok(rankings) => assert!(missing && rankings[0].order.is_none(), "{case}: {rankings:?}"),
            Err(fault) => assert!(!missing && !fault.policy.is_empty(), "{case}: {fault}"),
        }
    });
}

#[test]
fn a_scorer_that_fails_leaves_the_built_in_scores_and_is_marked() {
    let offence = Offence { class: OffenceClass::Flood, code: "messages".into(), today: 1, ever: 1 };
    every_failure(Hook::PeerScoring, |host, _, case| {
        let review = host.score(&job(), 1, Some(5), &peers(3));
        assert!(review.degraded && review.scores == builtin::scores(&peers(3)), "{case}: {review:?}");
        let judged = host.judge(&job(), &PeerFacts::default(), &offence);
        assert!(judged.degraded && judged.sanction == builtin::sanction(), "{case}: {judged:?}");
        assert!(!matches!(judged.sanction, Sanction::Ban(_)), "{case}");
    });
}

#[test]
fn an_adviser_that_fails_stops_and_one_that_is_not_there_leaves_the_strict_default() {
    let offered = [Origin::Store, Origin::Peers];
    for how in FAULTS.into_iter().chain(UNFIT) {
        let host = failing(Hook::FallbackPolicy, how, false);
        for _ in 0..2 {
            let route = host.route(&job(), &offered).route;
            let action = host.decide(&job(), &situation()).action;
            if FAULTS.contains(&how) {
                assert_eq!(route.unwrap_err().reason.code, "policy-failed", "{how:?}");
                assert!(matches!(&action, Action::Stop(why) if why.code == "policy-failed"), "{how:?}: {action:?}");
            } else {
                assert_eq!(route, Ok(builtin::route(&job(), &offered)), "{how:?}");
                assert_eq!(action, builtin::decide(&situation()), "{how:?}");
            }
        }
    }
}
