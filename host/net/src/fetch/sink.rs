//! Where chunks land: a thread that proves, writes and hashes.
//!
//! Decides whether a chunk is what was signed, and which of those that come early are kept until they are hashed.
//! Invariants: nothing is written before it is proved; what is kept is bounded.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use ggen_core::Digest;
use ggen_core::chunks::{CHUNK_SIZE, ChunkError, ChunkList, chunk_count, chunk_length};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::buffer::{Buffer, Destination};
use super::landing::Landing;
use super::message::{Message, Proof};

/// Chunks that are kept because earlier ones are missing, so that they are not read again to be hashed.
const EARLY: usize = 16;

/// What the sink is given.
pub(super) enum Work {
    /// A chunk.
    Landed(Landed),
    /// The list that proves what an earlier run left.
    Claims(Arc<ChunkList>),
}

/// A chunk as it came from a holder.
pub(super) struct Landed {
    pub holder: usize,
    pub index: u64,
    pub bytes: Buffer,
    /// Proved to be the signed one; the same for every holder.
    pub list: Arc<ChunkList>,
}

pub(super) struct Sink<P> {
    destination: Destination,
    size: u64,
    /// Chunks that an earlier run is said to have proved.
    claimed: Vec<bool>,
    done: Vec<bool>,
    hasher: Sha256,
    /// Chunks that are hashed.
    hashed: u64,
    early: BTreeMap<u64, Buffer>,
    buffer: Vec<u8>,
    landing: Arc<Landing>,
    put_back: P,
}

impl<P: Fn(Buffer)> Sink<P> {
    /// `put_back` takes buffers that are needed no more.
    pub fn new(
        destination: Destination,
        size: u64,
        claimed: Vec<bool>,
        landing: Arc<Landing>,
        put_back: P,
    ) -> io::Result<Self> {
        if destination.file.metadata()?.len() != size {
            destination.file.set_len(size)?;
        }
        let done = vec![false; usize::try_from(chunk_count(size)).map_err(io::Error::other)?];
        Ok(Self {
            destination,
            size,
            claimed,
            done,
            hasher: Sha256::new(),
            hashed: 0,
            early: BTreeMap::new(),
            buffer: Vec::new(),
            landing,
            put_back,
        })
    }

    /// Takes what lands until nothing can land any more; the digest of the whole file, if all of it is there.
    pub fn run(
        mut self,
        mut inbox: mpsc::Receiver<Work>,
        driver: &mpsc::Sender<Message>,
    ) -> io::Result<Option<Digest>> {
        while let Some(work) = inbox.blocking_recv() {
            let landed = match work {
                Work::Landed(landed) => landed,
                Work::Claims(list) => {
                    if self.prove_claims(&list, driver)? {
                        continue;
                    } else {
                        break;
                    }
                }
            };
            let (holder, index, length) = (landed.holder, landed.index, landed.bytes.as_slice().len() as u64);
            let proof = self.take(landed)?;
            if driver.blocking_send(Message::Proof { holder, index, length, proof }).is_err() {
                break;
            }
        }
        self.finish()
    }

    /// Proves again what is there, and tells the driver of each chunk that is good. False if the driver is gone.
    fn prove_claims(&mut self, list: &ChunkList, driver: &mpsc::Sender<Message>) -> io::Result<bool> {
        for (index, _) in (0u64..).zip(std::mem::take(&mut self.claimed)).filter(|(_, claimed)| *claimed) {
            let Some(done) = usize::try_from(index).ok().and_then(|i| self.done.get_mut(i)) else { break };
            let length = chunk_length(self.size, index);
            self.buffer.resize(usize::try_from(length).map_err(io::Error::other)?, 0);
            self.destination.file.read_exact_at(&mut self.buffer, index * CHUNK_SIZE)?;
            if list.check(self.size, index, &self.buffer).is_err() {
                continue;
            }
            *done = true;
            self.landing.mark(index);
            if index == self.hashed {
                self.hasher.update(&self.buffer);
                self.hashed += 1;
            }
            if driver.blocking_send(Message::Found { index, length }).is_err() {
                return Ok(false);
            }
        }
        Ok(driver.blocking_send(Message::Settled).is_ok())
    }

    fn take(&mut self, landed: Landed) -> io::Result<Proof> {
        let index = landed.index;
        let proof = match usize::try_from(index).ok().and_then(|i| self.done.get_mut(i)) {
            None => Proof::Wrong(ChunkError::OutOfRange(index)),
            Some(true) => Proof::Duplicate,
            Some(done) => match landed.list.check(self.size, index, landed.bytes.as_slice()) {
                Err(error) => Proof::Wrong(error),
                Ok(()) => {
                    *done = true;
                    Proof::Written
                }
            },
        };
        if proof != Proof::Written {
            (self.put_back)(landed.bytes);
            return Ok(proof);
        }
        self.destination.write(&landed.bytes, index * CHUNK_SIZE)?;
        self.landing.mark(index);
        self.early.insert(index, landed.bytes);
        self.catch_up(1)?;
        // Of too many, the one that is wanted last.
        if self.early.len() > EARLY
            && let Some((_, bytes)) = self.early.pop_last()
        {
            (self.put_back)(bytes);
        }
        Ok(proof)
    }

    /// Hashes what is there and follows what is hashed: what was kept, and at most `most` chunks from the file.
    fn catch_up(&mut self, mut most: u64) -> io::Result<()> {
        loop {
            while let Some(bytes) = self.early.remove(&self.hashed) {
                self.hasher.update(bytes.as_slice());
                (self.put_back)(bytes);
                self.hashed += 1;
            }
            if most == 0 {
                return Ok(());
            }
            most -= 1;
            let there = usize::try_from(self.hashed).ok().and_then(|i| self.done.get(i)).copied().unwrap_or(false);
            if !there {
                return Ok(());
            }
            let length = usize::try_from(chunk_length(self.size, self.hashed)).map_err(io::Error::other)?;
            self.buffer.resize(length, 0);
            self.destination.file.read_exact_at(&mut self.buffer, self.hashed * CHUNK_SIZE)?;
            self.hasher.update(&self.buffer);
            self.hashed += 1;
        }
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
    use crate::fetch::buffer::Pool;

    #[test]
    fn chunks_land_in_any_order_and_only_proved_ones_are_written() {
        let archive: Vec<u8> = (0..CHUNK_SIZE * 3 + 7).map(|i| (i % 253) as u8).collect();
        let size = archive.len() as u64;
        let list = Arc::new(ChunkList::of(&archive));
        let there = tempfile::NamedTempFile::new().unwrap();
        let (file, pool) = (there.reopen().unwrap(), Pool::default());
        let destination = Destination::new(there.reopen().unwrap(), there.path());
        file.write_all_at(&archive[..CHUNK_SIZE as usize], 0).unwrap();
        // What an earlier run left: one chunk is there, another was said to be and is not.
        let landing = Arc::new(Landing::new(size, there.reopen().unwrap()).0);
        let mut sink = Sink::new(destination, size, vec![true, false, true], landing, drop).unwrap();
        let (driver, mut told) = mpsc::channel(8);
        assert!(sink.prove_claims(&list, &driver).unwrap());
        assert!(matches!(told.try_recv(), Ok(Message::Found { index: 0, length: CHUNK_SIZE })));
        assert!(matches!(told.try_recv(), Ok(Message::Settled)));
        let chunks: Vec<&[u8]> = archive.chunks(CHUNK_SIZE as usize).collect();
        let mut land = |index: u64, bytes: &[u8]| {
            let mut landed = pool.get(bytes.len());
            landed.as_mut_slice().copy_from_slice(bytes);
            sink.take(Landed { holder: 0, index, bytes: landed, list: list.clone() }).unwrap()
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

    #[test]
    fn what_comes_early_is_hashed_without_being_read_again_within_a_bound() {
        let archive: Vec<u8> = (0..CHUNK_SIZE * 40).map(|i| (i % 253) as u8).collect();
        let (size, list) = (archive.len() as u64, Arc::new(ChunkList::of(&archive)));
        let there = tempfile::NamedTempFile::new().unwrap();
        let destination = Destination::new(there.reopen().unwrap(), there.path());
        let landing = Arc::new(Landing::new(size, there.reopen().unwrap()).0);
        let (pool, back) = (Pool::default(), std::cell::Cell::new(0));
        let mut sink = Sink::new(destination, size, vec![], landing, |_| back.set(back.get() + 1)).unwrap();
        let mut land = |index: u64, wipe: bool| {
            let mut landed = pool.get(CHUNK_SIZE as usize);
            landed.as_mut_slice().copy_from_slice(&archive[(index * CHUNK_SIZE) as usize..][..CHUNK_SIZE as usize]);
            let landed = Landed { holder: 0, index, bytes: landed, list: list.clone() };
            assert_eq!(sink.take(landed).unwrap(), Proof::Written);
            if wipe {
                there.as_file().write_all_at(&[0; 7], index * CHUNK_SIZE).unwrap();
            }
            assert!(sink.early.len() <= EARLY);
            sink.hashed
        };
        for index in (1..=EARLY as u64).rev() {
            land(index, true);
        }
        assert_eq!(land(0, true), 1 + EARLY as u64, "all of them, although the file has them no more");
        for index in (18..40).rev() {
            land(index, false);
        }
        land(17, false);
        assert_eq!(sink.finish().unwrap(), Some(Digest::of(&archive)), "and the rest from the file");
        assert_eq!(back.get(), 40, "every buffer is given back");
    }
}
