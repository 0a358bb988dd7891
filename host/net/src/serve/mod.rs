//! Serving: streams that peers open, up to the bounds.
//!
//! Decides how many streams of whom are served at once; what is in them is [`catalog`]'s and [`archive`]'s business.
//! Invariant: accepting never waits for serving.

mod archive;
mod catalog;
mod slots;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use ggen_core::Digest;
use ggen_core::hooks::OffenceClass;
use ggen_core::limits::Limits;
use ggen_core::upload::Uploads;
use libp2p::{PeerId, Stream};
use libp2p_stream::IncomingStreams;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::catalog::CATALOG;
use crate::complaints::Complaints;
use crate::content::{ArchiveSource, Content};
use crate::error::NetError;
use crate::fetch::{ARCHIVE, Landings};
use crate::frame::FrameError;
use crate::link::Link;
use crate::types::Offence;
use slots::{Full, Slot, Slots};

/// Questions that are looked up at once: what is read for one may be some megabytes.
const WORKING: usize = 4;
/// Long answers that wait at once until they are taken: a peer may take its time.
const LONG_ANSWERS: usize = 16;
/// Of one peer.
const LONG_ANSWERS_PER_PEER: usize = 4;

/// What serving needs.
pub(crate) struct Server {
    pub content: Arc<dyn Content>,
    pub limits: Arc<Limits>,
    complaints: Complaints,
    /// What this node itself is in the middle of.
    landings: Landings,
    uploads: Mutex<Uploads<PeerId>>,
    started: Instant,
    /// Streams being served.
    open: Arc<Slots>,
    /// Long answers that are kept until they are taken.
    long: Arc<Slots>,
    /// Questions that are being looked up.
    working: Semaphore,
}

/// Why a stream was ended: what the peer did, if it did anything.
pub(crate) type Ended = Result<(), Option<Box<Offence>>>;

impl Server {
    fn slot(&self, peer: PeerId) -> Result<Slot, Option<Box<Offence>>> {
        self.open.take(peer).map_err(|full| match full {
            Full::OfAll => None,
            Full::OfPeer => {
                let detail = format!("more than {} streams at once", self.limits.max_streams_per_peer);
                Some(Box::new(Offence::new(peer, OffenceClass::Flood, "streams", detail)))
            }
        })
    }

    /// Waits until it is the turn of `size` bytes to `peer`; whether that took any time.
    pub async fn turn(&self, peer: PeerId, size: usize) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        let wait = self.uploads.lock().unwrap_or_else(PoisonError::into_inner).wait(peer, size, now);
        if wait > 0 {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        wait > 0
    }

    /// What there is here of an archive, whole or in part.
    pub async fn archive(self: &Arc<Self>, digest: Digest) -> Option<Option<Box<dyn ArchiveSource>>> {
        let server = Arc::clone(self);
        let landing =
            move |content: &dyn Content| server.landings.source(&digest).filter(|_| content.serves_downloads());
        self.blocking(move |content| content.archive(&digest).or_else(|| landing(content))).await
    }

    /// Calls the content where blocking is allowed, a few calls at once; none if it panicked.
    pub async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Content) -> T + Send + 'static,
    ) -> Option<T> {
        let _working = self.working.acquire().await.ok()?;
        let content = Arc::clone(&self.content);
        tokio::task::spawn_blocking(move || call(content.as_ref())).await.ok()
    }
}

/// The offence that a frame's error is; none for a stream that only broke off.
pub(crate) fn offence_of(peer: PeerId, error: &FrameError) -> Option<Box<Offence>> {
    let code = match error {
        FrameError::TooLarge { .. } => "frame-too-large",
        FrameError::Undecodable(_) => "undecodable",
        FrameError::Io(_) => return None,
    };
    Some(Box::new(Offence::new(peer, OffenceClass::MalformedMessage, code, error.to_string())))
}

/// A stream on which nothing was asked.
fn silent(peer: PeerId) -> Ended {
    let detail = "a stream without a question";
    Err(Some(Box::new(Offence::new(peer, OffenceClass::Stalled, "silent", detail))))
}

/// The tasks that serve; they end when this is dropped.
pub(crate) struct Serving {
    stop: watch::Sender<bool>,
}

impl Serving {
    /// Accepts nothing new, lets what runs finish for at most `grace`, and ends the rest.
    pub async fn stop(&self, grace: Duration) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(grace, self.stop.closed()).await;
    }
}

/// Begins to serve.
pub(crate) fn start_serving(
    link: &Link,
    content: Arc<dyn Content>,
    complaints: Complaints,
) -> Result<Serving, NetError> {
    let limits = link.limits.clone();
    let uploads = Mutex::new(Uploads::new(&limits));
    let (landings, started) = (link.landings.clone(), Instant::now());
    let open = Slots::new(limits.max_streams, limits.max_streams_per_peer);
    let (long, working) = (Slots::new(LONG_ANSWERS, LONG_ANSWERS_PER_PEER), Semaphore::new(WORKING));
    let server = Arc::new(Server { content, landings, uploads, started, limits, complaints, open, long, working });
    let (stop, stopped) = watch::channel(false);
    let mut streams = link.streams.clone();
    let taken = |e: libp2p_stream::AlreadyRegistered| NetError::Transport(Box::new(e));
    let incoming = streams.accept(CATALOG).map_err(taken)?;
    tokio::spawn(accept(incoming, server.clone(), stopped.clone(), catalog::serve));
    // What no connection through a relay can ask for.
    let incoming = link.bulk.clone().accept(ARCHIVE).map_err(taken)?;
    tokio::spawn(accept(incoming, server, stopped, archive::serve));
    Ok(Serving { stop })
}

async fn accept<F>(
    mut incoming: IncomingStreams,
    server: Arc<Server>,
    mut stopped: watch::Receiver<bool>,
    serve: impl Fn(Arc<Server>, PeerId, Stream) -> F,
) where
    F: Future<Output = Ended> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            Some(_) = tasks.join_next() => {}
            next = incoming.next() => {
                let Some((peer, stream)) = next else { break };
                match server.slot(peer) {
                    Ok(slot) => {
                        let served = serve(server.clone(), peer, stream);
                        let server = server.clone();
                        tasks.spawn(async move {
                            if let Err(Some(offence)) = served.await {
                                server.complaints.add(*offence);
                            }
                            drop(slot);
                        });
                    }
                    // Dropping the stream resets it.
                    Err(Some(offence)) => server.complaints.add(*offence),
                    Err(None) => tracing::debug!(%peer, "too many streams: one is refused"),
                }
            }
        }
    }
    drop(incoming);
    let finish = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(server.limits.shutdown_timeout / 4, finish).await;
}
