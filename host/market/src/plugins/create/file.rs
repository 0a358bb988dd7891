//! One file of a new policy.
//!
//! Decides nothing. Invariant: the folders that it lies in are there before it.

use std::fs;
use std::io;
use std::path::Path;

/// Writes a file and makes the folders that it lies in.
pub(super) fn put(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}
