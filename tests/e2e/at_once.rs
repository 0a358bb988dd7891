//! Several commands at the same time, and commands that are stopped in the middle.

use std::time::Duration;

use ggen_tests::{LIMIT, Package, eventually, noise};

use crate::home;

#[test]
fn two_installs_of_one_package_both_succeed_and_install_it_once() {
    let home = home();
    let mut package = Package::new("wanted", "1.0.0");
    for i in 0..50 {
        package = package.file(&format!("data/{i}.bin"), noise(i, 50_000));
    }
    home.publish(&package);
    let args = ["marketplace", "install", "wanted", "--offline", "--json"];
    let running: Vec<_> = (0..4).map(|_| home.spawn(&args)).collect();
    for one in running {
        one.ends_within(LIMIT).exits(0).value();
    }
    assert_eq!(home.installed(), [("wanted".to_owned(), "1.0.0".to_owned())]);
    assert_eq!(home.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    home.is_clean();
}

#[test]
fn twenty_processes_install_ten_packages_between_them_and_none_is_lost() {
    let home = home();
    let names: Vec<_> = (0..10).map(|i| format!("side-{i}")).collect();
    for name in &names {
        home.publish(&Package::new(name, "1.0.0").file("a.bin", noise(1, 100_000)));
    }
    // Two each, in different orders: nobody waits for somebody who waits for him.
    let start = |i: usize| {
        let (one, other) = (&names[i % 10], &names[(i * 3 + 1) % 10]);
        home.spawn(&["marketplace", "install", one, other, "--offline", "--json"])
    };
    let running: Vec<_> = (0..20).map(start).collect();
    for one in running {
        one.ends_within(LIMIT).exits(0);
    }
    let installed: Vec<_> = home.installed().into_iter().map(|(name, _)| name).collect();
    assert_eq!(installed, names);
    assert_eq!(home.json(&["marketplace", "verify"])["damaged"], ggen_tests::json!([]));
    home.is_clean();
}

#[test]
fn a_lock_that_is_held_is_waited_for_and_then_named() {
    let home = home();
    home.publish(&Package::new("locked", "1.0.0"));
    home.json(&["marketplace", "install", "locked", "--offline"]);
    home.publish(&Package::new("locked", "1.1.0"));
    home.config("[limits]\nlock_retry = \"100ms\"\nlock_tries = 3\n");
    let lock = home.path().join("packages/.locks/locked");
    let file =
        std::fs::OpenOptions::new().read(true).write(true).open(&lock).expect("the lock of an installed package");
    file.try_lock().expect("nobody else holds the lock");
    let ran = home.run(&["marketplace", "install", "locked@1.1.0", "--offline", "--json"]).exits(7);
    let error = ran.error();
    assert!(!error.to_string().contains("rm "), "no text tells a user to delete a lock: {error}");
    // Where the kernel tells who holds it, this process is named: its id, its command, and since when.
    let me = std::process::id();
    if std::path::Path::new("/proc/locks").exists() {
        let waited = format!("waiting for locked: in use by process {me} (");
        assert!(ran.stderr.contains(&waited) && ran.stderr.contains("since"), "{ran}");
        let holder = &error["context"]["holder"];
        assert_eq!((&holder["pid"], &holder["what"]), (&me.into(), &"locked".into()), "{ran}");
        assert!(holder["command"].as_str().is_some_and(|c| c.contains("e2e")), "{ran}");
        assert!(holder["since"].as_u64() > Some(0), "{ran}");
        assert!(error["message"].as_str().is_some_and(|m| m.contains(&me.to_string())), "{ran}");
    }
    assert!(lock.exists(), "a lock file is never unlinked");
    drop(file);
    home.json(&["marketplace", "install", "locked@1.1.0", "--offline"]);
    home.is_clean();
}

#[test]
fn who_cleans_up_waits_for_an_install_and_names_it() {
    let home = home();
    home.publish(&Package::new("busy", "1.0.0"));
    home.config("[limits]\nlock_retry = \"100ms\"\nlock_tries = 2\n");
    home.json(&["marketplace", "install", "busy", "--offline"]);
    let lock = std::fs::File::open(home.path().join("packages/.ggen-install.lock")).expect("the clean-up lock");
    lock.try_lock_shared().expect("nobody cleans up");
    // Others install beside this one; who cleans up wants to be alone.
    home.json(&["marketplace", "remove", "busy"]);
    home.json(&["marketplace", "install", "busy", "--offline"]);
    let ran = home.run(&["marketplace", "clean", "--json"]).exits(7);
    if std::path::Path::new("/proc/locks").exists() {
        assert_eq!(ran.error()["context"]["holder"]["pid"], std::process::id(), "{ran}");
    }
    drop(lock);
    home.json(&["marketplace", "clean"]);
}

#[test]
fn two_publishes_at_once_both_count() {
    let home = home();
    home.key();
    let folders: Vec<_> =
        ["1.0.0", "1.1.0", "1.2.0", "1.3.0"].iter().map(|v| home.write(&Package::new("rush", v))).collect();
    let start = |folder: &String| home.spawn(&["marketplace", "publish", folder, "--offline", "--json"]);
    for one in folders.iter().map(start).collect::<Vec<_>>() {
        one.ends_within(LIMIT).exits(0);
    }
    let info = home.json(&["marketplace", "info", "rush", "--offline"]);
    assert_eq!(crate::each(&info["versions"], "version"), ["1.3.0", "1.2.0", "1.1.0", "1.0.0"]);
}

#[test]
fn an_interrupt_in_the_middle_ends_with_130_and_leaves_nothing() {
    let home = home();
    let mut package = Package::new("long", "1.0.0");
    for i in 0..400 {
        package = package.file(&format!("data/{i}.bin"), noise(i, 200_000));
    }
    home.publish(&package);
    let tmp = home.path().join("tmp");
    let mut stopped = 0;
    for _ in 0..5 {
        let mut install = home.spawn(&["marketplace", "install", "long", "--offline", "--json"]);
        let begun = || std::fs::read_dir(&tmp).is_ok_and(|d| d.flatten().next().is_some());
        eventually("the install begins", LIMIT, || (begun() || !install.runs()).then_some(()));
        install.interrupt();
        let ran = install.ends_within(Duration::from_secs(30));
        if ran.code() == 130 {
            stopped += 1;
            ran.error();
            assert!(home.installed().is_empty(), "before the commit nothing has happened\n{ran}");
            home.is_clean();
            break;
        }
        // It was done before the signal reached it: once more.
        ran.exits(0);
        home.json(&["marketplace", "remove", "long"]);
    }
    assert_eq!(stopped, 1, "not one of five installs of 80 MB could be interrupted");
    home.json(&["marketplace", "install", "long", "--offline"]);
}

#[test]
fn a_node_ends_politely_when_it_is_interrupted() {
    let home = home();
    let node = home.node();
    let code = node.stop();
    assert!(matches!(code, Some(0 | 130)), "{code:?}");
    assert_eq!(home.json(&["marketplace", "p2p", "status", "--offline"])["running"], false);
}
