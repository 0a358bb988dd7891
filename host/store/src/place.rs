//! Where a home is: whose it is, and on what kind of file system.
//!
//! Decides what is refused before anything is touched (a home of another user), and what is told (a network file
//! system). Never writes. Invariant: a home that is not this user's is left as it is.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{StoreError, at};

/// File systems that other machines share, by the number that `statfs` tells. Plan 9's is not among them: virtual
/// machines use it for the disk of their one host.
const NETWORK: [(u64, &str); 12] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFE53_4D42, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
];

/// Refuses a home of another user: what is written there would be theirs to change, or no longer theirs to use.
pub(crate) fn check_owner(home: &Path) -> Result<(), StoreError> {
    let owner = match std::fs::metadata(home) {
        Ok(about) => about.uid(),
        // Made by the next step, or refused there.
        Err(_) => return Ok(()),
    };
    let me = rustix::process::geteuid().as_raw();
    if owner == me { Ok(()) } else { Err(StoreError::NotOwned { path: home.to_owned(), owner, me }) }
}

/// The name of the network file system that a home is on; none on a disk of this machine.
pub(crate) fn network_file_system(home: &Path) -> Result<Option<&'static str>, StoreError> {
    let found = rustix::fs::statfs(home).map_err(|e| at("look at", home)(e.into()))?;
    // The field's width is the system's; the numbers have 32 bits.
    Ok(name_of(found.f_type as u64 & 0xFFFF_FFFF))
}

fn name_of(kind: u64) -> Option<&'static str> {
    NETWORK.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_names_and_disks_are_not_among_them() {
        assert_eq!((name_of(0x6969), name_of(0xFF53_4D42)), (Some("NFS"), Some("CIFS")));
        // ext4, btrfs, xfs, tmpfs, overlayfs
        for disk in [0xEF53, 0x9123_683E, 0x5846_5342, 0x0102_1994, 0x794C_7630] {
            assert_eq!(name_of(disk), None);
        }
        let dir = tempfile::tempdir().unwrap();
        network_file_system(dir.path()).unwrap();
        check_owner(dir.path()).unwrap();
        check_owner(&dir.path().join("not-there")).unwrap();
    }
}
