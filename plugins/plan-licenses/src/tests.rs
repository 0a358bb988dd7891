//! The lists over whole plans.

use super::*;
use ggen_plugin_sdk::testing::{configured, item, job};

const LISTS: &str = r#"{"allow":["MIT","Apache-2.0","GPL-2.0-only WITH Classpath-exception-2.0"],"deny":["ISC"]}"#;

fn licensed(name: &str, license: &str) -> Item {
    let mut item = item(name, "1.0.0");
    item.release.license = Some(license.to_owned());
    item
}

fn needed(name: &str, license: &str, by: &[&str]) -> Item {
    let mut item = licensed(name, license);
    item.direct = false;
    item.requested_by = by.iter().map(|name| (*name).to_owned()).collect();
    item
}

fn verdicts(settings: &str, plan: &[Item]) -> Vec<Verdict> {
    configured::<PlanLicenses>(settings).unwrap().review_plan(&job(), plan)
}

fn one(settings: &str, license: &str) -> Verdict {
    verdicts(settings, &[licensed("a", license)]).remove(0)
}

#[test]
fn without_lists_it_has_no_opinion() {
    let mut none = item("a", "1.0.0");
    none.release.license = None;
    assert_eq!(verdicts("{}", &[none, licensed("b", "GPL-3.0-only")]), [Verdict::Abstain, Verdict::Abstain]);
}

#[test]
fn or_needs_one_way_and_needs_all_and_with_may_be_listed() {
    for fine in [
        "MIT",
        "mit",
        "MIT OR GPL-3.0-only",
        "MIT AND Apache-2.0",
        "(GPL-3.0-only OR MIT) AND Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "ISC OR MIT",
    ] {
        assert_eq!(one(LISTS, fine), Verdict::Abstain, "{fine}");
    }
    for bad in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "GPL-2.0-only", "ISC", "MIT AND ISC", "ISC OR GPL-3.0-only"] {
        let denied = one(LISTS, bad);
        assert!(matches!(denied, Verdict::Deny(_)), "{bad}: {denied:?}");
        assert_eq!(denied.codes(), ["license"], "{bad}");
    }
}

#[test]
fn a_licence_on_both_lists_is_denied() {
    let both = r#"{"allow":["MIT","ISC"],"deny":["ISC"]}"#;
    assert_eq!(one(both, "MIT OR ISC"), Verdict::Abstain);
    assert_eq!(one(both, "ISC").codes(), ["license"]);
    // Each list alone leaves a way, both together leave none.
    let denied = one(r#"{"allow":["ISC"],"deny":["ISC"]}"#, "MIT OR ISC");
    assert_eq!(
        denied.reasons()[0].message,
        "a 1.0.0 is under MIT OR ISC, which offers no way with what the lists of licences allow"
    );
}

#[test]
fn a_denial_names_the_way_from_what_was_asked_for() {
    let plan = [
        needed("viral", "AGPL-3.0-only", &["http-core", "far"]),
        needed("far", "MIT", &["http-core"]),
        needed("http-core", "MIT", &["web"]),
        licensed("web", "MIT"),
    ];
    let verdicts = verdicts(r#"{"deny":["AGPL-3.0-only"]}"#, &plan);
    assert_eq!(
        verdicts[0].reasons()[0].message,
        "viral 1.0.0 is under AGPL-3.0-only, which is on the list of denied licences (needed by web → http-core)"
    );
    assert!(verdicts[1..].iter().all(|verdict| *verdict == Verdict::Abstain));
}

#[test]
fn what_the_user_asked_for_has_no_way() {
    let denied = one(r#"{"allow":["MIT"]}"#, "ISC");
    assert_eq!(denied.reasons()[0].message, "a 1.0.0 is under ISC, which is not on the list of licences");
}

#[test]
fn a_circle_and_a_long_way_end() {
    let circle = [needed("a", "ISC", &["b"]), needed("b", "ISC", &["a"])];
    for verdict in verdicts(LISTS, &circle) {
        assert!(!verdict.reasons()[0].message.contains("needed by"), "nobody asked for either");
    }
    let mut plan: Vec<Item> =
        (0..200).map(|n| needed(&format!("p{n}"), "MIT", &[format!("p{}", n + 1).as_str()])).collect();
    plan[0].release.license = Some("ISC".into());
    plan.push(licensed("p200", "MIT"));
    let message = verdicts(LISTS, &plan)[0].reasons()[0].message.clone();
    assert!(message.ends_with("(needed by p200 → p199 → p198 → p197 → … → p4 → p3 → p2 → p1)"), "{message}");
}

#[test]
fn what_states_no_licence_is_as_the_operator_says() {
    let mut none = item("a", "1.0.0");
    none.release.license = None;
    let mut odd = none.clone();
    odd.release.claims = vec![("license".into(), "do what you like".into())];
    let denied = verdicts(LISTS, &[none.clone(), odd]);
    assert!(denied.iter().all(|verdict| matches!(verdict, Verdict::Deny(_)) && verdict.codes() == ["no-license"]));
    assert!(denied[1].reasons()[0].message.contains("do what you like"));
    let with = |unstated: &str| verdicts(&format!(r#"{{"deny":["ISC"],"unstated":"{unstated}"}}"#), &[none.clone()]);
    assert!(matches!(with("warn")[0], Verdict::Warn(_)));
    assert_eq!(with("accept"), [Verdict::Abstain]);
}

#[test]
fn names_are_exempt_where_listed() {
    let exempt = r#"{"allow":["MIT"],"exempt_names":["acme-*"]}"#;
    let verdicts = verdicts(exempt, &[licensed("acme-tool", "ISC"), licensed("tool", "ISC")]);
    assert_eq!(verdicts[0], Verdict::Abstain);
    assert_eq!(verdicts[1].codes(), ["license"]);
}

#[test]
fn a_mistyped_setting_is_refused() {
    assert_eq!(configured::<PlanLicenses>(r#"{"allowed":["MIT"]}"#).unwrap_err()[0].path, "/allowed");
    assert_eq!(configured::<PlanLicenses>(r#"{"unstated":"ignore"}"#).unwrap_err()[0].path, "/unstated");
}
