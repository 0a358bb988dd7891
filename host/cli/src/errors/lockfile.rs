//! Reports about a project's lockfile.
//!
//! Decides nothing; see [`super`].

use ggen_market::MarketError;

use super::{Code, Report};

pub(super) fn report(error: &MarketError) -> Report {
    match error {
        MarketError::Lockfile { path, written: true, .. } => Report::new(Code::File, error)
            .with("path", path.display())
            .hint("what this command installed is installed; are the file and its folder yours to read and write?"),
        MarketError::Lockfile { path, .. } => Report::new(Code::File, error)
            .with("path", path.display())
            .line("what is locked here is not known, so nothing was done")
            .hint("put there the file from your version control; if there never was one, move what has its name away"),
        MarketError::LockfileInvalid { path, place, .. } => Report::new(Code::LockfileInvalid, error)
            .with("path", path.display())
            .with_json("line", place.line)
            .with_json("column", place.column)
            .hint("take the file from your version control as it was, or mend it at this place"),
        MarketError::LockfileChanged { path } => Report::new(Code::LockfileChanged, error)
            .with("path", path.display())
            .line("what this command installed is installed, and not written down there")
            .hint("run the same command again"),
        MarketError::LockedChange { path, changes } => {
            let report =
                Report::new(Code::LockedChange, error).with("path", path.display()).with_json("changes", changes);
            let report = changes.iter().take(MAX_CHANGES).fold(report, |report, change| report.line(change));
            let report = match changes.len().saturating_sub(MAX_CHANGES) {
                0 => report,
                more => report.line(format!("and {more} more")),
            };
            report.hint("leave out --locked to have it changed")
        }
        MarketError::LockedDigest(changed) => Report::new(Code::LockedDigest, error)
            .with("name", &changed.name)
            .with("version", &changed.version)
            .with("locked", changed.locked)
            .with("found", changed.found)
            .line(format!("ggen.lock names the archive {}", changed.locked))
            .line(format!("its publisher signed the archive {}", changed.found))
            .hint("find out who changed what: the lockfile (see its history), or the publisher")
            .run("if the lockfile is wrong, look at what another version would be", upgrade(&changed.name)),
        _ => Report::new(Code::NoLockfile, error)
            .run("make one", "ggen marketplace install")
            .hint("stand in the project's folder"),
    }
}

/// The most changes that are told.
const MAX_CHANGES: usize = 12;

fn upgrade(name: &ggen_core::PackageName) -> String {
    format!("ggen marketplace upgrade {name} --dry-run")
}
