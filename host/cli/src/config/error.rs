//! What can be wrong with a configuration, and where.
//!
//! Decides nothing.

use std::io;
use std::path::PathBuf;

/// What kind of mistake a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is no TOML.
    Syntax,
    /// A setting that does not exist.
    Unknown,
    /// A value that a setting cannot have.
    Value,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is nowhere to look.
    #[error("there is no home: neither --home nor GGEN_HOME is given, and HOME is not set")]
    NoHome,
    /// A file that is there cannot be read.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is larger than a configuration may be.
    #[error("{} is larger than the {limit} bytes that a configuration may have", .path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// A mistake in a file.
    #[error("{}:{line}: {problem}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in it, from 1.
        column: usize,
        /// What kind of mistake.
        fault: Fault,
        /// What is wrong, as a clause.
        problem: String,
        /// What to write instead.
        hint: String,
    },
    /// A variable that cannot be understood.
    #[error("the variable {name} is {value:?}: {problem}")]
    Environment {
        /// Which.
        name: &'static str,
        /// Its value, shortened.
        value: String,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        hint: &'static str,
    },
}
