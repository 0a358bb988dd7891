//! Chunks in memory, where a disk can fetch them, and their way past the page cache.
//!
//! Through the cache, a byte costs several times the processor time. Decides how a chunk is written, never whether.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};

/// What a disk wants addresses and lengths to be multiples of, at most.
const ALIGNED: usize = 4096;
/// Buffers that are kept.
const POOLED: usize = 32;

/// The bytes of one chunk.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl Buffer {
    fn resize(&mut self, length: usize) {
        self.bytes.resize(length + ALIGNED, 0);
        self.start = self.bytes.as_ptr().align_offset(ALIGNED).min(ALIGNED);
        self.length = length;
    }

    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + self.length).unwrap_or_default()
    }

    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.start + self.length).unwrap_or_default()
    }
}

/// Buffers of landed chunks, to be used again.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Buffer>>);

impl Pool {
    /// A buffer of `length` bytes, of any content.
    pub fn get(&self, length: usize) -> Buffer {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = kept.unwrap_or_default();
        buffer.resize(length);
        buffer
    }

    pub fn put(&self, buffer: Buffer) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < POOLED {
            kept.push(buffer);
        }
    }
}

/// A file, with a second handle that writes past the cache where the file system can.
pub(super) struct Destination {
    pub file: File,
    direct: Option<File>,
}

impl Destination {
    /// `path` is where the file is; what is there must be that file.
    pub fn new(file: File, path: &Path) -> Self {
        let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = rustix::fs::open(path, flags, Mode::empty()).ok().map(File::from);
        let same = |other: &File| {
            let (Ok(a), Ok(b)) = (file.metadata(), other.metadata()) else { return false };
            (a.dev(), a.ino()) == (b.dev(), b.ino())
        };
        let direct = opened.filter(same);
        Self { file, direct }
    }

    pub fn write(&mut self, buffer: &Buffer, offset: u64) -> io::Result<()> {
        let bytes = buffer.as_slice();
        if let Some(direct) = self.direct.as_ref().filter(|_| bytes.len().is_multiple_of(ALIGNED)) {
            match direct.write_all_at(bytes, offset) {
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => self.direct = None,
                done => return done,
            }
        }
        self.file.write_all_at(bytes, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_written_through_either_handle() {
        let (pool, there) = (Pool::default(), tempfile::NamedTempFile::new().unwrap());
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        for path in [there.path(), elsewhere.path(), Path::new("/nowhere")] {
            there.as_file().set_len(0).unwrap();
            let mut destination = Destination::new(there.reopen().unwrap(), path);
            for (length, offset) in [(256 * 1024, 0), (7, 256 * 1024)] {
                let mut buffer = pool.get(length);
                buffer.as_mut_slice().fill(3);
                destination.write(&buffer, offset).unwrap();
                pool.put(buffer);
            }
            assert!(std::fs::read(there.path()).unwrap() == vec![3; 256 * 1024 + 7]);
        }
        assert_eq!(std::fs::metadata(elsewhere.path()).unwrap().len(), 0, "not the file");
    }
}
