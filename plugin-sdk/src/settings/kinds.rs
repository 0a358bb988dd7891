//! What a single setting can be: numbers, texts, lists, maps.
//!
//! It reads JSON values and never converts between types: `"3"` is no number. Invariant: what is read can be written, and
//! reads back as the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Problem, Setting, child, wrong_type};

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
    fn schema() -> Value {
        json!({ "type": "number", "minimum": 0, "maximum": 1 })
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

    fn to_json(&self) -> Value {
        json!(self.0)
    }
}

/// Settings that JSON has a type for.
macro_rules! plain {
    ($type:ty, $schema:tt, $wanted:literal, $read:expr) => {
        impl Setting for $type {
            fn schema() -> Value {
                json!($schema)
            }

            fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
                let read: fn(&Value) -> Option<$type> = $read;
                let found = read(value);
                if found.is_none() {
                    problems.push(wrong_type(path, $wanted, value));
                }
                found
            }

            fn to_json(&self) -> Value {
                json!(self)
            }
        }
    };
}

plain!(bool, { "type": "boolean" }, "true or false", Value::as_bool);
plain!(u64, { "type": "integer", "minimum": 0 }, "a whole number, not negative", Value::as_u64);
plain!(u32, { "type": "integer", "minimum": 0, "maximum": 4294967295u32 }, "a whole number below 2^32, not negative", |value| {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
});
plain!(f64, { "type": "number", "minimum": 0 }, "a number, not negative", |value| value.as_f64().filter(|n| *n >= 0.0));
plain!(String, { "type": "string" }, "a string", |value| value.as_str().map(str::to_owned));

impl<T: Setting> Setting for Option<T> {
    fn schema() -> Value {
        let mut schema = T::schema();
        if let Some(kind) = schema.get_mut("type") {
            *kind = json!([kind.clone(), "null"]);
        }
        schema
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value, path, problems).map(Some) }
    }

    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::Array(given) = value else {
            problems.push(wrong_type(path, "a list", value));
            return None;
        };
        given.iter().enumerate().map(|(index, one)| T::read(one, &child(path, &index.to_string()), problems)).collect()
    }

    fn to_json(&self) -> Value {
        Value::Array(self.iter().map(T::to_json).collect())
    }
}

impl<T: Setting> Setting for BTreeMap<String, T> {
    fn schema() -> Value {
        json!({ "type": "object", "additionalProperties": T::schema() })
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::Object(given) = value else {
            problems.push(wrong_type(path, "an object", value));
            return None;
        };
        given.iter().map(|(key, one)| Some((key.clone(), T::read(one, &child(path, key), problems)?))).collect()
    }

    fn to_json(&self) -> Value {
        Value::Object(self.iter().map(|(key, one)| (key.clone(), one.to_json())).collect())
    }
}
