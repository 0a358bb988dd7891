//! Large files, written past the page cache by a thread of their own.
//!
//! Through the cache, a byte costs several times the processor time and is brought to the disk only when somebody waits
//! for it. Decides how bytes are written, never which. Invariant: after [`Writer::finish`] every byte is with the system,
//! or an error tells of one that is not; no thread writes once the writer is dropped.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::fsio;

/// What a disk wants addresses and lengths to be multiples of, at most.
const ALIGNED: usize = 4096;
/// Bytes that are written at once.
const PIECE: usize = 1024 * 1024;
/// Pieces that there are at once.
const PIECES: usize = 6;

/// Bytes in memory where a disk can fetch them.
struct Piece {
    bytes: Vec<u8>,
    start: usize,
    filled: usize,
}

impl Piece {
    fn new() -> Self {
        let bytes = vec![0; PIECE + ALIGNED];
        let start = bytes.as_ptr().align_offset(ALIGNED).min(ALIGNED);
        Self { bytes, start, filled: 0 }
    }

    /// Takes what has room; how much that was.
    fn fill(&mut self, from: &[u8]) -> usize {
        let count = from.len().min(PIECE - self.filled);
        let at = self.start + self.filled;
        if let (Some(to), Some(from)) = (self.bytes.get_mut(at..at + count), from.get(..count)) {
            to.copy_from_slice(from);
        }
        self.filled += count;
        count
    }

    fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + self.filled).unwrap_or_default()
    }
}

/// A file that is being written.
pub(super) struct Direct {
    file: Arc<File>,
    piece: Piece,
    offset: u64,
}

struct Job {
    file: Arc<File>,
    offset: u64,
    piece: Piece,
}

/// The thread, and what goes to it and comes back.
pub(super) struct Writer {
    jobs: Option<SyncSender<Job>>,
    spare: Receiver<Piece>,
    made: usize,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Writer {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, inbox) = sync_channel::<Job>(PIECES);
        let (back, spare) = sync_channel(PIECES);
        let work = move || {
            for Job { file, offset, mut piece } in inbox {
                write(&file, offset, piece.filled())?;
                piece.filled = 0;
                if back.send(piece).is_err() {
                    break;
                }
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("unpack-writer".to_owned()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), spare, made: 0, thread: Some(thread) })
    }

    pub(super) fn begin(&mut self, file: File) -> io::Result<Direct> {
        // Where the file system cannot, its writes go through the cache.
        let _ = fcntl_getfl(&file).and_then(|flags| fcntl_setfl(&file, flags | OFlags::DIRECT));
        Ok(Direct { file: Arc::new(file), piece: self.piece()?, offset: 0 })
    }

    pub(super) fn write(&mut self, to: &mut Direct, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = to.piece.fill(bytes);
            bytes = bytes.get(count..).unwrap_or_default();
            if to.piece.filled == PIECE {
                let next = self.piece()?;
                let piece = std::mem::replace(&mut to.piece, next);
                self.send(Job { file: Arc::clone(&to.file), offset: to.offset, piece })?;
                to.offset += PIECE as u64;
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, Direct { file, piece, offset }: Direct) -> io::Result<()> {
        self.send(Job { file, offset, piece })
    }

    /// Waits until all is written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.join()
    }

    fn piece(&mut self) -> io::Result<Piece> {
        if let Ok(piece) = self.spare.try_recv() {
            return Ok(piece);
        }
        if self.made < PIECES {
            self.made += 1;
            return Ok(Piece::new());
        }
        match self.spare.recv() {
            Ok(piece) => Ok(piece),
            Err(_) => Err(self.failure()),
        }
    }

    fn send(&mut self, job: Job) -> io::Result<()> {
        match self.jobs.as_ref().map(|jobs| jobs.send(job)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failure()),
        }
    }

    /// Why the thread is gone.
    fn failure(&mut self) -> io::Error {
        self.join().err().unwrap_or_else(|| io::Error::other("the writer ended early"))
    }

    fn join(&mut self) -> io::Result<()> {
        self.jobs = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            Some(Err(_)) => Err(io::Error::other("the writer ended early")),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever drops it without finishing has a failure of its own to tell.
        let _ = self.join();
    }
}

/// Whole blocks past the cache, the rest of a file through it.
fn write(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let flags = fcntl_getfl(file)?;
    let (blocks, rest) = bytes.split_at(bytes.len() - bytes.len() % ALIGNED);
    if !flags.contains(OFlags::DIRECT) {
        return through_cache(file, offset, bytes);
    }
    match file.write_all_at(blocks, offset) {
        Ok(()) if rest.is_empty() => return Ok(()),
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
            fcntl_setfl(file, flags - OFlags::DIRECT)?;
            return through_cache(file, offset, bytes);
        }
        Err(e) => return Err(e),
    }
    fcntl_setfl(file, flags - OFlags::DIRECT)?;
    through_cache(file, offset + blocks.len() as u64, rest)
}

fn through_cache(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, offset)?;
    fsio::begin_write_back(file, offset, bytes.len() as u64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i % 253) as u8).collect()
    }

    #[test]
    fn files_of_any_length_are_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::start().unwrap();
        let lengths = [0, 1, ALIGNED, ALIGNED + 1, PIECE - 1, PIECE, PIECE + ALIGNED + 7, PIECE * 9 + 5];
        for length in lengths {
            let file = File::create(dir.path().join(length.to_string())).unwrap();
            let mut direct = writer.begin(file).unwrap();
            for part in bytes(length).chunks(100_003) {
                writer.write(&mut direct, part).unwrap();
            }
            writer.end(direct).unwrap();
        }
        writer.finish().unwrap();
        for length in lengths {
            assert!(std::fs::read(dir.path().join(length.to_string())).unwrap() == bytes(length), "{length}");
        }
    }

    #[test]
    fn a_write_that_fails_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "").unwrap();
        let mut writer = Writer::start().unwrap();
        // Opened for reading alone: the system refuses.
        let mut direct = writer.begin(File::open(&path).unwrap()).unwrap();
        let written = (0..64).try_for_each(|_| writer.write(&mut direct, &bytes(PIECE)));
        let told = written.and_then(|()| writer.end(direct)).and_then(|()| writer.finish());
        assert!(told.is_err());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }
}
