//! The harness of the end-to-end tests: homes, commands, nodes, packages, and a holder that lies.
//!
//! Drives the real program from outside, as a user or a script would: by its arguments, its exit code, its streams and
//! its files. Never calls the program's own crates, but for [`Liar`], which must speak the network's protocol. Invariant:
//! whatever a test starts is gone when the test is over, and no wait is without a limit.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what fails here must end the test that uses it, with its story"
)]

mod asker;
pub mod catalog;
mod crash;
mod dripper;
mod flooder;
mod home;
mod islands;
mod liar;
mod node;
mod package;
mod proxy;
mod ran;
mod raw;
mod record;

pub use asker::Asker;
pub use crash::{Cut, Disk, Tree};
pub use dripper::Dripper;
pub use flooder::Flooder;
pub use home::Home;
pub use islands::Islands;
pub use liar::Liar;
pub use node::Node;
pub use package::{Package, archive_in, component_importing, noise, ustar_entry};
pub use proxy::Proxy;
pub use ran::{Ran, Running};
pub use raw::{Raw, agreed};
pub use record::{Op, may_record, record};
pub use serde_json::{Value, json};

/// An object of JSON.
pub type Map = serde_json::Map<String, Value>;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest that any single command may take.
pub const LIMIT: Duration = Duration::from_secs(90);

/// The root of the checkout that cargo runs the tests of.
pub fn checkout() -> PathBuf {
    let running = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let built = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let is_root = |dir: &&Path| dir.join("ARCHITECTURE.md").is_file() && dir.join("wit").is_dir();
    let root = running.iter().chain([&built]).find_map(|dir| dir.ancestors().find(is_root));
    root.expect("the tests lie in the checkout").to_owned()
}

/// Asks again and again until `ask` has an answer; panics with `what` after `limit`.
///
/// For what the program changes in a file or in another process and tells nobody.
pub fn eventually<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads JSON that must be right.
#[track_caller]
pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{text:?} is no JSON: {e}"))
}

/// Every file beneath `root`, by its path from there, sorted; directories that are links are not followed.
pub fn files_beneath(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                open.push(path);
            } else {
                found.push(path.strip_prefix(root).expect("beneath the root").to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// Copies a tree with its modes: directories and files, sockets and links left out.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap_or_else(|e| panic!("create {}: {e}", to.display()));
    // Who may read a folder is part of what is trusted in it.
    if let Ok(meta) = from.metadata() {
        std::fs::set_permissions(to, meta.permissions()).unwrap_or_else(|e| panic!("{}: {e}", to.display()));
    }
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => copy_tree(&source, &target),
            Ok(kind) if kind.is_file() => {
                std::fs::copy(&source, &target).unwrap_or_else(|e| panic!("copy {}: {e}", source.display()));
            }
            _ => {}
        }
    }
}
