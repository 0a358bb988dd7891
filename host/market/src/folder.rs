//! A folder's files with their signed list, as a policy may look into them.
//!
//! Decides how much one call gets. Invariant: only files on the list are opened, and none is read past its listed length.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use ggen_core::files::FileList;
use ggen_core::hooks::FileFact;
use ggen_policy::ArchiveView;

/// The most that one call reads.
const MAX_READ: u32 = 1 << 20;
/// The most files that one call lists.
const MAX_LISTED: u32 = 4096;

/// Files beneath a folder, with the list that was signed.
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
    /// Where the folder goes when it is committed: a link that only watches looks at it afterwards.
    pub(crate) then: Option<PathBuf>,
    pub(crate) files: FileList,
}

impl Folder {
    fn open(&self, path: &str) -> Result<File> {
        match (File::open(self.root.join(path)), &self.then) {
            (Err(error), Some(then)) if error.kind() == ErrorKind::NotFound => File::open(then.join(path)),
            (opened, _) => opened,
        }
    }
}

impl ArchiveView for Folder {
    fn files(&self, first: u32, count: u32) -> Result<Vec<FileFact>> {
        let fact = |f: &ggen_core::files::FileEntry| FileFact {
            path: f.path.to_string(),
            size: f.size,
            executable: f.executable,
            digest: f.digest.to_string(),
        };
        let (first, count) = (first as usize, count.min(MAX_LISTED) as usize);
        Ok(self.files.files().iter().skip(first).take(count).map(fact).collect())
    }

    fn read(&self, file: u32, offset: u64, length: u32) -> Result<Vec<u8>> {
        let entry = self.files.files().get(file as usize).ok_or_else(|| Error::from(ErrorKind::NotFound))?;
        let left = entry.size.saturating_sub(offset).min(u64::from(length.min(MAX_READ)));
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(0)];
        self.open(entry.path.as_str())?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}
