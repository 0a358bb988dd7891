//! Where chunks land: a thread that proves, writes and hashes.
//!
//! Decides whether a chunk is what was signed. Invariant: nothing is written before it is proved.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use ggen_core::Digest;
use ggen_core::chunks::{CHUNK_SIZE, ChunkError, ChunkList, chunk_count, chunk_length};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::driver::Message;

/// A chunk as it came from a holder.
pub(super) struct Landed {
    pub holder: usize,
    pub index: u64,
    pub bytes: Vec<u8>,
    /// Proved to be the signed one; the same for every holder.
    pub list: Arc<ChunkList>,
}

/// Buffers of landed chunks, to be used again.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Vec<u8>>>);

/// Buffers that are kept.
const POOLED: usize = 32;

impl Pool {
    /// A buffer of `length` bytes, of any content.
    pub fn get(&self, length: usize) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = kept.unwrap_or_default();
        buffer.resize(length, 0);
        buffer
    }

    pub fn put(&self, buffer: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < POOLED {
            kept.push(buffer);
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Proof {
    Written,
    /// Another holder was quicker.
    Duplicate,
    Wrong(ChunkError),
}

pub(super) struct Sink {
    file: File,
    size: u64,
    done: Vec<bool>,
    hasher: Sha256,
    /// Chunks that are hashed.
    hashed: u64,
    buffer: Vec<u8>,
}

impl Sink {
    pub fn new(file: File, size: u64, proved: &[bool]) -> io::Result<Self> {
        if file.metadata()?.len() != size {
            file.set_len(size)?;
        }
        let mut done = proved.to_vec();
        done.resize(usize::try_from(chunk_count(size)).map_err(io::Error::other)?, false);
        Ok(Self { file, size, done, hasher: Sha256::new(), hashed: 0, buffer: Vec::new() })
    }

    /// Takes what lands until nothing can land any more; the digest of the whole file, if all of it is there.
    pub fn run(
        mut self,
        mut inbox: mpsc::Receiver<Landed>,
        driver: &mpsc::Sender<Message>,
        put_back: impl Fn(Vec<u8>),
    ) -> io::Result<Option<Digest>> {
        while let Some(landed) = inbox.blocking_recv() {
            let (holder, index, length) = (landed.holder, landed.index, landed.bytes.len() as u64);
            let proof = self.take(&landed)?;
            put_back(landed.bytes);
            if driver.blocking_send(Message::Proof { holder, index, length, proof }).is_err() {
                break;
            }
        }
        self.finish()
    }

    fn take(&mut self, landed: &Landed) -> io::Result<Proof> {
        let index = landed.index;
        let Some(done) = usize::try_from(index).ok().and_then(|i| self.done.get_mut(i)) else {
            return Ok(Proof::Wrong(ChunkError::OutOfRange(index)));
        };
        if *done {
            return Ok(Proof::Duplicate);
        }
        if let Err(error) = landed.list.check(self.size, index, &landed.bytes) {
            return Ok(Proof::Wrong(error));
        }
        *done = true;
        self.file.write_all_at(&landed.bytes, index * CHUNK_SIZE)?;
        if index == self.hashed {
            self.hasher.update(&landed.bytes);
            self.hashed += 1;
        } else {
            self.catch_up(1)?;
        }
        Ok(Proof::Written)
    }

    /// Hashes at most `most` chunks that are there and follow what is hashed, from the file.
    fn catch_up(&mut self, most: u64) -> io::Result<()> {
        for _ in 0..most {
            let there = usize::try_from(self.hashed).ok().and_then(|i| self.done.get(i)).copied().unwrap_or(false);
            if !there {
                return Ok(());
            }
            let length = usize::try_from(chunk_length(self.size, self.hashed)).map_err(io::Error::other)?;
            self.buffer.resize(length, 0);
            self.file.read_exact_at(&mut self.buffer, self.hashed * CHUNK_SIZE)?;
            self.hasher.update(&self.buffer);
            self.hashed += 1;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<Option<Digest>> {
        if !self.done.iter().all(|done| *done) {
            return Ok(None);
        }
        self.catch_up(u64::MAX)?;
        Ok(Some(Digest::from_bytes(self.hasher.finalize().into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_land_in_any_order_and_only_proved_ones_are_written() {
        let archive: Vec<u8> = (0..CHUNK_SIZE * 3 + 7).map(|i| (i % 253) as u8).collect();
        let size = archive.len() as u64;
        let list = Arc::new(ChunkList::of(&archive));
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&archive[..CHUNK_SIZE as usize], 0).unwrap();
        let mut sink = Sink::new(file.try_clone().unwrap(), size, &[true]).unwrap();
        let chunks: Vec<&[u8]> = archive.chunks(CHUNK_SIZE as usize).collect();
        let mut land = |index: u64, bytes: &[u8]| {
            sink.take(&Landed { holder: 0, index, bytes: bytes.to_vec(), list: list.clone() }).unwrap()
        };
        assert_eq!(land(3, chunks[3]), Proof::Written);
        assert_eq!(land(2, chunks[1]), Proof::Wrong(ChunkError::Digest(2)));
        assert_eq!(land(1, chunks[1]), Proof::Written);
        assert_eq!(land(1, chunks[1]), Proof::Duplicate);
        assert_eq!(land(9, chunks[1]), Proof::Wrong(ChunkError::OutOfRange(9)));
        assert_eq!(land(2, chunks[2]), Proof::Written);
        assert_eq!(sink.finish().unwrap(), Some(Digest::of(&archive)));
        let mut written = vec![0; archive.len()];
        file.read_exact_at(&mut written, 0).unwrap();
        assert_eq!(written, archive);
    }
}
