//! Wrong input: a code of its own, the name of the offending thing, and never a panic or a half-written file.

use ggen_tests::{Home, Package, files_beneath};

use crate::home;

/// Each line must end with `exit`, and name `offender`.
#[track_caller]
fn refuses(home: &Home, exit: i32, offender: &str, args: &[&str]) -> String {
    let error = home.fails(exit, args);
    assert!(error.to_string().contains(offender), "{args:?} names {offender}: {error}");
    assert!(error["hints"].as_array().is_some_and(|h| !h.is_empty()), "{args:?} has a hint: {error}");
    error["code"].as_str().unwrap().to_owned()
}

#[test]
fn addresses() {
    let mut home = home();
    let peer = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    for bad in ["nonsense", "/ip4/127.0.0.1/tcp/99999", "/ip4/127.0.0.1/tcp/1/p2p/fake", "/ip4/127.0.0.1/tcp/1", ""] {
        refuses(&home, 2, bad, &["marketplace", "p2p", "start", "--bootstrap", bad]);
    }
    for bad in ["nonsense", "127.0.0.1:4001", "/ip4/300.0.0.1/tcp/0"] {
        refuses(&home, 2, bad, &["marketplace", "p2p", "start", "--listen", bad]);
    }
    home.set("GGEN_P2P_BOOTSTRAP", &format!("/ip4/127.0.0.1/tcp/1/p2p/{peer},/oops"));
    refuses(&home, 2, "/oops", &["marketplace", "search", "anything"]);
    home.set("GGEN_P2P_BOOTSTRAP", "").set("GGEN_P2P_LISTEN", "/ip4/nowhere");
    refuses(&home, 2, "/ip4/nowhere", &["marketplace", "p2p", "start"]);
    assert!(!home.path().join("p2p/control.sock").exists());
}

#[test]
fn manifests() {
    let home = home();
    home.key();
    let cases: &[(&str, &str, usize)] = &[
        ("[package\nname = \"x\"", "package.toml", 1),
        ("[package]\nname = \"A Title For People\"\nversion = \"1.0.0\"\n", "a-title-for-people", 2),
        ("[package]\nname = \"x\"\nversion = \"one\"\n", "one", 3),
        ("[package]\nname = \"x\"\n", "version", 1),
        ("[package]\nversion = \"1.0.0\"\n", "name", 1),
        ("name = \"x\"\n", "[package]", 1),
        ("[package]\nname = 5\nversion = \"1.0.0\"\n", "name", 2),
        ("[package]\nname = \"../x\"\nversion = \"1.0.0\"\n", "../x", 2),
    ];
    let folder = home.root().join("wrong");
    std::fs::create_dir_all(&folder).unwrap();
    let publish = ["marketplace", "publish", folder.to_str().unwrap(), "--offline"];
    let before = files_beneath(&home.path().join("store"));
    for (text, offender, line) in cases {
        std::fs::write(folder.join("package.toml"), text).unwrap();
        let error = home.fails(2, &publish);
        let said = error.to_string();
        assert!(said.contains(offender), "{text:?}: {error}");
        assert!(said.contains(&format!("package.toml:{line}")), "file and line of {text:?}: {error}");
        assert!(error["hints"].as_array().is_some_and(|h| !h.is_empty()), "{error}");
    }
    std::fs::remove_file(folder.join("package.toml")).unwrap();
    refuses(&home, 2, folder.to_str().unwrap(), &publish);
    let nowhere = home.root().join("nowhere");
    home.fails(2, &["marketplace", "publish", nowhere.to_str().unwrap(), "--offline"]);
    let after: Vec<_> = files_beneath(&home.path().join("store"));
    assert!(after.len() <= before.len() + 2, "nothing that was refused is stored: {after:?}");
}

#[test]
fn a_manifest_that_is_no_text() {
    let home = home();
    home.key();
    let folder = home.write(&Package::new("binary", "1.0.0"));
    std::fs::write(std::path::Path::new(&folder).join("package.toml"), [0xff, 0xfe, 0x00]).unwrap();
    refuses(&home, 2, "package.toml", &["marketplace", "publish", &folder, "--offline"]);
}

#[test]
fn trees_that_no_archive_may_have() {
    let home = home();
    home.key();
    let folder = home.write(&Package::new("linked", "1.0.0"));
    std::os::unix::fs::symlink("/etc/passwd", std::path::Path::new(&folder).join("passwd")).unwrap();
    let ran = home.run(&["marketplace", "publish", &folder, "--offline", "--json"]);
    assert_ne!(ran.code(), 0, "{ran}");
    assert!(ran.error().to_string().contains("passwd"), "{ran}");
}

#[test]
fn targets_and_requirements() {
    let home = home();
    for bad in ["../x", "a b", "x@not-a-range", "@1", "x/y/z", "short/x", "", "nowhere/file.ggen", "é"] {
        let ran = home.run(&["marketplace", "install", bad, "--offline", "--json"]);
        assert!([2, 8].contains(&ran.code()) || (bad.ends_with(".ggen") && ran.code() != 0), "{bad:?}\n{ran}");
        let error = ran.error();
        let part = bad.split(['/', '@']).find(|p| !p.is_empty()).unwrap_or_default();
        assert!(error.to_string().contains(part), "it names {bad:?}, or what is wrong in it: {error}");
    }
    for args in [
        &["marketplace", "info", "../x"][..],
        &["marketplace", "remove", "a b"],
        &["marketplace", "verify", "é"],
        &["key", "trust", "x", "nobody"],
        &["key", "trust", "../x", "0"],
    ] {
        home.fails(2, args);
    }
    home.is_clean();
}

#[test]
fn command_lines() {
    let home = home();
    for args in [
        &["marketplace", "instal", "x"][..],
        &["marketplace", "install"],
        &["marketplace", "install", "x", "--strategy", "latest"],
        &["marketplace", "search"],
        &["--frobnicate"],
        &["key"],
        &["explain", "GGEN-E9999"],
    ] {
        home.fails(2, args);
    }
    assert!(!home.path().join("packages/x").exists());
}

#[test]
fn settings() {
    let home = home();
    let cases = [
        ("[netwrok]\nmdns = true\n", "netwrok", "network"),
        ("[network]\nbootstarp = []\n", "bootstarp", "bootstrap"),
        ("[limits]\nlookup_timeuot = \"1s\"\n", "lookup_timeuot", "lookup_timeout"),
        ("[limits]\nlookup_timeout = \"soon\"\n", "soon", "10s"),
        ("[network]\nbootstrap = \"one\"\n", "bootstrap", "config.toml"),
        ("[[policy.verificaton]]\nuse = \"x\"\n", "verificaton", "verification"),
        ("[[policy.verification]]\nuse = \"signed-releases\"\nmode = \"sometimes\"\n", "sometimes", "shadow"),
        ("not toml at all", "config.toml", ""),
        ("[network]\nbootstrap = [\"/ip4/1.2.3.4/tcp/1\"]\n", "/ip4/1.2.3.4/tcp/1", "/p2p/"),
    ];
    for (text, offender, near) in cases {
        home.config(text);
        let error = home.fails(2, &["marketplace", "search", "anything"]);
        let said = error.to_string();
        assert!(said.contains(offender) && said.contains(near), "{text:?} names {offender} and {near}: {error}");
    }
    home.config("[[policy.verification]]\nuse = \"no-such-policy\"\n");
    let ran = home.run(&["marketplace", "install", "hello-ggen", "--offline", "--json"]);
    assert_ne!(ran.code(), 0, "a verifier that is not there denies\n{ran}");
    assert!(ran.error().to_string().contains("no-such-policy"), "{ran}");
    assert!(home.installed().is_empty());
}

#[test]
fn a_home_that_cannot_be_one() {
    let mut home = home();
    let file = home.root().join("a-file");
    std::fs::write(&file, "x").unwrap();
    home.set("GGEN_HOME", file.to_str().unwrap());
    let ran = home.run(&["marketplace", "list", "--json"]);
    assert!([2, 6].contains(&ran.code()), "{ran}");
    ran.error();
    let later = home.root().join("later");
    std::fs::create_dir(&later).unwrap();
    std::fs::write(later.join("VERSION"), "99\n").unwrap();
    home.set("GGEN_HOME", later.to_str().unwrap());
    let ran = home.run(&["marketplace", "list", "--json"]);
    assert_ne!(ran.code(), 0, "a home of a later layout is left as it is\n{ran}");
    assert!(ran.error().to_string().contains("99"), "{ran}");
    assert_eq!(files_beneath(&later), ["VERSION"]);
}

#[test]
fn the_home_flag_is_over_the_environment() {
    let home = home();
    let other = home.root().join("other");
    home.json(&["--home", other.to_str().unwrap(), "key", "new"]);
    assert!(other.join("keys").is_dir());
    assert!(!home.path().join("keys").exists());
}
