//! Compiled components on disk, `<sha256>-<engine>.cwasm`, and beside each what it said of itself (`.json`), so that a
//! policy is compiled and described once on a machine.
//!
//! Decides whether an entry may be loaded: only from a folder that is this user's alone, and only if this engine wrote
//! it. Never takes compiled code from anywhere else. Invariant: an entry is written whole or not at all; one that
//! cannot be read is compiled again.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ggen_core::hooks::{Description, PolicyLimits};
use wasmtime::component::Component;
use wasmtime::{Engine, Result};

use crate::error::PolicyError;
use crate::runtime;

/// Compiles a component that came from outside, where that must not happen in this process.
pub trait Compiler: Send + Sync {
    /// What [`precompile`] makes of `component` under these limits.
    ///
    /// # Errors
    /// When it is not valid, or took more time or memory than its compiler gives it.
    fn compile(&self, component: &[u8], limits: &PolicyLimits) -> Result<Vec<u8>, PolicyError>;
}

/// Compiles a component in this process. What a child process calls that compiles for another one.
///
/// # Errors
/// [`PolicyError::Compile`] when it is not valid.
pub fn precompile(limits: &PolicyLimits, component: &[u8]) -> Result<Vec<u8>, PolicyError> {
    let failed = |e: wasmtime::Error| PolicyError::Compile { message: format!("{e:#}") };
    let engine = Engine::new(&runtime::config(limits)).map_err(failed)?;
    engine.precompile_component(component).map_err(failed)
}

/// Compiled code.
const CODE: &str = "cwasm";
/// What a component said of itself.
const DESCRIPTION: &str = "json";
/// More than any sound description needs.
const DESCRIPTION_BYTES: u64 = 256 << 10;

/// The folder of compiled components.
pub struct Cache {
    folder: PathBuf,
    compatibility: String,
}

impl Cache {
    /// A cache in `folder`, which need not exist yet.
    pub fn new(folder: PathBuf, compatibility: String) -> Self {
        Self { folder, compatibility }
    }

    fn entry(&self, digest: &str, suffix: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{}.{suffix}", self.compatibility))
    }

    /// An entry that nobody else can have written.
    fn private_entry(&self, digest: &str, suffix: &str) -> Option<(PathBuf, u64)> {
        let path = self.entry(digest, suffix);
        is_private(&fs::symlink_metadata(&self.folder).ok()?, 0o700).then_some(())?;
        let found = fs::symlink_metadata(&path).ok()?;
        (found.is_file() && is_private(&found, 0o600)).then_some((path, found.len()))
    }

    /// The component with this digest, if a sound entry is there.
    pub fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let (path, _) = self.private_entry(digest, CODE)?;
        match deserialize(engine, &path) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::debug!(path = %path.display(), "a compiled component cannot be loaded: {error:#}");
                None
            }
        }
    }

    /// What the component with this digest said of itself when it was asked first. It says the same every time: a
    /// policy has nothing that its answer could depend on.
    pub fn description(&self, digest: &str) -> Option<Description> {
        let (path, size) = self.private_entry(digest, DESCRIPTION)?;
        (size <= DESCRIPTION_BYTES).then_some(())?;
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Keeps compiled code for later. A cache that cannot be written costs time, nothing else.
    pub fn keep(&self, digest: &str, code: &[u8]) {
        self.keep_entry(&self.entry(digest, CODE), code, true);
    }

    /// Keeps a description for later.
    pub fn keep_description(&self, digest: &str, description: &Description) {
        if let Ok(text) = serde_json::to_vec(description) {
            self.keep_entry(&self.entry(digest, DESCRIPTION), &text, false);
        }
    }

    fn keep_entry(&self, path: &Path, bytes: &[u8], code: bool) {
        if let Err(error) = self.try_keep(path, bytes, code) {
            tracing::debug!(path = %path.display(), "a cache entry is not kept: {error}");
        }
    }

    /// Code is on the disk before it has its name: a torn entry would be run. That an entry is lost in a power cut, or a
    /// description is torn, only costs making it again.
    fn try_keep(&self, path: &Path, bytes: &[u8], code: bool) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let folder = fs::symlink_metadata(&self.folder)?;
        if !folder.is_dir() || !is_own(&folder) {
            return Err(io::Error::other("the folder is not this user's"));
        }
        fs::set_permissions(&self.folder, PermissionsExt::from_mode(0o700))?;
        // A temporary file is 0600 from its first moment on.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        if code {
            file.as_file().sync_data()?;
        }
        file.persist(path)?;
        Ok(())
    }
}

fn is_own(found: &fs::Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}

/// Whether it is this user's and nobody else may touch it.
fn is_private(found: &fs::Metadata, mode: u32) -> bool {
    is_own(found) && found.mode() & 0o777 & !mode == 0
}

#[allow(unsafe_code, reason = "loading compiled code is trusting it")]
fn deserialize(engine: &Engine, path: &Path) -> Result<Component> {
    // SAFETY: the file must be what `precompile` wrote, unchanged. It lies in a folder that only this user can enter,
    // is this user's and writable by nobody else, was written in full under another name and synced before it got this
    // one, and is never written again. Whoever can change it can change this program's own memory as well. wasmtime
    // itself refuses code of another engine, version or target.
    unsafe { Component::deserialize_file(engine, path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;

    fn runtime() -> Runtime {
        Runtime::new(PolicyLimits::default()).unwrap()
    }

    #[test]
    fn what_is_kept_is_loaded_and_anything_else_is_not() {
        let runtime = runtime();
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().join("cache/components"), runtime.compatibility());
        let code = precompile(&runtime.limits, &wat::parse_str("(component)").unwrap()).unwrap();
        assert!(cache.load(&runtime.engine, "aa").is_none());
        cache.keep("aa", &code);
        assert!(cache.load(&runtime.engine, "aa").is_some());
        assert_eq!(fs::metadata(cache.entry("aa", CODE)).unwrap().mode() & 0o777, 0o600);

        for broken in [&b""[..], b"garbage", &code[..code.len() / 2], &code[..64]] {
            fs::write(cache.entry("aa", CODE), broken).unwrap();
            assert!(cache.load(&runtime.engine, "aa").is_none(), "{} bytes", broken.len());
        }
        cache.keep("aa", &code);
        assert!(cache.load(&runtime.engine, "aa").is_some());
    }

    #[test]
    fn what_others_could_have_written_is_not_loaded() {
        let runtime = runtime();
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().join("components"), runtime.compatibility());
        let code = precompile(&runtime.limits, &wat::parse_str("(component)").unwrap()).unwrap();
        cache.keep("aa", &code);
        fs::set_permissions(cache.entry("aa", CODE), PermissionsExt::from_mode(0o666)).unwrap();
        assert!(cache.load(&runtime.engine, "aa").is_none());
        cache.keep("aa", &code);
        fs::set_permissions(&cache.folder, PermissionsExt::from_mode(0o777)).unwrap();
        assert!(cache.load(&runtime.engine, "aa").is_none());
    }
}
