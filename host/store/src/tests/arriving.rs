//! Unpacking while an archive arrives.
//!
//! Decides nothing.

use std::time::{Duration, Instant};

use ggen_core::Digest;
use ggen_core::chunks::CHUNK_SIZE;
use ggen_core::release::SignedRelease;

use crate::testing::{Author, Home, commit_of, listing};
use crate::{ArchiveError, Partial, Staging, StoreError};

/// A release of six files that no compression makes smaller, with its archive.
fn release(home: &Home) -> (SignedRelease, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let mut state = 7u64;
    for name in ["a", "b", "c", "d", "e", "f"] {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as u8
        })
        .take(CHUNK_SIZE as usize)
        .collect();
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let release = Author::new(1).release(&home.store, "pkg", "1.0.0", dir.path());
    let bytes = std::fs::read(home.store.archive_path(&release.release.archive.digest)).unwrap();
    (release, bytes)
}

fn chunk(bytes: &[u8], index: u64) -> &[u8] {
    bytes.chunks(CHUNK_SIZE as usize).nth(index as usize).unwrap()
}

fn eventually(what: &str, mut ask: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !ask() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

type Unpacking = std::thread::JoinHandle<Result<crate::StagedPackage, StoreError>>;

fn follow(staging: &mut Staging, release: &SignedRelease, partial: &Partial) -> Unpacking {
    let (place, release, arriving) = (staging.place(), release.clone(), partial.arriving().unwrap());
    std::thread::spawn(move || place.unpack_arriving(&release, arriving))
}

#[test]
fn files_are_unpacked_while_the_rest_is_under_way() {
    let (from, home) = (Home::new(), Home::new());
    let (release, bytes) = release(&from);
    let archive = &release.release.archive;
    let mut partial = home.store.partial(archive).unwrap();
    let mut staging = home.store.stage().unwrap();
    let dir = staging.place().dir;
    let unpacking = follow(&mut staging, &release, &partial);
    let dir = dir.with_file_name("1");
    // The end is there first: nothing is read over a gap.
    let last = partial.missing().len() as u64 - 1;
    for index in (3..=last).chain([0, 1]) {
        partial.write_chunk(index, chunk(&bytes, index)).unwrap();
    }
    eventually("the first file is unpacked", || std::fs::metadata(dir.join("a")).is_ok_and(|m| m.len() == CHUNK_SIZE));
    assert!(!dir.join("c").exists() && !unpacking.is_finished());
    partial.write_chunk(2, chunk(&bytes, 2)).unwrap();
    partial.finish_hashed(Digest::of(&bytes)).unwrap();
    let staged = unpacking.join().unwrap().unwrap();
    let commit = commit_of(&release, staged.files.clone());
    staging.add(staged);
    let done = home.store.commit(staging, vec![commit], vec![], &mut |_: &crate::LockHolder| ()).unwrap();
    assert_eq!(listing(&done[0].path), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(home.store.verify(None).unwrap().damaged, []);
}

#[test]
fn a_download_that_breaks_off_ends_its_unpacker_and_what_is_resumed_is_proved_again() {
    let (from, home) = (Home::new(), Home::new());
    let (release, bytes) = release(&from);
    let archive = &release.release.archive;
    let mut partial = home.store.partial(archive).unwrap();
    let mut staging = home.store.stage().unwrap();
    let unpacking = follow(&mut staging, &release, &partial);
    partial.write_chunk(0, chunk(&bytes, 0)).unwrap();
    partial.write_chunk(1, chunk(&bytes, 1)).unwrap();
    drop(partial);
    assert!(matches!(unpacking.join().unwrap(), Err(StoreError::Io { .. })));

    // As after a power cut: the map knows of two chunks, the bytes of one never reached the disk.
    let mut partial = home.store.partial(archive).unwrap();
    assert_eq!(partial.missing()[0], 2);
    std::os::unix::fs::FileExt::write_all_at(partial.file(), &[0; 4096], CHUNK_SIZE).unwrap();
    let unpacking = follow(&mut staging, &release, &partial);
    partial.mark(0).unwrap();
    for index in 1..=partial.missing().len() as u64 + 1 {
        partial.write_chunk(index, chunk(&bytes, index)).unwrap();
    }
    partial.finish_hashed(Digest::of(&bytes)).unwrap();
    assert_eq!(unpacking.join().unwrap().unwrap().files.files().len(), 6);
}

#[test]
fn an_archive_that_is_none_is_told_while_it_arrives() {
    let (from, home) = (Home::new(), Home::new());
    let (mut release, bytes) = release(&from);
    release.release.archive.file_count = 2;
    let mut partial = home.store.partial(&release.release.archive).unwrap();
    let mut staging = home.store.stage().unwrap();
    let unpacking = follow(&mut staging, &release, &partial);
    for index in 0..4 {
        partial.write_chunk(index, chunk(&bytes, index)).unwrap();
    }
    let error = unpacking.join().unwrap().unwrap_err();
    let StoreError::Archive(ArchiveError::TooMuch { code, .. }) = error else { panic!("{error}") };
    assert_eq!(code, "more-than-declared");
}
