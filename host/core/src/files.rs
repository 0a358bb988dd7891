//! The file list of a release: what its archive unpacks to.
//!
//! The list is text, one line a file in order of the path's bytes: `<digest> <mode> <size> <path>\n`, with mode `644` or
//! `755`. Its digest is signed, so installed files can be checked without the archive.

use crate::digest::Digest;
use crate::paths::{ArchivePath, Collisions, PathError};

/// One file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileEntry {
    /// Beneath the package's directory.
    pub path: ArchivePath,
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Mode 755; otherwise 644.
    pub executable: bool,
}

/// The files of a release, sorted by path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileList(Vec<FileEntry>);

/// Why a file list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileListError {
    /// A path, or two that collide.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A line that is none.
    #[error("line {0} of the file list cannot be read")]
    Line(usize),
    /// Not the list that was signed.
    #[error("the file list is not the one that was signed")]
    Digest,
    /// Out of order.
    #[error("the file list is not in the order of its paths, at {0:?}")]
    Order(String),
}

impl FileList {
    /// Sorts `files` and checks that no two collide.
    pub fn new(mut files: Vec<FileEntry>) -> Result<Self, FileListError> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut collisions = Collisions::default();
        for file in &files {
            collisions.add_file(&file.path)?;
        }
        Ok(Self(files))
    }

    /// In path order.
    pub fn files(&self) -> &[FileEntry] {
        &self.0
    }

    /// All bytes of all files.
    pub fn unpacked_size(&self) -> u64 {
        self.0.iter().map(|f| f.size).fold(0, u64::saturating_add)
    }

    /// The text that is digested.
    pub fn to_text(&self) -> String {
        let line = |f: &FileEntry| {
            format!("{} {} {} {}\n", f.digest, if f.executable { "755" } else { "644" }, f.size, f.path)
        };
        self.0.iter().map(line).collect()
    }

    /// What a release signs.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }

    /// Reads the text, if it is what `signed` names.
    pub fn from_text(text: &str, signed: Digest) -> Result<Self, FileListError> {
        if Digest::of(text.as_bytes()) != signed {
            return Err(FileListError::Digest);
        }
        let mut files: Vec<FileEntry> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let file = parse_line(line).ok_or(FileListError::Line(number + 1))??;
            if files.last().is_some_and(|last| last.path >= file.path) {
                return Err(FileListError::Order(file.path.to_string()));
            }
            files.push(file);
        }
        Self::new(files)
    }
}

fn parse_line(line: &str) -> Option<Result<FileEntry, PathError>> {
    let mut parts = line.splitn(4, ' ');
    let digest = parts.next()?.parse().ok()?;
    let executable = match parts.next()? {
        "644" => false,
        "755" => true,
        _ => return None,
    };
    let size = parts.next()?.parse().ok()?;
    Some(ArchivePath::new(parts.next()?).map(|path| FileEntry { path, digest, size, executable }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> FileEntry {
        FileEntry {
            path: ArchivePath::new(path).unwrap(),
            digest: Digest::of(path.as_bytes()),
            size: 3,
            executable: path.ends_with(".sh"),
        }
    }

    #[test]
    fn text_and_back() {
        let list = FileList::new(vec![file("b c.txt"), file("a/run.sh")]).unwrap();
        assert_eq!(list.files()[0].path.as_str(), "a/run.sh");
        assert_eq!(FileList::from_text(&list.to_text(), list.digest()).unwrap(), list);
        assert_eq!(FileList::from_text(&list.to_text(), Digest::of(b"")), Err(FileListError::Digest));
        assert_eq!(list.unpacked_size(), 6);
    }

    #[test]
    fn a_signed_list_may_still_be_hostile() {
        for text in ["x\n", &format!("{} 644 1 ../x\n", Digest::of(b"")), &format!("{} 777 1 x\n", Digest::of(b""))] {
            assert!(FileList::from_text(text, Digest::of(text.as_bytes())).is_err(), "{text}");
        }
        let twice = file("a").digest.to_string() + " 644 3 a\n";
        let twice = twice.repeat(2);
        assert!(FileList::from_text(&twice, Digest::of(twice.as_bytes())).is_err());
        assert!(FileList::new(vec![file("a"), file("A")]).is_err());
    }
}
