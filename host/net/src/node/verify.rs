//! Checks signatures of records beside the node's task: of those that come in, and of those that were kept before.
//!
//! Decides nothing itself: it runs [`crate::dht::admit::verify`] on a thread that may block. Invariant: at most
//! [`QUEUE`] records wait, a quarter of them of one peer; what comes on top is dropped, for its sender will send it again.

use std::collections::HashMap;

use ggen_core::Digest;
use ggen_core::head::SignedHead;
use libp2p::PeerId;
use libp2p::kad::Record;
use tokio::sync::mpsc;

use crate::clock::now_ms;
use crate::dht::admit::{self, Refusal};
use crate::dht::kept::{KeptRecord, after};
use crate::dht::record_key;

const QUEUE: usize = 64;

/// Records from before that are checked in one go.
const BATCH: usize = 32;

/// A record, by whom it came, and what its signature is worth.
pub(super) struct Checked {
    /// Who sent it, and as whom he is counted. None: it was kept from before.
    pub source: Option<(PeerId, String)>,
    pub record: Record,
    pub head: Result<Box<SignedHead>, Refusal>,
}

pub(super) struct Verifier {
    todo: mpsc::Sender<(PeerId, String, Record)>,
    done: mpsc::Receiver<Done>,
    /// How many of each peer wait.
    waiting: HashMap<PeerId, usize>,
}

/// What was checked, or whose record could not be.
type Done = Result<Checked, PeerId>;

impl Verifier {
    /// Begins with what was kept from before, beside what comes in meanwhile.
    pub fn start(kept: Vec<(Digest, KeptRecord)>) -> Self {
        let (todo, mut inbox) = mpsc::channel::<(PeerId, String, Record)>(QUEUE);
        let (outbox, done) = mpsc::channel(QUEUE);
        if !kept.is_empty() {
            tokio::spawn(prove_again(kept, outbox.clone()));
        }
        tokio::spawn(async move {
            while let Some((peer, counted, record)) = inbox.recv().await {
                let checked = tokio::task::spawn_blocking(move || check(Some((peer, counted)), record)).await;
                if outbox.send(checked.map_err(|_| peer)).await.is_err() {
                    return;
                }
            }
        });
        Self { todo, done, waiting: HashMap::new() }
    }

    /// Takes a record of a peer, who is `counted` as he is connected now, if there is room: he may leave meanwhile.
    pub fn submit(&mut self, source: PeerId, counted: String, record: Record) {
        let count = self.waiting.get(&source).copied().unwrap_or(0);
        if count >= QUEUE / 4 || self.todo.try_send((source, counted, record)).is_err() {
            return tracing::debug!(%source, "too many records at once: one is dropped");
        }
        self.waiting.insert(source, count + 1);
    }

    pub async fn next(&mut self) -> Option<Checked> {
        loop {
            let done = self.done.recv().await?;
            let source =
                done.as_ref().map_or_else(|peer| Some(*peer), |checked| checked.source.as_ref().map(|(peer, _)| *peer));
            if let Some(source) = source
                && let Some(count) = self.waiting.get_mut(&source)
            {
                *count -= 1;
                if *count == 0 {
                    self.waiting.remove(&source);
                }
            }
            if let Ok(checked) = done {
                return Some(checked);
            }
        }
    }
}

fn check(source: Option<(PeerId, String)>, record: Record) -> Checked {
    let head = admit::verify(record.key.as_ref(), &record.value).map(Box::new);
    Checked { source, record, head }
}

/// Nothing counts because it was kept: a disk may be anybody's.
async fn prove_again(mut kept: Vec<(Digest, KeptRecord)>, outbox: mpsc::Sender<Done>) {
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
            if outbox.send(Ok(checked)).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_peer_that_sends_without_end_leaves_room_for_the_others() {
        let mut verifier = Verifier::start(Vec::new());
        let (crowd, other) = (PeerId::random(), PeerId::random());
        let garbage = || Record::new(record_key(&Digest::of(b"x")), b"garbage".to_vec());
        for _ in 0..2 {
            for _ in 0..QUEUE * 2 {
                verifier.submit(crowd, "9.9.9.0/24".to_owned(), garbage());
            }
            verifier.submit(other, other.to_string(), garbage());
            let mut sources = Vec::new();
            for _ in 0..=QUEUE / 4 {
                sources.push(verifier.next().await.unwrap().source.unwrap());
            }
            let of_crowd = (crowd, "9.9.9.0/24".to_owned());
            assert_eq!(sources.iter().filter(|source| **source == of_crowd).count(), QUEUE / 4);
            assert_eq!(sources.last(), Some(&(other, other.to_string())));
            assert!(verifier.waiting.is_empty(), "who has been served may send again");
        }
    }
}
