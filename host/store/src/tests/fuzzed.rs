//! The bounded run of what is fuzzed: the same functions, the same mutations every time.
//!
//! Decides nothing.

use ggen_core::fuzz::Mutations;

use crate::archive;
use crate::fuzz::TARGETS;
use crate::testing::{Author, Home, tree};
use ggen_core::limits::Limits;

/// Archives that others wrote, where `GGEN_TEST_ARCHIVES` names a folder of them.
fn foreign() -> Vec<Vec<u8>> {
    let Some(folder) = std::env::var_os("GGEN_TEST_ARCHIVES") else { return Vec::new() };
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|e| e == "tar"))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// What each target begins with.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let files = [("a.txt", "some text"), ("b/c", "more"), ("b/d.sh", "#!/bin/sh\n"), ("e", "")];
    let packed = archive::pack(tree(&files).path(), &Limits::default()).unwrap();
    let frame = std::fs::read(packed.file.path()).unwrap();
    let inside = zstd::decode_all(&frame[..]).unwrap();
    let stored = zstd::encode_all(&inside[..], -7).unwrap();
    match name {
        "archive" => vec![frame, stored],
        "tar" => [vec![inside], foreign()].concat(),
        "ggen_file" => {
            let (home, mut author) = (Home::new(), Author::new(1));
            let release = author.publish(&home.store, "carried", "1.0.0");
            let out = home.path().join("carried.ggen");
            let stored = home.store.archive_path(&release.release.archive.digest);
            archive::write_ggen_file(&out, &author.roots, &release, None, &stored).unwrap();
            [vec![std::fs::read(out).unwrap(), frame, inside], foreign()].concat()
        }
        "index" => {
            let (home, mut author) = (Home::new(), Author::new(1));
            author.publish(&home.store, "listed", "1.0.0");
            home.store.export_index().unwrap();
            vec![std::fs::read(home.path().join("registry/index.json")).unwrap()]
        }
        "trust_log" => {
            let (home, mut author) = (Home::new(), Author::new(1));
            author.publish(&home.store, "logged", "1.0.0");
            home.store.bind(&"logged".parse().unwrap(), author.id, crate::How::User, 7).unwrap();
            vec![std::fs::read(home.path().join("trust.log")).unwrap()]
        }
        _ => {
            let zero = "0".repeat(64);
            let placed = format!(r#"{{"name":"a","version":"1.0.0","release":"{zero}","staged":"0","inode":7}}"#);
            vec![format!(r#"{{"place":[{placed}],"names":["a","b"]}}"#).into_bytes()]
        }
    }
}

#[test]
fn each_target_is_one_of_cargo_fuzz_too() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/fuzz_targets");
    let mut there: Vec<_> = crate::fsio::names_in(&folder).unwrap();
    // The network has one for all of its decoders.
    there.retain(|name| name != "peer.rs");
    let ours = TARGETS.iter().chain(ggen_core::fuzz::TARGETS).map(|(name, _)| format!("{name}.rs"));
    let mut ours: Vec<_> = ours.collect();
    there.sort();
    ours.sort();
    assert_eq!(there, ours);
}

#[test]
fn no_reader_panics_or_leaves_its_place_on_what_is_a_little_wrong() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        seeds.iter().for_each(|seed| target(seed));
        let mut mutations = Mutations::new(2, seeds, 64 * 1024);
        for _ in 0..1500 {
            target(&mutations.next_bytes());
        }
    }
}
