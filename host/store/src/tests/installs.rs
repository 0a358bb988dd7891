//! Installing, removing, and many at once.
//!
//! Decides nothing.

use std::sync::{Arc, Barrier};

use crate::testing::{Author, Home, commit_of, install, limits, listing};
use crate::{Attend, How, LockHolder, Store, StoreError};

#[test]
fn an_install_is_there_and_another_version_replaces_it() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let (one, two) = (author.publish(&home.store, "pkg", "1.0.0"), author.publish(&home.store, "pkg", "1.1.0"));
    let done = install(&home.store, &[&one]).unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].path, home.path().join("packages/pkg/1.0.0"));
    assert_eq!(listing(&done[0].path), ["bin/run.sh", "data/x.ttl", "package.toml"]);
    install(&home.store, &[&two]).unwrap();
    let installed = home.again().installed().unwrap();
    assert_eq!((installed.len(), installed[0].version.to_string()), (1, "1.1.0".to_owned()));
    assert!(!home.path().join("packages/pkg/1.0.0").exists());
    assert_eq!(home.store.verify(None).unwrap().damaged, []);
    let removed = home.store.remove(&["pkg".parse().unwrap()], &mut |_| ()).unwrap();
    assert_eq!(removed[0].version.to_string(), "1.1.0");
    assert!(home.store.installed().unwrap().is_empty() && !home.path().join("packages/pkg").exists());
    assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
    assert!(home.store.has_archive(&two.release.archive.digest));
}

#[test]
fn what_is_there_is_not_put_there_again_but_becomes_direct() {
    use std::os::unix::fs::MetadataExt;
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "pkg", "1.0.0");
    let mut staging = home.store.stage().unwrap();
    let files = staging.unpack(&release).unwrap().files;
    let mut commit = commit_of(&release, files.clone());
    (commit.direct, commit.requested_by) = (false, vec!["app".into()]);
    home.store.commit(staging, vec![commit], vec![], &mut |_: &LockHolder| ()).unwrap();
    let inode = std::fs::metadata(home.path().join("packages/pkg/1.0.0")).unwrap().ino();
    // Without staging anything: it is there.
    let staging = home.store.stage().unwrap();
    let done = home.store.commit(staging, vec![commit_of(&release, files)], vec![], &mut |_: &LockHolder| ()).unwrap();
    assert!(done[0].direct && done[0].requested_by == ["app"]);
    assert_eq!(std::fs::metadata(&done[0].path).unwrap().ino(), inode);
    assert_eq!(home.store.verify(None).unwrap().damaged, []);
}

#[test]
fn an_install_that_is_refused_changes_nothing() {
    let (home, mut author, other) = (Home::new(), Author::new(1), Author::new(2));
    let one = author.publish(&home.store, "pkg", "1.0.0");
    home.store.bind(&"pkg".parse().unwrap(), other.id, How::User, 1).unwrap();
    let mut staging = home.store.stage().unwrap();
    let files = staging.unpack(&one).unwrap().files;
    let bind = vec![("pkg".parse().unwrap(), author.id, How::FirstUse)];
    let error = home.store.commit(staging, vec![commit_of(&one, files)], bind, &mut |_: &LockHolder| ()).unwrap_err();
    assert!(matches!(error, StoreError::BoundToOther { bound, .. } if bound == other.id));
    assert!(home.store.installed().unwrap().is_empty() && !home.path().join("packages/pkg").exists());
    let missing = home.store.remove(&["nothing".parse().unwrap()], &mut |_| ());
    assert!(matches!(missing, Err(StoreError::NotInstalled { .. })));
    std::fs::remove_file(home.store.archive_path(&one.release.archive.digest)).unwrap();
    assert!(matches!(install(&home.store, &[&one]), Err(StoreError::ArchiveMissing { .. })));
    assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_flipped_byte_in_the_store_is_found_and_moved_away() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "pkg", "1.0.0");
    let digest = release.release.archive.digest;
    let path = home.store.archive_path(&digest);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(install(&home.store, &[&release]), Err(StoreError::ArchiveDamaged { .. })));
    assert!(!home.store.has_archive(&digest) && !home.path().join("packages/pkg").exists());
}

#[test]
fn many_at_once_lose_nothing_and_put_nothing_there_twice() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let releases: Vec<_> = (0..4).map(|n| author.publish(&home.store, &format!("pkg-{n}"), "1.0.0")).collect();
    let releases = Arc::new(releases);
    let barrier = Arc::new(Barrier::new(12));
    let threads: Vec<_> = (0..12)
        .map(|n| {
            let (releases, barrier, path) = (Arc::clone(&releases), Arc::clone(&barrier), home.path().to_owned());
            std::thread::spawn(move || {
                barrier.wait();
                // As another process would: its own connection and locks.
                let store = Store::open(&path, &limits()).unwrap();
                let (a, b) = (&releases[n % 4], &releases[(n + 1) % 4]);
                install(&store, &[a, b]).unwrap();
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let installed = home.store.installed().unwrap();
    assert_eq!(installed.len(), 4);
    assert_eq!(home.store.verify(None).unwrap().damaged, []);
    assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
    assert_eq!(listing(&home.path().join("packages")).iter().filter(|p| !p.starts_with('.')).count(), 12);
}

#[test]
fn a_first_start_by_many_makes_one_home() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("home");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                let store = Store::open(&path, &limits()).unwrap();
                (store.installed().unwrap().len(), store.notices().len())
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), (0, 0));
    }
}

#[test]
fn a_commit_that_is_not_wanted_any_more_changes_nothing() {
    struct Gone;
    impl Attend for Gone {
        fn waiting(&mut self, _: &LockHolder) {}
        fn may_commit(&mut self) -> bool {
            false
        }
    }
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "pkg", "1.0.0");
    let mut staging = home.store.stage().unwrap();
    let files = staging.unpack(&release).unwrap().files;
    let error = home.store.commit(staging, vec![commit_of(&release, files)], vec![], &mut Gone).unwrap_err();
    assert!(matches!(error, StoreError::Stopped));
    assert!(home.store.installed().unwrap().is_empty() && !home.path().join("packages/pkg").exists());
    assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
    install(&home.store, &[&release]).unwrap();
}
