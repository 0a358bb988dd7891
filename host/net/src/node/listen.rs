//! Checks announcements beside the node's task.
//!
//! Decides nothing but who is looked at next: peers share the queue, so that one who sends much does not keep others
//! waiting. Invariant: at most [`QUEUE`] messages and [`QUEUE_BYTES`] bytes wait, and a quarter of both of one peer.

use std::collections::HashMap;
use std::sync::Arc;

use ggen_core::announcement::{Announced, Announcement, AnnouncementError};
use ggen_core::head::{HeadError, HeadMark};
use ggen_core::hooks::OffenceClass;
use ggen_core::root::ProvedRoots;
use libp2p::PeerId;
use libp2p::gossipsub::MessageId;
use tokio::sync::mpsc;

use crate::content::Content;
use crate::dht::admit::Refusal;

const QUEUE: usize = 2048;
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// Messages that are looked at in one go.
const BATCH: usize = 64;
/// Publishers whose roots are remembered; each has some hundred bytes, 10 KB at the most.
const PUBLISHERS: usize = 1024;

struct Message {
    peer: PeerId,
    id: MessageId,
    data: Vec<u8>,
}

/// A message that was looked at.
pub(crate) struct Looked {
    pub peer: PeerId,
    pub id: MessageId,
    pub size: usize,
    /// No refusal: it could not be looked at.
    pub result: Result<Box<Announced>, Option<Refusal>>,
    /// The highest head of the package that the owner knows.
    pub known: Option<HeadMark>,
}

pub(super) struct Listener {
    todo: mpsc::Sender<Message>,
    done: mpsc::Receiver<Vec<Looked>>,
    /// What waits of each peer, and its bytes.
    waiting: HashMap<PeerId, (usize, usize)>,
    bytes: usize,
}

/// Checks what an announcement says, by itself alone; roots that are `proved` are not checked again.
pub(crate) fn check(data: &[u8], proved: &mut ProvedRoots) -> Result<Box<Announced>, Refusal> {
    let refusal = |class, code, error: &AnnouncementError| Refusal { class, code, detail: error.to_string() };
    let invalid = |error: AnnouncementError| match &error {
        AnnouncementError::Head(HeadError::Invalid(_)) => {
            refusal(OffenceClass::MalformedMessage, "undecodable", &error)
        }
        _ => refusal(OffenceClass::InvalidRecord, "signature", &error),
    };
    let announced = Announcement::from_json(data).and_then(|told| told.verify_knowing(proved));
    announced.map(Box::new).map_err(invalid)
}

impl Message {
    fn unlooked(&self) -> Looked {
        Looked { peer: self.peer, id: self.id.clone(), size: self.data.len(), result: Err(None), known: None }
    }

    fn looked(&self, content: &dyn Content, proved: &mut ProvedRoots) -> Looked {
        let result = check(&self.data, proved);
        let known = result.as_ref().ok().and_then(|a| content.mark(&a.head.head.id()));
        Looked { result: result.map_err(Some), known, ..self.unlooked() }
    }
}

impl Listener {
    pub fn start(content: Arc<dyn Content>) -> Self {
        let (todo, mut inbox) = mpsc::channel::<Message>(QUEUE);
        let (outbox, done) = mpsc::channel(QUEUE / BATCH);
        tokio::spawn(async move {
            let (mut batch, mut proved) = (Vec::new(), ProvedRoots::new(PUBLISHERS));
            while inbox.recv_many(&mut batch, BATCH).await > 0 {
                let (content, messages) = (content.clone(), Arc::new(std::mem::take(&mut batch)));
                let there = messages.clone();
                let look = move || -> (Vec<Looked>, ProvedRoots) {
                    let looked = there.iter().map(|m| m.looked(content.as_ref(), &mut proved)).collect();
                    (looked, proved)
                };
                let done = tokio::task::spawn_blocking(look).await;
                let unlooked = || (messages.iter().map(Message::unlooked).collect(), ProvedRoots::new(PUBLISHERS));
                let looked;
                (looked, proved) = done.unwrap_or_else(|_| unlooked());
                if outbox.send(looked).await.is_err() {
                    return;
                }
            }
        });
        Self { todo, done, waiting: HashMap::new(), bytes: 0 }
    }

    /// Takes a message if there is room for it, or gives its id back.
    pub fn submit(&mut self, peer: PeerId, id: MessageId, data: Vec<u8>) -> Result<(), MessageId> {
        let size = data.len();
        let (count, bytes) = self.waiting.get(&peer).copied().unwrap_or_default();
        if count >= QUEUE / 4 || bytes + size > QUEUE_BYTES / 4 || self.bytes + size > QUEUE_BYTES {
            return Err(id);
        }
        match self.todo.try_send(Message { peer, id, data }) {
            Ok(()) => {
                self.waiting.insert(peer, (count + 1, bytes + size));
                self.bytes += size;
                Ok(())
            }
            Err(error) => Err(error.into_inner().id),
        }
    }

    pub async fn next(&mut self) -> Option<Vec<Looked>> {
        let looked = self.done.recv().await?;
        for one in &looked {
            self.bytes = self.bytes.saturating_sub(one.size);
            if let Some((count, bytes)) = self.waiting.get_mut(&one.peer) {
                (*count, *bytes) = (count.saturating_sub(1), bytes.saturating_sub(one.size));
                if *count == 0 {
                    self.waiting.remove(&one.peer);
                }
            }
        }
        Some(looked)
    }
}
