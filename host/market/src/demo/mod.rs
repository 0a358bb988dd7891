//! `ggen demo`: the main job and its failures, shown on a swarm of its own on loopback.
//!
//! Real nodes, real sockets, real homes in a temporary folder that is removed at the end. Nothing leaves this machine,
//! and the user's own home is not touched.

mod actors;
mod story;
mod teller;

use std::time::Instant;

use serde::Serialize;

use crate::error::MarketError;
use crate::report::Cancel;

pub use self::teller::DemoStep;
use self::teller::Teller;

/// `ggen demo`.
#[derive(Clone, Debug, Serialize)]
pub struct DemoAnswer {
    /// In order.
    pub steps: Vec<DemoStep>,
    /// Seconds it took.
    pub seconds: f64,
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
