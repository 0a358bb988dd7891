//! Fetching an archive, chunk by chunk, from several holders at once.
//!
//! Decides what a holder's failure is called; who is asked for what is [`ggen_core::schedule`]'s decision. Never
//! writes a byte that is not proved. Invariant: the file holds, where a chunk was told as proved, exactly what the
//! publisher signed.
//!
//! ```text
//! holder task ──chunk──▶ sink (its own thread: prove, write, hash) ──▶ driver ──request──▶ holder task
//! ```

mod buffer;
pub(crate) mod decode;
mod driver;
mod holder;
mod landing;
mod message;
mod part;
mod sink;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use ggen_core::Digest;
use ggen_core::release::Archive;
use libp2p::{PeerId, StreamProtocol};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

pub(crate) use self::landing::Landings;
use crate::error::NetError;
use crate::handle::Handle;
use crate::types::{Holder, Offence, text};

/// The protocol's name.
pub(crate) const ARCHIVE: StreamProtocol = StreamProtocol::new("/ggen/archive/1");

/// The first byte of each answer of the archive protocol.
pub(crate) mod code {
    pub const OK: u8 = 0;
    pub const HAS_NOT: u8 = 1;
    pub const BUSY: u8 = 2;
    pub const MALFORMED: u8 = 3;
    pub const INTERNAL: u8 = 4;
    pub const PART: u8 = 5;
}

/// Bytes of a chunk that are sent at a time, and so a sign of life.
pub(crate) const PIECE: usize = 16 * 1024;

/// In place of a chunk's number: what the holder of a part has now.
pub(crate) const WHAT_NOW: u32 = u32::MAX;

/// What is to be fetched, from whom, and where to.
#[derive(Debug)]
pub struct FetchRequest {
    /// The archive, as the signed release has it.
    pub archive: Archive,
    /// Who has it, the best first; no more than `max_holders` are asked at once.
    pub holders: Vec<Holder>,
    /// Opened for reading and writing. It is set to the archive's size.
    pub destination: File,
    /// Where that file is: a running node opens it by this, which must be beneath its home.
    pub path: PathBuf,
    /// Chunks that an earlier run proved; shorter or empty: none of the rest. They are proved again before they count,
    /// and told like those that come.
    pub proved: Vec<bool>,
}

/// What happens during a fetch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FetchEvent {
    /// So many bytes are proved, those that were there before among them.
    Progress {
        /// Bytes.
        bytes: u64,
    },
    /// A chunk is proved and written.
    ChunkProved {
        /// From 0.
        index: u64,
    },
    /// A holder did something wrong.
    Offence(Offence),
    /// A holder's part is over.
    HolderDone {
        /// Who.
        #[serde(with = "text")]
        peer: PeerId,
        /// Bytes of proved chunks.
        bytes: u64,
        /// Since it was first asked.
        elapsed: Duration,
    },
}

/// How a holder's part ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It gave what it was asked for, or was not needed.
    Served,
    /// It failed.
    Failed {
        /// What kind of wrong, where it is one, with its code as in `wit/FACTS.md`.
        code: String,
        /// For people.
        detail: String,
    },
}

/// What a holder did in a fetch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HolderReport {
    /// Who.
    #[serde(with = "text")]
    pub peer: PeerId,
    /// Bytes of proved chunks.
    pub bytes: u64,
    /// From the first question to the last chunk.
    pub elapsed: Duration,
    /// From the first question to the first answer.
    pub latency_ms: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a fetch went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FetchReport {
    /// Each holder that was asked.
    pub holders: Vec<HolderReport>,
    /// SHA-256 of the whole file as it is now: the caller compares it with the release's.
    pub digest: Digest,
    /// Bytes that came over the network and were proved.
    pub bytes: u64,
}

/// To be asked before anything is made as long as an archive says to be.
pub(crate) fn check_size(archive: &Archive, limit: u64) -> Result<(), NetError> {
    let size = archive.size;
    if size > limit { Err(NetError::TooLarge { size, limit }) } else { Ok(()) }
}

impl Handle {
    /// Fetches an archive. `events` must be read meanwhile: a full channel holds the fetch up.
    ///
    /// Dropping the future ends the fetch; what was told as proved is in the file. Errors: [`NetError::Fetch`] with
    /// every holder and why it failed, [`NetError::File`], [`NetError::TooLarge`].
    pub async fn fetch(
        &self,
        request: FetchRequest,
        events: mpsc::Sender<FetchEvent>,
    ) -> Result<FetchReport, NetError> {
        check_size(&request.archive, self.limits().max_archive)?;
        driver::run(self.link.clone(), request, events).await
    }

    /// Further holders for a fetch under way, the best first; those that it knows are passed over. Nothing happens where
    /// none is under way any more.
    pub async fn join_fetch(&self, archive: &Digest, holders: Vec<Holder>) -> Result<(), NetError> {
        if !self.link.landings.join(archive, holders) {
            tracing::debug!(%archive, "no download takes further holders");
        }
        Ok(())
    }
}
