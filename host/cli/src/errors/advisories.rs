//! Reports of feeds of advisories that cannot be used.
//!
//! Decides which way leads to a feed that can be; see [`super`].

use ggen_market::{FeedFault, FeedProblem};

use super::{Code, Report};

pub(super) fn report(fault: &FeedFault) -> Report {
    let FeedFault { package, publisher, from, problem } = fault;
    let target = publisher.map_or_else(|| package.to_string(), |publisher| format!("{publisher}/{package}"));
    let report = Report::new(Code::Advisories, fault)
        .with("package", package)
        .with("from", from.display())
        .line("what an unreadable advisory says is not known: until the feed can be read, nothing but it is installed");
    let report = match problem {
        FeedProblem::Missing => report.run("install it", format!("ggen marketplace install {target}")),
        FeedProblem::OtherPublisher { installed } => report
            .with("installed", installed)
            .hint("find out who is meant: the configuration names a publisher, and another one's package is here"),
        FeedProblem::Damaged { source } => report
            .line(source.to_string())
            .run("put back what was signed", format!("ggen marketplace verify {package} --repair")),
        FeedProblem::NotUnderstood { path, .. } => report
            .with("path", path)
            .run("see which versions there are", format!("ggen marketplace info {package}"))
            .hint(format!("tell its publisher; an older version may do: ggen marketplace install {package}@VERSION")),
    };
    report.hint(format!("{} names it", from.display()))
}
