//! Checks signatures of records beside the node's task: of those that come in, and of those that were kept before.
//!
//! Decides nothing itself: it runs [`crate::dht::admit::verify`] on a thread that may block. Invariant: at most
//! [`QUEUE`] records wait; what comes on top is dropped, for its sender will send it again.

use ggen_core::Digest;
use ggen_core::head::SignedHead;
use libp2p::PeerId;
use libp2p::kad::Record;
use tokio::sync::mpsc;

use crate::dht::admit::{self, Refusal};
use crate::dht::kept::{KeptRecord, after};
use crate::dht::record_key;
use crate::node::now_ms;

const QUEUE: usize = 64;

/// Records from before that are checked in one go.
const BATCH: usize = 32;

/// A record, by whom it came, and what its signature is worth.
pub(super) struct Checked {
    /// None: it was kept from before.
    pub source: Option<PeerId>,
    pub record: Record,
    pub head: Result<Box<SignedHead>, Refusal>,
}

pub(super) struct Verifier {
    todo: mpsc::Sender<(PeerId, Record)>,
    done: mpsc::Receiver<Checked>,
}

impl Verifier {
    /// Begins with what was kept from before, beside what comes in meanwhile.
    pub fn start(kept: Vec<(Digest, KeptRecord)>) -> Self {
        let (todo, mut inbox) = mpsc::channel::<(PeerId, Record)>(QUEUE);
        let (outbox, done) = mpsc::channel(QUEUE);
        if !kept.is_empty() {
            tokio::spawn(prove_again(kept, outbox.clone()));
        }
        tokio::spawn(async move {
            while let Some((source, record)) = inbox.recv().await {
                let checked = tokio::task::spawn_blocking(move || check(Some(source), record)).await;
                let Ok(checked) = checked else { continue };
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

fn check(source: Option<PeerId>, record: Record) -> Checked {
    let head = admit::verify(record.key.as_ref(), &record.value).map(Box::new);
    Checked { source, record, head }
}

/// Nothing counts because it was kept: a disk may be anybody's.
async fn prove_again(mut kept: Vec<(Digest, KeptRecord)>, outbox: mpsc::Sender<Checked>) {
    while !kept.is_empty() {
        let batch = kept.split_off(kept.len().saturating_sub(BATCH));
        let work = move || -> Vec<Checked> {
            let record = |(key, kept): (Digest, KeptRecord)| Record {
                expires: Some(after(kept.expires, now_ms())),
                ..Record::new(record_key(&key), kept.value)
            };
            batch.into_iter().map(|kept| check(None, record(kept))).collect()
        };
        for checked in tokio::task::spawn_blocking(work).await.unwrap_or_default() {
            if outbox.send(checked).await.is_err() {
                return;
            }
        }
    }
}
