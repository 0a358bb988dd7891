//! The values that the network gives its caller. Decides nothing.

use std::time::Duration;

use ggen_core::announcement::Announced;
use ggen_core::dsse::Envelope;
use ggen_core::head::SignedHead;
pub use ggen_core::hooks::OffenceClass;
use libp2p::{Multiaddr, PeerId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::content::CatalogHit;
use crate::dht::kept::Kept;

/// Peers as text in JSON.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A peer that holds an archive, and where it can be reached.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Who.
    #[serde(with = "text")]
    pub peer: PeerId,
    /// Where, without `/p2p/`; may be empty while it is connected.
    pub addresses: Vec<Multiaddr>,
}

/// A wrong done by a peer: a class and a code as listed in `wit/FACTS.md`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Offence {
    /// Who.
    #[serde(with = "text")]
    pub peer: PeerId,
    /// What kind.
    pub class: OffenceClass,
    /// What exactly.
    pub code: String,
    /// For people.
    pub detail: String,
    /// How often it happened, where it was gathered before it was told.
    #[serde(default = "once")]
    pub count: u32,
}

const fn once() -> u32 {
    1
}

impl Offence {
    pub(crate) fn new(peer: PeerId, class: OffenceClass, code: &str, detail: impl Into<String>) -> Self {
        Self { peer, class, code: code.to_owned(), detail: detail.into(), count: 1 }
    }
}

/// What a running search tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchEvent {
    /// A peer's answer.
    Hits {
        /// Whose.
        peer: PeerId,
        /// The best first, of that peer's order.
        hits: Vec<CatalogHit>,
    },
    /// The last event.
    Done {
        /// Whether anybody was asked and everybody who was answered.
        complete: bool,
        /// How many were asked.
        asked: usize,
        /// How many answered.
        answered: usize,
    },
}

/// A head with a valid signature, and from whom it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundHead {
    /// The head.
    pub head: SignedHead,
    /// Who gave it.
    pub peer: PeerId,
    /// The network of that peer, if it is known.
    pub subnet: Option<String>,
}

/// A package as a peer gave it. The head is verified; of the releases it is only known that the head lists each one's
/// payload: their signatures are the caller's to check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundPackage {
    /// Who gave it.
    pub peer: PeerId,
    /// The network of that peer, if it is known.
    pub subnet: Option<String>,
    /// The head.
    pub head: SignedHead,
    /// Releases that the head lists.
    pub releases: Vec<Envelope>,
}

/// How far a peer's log of accepted heads was followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// Whose.
    pub peer: PeerId,
    /// Which log of it.
    pub log: String,
    /// The last number that was taken in.
    pub after: u64,
}

/// A package's new head, as peers tell of it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was told; all of it is signed.
    pub announced: Announced,
    /// By which peer.
    pub peer: PeerId,
    /// The network of that peer, where it says anything.
    pub network: Option<String>,
}

/// How joining the network went.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Joined {
    /// Peers of the DHT that are connected.
    pub peers: usize,
    /// Addresses that are still being dialled.
    pub pending: usize,
    /// Peers that could not be reached, each with the reason.
    pub failures: Vec<(String, String)>,
}

impl Joined {
    /// Whether anybody can be asked.
    pub fn is_connected(&self) -> bool {
        self.peers > 0
    }
}

/// What can be said of the network; when, is [`ggen_core::partition`]'s word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkState {
    /// Peers are connected, and the network answers.
    Online,
    /// Peers are connected, but something that should answer does not.
    Degraded,
    /// Nobody is connected.
    Isolated,
    /// Peers are connected, but the network has not answered for long.
    Stale,
}

/// How a node is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Who it is.
    #[serde(with = "text")]
    pub peer_id: PeerId,
    /// Where it listens, with `/p2p/`.
    pub listen_addresses: Vec<Multiaddr>,
    /// How many peers are connected.
    pub connected_peers: usize,
    /// What can be said of the network.
    pub network: NetworkState,
    /// Why that is said, a sentence each.
    pub evidence: Vec<String>,
    /// Whether the last lookup of the DHT succeeded.
    pub dht_responsive: bool,
}

/// Who called whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The peer called.
    Inbound,
    /// This node called.
    Outbound,
}

/// A connected peer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeerInfo {
    /// Who.
    #[serde(with = "text")]
    pub peer_id: PeerId,
    /// Where it can be reached, without `/p2p/`; the address of the connection first.
    pub addresses: Vec<Multiaddr>,
    /// Who called whom.
    pub direction: Direction,
    /// Round-trip time in milliseconds, once measured.
    pub latency_ms: Option<u64>,
    /// Whether it is part of the DHT.
    pub dht: bool,
}

/// A peer that is not talked to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BanEntry {
    /// Who.
    #[serde(with = "text")]
    pub peer_id: PeerId,
    /// Until when, in milliseconds since the Unix epoch.
    pub until: u64,
    /// Why, for people.
    pub reason: String,
}

/// How far a node is with telling the network what it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Announcing {
    /// Whether it has fallen behind; else it has caught up.
    pub behind: bool,
    /// What is announced over all.
    pub keys: usize,
    /// What of it is too late.
    pub late: usize,
    /// By how much the oldest is.
    pub oldest: Duration,
}

/// What a node tells its owner.
#[derive(Debug)]
pub enum NodeEvent {
    /// A peer did something wrong to this node.
    Offence(Offence),
    /// A peer of the DHT is connected and said where it can be reached: worth remembering.
    Identified {
        /// Who.
        peer: PeerId,
        /// Where, without `/p2p/`.
        addresses: Vec<Multiaddr>,
    },
    /// Heads that peers announced and that are news to this node; their signatures are valid.
    Heard(Vec<Heard>),
    /// A piece of a peer's log: heads that are news to this node, with valid signatures, and how far it goes. The cursor
    /// is to be kept after the heads.
    Synced {
        /// What was told.
        heads: Vec<Heard>,
        /// Where it ends.
        cursor: Cursor,
    },
    /// What this node keeps of the hash table for others has changed under these keys: worth being handed back at the
    /// next start. Each is all that is kept under its key now.
    Kept(Vec<Kept>),
    /// Announcements of this node have fallen behind, or have caught up; told once each.
    Announcing(Announcing),
    /// The state of the network is another one.
    Network {
        /// What can be said now.
        state: NetworkState,
        /// Why, a sentence each.
        evidence: Vec<String>,
    },
    /// A ban was set, by whoever asked for it.
    Banned(BanEntry),
    /// A ban was lifted.
    Unbanned(PeerId),
    /// Somebody asked the node to stop, over the control socket.
    StopRequested,
    /// A request over the control socket that is not the network's: `reload` and what else the owner knows.
    Request {
        /// What is asked.
        verb: String,
        /// With what.
        body: Value,
        /// The answer, or a code and a text.
        answer: oneshot::Sender<Result<Value, (String, String)>>,
    },
}
