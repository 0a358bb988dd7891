//! Unpacking an archive into a fresh directory.
//!
//! Decides whether what came out is what was signed. Never writes outside the directory; what it has written when it
//! fails is the caller's to remove (a staging directory goes as a whole).

use std::io::{BufReader, Read};
use std::path::Path;

use ggen_core::files::FileList;
use ggen_core::limits::Limits;
use ggen_core::release::Archive;

use super::ArchiveError;
use super::dirs::Beneath;
use super::read::{Bounds, read_compressed};
use crate::fsio::{BUFFER, open_regular};

/// What came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unpacked {
    /// The files, as they were written.
    pub files: FileList,
}

/// Unpacks `archive` into the directory `into`, which must be there and empty; with `expected`, only what was signed.
pub fn unpack(
    archive: &Path,
    into: &Path,
    expected: Option<&Archive>,
    limits: &Limits,
) -> Result<Unpacked, ArchiveError> {
    let file = open_regular(archive).map_err(ArchiveError::io("open", archive))?;
    unpack_from(file, into, expected, limits)
}

/// As [`unpack`], from a reader of the archive.
pub(crate) fn unpack_from(
    archive: impl Read,
    into: &Path,
    expected: Option<&Archive>,
    limits: &Limits,
) -> Result<Unpacked, ArchiveError> {
    let mut beneath = Beneath::open(into)?;
    let reader = BufReader::with_capacity(BUFFER, archive);
    let files = read_compressed(reader, Bounds::new(expected, limits), &mut beneath)?;
    beneath.finish()?;
    if let Some(expected) = expected {
        check(&files, expected)?;
    }
    Ok(Unpacked { files })
}

/// Compares files with what was signed.
pub(crate) fn check(files: &FileList, expected: &Archive) -> Result<(), ArchiveError> {
    let differs = |code, problem| Err(ArchiveError::NotSigned { code, problem });
    if files.files().len() as u64 != u64::from(expected.file_count) {
        return differs("file-count", "their number differs");
    }
    if files.unpacked_size() != expected.unpacked_size {
        return differs("unpacked-size", "their bytes differ in number");
    }
    if files.digest() != expected.files {
        return differs("file-list", "a path, mode or digest differs");
    }
    Ok(())
}
