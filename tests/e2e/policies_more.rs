//! The policies that an operator adds to the defaults, through `config.toml`.

use std::io::ErrorKind;
use std::net::TcpListener;

use ggen_tests::{Home, Package};

use crate::{each, home};

/// Links of one hook, the default policy first or last.
fn links(hook: &str, links: &[(&str, &str)]) -> String {
    let link = |(policy, settings): &(&str, &str)| {
        format!("[[policy.{hook}]]\nuse = \"{policy}\"\nsettings = {{ {settings} }}\n")
    };
    links.iter().map(link).collect()
}

/// Nobody's identity.
const PEER: &str = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
const INSTALL: [&str; 4] = ["marketplace", "install", "web", "--offline"];

/// A home with `web`, which needs `http-core`, which needs `viral`; a script is among its files.
fn published() -> Home {
    let home = home();
    home.publish(&Package::new("viral", "1.0.0").license("AGPL-3.0-only"));
    home.publish(&Package::new("http-core", "1.0.0").needs("viral", "^1"));
    home.publish(&Package::new("web", "1.0.0").needs("http-core", "^1").file("hooks/run.txt", "#!/bin/sh\nexit 0\n"));
    home
}

#[test]
fn four_policies_beside_the_default_each_tell_their_reasons_and_their_settings_let_through() {
    let home = published();
    let key = home.key();
    home.config(&links(
        "verification",
        &[
            ("signed-releases", ""),
            ("minimum-age", "min_age = \"30d\", action = \"deny\""),
            ("plan-licenses", "deny = [\"AGPL-3.0-only\"]"),
            ("require-agreement", ""),
            ("no-executables", ""),
        ],
    ));
    let said = home.fails(8, &INSTALL).to_string();
    for reason in ["minimum-age/too-new", "plan-licenses/license", "require-agreement/too-few-agree"] {
        assert!(said.contains(reason), "{reason} in {said}");
    }
    assert!(said.contains("needed by web → http-core"), "who pulled it in: {said}");
    assert!(home.installed().is_empty());

    // The plan is let through; its files are not.
    let rest = [
        ("signed-releases", String::new()),
        ("minimum-age", format!("min_age = \"30d\", action = \"deny\", exempt_publishers = [\"{key}\"]")),
        ("plan-licenses", "deny = [\"AGPL-3.0-only\"], exempt_names = [\"vir*\"]".to_owned()),
        ("require-agreement", "sources = 0, subnets = 0".to_owned()),
    ];
    let with = |last: &str| {
        let mut all: Vec<(&str, &str)> = rest.iter().map(|(policy, settings)| (*policy, settings.as_str())).collect();
        all.push(("no-executables", last));
        links("verification", &all)
    };
    home.config(&with(""));
    let ran = home.run(&[&INSTALL[..], &["--json"]].concat()).exits(8);
    let said = ran.error().to_string();
    assert!(said.contains("no-executables/script") && said.contains("hooks/run.txt is a script"), "{ran}");
    assert!(home.installed().is_empty());
    home.is_clean();

    home.config(&with("allow = [\"hooks/*\"]"));
    let answer = home.json(&INSTALL);
    assert_eq!(each(&answer["installed"], "name").len(), 3, "{answer}");
    home.is_clean();
}

#[test]
fn policies_that_only_object_do_not_answer_for_a_plan() {
    let home = published();
    home.config(&links("verification", &[("minimum-age", "min_age = \"0s\""), ("no-executables", "scripts = false")]));
    let said = home.fails(8, &INSTALL).to_string();
    assert!(said.contains("no-policy-responsible"), "{said}");
    assert!(home.installed().is_empty());
}

#[test]
fn no_executables_stop_what_is_about_to_be_published_too() {
    let home = home();
    home.key();
    home.config(&links("verification", &[("signed-releases", ""), ("no-executables", "")]));
    let folder = home.write(&Package::new("tool", "1.0.0").file("logo.png", b"\x7fELF\x02\x01\x01"));
    let said = home.fails(8, &["marketplace", "publish", &folder, "--offline"]).to_string();
    assert!(said.contains("no-executables/program") && said.contains("logo.png"), "{said}");
}

#[test]
fn a_freeze_takes_nothing_that_was_first_seen_after_its_date() {
    let home = published();
    let freeze = |settings: &str| links("version-resolution", &[("freeze", settings), ("newest-compatible", "")]);
    home.config(&freeze("until = 2026-01-31"));
    let error = home.fails(3, &INSTALL);
    assert!(error.to_string().contains("after the freeze of 2026-01-31"), "{error}");
    assert!(home.installed().is_empty());
    home.config(&freeze("until = 2026-01-31, exempt_names = [\"web\", \"http-core\", \"viral\"]"));
    home.json(&INSTALL);
    // What is installed stays, also when its exemption goes.
    home.config(&freeze("until = 2026-01-31"));
    home.json(&INSTALL);
}

#[test]
fn behind_an_air_gap_nothing_touches_the_network() {
    let mut home = published();
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    somebody.set_nonblocking(true).unwrap();
    home.set("GGEN_P2P_BOOTSTRAP", &format!("/ip4/127.0.0.1/tcp/{}/p2p/{PEER}", somebody.local_addr().unwrap().port()));
    home.config(&links("fallback-policy", &[("air-gap", "")]));

    let error = home.fails(8, &["marketplace", "p2p", "start"]);
    assert!(error.to_string().contains("leaves peers out of a node's route"), "{error}");
    let folder = home.write(&Package::new("quiet", "1.0.0"));
    let published = home.json(&["marketplace", "publish", &folder]);
    assert_eq!(published["announced"], false, "{published}");
    home.json(&["marketplace", "search", "quiet"]);
    home.json(&["marketplace", "install", "quiet"]);
    let ran = home.run(&["marketplace", "install", "nobody-has-this", "--json"]);
    assert!([3, 8].contains(&ran.code()), "{ran}");

    home.json(&["marketplace", "update"]);
    let nobody_came = somebody.accept().map(|_| ()).map_err(|e| e.kind());
    assert_eq!(nobody_came, Err(ErrorKind::WouldBlock));

    // Without it the same commands do go there.
    home.config("");
    home.json(&["marketplace", "search", "quiet"]);
    assert!(somebody.accept().is_ok());
}

#[test]
fn a_mistyped_setting_of_theirs_is_told_and_loosens_nothing() {
    let home = published();
    home.config(&links("verification", &[("signed-releases", ""), ("minimum-age", "min_ago = \"30d\"")]));
    let ran = home.run(&[&INSTALL[..], &["--json"]].concat());
    assert!([2, 8].contains(&ran.code()), "{ran}");
    let said = ran.error().to_string();
    assert!(said.contains("min_ago") && said.contains("min_age"), "{ran}");
    assert!(home.installed().is_empty());
}
