//! A power cut at any point of a command.
//!
//! The real program is recorded (strace); then each prefix of what it did to its home is put on a disk again, with what
//! was not synced lost in several ways, and the home is opened as the next command would.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ggen_core::limits::Limits;
use ggen_store::Store;
use ggen_tests::{Cut, Disk, Home, LIMIT, Package, Tree, eventually, may_record, noise, record};

use crate::home;

/// States by chance, for each prefix.
const SHUFFLES: u64 = 2;

/// What a home has, as far as it was promised.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Seen {
    installed: Vec<String>,
    /// Of each name the versions that are signed and here.
    published: BTreeMap<String, Vec<String>>,
    keys: usize,
}

/// Opens a home and insists that all in it agrees and that nothing alarming is said.
fn look(home: &Path) -> Seen {
    // A child that another test of this process starts at this moment holds our locks until it begins its program.
    let store = eventually("what a dead process left is gone", LIMIT, || {
        let store = Store::open(home, &Limits::default()).unwrap();
        (std::fs::read_dir(home.join("tmp")).unwrap().count() == 0).then_some(store)
    });
    store.sync_index(&[], 1).unwrap();
    assert_eq!(store.notices(), [], "what the next command says");
    let installed = store.installed().unwrap();
    assert_eq!(store.verify(None).unwrap().damaged, []);
    for digest in store.held_archives().unwrap() {
        store.check_archive(&digest).unwrap();
    }
    let mut there: Vec<String> = Vec::new();
    for path in ggen_tests::files_beneath(&home.join("packages")) {
        let mut parts = path.split('/');
        if let (Some(name), Some(version)) = (parts.next().filter(|n| !n.starts_with('.')), parts.next()) {
            there.push(format!("{name} {version}"));
        }
    }
    there.dedup();
    let installed: Vec<String> = installed.iter().map(|i| format!("{} {}", i.id.name, i.version)).collect();
    assert_eq!(there, installed, "the folders of packages are what the database says");
    let published = published(&store);
    let listed = listed(home);
    assert_eq!(listed, published, "the index lists what is signed");
    Seen { installed, published, keys: store.keys().unwrap().len() }
}

fn published(store: &Store) -> BTreeMap<String, Vec<String>> {
    let mut published = BTreeMap::new();
    for (id, _) in store.heads_page(None, 100).unwrap() {
        let package = store.package(&id).unwrap().unwrap();
        let here = package.versions.iter().filter(|v| v.release.is_some() && v.in_head);
        let versions: BTreeSet<_> = here.map(|v| v.version.to_string()).collect();
        published.insert(id.name.to_string(), versions.into_iter().collect());
    }
    published
}

fn listed(home: &Path) -> BTreeMap<String, Vec<String>> {
    let Ok(text) = std::fs::read_to_string(home.join("registry/index.json")) else { return BTreeMap::new() };
    let index = ggen_tests::parse(&text);
    let packages = index["packages"].as_object().unwrap().iter();
    let versions = |p: &ggen_tests::Value| {
        crate::each(&p["versions"], "version").into_iter().collect::<BTreeSet<_>>().into_iter().collect()
    };
    packages.map(|(name, package)| (name.clone(), versions(package))).collect()
}

/// A home that is recorded command by command.
struct Recorded {
    home: Home,
    disk: Disk,
    checked: BTreeSet<u64>,
    before: Seen,
}

impl Recorded {
    fn new() -> Self {
        let home = home();
        Self { home, disk: Disk::default(), checked: BTreeSet::new(), before: Seen::default() }
    }

    /// Records a command, and checks each point of it: there is what was before, or what is after it.
    fn run(&mut self, args: &[&str]) {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let (ran, ops) = record(&self.home.command(&args), self.home.path(), LIMIT);
        ran.exits(0);
        let begun = std::time::Instant::now();
        let copy = self.home.copy();
        let after = look(copy.path());
        let mut states = 0;
        for (number, op) in ops.iter().enumerate() {
            self.disk.apply(op);
            let last = number + 1 == ops.len();
            for Cut { lost, tree } in self.disk.cuts(SHUFFLES) {
                if last || self.checked.insert(tree.stamp()) {
                    states += 1;
                    let allowed = if last { vec![&after] } else { vec![&self.before, &after] };
                    let place =
                        format!("{}: cut after {} of {} ({op}); lost: {lost}", args.join(" "), number + 1, ops.len());
                    check(&tree, &allowed, &place);
                }
            }
        }
        eprintln!("{}: {} changes, {states} states, {:?}", args.join(" "), ops.len(), begun.elapsed());
        self.before = after;
    }
}

fn check(tree: &Tree, allowed: &[&Seen], place: &str) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    tree.write_to(&home);
    let seen = std::panic::catch_unwind(|| (look(&home), look(&home)));
    match seen {
        Ok((first, second)) => {
            assert!(allowed.contains(&&first), "{place}\nfound {first:#?}\nallowed {allowed:#?}");
            assert_eq!(first, second, "{place}: opened once more");
        }
        Err(_) => {
            let kept = dir.keep();
            panic!("{place}\nkept in {}", kept.display());
        }
    }
}

#[test]
fn after_a_power_cut_at_any_point_everything_or_nothing_is_there() {
    if !may_record() {
        eprintln!("SKIPPED: there is no strace here, or it may not trace: what the program does cannot be recorded");
        return;
    }
    let mut recorded = Recorded::new();
    recorded.run(&["key", "new"]);
    let write = |package: &Package| recorded.home.write(package);
    let leaf = write(&Package::new("leaf", "1.0.0").file("data/leaf.bin", noise(1, 3000)));
    let top = write(&Package::new("top", "1.0.0").needs("leaf", "^1").file("data/top.bin", noise(2, 3000)));
    let next = write(&Package::new("top", "1.1.0").needs("leaf", "^1").file("data/top.bin", noise(3, 3000)));
    recorded.run(&["marketplace", "publish", &leaf, "--offline"]);
    recorded.run(&["marketplace", "publish", &top, "--offline"]);
    recorded.run(&["marketplace", "install", "top", "--offline"]);
    recorded.run(&["marketplace", "publish", &next, "--offline"]);
    recorded.run(&["marketplace", "upgrade", "top", "--offline"]);
    recorded.run(&["marketplace", "remove", "top"]);
    recorded.run(&["marketplace", "update", "--force", "--offline"]);
    recorded.run(&["marketplace", "clean"]);
}
