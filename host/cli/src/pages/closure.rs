//! Closures: upgraded, outdated, as a tree, and why something is there.

use ggen_core::graph::{Step, TreeLine};
use ggen_market::{ListAnswer, MovedPackage, TreeAnswer, UpgradeAnswer, WhyAnswer};

use super::count;
use crate::output::Page;

/// What could not stay at its version, and why.
pub(super) fn moved(page: &mut Page, moved: &[MovedPackage]) {
    for package in moved {
        match &package.to {
            Some(to) => page.line(format!("{} had to go from {} to {to}", package.name, package.from)),
            None => page.line(format!("{} {} is not needed any more", package.name, package.from)),
        }
        for why in &package.why {
            page.line(format!("  {why}"));
        }
    }
}

/// `marketplace upgrade`.
pub fn upgraded(page: &mut Page, answer: &UpgradeAnswer) {
    for passed in &answer.passed_over {
        page.line(format!("passed over {} {}", passed.name, passed.version));
        for reason in &passed.reasons {
            page.line(format!("  {}: {}", reason.code, reason.message));
        }
    }
    moved(page, &answer.moved);
    let mut say = |done: &str, would: &str, what: String| match answer.installed {
        Some(_) => page.good(format!("{done} {what}")),
        None => page.line(format!("{would} {what}")),
    };
    for package in &answer.upgraded {
        say("upgraded", "would upgrade", format!("{} from {} to {}", package.name, package.from, package.to));
    }
    for package in &answer.added {
        say("added", "would add", format!("{} {}", package.name, package.version));
    }
    let changed = answer.upgraded.iter().map(|p| &p.name).chain(answer.added.iter().map(|p| &p.name));
    let changed: Vec<_> = changed.collect();
    // Locked at this very version, and not on this machine yet.
    let brought = answer.installed.iter().flatten().filter(|p| !changed.contains(&&p.name));
    let brought: Vec<_> = brought.map(|p| format!("{} {}", p.name, p.version)).collect();
    for what in &brought {
        page.good(format!("installed {what}"));
    }
    if changed.is_empty() && answer.moved.is_empty() && brought.is_empty() {
        page.good("nothing to upgrade");
    }
}

/// `marketplace list --outdated`.
pub(super) fn outdated(page: &mut Page, answer: &ListAnswer) {
    if answer.packages.is_empty() {
        page.good("everything is at its newest version");
        return;
    }
    let head = ["package", "current", "wanted", "latest"].map(str::to_owned).to_vec();
    let row = |p: &ggen_market::ListedPackage| {
        let of = |version: Option<String>| version.unwrap_or_default();
        let (wanted, latest) = (p.wanted.as_ref(), p.latest.as_ref());
        let texts = (of(wanted.map(ToString::to_string)), of(latest.map(ToString::to_string)));
        vec![p.name.to_string(), p.version.to_string(), texts.0, texts.1]
    };
    let rows: Vec<_> = std::iter::once(head).chain(answer.packages.iter().map(row)).collect();
    page.table(0, &rows);
}

/// `marketplace tree`.
pub fn tree(page: &mut Page, answer: &TreeAnswer) {
    if answer.lines.is_empty() {
        page.line("nothing was asked for; try: ggen marketplace install hello-ggen");
    }
    // Whether a branch of each depth goes on below.
    let mut open: Vec<bool> = Vec::new();
    for line in &answer.lines {
        open.truncate(line.depth);
        let mut text: String = open.iter().skip(1).map(|goes_on| if *goes_on { "│   " } else { "    " }).collect();
        if line.depth > 0 {
            text.push_str(if line.last { "└── " } else { "├── " });
        }
        open.push(!line.last);
        page.line(format!("{text}{}", node(line)));
    }
    if answer.cut {
        page.aside("(there is more)");
    }
    if !answer.unneeded.is_empty() {
        let names: Vec<_> = answer.unneeded.iter().map(ToString::to_string).collect();
        page.aside(format!("nothing that was asked for needs {}", names.join(", ")));
    }
}

fn node(line: &TreeLine) -> String {
    let mark = if line.repeated { " (*)" } else { "" };
    match &line.version {
        Some(version) => format!("{} {version}{mark}", line.name),
        None => format!("{} (not here)", line.name),
    }
}

/// `marketplace why`.
pub fn why(page: &mut Page, answer: &WhyAnswer) {
    page.heading(format!("{} {}", answer.name, answer.version));
    if answer.paths.is_empty() {
        page.line("nothing that was asked for needs it");
    }
    for path in &answer.paths {
        let steps: Vec<_> = path.iter().map(step).collect();
        page.line(format!("  {}", steps.join(" → ")));
    }
    if answer.cut {
        page.aside(format!("(only the first {} are shown)", count(answer.paths.len(), "way")));
    }
}

fn step(step: &Step) -> String {
    match &step.requirement {
        Some(requirement) => format!("{}@{} ({requirement})", step.name, step.version),
        None => format!("{}@{}", step.name, step.version),
    }
}
