//! What the driver of a fetch tells its holders' tasks, and what it is told by them and by the sink.
//!
//! Decides nothing.

use ggen_core::chunks::ChunkError;
use ggen_core::hooks::OffenceClass;
use ggen_core::schedule::ChunkSet;

use crate::error::NetError;

/// What a holder is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Chunk(u64),
    /// Which chunks it has now.
    WhatNow,
}

/// Why a holder's part is over.
#[derive(Debug)]
pub(super) struct Failure {
    pub class: Option<OffenceClass>,
    pub code: &'static str,
    pub detail: String,
}

impl Failure {
    pub fn offence(class: OffenceClass, code: &'static str, detail: impl Into<String>) -> Self {
        Self { class: Some(class), code, detail: detail.into() }
    }

    /// Nobody's fault that can be proved.
    pub fn unreachable(error: &NetError) -> Self {
        let code = if matches!(error, NetError::OnlyRelayed { .. }) { "only-relayed" } else { "unreachable" };
        Self { class: None, code, detail: error.to_string() }
    }

    /// It gave what it had.
    pub fn spent() -> Self {
        let detail = "it has only a part of the archive, and nothing of what is missing";
        Self { class: None, code: "has-not", detail: detail.to_owned() }
    }
}

/// What became of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Proof {
    Written,
    /// Another holder was quicker.
    Duplicate,
    Wrong(ChunkError),
}

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
