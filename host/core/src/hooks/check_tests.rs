//! What counts as a sound answer, case by case.

use super::*;
use crate::hooks::{Attempt, Ban, Exclusion, Network, Reach, Trouble};

fn limits() -> PolicyLimits {
    PolicyLimits::default()
}

fn why() -> Reason {
    Reason::new("because", "It is so.")
}

#[test]
fn texts_lose_controls_and_are_cut_at_a_characters_end() {
    assert_eq!(clean_text("a\u{1b}[31mb\u{202e}c\nd", 100), "a[31mbc d");
    assert_eq!(clean_text("ööööö", 8), "öö…");
    assert_eq!(clean_text("öö", 4), "öö");
    assert_eq!(clean_text("abc", 2), "");
}

#[test]
fn codes_have_one_shape() {
    assert!(is_code("first-use-1"));
    for bad in ["", "First", "a b", "ä", &"x".repeat(65)] {
        assert!(!is_code(bad), "{bad}");
        let given = Reason::new(bad, "m");
        assert!(matches!(reason(given, &limits()), Err(BadAnswer::Code { .. })));
    }
}

#[test]
fn an_objection_has_one_to_sixteen_reasons() {
    for count in [0, 17] {
        let given = Verdict::Deny(vec![why(); count]);
        let bad = verdict(given, &limits()).unwrap_err();
        assert_eq!(bad, BadAnswer::Reasons { got: count, most: 16 });
    }
    assert!(verdict(Verdict::Warn(vec![why(); 16]), &limits()).is_ok());
    assert!(matches!(verdicts(vec![], 1, &limits()), Err(BadAnswer::Length { got: 0, wanted: 1 })));
}

#[test]
fn scores_are_numbers_between_zero_and_one() {
    assert_eq!(scores(vec![0.0, 1.0], 2), Ok(vec![0.0, 1.0]));
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(scores(vec![0.5, bad], 2), Err(BadAnswer::Score { index: 1, .. })));
    }
    assert_eq!(scores(vec![0.5], 2), Err(BadAnswer::Length { got: 1, wanted: 2 }));
}

#[test]
fn sanctions_stay_under_the_caps() {
    let limits = limits();
    let ban = |seconds| Sanction::Ban(Ban { seconds, reach: Reach::Peer });
    assert!(sanction(ban(limits.ban_seconds), &limits).is_ok());
    assert!(sanction(ban(limits.ban_seconds + 1), &limits).is_err());
    assert!(sanction(Sanction::Avoid(limits.avoid_seconds + 1), &limits).is_err());
}

#[test]
fn rankings_name_each_candidate_once() {
    let excluded = |candidate| Exclusion { candidate, reason: why() };
    let rank = |order: &[u32], out: &[u32]| {
        let order = Some(order.to_vec());
        let excluded = out.iter().map(|c| excluded(*c)).collect();
        ranking(Ranking { order, excluded }, 3, &limits())
    };
    assert!(rank(&[2, 0], &[1]).is_ok());
    assert_eq!(rank(&[2, 0, 2], &[]), Err(BadAnswer::IndexTwice { index: 2 }));
    assert_eq!(rank(&[2, 1, 0], &[1]), Err(BadAnswer::IndexTwice { index: 1 }));
    assert_eq!(rank(&[3], &[]), Err(BadAnswer::IndexOutOfRange { index: 3, count: 3 }));
    assert_eq!(rank(&[0, 1], &[]), Err(BadAnswer::OrderIncomplete { missing: 1 }));
    let no_order = Ranking { order: None, excluded: vec![excluded(0)] };
    assert!(ranking(no_order, 3, &limits()).is_ok());
}

#[test]
fn routes_keep_to_what_was_offered() {
    let stage = |origins: &[Origin], within_ms| Stage { origins: origins.to_vec(), within_ms };
    let check = |stages: Vec<Stage>| route(Ok(stages), &[Origin::Store, Origin::Peers], &limits());
    assert!(check(vec![stage(&[Origin::Store], None), stage(&[Origin::Peers], Some(5))]).is_ok());
    assert_eq!(check(vec![stage(&[Origin::Bundled], None)]), Err(BadAnswer::NotOffered { origin: Origin::Bundled }));
    assert_eq!(
        check(vec![stage(&[Origin::Store, Origin::Store], None)]),
        Err(BadAnswer::OriginTwice { origin: Origin::Store })
    );
    assert!(matches!(check(vec![stage(&[Origin::Store], Some(u32::MAX))]), Err(BadAnswer::OverCap { .. })));
    assert!(matches!(check(vec![stage(&[], None); 17]), Err(BadAnswer::OverCap { .. })));
}

#[test]
fn actions_stay_on_the_route() {
    let attempt = Attempt {
        origin: Origin::Registry,
        trouble: Trouble::Unreachable,
        code: "registry-unreachable".into(),
        elapsed_ms: 1,
    };
    let situation = Situation {
        trouble: Trouble::TimedOut,
        code: "lookup-timeout".into(),
        origin: Origin::Peers,
        package: None,
        attempt: 1,
        elapsed_ms: 2,
        left_ms: 3,
        network: Network::Degraded,
        tried: vec![attempt],
        untried: vec![Origin::Bundled],
        facts: vec![],
    };
    let check = |given| action(given, &situation, &limits());
    for origin in [Origin::Registry, Origin::Peers, Origin::Bundled] {
        assert!(check(Action::TurnTo(origin)).is_ok());
    }
    assert!(check(Action::TurnTo(Origin::File)).is_err());
    assert!(check(Action::Retry(u32::MAX)).is_err());
    assert!(check(Action::Stop(Reason::new("NO", ""))).is_err());
    assert_eq!(check(Action::Abstain), Ok(Action::Abstain));
}
