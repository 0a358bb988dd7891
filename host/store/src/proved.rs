//! Some files of a package, read whole: each is held to the list that its publisher signed.
//!
//! Decides that a file counts only with exactly the signed bytes; what is in the folder and in no list is never read.
//! Invariant: all that is asked for is given, or nothing is.

use std::path::Path;

use ggen_core::files::{FileEntry, FileList};
use ggen_core::{Digest, PackageName};

use crate::error::StoreError;
use crate::fsio;
use crate::{StagedPackage, Store};

/// How much is read.
#[derive(Clone, Copy, Debug)]
pub struct ReadBounds {
    /// Files.
    pub files: usize,
    /// Bytes of one.
    pub file_bytes: u64,
    /// Bytes of all.
    pub bytes: u64,
}

/// A file with its path inside the package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProvedFile {
    /// With `/`.
    pub path: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Store {
    /// The files of an installed package whose names end in `ending`.
    pub fn read_installed(
        &self,
        name: &PackageName,
        ending: &str,
        bounds: ReadBounds,
    ) -> Result<Vec<ProvedFile>, StoreError> {
        let missing = || StoreError::NotInstalled { name: name.clone() };
        let installed = self.installed_package(name)?.ok_or_else(missing)?;
        let release = self.installed_release(name)?.ok_or_else(missing)?;
        let lost = "cannot be checked: its file list is lost and its archive is not in the store";
        let damaged = || StoreError::Damaged { path: installed.path.clone(), problem: lost };
        let files = self.signed_files(name, &release)?.ok_or_else(damaged)?;
        read(&installed.path, &files, ending, bounds)
    }
}

impl StagedPackage {
    /// The files whose names end in `ending`, before any of them is visible.
    pub fn read(&self, ending: &str, bounds: ReadBounds) -> Result<Vec<ProvedFile>, StoreError> {
        read(&self.dir, &self.files, ending, bounds)
    }
}

fn read(dir: &Path, files: &FileList, ending: &str, bounds: ReadBounds) -> Result<Vec<ProvedFile>, StoreError> {
    let wanted: Vec<&FileEntry> = files.files().iter().filter(|f| f.path.as_str().ends_with(ending)).collect();
    let too_long = |path: &Path, limit: u64| StoreError::TooLong { path: path.to_owned(), limit };
    if wanted.len() > bounds.files {
        return Err(StoreError::Damaged { path: dir.to_owned(), problem: "has more files of this kind than are read" });
    }
    let all = wanted.iter().fold(0u64, |sum, file| sum.saturating_add(file.size));
    if all > bounds.bytes {
        return Err(too_long(dir, bounds.bytes));
    }
    let mut proved = Vec::with_capacity(wanted.len());
    for file in wanted {
        let path = dir.join(file.path.as_str());
        if file.size > bounds.file_bytes {
            return Err(too_long(&path, bounds.file_bytes));
        }
        let damaged = |problem| StoreError::Damaged { path: path.clone(), problem };
        let bytes = match fsio::read_bounded(&path, file.size) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(damaged("is missing")),
            Err(StoreError::TooLong { .. }) => return Err(damaged("has another length than the signed one")),
            Err(error) => return Err(error),
        };
        if Digest::of(&bytes) != file.digest {
            return Err(damaged("has other bytes than the signed ones"));
        }
        proved.push(ProvedFile { path: file.path.to_string(), bytes });
    }
    Ok(proved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Author, Home, install};

    const BOUNDS: ReadBounds = ReadBounds { files: 10, file_bytes: 1000, bytes: 2000 };

    #[test]
    fn files_are_read_as_they_were_signed_or_not_at_all() {
        let (home, mut author) = (Home::new(), Author::new(1));
        let release = author.publish(&home.store, "pkg", "1.0.0");
        let path = install(&home.store, &[&release]).unwrap()[0].path.join("data/x.ttl");
        let name = "pkg".parse().unwrap();
        let read = |bounds| home.store.read_installed(&name, ".ttl", bounds);
        let good = read(BOUNDS).unwrap();
        assert_eq!(good.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["data/x.ttl"]);
        assert_eq!(good[0].bytes, std::fs::read(&path).unwrap());
        std::fs::write(path.with_file_name("more.ttl"), "nobody signed it").unwrap();
        assert_eq!(read(BOUNDS).unwrap(), good);
        assert_eq!(home.store.read_installed(&name, ".json", BOUNDS).unwrap(), []);

        let short = ReadBounds { file_bytes: 0, ..BOUNDS };
        assert!(matches!(read(short), Err(StoreError::TooLong { limit: 0, .. })));
        assert!(matches!(read(ReadBounds { bytes: 0, ..BOUNDS }), Err(StoreError::TooLong { limit: 0, .. })));
        assert!(matches!(read(ReadBounds { files: 0, ..BOUNDS }), Err(StoreError::Damaged { .. })));

        let mut other = good[0].bytes.clone();
        other[0] ^= 1;
        let longer = [good[0].bytes.clone(), b"x".to_vec()].concat();
        for bytes in [other, longer, Vec::new()] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(read(BOUNDS), Err(StoreError::Damaged { path: told, .. }) if told == path));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(read(BOUNDS), Err(StoreError::Damaged { problem: "is missing", .. })));
        let nothing = home.store.read_installed(&"nothing".parse().unwrap(), ".ttl", BOUNDS);
        assert!(matches!(nothing, Err(StoreError::NotInstalled { .. })));
    }
}
