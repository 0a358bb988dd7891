//! A holder's part of a fetch, as the driver keeps it.
//!
//! Decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ggen_core::schedule::Millis;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::message::Ask;
use super::protocol::PIECE;
use super::report::{HolderReport, Outcome};
use crate::types::Holder;

/// So many bytes are a sign of life.
const ALIVE: u64 = PIECE as u64;

pub(super) struct Part {
    pub holder: Holder,
    pub requests: Option<mpsc::Sender<Ask>>,
    pub task: Option<AbortHandle>,
    pub received: Arc<AtomicU64>,
    pub received_at_proof: u64,
    received_at_stir: u64,
    pub begun: Option<Instant>,
    pub last: Option<Instant>,
    pub latency: Option<Duration>,
    pub bytes: u64,
    pub outcome: Outcome,
}

impl Part {
    pub fn new(holder: Holder) -> Self {
        Self {
            holder,
            requests: None,
            task: None,
            received: Arc::default(),
            received_at_proof: 0,
            received_at_stir: 0,
            begun: None,
            last: None,
            latency: None,
            bytes: 0,
            outcome: Outcome::Served,
        }
    }

    /// Whether enough came since it was asked last to call it alive.
    pub fn stirs(&mut self) -> bool {
        let received = self.received.load(Ordering::Relaxed);
        let stirs = received >= self.received_at_stir.saturating_add(ALIVE);
        if stirs {
            self.received_at_stir = received;
        }
        stirs
    }

    pub fn report(self) -> HolderReport {
        let elapsed = self.begun.zip(self.last).map(|(begun, last)| last.duration_since(begun)).unwrap_or_default();
        HolderReport {
            peer: self.holder.peer,
            bytes: self.bytes,
            elapsed,
            latency_ms: self.latency.map(millis),
            outcome: self.outcome,
        }
    }
}

pub(super) fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX)
}
