//! One policy asked recorded questions outside any chain.

use ggen_core::hooks::{Hook, Question, Traits};
use ggen_core::reputation::{Outcome, PeerRecord};

use super::*;
use crate::{Asker, Decision, Limit, LinkProblem};

pub(super) fn committed(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../plugins/dist/{name}.wasm"))).unwrap()
}

fn asker(bytes: &[u8]) -> Asker {
    Asker::open(bytes, "{}", &PolicyLimits::default(), None, None).unwrap()
}

/// Peers with outcomes whose weights have faded to crooked numbers.
fn faded(count: u64) -> Vec<PeerFacts> {
    let peer = |n: u64| {
        let mut record = PeerRecord::new(0);
        record.record(Outcome::TimedOut, 1000 * n);
        for served in 1..=n % 5 {
            let outcome =
                Outcome::Served { bytes: 7919 * n, elapsed_ms: 13 * served, latency_ms: Some(0.37 * n as f64) };
            record.record(outcome, 7_777_777 * n);
        }
        record.facts(1_000_000_000, Traits::default())
    };
    (0..count).map(peer).collect()
}

fn rows() -> Vec<(&'static str, Decision)> {
    let host_of = |hook, name| host(hook, &[committed(name)]);
    let mut rows = Vec::new();
    let host = host_of(Hook::Verification, "signed-releases");
    rows.push(("signed-releases", host.review_plan(&job(), &[item("a"), item("b")]).decisions.remove(0)));
    let host = host_of(Hook::VersionResolution, "newest-compatible");
    rows.push(("newest-compatible", host.rank(&job(), &[chains::package("a", 5)]).decisions.remove(0)));
    let host = host_of(Hook::PeerScoring, "beta-reputation");
    rows.push(("beta-reputation", host.score(&job(), 7, Some(25_000), &faded(50)).decisions.remove(0)));
    let host = host_of(Hook::FallbackPolicy, "graceful-degradation");
    rows.push(("graceful-degradation", host.route(&job(), &[Origin::Store, Origin::Peers]).decisions.remove(0)));
    rows.push(("graceful-degradation", host.decide(&job(), &chains::situation()).decisions.remove(0)));
    rows
}

#[test]
fn a_recorded_question_gets_the_same_bytes_for_the_same_fuel() {
    for (name, row) in rows() {
        assert_eq!(row.fault, None);
        let mut asker = asker(&committed(name));
        assert_eq!(asker.digest(), row.digest);
        let question: Question = serde_json::from_str(&row.input).unwrap();
        for _ in 0..2 {
            let again = asker.ask(&question, None);
            assert_eq!(again.input, row.input, "{name}");
            let text = |of: &Decision| serde_json::to_string(&of.verdict).unwrap();
            assert_eq!((text(&again), again.fuel), (text(&row), row.fuel), "{name}");
            assert_eq!((&again.settings_digest, again.input.digest()), (&row.settings_digest, row.input.digest()));
            assert!(again.memory > 0 && asker.peak_memory() >= again.memory);
        }
        assert!(!asker.startup().cached && !asker.startup().load.is_zero());
    }
}

#[test]
fn a_question_for_another_hook_is_no_answer_and_the_next_one_works() {
    let mut asker = asker(&committed("newest-compatible"));
    let score = Question::Score { job: job(), seed: 1, bytes: None, peers: peers(1) };
    assert!(!asker.answers(&score));
    let row = asker.ask(&score, None);
    assert!(row.verdict.is_none() && row.fault.unwrap().contains("peer-scoring") && !row.replayable);
    let rank = Question::Rank { job: job(), packages: vec![chains::package("a", 2)] };
    assert!(asker.answers(&rank));
    assert!(asker.ask(&rank, None).verdict.is_some());
}

#[test]
fn a_hostile_policy_ends_as_a_row() {
    let bytes = Wat::verifier("(loop (br 0)) unreachable").build();
    let mut asker = Asker::open(&bytes, "{}", &tight(), None, None).unwrap();
    let question = Question::ReviewPlan { job: job(), plan: vec![item("a")] };
    let rows = [asker.ask(&question, None), asker.ask(&question, None)];
    assert!(rows.iter().all(|row| row.limit == Some(Limit::Fuel) && row.replayable && row.verdict.is_none()));
    assert_eq!(rows[0].fuel, rows[1].fuel);
}

#[test]
fn what_is_no_settings_or_no_policy_is_not_opened() {
    let bytes = Wat::verifier(ALLOW_ALL).build();
    let refused = |bytes: &[u8], settings: &str| {
        let opened = Asker::open(bytes, settings, &tight(), None, None);
        opened.err().map(|problem| (matches!(&*problem, LinkProblem::Settings { .. }), problem.text())).unwrap()
    };
    for (settings, what) in
        [("{", "no JSON"), ("[]", "not a table"), (r#"{"a":1}"#, "/a"), (&" ".repeat(70_000), "bytes")]
    {
        let (settings, text) = refused(&bytes, settings);
        assert!(settings && text.contains(what), "{text}");
    }
    assert!(refused(b"nonsense", "{}").1.contains("text"));
}
