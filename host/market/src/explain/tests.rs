//! One job told: refusals, versions, holders.

use ggen_core::hooks::Question;
use serde_json::{Value, json};

use super::*;

fn item(name: &str, version: &str) -> Value {
    json!({
        "release": {
            "name": name, "version": version, "publisher": "p", "digest": "d", "archive_size": 1000,
            "unpacked_size": 1, "file_count": 1, "published": 1
        },
        "evidence": { "signed": true, "witnessed": 1 }, "origin": "peers", "direct": true
    })
}

/// A row of one job; `input` gets its job, `id` orders.
fn row(id: i64, policy: &str, mode: &str, mut input: Value, verdict: &Value) -> Told {
    input["job"] = json!({ "now": 5, "task": "install" });
    let call = input["call"].as_str().unwrap().to_owned();
    let question: Question = serde_json::from_value(input.clone()).unwrap();
    let fault = verdict["fault"].as_str().map(str::to_owned);
    let row = DecisionRow {
        id,
        time: 5,
        hook: question.hook().to_string(),
        call,
        subject: String::new(),
        packages: Vec::new(),
        policy: policy.to_owned(),
        version: "1.0.0".to_owned(),
        digest: String::new(),
        settings: "{}".to_owned(),
        input_digest: ggen_core::Digest::of(input.to_string().as_bytes()),
        input: input.to_string(),
        verdict: verdict.to_string(),
        reasons: Vec::new(),
        fault,
        replayable: true,
        log: Vec::new(),
        fuel: 1,
        micros: 1,
        limit: None,
        place: 0,
        mode: mode.to_owned(),
    };
    Told::of(row).unwrap()
}

fn plan(items: &[Value]) -> Value {
    json!({ "call": "review-plan", "plan": items })
}

fn reviewed(verdicts: Value) -> Value {
    json!({ "call": "review-plan", "answer": verdicts })
}

fn reason(code: &str, message: &str) -> Value {
    json!([{ "code": code, "message": message }])
}

fn told(rows: &[Told]) -> ExplainAnswer {
    explain(&"web".parse().unwrap(), rows, &|row| (row.policy == "locked").then(|| "/etc/policy.toml".to_owned()))
}

#[track_caller]
fn says(answer: &ExplainAnswer, sentence: &str) {
    assert!(answer.sentences.iter().any(|one| one == sentence), "{sentence:?} in {:#?}", answer.sentences);
}

#[test]
fn a_denial_is_told_with_its_policy_its_lock_and_who_only_watches() {
    let question = || plan(&[item("web", "2.1.0")]);
    let denied = reason("license", "GPL-3.0-only is not on the list.");
    let answer = told(&[
        row(1, "signed-releases", "enforce", question(), &reviewed(json!(["allow"]))),
        row(2, "locked", "enforce", question(), &reviewed(json!([{ "deny": denied }]))),
        row(3, "minimum-age", "shadow", question(), &reviewed(json!([{ "pass-over": reason("too-new", "too new") }]))),
    ]);
    assert_eq!(
        (answer.verdict, answer.version.as_deref(), answer.task.as_deref()),
        (Some("deny"), Some("2.1.0"), Some("install"))
    );
    says(&answer, "web 2.1.0 was refused.");
    says(&answer, "locked, locked by /etc/policy.toml, denied it: GPL-3.0-only is not on the list (license).");
    says(&answer, "minimum-age, which only watches, would have passed it over: too new (too-new).");
    assert_eq!(answer.reasons.len(), 2);
    assert_eq!(answer.decisions, [1, 2, 3]);
}

#[test]
fn what_nobody_answers_for_and_what_a_fault_means_are_told() {
    let question = || plan(&[item("web", "2.1.0")]);
    let answer = told(&[row(1, "minimum-age", "enforce", question(), &reviewed(json!(["abstain"])))]);
    assert_eq!(answer.verdict, Some("deny"));
    says(&answer, "No verification policy allows it (no-policy-responsible).");
    let answer = told(&[row(1, "mine", "enforce", question(), &json!({ "fault": "it ran out of fuel" }))]);
    assert_eq!(answer.verdict, Some("deny"));
    says(&answer, "mine gave no answer (it ran out of fuel): a verifier that fails denies.");
}

#[test]
fn another_package_of_the_plan_that_is_denied_is_named() {
    let question = plan(&[item("dep", "1.0.0"), item("web", "2.1.0")]);
    let verdicts = json!([{ "deny": reason("license", "no") }, "allow"]);
    let answer = told(&[row(1, "signed-releases", "enforce", question, &reviewed(verdicts))]);
    assert_eq!(answer.verdict, Some("allow"));
    says(
        &answer,
        "dep 1.0.0 was denied with it, and a plan is used as a whole: see `ggen policy explain` of that name.",
    );
}

#[test]
fn the_version_is_told_from_the_order_and_what_was_passed_over_before() {
    let candidate = |version: &str| json!({ "version": version, "published": 1, "witnessed": 1 });
    let ranked = json!({ "call": "rank", "packages": [{
        "request": { "name": "web", "publisher": "p" },
        "candidates": [candidate("3.0.0"), candidate("2.2.0"), candidate("2.1.0")]
    }]});
    let excluded = json!([{ "excluded": [{ "candidate": 0, "reason": { "code": "frozen", "message": "too late" } }] }]);
    let order = json!([{ "order": [0, 1, 2] }]);
    let passed = json!([{ "pass-over": reason("yanked", "it is yanked") }]);
    let answer = told(&[
        row(1, "freeze", "enforce", ranked.clone(), &json!({ "call": "rank", "answer": excluded })),
        row(2, "newest-compatible", "enforce", ranked, &json!({ "call": "rank", "answer": order })),
        row(3, "signed-releases", "enforce", plan(&[item("web", "2.2.0")]), &reviewed(passed)),
        row(4, "signed-releases", "enforce", plan(&[item("web", "2.1.0")]), &reviewed(json!(["allow"]))),
    ]);
    assert_eq!((answer.version.as_deref(), answer.verdict), (Some("2.1.0"), Some("allow")));
    says(&answer, "web 2.2.0 was passed over by signed-releases: it is yanked (yanked).");
    says(&answer, "web 2.1.0 was let in.");
    says(&answer, "Of its 3 known versions, newest-compatible would rather have 2.2.0, then 2.1.0.");
    says(&answer, "web 3.0.0 was excluded by freeze: too late (frozen).");
    assert!(answer.sentences.iter().any(|one| one.starts_with("2.1.0 stood at place 2")), "{:?}", answer.sentences);
    let places: Vec<_> = answer.versions.iter().map(|v| (v.version.as_str(), v.place)).collect();
    assert_eq!(places, [("3.0.0", None), ("2.2.0", Some(1)), ("2.1.0", Some(2))]);
}

#[test]
fn holders_are_told_by_the_scores_of_this_packages_download() {
    let tally = |good: f64| json!({ "successes": good, "failures": 0.0, "timeouts": 0.0, "corruptions": 0.0 });
    let peer = |good: f64| json!({ "day": tally(0.0), "month": tally(good), "first_seen": 1 });
    let score = |bytes: u64| json!({ "call": "score", "seed": 1, "bytes": bytes, "peers": [peer(1.0), peer(12.0)] });
    let scores = |scores: Value| json!({ "call": "score", "answer": scores });
    let route = json!({ "call": "route", "offered": ["store", "peers"] });
    let routed = json!({ "call": "route", "answer": { "Ok": [{ "origins": ["store"] }, { "origins": ["peers"] }] } });
    let answer = told(&[
        row(1, "graceful-degradation", "enforce", route, &routed),
        row(2, "signed-releases", "enforce", plan(&[item("web", "2.1.0")]), &reviewed(json!(["allow"]))),
        row(3, "beta-reputation", "enforce", score(7), &scores(json!([0.9, 0.9]))),
        row(4, "beta-reputation", "enforce", score(1000), &scores(json!([0.25, 0.75]))),
    ]);
    says(&answer, "It might come from: store, peers (graceful-degradation).");
    says(&answer, "2 holders held it, asked best first by beta-reputation's scores: 0.75, 0.25.");
    says(&answer, "The best had 12.0 good and 0.0 bad answers in the last month.");
    assert_eq!(answer.holders.iter().map(|h| h.score).collect::<Vec<_>>(), [0.75, 0.25]);
}

#[test]
fn nothing_in_the_log_is_nothing_to_tell() {
    let answer = told(&[]);
    assert!(answer.time.is_none() && answer.sentences.is_empty() && answer.verdict.is_none());
}
