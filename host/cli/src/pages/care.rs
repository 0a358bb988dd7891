//! Looking after a home: verified, refreshed, cleaned, inspected.

use ggen_core::doctor::State;
use ggen_market::{CleanAnswer, DoctorAnswer, InspectAnswer, UpdateAnswer, VerifyAnswer};

use super::count;
use crate::format::bytes;
use crate::output::Page;

/// The most lines of a list that nobody reads to its end.
const MAX_SHOWN: usize = 50;

/// `marketplace verify`.
pub fn verified(page: &mut Page, answer: &VerifyAnswer) {
    for name in &answer.repaired {
        page.good(format!("repaired {name}"));
    }
    for damage in &answer.damaged {
        page.bad(format!("{} {}: {}: {}", damage.name, damage.version, damage.path, damage.problem));
    }
    let checked = count(answer.checked, "package");
    match answer.damaged.len() {
        0 => page.good(format!("{checked} checked, all files are as they were signed")),
        damaged => {
            page.line(format!("{checked} checked, {} not as signed", count(damaged, "file")));
            page.line("  → put them right: ggen marketplace verify --repair");
        }
    }
}

/// `marketplace update`.
pub fn updated(page: &mut Page, answer: &UpdateAnswer, force: bool) {
    if force {
        page.line("Rebuilding registry index...");
    }
    page.good(format!("Scanned {}", count(answer.scanned, "package")));
    page.good(format!("{} added, {} updated", answer.added, answer.updated));
    for entry in answer.rejected.iter().take(MAX_SHOWN) {
        page.warning(format!("not taken: {}: {}", entry.path, entry.reason));
    }
    more(page, answer.rejected.len());
    page.good(format!("Index saved to {}", answer.saved_to.display()));
}

/// `marketplace clean`.
pub fn cleaned(page: &mut Page, answer: &CleanAnswer) {
    for what in answer.removed.iter().take(MAX_SHOWN) {
        if answer.dry_run {
            page.line(format!("would remove {what}"));
        } else {
            page.good(format!("Removed {what}"));
        }
    }
    more(page, answer.removed.len());
    let verb = if answer.dry_run { "Would free" } else { "Freed" };
    page.line(format!("{verb}: {}", bytes(answer.freed_bytes)));
}

/// `marketplace doctor`.
pub fn examined(page: &mut Page, answer: &DoctorAnswer) {
    for finding in &answer.checks {
        match finding.state {
            State::Good => page.good(&finding.message),
            State::Notice => page.warning(&finding.message),
            State::Bad => page.bad(&finding.message),
        }
    }
    page.gap();
    page.heading(format!("Diagnosis: {}", answer.diagnosis.message));
    if let Some(step) = &answer.next_step {
        page.line(match &step.command {
            Some(command) => format!("  → {}: {command}", step.text),
            None => format!("  → {}", step.text),
        });
    }
}

/// `marketplace inspect`.
pub fn inspected(page: &mut Page, answer: &InspectAnswer) {
    match (&answer.release, answer.accepted) {
        (Some(release), true) => page.good(format!(
            "{} {} by {}: it would be taken from a peer",
            release.name,
            release.version,
            release.publisher.short()
        )),
        (None, true) => page.good("it would be taken from a peer"),
        (_, false) => page.bad("it would be refused"),
    }
    for reason in &answer.reasons {
        page.line(format!("  {}: {}", reason.code, reason.message));
    }
    page.line(format!("  {}, {} unpacked", count(answer.files.len(), "file"), bytes(answer.unpacked_size)));
    let rows: Vec<_> = answer
        .files
        .iter()
        .take(MAX_SHOWN)
        .map(|file| vec![bytes(file.size), if file.executable { "x" } else { "" }.to_owned(), file.path.clone()])
        .collect();
    page.table(2, &rows);
    more(page, answer.files.len());
}

fn more(page: &mut Page, all: usize) {
    if let Some(more @ 1..) = all.checked_sub(MAX_SHOWN) {
        page.aside(format!("  and {more} more"));
    }
}
