//! What the user typed: `[PUBLISHER/]NAME[@REQ]`, or a `.ggen` file.
//!
//! Decides what is meant; looks nothing up but aliases and prefixes of publishers.

use std::path::PathBuf;

use ggen_core::manifest::{RequirementError, parse_requirement};
use ggen_core::name::NameError;
use ggen_core::{PackageName, PublisherId};
use semver::VersionReq;

use crate::error::MarketError;
use crate::market::Market;

/// What is to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A package from wherever it is.
    Package {
        /// Whose, as typed.
        who: Option<String>,
        /// The name.
        name: PackageName,
        /// The range; none where nothing stood behind the name.
        requirement: Option<VersionReq>,
    },
    /// A file on this machine.
    File(PathBuf),
}

/// The shortest prefix of a publisher's id that may be typed.
const MIN_PREFIX: usize = 8;

impl Market {
    /// Reads what was typed.
    pub(crate) fn target(&self, text: &str) -> Result<Target, MarketError> {
        let path = PathBuf::from(text);
        if text.ends_with(".ggen") && (text.contains('/') || path.exists()) {
            return Ok(Target::File(path));
        }
        let (who, rest) = match text.split_once('/') {
            Some((who, rest)) => (Some(who), rest),
            None => (None, text),
        };
        let (name, range) = match rest.split_once('@') {
            Some((name, range)) => (name, Some(range)),
            None => (rest, None),
        };
        let name = package_name(name)?;
        let requirement = range.map(|range| requirement(text, range)).transpose()?;
        Ok(Target::Package { who: who.map(str::to_owned), name, requirement })
    }

    /// A publisher by its id, a unique prefix of at least eight digits, or the alias of a key of this home.
    pub(crate) fn publisher(&self, text: &str) -> Result<PublisherId, MarketError> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let own = self.store.keys()?;
        if let Some(key) = own.iter().find(|k| k.alias == text) {
            return Ok(key.publisher);
        }
        let found = if is_prefix(text) { self.store.publishers(&text.to_ascii_lowercase())? } else { Vec::new() };
        match found.as_slice() {
            [only] => Ok(*only),
            [] => Err(usage(
                text,
                "no publisher of this id, prefix or alias is known",
                Some("give the whole id (64 digits), or at least 8 of its first digits"),
            )),
            _ => Err(usage(text, "several publishers begin like this", Some("give more digits of the id"))),
        }
    }
}

/// Whether a text can be the beginning of a publisher's id.
pub(crate) fn is_prefix(text: &str) -> bool {
    text.len() >= MIN_PREFIX && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A package's name, or what is wrong with it.
pub(crate) fn package_name(text: &str) -> Result<PackageName, MarketError> {
    text.parse().map_err(|e: NameError| MarketError::Usage {
        text: text.chars().take(120).collect(),
        problem: e.problem.to_owned(),
        hint: e.suggestion.map(|near| format!("did you mean {near}?")),
    })
}

fn requirement(text: &str, range: &str) -> Result<VersionReq, MarketError> {
    let refuse = |wrong| MarketError::Requirement { text: text.chars().take(120).collect(), wrong };
    if range.trim().is_empty() {
        let problem = "there is no requirement after the @".to_owned();
        return Err(refuse(RequirementError { text: String::new(), at: 0, problem }));
    }
    parse_requirement(range).map_err(refuse)
}

pub(crate) fn usage(text: &str, problem: &str, hint: Option<&str>) -> MarketError {
    MarketError::Usage {
        text: text.chars().take(120).collect(),
        problem: problem.to_owned(),
        hint: hint.map(str::to_owned),
    }
}
