//! One link as it is configured: which policy, for which hook, by whom, and how it counts.
//!
//! Decides how a table of a configuration is read, and how a place in it is told. Loads nothing. Invariant: a key that
//! is not known is refused, so that a mistyped one never loosens.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ggen_core::hooks::Hook;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a link counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Asked and heeded.
    #[default]
    Enforce,
    /// Asked after the enforced answer, recorded, never heeded.
    Shadow,
    /// Not asked.
    Off,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
            Self::Off => "off",
        })
    }
}

/// Who configured a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkSource {
    /// An organization's file.
    Organization(PathBuf),
    /// The user's own file.
    User(PathBuf),
    /// This program.
    Default,
}

impl LinkSource {
    /// Whose links stand first: the lowest.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Organization(_) => 0,
            Self::User(_) => 1,
            Self::Default => 2,
        }
    }

    /// The file, if it was one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Organization(path) | Self::User(path) => Some(path),
            Self::Default => None,
        }
    }
}

impl fmt::Display for LinkSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            Some(path) => path.display().fmt(f),
            None => f.write_str("default"),
        }
    }
}

/// One `[[policy.HOOK]]` table as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkTable {
    /// Built in, the name of an installed one, or a path.
    #[serde(rename = "use")]
    pub use_: String,
    /// SHA-256 that the component must have.
    #[serde(default)]
    pub digest: Option<String>,
    /// How it counts.
    #[serde(default)]
    pub mode: Mode,
    /// What its `configure` is given.
    #[serde(default)]
    pub settings: Value,
    /// Whether nobody below may loosen it.
    #[serde(default)]
    pub locked: bool,
    /// Whether its hook may do without it where it is not there or does not fit.
    #[serde(default)]
    pub allow_missing: bool,
}

impl LinkTable {
    /// The link that this table makes of it.
    #[must_use]
    pub fn into_link(self, hook: Hook, from: LinkSource) -> LinkConfig {
        let Self { use_, digest, mode, settings, locked, allow_missing } = self;
        let written = Written::default();
        LinkConfig { hook, use_, digest, mode, settings, locked, allow_missing, from, written }
    }
}

/// Where a link stands in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its first line, from 1.
    pub line: Option<usize>,
    /// Lines of its settings, by their JSON Pointers.
    pub settings: BTreeMap<String, usize>,
}

impl Written {
    /// The line of a setting, or of the nearest thing around it.
    #[must_use]
    pub fn line_of(&self, pointer: &str) -> Option<usize> {
        let mut around = pointer;
        loop {
            if let Some(line) = self.settings.get(around) {
                return Some(*line);
            }
            match around.rsplit_once('/') {
                Some((outer, _)) => around = outer,
                None => return self.line,
            }
        }
    }
}

/// One configured link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkConfig {
    /// Which hook's chain it stands in.
    pub hook: Hook,
    /// Built in, the name of an installed one, or a path (a relative one is taken from its configuration's folder).
    pub use_: String,
    /// SHA-256 that the component must have.
    pub digest: Option<String>,
    /// How it counts.
    pub mode: Mode,
    /// What its `configure` is given; null for nothing.
    pub settings: Value,
    /// Whether nobody below may loosen it.
    pub locked: bool,
    /// Whether its hook may do without it where it is not there or does not fit.
    pub allow_missing: bool,
    /// Who configured it.
    pub from: LinkSource,
    /// Where it stands there.
    #[serde(default)]
    pub written: Written,
}

impl LinkConfig {
    /// The file and the line, or `default`.
    #[must_use]
    pub fn place(&self) -> String {
        self.at(self.written.line)
    }

    fn at(&self, line: Option<usize>) -> String {
        match (self.from.path(), line) {
            (Some(path), Some(line)) => format!("{}:{line}", path.display()),
            _ => self.from.to_string(),
        }
    }

    /// The same, for a setting.
    #[must_use]
    pub fn place_of(&self, pointer: &str) -> String {
        self.at(self.written.line_of(pointer))
    }

    /// An enforced link without settings.
    #[must_use]
    pub fn new(hook: Hook, use_: impl Into<String>, from: LinkSource) -> Self {
        Self {
            hook,
            use_: use_.into(),
            digest: None,
            mode: Mode::Enforce,
            settings: Value::Null,
            locked: false,
            allow_missing: false,
            from,
            written: Written::default(),
        }
    }
}
