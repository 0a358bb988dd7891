//! The values that all hooks share. Decides nothing but which hooks there are and what each is called.
//!
//! Invariant: one record here for one in `wit/types.wit`, in its order and under its names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Facts without a field of their own, sorted by key; a key may repeat. Keys are listed in `wit/FACTS.md`.
pub type Facts = Vec<(String, String)>;

/// The questions that a policy can be asked to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Which holders to ask first, and what an offence costs.
    PeerScoring,
    /// May these releases be used here.
    Verification,
    /// Which version of a package to try first.
    VersionResolution,
    /// Where to look, how long, and what to do when that goes wrong.
    FallbackPolicy,
}

impl Hook {
    /// Every hook, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Verification, Self::VersionResolution, Self::PeerScoring, Self::FallbackPolicy];

    /// The contract's name, as in `[[policy.NAME]]`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PeerScoring => "peer-scoring",
            Self::Verification => "verification",
            Self::VersionResolution => "version-resolution",
            Self::FallbackPolicy => "fallback-policy",
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no hook's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no hook `{name}`: there are peer-scoring, verification, version-resolution and fallback-policy")]
pub struct UnknownHook {
    /// What was given.
    pub name: String,
}

impl FromStr for Hook {
    type Err = UnknownHook;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|hook| hook.name() == name).ok_or_else(|| UnknownHook { name: name.to_owned() })
    }
}

/// Why a policy decided as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// `[a-z0-9-]{1,64}`, for programs; shown as `<policy>/<code>`.
    pub code: String,
    /// One sentence for the user. Plain text, shown and never run.
    pub message: String,
    /// What the user can do about it.
    #[serde(default)]
    pub hint: Option<String>,
}

impl Reason {
    /// A reason without a hint.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: None }
    }

    /// The same, with what the user can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Where something comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Archives that this node holds already.
    Store,
    /// The readable registry on this disk.
    Registry,
    /// Peers found by mDNS.
    LocalNetwork,
    /// Any other peer.
    Peers,
    /// A registry that the operator configured.
    Organization,
    /// The starter registry inside the program.
    Bundled,
    /// A file named on the command line.
    File,
}

impl Origin {
    /// The contract's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Registry => "registry",
            Self::LocalNetwork => "local-network",
            Self::Peers => "peers",
            Self::Organization => "organization",
            Self::Bundled => "bundled",
            Self::File => "file",
        }
    }

    /// Whether touching it uses the network.
    #[must_use]
    pub const fn uses_network(self) -> bool {
        matches!(self, Self::LocalNetwork | Self::Peers | Self::Organization)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What kind of job is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Looking for packages.
    Search,
    /// Installing.
    Install,
    /// Refreshing the index.
    Update,
    /// Publishing.
    Publish,
    /// Mending what is installed.
    Repair,
    /// A node at work, for nobody in particular.
    Node,
}

/// How bad an advisory says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Not said.
    Unknown,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

/// From an advisory feed that the operator trusts, matched by the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    /// The advisory's id.
    pub id: String,
    /// The feed's name in the operator's configuration.
    pub feed: String,
    /// As the feed says.
    pub severity: Severity,
}

/// What is being done. A policy has no other source of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Milliseconds since the Unix epoch.
    pub now: u64,
    /// What kind of job it is.
    pub task: Task,
    /// Whether the network may be used.
    #[serde(default)]
    pub offline: bool,
    /// When the oldest configured advisory feed was signed; none without one.
    #[serde(default)]
    pub advisories_as_of: Option<u64>,
    /// The operator's own words about this machine or run.
    #[serde(default)]
    pub labels: Facts,
    /// What else is known.
    #[serde(default)]
    pub facts: Facts,
}

impl Job {
    /// A job without labels, facts or advisory feeds.
    #[must_use]
    pub const fn new(task: Task, now: u64, offline: bool) -> Self {
        Self { now, task, offline, advisories_as_of: None, labels: Vec::new(), facts: Vec::new() }
    }
}

/// What a policy says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Its name, `[a-z0-9-]{1,64}`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema (an object) of its settings.
    pub settings_schema: String,
}

/// What is wrong with settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// A JSON Pointer into the settings, `""` for the whole.
    pub path: String,
    /// One sentence.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hook_names_are_the_contracts_in_text_and_json() {
        for hook in Hook::ALL {
            assert_eq!(hook.name().parse(), Ok(hook));
            assert_eq!(serde_json::to_string(&hook).unwrap(), format!("\"{hook}\""));
        }
        assert!("verifier".parse::<Hook>().unwrap_err().to_string().contains("`verifier`"));
    }

    #[test]
    fn origin_names_in_text_and_json_agree() {
        for origin in [Origin::Store, Origin::LocalNetwork, Origin::Peers, Origin::Bundled] {
            assert_eq!(serde_json::to_string(&origin).unwrap(), format!("\"{origin}\""));
        }
    }
}
