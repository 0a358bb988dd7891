//! The lock of the built policies, `plugins/dist/lock.toml`: which sources and compiler each component came from.
//!
//! It computes and compares digests; it never builds. Invariant: equal sources have equal digests wherever they lie, and
//! no two different trees share one by running into each other (every name and size is digested too).

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::BuildError;
use super::write;

/// First lines of the lock.
const HEADER: &str =
    "# Written by `cargo run -p ggen-policy --example dist -- rebuild`; a test compares it with the sources.\n\n";
/// Larger sources and locks than this are not read.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The whole lock.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    /// Sorted by name.
    #[serde(default, rename = "policy")]
    pub(super) policies: Vec<Locked>,
}

/// One built policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Locked {
    pub(super) name: String,
    pub(super) version: String,
    /// SHA-256 of the component.
    pub(super) component: String,
    /// SHA-256 over the crate, the SDK and the contract.
    pub(super) sources: String,
    /// `rustc -V`.
    pub(super) compiler: String,
}

impl Lock {
    /// Reads a lock; one that is not there is empty.
    pub(super) fn read(path: &Path) -> Result<Self, BuildError> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let bytes = read(path)?;
        toml::from_str(&String::from_utf8_lossy(&bytes))
            .map_err(|source| BuildError::LockFormat { path: path.to_owned(), source: Box::new(source) })
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), BuildError> {
        let text = toml::to_string(self).map_err(std::io::Error::other).map_err(BuildError::file("writing", path))?;
        write(path, format!("{HEADER}{text}").as_bytes())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Locked> {
        self.policies.iter().find(|policy| policy.name == name)
    }
}

/// Reads a file of bounded size.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    let attempt = || {
        if fs::metadata(path)?.len() > LARGEST {
            return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "too large for a source"));
        }
        fs::read(path)
    };
    attempt().map_err(BuildError::file("reading", path))
}

/// The digest of what a policy is made from: its crate, the SDK and the contract. Readmes do not count.
pub(super) fn sources(root: &Path, policy: &str) -> Result<String, BuildError> {
    let policy = Path::new("plugins").join(policy);
    let mut files = vec![policy.join("Cargo.toml"), "plugin-sdk/Cargo.toml".into(), "plugin-sdk/build.rs".into()];
    for (directory, ending) in [(policy.join("src"), "rs"), ("plugin-sdk/src".into(), "rs"), ("wit".into(), "wit")] {
        collect(root, &directory, ending, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let bytes = read(&root.join(&file))?;
        let name = file.to_string_lossy();
        for part in [name.as_bytes(), &bytes] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// All files with an ending below a directory, as paths from the root.
fn collect(root: &Path, directory: &Path, ending: &str, files: &mut Vec<PathBuf>) -> Result<(), BuildError> {
    let full = root.join(directory);
    let entries = fs::read_dir(&full).map_err(BuildError::file("reading", &full))?;
    for entry in entries {
        let entry = entry.map_err(BuildError::file("reading", &full))?;
        let path = directory.join(entry.file_name());
        let kind = entry.file_type().map_err(BuildError::file("reading", &full))?;
        if kind.is_dir() {
            collect(root, &path, ending, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    Ok(())
}

/// The names of the policies below `plugins/`, sorted: every directory with a Cargo.toml.
pub(super) fn policies(root: &Path) -> Result<Vec<String>, BuildError> {
    let plugins = root.join("plugins");
    let mut names = Vec::new();
    for entry in fs::read_dir(&plugins).map_err(BuildError::file("reading", &plugins))? {
        let entry = entry.map_err(BuildError::file("reading", &plugins))?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
