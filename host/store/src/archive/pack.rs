//! Packing a directory.
//!
//! Decides which files belong to a package (all but what `.ggenignore` and version control leave out) and in which one
//! form they are written. Never follows a link, never leaves the directory. Invariant: one tree gives the same bytes
//! each time with one version of this program.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ggen_core::Digest;
use ggen_core::chunks::{CHUNK_SIZE, ChunkList};
use ggen_core::files::{FileEntry, FileList};
use ggen_core::limits::Limits;
use ggen_core::paths::{ArchivePath, Collisions};
use ggen_core::release::Archive;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::ArchiveError;
use super::header::{self, BLOCK, EntryKind, MAX_FILE};
use crate::fsio::BUFFER;

/// zstd's own default: the best that costs little.
const LEVEL: i32 = 3;
/// Directories of version control, and caches that say so of themselves, are never part of a package.
const VERSION_CONTROL: [&str; 6] = [".git", ".hg", ".svn", ".jj", ".bzr", "CVS"];

/// A packed directory.
#[derive(Debug)]
pub struct Packed {
    /// The archive; removed when dropped.
    pub file: NamedTempFile,
    /// What a release signs of it.
    pub archive: Archive,
    /// Its files.
    pub files: FileList,
    /// Its chunks.
    pub chunks: ChunkList,
}

struct Found {
    path: ArchivePath,
    from: PathBuf,
    size: u64,
    executable: bool,
}

/// Packs `dir` into a file of the system's directory for temporary files.
pub fn pack(dir: &Path, limits: &Limits) -> Result<Packed, ArchiveError> {
    pack_in(dir, &std::env::temp_dir(), limits)
}

/// Packs `dir` into a temporary file in `place`.
pub fn pack_in(dir: &Path, place: &Path, limits: &Limits) -> Result<Packed, ArchiveError> {
    let found = walk(dir, limits)?;
    let file = NamedTempFile::new_in(place).map_err(ArchiveError::io("create a file in", place))?;
    let hashing = Hashing::new(file.reopen().map_err(ArchiveError::io("open", file.path()))?);
    let write = ArchiveError::io("write", file.path());
    let (files, hashing) = write_archive(&found, hashing, file.path())?;
    let (digest, size, chunks) = hashing.finish().map_err(write)?;
    if size > limits.max_archive {
        return Err(ArchiveError::TooMuch { code: "too-large", what: "too many bytes", limit: limits.max_archive });
    }
    let files = FileList::new(files)?;
    let archive = Archive {
        digest,
        size,
        chunks: chunks.digest(),
        files: files.digest(),
        file_count: u32::try_from(files.files().len()).unwrap_or(u32::MAX),
        unpacked_size: files.unpacked_size(),
    };
    Ok(Packed { file, archive, files, chunks })
}

/// All files of a package, sorted.
fn walk(dir: &Path, limits: &Limits) -> Result<Vec<Found>, ArchiveError> {
    let walker = ignore::WalkBuilder::new(dir)
        .standard_filters(false)
        .follow_links(false)
        .add_custom_ignore_filename(".ggenignore")
        .filter_entry(|entry| !(entry.depth() > 0 && is_left_out(entry.path())))
        .build();
    let (mut found, mut bytes) = (Vec::new(), 0u64);
    let mut collisions = Collisions::default();
    for entry in walker {
        let entry = entry.map_err(|e| walk_error(dir, e))?;
        if let Some(problem) = entry.error() {
            return Err(walk_error(dir, problem.clone()));
        }
        if entry.depth() == 0 || entry.file_type().is_some_and(|t| t.is_dir()) {
            continue;
        }
        let file = look_at(dir, entry.path())?;
        collisions.add_file(&file.path)?;
        bytes = bytes.saturating_add(file.size);
        found.push(file);
        if found.len() as u64 > u64::from(limits.max_files) {
            let limit = u64::from(limits.max_files);
            return Err(ArchiveError::TooMuch { code: "too-many-files", what: "too many files", limit });
        }
        if bytes > limits.max_unpacked {
            let (what, limit) = ("too many bytes in its files", limits.max_unpacked);
            return Err(ArchiveError::TooMuch { code: "too-large", what, limit });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let version_control = VERSION_CONTROL.iter().any(|n| name == *n);
    version_control || (name == "target" && path.join("CACHEDIR.TAG").is_file())
}

fn walk_error(dir: &Path, error: ignore::Error) -> ArchiveError {
    let shown = error.to_string();
    let source = error.into_io_error().unwrap_or_else(|| io::Error::other(shown));
    ArchiveError::Io { action: "read", path: dir.to_owned(), source }
}

fn look_at(dir: &Path, from: &Path) -> Result<Found, ArchiveError> {
    let relative = from.strip_prefix(dir).unwrap_or(from);
    let Some(text) = relative.to_str() else {
        return Err(ArchiveError::PathNotUtf8 { path: header::escape(relative.as_os_str().as_bytes()) });
    };
    let meta = std::fs::symlink_metadata(from).map_err(ArchiveError::io("look at", from))?;
    if meta.is_symlink() {
        return Err(ArchiveError::Kind { code: "link", path: text.to_owned(), kind: "a symbolic link" });
    }
    if !meta.is_file() {
        return Err(ArchiveError::Kind { code: "device", path: text.to_owned(), kind: "no regular file" });
    }
    if meta.len() > MAX_FILE {
        let (what, limit) = ("a file that ustar cannot hold", MAX_FILE);
        return Err(ArchiveError::TooMuch { code: "too-large", what, limit });
    }
    let executable = meta.permissions().mode() & 0o111 != 0;
    Ok(Found { path: ArchivePath::new(text)?, from: from.to_owned(), size: meta.len(), executable })
}

fn write_archive(found: &[Found], out: Hashing, shown: &Path) -> Result<(Vec<FileEntry>, Hashing), ArchiveError> {
    let write = |source| ArchiveError::Io { action: "write", path: shown.to_owned(), source };
    let blocks: u64 = found.iter().map(|f| 1 + f.size.div_ceil(BLOCK as u64)).sum();
    let mut encoder = zstd::Encoder::new(out, LEVEL).map_err(write)?;
    // Declared, so that a reader knows what to expect, and small archives need small windows.
    encoder.set_pledged_src_size(Some((blocks + 2) * BLOCK as u64)).map_err(write)?;
    encoder.include_contentsize(true).map_err(write)?;
    let mut files = Vec::with_capacity(found.len());
    let mut buffer = vec![0; BUFFER];
    for file in found {
        let kind = EntryKind::File { size: file.size, executable: file.executable };
        let block = header::encode(file.path.as_str(), kind).ok_or_else(|| header::too_long(file.path.as_str()))?;
        encoder.write_all(&block).map_err(write)?;
        files.push(copy(file, &mut encoder, &mut buffer, shown)?);
        let padding = usize::try_from(file.size.next_multiple_of(BLOCK as u64) - file.size).unwrap_or(0);
        encoder.write_all([0; BLOCK].get(..padding).unwrap_or_default()).map_err(write)?;
    }
    encoder.write_all(&[0; BLOCK * 2]).map_err(write)?;
    Ok((files, encoder.finish().map_err(write)?))
}

fn copy(file: &Found, out: &mut impl Write, buffer: &mut [u8], shown: &Path) -> Result<FileEntry, ArchiveError> {
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC;
    let opened = rustix::fs::open(&file.from, flags, rustix::fs::Mode::empty());
    let mut from = File::from(opened.map_err(|e| ArchiveError::io("open", &file.from)(e.into()))?);
    let changed = || ArchiveError::Changed { path: file.path.to_string() };
    let (mut hasher, mut left) = (Sha256::new(), file.size);
    loop {
        let count = match from.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(ArchiveError::io("read", &file.from)(e)),
        };
        left = left.checked_sub(count as u64).ok_or_else(changed)?;
        let part = buffer.get(..count).unwrap_or_default();
        hasher.update(part);
        out.write_all(part).map_err(ArchiveError::io("write", shown))?;
    }
    if left != 0 {
        return Err(changed());
    }
    let digest = Digest::from_bytes(hasher.finalize().into());
    Ok(FileEntry { path: file.path.clone(), digest, size: file.size, executable: file.executable })
}

/// A file that knows its digest and its chunks when it is written.
struct Hashing {
    file: File,
    whole: Sha256,
    chunk: Sha256,
    in_chunk: u64,
    size: u64,
    chunks: Vec<Digest>,
}

impl Hashing {
    fn new(file: File) -> Self {
        Self { file, whole: Sha256::new(), chunk: Sha256::new(), in_chunk: 0, size: 0, chunks: Vec::new() }
    }

    fn end_chunk(&mut self) {
        let hasher = std::mem::replace(&mut self.chunk, Sha256::new());
        self.chunks.push(Digest::from_bytes(hasher.finalize().into()));
        self.in_chunk = 0;
    }

    fn finish(mut self) -> io::Result<(Digest, u64, ChunkList)> {
        if self.in_chunk > 0 {
            self.end_chunk();
        }
        self.file.flush()?;
        Ok((Digest::from_bytes(self.whole.finalize().into()), self.size, ChunkList::new(self.chunks)))
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = usize::try_from(CHUNK_SIZE - self.in_chunk).unwrap_or(usize::MAX).min(bytes.len());
        let count = self.file.write(bytes.get(..room).unwrap_or_default())?;
        let written = bytes.get(..count).unwrap_or_default();
        self.whole.update(written);
        self.chunk.update(written);
        self.in_chunk += count as u64;
        self.size += count as u64;
        if self.in_chunk == CHUNK_SIZE {
            self.end_chunk();
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
