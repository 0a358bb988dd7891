//! A question as the text that the decision log keeps.
//!
//! Decides when a question becomes text: when its row is first read, which is after the decision, because writing and
//! hashing it takes longer than most policies. Invariant: the same question has the same text, byte for byte, whoever is
//! asked and whenever.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use ggen_core::hooks::Question;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::digest_of;

/// A question as JSON; shared by all links that it was put to, and written when it is first read.
#[derive(Clone)]
pub struct Input(Arc<Written>);

struct Written {
    question: Option<Arc<Question>>,
    text: OnceLock<Box<str>>,
    digest: OnceLock<String>,
}

impl Input {
    /// The text of this question.
    pub(crate) fn new(question: Arc<Question>) -> Self {
        Self(Arc::new(Written { question: Some(question), text: OnceLock::new(), digest: OnceLock::new() }))
    }

    /// A text that was written before.
    fn read(text: String) -> Self {
        let text = OnceLock::from(text.into_boxed_str());
        Self(Arc::new(Written { question: None, text, digest: OnceLock::new() }))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.text.get_or_init(|| {
            // Only what is no JSON at all (a number that is none) fails here; the row then says so.
            let text = self.0.question.as_deref().map(serde_json::to_string);
            text.unwrap_or_else(|| Ok(String::new())).unwrap_or_else(|e| format!("\"{e}\"")).into()
        })
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.0.digest.get_or_init(|| digest_of(self.as_str().as_bytes()))
    }
}

impl Deref for Input {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Serialize for Input {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::read)
    }
}
