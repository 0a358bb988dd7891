//! Names of packages and ids of publishers.
//!
//! Decides what a valid name is, which two names collide, and how an id is written. Invariant: a [`PackageName`] is
//! safe as one component of a path on every system.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{Digest, DigestError};

/// The longest name, in bytes.
pub const MAX_NAME: usize = 100;

/// A package's name: `[a-z0-9][a-z0-9._-]{0,99}`, lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

/// Why a text is no package name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a package name: {problem}")]
pub struct NameError {
    /// What was written, shortened.
    pub name: String,
    /// What is wrong with it, as a clause.
    pub problem: &'static str,
    /// The nearest valid name, if one is near.
    pub suggestion: Option<String>,
}

impl PackageName {
    /// The name as it is shown and stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Two names with one key may not be told apart by people: `_` and `-` are the same.
    pub fn collision_key(&self) -> String {
        self.0.replace('_', "-")
    }

    fn problem(text: &str) -> Option<&'static str> {
        if text.is_empty() {
            return Some("it is empty");
        }
        if text.len() > MAX_NAME {
            return Some("it is longer than 100 characters");
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return Some("it must begin with a letter or a digit");
        }
        if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b)) {
            return Some("only letters a-z, digits, '.', '_' and '-' may be in it");
        }
        if text.ends_with('.') {
            return Some("it may not end with a dot");
        }
        if crate::paths::is_reserved(text) {
            return Some("it is reserved on some systems");
        }
        None
    }
}

/// The names among `known` that `typed` may have been meant for, the nearest first: a letter too many, too few, another
/// one, or two exchanged; two such mistakes in names of five letters and more.
pub fn likely_meant<'a>(
    typed: &PackageName,
    known: impl IntoIterator<Item = &'a PackageName>,
    most: usize,
) -> Vec<PackageName> {
    let allowed = if typed.0.len() < 5 { 1 } else { 2 };
    let mut near = std::collections::BTreeSet::new();
    for name in known {
        if name.0.len().abs_diff(typed.0.len()) > allowed || name == typed {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&name.0, &typed.0);
        if distance <= allowed {
            near.insert((distance, name));
        }
        if near.len() > most {
            near.pop_last();
        }
    }
    near.into_iter().map(|(_, name)| name.clone()).collect()
}

/// The nearest valid name: what is not allowed becomes `-`.
fn suggest(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.to_lowercase().chars().take(MAX_NAME) {
        let c = if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_' { c } else { '-' };
        if !(c == '-' && (name.is_empty() || name.ends_with('-'))) {
            name.push(c);
        }
    }
    let name = name.trim_matches(|c| "-._".contains(c)).to_owned();
    PackageName::problem(&name).is_none().then_some(name)
}

impl FromStr for PackageName {
    type Err = NameError;

    /// Lower-cases, then checks.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        match Self::problem(&lower) {
            None => Ok(Self(lower)),
            Some(problem) => {
                let name = text.chars().take(120).collect();
                Err(NameError { name, problem, suggestion: suggest(text) })
            }
        }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for PackageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PackageName {
    /// Only the normalized spelling is taken from a document: a signed name has one form.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let name: Self = text.parse().map_err(serde::de::Error::custom)?;
        if name.0 == text { Ok(name) } else { Err(serde::de::Error::custom("the name is not in lower case")) }
    }
}

/// Who publishes: the SHA-256 of the payload of the publisher's first root document. It survives key rotation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublisherId(pub Digest);

impl PublisherId {
    /// The first eight digits: for people, never for a comparison.
    pub fn short(self) -> String {
        self.0.short()
    }
}

impl FromStr for PublisherId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for PublisherId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PublisherId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublisherId({})", self.short())
    }
}

/// A package is its publisher and its name: the same name of somebody else is another package.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PackageId {
    /// Whose it is.
    pub publisher: PublisherId,
    /// What it is called.
    pub name: PackageName,
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.publisher.short(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_likely_meant_is_near_and_in_order() {
        let known: Vec<PackageName> =
            ["sparql-forge", "sparql-forges", "sparkle", "tool", "tools"].iter().map(|n| n.parse().unwrap()).collect();
        let meant = |typed: &str, most| -> Vec<String> {
            let names = likely_meant(&typed.parse().unwrap(), &known, most);
            names.iter().map(ToString::to_string).collect()
        };
        assert_eq!(meant("sparlq-forge", 3), ["sparql-forge", "sparql-forges"]);
        assert_eq!(meant("sparlq-forge", 1), ["sparql-forge"]);
        assert_eq!(meant("tol", 3), ["tool"]);
        assert_eq!(meant("tool", 3), ["tools"]);
        assert!(meant("unheard-of", 3).is_empty());
    }

    #[test]
    fn names_are_lower_cased_and_checked() {
        assert_eq!("Web_Framework".parse::<PackageName>().unwrap().as_str(), "web_framework");
        for bad in ["", "-a", "a b", "../x", "a/b", "é", ".hidden", "con", "nul.txt", "a."] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(101).parse::<PackageName>().is_err());
    }

    #[test]
    fn a_near_name_is_suggested() {
        let error = "Next.js Ontology-Driven CRUD".parse::<PackageName>().unwrap_err();
        assert_eq!(error.suggestion.as_deref(), Some("next.js-ontology-driven-crud"));
    }

    #[test]
    fn underscore_and_dash_collide() {
        let a: PackageName = "a_b".parse().unwrap();
        let b: PackageName = "a-b".parse().unwrap();
        assert_ne!(a, b);
        assert_eq!(a.collision_key(), b.collision_key());
    }
}
