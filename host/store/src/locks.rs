//! Locks between processes: who waits for whom.
//!
//! Package locks are taken in the order of names, so that two installs can never wait for each other; beside them every
//! install holds the clean-up lock shared, and clean-up holds it alone. Invariant: a lock file is never unlinked, and the
//! kernel drops a lock with its process, so there are no stale locks.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use fs2::FileExt;
use ggen_core::limits::Limits;

use crate::error::{StoreError, at};
use crate::holders::{self, LockHolder, my_command};

/// How often a lock is looked at within one try.
const GLANCE: Duration = Duration::from_millis(20);

/// A lock, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Alone or with others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Shared,
    Exclusive,
}

fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(at("open the lock", path))
}

fn try_file(file: &File, kind: Kind) -> io::Result<bool> {
    let result = match kind {
        Kind::Shared => FileExt::try_lock_shared(file),
        Kind::Exclusive => FileExt::try_lock_exclusive(file),
    };
    match result {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(e) => Err(e),
    }
}

/// The lock, if nobody else holds it.
pub(crate) fn try_lock(path: &Path, kind: Kind) -> Result<Option<Lock>, StoreError> {
    let file = open(path)?;
    let held = try_file(&file, kind).map_err(at("lock", path))?;
    Ok(held.then_some(Lock { _file: file }))
}

/// Whether nobody holds a lock, or it is gone. It is not made: in a directory that its owner removes at this moment it
/// would be left behind.
pub(crate) fn is_free(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => try_file(&file, Kind::Exclusive).unwrap_or(false),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Who holds a lock that could not be taken now; none where nobody does. Writes nothing.
pub(crate) fn look(path: &Path, kind: Kind) -> Result<Option<Option<LockHolder>>, StoreError> {
    let file = File::open(path).map_err(at("open the lock", path))?;
    if try_file(&file, kind).map_err(at("lock", path))? {
        return Ok(None);
    }
    let holder = holders::holder(&file, "", holders::signed(&file));
    Ok(Some(Some(holder).filter(|holder| holder.pid != 0)))
}

/// Waits `lock_tries` times `lock_retry` for a lock on `path`; `waiting` hears of each try that ended in vain.
pub(crate) fn wait(
    path: &Path,
    kind: Kind,
    what: &str,
    limits: &Limits,
    waiting: &mut dyn FnMut(&LockHolder),
) -> Result<Lock, StoreError> {
    let mut file = open(path)?;
    let began = Instant::now();
    let mut told = 0;
    loop {
        if try_file(&file, kind).map_err(at("lock", path))? {
            if kind == Kind::Exclusive {
                // A lock whose holder cannot be read is a lock all the same.
                let _ = sign(&mut file, what);
            }
            return Ok(Lock { _file: file });
        }
        let waited = began.elapsed();
        if waited >= limits.lock_retry.saturating_mul(told) {
            if told >= limits.lock_tries {
                let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                let holder = holders::holder(&file, what, holders::signed(&file));
                return Err(StoreError::LockTimeout { what: what.to_owned(), holder, waited });
            }
            // The first glances are not worth a word: most locks are held for milliseconds.
            if waited >= Duration::from_millis(200).min(limits.lock_retry) {
                waiting(&holders::holder(&file, what, holders::signed(&file)));
                told = told.saturating_add(1);
            }
        }
        std::thread::sleep(GLANCE.min(limits.lock_retry));
    }
}

fn sign(file: &mut File, what: &str) -> io::Result<()> {
    let me =
        LockHolder { pid: std::process::id(), command: my_command(), since: crate::fsio::now(), what: what.to_owned() };
    let text = serde_json::to_vec(&me).unwrap_or_default();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_names_the_holder_and_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let limits = Limits { lock_retry: Duration::from_millis(10), lock_tries: 2, ..Limits::default() };
        let held = wait(&path, Kind::Exclusive, "a", &limits, &mut |_| ()).unwrap();
        let mut heard = 0;
        let error = wait(&path, Kind::Exclusive, "a", &limits, &mut |h| {
            assert_eq!(h.pid, std::process::id());
            heard += 1;
        })
        .unwrap_err();
        assert!(matches!(error, StoreError::LockTimeout { holder, .. } if holder.pid == std::process::id()));
        assert_eq!(heard, 2);
        drop(held);
        assert!(path.exists());
        wait(&path, Kind::Exclusive, "a", &limits, &mut |_| ()).unwrap();
    }

    #[test]
    fn shared_ones_go_together() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let _one = try_lock(&path, Kind::Shared).unwrap().unwrap();
        let _two = try_lock(&path, Kind::Shared).unwrap().unwrap();
        assert!(try_lock(&path, Kind::Exclusive).unwrap().is_none());
    }
}
