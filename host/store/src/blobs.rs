//! Archives in `store/`: immutable, named by what they are.
//!
//! Decides whether bytes may take a digest's place. Invariant: what is in `store/<aa>/<digest>` had that digest when it
//! was put there; what is found to have another one is moved away, never served.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ggen_core::Digest;
use ggen_core::chunks::{CHUNK_SIZE, ChunkList};
use ggen_core::release::Archive;
use sha2::{Digest as _, Sha256};

use crate::Store;
use crate::archive::GgenFile;
use crate::error::{StoreError, at};
use crate::fsio::{self, BUFFER};
use crate::layout::archive_beneath;
use crate::space;

impl Store {
    /// Whether an archive is in the store.
    pub fn has_archive(&self, digest: &Digest) -> bool {
        self.archive_path(digest).is_file()
    }

    /// Where an archive is, or would be.
    pub fn archive_path(&self, digest: &Digest) -> PathBuf {
        self.layout().archive(digest)
    }

    /// An archive to be served, with its length; none where it is not in the store.
    pub fn open_archive(&self, digest: &Digest) -> Result<Option<(File, u64)>, StoreError> {
        let path = self.archive_path(digest);
        match File::open(&path) {
            Ok(file) => {
                let size = file.metadata().map_err(at("read", &path))?.len();
                Ok(Some((file, size)))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("open", &path, e)),
        }
    }

    /// The archives that are in the store, sorted.
    pub fn held_archives(&self) -> Result<Vec<Digest>, StoreError> {
        let mut held = Vec::new();
        for part in fsio::names_in(&self.layout().store())? {
            let names = fsio::names_in(&self.layout().store().join(&part))?;
            held.extend(names.iter().filter_map(|n| n.parse::<Digest>().ok()));
        }
        Ok(held)
    }

    /// Where an archive is in one of these directories (their `store/`, or the `store/` beside a registry).
    pub fn find_in_directories(&self, digest: &Digest, directories: &[PathBuf]) -> Option<PathBuf> {
        let beneath = |d: &PathBuf| {
            let beside = d.parent().map(|up| up.join("store"));
            [Some(d.join("store")), beside]
                .into_iter()
                .flatten()
                .map(|s| archive_beneath(&s, digest))
                .find(|p| p.is_file())
        };
        directories.iter().find_map(beneath)
    }

    /// Copies an archive into the store if it is the signed one.
    pub fn import_archive(&self, from: &Path, expected: &Archive) -> Result<(), StoreError> {
        if self.has_archive(&expected.digest) {
            return Ok(());
        }
        let file = fsio::open_regular(from).map_err(at("read", from))?;
        self.import_from(file, from, expected)
    }

    /// Copies the archive of a `.ggen` file into the store if it is the signed one.
    pub fn import_ggen_archive(&self, file: &GgenFile) -> Result<(), StoreError> {
        let expected = &file.release.release.archive;
        if self.has_archive(&expected.digest) {
            return Ok(());
        }
        self.import_from(file.archive()?, Path::new("the .ggen file"), expected)
    }

    fn import_from(&self, reader: impl Read, shown: &Path, expected: &Archive) -> Result<(), StoreError> {
        self.check_space(expected.size)?;
        let staging = self.stage()?;
        let tmp = staging.dir();
        let mut file = tempfile::Builder::new().prefix("import-").tempfile_in(tmp).map_err(at("write in", tmp))?;
        // One byte more than is signed, so that a longer file is not taken for its beginning.
        let mut reader = reader.take(expected.size.saturating_add(1));
        let (found, size) = copy_hashed(&mut reader, file.as_file_mut(), shown)?;
        if found != expected.digest || size != expected.size {
            return Err(StoreError::ArchiveDamaged { expected: expected.digest, found });
        }
        file.as_file().sync_data().map_err(at("sync", file.path()))?;
        let path = self.place_for(&expected.digest)?;
        fsio::set_mode(file.as_file(), 0o444).map_err(at("write", &path))?;
        file.persist(&path).map_err(|e| StoreError::io("write", &path, e.error))?;
        fsio::sync_dir(path.parent().unwrap_or(tmp))
    }

    /// The place of an archive, with its directory made.
    pub(crate) fn place_for(&self, digest: &Digest) -> Result<PathBuf, StoreError> {
        let path = self.archive_path(digest);
        if let Some(dir) = path.parent() {
            fsio::make_dir_durably(dir)?;
        }
        Ok(path)
    }

    /// Notes that an archive was used: `clean` goes by it.
    pub(crate) fn touch_archive(&self, digest: &Digest) {
        if let Ok(file) = File::open(self.archive_path(digest)) {
            // Best effort: an archive that seems older than it is can be fetched again.
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// The chunk list of a stored archive, if it is the one that was signed; none where the archive is not in the store.
    /// Computed once, and then kept beside it. An archive that turns out damaged is moved away.
    pub fn chunk_list(&self, archive: &Archive) -> Result<Option<ChunkList>, StoreError> {
        let digest = &archive.digest;
        let Some((file, size)) = self.open_archive(digest)? else { return Ok(None) };
        // Asked for once in each download of others.
        self.touch_archive(digest);
        let path = self.layout().chunk_list(digest);
        let expected = ggen_core::chunks::chunk_count(archive.size).saturating_mul(32);
        if let Some(kept) = fsio::read_bounded(&path, expected.saturating_add(1)).ok().flatten()
            && size == archive.size
            && let Ok(list) = ChunkList::from_bytes(&kept, size, archive.chunks)
        {
            return Ok(Some(list));
        }
        let (found, list) = chunks_of(file).map_err(at("read", &self.archive_path(digest)))?;
        if found != *digest {
            self.quarantine(digest)?;
            return Err(StoreError::ArchiveDamaged { expected: *digest, found });
        }
        if list.digest() != archive.chunks {
            return Ok(None);
        }
        self.save_chunk_list(digest, &list)?;
        Ok(Some(list))
    }

    /// Keeps a chunk list that was proved.
    pub fn save_chunk_list(&self, digest: &Digest, list: &ChunkList) -> Result<(), StoreError> {
        self.place_for(digest)?;
        fsio::write_whole(&self.layout().chunk_list(digest), &list.to_bytes(), 0o644, false)
    }

    /// Reads a whole stored archive and compares it with its name; a damaged one is moved away.
    pub fn check_archive(&self, digest: &Digest) -> Result<(), StoreError> {
        let Some((file, _)) = self.open_archive(digest)? else {
            return Err(StoreError::ArchiveMissing { digest: *digest });
        };
        let (found, _) = fsio::hash_reader(file).map_err(at("read", &self.archive_path(digest)))?;
        if found == *digest {
            return Ok(());
        }
        self.quarantine(digest)?;
        Err(StoreError::ArchiveDamaged { expected: *digest, found })
    }

    /// Moves a damaged archive out of its place; `clean` removes it.
    pub(crate) fn quarantine(&self, digest: &Digest) -> Result<(), StoreError> {
        fsio::remove_any(&self.layout().chunk_list(digest))?;
        fsio::set_aside(&self.archive_path(digest), "damaged").map(|_| ())
    }

    /// Refuses if fewer than `needed` bytes are free.
    pub fn check_space(&self, needed: u64) -> Result<(), StoreError> {
        let path = self.layout().home();
        let available = space::available(path).map_err(at("look at", path))?;
        if available < needed {
            return Err(StoreError::DiskFull { path: path.to_owned(), required: needed, available });
        }
        Ok(())
    }

    /// Free bytes where the home is.
    pub fn available_space(&self) -> Result<u64, StoreError> {
        space::available(self.layout().home()).map_err(at("look at", self.layout().home()))
    }
}

fn copy_hashed(reader: &mut impl Read, out: &mut File, shown: &Path) -> Result<(Digest, u64), StoreError> {
    let (mut hasher, mut buffer, mut total) = (Sha256::new(), vec![0; BUFFER], 0u64);
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok((Digest::from_bytes(hasher.finalize().into()), total)),
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(StoreError::io("read", shown, e)),
        };
        let part = buffer.get(..count).unwrap_or_default();
        hasher.update(part);
        out.write_all(part).map_err(at("copy", shown))?;
        total = total.saturating_add(count as u64);
    }
}

fn chunks_of(mut file: File) -> io::Result<(Digest, ChunkList)> {
    let mut whole = Sha256::new();
    let mut chunks = Vec::new();
    loop {
        let mut chunk = Vec::new();
        Read::by_ref(&mut file).take(CHUNK_SIZE).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            return Ok((Digest::from_bytes(whole.finalize().into()), ChunkList::new(chunks)));
        }
        whole.update(&chunk);
        chunks.push(Digest::of(&chunk));
    }
}

/// Whether a file's last change is more than `age` before `now` (milliseconds since the Unix epoch).
pub(crate) fn is_older(path: &Path, age: std::time::Duration, now: u64) -> bool {
    let Ok(modified) = fs::metadata(path).and_then(|m| m.modified()) else { return false };
    let modified = modified.duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis());
    modified.saturating_add(age.as_millis()) < u128::from(now)
}
