//! What policies decided can be read afterwards.

use ggen_tests::{Home, Package};

use crate::{each, home};

fn denied() -> Home {
    let home = home();
    home.publish(&Package::new("noted", "1.0.0").license("GPL-3.0-only"));
    home.config(
        "[[policy.verification]]\nuse = \"signed-releases\"\nsettings = { deny_licenses = [\"GPL-3.0-only\"] }\n",
    );
    home.fails(8, &["marketplace", "install", "noted", "--offline"]);
    home
}

#[test]
fn a_denial_is_in_the_log_with_its_policy_and_reasons() {
    let home = denied();
    let log = home.json(&["policy", "log", "--hook", "verification", "--subject", "noted", "--since", "1h"]);
    let first = &log["decisions"][0];
    assert_eq!((&first["verdict"], &first["policy"]), (&"deny".into(), &"signed-releases".into()), "{log}");
    assert!(first["reasons"].to_string().contains("license"), "{log}");
    assert!(first["fuel"].as_u64().unwrap() > 0 && first["id"].as_i64().unwrap() > 0, "{log}");
    assert_eq!((&first["mode"], &first["hook"]), (&"enforce".into(), &"verification".into()), "{log}");
    let digest = first["digest"].as_str().unwrap();
    let kept = home.path().join(format!("cache/policies/{digest}.wasm"));
    assert!(kept.is_file(), "the component that decided is kept as long as its row: {}", kept.display());
    let text = home.run(&["policy", "log", "--hook", "verification"]).exits(0).stdout;
    assert!(text.contains("signed-releases") && text.contains("deny") && text.contains("noted"), "{text}");
}

#[test]
fn the_log_is_filtered_and_bounded() {
    let home = denied();
    let all = each(&home.json(&["policy", "log"])["decisions"], "hook");
    assert!(
        all.iter().any(|hook| hook == "fallback-policy") && all.iter().any(|hook| hook == "verification"),
        "{all:?}"
    );
    for args in [
        &["policy", "log", "--policy", "nobody"][..],
        &["policy", "log", "--subject", "never-heard-of"],
        &["policy", "log", "--hook", "peer-scoring"],
        &["policy", "log", "--since", "2999-01-01"],
    ] {
        assert_eq!(home.json(args)["decisions"], ggen_tests::json!([]), "{args:?}");
    }
    assert_eq!(home.json(&["policy", "log", "--limit", "1"])["decisions"].as_array().map(Vec::len), Some(1));
    home.fails(2, &["policy", "log", "--since", "yesterday"]);
    home.fails(2, &["policy", "log", "--hook", "verifier"]);
}
