//! What a fetch is asked for, and what is told of it.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use ggen_core::Digest;
use ggen_core::release::Archive;
use libp2p::PeerId;
use serde::{Deserialize, Serialize};

use crate::types::{Holder, Offence, text};

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
