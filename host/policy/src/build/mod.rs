//! Builds a policy's component from its Rust crate: what `ggen plugin build` runs.
//!
//! It finds the crate, chooses a compiler that can make WebAssembly, has cargo build the core module, turns that into a
//! component and puts it in place in one rename. It never installs a compiler, never loads or runs what it built, and
//! changes nothing but its output and cargo's own target directory. Invariant: what it returns imports nothing but the
//! contract, and one source with one compiler gives the same bytes wherever it lies.
//!
//! ```text
//! crate ─ metadata ─ toolchain ─ cargo build (core module) ─ component (encoded, checked) ─ rename
//! ```

mod cargo;
mod component;
pub mod dist;
mod lock;
mod toolchain;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use toolchain::Toolchain;

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

/// What gets the target, one command a line, for whom.
pub const WAYS: [(&str, &str); 2] = [
    ("where rustup is", "rustup target add wasm32-unknown-unknown"),
    ("on Debian, also without rustup", "apt-get install --no-install-recommends rustc-web rust-web-src lld"),
];

fn lines(asked: &[String]) -> String {
    asked.iter().map(|one| format!("\n{one}")).collect()
}

fn shown(exports: &[String]) -> String {
    if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") }
}

/// SHA-256 in lowercase hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Builds a policy's component and puts it at `OUTPUT/NAME.wasm`.
///
/// # Errors
/// [`BuildError`], with what the user can do about it; then the output is as it was.
pub fn build_component(request: &BuildRequest) -> Result<BuiltComponent, BuildError> {
    build_with(request, &Toolchain::find()?)
}

fn build_with(request: &BuildRequest, toolchain: &Toolchain) -> Result<BuiltComponent, BuildError> {
    let package = cargo::package(&request.path, request.offline)?;
    let module = cargo::build(&package, toolchain, request)?;
    let component = component::from_module(&package.name, &module)?;
    let output = request.output.as_deref().unwrap_or(&package.directory);
    let path = output.join(format!("{}.wasm", package.name));
    write(&path, &component)?;
    Ok(BuiltComponent {
        name: package.name,
        version: package.version,
        path,
        digest: digest(&component),
        size: u64::try_from(component.len()).unwrap_or(u64::MAX),
        compiler: toolchain.compiler.clone(),
    })
}

/// Writes a whole file or nothing: beside its place, then renamed.
fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    let directory = path.parent().unwrap_or(Path::new("."));
    let attempt = || {
        std::fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new()
            .prefix(".ggen-build-")
            .permissions(std::fs::Permissions::from_mode(0o644))
            .tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|failed| failed.error)
    };
    attempt().map_err(BuildError::file("writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_a_crate_is_named() {
        let empty = tempfile::tempdir().unwrap();
        let refused = cargo::package(empty.path(), true).unwrap_err();
        assert!(matches!(&refused, BuildError::NoCrate { path } if path == empty.path()), "{refused}");
    }

    #[test]
    fn a_crate_without_a_cdylib_is_no_policy() {
        let crate_dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(crate_dir.path().join("src")).unwrap();
        std::fs::write(crate_dir.path().join("src/lib.rs"), "").unwrap();
        let manifest = crate_dir.path().join("Cargo.toml");
        std::fs::write(
            &manifest,
            "[package]\nname = \"plain\"\nversion = \"1.2.3\"\nedition = \"2024\"\n[workspace]\n",
        )
        .unwrap();
        assert!(
            matches!(cargo::package(&manifest, true).unwrap_err(), BuildError::NotAPolicy { name } if name == "plain")
        );
        std::fs::write(&manifest, "[package\n").unwrap();
        assert!(matches!(cargo::package(&manifest, true).unwrap_err(), BuildError::Metadata { .. }));
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/one.wasm");
        write(&path, b"bytes").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"bytes");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(matches!(write(&path.join("below"), b""), Err(BuildError::File { action: "writing", .. })));
    }

    #[test]
    fn the_way_to_a_toolchain_names_the_target_that_is_built_for() {
        assert!(WAYS.iter().any(|(_, command)| *command == format!("rustup target add {}", toolchain::TARGET)));
    }
}
