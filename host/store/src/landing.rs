//! Reading an archive while it arrives.
//!
//! Decides how far may be read: to the first chunk that is not proved. Never reads a byte beyond. Invariant: a reader
//! comes to an end, of the archive or of the download; it never waits for a download that is over.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::fsio::{self, WRITE_BACK};

/// How far a download has come, from its beginning without a gap.
#[derive(Debug, Default)]
pub(crate) struct Landing {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    proved: u64,
    over: bool,
}

impl Landing {
    /// All bytes before `proved` are in the file, and proved.
    pub(crate) fn advance(&self, proved: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.proved = state.proved.max(proved);
        self.moved.notify_all();
    }

    /// Nothing more will arrive.
    pub(crate) fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.moved.notify_all();
    }

    /// How many bytes may be read once it is more than `position`; none if it never will be.
    fn beyond(&self, position: u64) -> Option<u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |state: &mut State| state.proved <= position && !state.over;
        let state = self.moved.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        (state.proved > position).then_some(state.proved)
    }
}

/// The bytes of a download in order, as they are proved. A read waits for them; once the download is over without them,
/// it fails.
#[derive(Debug)]
pub struct Arriving {
    file: File,
    size: u64,
    position: u64,
    begun: u64,
    landing: Arc<Landing>,
}

impl Arriving {
    pub(crate) fn new(file: File, size: u64, landing: Arc<Landing>) -> Self {
        // What is ahead has not arrived: it would be read in vain.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Random);
        Self { file, size, position: 0, begun: 0, landing }
    }
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let broken_off = || io::Error::new(io::ErrorKind::BrokenPipe, "the download broke off");
        let ready = self.landing.beyond(self.position).ok_or_else(broken_off)?.min(self.size);
        let most = usize::try_from(ready.saturating_sub(self.position)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.position)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += count as u64;
        if self.position - self.begun >= WRITE_BACK || self.position == self.size {
            fsio::begin_write_back(&self.file, self.begun, self.position - self.begun);
            self.begun = self.position;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_what_is_proved_and_then_waits_or_ends() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"proved, not", 0).unwrap();
        let landing = Arc::new(Landing::default());
        let mut reader = Arriving::new(file, 11, landing.clone());
        landing.advance(6);
        let mut buffer = [0; 64];
        assert_eq!(reader.read(&mut buffer).unwrap(), 6);
        assert_eq!(&buffer[..6], b"proved");
        let more = std::thread::spawn(move || (reader.read(&mut buffer).unwrap(), reader));
        landing.advance(3); // behind what is known: changes nothing
        landing.advance(8);
        let (count, mut reader) = more.join().unwrap();
        assert_eq!(count, 2);
        landing.end();
        assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        landing.advance(11);
        assert_eq!((reader.read(&mut [0; 64]).unwrap(), reader.read(&mut [0; 64]).unwrap()), (3, 0));
    }
}
