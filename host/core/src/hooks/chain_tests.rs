//! The chain rules of each hook, case by case.

use super::*;
use crate::hooks::{Exclusion, Reach};

fn why(code: &str) -> Reason {
    Reason::new(code, "so")
}

fn codes(combined: &Combined) -> Vec<(&str, &str)> {
    combined.by.iter().map(|a| (a.policy.as_str(), a.reason.code.as_str())).collect()
}

#[test]
fn the_strictest_verdict_stands_and_every_reason_is_kept() {
    let warn = Verdict::Warn(vec![why("new")]);
    let deny = Verdict::Deny(vec![why("bad"), why("worse")]);
    let links = [("org", vec![Verdict::Allow, warn]), ("user", vec![deny, Verdict::Allow])];
    let both = plan(2, &links);
    assert_eq!(both[0].ruling, Ruling::Deny);
    assert_eq!(codes(&both[0]), [("user", "bad"), ("user", "worse")]);
    assert_eq!(both[1].ruling, Ruling::Warn);
    assert_eq!(codes(&both[1]), [("org", "new")]);
}

#[test]
fn a_plans_item_that_nobody_allows_is_denied() {
    for links in [vec![], vec![("a", vec![Verdict::Abstain])]] {
        let combined = plan(1, &links);
        assert_eq!(combined[0].ruling, Ruling::Deny);
        assert_eq!(codes(&combined[0]), [(HOST, "no-policy-responsible")]);
    }
    let passed = plan(1, &[("a", vec![Verdict::PassOver(vec![why("old")])])]);
    assert_eq!(passed[0].ruling, Ruling::PassOver);
}

#[test]
fn on_contents_abstaining_is_consent_and_passing_over_is_denying() {
    assert_eq!(contents(&[]).ruling, Ruling::Allow);
    assert_eq!(contents(&[("a", Verdict::Abstain)]).ruling, Ruling::Allow);
    let over = Verdict::PassOver(vec![why("shell")]);
    assert_eq!(contents(&[("a", Verdict::Allow), ("b", over)]).ruling, Ruling::Deny);
}

#[test]
fn the_lowest_score_and_the_strictest_sanction_stand() {
    assert_eq!(scores(&[]), None);
    assert_eq!(scores(&[vec![0.5, 0.9], vec![0.7, 0.1]]), Some(vec![0.5, 0.1]));
    let ban = |seconds, reach| Sanction::Ban(Ban { seconds, reach });
    assert_eq!(sanction(&[]), Sanction::None);
    assert_eq!(sanction(&[Sanction::Avoid(5), Sanction::Avoid(9)]), Sanction::Avoid(9));
    assert_eq!(sanction(&[Sanction::Avoid(9), ban(1, Reach::Peer), Sanction::None]), ban(1, Reach::Peer));
    assert_eq!(sanction(&[ban(9, Reach::Peer), ban(1, Reach::Subnet)]), ban(9, Reach::Subnet));
}

#[test]
fn the_first_order_stands_without_what_any_link_excludes() {
    let excluded = |candidate| vec![Exclusion { candidate, reason: why("frozen") }];
    let links = [
        ("a", Ranking { order: None, excluded: excluded(0) }),
        ("b", Ranking { order: Some(vec![2, 1, 0]), excluded: vec![] }),
        ("c", Ranking { order: Some(vec![0, 1]), excluded: excluded(2) }),
    ];
    let ranked = ranking(&links);
    assert_eq!(ranked.order, Some(vec![1]));
    assert_eq!(ranked.ordered_by.as_deref(), Some("b"));
    let out: Vec<_> = ranked.excluded.iter().map(|e| (e.policy.as_str(), e.candidate)).collect();
    assert_eq!(out, [("a", 0), ("c", 2)]);
}

#[test]
fn later_links_only_remove_or_shorten_a_route() {
    let stage = |origins: &[Origin], within_ms| Stage { origins: origins.to_vec(), within_ms };
    use Origin::{Bundled, Peers, Registry, Store};
    let first = Ok(vec![stage(&[Store, Registry], None), stage(&[Peers], Some(100))]);
    let second = Ok(vec![stage(&[Peers, Bundled], Some(500)), stage(&[Store], Some(50))]);
    let both = route(&[("a", first.clone()), ("b", second.clone())]).unwrap().unwrap();
    assert_eq!(both, [stage(&[Store], Some(50)), stage(&[Peers], Some(100))]);

    let stop = route(&[("a", first), ("b", Err(why("air-gap"))), ("c", second)]).unwrap_err();
    assert_eq!((stop.policy.as_str(), stop.reason.code.as_str()), ("b", "air-gap"));
    assert_eq!(route(&[]), Ok(None));
}

#[test]
fn the_first_link_that_does_not_abstain_decides() {
    let links = [("a", Action::Abstain), ("b", Action::Retry(1)), ("c", Action::Retry(2))];
    assert_eq!(decide(&links), Some(("b", Action::Retry(1))));
    assert_eq!(decide(&links[..1]), None);
}

mod adding_a_link {
    use super::*;
    use proptest::prelude::*;

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            Just(Verdict::Abstain),
            Just(Verdict::Allow),
            Just(Verdict::Warn(vec![why("w")])),
            Just(Verdict::PassOver(vec![why("p")])),
            Just(Verdict::Deny(vec![why("d")])),
        ]
    }

    proptest! {
        #[test]
        fn never_loosens_an_objection(said in prop::collection::vec(verdict(), 1..5), more in verdict()) {
            let links = |all: &[Verdict]| -> Vec<(&str, Vec<Verdict>)> {
                all.iter().map(|v| ("x", vec![v.clone()])).collect()
            };
            let before = plan(1, &links(&said))[0].clone();
            let mut longer = said.clone();
            longer.push(more);
            let after = plan(1, &links(&longer))[0].clone();
            let nobody = said.iter().all(|v| *v == Verdict::Abstain);
            prop_assert!(nobody || after.ruling >= before.ruling);
        }
    }
}
