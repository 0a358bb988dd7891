//! Looking at a file as if a peer had sent it.
//!
//! Decides what a file is by its bytes (`.ggen`, `.tar.zst`, `.tar`) and whether it would be taken. Never writes
//! anything and never fails: what is wrong is the answer. Invariant: memory is bounded by the limits, whatever the bytes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use ggen_core::Digest;
use ggen_core::files::{FileEntry, FileList};
use ggen_core::limits::Limits;
use ggen_core::paths::ArchivePath;
use ggen_core::release::{Archive, SignedRelease};

use super::ggen_file::RELEASE_ENTRY;
use super::header::{self, BLOCK};
use super::read::{Bounds, Sink, read_compressed, read_tar, stream_error};
use super::{ArchiveError, frame, read_ggen_file, unpack};
use crate::fsio::{self, BUFFER};

/// Why a file would not be taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// A stable word.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// What a file looked like from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inspected {
    /// A signed package.
    GgenFile,
    /// An archive.
    Archive,
    /// A tar that is not compressed; no peer could send it.
    Tar,
}

/// What was found in a file.
#[derive(Debug)]
pub struct Inspection {
    /// Whether a peer could send it.
    pub accepted: bool,
    /// What it is.
    pub kind: Inspected,
    /// Why not; empty when it is accepted.
    pub reasons: Vec<Reason>,
    /// The files up to the first thing that is wrong.
    pub files: Vec<FileEntry>,
    /// The bytes of these files.
    pub unpacked_size: u64,
    /// What is signed, where the file is a `.ggen` file that proves itself.
    pub release: Option<SignedRelease>,
}

/// Looks at the file at `path`.
pub fn inspect(path: &Path, limits: &Limits) -> Inspection {
    let mut looker = Looker::default();
    let (kind, release, result) = match look(path, limits, &mut looker) {
        Ok((kind, release)) => (kind, release, Ok(())),
        Err((kind, error)) => (kind, None, Err(error)),
    };
    let mut reasons = Vec::new();
    if let Err(error) = result {
        reasons.push(Reason { code: error.code(), message: message(&error) });
    }
    Inspection {
        accepted: reasons.is_empty(),
        kind,
        reasons,
        unpacked_size: looker.0.iter().map(|f| f.size).fold(0, u64::saturating_add),
        files: looker.0,
        release,
    }
}

/// The text of an error with those below it: a reason stands alone.
fn message(error: &ArchiveError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(below) = source {
        text = format!("{text}: {below}");
        source = below.source();
    }
    text
}

type Looked = Result<(Inspected, Option<SignedRelease>), (Inspected, ArchiveError)>;

fn look(path: &Path, limits: &Limits, looker: &mut Looker) -> Looked {
    let unknown = |e| (Inspected::Archive, e);
    let file = fsio::open_regular(path).map_err(ArchiveError::io("open", path)).map_err(unknown)?;
    let size = file.metadata().map_err(ArchiveError::io("read", path)).map_err(unknown)?.len();
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let start = reader.fill_buf().map_err(stream_error).map_err(unknown)?;
    if start.starts_with(&frame::MAGIC) {
        if size > limits.max_archive {
            let (what, limit) = ("too many bytes", limits.max_archive);
            return Err((Inspected::Archive, ArchiveError::TooMuch { code: "too-large", what, limit }));
        }
        return match read_compressed(reader, Bounds::new(None, limits), looker) {
            Ok(_) => Ok((Inspected::Archive, None)),
            Err(e) => Err((Inspected::Archive, e)),
        };
    }
    if is_ggen_file(start) {
        return match look_at_ggen_file(path, limits, looker) {
            Ok(release) => Ok((Inspected::GgenFile, Some(release))),
            Err(e) => Err((Inspected::GgenFile, e)),
        };
    }
    match read_tar(reader, Bounds::new(None, limits), looker) {
        Ok(_) => Ok((Inspected::Tar, None)),
        Err(e) => Err((Inspected::Tar, e)),
    }
}

fn is_ggen_file(start: &[u8]) -> bool {
    let block: Option<&[u8; BLOCK]> = start.first_chunk();
    block.and_then(|b| header::decode(b, 1).ok()).is_some_and(|e| e.path.as_str() == RELEASE_ENTRY)
}

fn look_at_ggen_file(path: &Path, limits: &Limits, looker: &mut Looker) -> Result<SignedRelease, ArchiveError> {
    let file = read_ggen_file(path)?;
    let expected: &Archive = &file.release.release.archive;
    if expected.size > limits.max_archive {
        let (what, limit) = ("too many bytes", limits.max_archive);
        return Err(ArchiveError::TooMuch { code: "too-large", what, limit });
    }
    let (found, _) = fsio::hash_reader(file.archive()?).map_err(stream_error)?;
    same(expected.digest, found)?;
    let reader = BufReader::with_capacity(BUFFER, file.archive()?);
    let files: FileList = read_compressed(reader, Bounds::new(Some(expected), limits), looker)?;
    unpack::check(&files, expected)?;
    Ok(file.release)
}

fn same(expected: Digest, found: Digest) -> Result<(), ArchiveError> {
    if expected == found { Ok(()) } else { Err(ArchiveError::Digest { expected, found }) }
}

/// A sink that keeps the list only.
#[derive(Default)]
pub(crate) struct Looker(Vec<FileEntry>);

impl Sink for Looker {
    fn directory(&mut self, _path: &ArchivePath) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn begin(&mut self, _path: &ArchivePath, _size: u64, _executable: bool) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn write(&mut self, _bytes: &[u8]) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn end(&mut self, file: &FileEntry) -> Result<(), ArchiveError> {
        self.0.push(file.clone());
        Ok(())
    }
}

/// The file list of a stored archive, without writing a file.
pub(crate) fn list(archive: &Path, expected: &Archive, limits: &Limits) -> Result<FileList, ArchiveError> {
    let file = fsio::open_regular(archive).map_err(ArchiveError::io("open", archive))?;
    let reader = BufReader::with_capacity(BUFFER, file.take(expected.size.saturating_add(1)));
    let files = read_compressed(reader, Bounds::new(Some(expected), limits), &mut Looker::default())?;
    unpack::check(&files, expected)?;
    Ok(files)
}
