//! `ggen demo`: the main job and its failures, shown on a swarm of its own on loopback.
//!
//! Real nodes, real sockets, real homes in a temporary folder that is removed at the end. Nothing leaves this machine,
//! and the user's own home is not touched.

mod actors;
mod story;

use std::time::Instant;

use serde::Serialize;

use crate::error::MarketError;
use crate::report::Cancel;

/// One thing that was shown.
#[derive(Clone, Debug, Serialize)]
pub struct DemoStep {
    /// What was tried.
    pub title: String,
    /// What came of it, line by line.
    pub outcome: Vec<String>,
}

/// `ggen demo`.
#[derive(Clone, Debug, Serialize)]
pub struct DemoAnswer {
    /// In order.
    pub steps: Vec<DemoStep>,
    /// Seconds it took.
    pub seconds: f64,
}

/// Tells a step as it happens.
pub(crate) struct Teller<'a> {
    tell: &'a mut (dyn FnMut(&str) + Send),
    steps: Vec<DemoStep>,
}

impl Teller<'_> {
    fn begin(&mut self, title: &str) {
        (self.tell)(&format!("\n{}. {title}", self.steps.len() + 1));
        self.steps.push(DemoStep { title: title.to_owned(), outcome: Vec::new() });
    }

    fn say(&mut self, line: impl Into<String>) {
        let line = line.into();
        (self.tell)(&format!("   {line}"));
        if let Some(step) = self.steps.last_mut() {
            step.outcome.push(line);
        }
    }
}

/// Runs the demo; `tell` gets each line for people as it happens.
pub async fn run(tell: &mut (dyn FnMut(&str) + Send), cancel: Cancel) -> Result<DemoAnswer, MarketError> {
    let begun = Instant::now();
    let mut teller = Teller { tell, steps: Vec::new() };
    let told = tokio::select! {
        told = story::tell(&mut teller) => told,
        () = cancel.wished() => Err(MarketError::Interrupted),
    };
    told?;
    Ok(DemoAnswer { steps: teller.steps, seconds: begun.elapsed().as_secs_f64() })
}
