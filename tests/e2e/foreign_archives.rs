//! Archives that others wrote, where they are: `GGEN_TEST_ARCHIVES` names their folder. Whatever is in one, `inspect`
//! ends soon, with a code for each thing that it refuses, in little memory, and writes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ggen_tests::{Package, Running, archive_in, files_beneath};

use crate::{codes, home};

/// Kilobytes of memory of its own that a look into an archive may take, whatever the archive.
const MEMORY: u32 = 160 * 1024;

/// `inspect` with so little memory that one which takes what an archive says it needs ends by a signal.
fn inspect(home: &ggen_tests::Home, file: &Path) -> ggen_tests::Ran {
    let ggen = home.command(&["marketplace", "inspect", file.to_str().expect("a path"), "--json"]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &format!("ulimit -d {MEMORY} && exec \"$0\" \"$@\"")])
        .arg(ggen.get_program())
        .args(ggen.get_args());
    for (name, value) in ggen.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Running::start(command).ends_within(Duration::from_secs(60))
}

#[test]
fn each_is_looked_at_in_bounds_and_refused_by_name() {
    let Some(folder) = std::env::var_os("GGEN_TEST_ARCHIVES").map(PathBuf::from) else {
        eprintln!("SKIPPED: GGEN_TEST_ARCHIVES names no folder of archives");
        return;
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "tar"));
    found.sort();
    assert!(found.len() >= 42, "{} archives in {folder:?}", found.len());
    let home = home();
    home.key();
    let before = files_beneath(home.path());
    for path in &found {
        let ran = inspect(&home, path);
        let (code, answer) = (ran.code(), ran.value());
        let reasons = codes(&answer["reasons"]);
        assert!(code == if answer["accepted"] == true { 0 } else { 4 }, "{ran}");
        assert_eq!(answer["accepted"] == true, reasons.is_empty(), "a reason for each refusal: {ran}");
        assert!(!reasons.iter().any(|code| code == "io"), "it could be read: {ran}");
        eprintln!("{}: {}", path.file_name().unwrap_or_default().display(), reasons.join(", "));
    }
    assert_eq!(files_beneath(home.path()), before, "nothing is written");
}

#[test]
fn a_small_archive_that_unpacks_to_much_is_looked_at_in_little_memory() {
    let home = home();
    let published = home.publish(&Package::new("large", "1.0.0").file("zeros", "\0".repeat(96 << 20)));
    let archive = archive_in(home.path(), published["digest"].as_str().unwrap());
    let size = std::fs::metadata(&archive).unwrap().len();
    assert!(size < 1 << 20, "{size} bytes");
    let ran = inspect(&home, &archive).exits(0);
    assert_eq!(ran.value()["unpacked_size"], published["unpacked_size"]);
    // How much it may unpack to is a limit of its own.
    std::fs::write(home.path().join("config.toml"), "[limits]\nmax_unpacked = 1000000\n").unwrap();
    let ran = inspect(&home, &archive).exits(4);
    assert_eq!(codes(&ran.value()["reasons"]), ["bomb"]);
}
