//! Answers about the node of a home.

use serde::Serialize;

/// `p2p start`, once it is ready.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReady {
    /// The node's identity.
    pub peer_id: String,
    /// Full multiaddresses with `/p2p/…`, as `--bootstrap` takes them.
    pub listen_addresses: Vec<String>,
}

/// The paper's health page.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// At least one peer is connected.
    pub p2p_connected: bool,
    /// Connected peers.
    pub peer_count: usize,
    /// The last self-lookup was answered.
    pub dht_responsive: bool,
    /// The index could be read.
    pub registry_loaded: bool,
    /// Bytes free on the home's file system.
    pub disk_space_available: u64,
}

/// `p2p status`.
#[derive(Clone, Debug, Serialize)]
pub struct StatusAnswer {
    /// Whether a node runs in this home.
    pub running: bool,
    /// Its identity.
    pub peer_id: Option<String>,
    /// Full multiaddresses.
    pub listen_addresses: Vec<String>,
    /// Connected peers.
    pub connected_peers: usize,
    /// `online`, `degraded`, `isolated` or `stale`.
    pub network: String,
    /// Why that is said.
    pub evidence: Vec<String>,
    /// The paper's page.
    pub health: Health,
    /// Packages in the registry.
    pub packages_indexed: usize,
}

/// One peer.
#[derive(Clone, Debug, Serialize)]
pub struct PeerAnswer {
    /// Its identity.
    pub peer_id: String,
    /// Where it is.
    pub addresses: Vec<String>,
    /// From the scoring policy, 0 to 1.
    pub score: Option<f64>,
    /// `inbound` or `outbound`.
    pub direction: String,
}

/// `p2p peers`.
#[derive(Clone, Debug, Serialize)]
pub struct PeersAnswer {
    /// Connected peers.
    pub peers: Vec<PeerAnswer>,
}

/// `p2p stop`.
#[derive(Clone, Debug, Serialize)]
pub struct StopAnswer {
    /// Whether a node ran and is gone now.
    pub stopped: bool,
}

/// `p2p ban`, and one of `p2p bans`.
#[derive(Clone, Debug, Serialize)]
pub struct BanAnswer {
    /// Who is not dealt with.
    pub peer_id: String,
    /// Until when, in milliseconds since the Unix epoch.
    pub until: u64,
    /// Why, for people.
    pub reason: String,
}

/// `p2p bans`.
#[derive(Clone, Debug, Serialize)]
pub struct BansAnswer {
    /// Those that hold now, what ends first first.
    pub bans: Vec<BanAnswer>,
}

/// `p2p unban`.
#[derive(Clone, Debug, Serialize)]
pub struct UnbanAnswer {
    /// Who is dealt with again.
    pub peer_id: String,
    /// Whether it was banned.
    pub unbanned: bool,
}
