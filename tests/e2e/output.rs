//! What scripts and shells rely on: exit codes, one JSON object, completions, man pages, explanations.

use ggen_tests::Package;

use crate::home;

#[test]
fn every_answer_is_one_object_and_every_error_too() {
    let mut home = home();
    home.publish(&Package::new("there", "1.0.0"));
    home.json(&["marketplace", "install", "there", "--offline"]);
    for args in [
        &["key", "list"][..],
        &["marketplace", "list"],
        &["marketplace", "search", "there", "--offline"],
        &["marketplace", "info", "there", "--offline"],
        &["marketplace", "verify"],
        &["marketplace", "clean", "--dry-run"],
        &["marketplace", "update", "--offline"],
        &["marketplace", "p2p", "status"],
        &["plugin", "list"],
        &["policy", "show"],
        &["explain", "GGEN-E0203"],
    ] {
        home.json(args);
    }
    home.set("GGEN_P2P_BOOTSTRAP", "");
    let failing: &[(&[&str], &[i32])] = &[
        (&["marketplace", "publish", "/nowhere"], &[2]),
        (&["marketplace", "search", "x", "--limit", "0"], &[2]),
        (&["marketplace", "install", "nobody-has-this", "--offline"], &[3]),
        (&["marketplace", "info", "nobody-has-this", "--offline"], &[3, 5]),
        (&["marketplace", "remove", "nobody-has-this"], &[1, 3]),
        (&["marketplace", "verify", "nobody-has-this"], &[1, 3]),
        (&["marketplace", "inspect", "/nowhere"], &[2, 6]),
        (&["marketplace", "p2p", "peers"], &[1, 5]),
        (&["marketplace", "p2p", "start", "--listen", "x"], &[2]),
        (&["key", "export", "no-such-alias"], &[1, 2]),
        (&["key", "trust", "there", "00000000"], &[1, 2, 8]),
        (&["plugin", "build", "/nowhere"], &[1, 2]),
        (&["plugin", "check", "/nowhere.wasm"], &[2, 6]),
        (&["plugin", "inspect", "/nowhere.wasm"], &[2, 6]),
        (&["explain", "nonsense"], &[2]),
    ];
    for (args, exits) in failing {
        let ran = home.run(&[args, &["--json"][..]].concat());
        assert!(exits.contains(&ran.code()), "{exits:?}\n{ran}");
        ran.error();
        let people = home.run(args);
        assert_eq!(people.code(), ran.code(), "{people}");
        assert!(people.stdout.is_empty(), "an error is told on stderr\n{people}");
        assert!(people.stderr.contains(ran.error()["code"].as_str().unwrap()), "with its code\n{people}");
        assert!(!people.stderr.contains('\u{1b}'), "no colours without a terminal\n{people}");
    }
}

#[test]
fn a_code_of_an_error_is_explained() {
    let home = home();
    let error = home.fails(3, &["marketplace", "install", "nobody-has-this", "--offline"]);
    let code = error["code"].as_str().unwrap();
    let ran = home.run(&["explain", code]).exits(0);
    assert!(ran.stdout.len() + ran.stderr.len() > 40 && ran.stdout.contains(code), "{ran}");
}

#[test]
fn version_and_help_touch_no_home() {
    let home = home();
    let version = home.run(&["--version"]).exits(0);
    assert!(version.stdout.starts_with("ggen 0."), "{version}");
    for args in [&["--help"][..], &["marketplace", "--help"], &["mp", "install", "--help"], &["help"]] {
        let ran = home.run(args).exits(0);
        assert!(ran.stdout.contains("Usage"), "{ran}");
    }
    assert!(!home.path().exists(), "no home was made for it");
}

#[test]
fn completions_and_man_pages_come_from_the_definition() {
    let home = home();
    for shell in ["bash", "zsh", "fish"] {
        let ran = home.run(&["completions", shell]).exits(0);
        assert!(ran.stdout.contains("marketplace") && ran.stdout.contains("install"), "{ran}");
    }
    let page = home.run(&["man"]).exits(0);
    assert!(page.stdout.contains(".TH ggen"), "{page}");
    let folder = home.root().join("man");
    home.run(&["man", folder.to_str().unwrap()]).exits(0);
    let pages = ggen_tests::files_beneath(&folder);
    assert!(pages.iter().any(|p| p.starts_with("ggen-marketplace-install")), "{pages:?}");
}

#[test]
fn a_list_without_a_terminal_is_plain() {
    let home = home();
    home.publish(&Package::new("plain", "1.0.0"));
    home.json(&["marketplace", "install", "plain", "--offline"]);
    let ran = home.run(&["marketplace", "list"]).exits(0);
    assert!(ran.stdout.contains("plain") && ran.stdout.contains("1.0.0"), "{ran}");
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran}");
    let quiet = home.run(&["marketplace", "remove", "plain", "-q"]).exits(0);
    assert!(quiet.stderr.is_empty(), "{quiet}");
}

#[test]
fn an_answer_that_nobody_reads_is_no_panic() {
    use std::process::Stdio;
    let home = home();
    let mut child =
        home.command(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start it");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("wait for it");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
}

#[test]
fn the_demo_shows_it_all_in_time_and_leaves_nothing() {
    let home = home();
    let ran = home.run(&["demo"]).exits(0);
    let said = format!("{}{}", ran.stdout, ran.stderr).to_lowercase();
    for word in ["publish", "banned", "corrupt", "install"] {
        assert!(said.contains(word), "it shows {word}\n{ran}");
    }
    assert!(home.installed().is_empty(), "it works in homes of its own");
    let json = home.json(&["demo"]);
    assert!(json["steps"].as_array().is_some_and(|s| s.len() >= 4), "{json}");
}
