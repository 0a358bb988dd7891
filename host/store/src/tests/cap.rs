//! The store's cap, and a look at homes that no command can open.
//!
//! Decides nothing.

use std::path::Path;
use std::time::{Duration, SystemTime};

use ggen_core::limits::Limits;

use crate::testing::{Author, Home, install, limits};
use crate::{Condition, LayoutFound, Store, examine, fsio};

/// Makes an archive look as if it was last used so many hours ago.
fn age(store: &Store, digest: &ggen_core::Digest, hours: u64) {
    let file = std::fs::File::open(store.archive_path(digest)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
}

#[test]
fn beyond_its_cap_the_store_gives_up_what_was_used_longest_ago_and_nothing_that_is_needed() {
    let (publisher, home, mut author) = (Home::new(), Home::new(), Author::new(1));
    let releases: Vec<_> = ["a", "b", "c", "d", "e"].map(|n| author.publish(&publisher.store, n, "1.0.0")).into();
    for (release, hours) in releases.iter().zip([50, 40, 30, 20, 0]) {
        let archive = &release.release.archive;
        home.store.import_archive(&publisher.store.archive_path(&archive.digest), archive).unwrap();
        age(&home.store, &archive.digest, hours);
    }
    let digest = |at: usize| releases[at].release.archive.digest;
    // The oldest is installed, the next in a project's lockfile.
    install(&home.store, &[&releases[0]]).unwrap();
    age(&home.store, &digest(0), 60);
    let project = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("ggen.lock"), format!("digest = \"{}\"", digest(1))).unwrap();
    home.store.register_project(project.path()).unwrap();
    let size = std::fs::metadata(home.store.archive_path(&digest(0))).unwrap().len();
    let held = |store: &Store| (0..5).filter(|at| store.has_archive(&digest(*at))).collect::<Vec<_>>();
    let with = |max_store: u64| Store::open(home.path(), &Limits { max_store, ..limits() }).unwrap();

    assert_eq!(with(u64::MAX).keep_within_cap(fsio::now()).unwrap().removed, [""; 0]);
    let dry = with(4 * size + size / 2).clean(true, fsio::now(), &mut |_| ()).unwrap();
    assert_eq!((dry.removed.len(), held(&home.store).len()), (1, 5), "{dry:?}");
    let done = with(4 * size + size / 2).keep_within_cap(fsio::now()).unwrap();
    assert_eq!((done.removed, held(&home.store)), (dry.removed, vec![0, 1, 3, 4]));
    // However little is allowed: what is needed, and what came just now, stays.
    with(0).clean(false, fsio::now(), &mut |_| ()).unwrap();
    assert_eq!(held(&home.store), [0, 1, 4]);
    assert!(home.store.verify(None).unwrap().damaged.is_empty());
}

#[test]
fn nobody_evicts_what_another_command_may_be_about_to_use() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "a", "1.0.0");
    age(&home.store, &release.release.archive.digest, 5);
    let store = Store::open(home.path(), &Limits { max_store: 0, ..limits() }).unwrap();
    let _install = store.lock_clean(crate::locks::Kind::Shared, &mut |_| ()).unwrap();
    assert_eq!(store.keep_within_cap(fsio::now()).unwrap().removed, [""; 0]);
}

fn everything(dir: &Path) -> Vec<(String, u64)> {
    let size = |name: &String| std::fs::metadata(dir.join(name)).unwrap().len();
    crate::testing::listing(dir).into_iter().map(|name| (name.clone(), size(&name))).collect()
}

#[test]
fn a_look_at_a_home_tells_what_is_wrong_and_changes_nothing() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "a", "1.0.0");
    install(&home.store, &[&release]).unwrap();
    home.store.export_index().unwrap();
    let found = examine(home.path());
    assert_eq!(
        (&found.layout, &found.database, &found.index),
        (&LayoutFound::Known, &Condition::Whole, &Condition::Whole)
    );
    assert_eq!((found.indexed, found.archives, found.locks.len(), found.read_only), (1, 1, 0, false));

    let _held = crate::locks::wait(
        &home.path().join("packages/.locks/a"),
        crate::locks::Kind::Exclusive,
        "a",
        &limits(),
        &mut |_| (),
    );
    let found = examine(home.path());
    assert_eq!(found.locks.len(), 1);
    assert_eq!(found.locks[0].holder.as_ref().map(|h| h.pid), Some(std::process::id()));

    drop(home.store.clone());
    std::fs::write(home.path().join("registry/index.json"), "{\"version\":\"1\",\"packages\":{\"a\":").unwrap();
    let before = everything(home.path());
    let found = examine(home.path());
    assert!(matches!(found.index, Condition::Broken(_)), "{found:?}");
    assert_eq!(everything(home.path()), before);

    // Another layout is told, and what lies under it is not interpreted.
    std::fs::write(home.path().join("VERSION"), "9\n").unwrap();
    let before = everything(home.path());
    let found = examine(home.path());
    assert_eq!((&found.layout, &found.index), (&LayoutFound::Other("9".to_owned()), &Condition::Missing));
    assert_eq!(everything(home.path()), before);

    let gone = examine(&home.path().join("nowhere"));
    assert!(!gone.exists && !home.path().join("nowhere").exists());
    assert!(examine(&home.path().join("VERSION")).unusable.is_some());
}

#[test]
fn a_damaged_database_is_told_and_left_to_the_command_that_rebuilds_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path(), &limits()).unwrap());
    let path = dir.path().join("state.db");
    std::fs::write(&path, b"this is no database, and never was one").unwrap();
    for side in ["state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(side));
    }
    assert!(matches!(examine(dir.path()).database, Condition::Broken(_)), "{:?}", examine(dir.path()));
    assert!(std::fs::read(&path).unwrap().starts_with(b"this is no"));
    drop(Store::open(dir.path(), &limits()).unwrap());
    assert_eq!(examine(dir.path()).database, Condition::Whole);
}
