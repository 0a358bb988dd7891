//! The rules of the failure matrix that this policy answers for.

use ggen_plugin_sdk::prelude::*;
use ggen_plugin_sdk::testing::{configured, job, job_of, situation};

use super::GracefulDegradation;
use Origin::{Bundled, File, LocalNetwork, Organization, Peers, Registry, Store};

const ALL: [Origin; 7] = [Bundled, Peers, Store, File, Organization, LocalNetwork, Registry];

fn route(job: &Job, offered: &[Origin]) -> Result<Vec<Vec<Origin>>, Reason> {
    let stages = GracefulDegradation::default().route(job, offered)?;
    Ok(stages.into_iter().map(|stage| stage.origins).collect())
}

fn decide(trouble: Trouble, code: &str, untried: &[Origin]) -> Action {
    GracefulDegradation::default().decide(&job(), &situation(trouble, code, Peers, untried))
}

#[test]
fn the_route_goes_from_near_to_far() {
    let stages = route(&job(), &ALL).unwrap();
    assert_eq!(stages, [vec![File], vec![Store, Registry, Organization], vec![LocalNetwork, Peers], vec![Bundled]]);
}

#[test]
fn only_what_was_offered_is_used() {
    assert_eq!(route(&job(), &[Bundled, Registry]).unwrap(), [vec![Registry], vec![Bundled]]);
}

#[test]
fn an_offline_job_never_touches_the_network() {
    let offline = Job { offline: true, ..job() };
    assert_eq!(route(&offline, &ALL).unwrap(), [vec![File], vec![Store, Registry], vec![Bundled]]);
    let nowhere = route(&offline, &[Peers, Organization]).unwrap_err();
    assert_eq!((nowhere.code.as_str(), nowhere.hint.is_some()), ("no-origin", true));
}

#[test]
fn a_search_asks_everybody_side_by_side() {
    let stages = route(&job_of(Task::Search), &ALL).unwrap();
    assert_eq!(stages.len(), 1);
    assert_eq!(stages[0].len(), ALL.len());
}

#[test]
fn an_unreachable_network_leaves_the_local_registry() {
    assert_eq!(decide(Trouble::Unreachable, "bootstrap-unreachable", &[Bundled]), Action::TurnTo(Bundled));
    let Action::Degrade(reason) = decide(Trouble::Unreachable, "bootstrap-unreachable", &[]) else {
        panic!("expected to carry on");
    };
    assert_eq!(reason.code, "bootstrap-unreachable");
    assert_eq!(reason.message, "P2P network unreachable, using local registry");
}

#[test]
fn a_lookup_is_tried_once_more_and_then_left() {
    let search = job_of(Task::Search);
    let mut now = situation(Trouble::TimedOut, "lookup-timeout", Peers, &[]);
    let policy = GracefulDegradation::default();
    assert_eq!(policy.decide(&search, &now), Action::Retry(250));
    now.attempt = 2;
    let Action::Degrade(reason) = policy.decide(&search, &now) else { panic!("expected to carry on") };
    assert_eq!(reason.code, "lookup-timeout");
    now.attempt = 1;
    now.left_ms = 100;
    assert!(matches!(policy.decide(&search, &now), Action::Degrade(_)), "no time is left to try again");
}

#[test]
fn an_install_that_timed_out_turns_to_what_is_left() {
    let mut now = situation(Trouble::TimedOut, "lookup-timeout", Peers, &[Bundled]);
    now.attempt = 2;
    assert_eq!(GracefulDegradation::default().decide(&job(), &now), Action::TurnTo(Bundled));
}

#[test]
fn a_suspected_partition_is_told() {
    let Action::Degrade(reason) = decide(Trouble::Incomplete, "partition-suspected", &[Bundled]) else {
        panic!("expected to carry on");
    };
    assert_eq!(reason.message, "Limited P2P connectivity, some packages may be unavailable");
    assert!(matches!(decide(Trouble::Incomplete, "too-few-answers", &[]), Action::Degrade(_)));
}

#[test]
fn corrupt_packages_come_from_elsewhere_or_not_at_all() {
    assert_eq!(decide(Trouble::Corrupt, "verification-failed", &[Registry, Bundled]), Action::TurnTo(Registry));
    let logged = ggen_plugin_sdk::log::take();
    assert_eq!(logged[0].1, "Package verification failed, trying alternate source");
    assert!(matches!(decide(Trouble::Corrupt, "verification-failed", &[]), Action::Stop(_)));
    assert!(matches!(decide(Trouble::Corrupt, "registry-corrupted", &[]), Action::Degrade(_)));
}

#[test]
fn when_all_holders_failed_the_next_origin_is_tried() {
    assert_eq!(decide(Trouble::Exhausted, "all-holders-failed", &[Bundled]), Action::TurnTo(Bundled));
    let Action::Stop(reason) = decide(Trouble::Exhausted, "no-holders", &[]) else { panic!("expected to stop") };
    assert_eq!(reason.code, "no-holders");
}

#[test]
fn an_operator_can_forbid_to_carry_on() {
    let strict: GracefulDegradation = configured(r#"{"degrade":false,"retries":0}"#).unwrap();
    for (trouble, code) in [(Trouble::Unreachable, "bootstrap-unreachable"), (Trouble::TimedOut, "lookup-timeout")] {
        assert!(matches!(strict.decide(&job(), &situation(trouble, code, Peers, &[])), Action::Stop(_)));
    }
}
