//! What the default policy has against releases that are affected, and against names that look like others.

use ggen_tests::Package;

use crate::advisories::{FEED, installs, version_of, with_feed};
use crate::{each, home};

#[test]
fn what_an_advisory_affects_is_passed_over_with_its_reason() {
    let home = with_feed();
    let answer = installs(&home, "web");
    assert_eq!(version_of(&home, "web").as_deref(), Some("1.0.0"));
    assert_eq!(each(&answer["passed_over"], "version"), ["1.1.0", "1.2.0"], "{answer}");
    let said = answer["passed_over"].to_string();
    assert!(
        said.contains("signed-releases/affected") && said.contains("ACME-1 (critical, says acme-advisories)"),
        "{said}"
    );
    let error = home.fails(8, &["marketplace", "install", "web@^1.1", "--offline"]);
    assert_eq!(error["code"], "GGEN-E0701", "{error}");
    assert!(error.to_string().contains("ACME-1"), "{error}");

    let set = |settings: &str| {
        home.config(&format!(
            "{FEED}[[policy.verification]]\nuse = \"signed-releases\"\nsettings = {{ {settings} }}\n"
        ));
    };
    set("advisories = \"deny\"");
    home.fails(8, &["marketplace", "install", "web@^1.1", "--offline"]);
    set("accept_advisories = [\"CVE-ACME-1\"]");
    installs(&home, "web@^1.1");
    assert_eq!(version_of(&home, "web").as_deref(), Some("1.2.0"), "accepted by its alias");
    home.is_clean();
}

#[test]
fn a_name_that_looks_like_an_installed_one_of_somebody_else_is_denied_until_it_is_meant() {
    let (honest, thief, mut user) = (home(), home(), home());
    honest.publish(&Package::new("web-framework", "1.0.0"));
    let id = thief.key();
    for name in ["web-framwork", "webframework", "other-thing"] {
        thief.publish(&Package::new(name, "1.0.0"));
    }
    let nodes = [honest.node(), thief.node()];
    user.bootstrap(&[&nodes[0], &nodes[1]]);
    user.json(&["marketplace", "install", "web-framework"]);
    for name in ["web-framwork", "webframework"] {
        let error = user.fails(8, &["marketplace", "install", name]);
        let said = error.to_string();
        assert!(said.contains("signed-releases/look-alike") && said.contains("looks like web-framework"), "{error}");
        assert!(said.contains(&format!("ggen key trust {name} {id}")), "the way forward: {error}");
    }
    assert_eq!(user.installed().len(), 1);
    user.json(&["marketplace", "install", "other-thing"]);

    let shown = user.json(&["policy", "log", "--subject", "webframework"]);
    assert!(shown.to_string().contains("look-alike"), "the log has it: {shown}");
    user.config("[[policy.verification]]\nuse = \"signed-releases\"\nsettings = { lookalikes = \"warn\" }\n");
    let answer = user.json(&["marketplace", "install", "webframework", "--dry-run"]);
    assert!(answer["warnings"].to_string().contains("look-alike"), "{answer}");
    user.config("");
    user.json(&["key", "trust", "web-framwork", &id]);
    user.json(&["marketplace", "install", "web-framwork"]);
    assert_eq!(user.installed().len(), 3);
    user.is_clean();
}

#[test]
fn an_organizations_names_are_established_and_a_publisher_may_have_names_that_are_alike() {
    let mut home = home();
    home.publish(&Package::new("data-model", "1.0.0"));
    home.publish(&Package::new("data-models", "1.0.0"));
    for name in ["data-model", "data-models"] {
        home.json(&["key", "untrust", name]);
        home.json(&["marketplace", "install", name, "--offline"]);
    }
    home.publish(&Package::new("data-modes", "1.0.0"));
    home.json(&["key", "untrust", "data-modes"]);
    let policy = home.root().join("policy.toml");
    std::fs::write(&policy, format!("[names]\ndata-nodes = \"{}\"\n", "1".repeat(64))).unwrap();
    home.set("GGEN_POLICY_FILE", policy.to_str().unwrap());
    let error = home.fails(8, &["marketplace", "install", "data-modes", "--offline"]);
    assert!(error.to_string().contains("looks like data-nodes"), "{error}");
}
