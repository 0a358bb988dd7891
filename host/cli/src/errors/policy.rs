//! Reports of policies: denied, stopped, failed, not built.
//!
//! Decides which code of a policy means what to a script; see [`super`].

use ggen_market::Denied;
use ggen_policy::build::{BuildError, WAYS};
use ggen_policy::{Loosened, PolicyError, PolicyFault};
use serde_json::json;

use super::{Code, Report};

/// A plan or contents that a policy denied.
pub(super) fn denied(denied: &[Denied], headline: &dyn std::fmt::Display) -> Report {
    let packages: Vec<_> = denied
        .iter()
        .map(|one| {
            let reasons: Vec<_> = one
                .reasons
                .iter()
                .map(|r| json!({ "code": r.code, "message": r.message, "hint": r.hint, "locked_by": r.locked_by }))
                .collect();
            json!({ "name": one.name, "version": one.version, "reasons": reasons })
        })
        .collect();
    let mut report = Report::new(Code::Denied, headline).with_json("denied", packages);
    for one in denied {
        for reason in &one.reasons {
            let locked = reason.locked_by.as_ref().map(|by| format!(" (locked by {})", by.display()));
            let subject = if denied.len() > 1 { format!("{} {}: ", one.name, one.version) } else { String::new() };
            report = report.line(format!("{subject}{}{}: {}", reason.code, locked.unwrap_or_default(), reason.message));
        }
    }
    let mut told: Vec<&str> = Vec::new();
    for hint in denied.iter().flat_map(|one| &one.reasons).filter_map(|reason| reason.hint.as_deref()) {
        if !told.contains(&hint) {
            told.push(hint);
            report = report.hint(hint);
        }
    }
    report.run("see which policies decide here", "ggen policy show")
}

/// A user's links that would loosen what an organization locked.
pub(super) fn loosened(loosened: &[Loosened], headline: &dyn std::fmt::Display) -> Report {
    let links: Vec<_> = loosened
        .iter()
        .map(|l| json!({ "hook": l.hook, "policy": l.policy, "locked_by": l.locked_by, "by": l.by, "how": l.how }))
        .collect();
    let report = Report::new(Code::Loosened, headline).with_json("loosened", links);
    let line = |report: Report, l: &Loosened| {
        report.line(format!("{}: {} {} (locked by {})", l.by, l.policy, l.how, l.locked_by))
    };
    let report = loosened.iter().fold(report, line);
    report
        .hint("take the table out of your own file, or ask whoever keeps the organization's")
        .run("see which policies decide here", "ggen policy show")
}

/// A job that the fallback policy ended. Its reason's code tells what a script can do about it.
pub(super) fn stopped(code: &str, message: &str, hint: Option<&str>) -> Report {
    let reason = code.rsplit('/').next().unwrap_or(code);
    let kind = match reason {
        "bootstrap-unreachable" | "registry-unreachable" | "holder-unreachable" | "no-peers" => Code::NoPeers,
        "lookup-timeout" | "search-timeout" | "holder-timeout" => Code::NetworkTimeout,
        "all-holders-failed" | "no-holders" => Code::AllHoldersFailed,
        "no-origin" => Code::OfflineMissing,
        "verification-failed" => Code::Digest,
        _ => Code::Stopped,
    };
    let report = Report::new(kind, message).with("reason", code).line(code);
    let report = match hint {
        Some(hint) if hint.starts_with("ggen ") => report.run("try", hint),
        Some(hint) => report.hint(hint),
        None => report,
    };
    report.run("see which policy decided", "ggen policy show")
}

/// A policy that failed where the job must stop with it.
pub(super) fn fault(fault: &PolicyFault) -> Report {
    let report = Report::new(
        Code::PolicyFault,
        format!("the policy {} failed, and the job may not go on without it", fault.policy),
    )
    .with("policy", &fault.policy)
    .with("hook", fault.hook)
    .with("problem", &fault.text);
    let report = match fault.limit {
        Some(limit) => report.with_json("limit", limit),
        None => report,
    };
    report.run("see which policies decide here, and what is wrong with them", "ggen policy show")
}

/// Policies that cannot be set up at all.
pub(super) fn setup(error: &PolicyError) -> Report {
    let report = match error {
        PolicyError::TooManyLinks { hook, count, most } => Report::new(Code::PolicySetup, error)
            .with("hook", hook)
            .with_json("count", count)
            .with_json("most", most)
            .hint(format!("take some [[policy.{hook}]] out of config.toml")),
        PolicyError::Compile { .. } => Report::new(Code::PolicySetup, error).hint("its author has to build it anew"),
    };
    report.run("see what is configured", "ggen policy show")
}

/// Configured policies that do not load.
pub(super) fn set(problems: &[String]) -> Report {
    let report = Report::new(Code::PolicySet, "the configured policies cannot be taken up")
        .with_json("problems", problems)
        .line("what was in use stays in use by a running node");
    let report = problems.iter().fold(report, |report, problem| report.line(problem));
    report.run("see all of them, and what is wrong", "ggen policy show")
}

/// A policy that was not built.
pub(super) fn build(error: &BuildError) -> Report {
    // What a compiler says has many lines: the first is the sentence, the rest stands below.
    let text = error.to_string();
    let (headline, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let code = if matches!(error, BuildError::NoToolchain { .. }) { Code::NoToolchain } else { Code::PluginBuild };
    let report = Report::new(code, headline.trim_end_matches([':', ';']));
    let report = rest.lines().fold(report, |report, line| report.line(line));
    match error {
        BuildError::NoCrate { path } => {
            report.with("path", path.display()).run("name the crate's folder", "ggen plugin build PATH")
        }
        BuildError::NotAPolicy { name } => {
            report.with("crate", name).hint("add [lib] crate-type = [\"cdylib\", \"rlib\"] to its Cargo.toml")
        }
        BuildError::NoToolchain { asked } => {
            let report = report.with_json("asked", asked);
            let ways = WAYS.iter().fold(report, |report, (whom, command)| report.run(*whom, *command));
            if asked.is_empty() { ways.hint("install Rust first: https://rustup.rs") } else { ways }
        }
        BuildError::Compile { name, output } => {
            report.with("crate", name).with("output", output).hint("correct what the compiler says")
        }
        BuildError::ForeignImports { name, imports } => report
            .with("crate", name)
            .with_json("imports", imports)
            .hint("a policy has no files, clock, network or randomness: leave out what needs them"),
        BuildError::NoHook { name, .. } | BuildError::Encode { name, .. } => report
            .with("crate", name)
            .hint("implement a hook's trait of ggen-plugin-sdk, and name it in one export! line"),
        _ => report.hint("look at the cause, and at `ggen plugin build --help`"),
    }
}
