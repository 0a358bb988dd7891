//! `doctor`: the two questions that users come with, each walked to one diagnosis and one safe next step.

use std::time::Duration;

use ggen_tests::{Home, Package, Running, Value};

use crate::home;

/// What `doctor` says: it ends with 1 where something fails, with 0 otherwise.
fn doctor(home: &Home, args: &[&str]) -> Value {
    let ran = home.run(&[&["marketplace", "doctor", "--json"][..], args].concat());
    let answer = ran.value();
    assert_eq!(ran.code(), i32::from(answer["healthy"] != true), "{ran}");
    let step = &answer["next_step"];
    assert!(step.is_null() || !step["text"].as_str().unwrap_or_default().is_empty(), "{ran}");
    for destroys in ["rm ", "kill", "unlink", "delete"] {
        assert!(!step.to_string().contains(destroys), "a step that destroys: {ran}");
    }
    answer
}

fn diagnosis(answer: &Value) -> (&str, &str) {
    let step = answer["next_step"]["command"].as_str();
    (answer["diagnosis"]["code"].as_str().expect("a diagnosis"), step.unwrap_or_default())
}

fn config(home: &Home, text: &str) {
    std::fs::create_dir_all(home.path()).unwrap();
    std::fs::write(home.path().join("config.toml"), text).unwrap();
}

#[test]
fn a_healthy_home_is_told_so_and_one_that_is_not_there_is_not_made() {
    let home = home();
    let answer = doctor(&home, &["--offline"]);
    assert_eq!(diagnosis(&answer).0, "healthy", "{answer}");
    assert!(!home.path().join("state.db").exists(), "a look makes no home");
    home.publish(&Package::new("there", "1.0.0"));
    home.json(&["marketplace", "install", "there", "--offline"]);
    let answer = doctor(&home, &["there", "--offline"]);
    assert_eq!((diagnosis(&answer).0, &answer["next_step"]), ("healthy", &Value::Null), "{answer}");
    let checks = answer["checks"].as_array().unwrap();
    for check in ["version", "home", "space", "database", "index", "locks", "leftovers", "policies", "store", "package"]
    {
        assert!(checks.iter().any(|c| c["check"] == check && c["state"] == "good"), "{check}: {answer}");
    }
    assert!(checks.iter().any(|c| c["code"] == "no-node"), "{answer}");
    let people = home.run(&["marketplace", "doctor", "--offline"]).exits(0);
    assert!(people.stdout.contains("Diagnosis: nothing is wrong here"), "{people}");
}

#[test]
fn a_package_that_is_not_found_is_followed_to_the_reason() {
    let (publisher, mut user) = (home(), home());
    publisher.publish(&Package::new("graph-tools", "1.0.0"));
    // Known, not installed.
    let known = doctor(&publisher, &["graph-tools", "--offline"]);
    assert_eq!(diagnosis(&known), ("not-installed", "ggen marketplace install graph-tools --dry-run"), "{known}");
    // Not known, and nobody may be asked.
    let offline = doctor(&user, &["graph-tools", "--offline"]);
    assert_eq!(diagnosis(&offline).0, "healthy", "a home that is not there is not made: {offline}");
    user.key();
    let offline = doctor(&user, &["graph-tools", "--offline"]);
    assert_eq!(diagnosis(&offline), ("offline", "ggen marketplace doctor graph-tools"), "{offline}");
    // Not known, and there is no way into the network.
    user.set("GGEN_P2P_BOOTSTRAP", "");
    let alone = doctor(&user, &["graph-tools"]);
    assert_eq!(diagnosis(&alone).0, "no-way-in", "{alone}");
    assert!(diagnosis(&alone).1.contains("p2p start --bootstrap"), "{alone}");
    // There is a way in, and somebody has it.
    let node = publisher.node();
    user.bootstrap(&[&node]);
    let found = doctor(&user, &["graph-tools"]);
    assert_eq!(diagnosis(&found).0, "not-installed", "{found}");
    // Nobody has that one, but something like it.
    let unknown = doctor(&user, &["graph-tool"]);
    assert_eq!(diagnosis(&unknown), ("package-unknown", "ggen marketplace info graph-tools"), "{unknown}");
    // And a node tells how it is.
    let beside = doctor(&publisher, &["--offline"]);
    assert!(beside["checks"].as_array().unwrap().iter().any(|c| c["check"] == "network" && c["code"] != "no-node"));
}

#[test]
fn an_installation_that_hangs_is_followed_to_the_process_it_waits_for() {
    let home = home();
    home.publish(&Package::new("held", "1.0.0"));
    config(&home, "[limits]\nlock_retry = \"100ms\"\nlock_tries = 2\n");
    let lock = home.path().join("packages/.locks/held");
    // As a command of ours writes itself down.
    let me = std::process::id();
    std::fs::write(
        &lock,
        format!(r#"{{"pid":{me},"command":"ggen marketplace install held","since":1,"what":"held"}}"#),
    )
    .unwrap();
    let held = std::fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let answer = doctor(&home, &["--offline"]);
    let step = format!("ps -o pid,etime,stat,args -p {me}");
    assert_eq!(diagnosis(&answer), ("lock-held-long", step.as_str()), "{answer}");
    assert!(answer["diagnosis"]["message"].as_str().unwrap().contains(&me.to_string()), "{answer}");
    drop(held);
    assert_eq!(diagnosis(&doctor(&home, &["--offline"])).0, "healthy");
    assert!(lock.exists(), "a lock is never removed");
}

#[test]
fn a_full_disk_a_broken_index_a_broken_database_and_a_later_home_are_told_and_left_alone() {
    let home = home();
    home.publish(&Package::new("there", "1.0.0"));
    let index = home.path().join("registry/index.json");
    let whole = std::fs::read(&index).unwrap();
    std::fs::write(&index, &whole[..whole.len() / 2]).unwrap();
    let answer = doctor(&home, &["there", "--offline"]);
    assert_eq!(diagnosis(&answer), ("index-corrupted", "ggen marketplace update --force"), "{answer}");

    config(&home, "[limits]\nlow_space = 1000000000000000000\n");
    let answer = doctor(&home, &["--offline"]);
    assert_eq!(diagnosis(&answer), ("disk-full", "ggen marketplace clean"), "{answer}");
    std::fs::write(&index, &whole).unwrap();
    std::fs::remove_file(home.path().join("config.toml")).unwrap();

    std::fs::write(home.path().join("state.db.suspect"), "").unwrap();
    let answer = doctor(&home, &["there", "--offline"]);
    assert_eq!(diagnosis(&answer), ("database-damaged", "ggen marketplace list"), "{answer}");
    home.json(&["marketplace", "list"]);
    let answer = doctor(&home, &["there", "--offline"]);
    assert_eq!(diagnosis(&answer).0, "not-installed", "the next command rebuilt it: {answer}");

    std::fs::write(home.path().join("VERSION"), "7\n").unwrap();
    let before = ggen_tests::files_beneath(home.path());
    let answer = doctor(&home, &["there", "--offline"]);
    assert_eq!(diagnosis(&answer).0, "layout-unknown", "{answer}");
    assert_eq!(ggen_tests::files_beneath(home.path()), before);
}

#[test]
fn damaged_files_of_a_package_are_mended_by_the_step_that_is_told() {
    let home = home();
    home.publish(&Package::new("there", "1.0.0"));
    home.json(&["marketplace", "install", "there", "--offline"]);
    std::fs::remove_file(home.path().join("packages/there/1.0.0/templates/hello.tmpl")).unwrap();
    let answer = doctor(&home, &["there", "--offline"]);
    let (code, command) = diagnosis(&answer);
    assert_eq!((code, command), ("package-damaged", "ggen marketplace verify there --repair"), "{answer}");
    let typed: Vec<&str> = command.split(' ').skip(1).collect();
    Running::start(home.command(&typed)).ends_within(Duration::from_secs(60)).exits(0);
    assert_eq!(diagnosis(&doctor(&home, &["there", "--offline"])).0, "healthy");
}
