//! How fast it is: figures of the release build, printed and not asserted.
//!
//! `cargo build --release -p ggen && cargo bench -p ggen-tests` runs them on `target/release/ggen`; `GGEN` names another
//! program, `GGEN_BENCH_MB` another size of the large archive. What was measured stands in `RESULTS.md` beside this file.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{line, millis, watch};
use ggen_tests::{Home, Node, Package, checkout, json, noise};

fn main() {
    let bin = std::env::var_os("GGEN").map_or_else(|| checkout().join("target/release/ggen"), PathBuf::from);
    if !bin.is_file() {
        println!("no program at {}: cargo build --release -p ggen, or set GGEN", bin.display());
        return;
    }
    println!("{:<58} {:>14}  {:>12}", "what", "measured", "aim");
    version(&bin);
    list(&bin);
    policies(&bin);
    catalog(&bin);
    small_install(&bin);
    large_install(&bin);
}

/// The median of `times` runs of a command, the first of which only warms up.
fn median_of(home: &Home, args: &[&str], times: usize) -> Duration {
    let took = (0..=times).map(|_| {
        let mut command = home.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        assert!(command.status().expect("run it").success(), "{args:?}");
        begun.elapsed()
    });
    common::median(took.skip(1).collect())
}

fn version(bin: &Path) {
    let home = Home::new(bin);
    line("ggen --version", &millis(median_of(&home, &["--version"], 30)), "<= 5 ms");
}

fn list(bin: &Path) {
    let home = Home::new(bin);
    let names: Vec<_> = (0..100).map(|i| format!("listed-{i}")).collect();
    for name in &names {
        home.publish(&Package::new(name, "1.0.0"));
    }
    let mut args = vec!["marketplace", "install", "--offline"];
    args.extend(names.iter().map(String::as_str));
    let ran = home.run(&args);
    assert_eq!(ran.code(), 0, "{ran}");
    line("marketplace list, 100 installed", &millis(median_of(&home, &["marketplace", "list"], 30)), "<= 15 ms");
}

/// The whole process of a dry run is an upper bound of what the policies cost in it.
fn policies(bin: &Path) {
    let home = Home::new(bin);
    home.publish(&Package::new("decided", "1.0.0"));
    let args = ["marketplace", "install", "decided", "--dry-run", "--offline"];
    line("install --dry-run of one package, policies cached", &millis(median_of(&home, &args, 20)), "-");
    let begun = Instant::now();
    let fresh = Home::new(bin);
    fresh.json(&["marketplace", "install", "hello-ggen", "--offline"]);
    line("first install of an empty home, policies compiled", &millis(begun.elapsed()), "-");
}

/// A closure of 200 packages among 10 000 with ten versions each, as an index lists them; the import is done before.
fn catalog(bin: &Path) {
    let home = Home::new(bin);
    let zero = "0".repeat(64);
    let mut packages = serde_json::Map::new();
    for index in 0..10_000 {
        let needs = |minor: usize| {
            let targets = [2 * index + 1, 2 * index + 2].into_iter().filter(|_| index < 100).filter(|t| *t < 200);
            let one = |t| json!({ "name": format!("pkg-{t}"), "version_req": format!(">=1.{}.0, <2", minor / 2), "optional": false });
            targets.map(one).collect::<Vec<_>>()
        };
        let version = |minor| {
            json!({ "version": format!("1.{minor}.0"), "publisher": zero, "digest": zero, "size_bytes": 1,
                    "yanked": false, "dependencies": needs(minor) })
        };
        let name = format!("pkg-{index}");
        let versions: Vec<_> = (0..10).map(version).collect();
        packages.insert(name.clone(), json!({ "name": name, "description": "", "versions": versions }));
    }
    let index = json!({ "version": "1", "updated_at": "2026-01-01T00:00:00Z", "packages": packages });
    std::fs::create_dir_all(home.path().join("registry")).expect("create the registry");
    std::fs::write(home.path().join("registry/index.json"), index.to_string()).expect("write the index");
    let args = ["marketplace", "install", "pkg-0", "--dry-run", "--offline"];
    let plan = home.json(&args)["plan"].as_array().map_or(0, Vec::len);
    assert_eq!(plan, 200, "the closure");
    line(
        "200 packages resolved out of 10 000 with 100 000 versions",
        &millis(median_of(&home, &args, 15)),
        "<= 150 ms",
    );
}

fn served(home: &Home, package: &Package) -> Node {
    home.publish(package);
    home.node()
}

fn small_install(bin: &Path) {
    let publisher = Home::new(bin);
    publisher.publish(&Package::new("warm", "1.0.0"));
    let node = served(&publisher, &Package::new("small", "1.0.0").file("a.bin", noise(1, 25_000)));
    let mut took = Vec::new();
    let mut user = Home::new(bin);
    user.bootstrap(&[&node]);
    // Compiles all four policies, the scoring one among them; everything else is done anew each time.
    user.json(&["marketplace", "install", "warm"]);
    for _ in 0..10 {
        let mut fresh = user.copy();
        fresh.bootstrap(&[&node]);
        let ran = fresh.run(&["marketplace", "install", "small", "--json"]);
        assert_eq!(ran.code(), 0, "{ran}");
        took.push(ran.took);
    }
    line("install of 25 KB from a node on loopback, whole process", &millis(common::median(took)), "<= 250 ms");
}

/// The file appears in the store when it is whole and verified; the rest of the time is unpacking and the commit.
fn large_install(bin: &Path) {
    let megabytes: usize = std::env::var("GGEN_BENCH_MB").ok().and_then(|t| t.parse().ok()).unwrap_or(256);
    let publisher = Home::new(bin);
    let package = Package::new("large", "1.0.0").file("a.bin", noise(2, megabytes * 1_000_000));
    let node = served(&publisher, &package);
    let mut user = Home::new(bin);
    user.bootstrap(&[&node]);
    user.json(&["marketplace", "install", "hello-ggen", "--offline"]);
    let digest = user.json(&["marketplace", "install", "large", "--dry-run"])["plan"][0]["digest"].clone();
    let archive = ggen_tests::archive_in(user.path(), digest.as_str().expect("a digest"));
    let mut child = user
        .command(&["marketplace", "install", "large", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("start it");
    let begun = Instant::now();
    let (mut first_byte, mut whole) = (None, None);
    let partial = user.path().join("cache/partial");
    let (status, peak) = watch(&mut child, || {
        if first_byte.is_none() && std::fs::read_dir(&partial).is_ok_and(|mut d| d.next().is_some()) {
            first_byte = Some(begun.elapsed());
        }
        if whole.is_none() && archive.exists() {
            whole = Some(begun.elapsed());
        }
    });
    assert!(status.success(), "the install of {megabytes} MB failed");
    let whole = whole.unwrap_or_else(|| begun.elapsed());
    let transfer = whole.saturating_sub(first_byte.unwrap_or_default());
    let speed = megabytes as f64 / transfer.as_secs_f64();
    line(&format!("{megabytes} MB from one holder to a verified file"), &format!("{speed:.0} MB/s"), ">= 300 MB/s");
    line("the same, whole process with unpacking", &millis(begun.elapsed()), "-");
    line("its peak memory", &format!("{:.0} MB", peak), "<= 150 MB");
    let disk = Command::new("df").arg("--output=fstype").arg(user.path()).output().ok();
    let kind = disk.map(|o| String::from_utf8_lossy(&o.stdout).lines().nth(1).unwrap_or_default().to_owned());
    line("file system of the homes", kind.as_deref().unwrap_or("?"), "");
}
