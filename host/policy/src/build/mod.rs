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
mod error;
mod lock;
mod request;
mod toolchain;

use std::path::Path;

use crate::digest::digest_of;

pub use error::BuildError;
pub use request::{BuildRequest, BuiltComponent};
pub use toolchain::Toolchain;

/// What gets the target, one command a line, for whom.
pub const WAYS: [(&str, &str); 2] = [
    ("where rustup is", "rustup target add wasm32-unknown-unknown"),
    ("on Debian, also without rustup", "apt-get install --no-install-recommends rustc-web rust-web-src lld"),
];

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
        digest: digest_of(&component),
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
