//! The default policies' committed components, each asked one real question.

use ggen_core::hooks::chain::Ruling;
use ggen_core::hooks::{Action, Hook, Offence, OffenceClass, Sanction};
use serde_json::json;

use super::*;

/// One of `plugins/dist`; `GGEN_POLICY_DIST` names another build of them.
pub fn component(name: &str) -> Vec<u8> {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/dist");
    let folder = std::env::var_os("GGEN_POLICY_DIST").map_or(committed, std::path::PathBuf::from);
    let path = folder.join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A host with one of them in one chain.
fn default_host(hook: Hook, name: &'static str, settings: serde_json::Value) -> PolicyHost {
    let bytes: &'static [u8] = component(name).leak();
    let mut link = LinkConfig::new(hook, name, LinkSource::Default);
    link.settings = settings;
    let options = HostOptions { builtins: vec![BuiltIn { name, bytes }], links: vec![link], ..HostOptions::default() };
    let host = PolicyHost::open(options).unwrap();
    assert_eq!(host.show()[0].problem, None);
    assert_eq!(host.show()[0].policy, name);
    host
}

#[test]
fn signed_releases_warns_on_first_use_and_denies_another_publisher() {
    let host = default_host(Hook::Verification, "signed-releases", json!({}));
    let mut bound = item("a");
    bound.evidence.bound_publisher = Some(bound.release.publisher.clone());
    let mut other = item("b");
    other.evidence.bound_publisher = Some("f".repeat(64));
    let rulings: Vec<_> =
        host.review_plan(&job(), &[bound, item("new"), other]).verdicts.iter().map(|v| v.ruling).collect();
    assert_eq!(rulings, [Ruling::Allow, Ruling::Warn, Ruling::Deny]);
}

#[test]
fn org_allowlist_denies_what_is_not_on_its_list() {
    let host = default_host(Hook::Verification, "org-allowlist", json!({"names": ["a"]}));
    let review = host.review_plan(&job(), &[item("a"), item("b")]);
    assert!(review.verdicts[0].is_usable());
    assert_eq!(review.verdicts[1].ruling, Ruling::Deny);
}

#[test]
fn the_two_rankers_prefer_opposite_ends() {
    for (name, first) in [("newest-compatible", 0), ("minimal-versions", 2)] {
        let host = default_host(Hook::VersionResolution, name, json!({}));
        let rankings = host.rank(&job(), &[chains::package("a", 3)]).rankings.unwrap();
        assert_eq!(rankings[0].order.as_ref().unwrap()[0], first, "{name}");
    }
}

#[test]
fn beta_reputation_bans_corrupt_data() {
    let host = default_host(Hook::PeerScoring, "beta-reputation", json!({}));
    let mut good = PeerFacts::default();
    good.month.successes = 50.0;
    good.day.successes = 50.0;
    let scored = host.score(&job(), 1, Some(1000), &[good, PeerFacts::default()]);
    assert!(!scored.degraded && scored.scores[0] > scored.scores[1], "{scored:?}");
    let offence = Offence { class: OffenceClass::CorruptData, code: "chunk-digest".into(), today: 1, ever: 1 };
    let judged = host.judge(&job(), &good, &offence);
    assert!(matches!(judged.sanction, Sanction::Ban(ban) if ban.seconds == 3600), "{judged:?}");
}

#[test]
fn graceful_degradation_routes_and_goes_on() {
    let host = default_host(Hook::FallbackPolicy, "graceful-degradation", json!({}));
    let offered = [Origin::Store, Origin::Registry, Origin::Peers, Origin::Bundled];
    let route = host.route(&job(), &offered).route.unwrap();
    assert_eq!(route[0].origins[0], Origin::Store);
    let decided = host.decide(&job(), &chains::situation());
    assert!(!matches!(decided.action, Action::Abstain | Action::Stop(_)), "{decided:?}");
}
