//! What configurations mean, and how mistakes in them are told.

use std::time::Duration;

use ggen_core::hooks::Hook;
use ggen_core::limits::Limits;
use ggen_market::Reach;
use ggen_policy::{LinkSource, Mode};
use tempfile::TempDir;

use super::document::Document;
use super::*;

struct Place {
    dir: TempDir,
    environment: Environment,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment { home: Some(dir.path().join("home")), ..Environment::default() };
        std::fs::create_dir(dir.path().join("home")).unwrap();
        Self { dir, environment }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn config(self, text: &str) -> Self {
        self.write("home/config.toml", text);
        self
    }

    fn load(&self) -> Result<Settings, ConfigError> {
        let organization = self.dir.path().join("policy.toml");
        load_from(&Globals::default(), &self.environment, &organization).map(|loaded| loaded.settings)
    }
}

fn refused(text: &str) -> (String, String) {
    match user::of(&Document::of("config.toml", text)).unwrap_err() {
        ConfigError::File { line, problem, hint, .. } => (format!("{line}: {problem}"), hint),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_home_without_a_file_has_the_defaults() {
    let settings = Place::new().load().unwrap();
    assert_eq!(settings.limits, Limits::default());
    assert!(settings.policies.is_empty() && settings.labels.is_empty() && settings.broken_policy_file.is_none());
    assert!(settings.network.serve_installed);
    assert!(settings.network.mdns && settings.network.bootstrap.is_empty() && !settings.network.listen.is_empty());
}

#[test]
fn every_limit_can_be_written_as_it_is() {
    let defaults = serde_json::to_value(Limits::default()).unwrap();
    let lines: Vec<String> =
        defaults.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let place = Place::new().config(&format!("[limits]\n{}\n", lines.join("\n")));
    assert_eq!(place.load().unwrap().limits, Limits::default());
    assert!(Place::new().config("[limits]\ncount_local_networks = true\n").load().unwrap().limits.count_local_networks);
    for (wrong, told) in [
        ("count_local_networks = 1", "true or false"),
        ("max_holders = 9223372036854775807", "at most 1152921504606846976"),
        ("holder_timeout = \"99999999999s\"", "a shorter time"),
        ("max_control_message = 0", "write at least 4096"),
    ] {
        let (problem, hint) = refused(&format!("[limits]\n{wrong}\n"));
        assert!(hint.contains(told), "{problem}: {hint}");
    }
}

#[test]
fn the_file_is_read_as_documented() {
    let place = Place::new().config(
        r#"
        [network]
        bootstrap = ["/dns4/seed.example.org/tcp/4001/p2p/x"]
        mdns = false
        reach = "private"
        relay = true
        swarm_key = "swarm.key"
        serve_installed = false
        [policy.labels]
        ci = "true"
        [registry]
        directories = ["/mnt/a", "near"]
        [limits]
        lookup_timeout = "250ms"
        max_results = 7
        [[policy.verification]]
        use = "signed-releases"
        settings = { deny_licenses = ["AGPL-3.0-only"], since = 2026-01-01 }
        [[policy.verification]]
        use = "./own.wasm"
        mode = "shadow"
        [[policy.version-resolution]]
        use = "minimal-versions"
        "#,
    );
    let settings = place.load().unwrap();
    assert_eq!(settings.network.bootstrap, ["/dns4/seed.example.org/tcp/4001/p2p/x"]);
    assert!(!settings.network.mdns && settings.network.relay);
    assert!(!settings.network.serve_installed);
    assert_eq!(settings.network.reach, Reach::Private);
    assert_eq!(settings.network.swarm_key, Some(place.dir.path().join("home/swarm.key")), "it lies beside the file");
    assert_eq!(settings.network.listen, ["/ip4/0.0.0.0/tcp/0"], "a private network is TCP only");
    assert_eq!(settings.labels, [("ci".to_owned(), "true".to_owned())]);
    assert_eq!(settings.directories, [PathBuf::from("/mnt/a"), place.dir.path().join("home/near")]);
    assert_eq!((settings.limits.lookup_timeout, settings.limits.max_results), (Duration::from_millis(250), 7));
    let links: Vec<_> = settings.policies.iter().map(|l| (l.hook, l.use_.as_str(), l.mode)).collect();
    assert_eq!(
        links,
        [
            (Hook::Verification, "signed-releases", Mode::Enforce),
            (Hook::Verification, "./own.wasm", Mode::Shadow),
            (Hook::VersionResolution, "minimal-versions", Mode::Enforce),
        ]
    );
    assert_eq!(settings.policies[0].from, LinkSource::User(place.dir.path().join("home/config.toml")));
}

#[test]
fn the_environment_wins_over_the_file_and_an_empty_list_is_a_list() {
    let mut place = Place::new()
        .config("[network]\nbootstrap = [\"a\"]\nlisten = []\nmdns = true\n[policy.labels]\nx = \"1\"\ny = \"1\"");
    place.environment.bootstrap = Some(" b , c,".to_owned());
    place.environment.mdns = Some("off".to_owned());
    place.environment.labels = Some("y=2,z=3".to_owned());
    let settings = place.load().unwrap();
    assert_eq!(settings.network.bootstrap, ["b", "c"]);
    assert!(settings.network.listen.is_empty() && !settings.network.mdns);
    let labels: Vec<_> = settings.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(labels, ["x=1", "y=2", "z=3"]);
}

#[test]
fn variables_that_make_no_sense_are_named() {
    for (mdns, labels) in [(Some("perhaps"), None), (None, Some("ci")), (None, Some("CI=1"))] {
        let mut place = Place::new();
        place.environment.mdns = mdns.map(str::to_owned);
        place.environment.labels = labels.map(str::to_owned);
        assert!(matches!(place.load(), Err(ConfigError::Environment { .. })), "{mdns:?} {labels:?}");
    }
}

#[test]
fn an_unknown_setting_is_named_with_its_line_and_the_nearest() {
    let cases = [
        ("[netwrok]\nmdns = true", "1: there is no setting `netwrok` at the top", "did you mean `network`?"),
        (
            "[limits]\n\nlookup_timeuot = '1s'",
            "3: there is no setting `lookup_timeuot` in [limits]",
            "did you mean `lookup_timeout`?",
        ),
        ("[network]\nmdn = true", "2: there is no setting `mdn` in [network]", "did you mean `mdns`?"),
        (
            "[[policy.verifcation]]\nuse = 'a'",
            "1: there is no setting `verifcation` in [policy]",
            "did you mean `verification`?",
        ),
        (
            "[[policy.verification]]\nuse = 'a'\nmdoe = 'off'",
            "3: there is no setting `mdoe` in [[policy.verification]]",
            "did you mean `mode`?",
        ),
        (
            "[names]\na = 'b'",
            "1: there is no setting `names` at the top",
            "there are network, policy, registry, limits, advisories",
        ),
    ];
    for (text, problem, hint) in cases {
        assert_eq!(refused(text), (problem.to_owned(), hint.to_owned()));
    }
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    for (text, begins) in [
        ("[limits]\nlookup_timeout = 10", "2: `lookup_timeout` is a time"),
        ("[limits]\nlookup_timeout = '10 parsecs'", "2: `lookup_timeout` is a time"),
        ("[limits]\nmax_results = '10'", "2: `max_results` cannot have this value"),
        ("[limits]\nmax_results = -1", "2: `max_results` cannot have this value"),
        ("limits = 3", "1: `limits` is an integer, and must be a table"),
        ("[network]\nlisten = '/ip4/0.0.0.0/tcp/0'", "2: `listen` cannot have this value"),
        ("[network]\nreach = 'public'", "2: `reach` cannot be \"public\""),
        ("[network]\nrelay = 'yes'", "2: `relay` cannot have this value"),
        ("[network]\nswarm_key = 7", "2: `swarm_key` cannot have this value"),
        ("[network]\nmdns = 'yes'", "2: `mdns` cannot have this value"),
        ("[policy.verification]\nuse = 'a'", "1: `policy.verification` must be a list of tables"),
        ("[[policy.verification]]\nmode = 'off'", "1: this [[policy.verification]] does not say which policy it is"),
        ("[[policy.verification]]\nuse = 'a'\nmode = 'of'", "3: `mode` cannot be \"of\""),
        ("[[policy.verification]]\nuse = 'a'\ndigest = 'AB'", "3: a digest is 64"),
        ("[[policy.verification]]\nuse = 'a'\nsettings = [1]", "3: `settings` must be a table"),
        ("[policy.labels]\nci = true", "2: `ci` cannot have this value"),
        ("[policy.labels]\n'C I' = 'x'", "2: \"C I\" cannot be a label"),
        ("[network\n", "1: this is no TOML"),
    ] {
        let (problem, hint) = refused(text);
        assert!(problem.starts_with(begins), "{text:?}: {problem}");
        assert!(!hint.is_empty(), "{text:?}");
    }
}

#[test]
fn an_organizations_word_stands_first_and_a_second_file_adds() {
    let id = "ab".repeat(32);
    let mut place =
        Place::new().config("[policy.labels]\nci = 'mine'\n[[policy.verification]]\nuse = 'signed-releases'");
    place.write(
        "policy.toml",
        &format!("[names]\na = '{id}'\n[policy.labels]\nci = 'theirs'\n[[policy.verification]]\nuse = 'org-allowlist'\nlocked = true"),
    );
    let other = "cd".repeat(32);
    let second = place
        .write("second.toml", &format!("[names]\na = '{other}'\nb = '{other}'\n[[policy.peer-scoring]]\nuse = 'x'"));
    place.environment.policy_file = Some(second);
    place.environment.labels = Some("ci=env,os=linux".to_owned());
    let settings = place.load().unwrap();
    let uses: Vec<_> = settings.policies.iter().map(|link| (link.use_.as_str(), link.locked)).collect();
    assert_eq!(uses, [("org-allowlist", true), ("x", false), ("signed-releases", false)]);
    assert_eq!(settings.labels, [("ci".into(), "theirs".into()), ("os".into(), "linux".into())]);
    let names: Vec<_> = settings.names.iter().map(|(n, p)| format!("{n}={p}")).collect();
    assert_eq!(names, [format!("a={id}"), format!("b={other}")]);
    assert!(settings.broken_policy_file.is_none());
    place.write("policy.toml", "[[policy.verification]]\nuse = 'a'\nallow_missing = true");
    assert!(place.load().unwrap().policies[0].allow_missing);
}

#[test]
fn an_organizations_file_that_cannot_be_used_is_told_and_stops_nothing_here() {
    for text in ["[names", "[network]\nmdns = true", "[names]\na = 'me'", "[[policy.verification]]\nuse = 1"] {
        let place = Place::new();
        let path = place.write("policy.toml", text);
        let (broken, problem) = place.load().unwrap().broken_policy_file.unwrap();
        assert_eq!(broken, path);
        assert!(problem.starts_with("line "), "{problem}");
    }
    let mut place = Place::new();
    place.environment.policy_file = Some(place.dir.path().join("nowhere.toml"));
    assert_eq!(place.load().unwrap().broken_policy_file.unwrap().1, "it is not there");
    let mut place = Place::new();
    place.environment.policy_file = Some(place.dir.path().to_owned());
    assert!(place.load().unwrap().broken_policy_file.is_some());
}

#[test]
fn a_file_of_any_size_costs_no_more_than_its_bound() {
    let place = Place::new();
    let path = place.write("home/config.toml", &"#".repeat(2000));
    assert!(matches!(user::read(&path, 1999), Err(ConfigError::TooLong { limit: 1999, .. })));
    assert!(user::read(&path, 2000).is_ok());
}

#[test]
fn the_home_is_the_flags_then_the_environments_then_the_users() {
    let flag = Globals { home: Some("/flag".into()), ..Globals::default() };
    let all = Environment { home: Some("/env".into()), user_home: Some("/user".into()), ..Environment::default() };
    assert_eq!(home(&flag, &all).unwrap(), Path::new("/flag"));
    assert_eq!(home(&Globals::default(), &all).unwrap(), Path::new("/env"));
    let user = Environment { home: None, ..all };
    assert_eq!(home(&Globals::default(), &user).unwrap(), Path::new("/user/.ggen"));
    assert!(matches!(home(&Globals::default(), &Environment::default()), Err(ConfigError::NoHome)));
}
