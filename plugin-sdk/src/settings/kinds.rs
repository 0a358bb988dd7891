//! What a single setting can be: numbers, texts, lists, maps.
//!
//! It reads JSON values and never converts between types: `"3"` is no number. Invariant: what is read can be written, and
//! reads back as the same.

use std::collections::BTreeMap;

use super::{Problem, Schema, Setting, Value, child, json, problem, push, wrong_type};
use crate::types::Origin;

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Fraction(f64);

impl Fraction {
    /// From a number that is brought into the range; what is no number becomes 0.
    pub const fn new(value: f64) -> Self {
        if value > 1.0 {
            Self(1.0)
        } else if value >= 0.0 {
            Self(value)
        } else {
            Self(0.0)
        }
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Setting for Fraction {
    fn schema() -> Schema {
        Schema::new("number").with("minimum", "0").with("maximum", "1")
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        match value.as_f64() {
            Some(number) if (0.0..=1.0).contains(&number) => Some(Self(number)),
            _ => {
                problems.push(wrong_type(path, "a number from 0 to 1", value));
                None
            }
        }
    }

    fn to_json(&self) -> String {
        json::number(self.0)
    }
}

/// Settings that JSON has a type for.
macro_rules! plain {
    ($type:ty, $schema:expr, $wanted:literal, $read:expr, $write:expr) => {
        impl Setting for $type {
            fn schema() -> Schema {
                $schema
            }

            fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
                let read: fn(&Value) -> Option<$type> = $read;
                let found = read(value);
                if found.is_none() {
                    problems.push(wrong_type(path, $wanted, value));
                }
                found
            }

            fn to_json(&self) -> String {
                let write: fn(&$type) -> String = $write;
                write(self)
            }
        }
    };
}

fn whole_number() -> Schema {
    Schema::new("integer").with("minimum", "0")
}

plain!(bool, Schema::new("boolean"), "true or false", Value::as_bool, bool::to_string);
plain!(u64, whole_number(), "a whole number, not negative", Value::as_u64, u64::to_string);
plain!(
    u32,
    whole_number().with("maximum", "4294967295"),
    "a whole number below 2^32, not negative",
    |value| value.as_u64().and_then(|number| u32::try_from(number).ok()),
    u32::to_string
);
plain!(
    f64,
    Schema::new("number").with("minimum", "0"),
    "a number, not negative",
    |value| value.as_f64().filter(|n| *n >= 0.0),
    |number| json::number(*number)
);
plain!(String, Schema::new("string"), "a string", |value| value.as_str().map(str::to_owned), |text| json::quoted(text));

impl<T: Setting> Setting for Option<T> {
    fn schema() -> Schema {
        T::schema().or_null()
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        if matches!(value, Value::Null) { Some(None) } else { T::read(value, path, problems).map(Some) }
    }

    fn to_json(&self) -> String {
        self.as_ref().map_or_else(|| "null".to_owned(), T::to_json)
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn schema() -> Schema {
        Schema::new("array").with("items", &T::schema().text())
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::List(given) = value else {
            problems.push(wrong_type(path, "a list", value));
            return None;
        };
        given.iter().enumerate().map(|(index, one)| T::read(one, &child(path, &index.to_string()), problems)).collect()
    }

    fn to_json(&self) -> String {
        json::list(self.iter().map(T::to_json))
    }
}

impl<T: Setting> Setting for BTreeMap<String, T> {
    fn schema() -> Schema {
        Schema::new("object").with("additionalProperties", &T::schema().text())
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::Object(given) = value else {
            problems.push(wrong_type(path, "an object", value));
            return None;
        };
        given.iter().map(|(key, one)| Some((key.clone(), T::read(one, &child(path, key), problems)?))).collect()
    }

    fn to_json(&self) -> String {
        json::object(self.iter().map(|(key, one)| (key.as_str(), one.to_json())))
    }
}

/// The value under a name of a list; what is no such name goes to `problems`.
#[doc(hidden)]
pub fn one_of<T: Copy>(names: &[(&str, T)], value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<T> {
    let given = value.as_str().unwrap_or_default();
    let found = names.iter().find(|(name, _)| *name == given).map(|(_, meant)| *meant);
    if found.is_none() {
        let mut message = String::from("must be one of ");
        for (place, (name, _)) in names.iter().enumerate() {
            push(&mut message, &[if place == 0 { "" } else { ", " }, &json::quoted(name)]);
        }
        problems.push(problem(path, message));
    }
    found
}

/// The schema of a name of a list.
#[doc(hidden)]
pub fn one_of_schema<T>(names: &[(&str, T)]) -> Schema {
    Schema::new("string").with("enum", &json::list(names.iter().map(|(name, _)| json::quoted(name))))
}

/// Declares a property that is one of a few names: `choice! { /// What. pub enum Mode { /// So. Strict = "strict" } }`.
#[macro_export]
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $vis:vis enum $name:ident { $($(#[doc = $doc:literal])+ $case:ident = $text:literal),+ $(,)? }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $($(#[doc = $doc])+ $case),+ }

        impl $name {
            const NAMES: &'static [(&'static str, Self)] = &[$(($text, Self::$case)),+];
        }

        impl $crate::settings::Setting for $name {
            fn schema() -> $crate::settings::Schema {
                $crate::settings::one_of_schema(Self::NAMES)
            }

            fn read(
                value: &$crate::settings::Value,
                path: &str,
                problems: &mut ::std::vec::Vec<$crate::settings::Problem>,
            ) -> ::std::option::Option<Self> {
                $crate::settings::one_of(Self::NAMES, value, path, problems)
            }

            fn to_json(&self) -> ::std::string::String {
                $crate::settings::json::quoted(match self { $(Self::$case => $text),+ })
            }
        }
    };
}

/// Under the names that the marketplace shows them by.
const ORIGINS: [(&str, Origin); 7] = [
    ("store", Origin::Store),
    ("registry", Origin::Registry),
    ("local-network", Origin::LocalNetwork),
    ("peers", Origin::Peers),
    ("organization", Origin::Organization),
    ("bundled", Origin::Bundled),
    ("file", Origin::File),
];

impl Setting for Origin {
    fn schema() -> Schema {
        one_of_schema(&ORIGINS)
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        one_of(&ORIGINS, value, path, problems)
    }

    fn to_json(&self) -> String {
        let name = ORIGINS.iter().find(|(_, origin)| origin == self).map(|(name, _)| *name);
        json::quoted(name.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::choice! {
        /// How strict.
        enum Mode {
            /// Very.
            Strict = "strict",
            /// Not at all.
            Lax = "lax",
        }
    }

    #[test]
    fn a_choice_is_one_of_its_names_and_says_which_there_are() {
        let mut problems = Vec::new();
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(Mode::read(&text("lax"), "/mode", &mut problems), Some(Mode::Lax));
        assert_eq!(Mode::Strict.to_json(), "\"strict\"");
        assert_eq!(Mode::schema().text(), r#"{"type":"string","enum":["strict","lax"]}"#);
        assert!(problems.is_empty());
        assert_eq!(Mode::read(&text("Lax"), "/mode", &mut problems), None);
        assert_eq!(Mode::read(&Value::Null, "/mode", &mut problems), None);
        assert_eq!(problems[0].message, r#"must be one of "strict", "lax""#);
        assert_eq!((problems.len(), problems[1].path.as_str()), (2, "/mode"));
    }

    #[test]
    fn every_origin_is_read_as_it_is_written() {
        for (name, origin) in ORIGINS {
            let value = Value::parse(&origin.to_json()).unwrap();
            assert_eq!(value, Value::Text(name.to_owned()));
            assert_eq!(Origin::read(&value, "", &mut Vec::new()), Some(origin));
        }
    }
}
