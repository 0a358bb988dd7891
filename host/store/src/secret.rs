//! Secrets that the user keeps in files of his own: read, never written.
//!
//! Decides what is refused: a file that others could read is no secret any more. Invariant: what is looked at is what is
//! read, whoever exchanges the file meanwhile.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// The text of a regular file of at most `limit` bytes that nobody but this user can read. An error is a clause for people.
pub fn read_secret(path: &Path, limit: u64) -> Result<String, String> {
    // A pipe would be waited for.
    let open = OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32).open(path);
    let file = open.map_err(|e| format!("it cannot be read: {e}"))?;
    let about = file.metadata().map_err(|e| format!("it cannot be looked at: {e}"))?;
    if !about.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("it belongs to another user (number {})", about.uid()));
    }
    if about.mode() & 0o077 != 0 {
        return Err(format!("others can read or write it: its mode is {:03o}", about.mode() & 0o777));
    }
    let mut text = String::new();
    file.take(limit.saturating_add(1)).read_to_string(&mut text).map_err(|e| format!("it cannot be read: {e}"))?;
    if text.len() as u64 > limit {
        return Err(format!("it is longer than {limit} bytes"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("swarm.key");
        assert!(read_secret(&path, 10).unwrap_err().contains("cannot be read"));
        std::fs::write(&path, "secret\n").unwrap();
        for (mode, problem) in [(0o644, "mode is 644"), (0o620, "mode is 620"), (0o604, "mode is 604")] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(read_secret(&path, 10).unwrap_err().contains(problem), "{mode:o}");
        }
        for mode in [0o600, 0o400] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_secret(&path, 10).unwrap(), "secret\n");
        }
        assert!(read_secret(&path, 6).unwrap_err().contains("longer than 6 bytes"));
        assert!(read_secret(folder.path(), 10).unwrap_err().contains("no regular file"));
    }
}
