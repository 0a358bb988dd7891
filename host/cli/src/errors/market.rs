//! Reports of jobs that failed.
//!
//! Decides nothing; see [`super`].

use std::io;
use std::path::Path;

use ggen_core::manifest::{MANIFEST_NAMES, ManifestError, RequirementError};
use ggen_market::MarketError;

use super::{Code, Report, advisories, lockfile, net, policy, resolve, store};

pub(super) fn report(error: &MarketError) -> Report {
    match error {
        MarketError::Store(source) => store::report(source),
        MarketError::Net(source) => net::report(source),
        MarketError::Policy(source) => policy::setup(source),
        MarketError::PolicyFault(fault) => policy::fault(fault),
        MarketError::Resolve(unresolved) => resolve::report(unresolved),
        MarketError::Denied(denied) => policy::denied(denied, error),
        MarketError::Feed(fault) => advisories::report(fault),
        MarketError::Stopped { code, message, hint } => policy::stopped(code, message, hint.as_deref()),
        MarketError::PolicyFile { path, problem } => Report::new(Code::PolicyFile, error)
            .with("path", path.display())
            .with("problem", problem)
            .line("nothing is installed without its word; what only reads goes on")
            .hint("tell whoever looks after that file"),
        MarketError::Loosened(loosened) => policy::loosened(loosened, error),
        MarketError::PolicySet { problems } => policy::set(problems),
        MarketError::Archive { path, source } => store::archive(source, Some(path)),
        MarketError::Manifest { path, source } => manifest(error, path, source),
        MarketError::NoManifest { path } => Report::new(Code::NoManifest, error)
            .with("path", path.display())
            .hint("name the folder that has one, or write one: [package], name = \"…\", version = \"1.0.0\""),
        MarketError::Io { path, action, source } => file(error, path, action, source.kind()),
        MarketError::Usage { text, problem, hint } => {
            let report = Report::new(Code::Target, error).with("text", text).with("problem", problem);
            report.hint(hint.as_deref().unwrap_or("write it as [PUBLISHER/]NAME[@REQ], for example hello-ggen@^1"))
        }
        MarketError::Requirement { text, wrong } => requirement(error, text, wrong),
        MarketError::Lockfile { .. }
        | MarketError::LockfileInvalid { .. }
        | MarketError::LockfileChanged { .. }
        | MarketError::NoLockfile
        | MarketError::LockedChange { .. }
        | MarketError::LockedDigest(_) => lockfile::report(error),
        MarketError::NoKey => Report::new(Code::NoKey, error).run("make one", "ggen key new"),
        _ => about_package(error),
    }
}

/// A range that was typed, with a caret beneath its first wrong character.
fn requirement(error: &MarketError, text: &str, wrong: &RequirementError) -> Report {
    let report = Report::new(Code::Requirement, error)
        .with("text", text)
        .with("requirement", &wrong.text)
        .with("problem", &wrong.problem)
        .with_json("column", wrong.at + 1);
    // One character each, so that the caret stands where it belongs.
    let shown = |c: char| if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' { c } else { '\u{fffd}' };
    let report = match wrong.text.is_empty() {
        true => report,
        false => {
            report.line(wrong.text.chars().map(shown).collect::<String>()).line(format!("{}^", " ".repeat(wrong.at)))
        }
    };
    report.hint("write NAME, NAME@1.2.3, NAME@^1.2 or \"NAME@>=1, <3\"")
}

/// A file that a job reads or writes. What the user named or wrote is the user's to put right, not the disk's.
fn file(error: &MarketError, path: &Path, action: &str, kind: io::ErrorKind) -> Report {
    let is_manifest =
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| MANIFEST_NAMES.contains(&name));
    let report = match kind {
        io::ErrorKind::NotFound if action == "read" => {
            Report::new(Code::NoFile, format!("there is no {}", path.display()))
                .hint("look for a typing mistake; paths are taken from the current folder")
        }
        io::ErrorKind::InvalidData if is_manifest => {
            Report::new(Code::ManifestSyntax, error).hint("write it as UTF-8 text, as every TOML file is")
        }
        _ => Report::new(Code::File, error).hint("are it and its folder yours to read and write?"),
    };
    report.with("path", path.display())
}

/// What is about one package.
fn about_package(error: &MarketError) -> Report {
    match error {
        MarketError::Unsigned { name, version } => Report::new(Code::Unsigned, error)
            .with("name", name)
            .with("version", version)
            .hint("ask for another version, or reach a node that has the release: GGEN_P2P_BOOTSTRAP"),
        MarketError::NameCollides { name, other } => Report::new(Code::NameCollides, error)
            .with("name", name)
            .with("other", other)
            .hint(format!("use the name that is there: {other}")),
        MarketError::RolledBack { name, sequence } => Report::new(Code::HeadRolledBack, error)
            .with("name", name)
            .with("sequence", sequence)
            .hint("reach a node that is up to date: GGEN_P2P_BOOTSTRAP, or --bootstrap of p2p start"),
        MarketError::AllHoldersFailed { name, version, failures } => {
            let holders: Vec<_> =
                failures.iter().map(|f| serde_json::json!({ "holder": f.holder, "reason": f.reason })).collect();
            let report = Report::new(Code::AllHoldersFailed, error)
                .with("name", name)
                .with("version", version)
                .with_json("holders", holders);
            failures
                .iter()
                .fold(report, |report, f| report.line(format!("{}: {}", f.holder, f.reason)))
                .run("see how the network is", "ggen marketplace p2p status")
                .hint("try again later, or connect to more peers")
        }
        MarketError::AlreadyPublished { name, version } => Report::new(Code::AlreadyPublished, error)
            .with("name", name)
            .with("version", version)
            .hint("give it a new version in package.toml: what others may have is never replaced"),
        MarketError::NameTaken { name, bound } => Report::new(Code::NameTaken, error)
            .with("name", name)
            .with("bound", bound)
            .hint("publish under another name, or with the key of that publisher")
            .run("if the binding is wrong", format!("ggen key untrust {name}")),
        MarketError::NotInstalled { name } => store::not_installed(name),
        MarketError::NotThere { name, in_project } => {
            let report = Report::new(Code::NotInstalled, error).with("name", name);
            match in_project {
                true => report.run("see what is", "ggen marketplace tree"),
                false => report.run("see what is", "ggen marketplace list"),
            }
        }
        MarketError::Needed { name, needed_by } => {
            let all: Vec<_> = needed_by.iter().map(ToString::to_string).collect();
            Report::new(Code::Needed, error)
                .with("name", name)
                .with_json("needed_by", needed_by)
                .hint(format!("name {} in the same command if they are to go as well", all.join(" ")))
        }
        MarketError::Unknown { name, offline: true } => Report::new(Code::OfflineMissing, error)
            .with("name", name)
            .run("ask the network", format!("ggen marketplace search {name}")),
        MarketError::Unknown { name, offline: false } => Report::new(Code::Unknown, error)
            .with("name", name)
            .run("look for it", format!("ggen marketplace search {name}")),
        MarketError::SwarmKey { path, problem } => net::swarm_key(error, path, problem),
        MarketError::NodeRunning => net::node_running(error),
        MarketError::NodeNotRunning => {
            Report::new(Code::NodeNotRunning, error).run("start one", "ggen marketplace p2p start")
        }
        MarketError::Plugin(plugin) => super::plugin::report(plugin),
        MarketError::Interrupted => Report::new(Code::Interrupted, error),
        _ => Report::new(Code::Internal, error).hint("please report it, with the output of the same command and -vv"),
    }
}

fn manifest(error: &MarketError, path: &Path, source: &ManifestError) -> Report {
    let code = match source.code {
        "manifest-syntax" => Code::ManifestSyntax,
        "manifest-name" => Code::ManifestName,
        "manifest-version" => Code::ManifestVersion,
        "manifest-dependency" => Code::ManifestDependency,
        "manifest-requirement" => Code::ManifestRequirement,
        "manifest-self" => Code::ManifestSelf,
        "manifest-twice" => Code::ManifestTwice,
        "manifest-collides" => Code::ManifestCollides,
        "manifest-too-long" => Code::ManifestTooLong,
        _ => Code::ManifestField,
    };
    Report::new(code, error)
        .with("path", path.display())
        .with_json("line", source.place.line)
        .with_json("column", source.place.column)
        .hint(&source.hint)
}
