//! The node's part of the distributed hash table: what it lets in, and what it keeps.
//!
//! Decides which records are stored; never asks the network. Invariant: a stored record is a head with a valid
//! signature, under its own key, and its sequence never falls.

pub(crate) use ggen_core::admit;
pub(crate) mod kept;
mod providers;
pub(crate) mod store;

use ggen_core::Digest;
use libp2p::kad::RecordKey;

/// The DHT's form of a key.
pub(crate) fn record_key(key: &Digest) -> RecordKey {
    RecordKey::new(key.as_bytes())
}
