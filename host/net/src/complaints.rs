//! What peers did wrong, on its way to the owner.
//!
//! Decides nothing: [`Offences`] says when. Invariant: whoever does wrong a thousand times a second fills neither the
//! owner's channel nor the log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ggen_core::limits::Limits;
use ggen_core::offences::{Counted, Offences};
use libp2p::PeerId;
use tokio::sync::mpsc;

use crate::types::{NodeEvent, Offence};

/// How long offences of one peer are gathered, in milliseconds.
const TURN: u64 = 1000;
/// Offences that are told in one turn.
const MOST: usize = 64;

/// The way of complaints to the owner. Clones are the same.
#[derive(Clone)]
pub(crate) struct Complaints {
    started: Instant,
    events: mpsc::Sender<NodeEvent>,
    waiting: Arc<Mutex<Offences<PeerId, Offence>>>,
}

impl Complaints {
    pub fn new(events: mpsc::Sender<NodeEvent>, limits: &Limits) -> Self {
        let waiting = Arc::new(Mutex::new(Offences::new(TURN, limits.max_known_peers)));
        Self { started: Instant::now(), events, waiting }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A peer did wrong.
    pub fn add(&self, offence: Offence) {
        tracing::debug!(?offence, "a peer did wrong");
        let same = |a: &Offence, b: &Offence| a.class == b.class && a.code == b.code;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let told = waiting.add(offence.peer, offence, same, self.now());
        drop(waiting);
        told.into_iter().for_each(|told| self.tell(told));
    }

    /// Tells what it is time to tell.
    pub fn flush(&self) {
        let room = self.events.capacity().min(MOST);
        let due = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).due(room, self.now());
        due.into_iter().for_each(|(_, told)| self.tell(told));
    }

    fn tell(&self, told: Counted<Offence>) {
        let offence = Offence { count: told.count, ..told.offence };
        if self.events.try_send(NodeEvent::Offence(offence)).is_err() {
            tracing::debug!("an offence is lost: nobody reads the node's events");
        }
    }
}
