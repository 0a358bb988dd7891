//! What fuzzing does with each reader of this crate: hand it bytes, and hold what it accepts to its own promises.
//!
//! The targets in `tests/fuzz/` and the bounded runs in the tests call the same functions. Decides nothing; built for tests
//! alone. Invariant: a function panics only where a reader is wrong; files are beneath a directory of the moment.

#![allow(clippy::expect_used, reason = "a run without a place for its files ends")]

use std::io::Cursor;
use std::path::{Component, Path, PathBuf};

use ggen_core::fuzz::Target;
use ggen_core::limits::Limits;

use crate::archive::read::{Bounds, read_compressed, read_tar};
use crate::archive::{self, ArchiveError, inspect};
use crate::index::stream;
use crate::journal::Journal;
use crate::trust_log;

/// Every target of this crate, by the name that it has in `tests/fuzz/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("archive", archive),
    ("tar", tar),
    ("ggen_file", ggen_file),
    ("index", index),
    ("trust_log", log),
    ("journal", journal),
];

/// Small enough that a reader which does not heed them is noticed.
fn limits() -> Limits {
    Limits { max_files: 64, max_unpacked: 1 << 20, max_archive: 1 << 20, ..Limits::default() }
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory of the moment")
}

fn written(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).expect("a file of the moment");
    path
}

/// An archive as a peer would send it: unpacked, and nothing outside its directory.
pub fn archive(bytes: &[u8]) {
    let dir = scratch();
    let (path, into) = (written(dir.path(), "archive", bytes), dir.path().join("into"));
    std::fs::create_dir(&into).expect("a directory of the moment");
    let unpacked = archive::unpack(&path, &into, None, &limits());
    let looked = read_compressed(Cursor::new(bytes), Bounds::new(None, &limits()), &mut inspect::Looker::default());
    match (&unpacked, &looked) {
        (Ok(unpacked), Ok(looked)) => assert_eq!(&unpacked.files, looked, "both readers see the same"),
        (Err(ArchiveError::Io { .. }), _) => {}
        (Err(one), Err(other)) => assert_eq!(one.code(), other.code(), "both readers refuse the same"),
        (one, other) => assert_eq!(one.is_ok(), other.is_ok(), "both readers agree: {one:?}, {other:?}"),
    }
    let mut around: Vec<_> =
        std::fs::read_dir(dir.path()).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    around.sort();
    assert_eq!(around, ["archive", "into"], "nothing is written outside");
    if let Ok(unpacked) = unpacked {
        assert!(unpacked.files.unpacked_size() <= limits().max_unpacked && unpacked.files.files().len() <= 64);
    }
}

/// The inside of one, without the compression that hides most mutations.
pub fn tar(bytes: &[u8]) {
    let mut sink = inspect::Looker::default();
    if let Ok(files) = read_tar(bytes, Bounds::new(None, &limits()), &mut sink) {
        assert!(files.unpacked_size() <= bytes.len() as u64);
    }
}

/// A `.ggen` file, or whatever else `inspect` is given.
pub fn ggen_file(bytes: &[u8]) {
    let dir = scratch();
    let path = written(dir.path(), "file", bytes);
    let looked = archive::inspect(&path, &limits());
    assert_eq!(looked.accepted, looked.reasons.is_empty(), "what is refused has a reason");
    assert!(looked.files.len() <= 64 && looked.unpacked_size <= limits().max_unpacked);
}

/// `index.json`.
pub fn index(bytes: &[u8]) {
    let mut packages = 0usize;
    let _ = stream::read::<()>(bytes, &mut |_, entry| {
        packages += 1;
        assert!(entry.versions.len() <= bytes.len(), "nothing is made up");
        Ok(())
    });
    assert!(packages <= bytes.len());
}

/// `trust.log`.
pub fn log(bytes: &[u8]) {
    let dir = scratch();
    let path = written(dir.path(), "trust.log", bytes);
    let mut read = Vec::new();
    let length = trust_log::replay(&path, 0, &mut |record| {
        read.push(record);
        Ok(())
    });
    assert_eq!(length.ok(), Some(bytes.len() as u64), "a log is read to its end");
    // What is appended to whatever is there is read again, after what could be read before.
    let before = read.clone();
    let last = before.last().cloned();
    if let Some(last) = last {
        assert!(trust_log::append(&path, std::slice::from_ref(&last)).is_ok());
        read.clear();
        let _ = trust_log::replay(&path, 0, &mut |record| {
            read.push(record);
            Ok(())
        });
        assert_eq!(read.last(), Some(&last));
        assert!(read.len() > before.len(), "nothing of what was there is lost");
    }
}

/// The journal of an interrupted transaction.
pub fn journal(bytes: &[u8]) {
    let dir = scratch();
    written(dir.path(), "journal", bytes);
    if let Ok(Some(journal)) = Journal::read(dir.path()) {
        let journal = serde_json::to_value(&journal).unwrap_or_default();
        let placed = journal.get("place").and_then(|place| place.as_array());
        for placed in placed.into_iter().flatten() {
            let staged = placed.get("staged").and_then(|staged| staged.as_str()).unwrap_or_default();
            let staged = Path::new(staged);
            let parts: Vec<_> = staged.components().collect();
            assert!(matches!(parts.as_slice(), [Component::Normal(_)]), "outside its transaction: {staged:?}");
        }
    }
}
