//! One decision of one policy as a row of the log: everything that is needed to explain and to repeat it.
//!
//! Decides nothing; the caller stores it. Invariant: the row holds the exact input, and names the component and the
//! settings by digest.

use std::sync::Arc;

use ggen_core::hooks::{Answer, Hook, Reason};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Limit;
use crate::input::Input;
use crate::link_config::Mode;
use crate::source::Source;

/// How loud a policy meant a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Trace.
    Trace,
    /// Debug.
    Debug,
    /// Info.
    Info,
    /// Warn.
    Warn,
    /// Error.
    Error,
}

impl LogLevel {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line that a policy logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How loud.
    pub level: LogLevel,
    /// Without control characters, at most 1 KiB.
    pub text: String,
}

/// One decision of one link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// `job.now`: milliseconds since the Unix epoch.
    pub time: u64,
    /// Which hook was asked.
    pub hook: Hook,
    /// Which function of it.
    pub call: String,
    /// What it was about, in a line.
    pub subject: String,
    /// Names of the packages that it was about.
    pub packages: Vec<String>,
    /// The policy's name.
    pub policy: String,
    /// Its version; empty where it could not be loaded.
    pub version: String,
    /// SHA-256 of its component; empty where there is none.
    pub digest: String,
    /// Where the component's bytes are, while its chain stands.
    #[serde(skip)]
    pub component: Option<Source>,
    /// SHA-256 of its settings' JSON.
    pub settings_digest: String,
    /// Its settings, as JSON.
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    pub settings: Arc<str>,
    /// The question ([`ggen_core::hooks::Question`]) as JSON; shared by all links of a chain.
    pub input: Input,
    /// The policy's own answer; none where it failed or did not fit.
    pub verdict: Option<Answer>,
    /// All reasons in the answer.
    pub reasons: Vec<Reason>,
    /// Why there is no answer.
    pub fault: Option<String>,
    /// The limit that struck, if one did.
    pub limit: Option<Limit>,
    /// Whether asking again must give the same.
    pub replayable: bool,
    /// Fuel burned, setting-up excluded.
    pub fuel: u64,
    /// Microseconds on the wall clock, setting-up included.
    pub micros: u64,
    /// The most linear memory that it had, in bytes.
    #[serde(default)]
    pub memory: u64,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// Place in the chain, from 0.
    pub place: u32,
    /// Whether it was heeded.
    pub mode: Mode,
}

fn write_text<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn read_text<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(from).map(Arc::from)
}
