//! The lock of a control socket: one living node a home.
//!
//! Decides whether a node lives. Invariant: the lock file is never unlinked, so the kernel's word about it is the
//! truth; a dead node's lock is gone with it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// Held as long as it is not dropped.
#[derive(Debug)]
pub(super) struct NodeLock(#[expect(dead_code, reason = "the open file is the lock")] File);

fn path_of(socket: &Path) -> PathBuf {
    let mut name = socket.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    socket.with_file_name(name)
}

fn open(socket: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path_of(socket))
}

/// The lock, if no living node has it.
pub(super) async fn take(socket: &Path) -> io::Result<Option<NodeLock>> {
    let file = open(socket)?;
    // Whoever asks whether a node lives has the lock for that moment.
    for _ in 0..TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(NodeLock(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Whether a living node has it.
pub(super) fn is_held(socket: &Path) -> bool {
    let Ok(file) = OpenOptions::new().read(true).open(path_of(socket)) else { return false };
    matches!(flock(&file, FlockOperation::NonBlockingLockShared), Err(rustix::io::Errno::WOULDBLOCK))
}
