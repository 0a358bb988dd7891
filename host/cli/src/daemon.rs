//! `p2p start --daemon`: a node that goes on when its terminal is gone.
//!
//! Decides when the command may return: once the node is ready, or has failed, with the node's own words.
//!
//! ```text
//! ggen … --daemon ──spawns──▶ ggen … --detached    in a session of its own, its stderr is p2p/node.log
//!      waits      ◀──one byte── ready              over a pair of sockets that is the child's stdin
//! ```
//!
//! Invariant: the node holds nothing of the terminal, and its log has a bound.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::errors::{Exit, Failure};

/// How long a node may take until it is ready: its policies may have to be compiled first.
const READY: Duration = Duration::from_secs(5 * 60);
/// Between two looks at the log's length.
const LOOK: Duration = Duration::from_secs(5);
/// The most that is repeated of what a node said before it failed, in bytes.
const MAX_LAST_WORDS: u64 = 64 * 1024;

/// How a detached node began.
pub enum Start {
    /// It is ready.
    Ready,
    /// It ended like this, and has said why.
    Ended(Exit),
}

/// Starts this program with `args` as a detached node that logs to `log`; waits until it is ready or has ended.
pub fn start(args: Vec<OsString>, log: &Path) -> Result<Start, Failure> {
    let (mut word, child_end) = UnixStream::pair().map_err(Failure::Start)?;
    word.set_read_timeout(Some(READY)).map_err(Failure::Start)?;
    let file = open(log).map_err(|source| Failure::Write { path: log.to_owned(), source })?;
    let before = file.metadata().map_or(0, |meta| meta.len());
    let mut command = Command::new(std::env::current_exe().map_err(Failure::Start)?);
    command.args(args).env("NO_COLOR", "1");
    command.stdin(Stdio::from(OwnedFd::from(child_end))).stdout(Stdio::piped()).stderr(file);
    let mut child = command.spawn().map_err(Failure::Start)?;
    // The command keeps the child's end open.
    drop(command);
    match word.read(&mut [0]) {
        Ok(1..) => Ok(Start::Ready),
        Ok(0) => {
            let ended = child.wait_with_output().map_err(Failure::Start)?;
            repeat(&ended.stdout, log, before);
            Ok(Start::Ended(ended.status.code().map_or(Exit::Failed, Exit::of)))
        }
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(Failure::Start(error))
        }
    }
}

/// Repeats what a node said before it failed. Whoever closed a stream does not want to know.
fn repeat(answer: &[u8], log: &Path, before: u64) {
    let mut said = Vec::new();
    if let Ok(mut file) = File::open(log)
        && file.seek(SeekFrom::Start(before)).is_ok()
    {
        let _ = file.take(MAX_LAST_WORDS).read_to_end(&mut said);
    }
    let _ = io::stderr().write_all(&said);
    let _ = io::stdout().write_all(answer);
}

/// In the node: leaves the terminal's session, so that its end is not the node's.
pub fn leave_session() {
    // It fails only where the process leads a session already.
    let _ = rustix::process::setsid();
}

/// In the node, once it is ready: lets the command return, and keeps the log within `most` bytes from now on.
pub fn tell_ready(log: PathBuf, most: u64) {
    // Nobody may be there any more to hear it.
    let _ = rustix::io::write(io::stdin(), b"r");
    let watch = move || {
        loop {
            trim(&log, most);
            std::thread::sleep(LOOK);
        }
    };
    let _ = std::thread::Builder::new().name("log".to_owned()).spawn(watch);
}

/// A log that is full becomes `….old`, and begins anew. One that cannot be written holds nobody up.
fn trim(log: &Path, most: u64) {
    if log.metadata().is_ok_and(|meta| meta.len() > most) {
        // The node goes on with the file that it has.
        let _ = std::fs::copy(log, log.with_extension("log.old"));
        let _ = OpenOptions::new().write(true).truncate(true).open(log);
    }
}

fn open(log: &Path) -> io::Result<File> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_a_bound_and_goes_on_in_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("p2p/node.log");
        let mut file = open(&log).unwrap();
        file.write_all(&[b'x'; 2000]).unwrap();
        trim(&log, 5000);
        assert_eq!(log.metadata().unwrap().len(), 2000);
        trim(&log, 1000);
        file.write_all(b"and on\n").unwrap();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "and on\n");
        assert_eq!(std::fs::metadata(log.with_extension("log.old")).unwrap().len(), 2000);
    }
}
