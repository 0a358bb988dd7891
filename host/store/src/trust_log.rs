//! `trust.log`: what must outlive a lost database.
//!
//! Bindings of names, the highest head and the latest roots seen, and which lockfiles there are, one JSON object a line,
//! only ever appended. Decides how a line is written and read; never what is trusted. Invariant: what the database believes about trust was in this file
//! first, durably; a line that a power cut tore is skipped.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ggen_core::{Digest, PackageName, PublisherId};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, at};
use crate::fsio;

/// The longest line, in bytes.
const MAX_LINE: u64 = 4096;

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Record {
    /// A name belongs to a publisher here.
    Bind { name: PackageName, publisher: PublisherId, how: String, at: u64 },
    /// It no longer does.
    Unbind { name: PackageName, at: u64 },
    /// The highest head seen.
    Mark { publisher: PublisherId, name: PackageName, sequence: u64, digest: Digest },
    /// Two heads of one sequence were seen.
    Equivocated { publisher: PublisherId, name: PackageName },
    /// The latest roots seen: what they revoke stays revoked.
    Roots { publisher: PublisherId, version: u64, digest: Digest },
    /// A lockfile whose archives are kept.
    Project { path: String },
}

/// Appends durably and says how long the file is then. The caller holds the database's writer lock, so that nobody else
/// appends.
pub(crate) fn append(path: &Path, records: &[Record]) -> Result<u64, StoreError> {
    let new = !path.exists();
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(at("open", path))?;
    let length = append_to(&mut file, records).map_err(at("write", path))?;
    if new && let Some(home) = path.parent() {
        fsio::sync_dir(home)?;
    }
    Ok(length)
}

fn append_to(file: &mut File, records: &[Record]) -> io::Result<u64> {
    let mut text = Vec::new();
    let length = file.seek(SeekFrom::End(0))?;
    if length > 0 {
        // A torn line is ended, so that it does not take the next one with it.
        let mut last = [0; 1];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push(b'\n');
        }
    }
    for record in records {
        serde_json::to_writer(&mut text, record)?;
        text.push(b'\n');
    }
    file.write_all(&text)?;
    file.sync_data()?;
    Ok(length.saturating_add(text.len() as u64))
}

/// How long the file is; 0 where there is none.
pub(crate) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.len())
}

/// Hands each line from byte `from` on to `each`, in order; says how long the file is.
pub(crate) fn replay(
    path: &Path,
    from: u64,
    each: &mut dyn FnMut(Record) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(StoreError::io("read", path, e)),
    };
    let length = file.metadata().map_err(at("read", path))?.len();
    // A file that is shorter than what was read of it has been put back by somebody: all of it is new.
    let from = if from > length { 0 } else { from };
    file.seek(SeekFrom::Start(from)).map_err(at("read", path))?;
    let mut reader = BufReader::new(file.take(length - from));
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(at("read", path))?;
        if count == 0 {
            return Ok(length);
        }
        if let Ok(record) = serde_json::from_slice(&line) {
            each(record)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(name: &str) -> Record {
        Record::Bind {
            name: name.parse().unwrap(),
            publisher: PublisherId(Digest::of(b"p")),
            how: "user".into(),
            at: 1,
        }
    }

    fn read(path: &Path, from: u64) -> Vec<Record> {
        let mut records = Vec::new();
        replay(path, from, &mut |r| {
            records.push(r);
            Ok(())
        })
        .unwrap();
        records
    }

    #[test]
    fn a_torn_line_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trust.log");
        assert_eq!(read(&path, 0), []);
        let first = append(&path, &[bind("a")]).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"kind\":\"bi").unwrap();
        let second = append(&path, &[bind("b")]).unwrap();
        assert_eq!(second, length(&path));
        assert_eq!(read(&path, 0), [bind("a"), bind("b")]);
        assert_eq!(read(&path, first), [bind("b")]);
        assert_eq!(read(&path, second), []);
        assert_eq!(read(&path, second + 100).len(), 2);
    }
}
