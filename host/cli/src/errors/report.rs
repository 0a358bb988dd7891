//! One error as it is shown and as it is answered.
//!
//! Decides nothing; see [`super`].

use std::error::Error;
use std::fmt::Display;

use serde::Serialize;
use serde_json::{Map, Value};

use super::codes::{Code, Exit};

/// Something that the user can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hint {
    /// In words.
    pub text: String,
    /// A command that does it, where one does; safe to run.
    pub command: Option<String>,
}

/// What the user gets of an error.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The stable code.
    #[serde(serialize_with = "code_text")]
    pub code: Code,
    /// One sentence.
    pub message: String,
    /// The facts, for programs.
    pub context: Map<String, Value>,
    /// What can be done.
    pub hints: Vec<Hint>,
    /// What is behind it, outermost first.
    pub caused_by: Vec<String>,
    /// Reasons and facts for people, one a line.
    #[serde(skip)]
    pub lines: Vec<String>,
}

fn code_text<S: serde::Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.text())
}

/// The most links of a chain of causes that are shown.
const MAX_CAUSES: usize = 16;

impl Report {
    /// A report with its sentence alone.
    pub fn new(code: Code, message: impl Display) -> Self {
        let (context, hints, caused_by, lines) = (Map::new(), Vec::new(), Vec::new(), Vec::new());
        Self { code, message: message.to_string(), context, hints, caused_by, lines }
    }

    /// The same with a fact, as text.
    pub fn with(self, key: &str, value: impl Display) -> Self {
        self.with_json(key, value.to_string())
    }

    /// The same with a fact, as JSON.
    pub fn with_json(mut self, key: &str, value: impl Serialize) -> Self {
        self.context.insert(key.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// The same with a line for people.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// The same with something to do.
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(Hint { text: text.into(), command: None });
        self
    }

    /// The same with a command to run.
    pub fn run(mut self, text: impl Into<String>, command: impl Into<String>) -> Self {
        self.hints.push(Hint { text: text.into(), command: Some(command.into()) });
        self
    }

    /// The same with everything that is behind `error`, but what its own sentence has already.
    pub fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = error.source();
        while let Some(cause) = next.filter(|_| self.caused_by.len() < MAX_CAUSES) {
            let text = cause.to_string();
            let told = self.caused_by.last().unwrap_or(&self.message);
            if !told.contains(&text) {
                self.caused_by.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// How the program ends with it.
    pub fn exit(&self) -> Exit {
        self.code.exit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_are_told_once_and_outermost_first() {
        let error = Outer(std::io::Error::other(Outer(std::io::Error::other("root"))));
        let report = Report::new(Code::Internal, "it failed").caused_by(&error);
        assert_eq!(report.caused_by, ["outer", "root"]);
        let told = Report::new(Code::Internal, "outer: root").caused_by(&error);
        assert!(told.caused_by.is_empty());
    }

    #[test]
    fn a_report_is_answered_with_every_field() {
        let report = Report::new(Code::DiskFull, "full").with_json("required", 5).run("free some", "ggen mp clean");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "code": "GGEN-E0501", "message": "full", "context": { "required": 5 },
                "hints": [{ "text": "free some", "command": "ggen mp clean" }], "caused_by": [],
            })
        );
    }
}
