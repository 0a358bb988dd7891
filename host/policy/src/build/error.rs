//! Why no component was built, and what the user can do about it.
//!
//! Decides the words, never the way out. Invariant: each text names the crate, the file or the program that it is about.

use std::path::{Path, PathBuf};

/// Why no component was built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no Cargo.toml.
    #[error("there is no crate at {}: no Cargo.toml", path.display())]
    NoCrate {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The crate builds no library that could become a component.
    #[error("{name} is no policy: its Cargo.toml needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`")]
    NotAPolicy {
        /// The crate's name.
        name: String,
    },
    /// `cargo metadata` failed, for example because of a mistake in Cargo.toml.
    #[error("the crate at {} cannot be read:\n{output}", path.display())]
    Metadata {
        /// The crate's Cargo.toml.
        path: PathBuf,
        /// What cargo said, its end.
        output: String,
    },
    /// What `cargo metadata` wrote is not understood.
    #[error("cargo's description of the crate at {} is not understood", path.display())]
    MetadataFormat {
        /// The crate's Cargo.toml.
        path: PathBuf,
        /// Where it stopped making sense.
        source: serde_json::Error,
    },
    /// A program could not be started.
    #[error("`{program}` cannot be started; is Rust installed?")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// No compiler here makes WebAssembly.
    #[error("no Rust compiler on this machine makes WebAssembly{}", lines(asked))]
    NoToolchain {
        /// Each compiler that was asked, with what it lacks; none where there is no compiler.
        asked: Vec<String>,
    },
    /// The compiler refused the crate.
    #[error("{name} does not compile for WebAssembly:\n{output}")]
    Compile {
        /// The crate's name.
        name: String,
        /// What the compiler said, its end.
        output: String,
    },
    /// The core module is no policy of this contract.
    #[error("{name} cannot become a component; does it have an `export!` line?")]
    Encode {
        /// The crate's name.
        name: String,
        /// What is missing or wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The component wants more than the contract gives.
    #[error("{name} imports {}, which no policy gets", imports.join(", "))]
    ForeignImports {
        /// The crate's name.
        name: String,
        /// What it imports beside the contract.
        imports: Vec<String>,
    },
    /// The component serves no hook.
    #[error("{name} exports {}, and a policy exports `plugin` and at least one hook", shown(exports))]
    NoHook {
        /// The crate's name.
        name: String,
        /// What it exports.
        exports: Vec<String>,
    },
    /// A file could not be read or written.
    #[error("{} {} failed", action, path.display())]
    File {
        /// `reading` or `writing`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The lock of the built policies cannot be understood.
    #[error("{} is no lock of built policies", path.display())]
    LockFormat {
        /// The lock.
        path: PathBuf,
        /// Where it stopped making sense.
        source: Box<toml::de::Error>,
    },
    /// Built policies do not belong to their sources any more.
    #[error("built policies are out of date; build them with `{command}`:\n  {}", problems.join("\n  "))]
    OutOfDate {
        /// One line for each policy.
        problems: Vec<String>,
        /// What builds them anew.
        command: &'static str,
    },
}

impl BuildError {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

fn lines(asked: &[String]) -> String {
    asked.iter().map(|one| format!("\n{one}")).collect()
}

fn shown(exports: &[String]) -> String {
    if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") }
}
