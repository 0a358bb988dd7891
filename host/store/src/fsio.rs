//! Small moves on the file system that are easily made wrong: whole writes, bounded reads, syncs.
//!
//! Never decides what is written. Invariant: a file written here is there wholly or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ggen_core::Digest;
use sha2::{Digest as _, Sha256};

use crate::error::{StoreError, at};

/// Bytes that are moved at once.
pub(crate) const BUFFER: usize = 256 * 1024;
/// How the name of a file begins that is not in its place yet.
pub(crate) const HALF_WRITTEN: &str = ".new-";
/// Bytes of one file whose way to the disk is begun together.
pub(crate) const WRITE_BACK: u64 = 8 * 1024 * 1024;

/// Creates a directory and its parents, for the user alone.
pub(crate) fn make_dir(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at("create", path))
}

/// The same, so that no power cut takes it away again.
pub(crate) fn make_dir_durably(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dir_durably(parent)?;
    make_dir(path)?;
    sync_dir(parent)
}

/// Writes a file beside its place and renames it there; with `durable`, it and its directory are synced.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], mode: u32, durable: bool) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(HALF_WRITTEN).tempfile_in(dir).map_err(at("write in", dir))?;
    file.write_all(bytes).map_err(at("write", path))?;
    set_mode(file.as_file(), mode).map_err(at("write", path))?;
    if durable {
        file.as_file().sync_data().map_err(at("sync", path))?;
    }
    file.persist(path).map_err(|e| StoreError::io("write", path, e.error))?;
    if durable { sync_dir(dir) } else { Ok(()) }
}

/// Writes a file that must not be there yet, durably. `AlreadyExists` is left for the caller to tell.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(HALF_WRITTEN).tempfile_in(dir)?;
    file.write_all(bytes)?;
    set_mode(file.as_file(), mode)?;
    file.as_file().sync_data()?;
    file.persist_noclobber(path).map_err(|e| e.error)?;
    File::open(dir)?.sync_all()
}

/// Sets a file's mode bits.
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// Makes renames in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(at("sync", dir))
}

/// Makes all that was written on the file system of `dir` durable.
pub(crate) fn sync_fs(dir: &Path) -> Result<(), StoreError> {
    let handle = File::open(dir).map_err(at("open", dir))?;
    rustix::fs::syncfs(&handle).map_err(|e| StoreError::io("sync", dir, e.into()))
}

/// Begins to bring a part of a file to the disk, so that a later sync finds little to do. Only ever a help.
pub(crate) fn begin_write_back(file: &File, offset: u64, length: u64) {
    // That the bytes are not needed soon makes the system write those that only memory has; they stay in memory.
    let _ = rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(length), rustix::fs::Advice::DontNeed);
}

/// Reads a regular file of at most `limit` bytes; none where there is no file.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("read", path, e)),
    };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(at("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(StoreError::TooLong { path: path.to_owned(), limit });
    }
    Ok(Some(bytes))
}

/// Opens for reading what is a regular file, without ever waiting for a pipe.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// The names in a directory, sorted; none where there is no directory. Names that are not UTF-8 are left out: the store
/// writes none.
pub(crate) fn names_in(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(StoreError::io("list", dir, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(at("list", dir))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Removes a file or a whole directory; that there is none is as good.
pub(crate) fn remove_any(path: &Path) -> Result<(), StoreError> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match result {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, e)),
        _ => Ok(()),
    }
}

/// Why nothing can be written in a directory, where that is the disk's fault; none where it can be.
pub(crate) fn why_not_writable(dir: &Path) -> Option<StoreError> {
    let tried = tempfile::tempfile_in(dir).and_then(|mut file| file.write_all(&[0; 64 * 1024]));
    match StoreError::io("write in", dir, tried.err()?) {
        error @ (StoreError::DiskFull { .. } | StoreError::ReadOnly { .. }) => Some(error),
        _ => None,
    }
}

/// The time, in milliseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A reader that hashes what it gives out.
pub(crate) struct Hashed<R> {
    reader: R,
    hasher: Sha256,
    length: u64,
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, hasher: Sha256::new(), length: 0 }
    }

    /// SHA-256 and length of what was given out.
    pub(crate) fn finish(self) -> (Digest, u64) {
        (Digest::from_bytes(self.hasher.finalize().into()), self.length)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.length = self.length.saturating_add(count as u64);
        Ok(count)
    }
}

/// SHA-256 and length of what is left to read.
pub(crate) fn hash_reader(reader: impl Read) -> io::Result<(Digest, u64)> {
    let mut hashed = Hashed::new(reader);
    io::copy(&mut io::BufReader::with_capacity(BUFFER, &mut hashed), &mut io::sink())?;
    Ok(hashed.finish())
}

/// Renames `path` to `path.<suffix>`, or with a number where that is taken; says where it is now.
pub(crate) fn set_aside(path: &Path, suffix: &str) -> Result<PathBuf, StoreError> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    for number in 0..10_000u32 {
        let number = if number == 0 { String::new() } else { format!(".{number}") };
        let target = path.with_file_name(format!("{name}.{suffix}{number}"));
        match rustix::fs::renameat_with(
            rustix::fs::CWD,
            path,
            rustix::fs::CWD,
            &target,
            rustix::fs::RenameFlags::NOREPLACE,
        ) {
            Ok(()) => return Ok(target),
            Err(rustix::io::Errno::EXIST) => {}
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !target.exists() => {
                return fs::rename(path, &target).map(|()| target).map_err(at("rename", path));
            }
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            Err(e) => return Err(StoreError::io("rename", path, e.into())),
        }
    }
    Err(StoreError::io("rename", path, io::ErrorKind::AlreadyExists.into()))
}
