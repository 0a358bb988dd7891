//! What every stream that is served needs: the content, the bounds, and whose turn it is.
//!
//! Decides how many streams of whom are served at once, and how many questions are looked up. Invariant: what is called
//! where blocking is allowed is bounded, whatever peers ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ggen_core::Digest;
use ggen_core::hooks::OffenceClass;
use ggen_core::limits::Limits;
use ggen_core::upload::Uploads;
use libp2p::PeerId;
use tokio::sync::Semaphore;

use super::slots::{Full, Slot, Slots};
use crate::complaints::Complaints;
use crate::content::{ArchiveSource, Content};
use crate::fetch::landing::Landings;
use crate::frame::FrameError;
use crate::link::Link;
use crate::types::Offence;

/// Questions that are looked up at once: what is read for one may be some megabytes.
const WORKING: usize = 4;
/// Long answers that wait at once until they are taken: a peer may take its time.
const LONG_ANSWERS: usize = 16;
/// Of one peer.
const LONG_ANSWERS_PER_PEER: usize = 4;

/// What serving needs.
pub(super) struct Server {
    pub content: Arc<dyn Content>,
    pub limits: Arc<Limits>,
    pub complaints: Complaints,
    /// What this node itself is in the middle of.
    landings: Landings,
    uploads: Mutex<Uploads<PeerId>>,
    started: Instant,
    /// Streams being served.
    open: Arc<Slots>,
    /// Long answers that are kept until they are taken.
    pub long: Arc<Slots>,
    /// Questions that are being looked up.
    working: Semaphore,
}

/// Why a stream was ended: what the peer did, if it did anything.
pub(super) type Ended = Result<(), Option<Box<Offence>>>;

impl Server {
    pub fn new(link: &Link, content: Arc<dyn Content>, complaints: Complaints) -> Self {
        let limits = link.limits.clone();
        Self {
            content,
            complaints,
            landings: link.landings.clone(),
            uploads: Mutex::new(Uploads::new(&limits)),
            started: Instant::now(),
            open: Slots::new(limits.max_streams, limits.max_streams_per_peer),
            long: Slots::new(LONG_ANSWERS, LONG_ANSWERS_PER_PEER),
            working: Semaphore::new(WORKING),
            limits,
        }
    }

    pub fn slot(&self, peer: PeerId) -> Result<Slot, Option<Box<Offence>>> {
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
pub(super) fn offence_of(peer: PeerId, error: &FrameError) -> Option<Box<Offence>> {
    let code = match error {
        FrameError::TooLarge { .. } => "frame-too-large",
        FrameError::Undecodable(_) => "undecodable",
        FrameError::Io(_) => return None,
    };
    Some(Box::new(Offence::new(peer, OffenceClass::MalformedMessage, code, error.to_string())))
}

/// A stream on which nothing was asked.
pub(super) fn silent(peer: PeerId) -> Ended {
    let detail = "a stream without a question";
    Err(Some(Box::new(Offence::new(peer, OffenceClass::Stalled, "silent", detail))))
}
