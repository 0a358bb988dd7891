//! Answers about keys, bindings and policies.

use ggen_core::Digest;
use ggen_core::PackageName;
use ggen_core::PublisherId;
use ggen_core::hooks::Hook;
use serde::Serialize;

/// One key of a publisher. The secret is not in it.
#[derive(Clone, Debug, Serialize)]
pub struct KeyAnswer {
    /// The publisher's id.
    pub publisher: PublisherId,
    /// The local name.
    pub alias: String,
    /// Milliseconds since the Unix epoch.
    pub created: u64,
    /// The public key, 64 hexadecimal digits.
    pub public: String,
}

/// `key new`, `key list`.
#[derive(Clone, Debug, Serialize)]
pub struct KeysAnswer {
    /// In order of their aliases.
    pub keys: Vec<KeyAnswer>,
}

/// `key export`: what others need to know a publisher.
#[derive(Clone, Debug, Serialize)]
pub struct KeyExport {
    /// The publisher's id.
    pub publisher: PublisherId,
    /// The local name.
    pub alias: String,
    /// The root documents, first to latest, as they were signed.
    pub roots: Vec<ggen_core::dsse::Envelope>,
}

/// One binding of a name.
#[derive(Clone, Debug, Serialize)]
pub struct BindingAnswer {
    /// The name.
    pub name: PackageName,
    /// Whom it stands for here.
    pub publisher: PublisherId,
}

/// `key trust`, `key untrust`.
#[derive(Clone, Debug, Serialize)]
pub struct BindingsAnswer {
    /// All of this home's, by name.
    pub bindings: Vec<BindingAnswer>,
}

/// One link of a hook's chain.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyLink {
    /// The policy's name.
    pub policy: String,
    /// Its version, once it could be read.
    pub version: Option<String>,
    /// Its component's digest.
    pub digest: Option<Digest>,
    /// `enforce`, `shadow` or `off`.
    pub mode: String,
    /// Whether nobody below may loosen it.
    pub locked: bool,
    /// The file that set it, or `default`.
    pub from: String,
    /// The line there, where it is a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What a link that only watches would have decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watched: Option<WatchedAnswer>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What a link that only watches would have decided.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WatchedAnswer {
    /// Over so many days.
    pub days: u64,
    /// Questions that it was asked.
    pub asked: u64,
    /// Of them, those that it would have denied, failures included.
    pub denied: u64,
    /// Of them, those that it answered otherwise than who was heeded.
    pub otherwise: u64,
}

/// `policy show`.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyAnswer {
    /// The chain of each hook, in order.
    pub hooks: std::collections::BTreeMap<Hook, Vec<PolicyLink>>,
}
