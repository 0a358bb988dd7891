//! A disk that is full: a file system of its own, in a mount namespace of its own.

use std::process::Command;

use ggen_tests::{Home, LIMIT, Package, Ran, Running, Value, json, noise, parse};

use crate::home;

/// Whether this machine lets a test mount a file system for itself; said aloud where not.
pub(crate) fn may_mount() -> bool {
    let script = "mount -t tmpfs -o size=1m tmpfs /mnt";
    let tried = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).output();
    let may = tried.is_ok_and(|o| o.status.success());
    if !may {
        eprintln!("SKIPPED: this machine allows no mount namespace, a disk that is full or read-only cannot be made");
    }
    may
}

/// Runs a script where file systems may be mounted. `$GGEN` is the program, `$SMALL` an empty folder.
pub(crate) fn in_namespace(home: &Home, script: &str) -> Ran {
    let script = format!("set -u; mkdir -p $SMALL; {script}");
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

/// Runs a script in a copy of `home` on a file system of `kib`. `fill` in it leaves a number of KiB free, `room` takes
/// that back; `ask ARGUMENTS…` runs the program: a line of its answer, a line of its exit code.
fn on_small_disk(home: &Home, kib: usize, script: &str) -> Vec<String> {
    let script = format!(
        "mount -t tmpfs -o size={kib}k,nr_inodes=20000 tmpfs $SMALL; cp -a $GGEN_HOME/. $SMALL/; export GGEN_HOME=$SMALL
         ask() {{ answer=$($GGEN \"$@\" --json 2>/dev/null); code=$?; printf '%s\\n' \"$answer\"; echo $code; }}
         fill() {{ room; free=$(df -k --output=avail $SMALL | tail -1); \
            [ $free -le $1 ] || head -c $(((free - $1) * 1024)) /dev/zero >$SMALL/filler; }}
         room() {{ rm -f $SMALL/filler; }}
         {script}"
    );
    let ran = in_namespace(home, &script);
    ran.stdout.lines().map(str::to_owned).collect()
}

/// The next answer of a script, which must have ended with `code`.
#[track_caller]
fn next(lines: &mut impl Iterator<Item = String>, code: i32) -> Value {
    let (answer, exit) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    assert_eq!(exit, code.to_string(), "the exit code of {answer}");
    parse(&answer)
}

#[track_caller]
fn is_told(answer: &Value) {
    let error = &answer["error"];
    assert_eq!(error["code"], "GGEN-E0501", "{answer}");
    assert_eq!(error["message"], "insufficient disk space", "{answer}");
    assert!(error["context"]["available"].is_u64() && error["context"]["required"].is_u64(), "{answer}");
    let hints = error["hints"].to_string();
    assert!(hints.contains("ggen marketplace clean") && !hints.contains("rm "), "a safe command: {answer}");
}

#[test]
fn a_full_disk_is_told_before_a_byte_and_leaves_nothing() {
    if !may_mount() {
        return;
    }
    let home = home();
    home.publish(&Package::new("roomy", "1.0.0").file("zeros.bin", vec![0; 30_000_000]));
    let script = "ask marketplace install roomy --offline; ask marketplace list; ls $SMALL/tmp $SMALL/packages
        $GGEN marketplace install roomy --offline 2>&1";
    let mut lines = on_small_disk(&home, 24 * 1024, script).into_iter();
    let error = next(&mut lines, 6);
    is_told(&error);
    let context = &error["error"]["context"];
    // What is signed: the files with all that belongs to them.
    assert!(context["required"].as_u64() >= Some(30_000_000), "{error}");
    assert!(context["available"].as_u64() < Some(24 * 1024 * 1024), "{error}");
    assert_eq!(next(&mut lines, 0)["packages"], json!([]));
    let rest: Vec<_> = lines.collect();
    assert!(!rest.iter().any(|l| l == "roomy" || l.starts_with("tx-")), "nothing is left behind: {rest:?}");
    let said = rest.join("\n");
    for text in ["insufficient disk space", "required:", "30.0 MB", "available:", "ggen marketplace clean"] {
        assert!(said.contains(text), "{text} in {said}");
    }
}

#[test]
fn a_disk_that_fills_up_in_the_middle_leaves_nothing() {
    if !may_mount() {
        return;
    }
    let home = home();
    // Many small files need more blocks than the signed size says.
    let mut package = Package::new("crumbs", "1.0.0");
    for i in 0..6000 {
        package = package.file(&format!("d{}/{i}.bin", i % 50), noise(i, 10));
    }
    home.publish(&package);
    let script = "ask marketplace install crumbs --offline; ask marketplace list; ls $SMALL/tmp $SMALL/packages";
    let mut lines = on_small_disk(&home, 12 * 1024, script).into_iter();
    is_told(&next(&mut lines, 6));
    assert_eq!(next(&mut lines, 0)["packages"], json!([]));
    let left: Vec<_> = lines.filter(|l| l.contains("crumbs") || l.contains("tx-")).collect();
    assert!(left.is_empty(), "nothing is left behind: {left:?}");
}

#[test]
fn on_a_disk_without_a_byte_free_everything_can_be_read_and_nothing_is_half_written() {
    if !may_mount() {
        return;
    }
    let home = home();
    home.publish(&Package::new("there", "1.0.0"));
    home.publish(&Package::new("wanted", "1.0.0").file("a.bin", noise(1, 300_000)));
    home.json(&["marketplace", "install", "there", "--offline"]);
    let folder = home.write(&Package::new("late", "1.0.0").file("b.bin", noise(2, 300_000)));
    let script = format!(
        "fill 0; ask marketplace list; ask marketplace info there --offline; ask marketplace search there --offline
         ask marketplace verify; ask marketplace install wanted --offline; ask marketplace publish {folder} --offline
         ask marketplace update --force --offline; ask marketplace remove there
         room; ls $SMALL/tmp; echo '.'
         ask marketplace verify; ask marketplace publish {folder} --offline
         ask marketplace install wanted late --offline; ask marketplace update --force --offline"
    );
    let mut lines = on_small_disk(&home, 12 * 1024, &script).into_iter();
    assert_eq!(crate::each(&next(&mut lines, 0)["packages"], "name"), ["there"]);
    assert_eq!(next(&mut lines, 0)["installed"], "1.0.0");
    assert_eq!(crate::each(&next(&mut lines, 0)["results"], "name"), ["there"]);
    assert_eq!(next(&mut lines, 0)["damaged"], json!([]));
    for _ in ["install", "publish", "update", "remove"] {
        is_told(&next(&mut lines, 6));
    }
    let left: Vec<_> = lines.by_ref().take_while(|l| l != ".").collect();
    assert!(left.is_empty(), "nothing is left behind: {left:?}");
    let verified = next(&mut lines, 0);
    assert_eq!((&verified["checked"], &verified["damaged"]), (&json!(1), &json!([])));
    next(&mut lines, 0);
    assert_eq!(crate::each(&next(&mut lines, 0)["installed"], "name").len(), 2);
    assert_eq!(next(&mut lines, 0)["rejected"], json!([]));
}

#[test]
fn a_publish_that_fills_the_disk_leaves_the_catalog_as_it_was() {
    if !may_mount() {
        return;
    }
    let home = home();
    home.publish(&Package::new("first", "1.0.0"));
    let folder = home.write(&Package::new("large", "1.0.0").file("b.bin", noise(2, 3_000_000)));
    // At each of these the disk ends somewhere else: in the archive, in its copy, in the database, in the index.
    let sizes = [64, 256, 1024, 2048, 2900, 3000, 3100, 3200, 4000, 5900, 6000, 6100];
    let tries: String = sizes
        .iter()
        .map(|kib| format!("fill {kib}; ask marketplace publish {folder} --offline; ask marketplace list; room; ls $SMALL/tmp; echo '.'\n"))
        .collect();
    let script =
        format!("{tries} ask marketplace publish {folder} --offline; ask marketplace install large first --offline");
    let mut lines = on_small_disk(&home, 24 * 1024, &script).into_iter();
    let mut failed = 0;
    for kib in sizes {
        let (answer, exit) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        match exit.as_str() {
            "0" => {}
            "6" => {
                failed += 1;
                is_told(&parse(&answer));
            }
            other => panic!("with {kib} KiB free: exit {other}: {answer}"),
        }
        next(&mut lines, 0);
        let left: Vec<_> = lines.by_ref().take_while(|l| l != ".").collect();
        assert!(left.is_empty(), "with {kib} KiB free: left behind: {left:?}");
    }
    assert!(failed >= 4, "only {failed} of {sizes:?} were too small");
    next(&mut lines, 0);
    assert_eq!(crate::each(&next(&mut lines, 0)["installed"], "name").len(), 2);
}

#[test]
fn a_node_whose_disk_is_full_goes_on_serving() {
    if !may_mount() {
        return;
    }
    let (home, other) = (home(), home());
    home.publish(&Package::new("served", "1.0.0").file("a.txt", "a"));
    let theirs = other.path().display();
    let script = format!(
        "$GGEN marketplace p2p start --json >$SMALL.ready 2>$SMALL.told & node=$!
         until [ -s $SMALL.ready ]; do sleep 0.1; done
         address=$(sed 's/.*listen_addresses\":\\[\"\\([^\"]*\\).*/\\1/' $SMALL.ready)
         fill 0
         GGEN_HOME={theirs} GGEN_P2P_BOOTSTRAP=$address $GGEN marketplace p2p start --json >$SMALL.other 2>&1 & next=$!
         tries=0; until grep -q 'cannot be kept' $SMALL.told || [ $tries -gt 300 ]; do tries=$((tries + 1)); sleep 0.1; done
         cat $SMALL.told
         GGEN_HOME={theirs} $GGEN marketplace install served --json; echo $?
         kill -INT $next; kill -INT $node; wait $node; echo $?"
    );
    let lines = on_small_disk(&home, 24 * 1024, &script);
    let told = lines.join("\n");
    assert!(told.contains("what this node learns of its peers cannot be kept now"), "{told}");
    assert!(told.contains("\"origin\":\"peers\""), "it served: {told}");
    assert_eq!(lines.last().map(String::as_str), Some("0"), "it ends well: {told}");
}
