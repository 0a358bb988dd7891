//! Reading an archive, whatever is done with its files.
//!
//! Decides entry by entry whether the archive is one; a [`Sink`] gets the files. Invariant: a sink never sees a byte
//! more of a file than its header declared, nor more in all than was signed or allowed.

use std::io::{self, BufRead, Read};

use ggen_core::Digest;
use ggen_core::files::{FileEntry, FileList};
use ggen_core::limits::Limits;
use ggen_core::paths::{ArchivePath, Collisions};
use ggen_core::release::Archive;
use sha2::{Digest as _, Sha256};

use super::header::{self, BLOCK, EntryKind};
use super::{ArchiveError, WINDOW_LOG, frame};
use crate::fsio::BUFFER;

/// What gets the files, in order.
pub(crate) trait Sink {
    fn directory(&mut self, path: &ArchivePath) -> Result<(), ArchiveError>;
    fn begin(&mut self, path: &ArchivePath, size: u64, executable: bool) -> Result<(), ArchiveError>;
    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError>;
    fn end(&mut self, file: &FileEntry) -> Result<(), ArchiveError>;
}

/// How much an archive may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    files: u64,
    bytes: u64,
    declared: bool,
}

impl Bounds {
    /// What was signed, and never more than is allowed.
    pub(crate) fn new(expected: Option<&Archive>, limits: &Limits) -> Self {
        match expected {
            Some(a) => Self {
                files: u64::from(a.file_count.min(limits.max_files)),
                bytes: a.unpacked_size.min(limits.max_unpacked),
                declared: true,
            },
            None => Self { files: u64::from(limits.max_files), bytes: limits.max_unpacked, declared: false },
        }
    }

    fn too_many(&self) -> ArchiveError {
        let code = if self.declared { "more-than-declared" } else { "too-many-files" };
        ArchiveError::TooMuch { code, what: "too many files", limit: self.files }
    }

    fn too_large(&self) -> ArchiveError {
        let code = if self.declared { "more-than-declared" } else { "bomb" };
        ArchiveError::TooMuch { code, what: "too many bytes in its files", limit: self.bytes }
    }
}

/// Reads one zstd frame with a tar in it, up to the end of `reader`.
pub(crate) fn read_compressed<R: BufRead>(
    mut reader: R,
    bounds: Bounds,
    sink: &mut dyn Sink,
) -> Result<FileList, ArchiveError> {
    let start = reader.fill_buf().map_err(stream_error)?;
    if start.len() < frame::MAX_HEADER && start.is_empty() {
        return Err(ArchiveError::truncated());
    }
    frame::check(start)?;
    let mut decoder = zstd::Decoder::with_buffer(reader).map_err(stream_error)?.single_frame();
    decoder.window_log_max(WINDOW_LOG).map_err(stream_error)?;
    let files = read_tar(&mut decoder, bounds, sink)?;
    let mut rest = decoder.finish();
    match rest.fill_buf().map_err(stream_error)? {
        [] => Ok(files),
        bytes => Err(frame::trailing(bytes)),
    }
}

/// Reads a tar up to the end of `reader`.
pub(crate) fn read_tar<R: Read>(reader: R, bounds: Bounds, sink: &mut dyn Sink) -> Result<FileList, ArchiveError> {
    let mut tar = Tar { reader, bounds, sink, buffer: vec![0; BUFFER], files: Vec::new(), bytes: 0 };
    tar.run()
}

struct Tar<'a, R> {
    reader: R,
    bounds: Bounds,
    sink: &'a mut dyn Sink,
    buffer: Vec<u8>,
    files: Vec<FileEntry>,
    bytes: u64,
}

impl<R: Read> Tar<'_, R> {
    fn run(&mut self) -> Result<FileList, ArchiveError> {
        let mut collisions = Collisions::default();
        let mut last: Option<ArchivePath> = None;
        // A directory needs as much memory as a file.
        let mut entries = 0u64;
        while let Some(block) = self.header()? {
            entries = entries.saturating_add(1);
            if entries > self.bounds.files.saturating_mul(2).saturating_add(1024) {
                return Err(self.bounds.too_many());
            }
            let entry = header::decode(&block, entries)?;
            match entry.kind {
                EntryKind::Directory => collisions.add_directory(&entry.path)?,
                EntryKind::File { .. } => collisions.add_file(&entry.path)?,
            }
            if last.as_ref().is_some_and(|last| *last >= entry.path) {
                return Err(ArchiveError::Order { path: entry.path.to_string() });
            }
            match entry.kind {
                EntryKind::Directory => self.sink.directory(&entry.path)?,
                EntryKind::File { size, executable } => self.file(&entry.path, size, executable)?,
            }
            last = Some(entry.path);
        }
        self.end()?;
        Ok(FileList::new(std::mem::take(&mut self.files))?)
    }

    /// The next header; none at the first block of the end.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, ArchiveError> {
        let mut block = [0; BLOCK];
        self.reader.read_exact(&mut block).map_err(stream_error)?;
        Ok(block.iter().any(|b| *b != 0).then_some(block))
    }

    fn file(&mut self, path: &ArchivePath, size: u64, executable: bool) -> Result<(), ArchiveError> {
        if self.files.len() as u64 >= self.bounds.files {
            return Err(self.bounds.too_many());
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.bounds.bytes {
            return Err(self.bounds.too_large());
        }
        self.sink.begin(path, size, executable)?;
        let (mut hasher, mut left) = (Sha256::new(), size);
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            let part = self.buffer.get_mut(..want).unwrap_or_default();
            let count = match self.reader.read(part) {
                Ok(0) => return Err(ArchiveError::truncated()),
                Ok(count) => count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(stream_error(e)),
            };
            let part = part.get(..count).unwrap_or_default();
            hasher.update(part);
            self.sink.write(part)?;
            left = left.saturating_sub(count as u64);
        }
        let digest = Digest::from_bytes(hasher.finalize().into());
        let file = FileEntry { path: path.clone(), digest, size, executable };
        self.sink.end(&file)?;
        self.files.push(file);
        self.padding(size)
    }

    fn padding(&mut self, size: u64) -> Result<(), ArchiveError> {
        let used = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        let mut block = [0; BLOCK];
        let padding = block.get_mut(used..).filter(|_| used > 0).unwrap_or_default();
        self.reader.read_exact(padding).map_err(stream_error)?;
        if padding.iter().any(|b| *b != 0) {
            return Err(ArchiveError::stream("padding", "hides bytes after a file's end"));
        }
        Ok(())
    }

    /// One more block of zeros and then nothing.
    fn end(&mut self) -> Result<(), ArchiveError> {
        let mut block = [0; BLOCK];
        self.reader.read_exact(&mut block).map_err(stream_error)?;
        let nothing = self.reader.read(&mut [0; 1]).map_err(stream_error)? == 0;
        if !nothing || block.iter().any(|b| *b != 0) {
            return Err(ArchiveError::stream("trailing-data", "has bytes after its end"));
        }
        Ok(())
    }
}

/// What zstd or the file below it says, as one of ours.
pub(crate) fn stream_error(error: io::Error) -> ArchiveError {
    let errno = error.raw_os_error().is_some();
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::truncated(),
        // What is read while it arrives, and does not arrive.
        io::ErrorKind::BrokenPipe => ArchiveError::Io { action: "read", path: "the archive".into(), source: error },
        _ if errno => ArchiveError::Io { action: "read", path: "the archive".into(), source: error },
        _ if error.to_string().contains("too much memory") => {
            ArchiveError::stream("window", "needs a window of more than 8 MiB")
        }
        _ => ArchiveError::stream("corrupt", "cannot be decompressed"),
    }
}
