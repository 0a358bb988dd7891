//! Where everything of a home is.
//!
//! Decides names of files and directories, and whether this program may touch a home at all (`VERSION`). Never reads
//! what is in them. Invariant: a home of a later layout is left as it is.

use std::path::{Path, PathBuf};

use ggen_core::{Digest, PackageName, PublisherId};
use semver::Version;

use crate::error::StoreError;
use crate::{fsio, place};

/// The layout that this program writes.
pub(crate) const LAYOUT: u32 = 1;

/// The directories of a home that must be there.
const DIRECTORIES: [&str; 11] = [
    "registry",
    "packages/.locks",
    "store",
    "quarantine",
    "cache/components",
    "cache/policies",
    "cache/partial",
    "plugins",
    "keys",
    "p2p",
    "tmp",
];

/// Paths of one home.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    home: PathBuf,
}

impl Layout {
    /// Creates what is missing; refuses a home of a later layout, or of another user.
    pub(crate) fn open(home: &Path) -> Result<Self, StoreError> {
        place::check_owner(home)?;
        let layout = Self { home: home.to_owned() };
        let marker = home.join("VERSION");
        match fsio::read_bounded(&marker, 64)? {
            Some(text) => {
                layout.check(&text)?;
                layout.make_directories()?;
            }
            None => {
                layout.make_directories()?;
                fsio::write_whole(&marker, format!("{LAYOUT}\n").as_bytes(), 0o600, true)?;
            }
        }
        Ok(layout)
    }

    /// The paths of a home that is not touched.
    pub(crate) fn at(home: &Path) -> Self {
        Self { home: home.to_owned() }
    }

    /// A copy of a home may have lost its empty ones.
    fn make_directories(&self) -> Result<(), StoreError> {
        let missing = DIRECTORIES.iter().map(|directory| self.home.join(directory)).filter(|path| !path.is_dir());
        missing.into_iter().try_for_each(|path| fsio::make_dir(&path))
    }

    fn check(&self, text: &[u8]) -> Result<(), StoreError> {
        let text = String::from_utf8_lossy(text);
        match text.trim().parse::<u32>() {
            Ok(LAYOUT) => Ok(()),
            _ => {
                let found = text.trim().chars().take(40).collect();
                Err(StoreError::Layout { path: self.home.clone(), found, known: LAYOUT })
            }
        }
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.home.join("state.db")
    }

    /// There while the database is known to be damaged.
    pub(crate) fn database_suspect(&self) -> PathBuf {
        self.home.join("state.db.suspect")
    }

    pub(crate) fn trust_log(&self) -> PathBuf {
        self.home.join("trust.log")
    }

    pub(crate) fn registry(&self) -> PathBuf {
        self.home.join("registry")
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.home.join("registry/index.json")
    }

    pub(crate) fn packages(&self) -> PathBuf {
        self.home.join("packages")
    }

    /// Archives whose files a policy denied.
    pub(crate) fn quarantine(&self) -> PathBuf {
        self.home.join("quarantine")
    }

    /// Components that rows of the decision log name.
    pub(crate) fn policies(&self) -> PathBuf {
        self.home.join("cache/policies")
    }

    pub(crate) fn package(&self, name: &PackageName, version: &Version) -> PathBuf {
        self.packages().join(name.as_str()).join(version.to_string())
    }

    pub(crate) fn package_lock(&self, name: &PackageName) -> PathBuf {
        self.home.join("packages/.locks").join(name.as_str())
    }

    /// Names of packages never begin with a dot, so this one is nobody's.
    pub(crate) fn state_lock(&self) -> PathBuf {
        self.home.join("packages/.locks/.state")
    }

    /// Names of packages never begin with a dot, so this one is nobody's.
    pub(crate) fn project_lock(&self, project: &Digest) -> PathBuf {
        self.home.join("packages/.locks").join(format!(".project-{}", project.short()))
    }

    pub(crate) fn clean_lock(&self) -> PathBuf {
        self.home.join("packages/.ggen-install.lock")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.home.join("store")
    }

    pub(crate) fn archive(&self, digest: &Digest) -> PathBuf {
        archive_beneath(&self.store(), digest)
    }

    pub(crate) fn chunk_list(&self, digest: &Digest) -> PathBuf {
        self.archive(digest).with_extension("chunks")
    }

    pub(crate) fn components(&self) -> PathBuf {
        self.home.join("cache/components")
    }

    pub(crate) fn partials(&self) -> PathBuf {
        self.home.join("cache/partial")
    }

    pub(crate) fn partial(&self, digest: &Digest) -> PathBuf {
        self.partials().join(digest.to_hex())
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.home.join("keys")
    }

    pub(crate) fn node_identity(&self) -> PathBuf {
        self.home.join("p2p/identity.key")
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.home.join("tmp")
    }
}

/// `<store>/<aa>/<digest>`.
pub(crate) fn archive_beneath(store: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.to_hex();
    store.join(hex.get(..2).unwrap_or_default()).join(&hex)
}

/// `roots/<publisher>/<n>.dsse` beneath a registry.
pub(crate) fn root_file(registry: &Path, publisher: PublisherId, version: u64) -> PathBuf {
    registry.join("roots").join(publisher.to_string()).join(format!("{version}.dsse"))
}

/// `heads/<publisher>/<name>.dsse` beneath a registry.
pub(crate) fn head_file(registry: &Path, publisher: PublisherId, name: &PackageName) -> PathBuf {
    registry.join("heads").join(publisher.to_string()).join(format!("{name}.dsse"))
}

/// `releases/<publisher>/<name>/<version>.dsse` beneath a registry.
pub(crate) fn release_file(registry: &Path, publisher: PublisherId, name: &PackageName, version: &Version) -> PathBuf {
    registry.join(release_name(publisher, name, version))
}

/// How an index names a release's file: relative to the registry.
pub(crate) fn release_name(publisher: PublisherId, name: &PackageName, version: &Version) -> String {
    format!("releases/{publisher}/{name}/{version}.dsse")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_of_a_later_layout_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("VERSION"), "7\n").unwrap();
        assert!(matches!(Layout::open(dir.path()), Err(StoreError::Layout { found, .. }) if found == "7"));
        assert_eq!(fsio::names_in(dir.path()).unwrap(), ["VERSION"]);
    }

    #[test]
    fn a_home_is_made_for_its_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("deep/home");
        Layout::open(&home).unwrap();
        for directory in ["", "keys", "tmp", "store"] {
            let mode = std::fs::metadata(home.join(directory)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{directory}");
        }
        Layout::open(&home).unwrap();
    }
}
