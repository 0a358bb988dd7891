//! How bad a record says it is: CVSS vectors, or a word. The gravest counts.

use serde_json::Value;

use crate::hooks::Severity;

/// The gravest of scores (`(type, score)`) and of the words that databases add; unknown where nothing is understood.
pub(super) fn gravest<'a>(
    scores: impl Iterator<Item = (&'a str, &'a str)>,
    specific: impl Iterator<Item = &'a Value>,
) -> Severity {
    let scores = scores.map(|(kind, score)| if kind.starts_with("CVSS") { of_vector(score) } else { of_word(score) });
    let words = specific.filter_map(|value| value.get("severity")?.as_str()).map(of_word);
    scores.chain(words).max().unwrap_or(Severity::Unknown)
}

fn of_vector(vector: &str) -> Severity {
    match vector.parse::<cvss::Cvss>().map(|vector| vector.severity()) {
        Ok(cvss::Severity::None | cvss::Severity::Low) => Severity::Low,
        Ok(cvss::Severity::Medium) => Severity::Medium,
        Ok(cvss::Severity::High) => Severity::High,
        Ok(cvss::Severity::Critical) => Severity::Critical,
        Err(_) => Severity::Unknown,
    }
}

fn of_word(word: &str) -> Severity {
    match word.to_ascii_lowercase().as_str() {
        "negligible" | "low" => Severity::Low,
        "moderate" | "medium" => Severity::Medium,
        "important" | "high" => Severity::High,
        "critical" => Severity::Critical,
        _ => Severity::Unknown,
    }
}
