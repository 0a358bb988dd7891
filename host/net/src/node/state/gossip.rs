//! What was heard and announced by gossip.

use crate::error::NetError;
use crate::node::listen::{Listener, Looked};
use crate::types::Heard;
use ggen_core::Digest;
use ggen_core::flood::Gate;
use ggen_core::head::HeadMark;
use ggen_core::limits::Limits;
use ggen_core::recent::Recent;
use libp2p::PeerId;
use std::collections::HashMap;
use std::time::Instant;
use tokio::sync::oneshot;

/// An announcement of this node, and who waits to know that it was sent.
pub(crate) type Waiting = (Vec<u8>, Option<oneshot::Sender<Result<(), NetError>>>);

pub(crate) struct Gossip {
    pub gate: Gate<PeerId>,
    pub started: Instant,
    /// Signatures under way.
    pub listener: Listener,
    /// The highest head that was taken of each package, by its key.
    pub marks: Recent<Digest, HeadMark>,
    pub waiting: Vec<Waiting>,
    /// When this node announced something last.
    pub sent: Option<Instant>,
    /// What the owner is told next: of each package the latest.
    pub heard: HashMap<Digest, Heard>,
}

impl Gossip {
    pub fn new(limits: &Limits, listener: Listener) -> Self {
        Self {
            gate: Gate::new(limits, 0),
            started: Instant::now(),
            listener,
            marks: Recent::new(limits.max_dht_records),
            waiting: Vec::new(),
            sent: None,
            heard: HashMap::new(),
        }
    }

    /// What the listener has looked at.
    pub async fn next(&mut self) -> Option<Vec<Looked>> {
        self.listener.next().await
    }

    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
