//! The lines that go over the control socket.
//!
//! Decides their form: one request, then any number of events, then one end. Never what they mean.

use std::path::PathBuf;

use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadBundle, SignedHead};
use ggen_core::release::Archive;
use ggen_core::{Digest, PackageId, PackageName};
use libp2p::PeerId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::content::CatalogHit;
use crate::error::NetError;
use crate::fetch::report::{FetchEvent, HolderReport};
use crate::types::{FoundHead, Holder, text};

/// The version of these lines.
pub(super) const VERSION: u32 = 1;

/// The one line that a client writes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub v: u32,
    pub op: Op,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Peer(#[serde(with = "text")] pub PeerId);

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Op {
    Joined { limit_ms: u64 },
    Search { query: String, limit: usize, timeout_ms: u64 },
    Heads { name: PackageName },
    Head { id: PackageId },
    Package { id: PackageId, from: Vec<Peer> },
    Holders { archive: Digest },
    Fetch { archive: Archive, holders: Vec<Holder>, path: PathBuf, proved: Vec<u64> },
    JoinFetch { archive: Digest, holders: Vec<Holder> },
    Provide { archives: Vec<Digest>, names: Vec<PackageName> },
    PutHead { head: Box<HeadBundle> },
    Announce { head: Box<HeadBundle>, release: Option<Envelope> },
    Status,
    Peers,
    Ban { peer: Peer, until: u64, reason: String },
    Unban { peer: Peer },
    Bans,
    Stop,
    Call { verb: String, body: Value },
}

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    Event(Box<Event>),
    Done(Value),
    Error(Failure),
}

/// What comes before the end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Event {
    Hits { peer: Peer, hits: Vec<CatalogHit> },
    Head(WireHead),
    Release(Envelope),
    Fetch(FetchEvent),
}

/// A head and its source.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireHead {
    pub peer: Peer,
    pub subnet: Option<String>,
    pub head: HeadBundle,
}

/// An error.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<HolderReport>,
}

impl From<FoundHead> for WireHead {
    fn from(found: FoundHead) -> Self {
        Self { peer: Peer(found.peer), subnet: found.subnet, head: found.head.bundle }
    }
}

impl WireHead {
    /// Verified again: a signed head exists only where it was.
    pub fn verify(self) -> Option<FoundHead> {
        let head = SignedHead::verify(self.head, None).ok()?;
        Some(FoundHead { head, peer: self.peer.0, subnet: self.subnet })
    }
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        let code = error.code().to_owned();
        let holders = if let NetError::Fetch { holders, .. } = error { holders } else { Vec::new() };
        Self { code, message, holders }
    }
}

impl Failure {
    /// The error as the running node had it, as far as it can be told apart.
    pub fn into_error(self, archive: Option<Digest>) -> NetError {
        match (self.code.as_str(), archive) {
            ("all-holders-failed", Some(archive)) => NetError::Fetch { archive, holders: self.holders },
            ("no-peers", _) => NetError::NoPeers,
            ("stopped", _) => NetError::Stopped,
            _ => NetError::Remote { code: self.code, message: self.message },
        }
    }
}

/// Writes one line.
pub(super) async fn write<T: Serialize, W: AsyncWrite + Unpin>(writer: &mut W, line: &T) -> std::io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    writer.write_all(&bytes).await?;
    writer.flush().await
}

/// Reads one line of at most `limit` bytes; none at the end.
pub(super) async fn read<T: DeserializeOwned, R: AsyncBufRead + Unpin>(
    reader: &mut R,
    limit: usize,
) -> std::io::Result<Option<T>> {
    let mut line = Vec::new();
    let read = reader.take(limit as u64 + 1).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if read > limit || line.last() != Some(&b'\n') {
        return Err(std::io::Error::other("a line is too long or broke off"));
    }
    Ok(Some(serde_json::from_slice(&line)?))
}
