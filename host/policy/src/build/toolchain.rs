//! Which compiler on this machine can make WebAssembly.
//!
//! It looks and asks compilers for their version and directories; it installs and downloads nothing. Invariant: the
//! active compiler is taken where it has the target; only then one that must build the standard library itself.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::BuildError;

/// What policies are compiled for.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// A compiler that can make WebAssembly.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// What `rustc -V` says.
    pub compiler: String,
    pub(super) rustc: PathBuf,
    pub(super) sysroot: PathBuf,
    /// The linker to use where the standard library must be built too; none where the target is installed.
    pub(super) build_std: Option<PathBuf>,
}

impl Toolchain {
    /// The active compiler if it has the target, else one with the standard library's sources. A compiler that `RUSTC`
    /// names is the only one.
    ///
    /// # Errors
    /// [`BuildError::NoToolchain`] where there is neither.
    pub fn find() -> Result<Self, BuildError> {
        match env::var_os("RUSTC").filter(|named| !named.is_empty()) {
            Some(named) => Self::among(&[PathBuf::from(named)]),
            // Debian's compiler for WebAssembly lies there, also where rustup's is the active one.
            None => Self::among(&[PathBuf::from("rustc"), PathBuf::from("/usr/bin/rustc")]),
        }
    }

    fn among(candidates: &[PathBuf]) -> Result<Self, BuildError> {
        let with_target = candidates.iter().find_map(|rustc| Self::with_target(rustc));
        with_target
            .or_else(|| candidates.iter().find_map(|rustc| Self::with_sources(rustc)))
            .ok_or_else(|| BuildError::NoToolchain { asked: asked(candidates) })
    }

    fn with_target(rustc: &Path) -> Option<Self> {
        let libraries = PathBuf::from(ask(rustc, &["--print", "target-libdir", "--target", TARGET])?);
        let mut entries = std::fs::read_dir(libraries).ok()?.flatten();
        entries.find(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))?;
        Self::of(rustc, None)
    }

    fn with_sources(rustc: &Path) -> Option<Self> {
        let sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"])?);
        if !has_sources(&sysroot) {
            return None;
        }
        Self::of(rustc, Some(linker(&sysroot)?))
    }

    fn of(rustc: &Path, build_std: Option<PathBuf>) -> Option<Self> {
        let compiler = ask(rustc, &["-V"])?;
        let sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"])?);
        Some(Self { compiler, rustc: rustc.to_owned(), sysroot, build_std })
    }
}

fn has_sources(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
}

/// What each compiler that is there lacks, in a sentence; nothing where none is there.
fn asked(candidates: &[PathBuf]) -> Vec<String> {
    let lacks = |rustc: &PathBuf| {
        let compiler = ask(rustc, &["-V"])?;
        let sources = ask(rustc, &["--print", "sysroot"]).is_some_and(|sysroot| has_sources(Path::new(&sysroot)));
        let what =
            if sources { "no linker for WebAssembly is here" } else { "neither the target nor the library's sources" };
        Some(format!("{} ({compiler}): {what}", rustc.display()))
    };
    candidates.iter().filter_map(lacks).collect()
}

/// A linker for WebAssembly: one that comes with a compiler, else one of the system's.
fn linker(sysroot: &Path) -> Option<PathBuf> {
    let active = ask(Path::new("rustc"), &["--print", "sysroot"]).map(PathBuf::from);
    let with_compilers = active.iter().map(PathBuf::as_path).chain([sysroot]).flat_map(|sysroot| {
        let hosts = std::fs::read_dir(sysroot.join("lib/rustlib")).into_iter().flatten().flatten();
        hosts.map(|host| host.path().join("bin/rust-lld")).collect::<Vec<_>>()
    });
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path)
        .flat_map(|directory| ["rust-lld", "wasm-ld", "lld"].map(|name| directory.join(name)))
        .collect::<Vec<_>>();
    // Debian keeps versions side by side there: the newest is taken.
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
        .map(|entry| entry.path().join("bin/wasm-ld"))
        .collect();
    versions.sort();
    with_compilers.chain(on_path).chain(versions.into_iter().rev()).find(|path| path.is_file())
}

/// The first line that a compiler answers; none where it cannot be started or refuses.
fn ask(program: &Path, arguments: &[&str]) -> Option<String> {
    let answer = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let line = text.lines().next()?.trim().to_owned();
    (answer.status.success() && !line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_that_is_not_there_is_no_toolchain() {
        let nowhere = Path::new("/nonexistent/rustc");
        assert!(Toolchain::with_target(nowhere).is_none() && Toolchain::with_sources(nowhere).is_none());
    }

    /// A compiler that says its version and where its libraries would be, which are not there.
    fn without_target(folder: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join("rustc");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n-V) echo 'rustc 1.95.0 (a test)';;\n*) echo {0}/nowhere;;\nesac\n",
            folder.display()
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_compiler_without_the_target_is_told_with_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let refused =
            Toolchain::among(&[without_target(folder.path()), PathBuf::from("/nonexistent/rustc")]).unwrap_err();
        let BuildError::NoToolchain { asked } = refused else { panic!("{refused}") };
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked[0].contains("rustc 1.95.0 (a test)") && asked[0].contains("neither the target"), "{asked:?}");
    }

    #[test]
    fn the_active_compiler_answers() {
        assert!(ask(Path::new("rustc"), &["-V"]).is_some_and(|line| line.starts_with("rustc ")));
        assert!(ask(Path::new("rustc"), &["--no-such-flag"]).is_none());
    }
}
