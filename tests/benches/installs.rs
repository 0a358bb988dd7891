//! Installs beside what a user would do instead, in turns in one run; printed and not asserted.
//!
//! `cargo build --release -p ggen && cargo bench -p ggen-tests --bench installs` runs them on `target/release/ggen`;
//! `GGEN` names another program, `GGEN_BENCH_ROUNDS` another number of rounds, and arguments name the parts to run
//! (`pipe`, `small`, `again`, `tail`). `GGEN_BENCH_HEAVY=1` adds an archive of 2 GB and one of 100 000 files. The pipe
//! needs nginx, curl, openssl and tar.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends"
)]

mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{line, median, millis, watch};
use ggen_tests::{Home, Node, Package, archive_in, checkout, eventually, noise};

fn main() {
    let bin = std::env::var_os("GGEN").map_or_else(|| checkout().join("target/release/ggen"), PathBuf::from);
    if !bin.is_file() {
        println!("no program at {}: cargo build --release -p ggen, or set GGEN", bin.display());
        return;
    }
    let heavily = std::env::var_os("GGEN_BENCH_HEAVY").is_some();
    let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let runs = |part: &str| named.is_empty() || named.iter().any(|n| n == part);
    line("what", "measured", "aim");
    if runs("pipe") {
        pipe(&bin);
    }
    if runs("small") {
        small_files(&bin);
    }
    if runs("again") {
        again(&bin);
    }
    if runs("tail") {
        tails(&bin);
    }
    if heavily {
        heavy(&bin, "2 GB in 64 files: install from a loopback holder", 64, 2_000_000_000 / 64);
        heavy(&bin, "100 000 files of 1 KB: install from a loopback holder", 100_000, 1000);
    } else {
        println!("SKIPPED: the archive of 2 GB and the one of 100 000 files; GGEN_BENCH_HEAVY=1 runs them");
    }
}

fn rounds() -> usize {
    std::env::var("GGEN_BENCH_ROUNDS").ok().and_then(|t| t.parse().ok()).unwrap_or(7)
}

/// A publisher's node with one package, and a user's home that knows it and whose policies are compiled.
struct Scene {
    folder: PathBuf,
    /// Its folder and its node's home go with it.
    _publisher: Home,
    node: Node,
    user: Home,
    digest: String,
}

/// The package has `files` files of `size` bytes that no compression makes smaller, 100 in a folder.
fn scene(bin: &Path, files: u32, size: usize) -> Scene {
    let publisher = Home::new(bin);
    publisher.publish(&Package::new("warm", "1.0.0"));
    let folder = PathBuf::from(publisher.write(&Package::new("measured", "1.0.0")));
    for index in 0..files {
        let within = folder.join(format!("d{:04}", index / 100));
        std::fs::create_dir_all(&within).expect("a folder");
        std::fs::write(within.join(format!("{index:06}.bin")), noise(u64::from(index), size)).expect("write a file");
    }
    let path = folder.to_str().expect("UTF-8");
    let digest = publisher.json(&["marketplace", "publish", path, "--offline"]);
    let digest = digest["digest"].as_str().expect("a digest").to_owned();
    let node = publisher.node();
    let mut user = Home::new(bin);
    user.bootstrap(&[&node]);
    user.json(&["marketplace", "install", "warm"]);
    Scene { folder, _publisher: publisher, node, user, digest }
}

/// How one install went.
struct Took {
    whole: Duration,
    /// From the archive's entry into the store to the end of the process.
    tail: Duration,
    megabytes: f64,
}

impl Scene {
    /// A home with the package's archive in its store, and without the package.
    fn holding(&self) -> Home {
        let mut home = self.user.copy();
        home.bootstrap(&[&self.node]);
        home.json(&["marketplace", "install", "measured"]);
        home.json(&["marketplace", "remove", "measured", "--offline"]);
        assert!(archive_in(home.path(), &self.digest).is_file());
        home
    }

    /// Installs in a fresh copy of the user's home.
    fn install(&self, more: &[&str]) -> Took {
        self.install_in(&self.user, more)
    }

    fn install_in(&self, home: &Home, more: &[&str]) -> Took {
        let mut home = home.copy();
        home.bootstrap(&[&self.node]);
        settle(home.path());
        let archive = archive_in(home.path(), &self.digest);
        let mut args = vec!["marketplace", "install", "measured", "--json"];
        args.extend(more);
        let mut command = home.command(&args);
        let begun = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("start it");
        let mut stored = None;
        let (status, megabytes) = watch(&mut child, || {
            if stored.is_none() && archive.exists() {
                stored = Some(begun.elapsed());
            }
        });
        let whole = begun.elapsed();
        assert!(status.success(), "the install failed");
        Took { whole, tail: whole.saturating_sub(stored.unwrap_or_default()), megabytes }
    }
}

/// Brings what was written before to the disk: nobody pays for another's bytes.
fn settle(path: &Path) {
    Command::new("sync").arg("-f").arg(path).status().expect("sync");
}

/// The same files as a tar, and a folder to unpack it in.
fn tar(scene: &Scene) -> (PathBuf, PathBuf) {
    let (tar, into) = (scene.user.root().join("measured.tar"), scene.user.root().join("unpacked"));
    let made = Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(&scene.folder).arg(".").status().expect("tar");
    assert!(made.success(), "tar");
    (tar, into)
}

/// Runs a line of bash in an empty `into`.
fn shell(script: &str, into: &Path) -> Duration {
    let _ = std::fs::remove_dir_all(into);
    std::fs::create_dir_all(into).expect("a folder");
    settle(into);
    let begun = Instant::now();
    let done = Command::new("bash").args(["-c", &format!("set -euo pipefail; {script}")]).current_dir(into).status();
    assert!(done.expect("bash").success(), "{script}");
    begun.elapsed()
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn ratio(ours: Duration, theirs: Duration) -> String {
    format!("{:.2} x", ours.as_secs_f64() / theirs.as_secs_f64())
}

fn pipe(bin: &Path) {
    let scene = scene(bin, 64, 8_000_000);
    let (_, into) = tar(&scene);
    let Some(server) = Server::start(scene.user.root()) else {
        println!("SKIPPED: the pipe needs nginx, curl and openssl");
        return;
    };
    let script = format!(
        "curl -sSf --cacert {} https://127.0.0.1:{}/measured.tar | tee >(openssl dgst -sha256 > ../digest) | tar -x; \
         sync -f .",
        server.certificate.display(),
        server.port
    );
    let (mut ours, mut theirs, mut tails, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0f64);
    scene.install(&[]);
    shell(&script, &into);
    for _ in 0..rounds() {
        let took = scene.install(&[]);
        ours.push(took.whole);
        tails.push(took.tail);
        peak = peak.max(took.megabytes);
        theirs.push(shell(&script, &into));
    }
    println!("  ours {ours:.2?}\n  pipe {theirs:.2?}");
    let (ours, theirs, tail) = (median(ours), median(theirs), median(tails));
    line("512 MB, 64 files, from a loopback holder: install", &seconds(ours), "");
    line("the same: curl | tee >(openssl) | tar -x; sync -f", &seconds(theirs), "");
    line("install / pipe", &ratio(ours, theirs), "<= 1.00 x");
    line("from the last byte to the end, of the whole", &percent(tail, ours), "<= 10 %");
    line("peak memory", &format!("{peak:.0} MB"), "<= 150 MB");
}

fn percent(part: Duration, whole: Duration) -> String {
    format!("{:.1} %", 100.0 * part.as_secs_f64() / whole.as_secs_f64())
}

fn small_files(bin: &Path) {
    let scene = scene(bin, 10_000, 2000);
    let (tar, into) = tar(&scene);
    let script = format!("tar -xf {}; sync -f .", tar.display());
    let holding = scene.holding();
    let (mut fetched, mut stored, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds() {
        let (a, c) = (scene.install(&[]).whole, shell(&script, &into));
        let b = scene.install_in(&holding, &["--offline"]).whole;
        if round > 0 {
            fetched.push(a);
            stored.push(b);
            theirs.push(c);
        }
    }
    println!("  fetched {fetched:.2?}\n  stored {stored:.2?}\n  tar {theirs:.2?}");
    let (fetched, stored, theirs) = (median(fetched), median(stored), median(theirs));
    line("10 000 files of 2 KB: tar -x; sync -f", &millis(theirs), "");
    line("the same: install from a loopback holder", &millis(fetched), "");
    line("install / tar", &ratio(fetched, theirs), "<= 1.50 x");
    line("the same: install from the store", &millis(stored), "");
    line("install from the store / tar", &ratio(stored, theirs), "<= 1.50 x");
}

/// What is in the store already: installed, and removed again.
fn again(bin: &Path) {
    let scene = scene(bin, 100, 2000);
    let holding = scene.holding();
    let (mut stored, mut installed) = (Vec::new(), Vec::new());
    let home = holding.copy();
    home.json(&["marketplace", "install", "measured", "--offline"]);
    for _ in 0..rounds().max(15) {
        stored.push(scene.install_in(&holding, &["--offline"]).whole);
        settle(home.path());
        let begun = Instant::now();
        let mut command = home.command(&["marketplace", "install", "measured", "--offline", "--json"]);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("run it");
        installed.push(begun.elapsed());
        assert!(status.success(), "the second install");
    }
    line("100 files, installed already: install once more", &millis(median(installed)), "<= 15 ms");
    line("100 files, in the store, not installed: install", &millis(median(stored)), "<= 15 ms");
}

/// How much of an install is left when the last byte has arrived.
fn tails(bin: &Path) {
    for (files, size) in [(1, 25_000), (4, 1_000_000), (16, 4_000_000), (64, 4_000_000)] {
        let scene = scene(bin, files, size);
        let (mut wholes, mut tails) = (Vec::new(), Vec::new());
        for _ in 0..rounds() {
            let took = scene.install(&[]);
            wholes.push(took.whole);
            tails.push(took.tail);
        }
        let (whole, tail) = (median(wholes), median(tails));
        let what = format!("{} KB: install, and its part after the last byte", u64::from(files) * size as u64 / 1000);
        line(&what, &format!("{}, {}", millis(whole), percent(tail, whole)), "<= 10 %");
    }
}

/// One large install, with its memory.
fn heavy(bin: &Path, what: &str, files: u32, size: usize) {
    let scene = scene(bin, files, size);
    let took = scene.install(&[]);
    line(what, &seconds(took.whole), "");
    line("its part after the last byte", &percent(took.tail, took.whole), "<= 10 %");
    line("its peak memory", &format!("{:.0} MB", took.megabytes), "<= 150 MB");
}

/// nginx with one folder over TLS, on loopback; gone when it goes out of scope.
struct Server {
    port: u16,
    certificate: PathBuf,
    child: Child,
}

impl Server {
    /// None where this machine has not got what it takes.
    fn start(root: &Path) -> Option<Self> {
        let there = |program: &str| Command::new(program).arg("-h").output().is_ok();
        if !["nginx", "curl", "openssl"].into_iter().all(there) {
            return None;
        }
        let (certificate, key, conf) = (root.join("cert.pem"), root.join("key.pem"), root.join("nginx.conf"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl");
        assert!(made.status.success(), "{made:?}");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let root = root.display();
        let text = format!(
            "user root; daemon off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/nginx.log;\n\
             events {{}}\nhttp {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port} ssl; root {root};\n\
             ssl_certificate {}; ssl_certificate_key {}; }} }}\n",
            certificate.display(),
            key.display()
        );
        std::fs::write(&conf, text).expect("write nginx.conf");
        let child = Command::new("nginx").arg("-c").arg(&conf).stdin(Stdio::null()).spawn().expect("start nginx");
        let server = Self { port, certificate, child };
        let reached = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        eventually("nginx listens", Duration::from_secs(10), reached);
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its main process ends its workers when it is asked to, not when it is killed.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}
