//! A link's settings before a policy sees them.
//!
//! Decides whether they are an object of a bounded size whose top-level keys the policy's schema knows, so that a
//! mistyped key never loosens, in whatever language the policy is written. Leaves every value to the policy's
//! `configure`. Invariant: what passes is canonical JSON, with the same digest for the same settings.

use ggen_core::hooks::{PolicyLimits, Problem};
use serde_json::{Map, Value};

use crate::error::LinkProblem;

/// What TOML dates become on their way through serde.
const TOML_DATE: &str = "$__toml_private_datetime";

/// The settings as canonical JSON text; TOML dates as strings.
pub fn text(settings: &Value) -> String {
    match settings {
        Value::Null => "{}".to_owned(),
        other => plain(other).to_string(),
    }
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => match map.get(TOML_DATE) {
            Some(date) if map.len() == 1 => date.clone(),
            _ => Value::Object(map.iter().map(|(key, value)| (key.clone(), plain(value))).collect()),
        },
        Value::Array(values) => Value::Array(values.iter().map(plain).collect()),
        other => other.clone(),
    }
}

fn problem(path: String, message: String) -> LinkProblem {
    LinkProblem::Settings { problems: vec![Problem { path, message }] }
}

/// Checks size and top-level keys against the policy's schema.
pub fn check(text: &str, settings: &Value, schema: &str, limits: &PolicyLimits) -> Result<(), LinkProblem> {
    if text.len() > limits.settings_bytes {
        let message = format!("they have {} bytes, where at most {} may be", text.len(), limits.settings_bytes);
        return Err(problem(String::new(), message));
    }
    let given = match settings {
        Value::Null => return Ok(()),
        Value::Object(given) => given,
        _ => return Err(problem(String::new(), "they are not a table".into())),
    };
    let known = properties(schema)?;
    let unknown: Vec<_> = given.keys().filter(|key| !known.contains_key(*key)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let names = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let there_are = if names.is_empty() { "it takes none".to_owned() } else { format!("there are {names}") };
    let problems = unknown.into_iter().map(|key| Problem {
        path: format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        message: format!("there is no setting `{key}`: {there_are}"),
    });
    Err(LinkProblem::Settings { problems: problems.collect() })
}

fn properties(schema: &str) -> Result<Map<String, Value>, LinkProblem> {
    let bad = |message: String| LinkProblem::Description { message };
    let schema: Value =
        serde_json::from_str(schema).map_err(|e| bad(format!("the settings schema is no JSON: {e}")))?;
    let Value::Object(mut schema) = schema else {
        return Err(bad("the settings schema is no JSON object".into()));
    };
    match schema.remove("properties") {
        None => Ok(Map::new()),
        Some(Value::Object(properties)) => Ok(properties),
        Some(_) => Err(bad("`properties` of the settings schema is no object".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCHEMA: &str = r#"{"type":"object","properties":{"deny":{"type":"array"},"min_age":{}}}"#;

    fn refusal(settings: &Value, schema: &str) -> String {
        check(&text(settings), settings, schema, &PolicyLimits::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_mistyped_key_is_named_with_those_there_are() {
        let text = refusal(&json!({"dney": [], "deny": []}), SCHEMA);
        assert!(text.contains("/dney: there is no setting `dney`: there are deny, min_age"), "{text}");
        assert!(refusal(&json!({"x": 1}), r#"{"type":"object"}"#).contains("it takes none"));
    }

    #[test]
    fn settings_are_a_bounded_table_and_the_schema_is_sound() {
        assert!(refusal(&json!([1]), SCHEMA).contains("not a table"));
        assert!(refusal(&json!({"deny": "x".repeat(70_000)}), SCHEMA).contains("bytes"));
        assert!(refusal(&json!({"a": 1}), "nonsense").contains("schema is no JSON"));
        for fine in [Value::Null, json!({}), json!({"deny": [1]})] {
            assert!(check(&text(&fine), &fine, SCHEMA, &PolicyLimits::default()).is_ok());
        }
    }

    #[test]
    fn toml_dates_become_strings() {
        let given = json!({"before": {TOML_DATE: "2026-01-01"}, "list": [{TOML_DATE: "2026-01-02"}]});
        assert_eq!(text(&given), r#"{"before":"2026-01-01","list":["2026-01-02"]}"#);
    }
}
