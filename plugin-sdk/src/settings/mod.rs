//! Typed settings, their JSON Schema, and every problem with what was configured, each with its JSON Pointer.
//!
//! It decides whether settings are fit for use; it never guesses what a mistyped key meant, beyond naming the nearest.
//! Invariant: an unknown property and a value of another type are refused, so a typing error never loosens a policy.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

mod kinds;

pub use crate::bindings::exports::ggen::policy::plugin::Problem;
pub use kinds::Fraction;

/// What can be configured of a policy. Declared by [`settings!`](crate::settings!).
pub trait Settings: Default {
    /// One sentence about the policy.
    fn summary() -> String;

    /// A JSON Schema object with a description and a default for each property.
    fn schema() -> Value;

    /// Reads an object; what is wrong with it goes to `problems`.
    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self>;

    /// Reads the settings of a whole policy.
    ///
    /// # Errors
    /// Every problem that there is.
    fn from_json(text: &str) -> Result<Self, Vec<Problem>> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| vec![Problem { path: String::new(), message: format!("not JSON: {error}") }])?;
        let mut problems = Vec::new();
        match Self::read(&value, "", &mut problems) {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(problems),
        }
    }
}

/// What a single property can be.
pub trait Setting: Sized {
    /// Its JSON Schema, without description and default.
    fn schema() -> Value;

    /// Reads it; what is wrong with it goes to `problems`.
    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self>;

    /// As it would be written, for the default in the schema.
    fn to_json(&self) -> Value;
}

/// Declares a policy together with its settings: doc comments become the summary and the descriptions, the expressions
/// the defaults. A property's type implements [`Setting`]; a struct declared like this does.
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $summary:literal])+
        $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr),* $(,)?
        }
    ) => {
        $(#[doc = $summary])+
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }

        impl $crate::settings::Settings for $name {
            fn summary() -> ::std::string::String {
                $crate::settings::joined(&[$($summary),+])
            }

            fn schema() -> $crate::serde_json::Value {
                let _defaults = Self::default();
                $crate::settings::object_schema(&[$((
                    stringify!($field),
                    $crate::settings::joined(&[$($doc),+]),
                    <$type as $crate::settings::Setting>::schema(),
                    $crate::settings::Setting::to_json(&_defaults.$field),
                )),*])
            }

            fn read(
                value: &$crate::serde_json::Value,
                path: &str,
                problems: &mut ::std::vec::Vec<$crate::settings::Problem>,
            ) -> ::std::option::Option<Self> {
                let _given = $crate::settings::known_properties(value, path, &[$(stringify!($field)),*], problems)?;
                Some(Self {
                    $($field: match _given.get(stringify!($field)) {
                        Some(value) => {
                            $crate::settings::Setting::read(value, &$crate::settings::child(path, stringify!($field)), problems)
                                .unwrap_or($default)
                        }
                        None => $default,
                    }),*
                })
            }
        }

        impl $crate::settings::Setting for $name {
            fn schema() -> $crate::serde_json::Value {
                <Self as $crate::settings::Settings>::schema()
            }

            fn read(
                value: &$crate::serde_json::Value,
                path: &str,
                problems: &mut ::std::vec::Vec<$crate::settings::Problem>,
            ) -> ::std::option::Option<Self> {
                <Self as $crate::settings::Settings>::read(value, path, problems)
            }

            fn to_json(&self) -> $crate::serde_json::Value {
                let mut _object = $crate::serde_json::Map::new();
                $(_object.insert(stringify!($field).to_owned(), $crate::settings::Setting::to_json(&self.$field));)*
                $crate::serde_json::Value::Object(_object)
            }
        }
    };
}

/// Makes a type that serde reads and writes usable as a property: `serde_setting!(Mode, {"enum": ["strict", "lax"]})`.
#[macro_export]
macro_rules! serde_setting {
    ($type:ty, $($schema:tt)+) => {
        impl $crate::settings::Setting for $type {
            fn schema() -> $crate::serde_json::Value {
                $crate::serde_json::json!($($schema)+)
            }

            fn read(
                value: &$crate::serde_json::Value,
                path: &str,
                problems: &mut ::std::vec::Vec<$crate::settings::Problem>,
            ) -> ::std::option::Option<Self> {
                $crate::settings::by_serde(value, path, problems)
            }

            fn to_json(&self) -> $crate::serde_json::Value {
                $crate::serde_json::to_value(self).unwrap_or_default()
            }
        }
    };
}

/// Reads a value by its serde implementation.
#[doc(hidden)]
pub fn by_serde<T: DeserializeOwned>(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<T> {
    T::deserialize(value).map_err(|error| problems.push(problem(path, error.to_string()))).ok()
}

/// A doc comment's lines as one text.
#[doc(hidden)]
pub fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[doc(hidden)]
pub fn object_schema(properties: &[(&str, String, Value, Value)]) -> Value {
    let mut object = Map::new();
    for (name, description, schema, default) in properties {
        let mut schema = schema.clone();
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), Value::String(description.clone()));
            schema.insert("default".to_owned(), default.clone());
        }
        object.insert((*name).to_owned(), schema);
    }
    json!({ "type": "object", "properties": object, "additionalProperties": false })
}

/// The object behind `value`, with a problem for each property that is not in `known`.
#[doc(hidden)]
pub fn known_properties<'a>(
    value: &'a Value,
    path: &str,
    known: &[&str],
    problems: &mut Vec<Problem>,
) -> Option<&'a Map<String, Value>> {
    let Value::Object(given) = value else {
        problems.push(wrong_type(path, "an object", value));
        return None;
    };
    for name in given.keys().filter(|name| !known.contains(&name.as_str())) {
        let message = match nearest(name, known) {
            Some(near) => format!("there is no setting `{name}`; did you mean `{near}`?"),
            None if known.is_empty() => format!("there is no setting `{name}`; this policy has none"),
            None => format!("there is no setting `{name}`; there are {}", known.join(", ")),
        };
        problems.push(problem(&child(path, name), message));
    }
    Some(given)
}

/// The JSON Pointer of a property or an element.
#[doc(hidden)]
pub fn child(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A problem at a JSON Pointer.
pub fn problem(path: &str, message: impl Into<String>) -> Problem {
    Problem { path: path.to_owned(), message: message.into() }
}

fn wrong_type(path: &str, wanted: &str, value: &Value) -> Problem {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "another number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    problem(path, format!("must be {wanted}, not {found}"))
}

/// The known name that differs in at most two letters.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known.iter().map(|candidate| (distance(name, candidate), *candidate)).filter(|(d, _)| *d <= 2).min().map(|(_, n)| n)
}

/// How many letters must be changed, added or left out (Levenshtein), over at most 64 letters of each.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, letter) in b.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        for ((above_left, above), mine) in row.iter().zip(row.iter().skip(1)).zip(&a) {
            let left = next.last().copied().unwrap_or(0);
            next.push((above_left + usize::from(*mine != letter)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::settings! {
        /// Says no
        /// to some.
        struct Sample {
            /// Who is refused.
            deny_names: Vec<String> = vec!["a".to_owned()],
            /// How many.
            count: u32 = 3,
            /// Perhaps.
            limit: Option<f64> = None,
            /// Within.
            inner: Inner = Inner::default(),
        }
    }

    crate::settings! {
        /// Inner.
        struct Inner {
            /// A part.
            part: Fraction = Fraction::new(0.5),
        }
    }

    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Mode {
        Strict,
        Lax,
    }
    crate::serde_setting!(Mode, { "enum": ["strict", "lax"] });

    #[test]
    fn nothing_configured_means_the_defaults() {
        assert_eq!(Sample::from_json("{}"), Ok(Sample::default()));
    }

    #[test]
    fn given_values_replace_defaults() {
        let read = Sample::from_json(r#"{"deny_names":[],"limit":2,"inner":{"part":1}}"#).unwrap();
        assert_eq!((read.deny_names.len(), read.count, read.limit, read.inner.part.get()), (0, 3, Some(2.0), 1.0));
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        let problems =
            Sample::from_json(r#"{"deny_name":[],"deny_names":["x",7],"count":-1,"inner":{"part":2,"a/b":1}}"#)
                .unwrap_err();
        let mut paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/count", "/deny_name", "/deny_names/1", "/inner/a~1b", "/inner/part"]);
        let mistyped = problems.iter().find(|problem| problem.path == "/deny_name").unwrap();
        assert!(mistyped.message.contains("did you mean `deny_names`?"), "{}", mistyped.message);
        assert_eq!(Sample::from_json("[]").unwrap_err()[0].message, "must be an object, not a list");
        assert!(Sample::from_json("{").unwrap_err()[0].message.starts_with("not JSON"));
    }

    #[test]
    fn the_schema_describes_each_property() {
        assert_eq!(<Sample as Settings>::summary(), "Says no to some.");
        let schema = <Sample as Settings>::schema();
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(
            schema["properties"]["deny_names"],
            json!({ "type": "array", "items": { "type": "string" }, "description": "Who is refused.", "default": ["a"] })
        );
        assert_eq!(schema["properties"]["limit"]["type"], json!(["number", "null"]));
        assert_eq!(schema["properties"]["inner"]["default"], json!({ "part": 0.5 }));
        for property in schema["properties"].as_object().unwrap().values() {
            assert!(property["description"].is_string() && property.get("default").is_some());
        }
    }

    #[test]
    fn a_type_that_serde_knows_can_be_a_property() {
        let mut problems = Vec::new();
        assert_eq!(Mode::read(&json!("lax"), "/mode", &mut problems), Some(Mode::Lax));
        assert_eq!(Mode::read(&json!("loose"), "/mode", &mut problems), None);
        assert_eq!(problems[0].path, "/mode");
        assert_eq!(Mode::Strict.to_json(), json!("strict"));
    }
}
