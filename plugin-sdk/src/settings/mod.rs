//! Typed settings, their JSON Schema, and every problem with what was configured, each with its JSON Pointer.
//!
//! It decides whether settings are fit for use; it never guesses what a mistyped key meant, beyond naming the nearest.
//! Invariant: an unknown property and a value of another type are refused, so a typing error never loosens a policy.

use serde::de::DeserializeOwned;

pub mod json;
mod kinds;
mod schema;
mod write;

pub use crate::bindings::exports::ggen::policy::plugin::Problem;
pub use json::Value;
pub use kinds::Fraction;
#[doc(hidden)]
pub use kinds::{one_of, one_of_schema};
pub use schema::Schema;
#[doc(hidden)]
pub use schema::{joined, object_schema, schema_of};

/// What can be configured of a policy. Declared by [`settings!`](crate::settings!).
pub trait Settings: Default {
    /// One sentence about the policy.
    fn summary() -> String;

    /// A JSON Schema object with a description and a default for each property.
    fn schema() -> Schema;

    /// Reads an object; what is wrong with it goes to `problems`.
    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self>;

    /// Reads the settings of a whole policy.
    ///
    /// # Errors
    /// Every problem that there is.
    fn from_json(text: &str) -> Result<Self, Vec<Problem>> {
        let value = Value::parse(text).map_err(|wrong| vec![problem("", format!("not JSON: {wrong}"))])?;
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
    fn schema() -> Schema;

    /// Reads it; what is wrong with it goes to `problems`.
    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self>;

    /// As JSON, for the default in the schema.
    fn to_json(&self) -> String;
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

            fn schema() -> $crate::settings::Schema {
                let _defaults = Self::default();
                $crate::settings::object_schema(vec![$((
                    stringify!($field),
                    &[$($doc),+],
                    <$type as $crate::settings::Setting>::schema(),
                    $crate::settings::Setting::to_json(&_defaults.$field),
                )),*])
            }

            fn read(
                value: &$crate::settings::Value,
                path: &str,
                problems: &mut ::std::vec::Vec<$crate::settings::Problem>,
            ) -> ::std::option::Option<Self> {
                $crate::settings::known_properties(value, path, &[$(stringify!($field)),*], problems)?;
                Some(Self {
                    $($field: match value.get(stringify!($field)) {
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
            fn schema() -> $crate::settings::Schema {
                <Self as $crate::settings::Settings>::schema()
            }

            fn read(
                value: &$crate::settings::Value,
                path: &str,
                problems: &mut ::std::vec::Vec<$crate::settings::Problem>,
            ) -> ::std::option::Option<Self> {
                <Self as $crate::settings::Settings>::read(value, path, problems)
            }

            fn to_json(&self) -> ::std::string::String {
                $crate::settings::json::object(
                    [$((stringify!($field), $crate::settings::Setting::to_json(&self.$field))),*].into_iter(),
                )
            }
        }
    };
}

/// Makes a type that serde reads and writes usable as a property: `serde_setting!(Mode, {"enum": ["strict", "lax"]})`.
#[macro_export]
macro_rules! serde_setting {
    ($type:ty, $($schema:tt)+) => {
        impl $crate::settings::Setting for $type {
            fn schema() -> $crate::settings::Schema {
                $crate::settings::schema_of($crate::serde_json::json!($($schema)+))
            }

            fn read(
                value: &$crate::settings::Value,
                path: &str,
                problems: &mut ::std::vec::Vec<$crate::settings::Problem>,
            ) -> ::std::option::Option<Self> {
                $crate::settings::by_serde(value, path, problems)
            }

            fn to_json(&self) -> ::std::string::String {
                $crate::serde_json::to_value(self).unwrap_or_default().to_string()
            }
        }
    };
}

/// Reads a value by its serde implementation.
#[doc(hidden)]
pub fn by_serde<T: DeserializeOwned>(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<T> {
    serde_json::from_str::<serde_json::Value>(&value.text())
        .and_then(T::deserialize)
        .map_err(|error| problems.push(problem(path, error.to_string())))
        .ok()
}

/// Whether `value` is an object, with a problem for each property that is not in `known`.
#[doc(hidden)]
pub fn known_properties(value: &Value, path: &str, known: &[&str], problems: &mut Vec<Problem>) -> Option<()> {
    let Value::Object(given) = value else {
        problems.push(wrong_type(path, "an object", value));
        return None;
    };
    for (name, _) in given.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        let mut message = format!("there is no setting `{name}`; ");
        match nearest(name, known) {
            Some(near) => push(&mut message, &["did you mean `", near, "`?"]),
            None if known.is_empty() => message.push_str("this policy has none"),
            None => {
                message.push_str("there are ");
                for (place, one) in known.iter().enumerate() {
                    push(&mut message, &[if place == 0 { "" } else { ", " }, one]);
                }
            }
        }
        problems.push(problem(&child(path, name), message));
    }
    Some(())
}

/// Puts several pieces behind a text.
fn push(text: &mut String, pieces: &[&str]) {
    for piece in pieces {
        text.push_str(piece);
    }
}

/// The JSON Pointer of a property or an element.
#[doc(hidden)]
pub fn child(path: &str, name: &str) -> String {
    let mut pointer = path.to_owned();
    pointer.push('/');
    for letter in name.chars() {
        match letter {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ => pointer.push(letter),
        }
    }
    pointer
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
        Value::Text(_) => "a string",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    };
    problem(path, format!("must be {wanted}, not {found}"))
}

/// The known name that differs in at most two letters.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let mut best = (3, None);
    for candidate in known {
        let distance = distance(name, candidate);
        if distance < best.0 {
            best = (distance, Some(*candidate));
        }
    }
    best.1
}

/// How many letters must be changed, added or left out (Levenshtein), in bytes, over at most 64 of each.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len().min(64)).collect();
    for (place, letter) in b.bytes().take(64).enumerate() {
        let (mut above_left, mut left) = (place, place + 1);
        for (index, (cell, mine)) in row.iter_mut().zip(std::iter::once(0).chain(a.bytes())).enumerate() {
            let changed = above_left + usize::from(mine != letter);
            above_left = *cell;
            left = if index == 0 { place + 1 } else { changed.min(above_left + 1).min(left + 1) };
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let schema: serde_json::Value = serde_json::from_str(&<Sample as Settings>::schema().text()).unwrap();
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
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(Mode::read(&text("lax"), "/mode", &mut problems), Some(Mode::Lax));
        assert_eq!(Mode::read(&text("loose"), "/mode", &mut problems), None);
        assert_eq!(problems[0].path, "/mode");
        assert_eq!(Mode::Strict.to_json(), "\"strict\"");
        let schema: serde_json::Value = serde_json::from_str(&<Option<Mode> as Setting>::schema().text()).unwrap();
        assert_eq!(schema, json!({ "enum": ["strict", "lax"] }));
    }

    #[test]
    fn the_nearest_name_is_found() {
        for (a, b, far) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(distance(a, b), far, "{a} {b}");
            assert_eq!(distance(b, a), far, "{b} {a}");
        }
        assert_eq!(nearest("retires", &["retry", "retries", "delay"]), Some("retries"));
        assert_eq!(nearest("colour", &["retries"]), None);
    }
}
