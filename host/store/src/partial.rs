//! Downloads under way, and what is left of those that broke off.
//!
//! `cache/partial/<digest>` has the bytes, `<digest>.map` one bit a chunk that was proved. Decides which chunks are still
//! wanted; never fetches one. Invariant: one process at a time has a digest's partial, only bytes with the whole digest
//! leave it for the store, and what an earlier run left is read by nobody before it is proved again: after a power cut
//! the map may know of chunks that never reached the disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs2::FileExt as _;
use ggen_core::Digest;
use ggen_core::chunks::{CHUNK_SIZE, ChunkList, chunk_count, chunk_length};
use ggen_core::release::Archive;

use crate::error::{StoreError, at};
use crate::landing::{Arriving, Landing};
use crate::{Store, fsio, holders};

/// How often a download of somebody else is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// A download of one archive. Dropped without [`Partial::finish`], it stays for a later run.
#[derive(Debug)]
pub struct Partial {
    store: Store,
    archive: Archive,
    path: PathBuf,
    file: File,
    map_path: PathBuf,
    map_file: File,
    map: Vec<u8>,
    /// Chunks that were proved in this run.
    proved: Vec<bool>,
    /// The first chunk that was not.
    gap: usize,
    landing: Arc<Landing>,
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.landing.end();
    }
}

fn open_at(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(at("open", path))
}

/// The file at `path`, locked; none while another process has it. A file that was renamed or removed while this waited
/// is not the one at `path` any more.
fn try_open_locked(path: &Path) -> Result<Option<File>, StoreError> {
    let file = open_at(path)?;
    match file.try_lock_exclusive() {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(e) => return Err(StoreError::io("lock", path, e)),
    }
    let mine = file.metadata().map_err(at("look at", path))?;
    match std::fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (mine.dev(), mine.ino()) => Ok(Some(file)),
        _ => Ok(None),
    }
}

impl Store {
    /// Begins or resumes a download. While another process downloads the same archive this waits, as long as for any
    /// lock; where the archive arrives meanwhile, the partial [`Partial::is_stored`].
    pub fn partial(&self, archive: &Archive) -> Result<Partial, StoreError> {
        let path = self.layout().partial(&archive.digest);
        let began = Instant::now();
        let most = self.limits().lock_retry.saturating_mul(self.limits().lock_tries);
        let file = loop {
            if let Some(file) = try_open_locked(&path)? {
                break file;
            }
            if began.elapsed() >= most {
                let what = format!("the download of {}", archive.digest.short());
                let holder = holders::holder(&open_at(&path)?, &what, None);
                let waited = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                return Err(StoreError::LockTimeout { what, holder, waited });
            }
            std::thread::sleep(GLANCE);
        };
        let map_path = path.with_extension("map");
        let map_file = open_at(&map_path)?;
        let bytes = usize::try_from(chunk_count(archive.size).div_ceil(8)).unwrap_or(0);
        let mut map = fsio::read_bounded(&map_path, bytes as u64 + 1).ok().flatten().unwrap_or_default();
        let length = file.metadata().map_err(at("look at", &path))?.len();
        if map.len() != bytes || length != archive.size {
            map = vec![0; bytes];
            file.set_len(0).and_then(|()| file.set_len(archive.size)).map_err(at("write", &path))?;
            map_file.set_len(0).and_then(|()| map_file.set_len(bytes as u64)).map_err(at("write", &map_path))?;
        }
        let (store, archive, landing) = (self.clone(), archive.clone(), Arc::default());
        let proved = vec![false; usize::try_from(chunk_count(archive.size)).unwrap_or(0)];
        Ok(Partial { store, archive, path, file, map_path, map_file, map, proved, gap: 0, landing })
    }
}

impl Partial {
    /// Whether somebody else has finished the same download meanwhile.
    pub fn is_stored(&self) -> bool {
        self.store.has_archive(&self.archive.digest)
    }

    /// The file, as long as the archive will be; chunks may be written to it in any order.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a chunk was proved, in this run or an earlier one.
    pub fn has(&self, index: u64) -> bool {
        let byte = usize::try_from(index / 8).ok().and_then(|i| self.map.get(i));
        byte.is_some_and(|b| b & (1 << (index % 8)) != 0)
    }

    /// The chunks that are still wanted, in order.
    pub fn missing(&self) -> Vec<u64> {
        (0..chunk_count(self.archive.size)).filter(|i| !self.has(*i)).collect()
    }

    /// Writes a chunk that the caller proved, and remembers it.
    pub fn write_chunk(&mut self, index: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let offset = index.saturating_mul(CHUNK_SIZE);
        self.file.write_all_at(bytes, offset).map_err(at("write", &self.path))?;
        self.mark(index)
    }

    /// Remembers that a chunk is in the file and was proved.
    pub fn mark(&mut self, index: u64) -> Result<(), StoreError> {
        if let Some(proved) = usize::try_from(index).ok().and_then(|i| self.proved.get_mut(i)) {
            *proved = true;
        }
        let before = self.gap;
        while self.proved.get(self.gap) == Some(&true) {
            self.gap += 1;
        }
        if self.gap > before {
            self.landing.advance((self.gap as u64).saturating_mul(CHUNK_SIZE).min(self.archive.size));
        }
        if self.has(index) { Ok(()) } else { self.set(index, true) }
    }

    /// The archive's bytes in order, as they are proved.
    pub fn arriving(&self) -> Result<Arriving, StoreError> {
        let file = File::open(&self.path).map_err(at("open", &self.path))?;
        Ok(Arriving::new(file, self.archive.size, self.landing.clone()))
    }

    fn set(&mut self, index: u64, present: bool) -> Result<(), StoreError> {
        let Some(byte) = usize::try_from(index / 8).ok().and_then(|i| self.map.get_mut(i)) else { return Ok(()) };
        let bit = 1u8 << (index % 8);
        *byte = if present { *byte | bit } else { *byte & !bit };
        self.map_file.write_all_at(&[*byte], index / 8).map_err(at("write", &self.map_path))
    }

    /// Proves again what an earlier run left: after a power cut the map may know of chunks that never reached the disk.
    /// Says how many chunks are good.
    pub fn prove(&mut self, list: &ChunkList) -> Result<u64, StoreError> {
        let (size, mut good) = (self.archive.size, 0);
        for index in 0..chunk_count(size) {
            if !self.has(index) {
                continue;
            }
            let mut chunk = vec![0; usize::try_from(chunk_length(size, index)).unwrap_or(0)];
            let offset = index.saturating_mul(CHUNK_SIZE);
            self.file.read_exact_at(&mut chunk, offset).map_err(at("read", &self.path))?;
            if list.check(size, index, &chunk).is_ok() {
                good += 1;
            } else {
                self.set(index, false)?;
            }
        }
        Ok(good)
    }

    /// Reads the file once more, and puts it into the store if it is the signed archive.
    pub fn finish(self) -> Result<(), StoreError> {
        let mut file = &self.file;
        io::Seek::rewind(&mut file).map_err(at("read", &self.path))?;
        let (found, _) = fsio::hash_reader(file).map_err(at("read", &self.path))?;
        self.finish_hashed(found)
    }

    /// Puts the file into the store if `found`, its digest that the caller computed while it arrived, is the signed one.
    /// Where it is not, what is there is forgotten: no chunk of it can be trusted.
    pub fn finish_hashed(self, found: Digest) -> Result<(), StoreError> {
        let expected = self.archive.digest;
        if found != expected {
            fsio::remove_any(&self.map_path)?;
            fsio::remove_any(&self.path)?;
            return Err(StoreError::ArchiveDamaged { expected, found });
        }
        self.landing.advance(self.archive.size);
        let target = self.store.place_for(&expected)?;
        fsio::set_mode(&self.file, 0o444).map_err(at("write", &self.path))?;
        std::fs::rename(&self.path, &target).map_err(at("rename", &self.path))?;
        fsio::remove_any(&self.map_path)
    }

    /// Removes what is here: nobody will resume it.
    pub fn discard(self) -> Result<(), StoreError> {
        fsio::remove_any(&self.map_path)?;
        fsio::remove_any(&self.path)
    }
}
