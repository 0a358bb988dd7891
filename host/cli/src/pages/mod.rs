//! Answers as people read them: short, plain, aligned.
//!
//! Decides what of an answer is worth a line; programs get all of it as JSON.

mod care;
mod closure;
mod packages;
mod plugins;
mod policies;
mod swarm;
mod trust;

use ggen_market::demo::DemoAnswer;

use crate::errors::Explained;
use crate::output::Page;

pub use care::{cleaned, examined, inspected, updated, verified};
pub use closure::{tree, upgraded, why};
pub use packages::{found, info, installed, list, published, removed};
pub use plugins::{
    benched, built, plugin, plugin_checked, plugin_installed, plugin_made, plugin_removed, plugin_tested, plugins,
};
pub use policies::{logged, policy_explained, reloaded, replayed};
pub use swarm::{banned, bans, peers, ready, ready_in_background, status, stopped, unbanned};
pub use trust::{bindings, key_export, key_made, keys, policy};

/// `ggen explain`.
pub fn explained(page: &mut Page, answer: &Explained) {
    page.heading(format!("{}: {}", answer.code, answer.title));
    page.gap();
    wrapped(page, answer.meaning);
    page.gap();
    wrapped(page, answer.action);
    page.gap();
    page.aside(format!("exit code {}", answer.exit_code));
}

/// `ggen demo`. The steps were told while they ran, unless nothing was to be told.
pub fn demo(page: &mut Page, answer: &DemoAnswer, quiet: bool) {
    if quiet {
        for step in &answer.steps {
            page.good(&step.title);
            step.outcome.iter().for_each(|line| page.line(format!("  {line}")));
        }
    }
    page.good(format!("{} steps in {:.1} s", answer.steps.len(), answer.seconds));
}

/// At most 80 characters a line, broken between words.
fn wrapped(page: &mut Page, text: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > 80 {
            page.line(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    page.line(line);
}

/// `1 package`, `2 packages`.
fn count(number: impl TryInto<u64>, one: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}
