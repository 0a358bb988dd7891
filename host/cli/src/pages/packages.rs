//! Packages: published, found, installed, listed, known, removed.

use ggen_core::hooks::Origin;
use ggen_market::{InfoAnswer, InstallAnswer, ListAnswer, PlannedPackage, Published, RemoveAnswer, SearchAnswer};

use super::closure::{moved, outdated};
use super::count;
use crate::format::{bytes, day};
use crate::output::Page;

/// The most characters of a description in a table.
const MAX_DESCRIPTION: usize = 60;

/// `marketplace publish`.
pub fn published(page: &mut Page, answer: &Published) {
    let what = format!("{} {}", answer.name, answer.version);
    page.good(match (answer.dry_run, answer.unchanged) {
        (true, _) => format!("would publish {what}"),
        (false, true) => format!("{what} is published already, just so"),
        (false, false) => format!("published {what}"),
    });
    let files = count(answer.file_count, "file");
    let mut rows = vec![
        row("publisher", answer.publisher),
        row(
            "archive",
            format_args!("{} ({files}, {} unpacked)", bytes(answer.archive_size), bytes(answer.unpacked_size)),
        ),
        row("digest", answer.digest),
    ];
    if let Some(output) = &answer.output {
        rows.push(row("file", output.display()));
    }
    if !answer.dry_run {
        let announced = if answer.announced { "yes" } else { "no: no node runs and no peer could be reached" };
        rows.push(row("announced", announced));
    }
    page.table(2, &rows);
}

fn row(key: &str, value: impl std::fmt::Display) -> Vec<String> {
    vec![key.to_owned(), value.to_string()]
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MAX_DESCRIPTION {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MAX_DESCRIPTION - 1).collect();
    short.push('…');
    short
}

/// `marketplace search`.
pub fn found(page: &mut Page, answer: &SearchAnswer) {
    if answer.results.is_empty() {
        page.line("nothing found");
    }
    let rows: Vec<_> = answer
        .results
        .iter()
        .map(|found| {
            vec![
                found.name.to_string(),
                found.version.to_string(),
                found.publisher.short(),
                source(&found.sources),
                shortened(&found.description),
            ]
        })
        .collect();
    page.table(0, &rows);
    if !answer.complete {
        page.aside("(incomplete: not everybody answered in time)");
    }
}

/// Where it is in a word: ids of peers say nothing to people.
fn source(sources: &[String]) -> String {
    match sources.iter().find(|source| source.as_str() == "registry" || source.as_str() == "bundled") {
        Some(here) => here.clone(),
        None => count(sources.len(), "peer"),
    }
}

/// `marketplace install`.
pub fn installed(page: &mut Page, answer: &InstallAnswer) {
    for passed in &answer.passed_over {
        page.line(format!("passed over {} {}", passed.name, passed.version));
        for reason in &passed.reasons {
            page.line(format!("  {}: {}", reason.code, reason.message));
        }
    }
    let Some(installed) = &answer.installed else {
        planned(page, &answer.plan);
        moved(page, &answer.moved);
        return;
    };
    if installed.is_empty() {
        let names: Vec<_> =
            answer.plan.iter().filter(|p| p.direct).map(|p| format!("{} {}", p.name, p.version)).collect();
        page.good(match names.as_slice() {
            [] => "nothing to do: nothing is asked for".to_owned(),
            [one] => format!("nothing to do: {one} is installed"),
            many => format!("nothing to do: {} are installed", many.join(", ")),
        });
    }
    moved(page, &answer.moved);
    for package in installed {
        page.good(format!("installed {} {} {}", package.name, package.version, from(package.origin)));
    }
    for package in installed.iter().filter(|i| answer.plan.iter().any(|p| p.direct && p.name == i.name)) {
        page.line(format!("  {}", package.path.display()));
    }
}

fn planned(page: &mut Page, plan: &[PlannedPackage]) {
    page.line(format!("would install {}:", count(plan.iter().filter(|p| !p.installed).count(), "package")));
    let rows: Vec<_> = plan
        .iter()
        .map(|package| {
            let why = match (package.installed, package.direct, package.requested_by.as_slice()) {
                (true, ..) => "installed already".to_owned(),
                (_, true, []) => "asked for".to_owned(),
                (_, _, by) => {
                    format!("for {}", by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
                }
            };
            let size = bytes(package.unpacked_size);
            vec![package.name.to_string(), package.version.to_string(), package.publisher.short(), size, why]
        })
        .collect();
    page.table(2, &rows);
}

fn from(origin: Origin) -> &'static str {
    match origin {
        Origin::Store => "from the store",
        Origin::Registry => "from the registry",
        Origin::LocalNetwork => "from the local network",
        Origin::Peers => "from peers",
        Origin::Organization => "from the organization's registry",
        Origin::Bundled => "from the starter registry inside ggen",
        Origin::File => "from the file",
    }
}

/// `marketplace list`.
pub fn list(page: &mut Page, answer: &ListAnswer) {
    if answer.outdated {
        return outdated(page, answer);
    }
    if answer.packages.is_empty() {
        page.line("nothing is installed; try: ggen marketplace install hello-ggen");
    }
    let rows: Vec<_> = answer
        .packages
        .iter()
        .map(|package| {
            let why = if package.direct { "" } else { "needed by others" };
            vec![package.name.to_string(), package.version.to_string(), package.publisher.short(), why.to_owned()]
        })
        .collect();
    page.table(0, &rows);
}

/// `marketplace info`.
pub fn info(page: &mut Page, answer: &InfoAnswer) {
    page.heading(answer.name.as_str());
    if !answer.description.is_empty() {
        page.line(&answer.description);
    }
    let licence = answer.license.as_deref().unwrap_or("none is named");
    let installed = answer.installed.as_ref().map_or("no".to_owned(), ToString::to_string);
    page.table(2, &[row("licence", licence), row("installed", installed)]);
    for equivocation in &answer.equivocations {
        let who = equivocation.publisher.short();
        page.bad(format!("its publisher {who} has signed two different lists of releases under one number"));
        page.line(
            "  the first one seen stands, and no new version of it is installed; ask the publisher which one is meant",
        );
        if equivocation.proof.is_some() {
            page.line("  the proof, both lists as they were signed, is in the answer with --json");
        }
    }
    page.line("versions");
    let rows: Vec<_> = answer
        .versions
        .iter()
        .map(|version| {
            let published = version.published.map_or("no signed release".to_owned(), day);
            let yanked = version.yanked.as_ref().map(|why| format!("yanked: {why}")).unwrap_or_default();
            vec![version.version.to_string(), version.publisher.short(), published, yanked]
        })
        .collect();
    page.table(2, &rows);
    if !answer.dependencies.is_empty() {
        page.line("dependencies");
    }
    let rows: Vec<_> = answer
        .dependencies
        .iter()
        .map(|dependency| {
            let publisher = dependency.publisher.map(|p| p.short()).unwrap_or_default();
            let optional = if dependency.optional { "optional" } else { "" };
            vec![dependency.name.to_string(), dependency.version_req.clone(), publisher, optional.to_owned()]
        })
        .collect();
    page.table(2, &rows);
}

/// `marketplace remove`.
pub fn removed(page: &mut Page, answer: &RemoveAnswer) {
    for name in &answer.removed {
        page.good(format!("removed {name}"));
    }
    if !answer.unlocked.is_empty() {
        let names: Vec<_> = answer.unlocked.iter().map(ToString::to_string).collect();
        page.line(format!("  ggen.lock no longer asks for {}", names.join(", ")));
    }
    if !answer.unneeded.is_empty() {
        let names: Vec<_> = answer.unneeded.iter().map(ToString::to_string).collect();
        page.line(format!("  nothing needs {} any more", names.join(", ")));
    }
}
