//! JSON Schema as settings need it: a type, some keywords, and what may be null.
//!
//! It is put together as text and never read here. Invariant: what it writes is one JSON object.

use super::json::{object, quoted};
use super::push;

/// A JSON Schema object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// What stands for `type`, as JSON; empty where the schema does not say.
    kind: String,
    /// The other keywords, with a comma before each.
    rest: String,
}

impl Schema {
    /// Of a JSON type: `string`, `integer` …
    pub fn new(kind: &str) -> Self {
        Self { kind: quoted(kind), rest: String::new() }
    }

    /// With a keyword more. `json` is its value as JSON.
    #[must_use]
    pub fn with(mut self, keyword: &str, json: &str) -> Self {
        push(&mut self.rest, &[",", &quoted(keyword), ":", json]);
        self
    }

    /// The same, or `null`.
    #[must_use]
    pub fn or_null(mut self) -> Self {
        if !self.kind.is_empty() {
            self.kind = format!("[{},\"null\"]", self.kind);
        }
        self
    }

    /// As JSON.
    pub fn text(&self) -> String {
        let mut text = String::from("{");
        if self.kind.is_empty() {
            text.push_str(self.rest.strip_prefix(',').unwrap_or_default());
        } else {
            push(&mut text, &["\"type\":", &self.kind, &self.rest]);
        }
        text.push('}');
        text
    }
}

/// A schema that an author wrote as JSON.
#[doc(hidden)]
pub fn schema_of(written: serde_json::Value) -> Schema {
    let mut schema = Schema { kind: String::new(), rest: String::new() };
    let serde_json::Value::Object(keywords) = written else { return schema };
    for (keyword, value) in keywords {
        if keyword == "type" {
            schema.kind = value.to_string();
        } else {
            schema = schema.with(&keyword, &value.to_string());
        }
    }
    schema
}

/// A doc comment's lines as one text.
#[doc(hidden)]
pub fn joined(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines.iter().map(|line| line.trim_ascii()).filter(|line| !line.is_empty()) {
        let gap = if text.is_empty() { "" } else { " " };
        push(&mut text, &[gap, line]);
    }
    text
}

/// Of an object with these properties alone: name, description, schema and default of each.
#[doc(hidden)]
pub fn object_schema(properties: Vec<(&str, &[&str], Schema, String)>) -> Schema {
    let described = properties.into_iter().map(|(name, lines, schema, default)| {
        (name, schema.with("description", &quoted(&joined(lines))).with("default", &default).text())
    });
    Schema::new("object").with("properties", &object(described)).with("additionalProperties", "false")
}
