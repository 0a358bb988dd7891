//! Checks signatures of inbound records beside the node's task.
//!
//! Decides nothing itself: it runs [`crate::dht::admit::verify`] on a thread that may block. Invariant: at most
//! [`QUEUE`] records wait; what comes on top is dropped, for its sender will send it again.

use ggen_core::head::SignedHead;
use libp2p::PeerId;
use libp2p::kad::Record;
use tokio::sync::mpsc;

use crate::dht::admit::{self, Refusal};

const QUEUE: usize = 64;

/// A record, by whom it came, and what its signature is worth.
pub(super) struct Checked {
    pub source: PeerId,
    pub record: Record,
    pub head: Result<Box<SignedHead>, Refusal>,
}

pub(super) struct Verifier {
    todo: mpsc::Sender<(PeerId, Record)>,
    done: mpsc::Receiver<Checked>,
}

impl Verifier {
    pub fn start() -> Self {
        let (todo, mut inbox) = mpsc::channel::<(PeerId, Record)>(QUEUE);
        let (outbox, done) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            while let Some((source, record)) = inbox.recv().await {
                let check = move || {
                    let head = admit::verify(record.key.as_ref(), &record.value).map(Box::new);
                    Checked { source, record, head }
                };
                let Ok(checked) = tokio::task::spawn_blocking(check).await else { continue };
                if outbox.send(checked).await.is_err() {
                    return;
                }
            }
        });
        Self { todo, done }
    }

    /// Takes a record if there is room.
    pub fn submit(&self, source: PeerId, record: Record) {
        if self.todo.try_send((source, record)).is_err() {
            tracing::debug!(%source, "too many records at once: one is dropped");
        }
    }

    pub async fn next(&mut self) -> Option<Checked> {
        self.done.recv().await
    }
}
