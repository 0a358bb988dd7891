//! Cargo: what crate lies at a path, and its core module.
//!
//! It runs cargo with the settings that every policy is built with, whatever profile the crate's workspace has. Invariant:
//! what a child process writes is read to its end and kept only up to a bound.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, thread};

use serde::Deserialize;

use super::error::BuildError;
use super::request::BuildRequest;
use super::toolchain::{TARGET, Toolchain};

/// How much of a child's messages is kept, in bytes: the end, where compilers say what is wrong.
const KEPT_MESSAGES: usize = 32 * 1024;
/// Largest description of a workspace that is read.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;
/// Largest core module that is made into a component.
const LARGEST_MODULE: u64 = 64 * 1024 * 1024;

/// What is needed to know of a crate.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) manifest: PathBuf,
    pub(super) directory: PathBuf,
    workspace: PathBuf,
    target_directory: PathBuf,
    library: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<MetadataTarget>,
}

#[derive(Deserialize)]
struct MetadataTarget {
    name: String,
    crate_types: Vec<String>,
}

/// The crate at a directory or a Cargo.toml.
pub(super) fn package(path: &Path, offline: bool) -> Result<Package, BuildError> {
    let none = || BuildError::NoCrate { path: path.to_owned() };
    let manifest = if path.is_dir() { path.join("Cargo.toml") } else { path.to_owned() };
    let manifest = manifest.canonicalize().map_err(|_| none())?;
    if manifest.file_name().is_none_or(|name| name != "Cargo.toml") {
        return Err(none());
    }
    let mut command = cargo("metadata");
    command.args(["--format-version", "1", "--no-deps", "--manifest-path"]).arg(&manifest);
    if offline {
        command.arg("--offline");
    }
    let answer = run(&mut command, LARGEST_ANSWER)?;
    if !answer.status.success() {
        return Err(BuildError::Metadata { path: manifest, output: text(&answer.stderr) });
    }
    let metadata: Metadata = serde_json::from_slice(&answer.stdout)
        .map_err(|source| BuildError::MetadataFormat { path: manifest.clone(), source })?;
    let package = metadata.packages.into_iter().find(|package| package.manifest_path == manifest).ok_or_else(none)?;
    let library = package.targets.into_iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
    let Some(library) = library else {
        return Err(BuildError::NotAPolicy { name: package.name });
    };
    Ok(Package {
        name: package.name,
        version: package.version,
        directory: manifest.parent().unwrap_or(Path::new("/")).to_owned(),
        manifest,
        workspace: metadata.workspace_root,
        target_directory: metadata.target_directory,
        library: library.name.replace('-', "_"),
    })
}

/// The crate's core module, built.
pub(super) fn build(package: &Package, toolchain: &Toolchain, request: &BuildRequest) -> Result<Vec<u8>, BuildError> {
    let target_dir = request.target_dir.clone().unwrap_or_else(|| package.target_directory.join("wasm"));
    let mut command = cargo("build");
    command.args(["--release", "--lib", "--target", TARGET, "--manifest-path"]).arg(&package.manifest);
    command.arg("--target-dir").arg(&target_dir);
    for (flag, wanted) in [("--offline", request.offline), ("--locked", request.locked)] {
        if wanted {
            command.arg(flag);
        }
    }
    for (setting, value) in [
        ("OPT_LEVEL", "s"),
        ("LTO", "true"),
        ("CODEGEN_UNITS", "1"),
        ("PANIC", "abort"),
        ("STRIP", "symbols"),
        ("DEBUG", "false"),
    ] {
        command.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    command.env("RUSTC", &toolchain.rustc).env("CARGO_ENCODED_RUSTFLAGS", flags(package, toolchain, &target_dir));
    if let Some(linker) = &toolchain.build_std {
        command.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    let answer = run(&mut command, KEPT_MESSAGES)?;
    if !answer.status.success() {
        return Err(BuildError::Compile { name: package.name.clone(), output: text(&answer.stderr) });
    }
    let module = target_dir.join(TARGET).join("release").join(format!("{}.wasm", package.library));
    read(&module)
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    let attempt = || {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(LARGEST_MODULE + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_MODULE {
            return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "larger than any policy may be"));
        }
        Ok(bytes)
    };
    attempt().map_err(BuildError::file("reading", path))
}

/// Flags that take this machine's directories out of the bytes: equal sources give equal components anywhere.
fn flags(package: &Package, toolchain: &Toolchain, target_dir: &Path) -> OsString {
    let mut places = vec![
        (toolchain.sysroot.join("lib/rustlib/src/rust"), "/rust"),
        (package.workspace.clone(), "/workspace"),
        (target_dir.to_owned(), "/target"),
    ];
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    if let Some(home) = home {
        // Below it, a directory for each registry, named after its address: a mirror must not change the bytes.
        let registries = std::fs::read_dir(home.join("registry/src")).into_iter().flatten().flatten();
        places.push((home, "/cargo"));
        places.extend(registries.map(|registry| (registry.path(), "/registry")));
    }
    let mut flags = OsString::new();
    for (from, to) in places {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}

/// Cargo, without what a surrounding cargo or rustup run would force on it.
fn cargo(verb: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.arg(verb).stdin(Stdio::null()).env("CARGO_TERM_COLOR", "never");
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"] {
        command.env_remove(name);
    }
    command
}

/// Runs a child to its end: at most `largest` bytes of its answer (the beginning) and the end of its messages.
fn run(command: &mut Command, largest: usize) -> Result<Output, BuildError> {
    let start = |source| BuildError::Start { program: "cargo".to_owned(), source };
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(start)?;
    let messages = child.stderr.take();
    let reader = thread::spawn(move || messages.map(|pipe| kept(pipe, KEPT_MESSAGES)).unwrap_or_default());
    let mut stdout = Vec::new();
    if let Some(mut pipe) = child.stdout.take() {
        let bound = u64::try_from(largest).unwrap_or(u64::MAX);
        pipe.by_ref().take(bound).read_to_end(&mut stdout).map_err(start)?;
        std::io::copy(&mut pipe, &mut std::io::sink()).map_err(start)?;
    }
    let status = child.wait().map_err(start)?;
    Ok(Output { status, stdout, stderr: reader.join().unwrap_or_default() })
}

/// Reads everything and keeps the last bytes.
fn kept(mut pipe: impl Read, largest: usize) -> Vec<u8> {
    let mut end: VecDeque<u8> = VecDeque::new();
    let mut piece = [0u8; 8192];
    while let Ok(count @ 1..) = pipe.read(&mut piece) {
        end.extend(piece.iter().take(count));
        end.drain(..end.len().saturating_sub(largest));
    }
    end.into()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_long_messages_is_kept() {
        let long: Vec<u8> = (0..100_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        assert_eq!(kept(long.as_slice(), 1000), long[99_000..]);
        assert_eq!(kept(&b"short"[..], 1000), b"short");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let refused = run(&mut Command::new("/nonexistent/cargo"), 10).unwrap_err();
        assert!(matches!(refused, BuildError::Start { .. }));
    }
}
