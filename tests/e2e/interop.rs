//! A client in another language, written from PROTOCOL.md alone: `tests/interop`, in JavaScript with js-libp2p.
//!
//! It needs npm, whose registry gives the client's libraries and Node 22: only where `GGEN_TEST_LANGUAGES` is set.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use ggen_tests::{Liar, Node, Package, Value, archive_in, checkout, noise};

use crate::home;

/// Files of a package: one of several chunks, one of none, one with a long path.
const LONG: &str =
    "a-folder-with-a-name-that-is-rather-long-for-a-folder/and-another-one-that-is-no-shorter-than-it/long.txt";

/// Whether the client can be run here; says so where not.
fn can_run() -> bool {
    if std::env::var_os("GGEN_TEST_LANGUAGES").is_none() {
        eprintln!("SKIPPED: GGEN_TEST_LANGUAGES is not set, so the client in JavaScript is not run");
        return false;
    }
    let npm = Command::new("npm").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = npm.is_ok_and(|status| status.success());
    if !there {
        eprintln!("SKIPPED: no `npm` here, so the client in JavaScript is not run");
    }
    there
}

/// A copy of the client with its libraries, made once.
fn client() -> &'static Path {
    static CLIENT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = CLIENT.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("interop");
        std::fs::create_dir_all(&folder).unwrap();
        for file in std::fs::read_dir(checkout().join("tests/interop")).unwrap().flatten() {
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
            }
        }
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        let installed = Command::new("npm").args(npm).current_dir(&folder).stdin(Stdio::null()).output().unwrap();
        assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
        (root, folder)
    });
    folder
}

/// Node 22 as the client's own package brings it, or the one that is here.
fn node_js(folder: &Path) -> PathBuf {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let own = folder.join(format!("node_modules/node-linux-{machine}/bin/node"));
    if own.is_file() { own } else { "node".into() }
}

struct Told {
    lines: Vec<Value>,
    output: Output,
}

impl Told {
    /// What the client said at a step.
    #[track_caller]
    fn step(&self, name: &str) -> &Value {
        let found = self.lines.iter().find(|l| l["step"] == name);
        found.unwrap_or_else(|| panic!("no step {name}: {}", String::from_utf8_lossy(&self.output.stderr)))
    }
}

/// Runs the client to its end: it has limits of its own.
#[track_caller]
fn runs(exit: i32, node: &Node, name: &str, target: &Path, more: &[&str]) -> Told {
    let folder = client();
    let mut command = Command::new(node_js(folder));
    command.arg(folder.join("client.js")).args([&node.addresses[0], name]).arg(target).args(more);
    let output = command.current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{said}\n{errors}");
    Told { lines: said.lines().map(ggen_tests::parse).collect(), output }
}

#[test]
fn a_client_from_the_protocols_page_finds_verifies_and_fetches() {
    if !can_run() {
        return;
    }
    let publisher = home();
    let package = Package::new("from_afar", "1.0.0").file("data.bin", noise(7, 1_000_000)).file("empty", Vec::new());
    publisher.publish(&Package::new("from_afar", "0.9.0"));
    let published = publisher.publish(&package.file(LONG, b"a long way"));
    let node = publisher.node();
    let target = tempfile::tempdir().unwrap();
    let told = runs(0, &node, "from_afar", target.path(), &[]);
    assert_eq!(told.step("found")["publisher"], publisher.key().as_str());
    assert_eq!(told.step("found")["from"], ggen_tests::json!([node.peer_id]));
    assert_eq!(told.step("head")["versions"], ggen_tests::json!(["1.0.0", "0.9.0"]));
    assert_eq!(told.step("head")["records"], 1, "the hash table keeps the head");
    let fetched = told.step("fetched");
    assert_eq!(fetched["digest"], published["digest"]);
    assert!(fetched["chunks"].as_u64().unwrap() > 3, "{fetched}");
    assert!(std::fs::read(target.path().join("data.bin")).unwrap() == noise(7, 1_000_000));
    assert_eq!(std::fs::read(target.path().join(LONG)).unwrap(), b"a long way");
    assert_eq!(std::fs::read(target.path().join("empty")).unwrap(), b"");
}

#[test]
fn the_same_client_refuses_a_chunk_that_was_not_signed() {
    if !can_run() {
        return;
    }
    let publisher = home();
    let published = publisher.publish(&Package::new("contested", "1.0.0").file("a.bin", noise(3, 400_000)));
    let node = publisher.node();
    let archive = std::fs::read(archive_in(publisher.path(), published["digest"].as_str().unwrap())).unwrap();
    let liar = Liar::start(archive, "contested-elsewhere", &node);
    let target = tempfile::tempdir().unwrap();
    let told = runs(4, &node, "contested", target.path(), &[&liar.addresses[0]]);
    let error = told.lines.last().unwrap()["error"].as_str().unwrap();
    assert_eq!(error, "chunk 0 is not what was signed");
    assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 0, "nothing of it was kept");
}

#[test]
fn a_client_from_the_protocols_page_hears_an_announcement() {
    if !can_run() {
        return;
    }
    let (publisher, relaying) = (home(), home());
    let (key, node) = (publisher.key(), publisher.node());
    let between = Node::start(&relaying, &["--bootstrap", &node.addresses[0]]);
    let folder = client();
    let mut command = Command::new(node_js(folder));
    command.arg(folder.join("listen.js")).args([&between.addresses[0], "news"]).current_dir(folder);
    let mut listening = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let (send, told) = channel();
    let lines = BufReader::new(listening.stdout.take().unwrap()).lines();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(ggen_tests::parse(&line))));
    let next = || told.recv_timeout(Duration::from_secs(40)).expect("it says something");
    let first = next();
    assert_eq!((&first["step"], &first["peer"]), (&"listening".into(), &between.peer_id.as_str().into()), "{first}");
    let folder = publisher.write(&Package::new("news", "1.0.0"));
    assert_eq!(publisher.json(&["marketplace", "publish", &folder])["announced"], true);
    let heard = next();
    assert_eq!((&heard["step"], &heard["publisher"]), (&"heard".into(), &key.into()), "{heard}");
    assert_eq!((&heard["sequence"], &heard["version"]), (&1.into(), &"1.0.0".into()), "{heard}");
    assert!(listening.wait().unwrap().success());
}
