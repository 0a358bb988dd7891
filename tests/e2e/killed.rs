//! The program killed at points by chance, some hundred times: afterwards everything is as it was, or as it should be.

use std::time::{Duration, Instant};

use ggen_tests::{Home, LIMIT, Package, Value, json, noise};

use crate::home;

/// Kills of one test.
const ROUNDS: u64 = 60;

/// Chance that repeats itself: a failure tells its round, and the same round does the same again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

/// A home in which commands die.
struct Victim {
    home: Home,
    chance: Chance,
    /// How long each command takes if nobody kills it, in microseconds.
    took: std::collections::BTreeMap<String, u64>,
    killed: u64,
}

impl Victim {
    fn new(seed: u64) -> Self {
        Self { home: home(), chance: Chance(seed), took: std::collections::BTreeMap::new(), killed: 0 }
    }

    /// Runs a command, and kills it at a point by chance between its beginning and what it took the last time.
    fn kill(&mut self, args: &[&str]) {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let word = args[1].to_owned();
        let begun = Instant::now();
        let mut running = self.home.spawn(&args);
        let known = self.took.get(&word).copied();
        if let Some(known) = known {
            std::thread::sleep(Duration::from_micros(self.chance.below(known)));
            if running.runs() {
                running.kill();
                self.killed += 1;
                drop(running);
                return;
            }
        }
        running.ends_within(LIMIT).exits(0);
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.took.insert(word, known.unwrap_or(took).min(took));
    }

    /// Insists that the next command finds all in order, and says nothing alarming.
    fn is_whole(&self, round: u64) {
        let ran = self.home.run(&["marketplace", "verify", "--json"]);
        let said = format!("round {round}\n{ran}");
        assert_eq!(ran.stderr, "", "{said}");
        let answer = ran.exits(0).value();
        assert_eq!(answer["damaged"], json!([]), "{said}");
        let folders = folders(&self.home);
        assert_eq!(answer["checked"], folders.len(), "{folders:?} in {said}");
        assert_eq!(std::fs::read_dir(self.home.path().join("tmp")).expect("tmp").count(), 0, "left in tmp: {said}");
    }

    /// All commands work as if nothing had been killed.
    fn ends_well(&self) {
        assert!(self.killed > ROUNDS / 4, "only {} of {ROUNDS} commands were still running to be killed", self.killed);
        self.home.is_clean();
        let index = std::fs::read_to_string(self.home.path().join("registry/index.json")).expect("the index");
        let _: Value = ggen_tests::parse(&index);
    }
}

/// What stands beneath `packages/`.
fn folders(home: &Home) -> Vec<std::path::PathBuf> {
    let packages = std::fs::read_dir(home.path().join("packages")).into_iter().flatten().flatten();
    let named = packages.filter(|p| !p.file_name().to_string_lossy().starts_with('.'));
    named.flat_map(|p| std::fs::read_dir(p.path()).into_iter().flatten().flatten().map(|v| v.path())).collect()
}

fn package(name: &str, version: &str) -> Package {
    (0..8).fold(Package::new(name, version), |p, i| p.file(&format!("data/{i}.bin"), noise(i, 4000)))
}

#[test]
fn installs_upgrades_and_removals_that_are_killed_leave_everything_or_nothing() {
    let mut victim = Victim::new(1);
    victim.home.publish(&package("leaf", "1.0.0"));
    victim.home.publish(&package("top", "1.0.0").needs("leaf", "^1"));
    victim.home.publish(&package("leaf", "1.1.0"));
    for round in 0..ROUNDS {
        match victim.chance.below(6) {
            0 | 1 => victim.kill(&["marketplace", "install", "top", "leaf@=1.0.0", "--offline"]),
            2 => victim.kill(&["marketplace", "install", "top", "leaf@=1.1.0", "--offline"]),
            3 if !folders(&victim.home).is_empty() => victim.kill(&["marketplace", "upgrade", "--offline"]),
            _ if folders(&victim.home).len() == 2 => victim.kill(&["marketplace", "remove", "top", "leaf"]),
            _ => victim.kill(&["marketplace", "install", "top", "--offline"]),
        }
        victim.is_whole(round);
    }
    victim.home.json(&["marketplace", "install", "top", "--offline"]);
    victim.ends_well();
}

#[test]
fn publishes_that_are_killed_leave_everything_or_nothing() {
    let mut victim = Victim::new(2);
    victim.home.key();
    for round in 0..ROUNDS {
        let folder = victim.home.write(&package("rush", &format!("1.0.{round}")));
        victim.kill(&["marketplace", "publish", &folder, "--offline"]);
        victim.is_whole(round);
    }
    // What was killed can be published again, and counts once.
    let last = victim.home.write(&package("rush", &format!("1.0.{}", ROUNDS - 1)));
    victim.home.run(&["marketplace", "publish", &last, "--offline"]);
    let next = victim.home.publish(&package("rush", "1.1.0"));
    victim.home.json(&["marketplace", "update", "--offline"]);
    let info = victim.home.json(&["marketplace", "info", "rush", "--offline"]);
    let versions = crate::each(&info["versions"], "version");
    let unique: std::collections::BTreeSet<_> = versions.iter().collect();
    assert_eq!((unique.len(), versions[0].as_str()), (versions.len(), "1.1.0"), "{info}");
    assert_eq!(info["versions"][0]["digest"], next["digest"]);
    victim.home.json(&["marketplace", "install", "rush", "--offline"]);
    victim.ends_well();
}

#[test]
fn cleaning_and_updating_that_are_killed_lose_nothing() {
    let mut victim = Victim::new(3);
    victim.home.publish(&package("leaf", "1.0.0"));
    victim.home.publish(&package("top", "1.0.0").needs("leaf", "^1"));
    victim.home.config("[limits]\nclean_age = \"1ms\"\n");
    victim.home.json(&["marketplace", "install", "top", "--offline"]);
    for round in 0..ROUNDS {
        match victim.chance.below(4) {
            0 => victim.kill(&["marketplace", "clean"]),
            1 => victim.kill(&["marketplace", "update", "--force", "--offline"]),
            2 => {
                // A file that an editor cut off; the rebuilding dies too.
                std::fs::write(victim.home.path().join("registry/index.json"), "{").expect("write the index");
                victim.kill(&["marketplace", "update", "--offline"]);
            }
            _ => victim.kill(&["marketplace", "verify", "--repair", "--offline"]),
        }
        victim.is_whole(round);
        assert_eq!(folders(&victim.home).len(), 2, "round {round}");
    }
    victim.home.json(&["marketplace", "update", "--force", "--offline"]);
    let info = victim.home.json(&["marketplace", "info", "top", "--offline"]);
    assert_eq!(crate::each(&info["versions"], "version"), ["1.0.0"]);
    victim.home.json(&["marketplace", "remove", "top", "leaf"]);
    victim.home.json(&["marketplace", "install", "top", "--offline"]);
    victim.ends_well();
}

#[test]
fn downloads_that_are_killed_are_resumed_or_begun_again() {
    let holder = home();
    holder.publish(&package("far", "1.0.0").file("big.bin", noise(9, 1_500_000)));
    let node = holder.node();
    let mut victim = Victim::new(4);
    victim.home.bootstrap(&[&node]);
    for round in 0..ROUNDS {
        victim.kill(&["marketplace", "install", "far"]);
        victim.is_whole(round);
        if !folders(&victim.home).is_empty() {
            victim.home.json(&["marketplace", "remove", "far"]);
        }
        if victim.chance.below(3) == 0 {
            // From the network again, not from the store.
            let _ = std::fs::remove_dir_all(victim.home.path().join("store"));
        }
    }
    victim.home.json(&["marketplace", "install", "far"]);
    assert_eq!(victim.home.json(&["marketplace", "verify"])["damaged"], json!([]));
    victim.home.is_clean();
}
