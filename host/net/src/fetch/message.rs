//! What the driver of a fetch is told by its holders' tasks and by the sink.
//!
//! Decides nothing.

use ggen_core::schedule::ChunkSet;

use super::part::Failure;
use super::sink::Proof;

/// What the driver is told.
pub(super) enum Message {
    Ready {
        holder: usize,
        /// None: all.
        has: Option<ChunkSet>,
    },
    /// A holder of a part was asked what it has now.
    Looked {
        holder: usize,
        has: ChunkSet,
    },
    /// A holder has not got a chunk that it was asked for.
    HasNot {
        holder: usize,
        index: u64,
    },
    /// A chunk of an earlier run is good.
    Found {
        index: u64,
        length: u64,
    },
    /// All that an earlier run left was looked at.
    Settled,
    Proof {
        holder: usize,
        index: u64,
        length: u64,
        proof: Proof,
    },
    Ended {
        holder: usize,
        failure: Failure,
    },
}
