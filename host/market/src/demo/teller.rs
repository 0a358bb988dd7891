//! Tells the steps of the demo as they happen, and keeps them for the answer.
//!
//! Decides how a step reads. Invariant: what is told is kept, in its order.

use serde::Serialize;

/// One thing that was shown.
#[derive(Clone, Debug, Serialize)]
pub struct DemoStep {
    /// What was tried.
    pub title: String,
    /// What came of it, line by line.
    pub outcome: Vec<String>,
}

/// Tells a step as it happens.
pub(super) struct Teller<'a> {
    pub(super) tell: &'a mut (dyn FnMut(&str) + Send),
    pub(super) steps: Vec<DemoStep>,
}

impl Teller<'_> {
    pub(super) fn begin(&mut self, title: &str) {
        (self.tell)(&format!("\n{}. {title}", self.steps.len() + 1));
        self.steps.push(DemoStep { title: title.to_owned(), outcome: Vec::new() });
    }

    pub(super) fn say(&mut self, line: impl Into<String>) {
        let line = line.into();
        (self.tell)(&format!("   {line}"));
        if let Some(step) = self.steps.last_mut() {
            step.outcome.push(line);
        }
    }
}
