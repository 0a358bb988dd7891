//! Archives that somebody made to hurt.
//!
//! Decides nothing.

use std::io::Write;
use std::path::Path;

use ggen_core::limits::Limits;
use tar::{EntryType, Header};

use crate::archive::{self, Inspection};
use crate::testing::tree;

/// A canonical header, and then whatever `change` does to it.
fn entry(tar: &mut Vec<u8>, path: &str, bytes: &[u8], change: impl Fn(&mut Header)) {
    let mut header = Header::new_ustar();
    let name = path.as_bytes();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_device_major(0).unwrap();
    header.set_device_minor(0).unwrap();
    change(&mut header);
    let block = header.as_mut_bytes();
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(header.as_bytes());
    tar.extend_from_slice(bytes);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn one(path: &str, change: impl Fn(&mut Header)) -> Vec<u8> {
    let mut tar = Vec::new();
    entry(&mut tar, path, b"hello", change);
    end(tar)
}

fn end(mut tar: Vec<u8>) -> Vec<u8> {
    tar.extend_from_slice(&[0; 1024]);
    tar
}

fn look_with(bytes: &[u8], limits: &Limits) -> Inspection {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    archive::inspect(file.path(), limits)
}

fn code(bytes: &[u8]) -> &'static str {
    look_with(bytes, &Limits::default()).reasons.first().map_or("accepted", |r| r.code)
}

#[test]
fn a_canonical_tar_is_accepted_and_each_thing_beside_it_has_a_code() {
    assert_eq!(code(&one("a.txt", |_| ())), "accepted");
    let kind = |kind| move |h: &mut Header| h.set_entry_type(kind);
    let cases: [(&str, Vec<u8>); 20] = [
        ("link", one("a", kind(EntryType::Symlink))),
        ("link", one("a", kind(EntryType::Link))),
        ("device", one("a", kind(EntryType::Char))),
        ("device", one("a", kind(EntryType::Block))),
        ("device", one("a", kind(EntryType::Fifo))),
        ("pax", one("a", kind(EntryType::XHeader))),
        ("pax", one("a", kind(EntryType::XGlobalHeader))),
        ("gnu", one("a", kind(EntryType::GNULongName))),
        ("gnu", one("a", kind(EntryType::GNUSparse))),
        ("setuid", one("a", |h| h.set_mode(0o4755))),
        ("mode", one("a", |h| h.set_mode(0o777))),
        ("not-canonical", one("a", |h| h.set_uid(1000))),
        ("not-canonical", one("a", |h| h.set_mtime(1))),
        ("not-canonical", one("a", |h| h.set_username("root").unwrap())),
        ("path-traversal", one("../a", |_| ())),
        ("path-absolute", one("/a", |_| ())),
        ("path-drive", one("C:/a", |_| ())),
        ("path-reserved", one("con", |_| ())),
        ("not-ustar", one("a", |h| h.as_mut_bytes()[257..265].copy_from_slice(b"ustar  \0"))),
        ("bad-size", one("a", |h| h.as_mut_bytes()[124] = 0x80)),
    ];
    for (expected, bytes) in cases {
        assert_eq!(code(&bytes), expected);
    }
    let mut wrong_sum = one("a", |_| ());
    wrong_sum[0] = b'b';
    assert_eq!(code(&wrong_sum), "bad-checksum");
    let mut padded = one("a", |_| ());
    padded[512 + 100] = 1;
    assert_eq!(code(&padded), "padding");
}

#[test]
fn entries_that_would_be_one_file_are_refused() {
    let two = |a: &str, b: &str| {
        let mut tar = Vec::new();
        entry(&mut tar, a, b"1", |_| ());
        entry(&mut tar, b, b"2", |_| ());
        code(&end(tar))
    };
    assert_eq!(two("a", "a"), "path-duplicate");
    assert_eq!(two("A", "a"), "path-collision");
    assert_eq!(two("b", "a"), "order");
    assert_eq!(two("a", "a/b"), "path-duplicate");
    assert_eq!(two("a", "b"), "accepted");
}

#[test]
fn directories_are_accepted_where_they_are_canonical() {
    let mut tar = Vec::new();
    let directory = |h: &mut Header| {
        h.set_entry_type(EntryType::Directory);
        h.set_mode(0o755);
        h.set_size(0);
    };
    entry(&mut tar, "d/", b"", directory);
    entry(&mut tar, "d/a", b"1", |_| ());
    assert_eq!(code(&end(tar)), "accepted");
    let mut endless = Vec::new();
    for number in 0..2000 {
        entry(&mut endless, &format!("{number:08}/"), b"", directory);
    }
    let limits = Limits { max_files: 10, ..Limits::default() };
    assert_eq!(look_with(&end(endless), &limits).reasons[0].code, "too-many-files");
}

fn compressed(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 3).unwrap()
}

#[test]
fn streams_that_end_too_early_or_too_late_are_refused() {
    let tar = one("a", |_| ());
    let good = compressed(&tar);
    assert_eq!(code(&good), "accepted");
    assert_eq!(code(b""), "truncated");
    for length in [4, 9, good.len() / 2, good.len() - 1] {
        assert_eq!(code(&good[..length]), "truncated", "{length}");
    }
    assert_eq!(code(&tar[..tar.len() - 512]), "truncated");
    assert_eq!(code(&[&tar[..], &[0; 512]].concat()), "trailing-data");
    assert_eq!(code(&[&good[..], b"x"].concat()), "trailing-data");
    assert_eq!(code(&[&good[..], &good[..]].concat()), "concatenated");
    assert_eq!(code(&compressed(&[&tar[..], b"x"].concat())), "trailing-data");
    let mut wide = zstd::Encoder::new(Vec::new(), 3).unwrap();
    wide.window_log(24).unwrap();
    wide.write_all(&tar).unwrap();
    assert_eq!(code(&wide.finish().unwrap()), "window");
    assert_eq!(code(b"PK\x03\x04 and so on"), "truncated");
}

#[test]
fn a_bomb_is_refused_at_its_header() {
    let mut tar = Vec::new();
    entry(&mut tar, "bomb", &vec![0; 4 << 20], |_| ());
    let bomb = compressed(&end(tar));
    assert!(bomb.len() < 4096);
    let limits = Limits { max_unpacked: 1 << 20, ..Limits::default() };
    assert_eq!(look_with(&bomb, &limits).reasons[0].code, "bomb");
}

#[test]
fn more_or_other_than_was_signed_is_refused() {
    let limits = Limits::default();
    let packed = archive::pack(tree(&[("a", "1"), ("b", "2")]).path(), &limits).unwrap();
    let refusal = |change: &dyn Fn(&mut ggen_core::release::Archive)| {
        let (mut expected, into) = (packed.archive.clone(), tempfile::tempdir().unwrap());
        change(&mut expected);
        archive::unpack(packed.file.path(), into.path(), Some(&expected), &limits).unwrap_err().code()
    };
    assert_eq!(refusal(&|a| a.file_count = 1), "more-than-declared");
    assert_eq!(refusal(&|a| a.unpacked_size = 1), "more-than-declared");
    assert_eq!(refusal(&|a| a.file_count = 3), "file-count");
    assert_eq!(refusal(&|a| a.unpacked_size = 3), "unpacked-size");
    assert_eq!(refusal(&|a| a.files = a.digest), "file-list");
}

#[test]
fn nothing_is_written_through_a_link_that_is_in_the_way() {
    let (outside, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let packed = archive::pack(tree(&[("d/a", "1")]).path(), &Limits::default()).unwrap();
    std::os::unix::fs::symlink(outside.path(), into.path().join("d")).unwrap();
    assert!(archive::unpack(packed.file.path(), into.path(), None, &Limits::default()).is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn mutations_of_an_archive_never_panic_and_never_change_what_is_accepted() {
    let files = [("a.txt", "some text"), ("b/c", "more"), ("b/d.sh", "x")];
    let packed = archive::pack(tree(&files).path(), &Limits::default()).unwrap();
    let good = std::fs::read(packed.file.path()).unwrap();
    let tar = zstd::decode_all(&good[..]).unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % bound
    };
    let mut scratch = tempfile::NamedTempFile::new().unwrap();
    let mut look = |bytes: &[u8]| {
        scratch.as_file_mut().set_len(0).unwrap();
        std::os::unix::fs::FileExt::write_all_at(scratch.as_file(), bytes, 0).unwrap();
        archive::inspect(scratch.path(), &Limits::default())
    };
    for round in 0..3000 {
        let source: &[u8] = if round % 2 == 0 { &good } else { &tar };
        let mut bytes = source.to_vec();
        for _ in 0..=next(3) {
            match next(4) {
                0 => {
                    let at = next(bytes.len());
                    bytes[at] ^= 1 << next(8);
                }
                1 => bytes.truncate(next(bytes.len()).max(1)),
                2 => {
                    let at = next(bytes.len());
                    bytes[at] = b"\0\x01/.\xff07"[next(7)];
                }
                _ => {
                    let (from, to) = (next(bytes.len()), next(bytes.len()));
                    let part = bytes[from.min(to)..from.max(to)].to_vec();
                    bytes.extend_from_slice(&part);
                }
            }
        }
        let looked = look(&bytes);
        if looked.accepted && round % 2 == 1 {
            // The form is canonical: what is accepted differs in contents alone.
            let paths: Vec<_> = looked.files.iter().map(|f| f.path.as_str()).collect();
            assert!(paths.windows(2).all(|p| p[0] < p[1]), "round {round}: {paths:?}");
        }
    }
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    for path in [pipe.as_path(), dir.path(), Path::new("/nonexistent")] {
        assert_eq!(archive::inspect(path, &Limits::default()).reasons[0].code, "io");
    }
}
