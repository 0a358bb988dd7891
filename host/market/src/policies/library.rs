//! The home's `plugins/`: installed policies by name.
//!
//! ```text
//! plugins/<digest>.wasm     a component, held to its digest whenever it is loaded
//! plugins/<name>.json       which digest a name stands for, and where it came from
//! plugins/<name>.wasm       put there by hand: read, never written
//! ```
//!
//! Decides what a name stands for; never whether a component fits. Invariant: a record is written after the bytes that it
//! names are on the disk, in one rename, so a name always stands for a whole component, the old one or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ggen_core::Digest;
use serde::{Deserialize, Serialize};

use crate::error::{MarketError, PluginError};

/// The most names that are listed.
const MAX_LISTED: usize = 1000;
/// A record, in bytes.
const MAX_RECORD: u64 = 64 * 1024;

/// Which component a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What the policy calls itself.
    pub name: String,
    /// Its version, by its own word.
    pub version: String,
    /// SHA-256 of the component, lowercase hexadecimal.
    pub digest: String,
    /// Where it came from: `file`, or `package NAME VERSION PUBLISHER`.
    pub origin: String,
}

/// Whether a name can be a policy's here: it becomes a file's name.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

pub(crate) fn component_path(folder: &Path, digest: &str) -> PathBuf {
    folder.join(format!("{digest}.wasm"))
}

fn record_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

/// The file of an installed policy.
pub(crate) fn installed_file(folder: &Path, name: &str) -> Option<PathBuf> {
    if !is_plain(name) {
        return None;
    }
    let recorded = match record(folder, name) {
        Ok(Some(record)) => Some(component_path(folder, &record.digest)),
        // A name whose record is damaged stands for nothing: not for another file that happens to be there.
        Err(_) => return None,
        Ok(None) => None,
    };
    recorded.or_else(|| by_hand(folder, name)).filter(|path| path.is_file())
}

/// `plugins/<name>.wasm`, where the name is no digest.
pub(crate) fn by_hand(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(format!("{name}.wasm"));
    (name.parse::<Digest>().is_err() && path.is_file()).then_some(path)
}

/// The record of a name, if it has one.
pub(crate) fn record(folder: &Path, name: &str) -> Result<Option<Record>, MarketError> {
    use std::io::Read;
    let path = record_path(folder, name);
    let failed = |source| MarketError::Io { path: path.clone(), action: "read", source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = Vec::new();
    file.take(MAX_RECORD).read_to_end(&mut text).map_err(failed)?;
    let wrong = |problem: String| PluginError::Record { path: path.clone(), problem };
    let record: Record = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
    if record.name != name {
        return Err(wrong(format!("it is about {:?}", record.name)).into());
    }
    if record.digest.parse::<Digest>().is_err() {
        return Err(wrong("its digest is none".to_owned()).into());
    }
    Ok(Some(record))
}

/// Every installed policy: its name and its component's file. A home without the folder has none.
pub(crate) fn installed(folder: &Path) -> Result<Vec<(String, PathBuf)>, MarketError> {
    let failed = |source| MarketError::Io { path: folder.to_owned(), action: "read", source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names: Vec<String> = Vec::new();
    for entry in entries.take(2 * MAX_LISTED) {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json").or_else(|| name.strip_suffix(".wasm")));
        names.extend(name.filter(|name| is_plain(name) && name.parse::<Digest>().is_err()).map(str::to_owned));
    }
    names.sort();
    names.dedup();
    names.truncate(MAX_LISTED);
    let mut found = Vec::new();
    for name in names {
        let path = match record(folder, &name)? {
            Some(record) => component_path(folder, &record.digest),
            None => folder.join(format!("{name}.wasm")),
        };
        found.push((name, path));
    }
    Ok(found)
}

/// Keeps a component under its digest. That it is there already is as good.
pub(crate) fn keep(folder: &Path, digest: &str, bytes: &[u8]) -> Result<(), MarketError> {
    write(&component_path(folder, digest), bytes, true).map(drop)
}

/// Makes a name stand for a component that is kept; false where it stands for one and `replace` is not wished.
pub(crate) fn point(folder: &Path, record: &Record, replace: bool) -> Result<bool, MarketError> {
    let text = serde_json::to_vec_pretty(record).map_err(|e| MarketError::Internal(e.to_string()))?;
    write(&record_path(folder, &record.name), &text, replace)
}

/// Makes a name stand for nothing.
pub(crate) fn forget(folder: &Path, name: &str) -> Result<(), MarketError> {
    remove(&record_path(folder, name))?;
    if let Some(path) = by_hand(folder, name) {
        remove(&path)?;
    }
    sync(folder)
}

/// Removes a component that no name stands for.
pub(crate) fn drop_unused(folder: &Path, digest: &str) -> Result<(), MarketError> {
    let path = component_path(folder, digest);
    if installed(folder)?.iter().any(|(_, used)| *used == path) { Ok(()) } else { remove(&path) }
}

fn remove(path: &Path) -> Result<(), MarketError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(MarketError::Io { path: path.to_owned(), action: "removed", source: error })
        }
        _ => Ok(()),
    }
}

/// Writes a file wholly and durably; false where one is there that may not be replaced.
fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<bool, MarketError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let attempt = || {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        if replace {
            return file.persist(path).map(|_| true).map_err(|e| e.error);
        }
        match file.persist_noclobber(path) {
            Ok(_) => Ok(true),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e.error),
        }
    };
    let written = attempt().map_err(|source| MarketError::Io { path: path.to_owned(), action: "written", source })?;
    sync(folder)?;
    Ok(written)
}

fn sync(folder: &Path) -> Result<(), MarketError> {
    let failed = |source| MarketError::Io { path: folder.to_owned(), action: "written", source };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record_of(name: &str, digest: char) -> Record {
        Record {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            digest: digest.to_string().repeat(64),
            origin: "file".to_owned(),
        }
    }

    #[test]
    fn a_name_stands_for_one_component_until_it_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("plugins");
        let (first, second) = (record_of("own", 'a'), record_of("own", 'b'));
        for record in [&first, &second] {
            keep(&folder, &record.digest, b"x").unwrap();
        }
        assert!(installed_file(&folder, "own").is_none(), "bytes alone are no installed policy");
        assert!(point(&folder, &first, false).unwrap());
        assert!(!point(&folder, &second, false).unwrap());
        assert_eq!(installed_file(&folder, "own"), Some(component_path(&folder, &first.digest)));
        assert!(point(&folder, &second, true).unwrap());
        assert_eq!(record(&folder, "own").unwrap(), Some(second.clone()));
        drop_unused(&folder, &first.digest).unwrap();
        drop_unused(&folder, &second.digest).unwrap();
        assert!(!component_path(&folder, &first.digest).exists() && component_path(&folder, &second.digest).exists());
        forget(&folder, "own").unwrap();
        assert!(installed(&folder).unwrap().is_empty());
    }

    #[test]
    fn what_was_put_there_by_hand_is_read_and_a_damaged_record_stands_for_nothing() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        fs::write(folder.join("own.wasm"), b"x").unwrap();
        fs::write(folder.join(format!("{}.wasm", "a".repeat(64))), b"x").unwrap();
        assert_eq!(installed(folder).unwrap(), [("own".to_owned(), folder.join("own.wasm"))]);
        assert!(installed_file(folder, "own").is_some());
        for name in ["", ".own", "../own", "a/b", &"a".repeat(64), &"n".repeat(101)] {
            assert!(installed_file(folder, name).is_none(), "{name:?}");
        }
        for text in ["{", r#"{"name":"other","version":"1","digest":"aa","origin":"file"}"#] {
            fs::write(folder.join("own.json"), text).unwrap();
            assert!(installed_file(folder, "own").is_none(), "{text}");
            assert!(matches!(record(folder, "own"), Err(MarketError::Plugin(PluginError::Record { .. }))), "{text}");
        }
    }
}
