//! What a node keeps of the hash table for others, as it goes to its owner and comes back at the next start.
//!
//! Decides nothing but how an end by the one clock is written by the other. Invariant: nothing here is believed by having
//! been kept: heads are proved again, and what has expired is dropped.

use std::time::{Duration, Instant};

use ggen_core::Digest;
use libp2p::{Multiaddr, PeerId};

/// What is kept under one key; nothing where nothing of others is any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The key.
    pub key: Digest,
    /// The head that is kept under it.
    pub record: Option<KeptRecord>,
    /// Who provides it.
    pub providers: Vec<KeptProvider>,
}

/// A head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptRecord {
    /// The head bundle, as it travels.
    pub value: Vec<u8>,
    /// When it ends, in milliseconds since the Unix epoch.
    pub expires: u64,
}

/// A provider of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptProvider {
    /// Who.
    pub peer: PeerId,
    /// Where.
    pub addresses: Vec<Multiaddr>,
    /// When it ends, in milliseconds since the Unix epoch.
    pub expires: u64,
}

/// The longest that anything is kept.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The moment of `expires` by a clock that only rises; `now` and `expires` are in milliseconds since the Unix epoch.
pub(crate) fn after(expires: u64, now: u64) -> Instant {
    let left = Duration::from_millis(expires.saturating_sub(now));
    let here = Instant::now();
    here.checked_add(left.min(LONGEST)).unwrap_or(here)
}

/// The other way round.
pub(crate) fn left(expires: Option<Instant>, now: u64) -> u64 {
    let left = expires.map_or(LONGEST, |end| end.saturating_duration_since(Instant::now()));
    now.saturating_add(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
}

/// An end that moves by less is not worth being written down.
const SAME_END: Duration = Duration::from_secs(60);

/// Whether two ends are the same, as far as it is worth being written down.
pub(crate) fn is_same_end(before: Option<Instant>, now: Option<Instant>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => before.max(now).duration_since(before.min(now)) < SAME_END,
        _ => before == now,
    }
}
