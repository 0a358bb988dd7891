//! Packing, unpacking and `.ggen` files of honest packages.
//!
//! Decides nothing.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use ggen_core::chunks::{CHUNK_SIZE, ChunkList};
use ggen_core::limits::Limits;

use crate::archive::{self, Inspected};
use crate::testing::{Author, Home, listing, tree};

fn paths(packed: &archive::Packed) -> Vec<String> {
    packed.files.files().iter().map(|f| f.path.to_string()).collect()
}

#[test]
fn a_tree_packs_to_the_same_bytes_and_comes_out_as_it_went_in() {
    let files = [("b/run.sh", "#!/bin/sh\n"), ("a.txt", ""), ("b/c/ü.ttl", "x"), ("a-b", &"z".repeat(100_000))];
    let (dir, limits) = (tree(&files), Limits::default());
    let one = archive::pack(dir.path(), &limits).unwrap();
    let other_dir = tree(&[files[3], files[2], files[1], files[0]]);
    let two = archive::pack(other_dir.path(), &limits).unwrap();
    assert_eq!(one.archive, two.archive);
    assert_eq!(std::fs::read(one.file.path()).unwrap(), std::fs::read(two.file.path()).unwrap());
    assert_eq!(paths(&one), ["a-b", "a.txt", "b/c/ü.ttl", "b/run.sh"]);
    let into = tempfile::tempdir().unwrap();
    let unpacked = archive::unpack(one.file.path(), into.path(), Some(&one.archive), &limits).unwrap();
    assert_eq!(unpacked.files, one.files);
    assert_eq!(listing(into.path()), paths(&one));
    assert_eq!(std::fs::read(into.path().join("b/c/ü.ttl")).unwrap(), b"x");
    let mode = |p: &str| std::fs::metadata(into.path().join(p)).unwrap().permissions().mode() & 0o100;
    assert_eq!((mode("b/run.sh"), mode("a-b")), (0o100, 0));
}

#[test]
fn an_empty_directory_is_a_package_too() {
    let packed = archive::pack(tree(&[]).path(), &Limits::default()).unwrap();
    assert_eq!((packed.archive.file_count, packed.archive.unpacked_size), (0, 0));
    let into = tempfile::tempdir().unwrap();
    archive::unpack(packed.file.path(), into.path(), Some(&packed.archive), &Limits::default()).unwrap();
}

#[test]
fn chunks_and_digest_are_those_of_the_bytes() {
    // Bytes that do not compress, so that there are several chunks.
    let mut seed = 7u64;
    let mut noise = String::new();
    while noise.len() < CHUNK_SIZE as usize * 3 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.push_str(&format!("{seed:x}"));
    }
    let packed = archive::pack(tree(&[("noise", noise.as_str())]).path(), &Limits::default()).unwrap();
    let bytes = std::fs::read(packed.file.path()).unwrap();
    assert!(packed.chunks.len() > 1);
    assert_eq!(packed.archive.digest, ggen_core::Digest::of(&bytes));
    assert_eq!(packed.archive.size, bytes.len() as u64);
    assert_eq!(packed.chunks, ChunkList::of(&bytes));
}

#[test]
fn ignored_files_and_version_control_stay_out() {
    let dir = tree(&[
        (".ggenignore", "*.log\n/build/\n!keep.log\n"),
        ("a.log", "x"),
        ("keep.log", "x"),
        ("build/x", "x"),
        ("sub/.ggenignore", "secret\n"),
        ("sub/secret", "x"),
        ("sub/open", "x"),
        (".git/config", "x"),
        ("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"),
        ("target/x", "x"),
        (".hidden", "x"),
        (".gitignore", "open\n"),
    ]);
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("ignored.log")).unwrap();
    let packed = archive::pack(dir.path(), &Limits::default()).unwrap();
    let expected = [".ggenignore", ".gitignore", ".hidden", "keep.log", "sub/.ggenignore", "sub/open"];
    assert_eq!(paths(&packed), expected);
}

#[test]
fn what_no_archive_may_have_is_refused_by_name() {
    let refusal = |prepare: &dyn Fn(&std::path::Path)| {
        let dir = tree(&[("a", "x")]);
        prepare(dir.path());
        let error = archive::pack(dir.path(), &Limits::default()).unwrap_err();
        (error.code(), error.to_string())
    };
    let (code, text) = refusal(&|d| std::os::unix::fs::symlink("a", d.join("ln")).unwrap());
    assert!(code == "link" && text.contains("ln"), "{text}");
    let (code, text) = refusal(&|d| {
        std::fs::write(d.join(std::ffi::OsStr::from_bytes(b"a\xff")), "x").unwrap();
    });
    assert!(code == "path-not-utf8" && text.contains("a\\xff"), "{text}");
    assert_eq!(refusal(&|d| std::fs::write(d.join("A"), "x").unwrap()).0, "path-collision");
    assert_eq!(refusal(&|d| std::fs::write(d.join("con.txt"), "x").unwrap()).0, "path-reserved");
    let dir = tree(&[("a", "x"), ("b", "x")]);
    let limits = Limits { max_files: 1, ..Limits::default() };
    assert_eq!(archive::pack(dir.path(), &limits).unwrap_err().code(), "too-many-files");
    let limits = Limits { max_unpacked: 1, ..Limits::default() };
    assert_eq!(archive::pack(dir.path(), &limits).unwrap_err().code(), "too-large");
}

#[test]
fn a_ggen_file_carries_a_package_and_proves_it() {
    let (home, other, mut author) = (Home::new(), Home::new(), Author::new(1));
    let release = author.publish(&home.store, "carried", "1.0.0");
    let package = home.store.package(&author.package("carried")).unwrap().unwrap();
    let (bundle, archive) = (package.head.unwrap().bundle, home.store.archive_path(&release.release.archive.digest));
    let out = home.path().join("carried.ggen");
    archive::write_ggen_file(&out, &author.roots, &release, Some(&bundle), &archive).unwrap();
    let read = archive::read_ggen_file(&out).unwrap();
    assert_eq!((read.release.clone(), read.publisher.id), (release.clone(), author.id));
    assert_eq!(read.head.as_ref().unwrap().bundle, bundle);
    other.store.import_ggen_archive(&read).unwrap();
    assert!(other.store.has_archive(&release.release.archive.digest));
    let looked = archive::inspect(&out, &Limits::default());
    assert_eq!(
        (looked.accepted, looked.kind, looked.files.len()),
        (true, Inspected::GgenFile, 3),
        "{:?}",
        looked.reasons
    );
    assert_eq!(looked.release.unwrap(), release);
    let bytes = std::fs::read(&out).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x20;
        std::fs::write(&out, &damaged).unwrap();
        let looked = archive::inspect(&out, &Limits::default());
        // Only what is signed or has one form is in the file, but for the JSON's own spelling.
        let same = looked.release.as_ref().is_some_and(|r| r.release == release.release);
        assert!(!looked.accepted || same, "byte {at}");
    }
}
