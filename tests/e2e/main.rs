//! The program from outside: every promise of the command line, driven through the real binary.
//!
//! One binary of tests, because each more is linked for a minute. Each test has homes and processes of its own and talks
//! over loopback alone. A test is named for what a user can rely on.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod advisories;
mod announcing;
mod at_once;
mod carried;
mod compiling;
mod crash;
mod damage;
mod decision_log;
mod disk;
mod doctor;
mod downloads;
mod foreign_archives;
mod holders;
mod homes;
mod hostile_peers;
mod hostile_streams;
mod index;
mod interop;
mod keeping;
mod killed;
mod languages;
mod lock;
mod lock_files;
mod many_packages;
mod network;
mod node_life;
mod objections;
mod output;
mod partitions;
mod plugin_new;
mod plugin_tools;
mod policies;
mod policies_more;
mod policies_wrong;
mod publishing;
mod reach;
mod real_packages;
mod reload;
mod replay;
mod resolution;
mod sources;
mod starter;
mod told;
mod trust;
mod upgrade;
mod wrong_archives;
mod wrong_input;
mod wrong_requirements;

use ggen_tests::Home;

#[path = "../../host/policy/src/tests/from_text.rs"]
#[allow(dead_code, reason = "the tests of host/policy use the rest of it")]
mod from_text;

/// An empty home.
fn home() -> Home {
    Home::new(env!("CARGO_BIN_EXE_ggen"))
}

/// The codes of a list of notices, as `warnings` and `reasons` are.
fn codes(notices: &ggen_tests::Value) -> Vec<String> {
    let notices = notices.as_array().unwrap_or_else(|| panic!("a list of notices, not {notices}"));
    notices.iter().map(|n| n["code"].as_str().expect("a notice has a code").to_owned()).collect()
}

/// How many chunks of downloads under way in a home are proved.
fn proved(home: &Home) -> u32 {
    let maps = std::fs::read_dir(home.path().join("cache/partial")).into_iter().flatten().flatten();
    let maps = maps.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "map"));
    let bits = |path: std::path::PathBuf| std::fs::read(path).unwrap_or_default();
    maps.flat_map(bits).map(u8::count_ones).sum()
}

/// The values of one field of a list of objects.
fn each(list: &ggen_tests::Value, field: &str) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("a list with {field}, not {list}"));
    list.iter().map(|v| v[field].as_str().unwrap_or_else(|| panic!("{field} in {v}")).to_owned()).collect()
}
