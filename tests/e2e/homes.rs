//! Homes that cannot be used as they are: each is told by its name, and left as it is.

use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use ggen_tests::{Package, Running, files_beneath, json, parse};

use crate::disk::{in_namespace, may_mount};
use crate::home;

#[test]
fn a_home_of_a_later_version_is_left_as_it_is() {
    let home = home();
    home.publish(&Package::new("kept", "1.0.0"));
    std::fs::write(home.path().join("VERSION"), "99\n").unwrap();
    let before: Vec<_> = files_beneath(home.path());
    let times = |files: &[String]| -> Vec<_> {
        files.iter().map(|f| std::fs::metadata(home.path().join(f)).unwrap().modified().unwrap()).collect()
    };
    let then = times(&before);
    for args in [&["marketplace", "list"][..], &["marketplace", "clean"], &["key", "new"], &["marketplace", "verify"]] {
        let error = home.fails(6, args);
        assert_eq!(error["code"], "GGEN-E0504", "{error}");
        assert!(error["message"].as_str().unwrap().contains("99"), "{error}");
    }
    assert_eq!(files_beneath(home.path()), before);
    assert_eq!(times(&before), then, "not one file was written");
}

#[test]
fn a_home_of_another_user_is_refused_by_its_name() {
    let home = home();
    home.publish(&Package::new("theirs", "1.0.0"));
    if std::os::unix::fs::chown(home.path(), Some(54_321), None).is_err() {
        eprintln!("SKIPPED: only root can give a home to somebody else");
        return;
    }
    let before = files_beneath(home.path());
    let error = home.fails(6, &["marketplace", "list"]);
    assert_eq!(error["code"], "GGEN-E0511", "{error}");
    assert_eq!(error["context"]["path"], home.path().to_str().unwrap());
    assert_eq!(error["context"]["owner"], 54_321);
    home.fails(6, &["marketplace", "install", "theirs", "--offline"]);
    assert_eq!(files_beneath(home.path()), before);
}

#[test]
fn a_read_only_home_is_told_by_its_name_and_not_written_to() {
    if !may_mount() {
        return;
    }
    let home = home();
    home.publish(&Package::new("fixed", "1.0.0"));
    home.json(&["marketplace", "install", "fixed", "--offline"]);
    let folder = home.write(&Package::new("more", "1.0.0"));
    let script = format!(
        "mount --bind $GGEN_HOME $SMALL && mount -o remount,bind,ro $SMALL && export GGEN_HOME=$SMALL || exit 99
         for line in 'list' 'verify' 'remove fixed' 'publish {folder} --offline' 'update --force --offline' 'clean'; do
            answer=$($GGEN marketplace $line --json 2>/dev/null); echo $?; printf '%s\\n' \"$answer\"
         done"
    );
    let ran = in_namespace(&home, &script);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 12, "{ran}");
    for pair in lines.chunks(2) {
        let answer = parse(pair[1]);
        match pair[0] {
            // What only reads may work.
            "0" => assert!(answer["packages"].is_array() || answer["damaged"] == json!([]), "{ran}"),
            "6" => {
                assert_eq!(answer["error"]["code"], "GGEN-E0502", "{ran}");
                let path = answer["error"]["context"]["path"].as_str().unwrap();
                assert!(path.contains("/small"), "it names the home: {ran}");
            }
            code => panic!("exit {code}: {ran}"),
        }
    }
    home.is_clean();
    assert_eq!(home.json(&["marketplace", "verify"])["damaged"], json!([]));
}

#[test]
fn a_path_that_is_no_text_is_refused_at_publish_and_shown_escaped() {
    let home = home();
    home.key();
    let folder = home.write(&Package::new("odd", "1.0.0"));
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9\x1b[31m.txt");
    std::fs::write(std::path::Path::new(&folder).join("templates").join(name), "x").unwrap();
    let ran = home.run(&["marketplace", "publish", &folder, "--offline", "--json"]);
    assert_ne!(ran.code(), 0, "{ran}");
    let error = ran.error();
    let said = error.to_string();
    assert!(said.contains(r"templates/caf\\xe9"), "the path, escaped: {error}");
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran}");
    let ran = home.run(&["marketplace", "publish", &folder, "--offline"]);
    assert!(ran.stderr.contains(r"templates/caf\xe9") && !ran.stderr.contains('\u{1b}'), "{ran}");
    // A folder of such a name, as an argument.
    let odd = home.root().join(std::ffi::OsStr::from_bytes(b"fold\xe9r"));
    std::fs::rename(&folder, &odd).unwrap();
    let mut command: Command = home.command(&["marketplace", "publish"]);
    command.arg(&odd).args(["--offline", "--json"]);
    let ran = Running::start(command).ends_within(ggen_tests::LIMIT);
    assert_ne!(ran.code(), 0, "{ran}");
    ran.error();
    assert!(home.installed().is_empty());
    assert!(!home.path().join("registry/releases").exists(), "nothing was signed");
}
