//! Reports of failed resolutions and of names that stand for nobody.
//!
//! Decides nothing; see [`super`].

use ggen_core::naming::{DecidedBy, NamingError};
use ggen_core::resolve::{Collision, Explanation, NamingRefusal, ResolveError};
use ggen_core::{PackageId, PackageName};
use ggen_market::Unresolved;

use super::report::Hint;
use super::{Code, Report};
use crate::format::span;

/// The most entries of an index that are told.
const MAX_REFUSED: usize = 4;
/// The most candidates that get a hint of their own.
const MAX_CANDIDATES: usize = 8;

pub(super) fn report(error: &Unresolved) -> Report {
    let report = match &error.source {
        ResolveError::NoSolution(explanation) => no_solution(explanation),
        ResolveError::Naming(refusal) => naming(refusal),
        ResolveError::Collision(collision) => collided(collision),
        ResolveError::Cycle(cycle) => {
            let ring: Vec<_> = cycle.iter().map(|(name, version)| format!("{name}@{version}")).collect();
            Report::new(Code::Cycle, &error.source)
                .with_json("cycle", ring)
                .line("packages that depend on each other in a circle cannot be installed")
                .hint("report it to the publisher of one of them; an older version may do without the circle")
        }
        ResolveError::TooHard { steps } => Report::new(Code::TooHard, &error.source)
            .with_json("steps", steps)
            .hint("ask for exact versions of some packages, or raise limits.max_resolution_steps"),
        ResolveError::TooMany { found, limit } => Report::new(Code::TooMany, &error.source)
            .with_json("found", found)
            .with_json("limit", limit)
            .hint("ask for fewer at once, or raise limits.max_resolution_packages"),
        ResolveError::Cancelled => Report::new(Code::Interrupted, "interrupted"),
        ResolveError::Missing(missing) => {
            let names: Vec<_> = missing.names.iter().chain(missing.packages.iter().map(|p| &p.name)).collect();
            Report::new(Code::NotFound, "not everything that is needed could be found out")
                .with_json("missing", names)
                .run("is the network there?", "ggen marketplace p2p status")
        }
        ResolveError::Unsound(_) => Report::new(Code::Internal, &error.source)
            .hint("please report it, with the output of the same command and -vv"),
    };
    let report = refused(meant(report, error), error);
    // What is not known cannot be refused for good: say what the answer rests on.
    let basis = matches!(report.code, Code::NoSuchPackage | Code::NoMatchingVersion | Code::Conflict);
    let report = report.with_json("network_asked", error.network_asked);
    if basis && !error.network_asked {
        let age = match error.catalog_age {
            Some(age) => format!("last refreshed from the network {} ago", span(age)),
            None => "never refreshed from the network".to_owned(),
        };
        let report = report.with_json("catalog_age_ms", error.catalog_age);
        return report.line(format!("the network was not asked: this is what the disk knows, {age}"));
    }
    report
}

/// What may have been meant stands first.
fn meant(mut report: Report, error: &Unresolved) -> Report {
    if error.likely_meant.is_empty() {
        return report;
    }
    let hint = |name| Hint { text: format!("did you mean {name}?"), command: None };
    report.hints.splice(0..0, error.likely_meant.iter().map(hint));
    report.with_json("likely_meant", &error.likely_meant)
}

/// What is listed and was not taken is no news to whoever reads the index himself.
fn refused(mut report: Report, error: &Unresolved) -> Report {
    for (index, reason) in error.refused.iter().take(MAX_REFUSED) {
        report = report.line(format!("{} lists what was not taken: {reason}", index.display()));
    }
    if error.refused.is_empty() {
        return report;
    }
    let reasons: Vec<&String> = error.refused.iter().map(|(_, reason)| reason).collect();
    report.with_json("refused_entries", reasons).hint("mend that entry of the index, or ask whoever keeps it")
}

/// A home has room for one package of a name.
fn collided(collision: &Collision) -> Report {
    let needed = |(id, by): &(PackageId, Option<PackageName>)| {
        let whose = format!("{} of publisher {}", id.name, id.publisher.short());
        by.as_ref().map_or_else(|| format!("you asked for {whose}"), |by| format!("{by} requires {whose}"))
    };
    let (first, second) = (&collision.first, &collision.second);
    let code = if first.0.name == second.0.name { Code::NameConflict } else { Code::NameCollides };
    Report::new(code, collision)
        .with("name", &first.0.name)
        .with("other", &second.0.name)
        .line(needed(first))
        .line(needed(second))
        .line("a home has room for one of them")
        .hint("install what needs one of them without what needs the other, or in another home: --home DIR")
}

fn no_solution(explanation: &Explanation) -> Report {
    let code = match explanation.code {
        "no-such-package" => Code::NoSuchPackage,
        "no-matching-version" => Code::NoMatchingVersion,
        _ => Code::Conflict,
    };
    let mut report = Report::new(code, &explanation.headline)
        .with_json("because", &explanation.because)
        .with_json("available", &explanation.available)
        .with_json("nearest", &explanation.nearest)
        .with_json("required_by", &explanation.required_by)
        .with_json("derivation", &explanation.derivation)
        .with_json("derivation_cut", explanation.derivation_cut);
    if let Some(package) = &explanation.package {
        report = report.with("package", package);
    }
    for sentence in explanation.because.iter().filter(|sentence| **sentence != explanation.headline) {
        report = report.line(sentence.clone());
    }
    explanation.hints.iter().fold(report, |report, hint| with_command(report, hint))
}

/// A sentence that ends in `: ggen …` has a command in it.
fn with_command(report: Report, hint: &str) -> Report {
    match hint.split_once(": ggen ") {
        Some((text, command)) => report.run(text, format!("ggen {command}")),
        None => report.hint(hint),
    }
}

fn naming(refusal: &NamingRefusal) -> Report {
    let name = refusal.error.name();
    let mut report = match &refusal.error {
        NamingError::Unknown { .. } => Report::new(Code::NoSuchPackage, &refusal.error)
            .run("look for it", format!("ggen marketplace search {name}"))
            .hint("if it is new, reach a node that has it: GGEN_P2P_BOOTSTRAP, or --bootstrap of p2p start"),
        NamingError::Undecided { candidates, .. } => {
            let mut report = Report::new(Code::Undecided, &refusal.error).with_json("candidates", candidates);
            for publisher in candidates.iter().take(MAX_CANDIDATES) {
                report = report
                    .line(format!("{publisher} publishes {name}"))
                    .run(format!("if you mean {}", publisher.short()), format!("ggen key trust {name} {publisher}"));
            }
            if let (Some(first), None) = (candidates.first(), &refusal.required_by) {
                let command = format!("ggen marketplace install {first}/{name}");
                report = report.run("or name the publisher, once", command);
            }
            report
        }
        NamingError::Conflict { first_by, first, second_by, second, .. } => {
            let report = Report::new(Code::NameConflict, &refusal.error)
                .with_json("candidates", [first, second])
                .line(format!("{} says {first}", first_by.words()))
                .line(format!("{} says {second}", second_by.words()))
                .hint("find out who is right before you change anything");
            let binding = if *first_by == DecidedBy::Binding { Some(second) } else { None };
            match binding.or((*second_by == DecidedBy::Binding).then_some(first)) {
                Some(other) => report.run(
                    "if this home's binding is wrong",
                    format!("ggen key untrust {name} && ggen key trust {name} {other}"),
                ),
                None => report,
            }
        }
    };
    report = report.with("name", name);
    match &refusal.required_by {
        Some((package, version)) => report.with("required_by", format!("{package} {version}")).line(format!(
            "it is required by {} {version} of publisher {}",
            package.name,
            package.publisher.short()
        )),
        None => report,
    }
}
