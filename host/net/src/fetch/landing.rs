//! Downloads under way, and the part of them that others can be given.
//!
//! Decides what a node in the middle of a download has for others: chunks that were proved and written in this run.
//! Invariant: a chunk is held against the signed list once more as it is read; what is not proved is given to nobody.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ggen_core::Digest;
use ggen_core::chunks::{CHUNK_SIZE, ChunkList, chunk_count, chunk_length};
use ggen_core::head::archive_key;
use ggen_core::stock::ChunkSet;
use tokio::sync::{mpsc, oneshot};

use crate::content::ArchiveSource;
use crate::node::command::Command;
use crate::types::Holder;

/// Lists of further holders that wait to be taken up.
const LATE: usize = 4;

/// All downloads of a node, by their archives.
#[derive(Clone, Default)]
pub(crate) struct Landings(Arc<Mutex<HashMap<Digest, Arc<Landing>>>>);

/// One download: what of it is proved.
#[derive(Debug)]
pub(crate) struct Landing {
    size: u64,
    file: File,
    /// Proved to be the signed one.
    pub list: OnceLock<Arc<ChunkList>>,
    proved: Mutex<ChunkSet>,
    late: mpsc::Sender<Vec<Holder>>,
}

/// A download in the list of all; out of it when this is dropped.
pub(super) struct Entry {
    landings: Landings,
    digest: Digest,
    pub landing: Arc<Landing>,
    /// Holders that were found later.
    pub late: mpsc::Receiver<Vec<Holder>>,
    commands: mpsc::Sender<Command>,
    announced: bool,
    /// Whether all of it came.
    pub whole: bool,
}

impl Landings {
    /// A download of `size` bytes into `file` begins.
    pub(super) fn begin(&self, digest: Digest, size: u64, file: File, commands: mpsc::Sender<Command>) -> Entry {
        let (landing, late) = Landing::new(size, file);
        let landing = Arc::new(landing);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, landing.clone());
        Entry { landings: self.clone(), digest, landing, late, commands, announced: false, whole: false }
    }

    /// Further holders for a download under way; whether there is one that takes them.
    pub fn join(&self, digest: &Digest, holders: Vec<Holder>) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(digest).is_some_and(|landing| landing.late.try_send(holders).is_ok())
    }

    /// What there is of an archive that is being downloaded, if there is anything.
    pub fn source(&self, digest: &Digest) -> Option<Box<dyn ArchiveSource>> {
        let landing = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest)?.clone();
        let list = landing.list.get()?.clone();
        (landing.proved().count() > 0).then(|| Box::new(Proved { landing, list }) as Box<dyn ArchiveSource>)
    }
}

impl Landing {
    pub(super) fn new(size: u64, file: File) -> (Self, mpsc::Receiver<Vec<Holder>>) {
        let (late, inbox) = mpsc::channel(LATE);
        let proved = Mutex::new(ChunkSet::none(chunk_count(size)));
        (Self { size, file, list: OnceLock::new(), proved, late }, inbox)
    }

    /// Chunk `index` was proved and written.
    pub fn mark(&self, index: u64) {
        self.proved.lock().unwrap_or_else(PoisonError::into_inner).insert(index);
    }

    fn proved(&self) -> ChunkSet {
        self.proved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Entry {
    /// Tells the network that there is a part here, once.
    pub fn announce(&mut self) {
        if !self.announced {
            let keys = vec![archive_key(&self.digest)];
            // Where the node has too much to do it does without.
            self.announced = self.commands.try_send(Command::Provide { keys, reply: oneshot::channel().0 }).is_ok();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut all = self.landings.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&self.digest).is_some_and(|there| Arc::ptr_eq(there, &self.landing)) {
            all.remove(&self.digest);
        }
        if self.announced && !self.whole {
            let _ = self.commands.try_send(Command::Withdraw(archive_key(&self.digest)));
        }
    }
}

struct Proved {
    landing: Arc<Landing>,
    list: Arc<ChunkList>,
}

impl ArchiveSource for Proved {
    fn size(&self) -> u64 {
        self.landing.size
    }

    fn chunk_list(&self) -> Vec<u8> {
        self.list.to_bytes()
    }

    fn part(&self) -> Option<ChunkSet> {
        Some(self.landing.proved())
    }

    fn read_chunk(&self, index: u64) -> io::Result<Vec<u8>> {
        let Landing { size, file, proved, .. } = self.landing.as_ref();
        if !proved.lock().unwrap_or_else(PoisonError::into_inner).has(index) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut bytes = vec![0; usize::try_from(chunk_length(*size, index)).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, index.saturating_mul(CHUNK_SIZE))?;
        self.list.check(*size, index, &bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_proved_and_still_what_was_signed_is_given() {
        let archive: Vec<u8> = (0..CHUNK_SIZE * 2 + 7).map(|i| (i % 251) as u8).collect();
        let (digest, size) = (Digest::of(&archive), archive.len() as u64);
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&archive, 0).unwrap();
        let (landings, (commands, mut told)) = (Landings::default(), mpsc::channel(4));
        let mut entry = landings.begin(digest, size, file.try_clone().unwrap(), commands);
        assert!(landings.source(&digest).is_none(), "no list yet");
        entry.landing.list.get_or_init(|| Arc::new(ChunkList::of(&archive)));
        assert!(landings.source(&digest).is_none(), "nothing proved yet");
        entry.landing.mark(0);
        entry.landing.mark(2);
        let source = landings.source(&digest).unwrap();
        assert_eq!(source.part().unwrap().as_bytes(), [0b101]);
        assert_eq!(source.read_chunk(2).unwrap(), archive[archive.len() - 7..]);
        assert_eq!(source.read_chunk(1).unwrap_err().kind(), io::ErrorKind::NotFound);
        file.write_all_at(b"other", 3).unwrap();
        assert_eq!(source.read_chunk(0).unwrap_err().kind(), io::ErrorKind::InvalidData);
        entry.announce();
        entry.announce();
        drop(entry);
        assert!(landings.source(&digest).is_none() && source.read_chunk(2).is_ok());
        assert!(matches!(told.try_recv(), Ok(Command::Provide { .. })));
        assert!(matches!(told.try_recv(), Ok(Command::Withdraw(_))), "announced once, and taken back");
        assert!(told.try_recv().is_err());
    }
}
