//! From an error to what the user gets: a stable code, a sentence, the facts, hints that are safe to run, an exit code.
//!
//! The one place that knows all errors. Never acts, and never suggests what would destroy data. Invariant: every error
//! becomes a report with a code of the table, and the table has a meaning and a way out for every code.

mod advisories;
mod codes;
mod explain;
mod lockfile;
mod map;
mod market;
mod net;
mod plugin;
mod policy;
mod quote;
mod report;
mod resolve;
mod store;
mod texts;

use std::io;

use ggen_market::{MarketError, StoreError};
use ggen_policy::build::BuildError;

use crate::config::ConfigError;

pub use codes::{Code, Exit};
pub use explain::{Explained, explain};
pub use report::Report;

/// Why a verb did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A job failed.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A policy could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// `explain` of what is no code.
    #[error("there is no error code {typed:?}")]
    NoSuchCode {
        /// What was typed.
        typed: String,
        /// Codes that look like it.
        near: Vec<Code>,
    },
    /// A file that a verb of this program writes.
    #[error("cannot write {}", .path.display())]
    Write {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The answer could not be written.
    #[error("the answer cannot be written")]
    Output(#[source] io::Error),
    /// Threads could not be started.
    #[error("the program cannot be started")]
    Start(#[source] io::Error),
}

impl Failure {
    /// Whether the database turned out to be damaged: it is rebuilt by whoever opens the home next.
    pub const fn is_damaged_database(&self) -> bool {
        matches!(self, Self::Market(MarketError::Store(StoreError::DatabaseDamaged { .. })))
    }

    /// What the user gets.
    pub fn report(&self) -> Report {
        let report = match self {
            Self::Market(error) => market::report(error),
            Self::Config(error) => map::config(error),
            Self::Build(error) => policy::build(error),
            Self::NoSuchCode { typed, near } => map::unknown_code(typed, near),
            Self::Write { path, .. } => {
                Report::new(Code::File, self).with("path", path.display()).hint("is the folder yours to write?")
            }
            Self::Output(_) => Report::new(Code::Output, self).hint("is there room where stdout goes?"),
            Self::Start(_) => Report::new(Code::Start, self).hint("are too many programs running here?"),
        };
        match self {
            // What is behind these stands in the report's lines already, sentence by sentence.
            Self::Market(MarketError::Resolve(_)) => report,
            _ => report.caused_by(self),
        }
    }
}
