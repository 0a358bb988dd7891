//! Why a policy was not made, tried, installed or removed.
//!
//! Each variant has what a person needs to act; the command line alone gives codes and hints.

use std::path::PathBuf;

use ggen_core::PackageName;

/// What went wrong with a policy as a component or a crate.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// A name that no policy can have.
    #[error("{name:?} cannot be a policy's name: {problem}")]
    Name {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something lies where a new policy would.
    #[error("{} is there already", .path.display())]
    Exists {
        /// The folder that would be made.
        path: PathBuf,
    },
    /// A component that would not run here.
    #[error("{} would not run here: {}", .path.display(), .problems.join("; "))]
    Unfit {
        /// Its file.
        path: PathBuf,
        /// What speaks against it.
        problems: Vec<String>,
    },
    /// Another component is installed under this name.
    #[error("another policy {name} is installed")]
    Taken {
        /// The name that both give themselves.
        name: String,
        /// The digest of the installed one.
        installed: String,
        /// The digest of the one that was to be installed.
        offered: String,
    },
    /// The name is that of a policy inside the program.
    #[error("{name} is the name of a policy inside this program")]
    BuiltIn {
        /// Which.
        name: String,
    },
    /// Nothing is installed under this name.
    #[error("no policy {name} is installed")]
    NotInstalled {
        /// As it was typed.
        name: String,
    },
    /// A configuration names it.
    #[error("{name} is in use: {} names it", .by.display())]
    InUse {
        /// Which policy.
        name: String,
        /// The configuration.
        by: PathBuf,
    },
    /// A package in which no one component is the policy.
    #[error("{package} has no policy to install: {problem}")]
    NoPolicy {
        /// Which package.
        package: PackageName,
        /// What was found instead.
        problem: String,
    },
    /// A test case or a question that cannot be understood.
    #[error("{} is no {what}: {problem}", .path.display())]
    Case {
        /// The file or folder.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        problem: String,
    },
    /// The record of an installed policy cannot be understood.
    #[error("{} is no record of an installed policy: {problem}", .path.display())]
    Record {
        /// Its file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
}
