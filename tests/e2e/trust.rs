//! Who is meant by a name: two publishers, squatted dependencies, rolled-back heads.

use ggen_tests::{Home, Node, Package};

use crate::{each, home};

/// Two publishers of the name `popular`, with their nodes and ids.
struct Two {
    ids: [String; 2],
    _homes: [Home; 2],
    nodes: [Node; 2],
}

fn two_publishers() -> Two {
    let homes = [home(), home()];
    let ids = [homes[0].key(), homes[1].key()];
    homes[0].publish(&Package::new("popular", "1.0.0").file("whose.txt", "first"));
    homes[1].publish(&Package::new("popular", "9.9.9").file("whose.txt", "second"));
    let nodes = [homes[0].node(), homes[1].node()];
    Two { ids, _homes: homes, nodes }
}

#[test]
fn two_publishers_of_one_name_are_told_apart_by_the_user_alone() {
    let two = two_publishers();
    let mut user = home();
    user.bootstrap(&[&two.nodes[0], &two.nodes[1]]);
    let error = user.fails(8, &["marketplace", "install", "popular"]);
    for id in &two.ids {
        assert!(error.to_string().contains(&id[..8]), "the candidates: {error}");
    }
    assert!(user.installed().is_empty(), "nothing is installed");
    user.is_clean();

    let target = format!("{}/popular", &two.ids[0]);
    user.json(&["marketplace", "install", &target]);
    assert_eq!(user.installed(), [("popular".to_owned(), "1.0.0".to_owned())]);
    let whose = user.path().join("packages/popular/1.0.0/whose.txt");
    assert_eq!(std::fs::read(whose).unwrap(), b"first");
    // The name is bound by it.
    let answer = user.json(&["marketplace", "install", "popular"]);
    assert_eq!(answer["plan"][0]["publisher"], two.ids[0].as_str());
}

#[test]
fn a_prefix_of_eight_digits_and_a_trusted_name_do_too() {
    let two = two_publishers();
    let mut user = home();
    user.bootstrap(&[&two.nodes[0], &two.nodes[1]]);
    let prefix = format!("{}/popular", &two.ids[1][..8]);
    let answer = user.json(&["marketplace", "install", &prefix, "--dry-run"]);
    assert_eq!(answer["plan"][0]["publisher"], two.ids[1].as_str());
    let short = format!("{}/popular", &two.ids[1][..5]);
    let ran = user.run(&["marketplace", "install", &short, "--json"]);
    assert!([2, 8].contains(&ran.code()), "{ran}");
    ran.error();

    let bound = user.json(&["key", "trust", "popular", &two.ids[0]]);
    assert_eq!(bound["bindings"], ggen_tests::json!([{ "name": "popular", "publisher": two.ids[0] }]));
    let answer = user.json(&["marketplace", "install", "popular", "--dry-run"]);
    assert_eq!(each(&answer["plan"], "version"), ["1.0.0"]);
    assert_eq!(user.json(&["key", "untrust", "popular"])["bindings"], ggen_tests::json!([]));
    user.fails(8, &["marketplace", "install", "popular", "--dry-run"]);
}

#[test]
fn a_binding_holds_against_a_newer_version_of_somebody_else() {
    let two = two_publishers();
    let mut user = home();
    user.bootstrap(&[&two.nodes[0]]);
    user.json(&["marketplace", "install", "popular"]);
    user.bootstrap(&[&two.nodes[0], &two.nodes[1]]);
    let answer = user.json(&["marketplace", "install", "popular", "--dry-run"]);
    assert_eq!(each(&answer["plan"], "version"), ["1.0.0"], "first use bound it: {answer}");
    user.bootstrap(&[&two.nodes[1]]);
    let ran = user.run(&["marketplace", "install", "popular@^9", "--json"]);
    assert!([3, 8].contains(&ran.code()), "{ran}");
    ran.error();
}

#[test]
fn nobody_squats_the_name_of_a_dependency() {
    let (author, squatter, mut user) = (home(), home(), home());
    let thief = squatter.key();
    author.publish(&Package::new("honest-app", "1.0.0").needs("not-yet-there", "^1"));
    squatter.publish(&Package::new("not-yet-there", "1.0.0").file("evil.sh", "#!/bin/sh\n"));
    let nodes = [author.node(), squatter.node()];
    user.bootstrap(&[&nodes[0], &nodes[1]]);
    let error = user.fails(8, &["marketplace", "install", "honest-app"]);
    let said = error.to_string();
    assert!(said.contains("not-yet-there") && said.contains(&thief[..8]), "the name and who claims it: {error}");
    assert!(user.installed().is_empty(), "nothing is installed");
    user.is_clean();
    // What the user decides is decided.
    user.json(&["key", "trust", "not-yet-there", &thief]);
    let answer = user.json(&["marketplace", "install", "honest-app", "--dry-run"]);
    assert_eq!(each(&answer["plan"], "name"), ["not-yet-there", "honest-app"]);
}

#[test]
fn the_publisher_whom_the_author_signed_is_meant() {
    let (author, library, other, mut user) = (home(), home(), home(), home());
    let meant = library.key();
    library.publish(&Package::new("shared-lib", "1.0.0"));
    other.publish(&Package::new("shared-lib", "1.5.0"));
    let needs = format!("{{ version = \"^1\", publisher = \"{meant}\" }}");
    author.publish(&Package::new("careful-app", "1.0.0").needs("shared-lib", &needs));
    let nodes = [author.node(), library.node(), other.node()];
    user.bootstrap(&[&nodes[0], &nodes[1], &nodes[2]]);
    let answer = user.json(&["marketplace", "install", "careful-app"]);
    assert_eq!(answer["plan"][0]["publisher"], meant.as_str());
    assert_eq!(answer["plan"][0]["version"], "1.0.0");
}

#[test]
fn a_rolled_back_head_is_refused() {
    let (publisher, mut user) = (home(), home());
    publisher.publish(&Package::new("fixed", "1.0.0").file("hole.txt", "open"));
    let old = publisher.copy();
    publisher.publish(&Package::new("fixed", "1.0.1").file("hole.txt", "mended"));
    let node = publisher.node();
    user.bootstrap(&[&node]);
    user.json(&["marketplace", "install", "fixed"]);
    node.kill();

    // All that is left of the user's home is what outlives everything; the network shows an older list, validly signed.
    let log = std::fs::read(user.path().join("trust.log")).expect("trust.log");
    std::fs::remove_dir_all(user.path()).unwrap();
    std::fs::create_dir_all(user.path()).unwrap();
    std::fs::write(user.path().join("trust.log"), log).unwrap();
    let rolled_back = old.node();
    user.bootstrap(&[&rolled_back]);
    let error = user.fails(4, &["marketplace", "install", "fixed"]);
    assert!(error.to_string().contains("fixed"), "{error}");
    assert!(user.installed().is_empty());
    user.is_clean();
}

#[test]
fn an_older_head_does_not_hide_a_newer_version_that_was_seen() {
    let (publisher, mut user) = (home(), home());
    publisher.publish(&Package::new("seen", "1.0.0"));
    let old = publisher.copy();
    publisher.publish(&Package::new("seen", "1.0.1"));
    let node = publisher.node();
    user.bootstrap(&[&node]);
    user.json(&["marketplace", "install", "seen"]);
    node.kill();
    let late = old.node();
    user.bootstrap(&[&late]);
    let answer = user.json(&["marketplace", "install", "seen", "--dry-run"]);
    assert_eq!(each(&answer["plan"], "version"), ["1.0.1"]);
}

#[test]
fn of_two_lists_under_one_number_the_first_stands_the_proof_is_kept_and_nothing_new_is_installed() {
    let (publisher, mut user) = (home(), home());
    publisher.publish(&Package::new("forked", "1.0.0").file("a.txt", "the good old one"));
    // One key in two places, and each goes on by itself.
    let other = publisher.copy();
    std::fs::remove_file(other.path().join("p2p/identity.key")).ok();
    publisher.publish(&Package::new("forked", "1.1.0").file("a.txt", "one"));
    other.publish(&Package::new("forked", "1.2.0").file("a.txt", "the other"));
    let (first, second) = (publisher.node(), other.node());

    user.bootstrap(&[&first]);
    user.json(&["marketplace", "install", "forked@=1.0.0"]);
    let before = user.json(&["marketplace", "info", "forked", "--offline"]);
    assert_eq!(
        (each(&before["versions"], "version"), &before["equivocations"]),
        (vec!["1.1.0".into(), "1.0.0".into()], &ggen_tests::json!([]))
    );
    user.bootstrap(&[&second]);
    let ran = user.run(&["marketplace", "install", "forked@=1.2.0", "--json"]);
    assert_ne!(ran.code(), 0, "{ran}");
    assert!(ran.stderr.contains("signed two heads with one sequence"), "it is told\n{ran}");

    let info = user.json(&["marketplace", "info", "forked", "--offline"]);
    assert_eq!(each(&info["versions"], "version"), ["1.1.0", "1.0.0"], "the first list stands: {info}");
    let proof = &info["equivocations"][0]["proof"];
    assert_eq!(info["equivocations"][0]["publisher"], publisher.key().as_str());
    assert!(proof["roots"][0]["payload"].is_string() && proof["first"]["payload"].is_string(), "{info}");
    assert_ne!(proof["first"]["payload"], proof["second"]["payload"], "both lists, as they were signed");
    let page = user.run(&["marketplace", "info", "forked", "--offline"]).exits(0);
    assert!(page.stdout.contains("has signed two different lists of releases"), "{page}");

    // What is installed stays; what is new is denied, from whoever it comes.
    assert_eq!(user.installed(), [("forked".to_owned(), "1.0.0".to_owned())]);
    user.bootstrap(&[&first, &second]);
    let denied = user.fails(8, &["marketplace", "install", "forked@=1.1.0"]);
    assert!(denied.to_string().contains("equivocation"), "{denied}");
    let doctor = user.run(&["marketplace", "doctor", "forked", "--offline", "--json"]).exits(1).value();
    assert_eq!(doctor["diagnosis"]["code"], "equivocated", "{doctor}");
    assert_eq!(user.installed(), [("forked".to_owned(), "1.0.0".to_owned())]);
    user.is_clean();
}

#[test]
fn a_name_that_is_somebody_elses_here_is_not_published_over() {
    let (first, mut second) = (home(), home());
    first.publish(&Package::new("taken", "1.0.0"));
    let node = first.node();
    second.bootstrap(&[&node]);
    second.json(&["marketplace", "install", "taken"]);
    second.key();
    let folder = second.write(&Package::new("taken", "2.0.0"));
    let ran = second.run(&["marketplace", "publish", &folder, "--offline", "--json"]);
    assert_ne!(ran.code(), 0, "{ran}");
    assert!(ran.error().to_string().contains("taken"));
}

#[test]
fn dash_and_underscore_are_one_name() {
    let home = home();
    home.publish(&Package::new("my-pack", "1.0.0"));
    let folder = home.write(&Package::new("my_pack", "1.0.0"));
    let ran = home.run(&["marketplace", "publish", &folder, "--offline", "--json"]);
    if ran.code() == 0 {
        // Its own publisher may say so, but nobody gets the two side by side.
        home.json(&["marketplace", "install", "my-pack", "--offline"]);
        let ran = home.run(&["marketplace", "install", "my_pack", "--offline", "--json"]);
        assert!(ran.code() != 0 || home.installed().len() == 1, "{ran}");
    } else {
        assert!(ran.error().to_string().contains("my-pack"), "{ran}");
    }
}
