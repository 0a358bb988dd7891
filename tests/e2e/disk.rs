//! A disk that is full: a file system of its own, in a mount namespace of its own.

use std::process::Command;

use ggen_tests::{Home, LIMIT, Package, Running, noise};

use crate::home;

/// Whether this machine lets a test mount a file system for itself.
fn may_mount() -> bool {
    let script = "mount -t tmpfs -o size=1m tmpfs /mnt";
    let tried = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).output();
    tried.is_ok_and(|o| o.status.success())
}

/// Runs `install NAME` in a copy of `home` on a file system of `kib`; then `list`, and what is in `tmp`.
fn install_on_small_disk(home: &Home, name: &str, kib: usize) -> ggen_tests::Ran {
    let script = format!(
        "set -u; mkdir -p $SMALL; mount -t tmpfs -o size={kib}k,nr_inodes=20000 tmpfs $SMALL; cp -a $GGEN_HOME/. $SMALL/; \
         export GGEN_HOME=$SMALL; $GGEN marketplace install {name} --offline --json; echo $?; \
         $GGEN marketplace list --offline --json; ls $SMALL/tmp $SMALL/packages"
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    let like = home.command(&[]);
    for (key, value) in like.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command.env("GGEN", like.get_program()).env("SMALL", home.root().join("small")).current_dir(home.root());
    Running::start(command).ends_within(LIMIT)
}

#[test]
fn a_full_disk_is_told_before_a_byte_and_leaves_nothing() {
    if !may_mount() {
        eprintln!("SKIPPED: this machine allows no mount namespace, a full disk cannot be made");
        return;
    }
    let home = home();
    home.publish(&Package::new("roomy", "1.0.0").file("zeros.bin", vec![0; 30_000_000]));
    let ran = install_on_small_disk(&home, "roomy", 24 * 1024);
    let mut lines = ran.stdout.lines();
    let error: ggen_tests::Value = ggen_tests::parse(lines.next().unwrap_or_default());
    assert_eq!(lines.next(), Some("6"), "the exit code\n{ran}");
    let said = error["error"].to_string();
    assert!(said.contains("Insufficient disk space") || said.contains("required"), "{ran}");
    assert!(said.contains("ggen marketplace clean") && !said.contains("rm "), "a command that is safe to run\n{ran}");
    let list = ggen_tests::parse(lines.next().unwrap_or_default());
    assert_eq!(list["packages"], ggen_tests::json!([]), "{ran}");
    assert!(!lines.any(|l| l.contains("roomy")), "nothing is left behind\n{ran}");
}

#[test]
fn a_disk_that_fills_up_in_the_middle_leaves_nothing() {
    if !may_mount() {
        eprintln!("SKIPPED: this machine allows no mount namespace, a full disk cannot be made");
        return;
    }
    let home = home();
    // Many small files need more blocks than the signed size says.
    let mut package = Package::new("crumbs", "1.0.0");
    for i in 0..6000 {
        package = package.file(&format!("d{}/{i}.bin", i % 50), noise(i, 10));
    }
    home.publish(&package);
    let ran = install_on_small_disk(&home, "crumbs", 12 * 1024);
    let code = ran.stdout.lines().nth(1);
    assert_eq!(code, Some("6"), "{ran}");
    let list = ggen_tests::parse(ran.stdout.lines().nth(2).unwrap_or_default());
    assert_eq!(list["packages"], ggen_tests::json!([]), "{ran}");
    assert!(!ran.stdout.lines().skip(3).any(|l| l.contains("crumbs")), "nothing is left behind\n{ran}");
}
