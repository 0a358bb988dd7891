//! What is wrong with a home, told from what was found in it, and the one thing to do next.
//!
//! Decides which of several findings comes first: what keeps everything else from working. Never looks for anything, and
//! never advises what destroys. Invariant: the same findings have the same diagnosis, and there is exactly one.

use serde::Serialize;

/// How one thing is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Good,
    /// Not as it could be; nothing fails for it.
    Notice,
    /// Something fails for it.
    Bad,
}

/// What was looked at. The order is that of diagnoses: what stands above keeps what stands below from working.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The layout's number.
    Version,
    /// Whose the home is, and whether it can be written.
    Home,
    /// Free space.
    Space,
    /// `state.db`.
    Database,
    /// `registry/index.json`.
    Index,
    /// Who holds what.
    Locks,
    /// What dead processes left.
    Leftovers,
    /// The policies that decide.
    Policies,
    /// Archives.
    Store,
    /// One package, where one was named.
    Package,
    /// The node and the network.
    Network,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What.
    pub check: Check,
    /// How it is.
    pub state: State,
    /// A word for programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// What to do about it, where something is.
    #[serde(skip)]
    pub step: Option<Step>,
}

/// Something to do that destroys nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// For people.
    pub text: String,
    /// What to type, where it is a command.
    pub command: Option<String>,
}

impl Step {
    /// Something that no command does.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None }
    }

    /// A command, and what it does.
    pub fn command(text: impl Into<String>, command: impl Into<String>) -> Self {
        Self { text: text.into(), command: Some(command.into()) }
    }
}

impl Finding {
    /// As it should be.
    pub fn good(check: Check, message: impl Into<String>) -> Self {
        Self { check, state: State::Good, code: "good", message: message.into(), step: None }
    }

    /// Worth a word.
    pub fn notice(check: Check, code: &'static str, message: impl Into<String>, step: Option<Step>) -> Self {
        Self { check, state: State::Notice, code, message: message.into(), step }
    }

    /// Something fails for it.
    pub fn bad(check: Check, code: &'static str, message: impl Into<String>, step: Step) -> Self {
        Self { check, state: State::Bad, code, message: message.into(), step: Some(step) }
    }
}

/// What it comes to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Diagnosis {
    /// The deciding finding's word, or `healthy`.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// The diagnosis, and the one thing to do next; nothing where all is well.
///
/// What is bad comes before what is only noticed; among equals the order is that of [`Check`].
pub fn diagnose(findings: &[Finding]) -> (Diagnosis, Option<Step>) {
    let urgent = findings
        .iter()
        .filter(|f| f.state == State::Bad || (f.state == State::Notice && f.step.is_some()))
        .min_by_key(|f| (std::cmp::Reverse(f.state), f.check));
    match urgent {
        Some(finding) => {
            let diagnosis = Diagnosis { code: finding.code, message: finding.message.clone() };
            (diagnosis, finding.step.clone())
        }
        None => (Diagnosis { code: "healthy", message: "nothing is wrong here".to_owned() }, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_the_rest_from_working_is_told_first() {
        let step = |command: &str| Step::command("do it", command);
        let low = Finding::notice(Check::Space, "space-low", "little is free", Some(step("clean")));
        let broken = Finding::bad(Check::Index, "index-broken", "it cannot be read", step("update"));
        let full = Finding::bad(Check::Space, "disk-full", "nothing is free", step("clean"));
        let aside = Finding::notice(Check::Version, "aside", "only a word", None);
        let fine = Finding::good(Check::Database, "it is whole");
        let code = |findings: &[Finding]| diagnose(findings).0.code;
        assert_eq!(code(&[]), "healthy");
        assert_eq!(code(&[fine.clone(), aside.clone()]), "healthy");
        assert_eq!(code(&[fine.clone(), aside.clone(), low.clone()]), "space-low");
        assert_eq!(code(&[low.clone(), broken.clone()]), "index-broken");
        assert_eq!(code(&[broken.clone(), low, full.clone()]), "disk-full");
        let (_, step) = diagnose(&[aside, broken, fine, full]);
        assert_eq!(step.and_then(|s| s.command).as_deref(), Some("clean"));
    }
}
