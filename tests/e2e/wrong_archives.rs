//! `inspect` and archives that no peer may send.

use ggen_tests::{Home, Package, Ran, archive_in, ustar_entry};

use crate::home;

const FILE: u8 = b'0';
const SYMLINK: u8 = b'2';
const DEVICE: u8 = b'3';
const DIRECTORY: u8 = b'5';

fn inspect(home: &Home, name: &str, bytes: &[u8]) -> Ran {
    let path = home.root().join(name);
    std::fs::write(&path, bytes).unwrap();
    let ran = home.run(&["marketplace", "inspect", path.to_str().unwrap(), "--json"]);
    assert!(!ran.stderr.contains("panicked"), "{ran}");
    ran
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

#[test]
fn an_archive_of_our_own_is_accepted() {
    let home = home();
    let published = home.publish(&Package::new("own", "1.0.0"));
    let archive = archive_in(home.path(), published["digest"].as_str().unwrap());
    let ran = inspect(&home, "own.tar.zst", &std::fs::read(archive).unwrap()).exits(0);
    let answer = ran.value();
    assert_eq!(answer["accepted"], true, "{ran}");
    assert_eq!(answer["unpacked_size"], published["unpacked_size"]);
    assert_eq!(answer["files"].as_array().map(Vec::len), Some(2), "{ran}");
}

#[test]
fn what_is_outside_the_subset_is_refused_by_name() {
    let home = home();
    let ok = ustar_entry("a.txt", FILE, "", b"x");
    let cases: &[(&str, Vec<u8>)] = &[
        ("climbs.tar", tar(&[ustar_entry("../evil", FILE, "", b"x")])),
        ("absolute.tar", tar(&[ustar_entry("/etc/evil", FILE, "", b"x")])),
        ("inner.tar", tar(&[ustar_entry("a/../../b", FILE, "", b"x")])),
        ("link.tar", tar(&[ustar_entry("passwd", SYMLINK, "/etc/passwd", b"")])),
        ("device.tar", tar(&[ustar_entry("null", DEVICE, "", b"")])),
        ("twice.tar", tar(&[ok.clone(), ok.clone()])),
        ("unsorted.tar", tar(&[ustar_entry("b", FILE, "", b"x"), ustar_entry("a", FILE, "", b"x")])),
        ("case.tar", tar(&[ustar_entry("A.txt", FILE, "", b"x"), ustar_entry("a.txt", FILE, "", b"x")])),
        ("pax.tar", tar(&[ustar_entry("x", b'x', "", b"20 path=hidden\n"), ok.clone()])),
        ("long.tar", tar(&[ustar_entry("x", b'L', "", b"longname"), ok.clone()])),
        ("file-and-dir.tar", tar(&[ustar_entry("a", FILE, "", b"x"), ustar_entry("a/", DIRECTORY, "", b"")])),
        ("garbage.tar", vec![7; 2048]),
        ("short.tar", ok[..700].to_vec()),
        ("garbage.tar.zst", vec![7; 2048]),
        ("empty.tar.zst", Vec::new()),
        ("truncated.tar.zst", vec![0x28, 0xb5, 0x2f, 0xfd]),
    ];
    for (name, bytes) in cases {
        let ran = inspect(&home, name, bytes);
        let answer = ran.value();
        assert_eq!(answer["accepted"], false, "{name}\n{ran}");
        let reasons = crate::codes(&answer["reasons"]);
        assert!(!reasons.is_empty() && reasons.iter().all(|c| !c.is_empty()), "{name}\n{ran}");
    }
    assert!(!home.root().parent().unwrap().join("evil").exists());
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let home = home();
    let ran = home.run(&["marketplace", "inspect", "/nowhere/x.ggen", "--json"]);
    assert!([2, 6].contains(&ran.code()), "{ran}");
    assert!(ran.error().to_string().contains("/nowhere/x.ggen"));
    let ran = home.run(&["marketplace", "inspect", "/dev/zero", "--json"]);
    assert!(ran.code() != 0 || ran.value()["accepted"] == false, "{ran}");
}

#[test]
fn an_archive_in_a_forged_file_is_not_installed() {
    let home = home();
    let forged = home.root().join("forged.ggen");
    let release = br#"{"roots":[],"release":{"payloadType":"","payload":"","signatures":[]}}"#;
    let bytes = tar(&[ustar_entry("release.dsse", FILE, "", release), ustar_entry("archive.tar.zst", FILE, "", b"x")]);
    std::fs::write(&forged, bytes).unwrap();
    home.fails(4, &["marketplace", "install", forged.to_str().unwrap(), "--offline"]);
    home.is_clean();
}
