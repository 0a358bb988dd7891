//! What is asked of a build, and what comes of it.
//!
//! Decides what holds where nothing is said. Invariant: a component that was built is named with its digest and its
//! compiler.

use std::path::PathBuf;

/// What to build, and where the component goes.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The crate's directory, or its Cargo.toml.
    pub path: PathBuf,
    /// The directory that gets `NAME.wasm`; none: the crate's own.
    pub output: Option<PathBuf>,
    /// Cargo's target directory; none: `wasm` inside the crate's usual one, so that native builds are left alone.
    pub target_dir: Option<PathBuf>,
    /// Take dependencies from what cargo has on this machine already.
    pub offline: bool,
    /// Refuse to change Cargo.lock.
    pub locked: bool,
}

impl BuildRequest {
    /// Builds the crate at `path` with everything else as usual.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), output: None, target_dir: None, offline: false, locked: false }
    }
}

/// A component that was built and put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltComponent {
    /// The crate's name, which is the policy's.
    pub name: String,
    /// The crate's version.
    pub version: String,
    /// Where the component lies.
    pub path: PathBuf,
    /// SHA-256 of its bytes, lowercase hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// What `rustc -V` said of the compiler.
    pub compiler: String,
}
