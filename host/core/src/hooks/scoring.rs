//! What a peer scorer is told and may answer. Decides nothing.
//!
//! Invariant: one record here for one in `wit/peer-scoring.wit`; only what this node itself saw of a peer is in it.

use serde::{Deserialize, Serialize};

/// Outcomes, with weights that fade; `corruptions` are answers that were not what was signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Answers as they should be.
    pub successes: f64,
    /// Answers that failed otherwise.
    pub failures: f64,
    /// No answer in time.
    pub timeouts: f64,
    /// Answers that were not what was signed.
    pub corruptions: f64,
}

/// Properties of a peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traits {
    /// Named by the operator.
    pub named: bool,
    /// On this network segment.
    pub local_network: bool,
    /// Reached through another peer.
    pub relayed: bool,
}

/// What this node itself saw of a peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerFacts {
    /// Counts in which an event's weight halves every day.
    pub day: Tally,
    /// Counts in which an event's weight halves every thirty days.
    pub month: Tally,
    /// In all.
    #[serde(default)]
    pub bytes_served: u64,
    /// Smoothed; none until measured.
    #[serde(default)]
    pub latency_ms: Option<f64>,
    /// Smoothed; none until measured.
    #[serde(default)]
    pub bytes_per_second: Option<f64>,
    /// Milliseconds since the Unix epoch.
    pub first_seen: u64,
    /// Milliseconds since the Unix epoch; none before the first.
    #[serde(default)]
    pub last_success: Option<u64>,
    /// Peers with the same number share a /24 (IPv4) or /48 (IPv6). Numbered from 0 in each call.
    #[serde(default)]
    pub subnet: u32,
    /// Other known peers there.
    #[serde(default)]
    pub subnet_peers: u32,
    /// How many of them are banned now.
    #[serde(default)]
    pub subnet_banned: u32,
    /// Its properties.
    #[serde(default)]
    pub traits: Traits,
}

/// What kind of wrong a peer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OffenceClass {
    /// Bytes that are not what was signed.
    CorruptData,
    /// A record that its signature, key, sequence or expiry disproves.
    InvalidRecord,
    /// What the protocol does not allow.
    MalformedMessage,
    /// More than its share.
    Flood,
    /// Slow or silent.
    Stalled,
    /// Does not give what it said it has.
    Refused,
}

/// One wrong done by a peer, or several of one class gathered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offence {
    /// What kind.
    pub class: OffenceClass,
    /// What exactly, as listed in `wit/FACTS.md`.
    pub code: String,
    /// Of this class in the last 24 hours, this one included.
    pub today: u32,
    /// Of this class ever, this one included.
    pub ever: u32,
}

/// Whom a ban hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The peer's identity.
    Peer,
    /// Its address too.
    Address,
    /// Its whole subnet.
    Subnet,
}

/// Disconnected and not talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// For how long.
    pub seconds: u32,
    /// Whom.
    pub reach: Reach,
}

/// What an offence costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sanction {
    /// Nothing.
    None,
    /// Asked last for so many seconds.
    Avoid(u32),
    /// Disconnected and not talked to.
    Ban(Ban),
}
