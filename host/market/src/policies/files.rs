//! The files that a policy is made of: its component, its settings, and texts of JSON about it.
//!
//! Decides how far a file is read; never what is in it. Invariant: what is read of a file is bounded, however long it is.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ggen_core::limits::Limits;

use crate::error::MarketError;

/// A text, in bytes.
const MAX_TEXT: u64 = 32 << 20;

/// Where a home keeps compiled components.
pub(crate) fn cache(home: &Path) -> PathBuf {
    home.join("cache").join("components")
}

/// A component's bytes, as far as they are of any use.
pub(crate) fn component(path: &Path, limits: &Limits) -> Result<Vec<u8>, MarketError> {
    let failed = |source| MarketError::Io { path: path.to_owned(), action: "read", source };
    read(path, limits.max_component).map_err(failed)
}

/// One byte more than may be, at most: the inspection itself tells that there are too many.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a bounded file; none where there is no such file.
pub(crate) fn text(path: &Path) -> Result<Option<String>, MarketError> {
    let failed = |source| MarketError::Io { path: path.to_owned(), action: "read", source };
    let opened = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut text = String::new();
    opened.take(MAX_TEXT).read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

/// Settings of a policy in a file of JSON, as text.
pub(crate) fn settings_file(path: &Path) -> Result<String, MarketError> {
    let missing = || MarketError::Io { path: path.to_owned(), action: "read", source: io::ErrorKind::NotFound.into() };
    text(path)?.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_read_up_to_its_bound() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a.wasm");
        std::fs::write(&file, [0; 100]).unwrap();
        assert_eq!(read(&file, 10).unwrap().len(), 11);
    }
}
