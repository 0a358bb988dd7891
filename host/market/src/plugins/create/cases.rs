//! The first cases of a new policy: ordinary questions, with what its template answers.
//!
//! Decides nothing. Invariant: a new crate passes its own cases.

use ggen_core::hooks::{Hook, OffenceClass, Origin, Question};
use serde_json::{Value, json};

use crate::plugins::typical;

/// One case: its name, question, settings and answer.
type Case = (&'static str, Question, Option<Value>, Value);

fn verification() -> Vec<Case> {
    let plan = || typical::plan(vec![typical::item("web-framework", "2.1.0")]);
    let denied = json!({ "deny": [{
        "code": "name",
        "message": "web-framework is on the list of packages that may not be used",
        "hint": "ask whoever keeps this machine's policy"
    }]});
    vec![
        ("nothing-against-it", plan(), None, json!(["abstain"])),
        ("on-the-list", plan(), Some(json!({ "deny_names": ["web-*"] })), json!([denied])),
    ]
}

fn resolution() -> Vec<Case> {
    let rank = || typical::rank(&["3.0.0-rc.1", "2.1.0", "2.0.0"]);
    let reason = json!({ "code": "skipped", "message": "web-framework 2.1.0 is on the list to skip", "hint": null });
    let skipped = json!([{ "order": [2, 0], "excluded": [{ "candidate": 1, "reason": reason }] }]);
    vec![
        ("newest-first", rank(), None, json!([{ "order": [1, 2, 0], "excluded": [] }])),
        ("skipped", rank(), Some(json!({ "skip": ["web-framework@2.1.0"] })), skipped),
    ]
}

fn scoring() -> Vec<Case> {
    let ban = json!({ "ban": { "seconds": 604_800, "reach": "peer" } });
    vec![
        ("good-before-bad", typical::score(&[(4.0, 0.0), (0.0, 4.0)]), None, json!([0.75, 0.25])),
        ("a-lie", typical::judge(OffenceClass::CorruptData, "chunk-digest"), None, ban),
    ]
}

fn fallback() -> Vec<Case> {
    let stage = |origin: &str| json!({ "origins": [origin], "within_ms": null });
    let route = typical::route(&[Origin::Store, Origin::Peers]);
    vec![
        ("nearest-first", route, None, json!({ "Ok": [stage("store"), stage("peers")] })),
        ("tried-again", typical::timed_out(1), None, json!({ "retry": 250 })),
        ("then-left", typical::timed_out(2), None, json!({ "turn-to": "bundled" })),
    ]
}

/// The files of a hook's cases, with their paths.
pub(super) fn of(hook: Hook) -> Vec<(String, String)> {
    let cases = match hook {
        Hook::Verification => verification(),
        Hook::VersionResolution => resolution(),
        Hook::PeerScoring => scoring(),
        Hook::FallbackPolicy => fallback(),
    };
    let mut files = Vec::new();
    for (name, question, settings, answer) in cases {
        let expected = json!({ "call": question.call(), "answer": answer });
        let mut put = |file: &str, value: &Value| {
            let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
            files.push((format!("cases/{name}/{file}"), text));
        };
        put("input.json", &serde_json::to_value(&question).unwrap_or_default());
        if let Some(settings) = &settings {
            put("settings.json", settings);
        }
        put("expected.json", &expected);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_core::hooks::Answer;

    #[test]
    fn every_case_is_one_and_its_answer_is_in_the_spelling_of_answers() {
        for hook in Hook::ALL {
            let files = of(hook);
            assert!(files.len() >= 4, "{hook}");
            for (path, text) in files {
                if path.ends_with("input.json") {
                    assert_eq!(serde_json::from_str::<Question>(&text).unwrap().hook(), hook, "{path}");
                } else if path.ends_with("expected.json") {
                    let answer: Answer = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
                    let written: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(serde_json::to_value(answer).unwrap(), written, "{path}");
                }
            }
        }
    }
}
