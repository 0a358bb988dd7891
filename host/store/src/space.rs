//! How much room there is on a disk, and how much is used.
//!
//! Never decides what is too much or too little. Invariant: looking changes nothing.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Bytes beneath a path.
pub(crate) fn size_of(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries.flatten().map(|e| size_of(&e.path())).fold(0, u64::saturating_add)
}

/// Free bytes for this user on the file system of `path` or of its nearest parent that exists.
pub(crate) fn available(path: &Path) -> io::Result<u64> {
    let existing: PathBuf = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/")).to_owned();
    fs2::available_space(existing)
}
