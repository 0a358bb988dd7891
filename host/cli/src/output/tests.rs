//! What is seen, held by snapshots: the help, and errors as people and as programs get them.

use clap::{CommandFactory, Parser};
use ggen_core::naming::NamingError;
use ggen_core::resolve::{Explanation, NamingRefusal, ResolveError};
use ggen_core::{Digest, PackageName, PublisherId};
use ggen_market::{Denied, DeniedReason, HolderFailure, MarketError, Unresolved};
use semver::Version;

use super::*;
use crate::args::Cli;

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn who(n: u8) -> PublisherId {
    PublisherId(Digest::of(&[n]))
}

fn people(error: MarketError) -> String {
    let mut page = Page::new(false);
    page.report(&Failure::Market(error).report());
    page.text().to_owned()
}

fn unresolved(source: ResolveError) -> MarketError {
    MarketError::Resolve(Box::new(Unresolved {
        source,
        network_asked: false,
        catalog_age: Some(3 * 86_400_000),
        likely_meant: vec![],
        refused: vec![],
    }))
}

fn naming(error: NamingError, required_by: Option<&str>) -> MarketError {
    let required_by =
        required_by.map(|by| (ggen_core::PackageId { publisher: who(1), name: name(by) }, Version::new(1, 0, 0)));
    unresolved(ResolveError::Naming(Box::new(NamingRefusal { required_by, error })))
}

#[test]
fn help() {
    for path in ["", "marketplace", "marketplace install", "marketplace p2p start", "key", "plugin build"] {
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut found = &mut command;
        for word in path.split_whitespace() {
            found = found.find_subcommand_mut(word).unwrap();
        }
        let mut help = found.clone().term_width(100);
        insta::assert_snapshot!(format!("help {path}").trim_end().replace(' ', "_"), help.render_help());
    }
}

#[test]
fn a_denial() {
    let reason = |code: &str, message: &str, locked: Option<&str>| DeniedReason {
        code: code.to_owned(),
        message: message.to_owned(),
        hint: Some("ask platform@acme.example".to_owned()),
        locked_by: locked.map(Into::into),
    };
    let denied = Denied {
        name: name("web-framework"),
        version: Version::new(2, 1, 0),
        reasons: vec![
            reason("org-allowlist/license", "GPL-3.0-only is not on the list", Some("/etc/ggen/policy.toml")),
            reason("own/\u{1b}[31mred", "a message\nof two lines \u{202e}", None),
        ],
    };
    insta::assert_snapshot!("denied", people(MarketError::Denied(vec![denied])));
}

#[test]
fn what_does_not_fit_together() {
    let explanation = Explanation {
        headline: "no version of database-orm satisfies ^1.0.0".to_owned(),
        code: "no-matching-version",
        package: Some(name("database-orm")),
        because: vec![
            "my-app 1.0.0 requires database-orm ^1.0.0".to_owned(),
            "there is database-orm 2.1.0, 2.0.0, 0.9.0".to_owned(),
        ],
        available: vec![Version::new(2, 1, 0), Version::new(2, 0, 0), Version::new(0, 9, 0)],
        hints: vec!["look for newer releases: ggen marketplace update".to_owned()],
        required_by: None,
        nearest: Vec::new(),
        derivation: ggen_core::resolve::Derivation::Fact { fact: "a fact".to_owned() },
        derivation_cut: false,
    };
    insta::assert_snapshot!("no_matching_version", people(unresolved(ResolveError::NoSolution(Box::new(explanation)))));
    let cycle = [("web-framework", 1), ("database-orm", 2), ("query-builder", 3)];
    let cycle = cycle.map(|(n, major)| (name(n), Version::new(major, 0, 0)));
    insta::assert_snapshot!("cycle", people(unresolved(ResolveError::Cycle(cycle.to_vec()))));
}

#[test]
fn a_name_that_stands_for_nobody() {
    let undecided = NamingError::Undecided { name: name("popular"), candidates: vec![who(1), who(2)] };
    insta::assert_snapshot!("undecided", people(naming(undecided.clone(), None)));
    insta::assert_snapshot!("undecided_dependency", people(naming(undecided, Some("app"))));
    let conflict = NamingError::Conflict {
        name: name("popular"),
        first_by: ggen_core::naming::DecidedBy::Organization,
        first: who(1),
        second_by: ggen_core::naming::DecidedBy::Binding,
        second: who(2),
    };
    let report = Failure::Market(naming(conflict, None)).report();
    assert_eq!(report.exit(), Exit::Denied);
    let command = report.hints.iter().find_map(|hint| hint.command.clone()).unwrap();
    assert_eq!(command, format!("ggen key untrust popular && ggen key trust popular {}", who(1)));
}

#[test]
fn holders_that_failed() {
    let failure = |holder: &str, reason: &str| HolderFailure { holder: holder.into(), reason: reason.into() };
    let error = MarketError::AllHoldersFailed {
        name: name("a"),
        version: Version::new(1, 0, 0),
        failures: vec![failure("12D3KooWa", "chunk 0 is not the signed one"), failure("12D3KooWb", "silent for 10 s")],
    };
    insta::assert_snapshot!("holders", people(error));
}

#[test]
fn errors_as_programs_get_them() {
    let error = MarketError::Unsigned { name: name("a"), version: Version::new(1, 0, 0) };
    let report = Failure::Market(error).report();
    let json = serde_json::to_string_pretty(&Refusal { schema: SCHEMA, error: &report }).unwrap();
    insta::assert_snapshot!("unsigned_json", json);
    let error = Cli::try_parse_from(["ggen", "marketplace", "instal", "x"]).unwrap_err();
    let report = usage(&error, &error.render().to_string());
    let json = serde_json::to_string_pretty(&Refusal { schema: SCHEMA, error: &report }).unwrap();
    insta::assert_snapshot!("usage_json", json);
}

#[test]
fn a_policy_that_stops_a_job_ends_it_as_its_trouble_would() {
    for (code, exit) in [
        ("graceful-degradation/no-holders", Exit::Network),
        ("graceful-degradation/no-origin", Exit::Network),
        ("graceful-degradation/verification-failed", Exit::Integrity),
        ("own/too-late-in-the-day", Exit::Denied),
    ] {
        let error = MarketError::Stopped { code: code.into(), message: "no".into(), hint: None };
        assert_eq!(Failure::Market(error).report().exit(), exit, "{code}");
    }
}

#[test]
fn a_pipe_that_was_closed_is_no_failure_and_a_full_disk_is_one() {
    struct Fails(io::ErrorKind);
    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert!(print(Fails(io::ErrorKind::BrokenPipe), "x").is_ok());
    assert!(matches!(print(Fails(io::ErrorKind::StorageFull), "x"), Err(Failure::Output(_))));
}
