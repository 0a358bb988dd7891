//! Every bound and time-out, with its default, in one place.
//!
//! `[limits]` in a configuration sets any of them by its name; tests shorten them that way. Times are written `250ms`,
//! `10s`, `5min`, `1h`, `30d`; sizes are bytes. Invariant: nothing elsewhere waits, counts or keeps without a bound
//! from here or a format's constant.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds and time-outs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// One dial of a peer.
    #[serde(with = "span")]
    pub dial_timeout: Duration,
    /// All dials at the start of a node.
    #[serde(with = "span")]
    pub bootstrap_timeout: Duration,
    /// Between two tries of a running node to reach the network, before jitter.
    #[serde(with = "span")]
    pub bootstrap_retry: Duration,
    /// Between two lookups of a node's own place in the network, before jitter.
    #[serde(with = "span")]
    pub self_lookup_interval: Duration,
    /// How long something speaks against a whole network before that is said, and how long nothing before all is well.
    #[serde(with = "span")]
    pub partition_confirm: Duration,
    /// Between two signs of life of a connection; as long again without an answer ends it.
    #[serde(with = "span")]
    pub ping_interval: Duration,
    /// One lookup: a head, the holders of an archive.
    #[serde(with = "span")]
    pub lookup_timeout: Duration,
    /// How long a lookup that has answers enough waits for more.
    #[serde(with = "span")]
    pub lookup_grace: Duration,
    /// The network's part of a search.
    #[serde(with = "span")]
    pub search_timeout: Duration,
    /// Silence of a holder in the middle of a transfer.
    #[serde(with = "span")]
    pub holder_timeout: Duration,
    /// How long, at the beginning of a download, a lesser holder waits for better ones.
    #[serde(with = "span")]
    pub holder_head_start: Duration,
    /// One request to a peer's catalog.
    #[serde(with = "span")]
    pub request_timeout: Duration,
    /// One request over the control socket.
    #[serde(with = "span")]
    pub control_timeout: Duration,
    /// From the wish to stop until a node is gone.
    #[serde(with = "span")]
    pub shutdown_timeout: Duration,
    /// Between two tries to get a lock.
    #[serde(with = "span")]
    pub lock_retry: Duration,
    /// Tries to get a lock.
    pub lock_tries: u32,
    /// How long a head is kept in the DHT after it was signed.
    #[serde(with = "span")]
    pub head_lifetime: Duration,
    /// Between two announcements of what a node holds, before jitter.
    #[serde(with = "span")]
    pub republish_interval: Duration,
    /// How long an announcement may be due before the owner of the node is told that it has fallen behind.
    #[serde(with = "span")]
    pub republish_late: Duration,
    /// Holders that serve one download at once.
    pub max_holders: usize,
    /// Chunks under way to one holder, at most: where its way has room for fewer, fewer.
    pub chunks_in_flight: usize,
    /// Peers that one search or name query asks.
    pub max_queried_peers: usize,
    /// Connections of a node, over all.
    pub max_connections: u32,
    /// Connections to one peer.
    pub max_connections_per_peer: u32,
    /// Connections from one network: a /24 of IPv4, a /48 of IPv6.
    pub max_connections_per_network: u32,
    /// Peers of one network in the routing table of the hash table.
    pub max_routed_per_network: usize,
    /// Whether this machine and private networks are counted as networks, too.
    pub count_local_networks: bool,
    /// Peers for whom a relay takes calls, over all; two connections of one.
    pub relay_reservations: usize,
    /// Calls that a relay carries at once, over all; four from one peer.
    pub relay_circuits: usize,
    /// What a relay carries of one call, in bytes, both ways together.
    pub relay_circuit_bytes: u64,
    /// How long a relay carries one call.
    #[serde(with = "span")]
    pub relay_circuit_time: Duration,
    /// How long a relay takes calls for somebody who does not ask again; how soon one that refused is asked again is a
    /// sixtieth of it.
    #[serde(with = "span")]
    pub relay_reservation_time: Duration,
    /// Memory of the process beyond which no connection is taken, in bytes.
    pub max_memory: usize,
    /// What is given away, in bytes a second over all; 0: without limit. Peers share it alike.
    pub upload_rate: u64,
    /// What is given to one peer, in bytes a second; 0: without limit.
    pub upload_rate_per_peer: u64,
    /// Streams of one peer that are served at once.
    pub max_streams_per_peer: usize,
    /// Streams of all peers that are served at once.
    pub max_streams: usize,
    /// Records and provider keys that a node keeps for the DHT.
    pub max_dht_records: usize,
    /// All records that a node keeps for the DHT, in bytes.
    pub max_dht_bytes: usize,
    /// Peers that are remembered.
    pub max_known_peers: usize,
    /// Gossip messages of one peer, a second.
    pub gossip_rate: u64,
    /// Gossip messages of one peer, at once.
    pub gossip_burst: u64,
    /// Gossip of one peer, in bytes a second; twice as many at once.
    pub gossip_bytes: u64,
    /// However many messages of one peer are dropped in such a time, they are one violation.
    #[serde(with = "span")]
    pub gossip_window: Duration,
    /// Gossip messages that a node passes on, a second, over all.
    pub gossip_forward: u64,
    /// New heads of one publisher that are believed, a second.
    pub publisher_rate: u64,
    /// New heads of one publisher that are believed at once.
    pub publisher_burst: u64,
    /// Between two looks at the log of one peer, before jitter.
    #[serde(with = "span")]
    pub sync_interval: Duration,
    /// Packages that are kept because others told of them.
    pub max_heard: u64,
    /// All that is kept of such packages, in bytes.
    pub max_heard_bytes: u64,
    /// Such packages of one publisher that no name here is bound to.
    pub max_heard_of_publisher: u64,
    /// A request to a peer's catalog, in bytes.
    pub max_request: usize,
    /// An answer of a peer's catalog, in bytes.
    pub max_response: usize,
    /// Results of a search.
    pub max_results: usize,
    /// A message over the control socket, in bytes.
    pub max_control_message: usize,
    /// The log of a node in the background, in bytes; one older log is kept beside it.
    pub max_node_log: u64,
    /// An archive, in bytes.
    pub max_archive: u64,
    /// All files of an archive, in bytes.
    pub max_unpacked: u64,
    /// Files of an archive.
    pub max_files: u32,
    /// A manifest, in bytes.
    pub max_manifest: u64,
    /// A configuration file, in bytes.
    pub max_config: u64,
    /// A policy component, in bytes.
    pub max_component: u64,
    /// Steps of one resolution, beside a few for each package that is known: a hard graph ends within seconds.
    pub max_resolution_steps: u32,
    /// Packages of one resolution.
    pub max_resolution_packages: usize,
    /// How often a plan is solved again without what a verifier passed over.
    pub max_solve_again: u32,
    /// Fuel of one decision that is not about contents.
    pub policy_fuel: u64,
    /// Fuel of `configure` and `describe`.
    pub policy_configure_fuel: u64,
    /// Wall-clock time of one decision, before what its fuel adds.
    #[serde(with = "span")]
    pub policy_time: Duration,
    /// Compiling a policy, on the wall clock and of a processor.
    #[serde(with = "span")]
    pub policy_compile_time: Duration,
    /// Memory that compiling a policy may take, in bytes.
    pub policy_compile_memory: u64,
    /// Memory of a policy, in bytes.
    pub policy_memory: usize,
    /// Stack of a policy, in bytes.
    pub policy_stack: usize,
    /// Settings of a policy, in bytes.
    pub policy_settings: usize,
    /// Log lines of one decision.
    pub policy_log_lines: usize,
    /// A log line, in bytes.
    pub policy_log_line: usize,
    /// Between two looks of a running node at its policies' files.
    #[serde(with = "span")]
    pub policy_watch: Duration,
    /// The longest ban that a policy may ask for.
    #[serde(with = "span")]
    pub max_ban: Duration,
    /// The longest delay before a retry that a policy may ask for.
    #[serde(with = "span")]
    pub max_retry_delay: Duration,
    /// Retries of one job, over all.
    pub max_retries: u32,
    /// Decisions that are kept.
    pub max_decisions: u64,
    /// All questions of the decision log, in bytes.
    pub max_decision_bytes: u64,
    /// Archives in quarantine, in bytes, over all.
    pub max_quarantine: u64,
    /// Records of all feeds of advisories.
    pub max_advisories: usize,
    /// All records of all feeds of advisories, in bytes.
    pub max_advisory_bytes: u64,
    /// Archives in the store, in bytes, over all: beyond it those go that nothing needs, the least recently used first.
    pub max_store: u64,
    /// How long a decision is kept.
    #[serde(with = "span")]
    pub decision_age: Duration,
    /// Free space below which `doctor` speaks of it, in bytes.
    pub low_space: u64,
    /// How long an archive that no install needs is kept by `clean`.
    #[serde(with = "span")]
    pub clean_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (s, mib) = (Duration::from_secs, 1024 * 1024);
        Self {
            dial_timeout: s(2),
            bootstrap_timeout: s(30),
            bootstrap_retry: s(5 * 60),
            self_lookup_interval: s(60),
            partition_confirm: s(10),
            ping_interval: s(15),
            lookup_timeout: s(10),
            lookup_grace: Duration::from_millis(500),
            search_timeout: s(10),
            holder_timeout: s(10),
            holder_head_start: Duration::from_millis(100),
            request_timeout: s(10),
            control_timeout: s(30),
            shutdown_timeout: s(3),
            lock_retry: s(5),
            lock_tries: 3,
            head_lifetime: s(30 * 24 * 3600),
            republish_interval: s(3600),
            republish_late: s(1800),
            max_holders: 8,
            chunks_in_flight: 16,
            max_queried_peers: 20,
            max_connections: 512,
            max_connections_per_peer: 4,
            max_connections_per_network: 32,
            max_routed_per_network: 16,
            count_local_networks: false,
            relay_reservations: 128,
            relay_circuits: 64,
            relay_circuit_bytes: mib as u64,
            relay_circuit_time: s(2 * 60),
            relay_reservation_time: s(3600),
            max_memory: 2 << 30,
            upload_rate: 0,
            upload_rate_per_peer: 0,
            max_streams_per_peer: 32,
            max_streams: 256,
            max_dht_records: 16 * 1024,
            max_dht_bytes: 64 * mib,
            max_known_peers: 4096,
            gossip_rate: 1000,
            gossip_burst: 2000,
            gossip_bytes: 4 * mib as u64,
            gossip_window: Duration::from_millis(100),
            gossip_forward: 500,
            publisher_rate: 5,
            publisher_burst: 100,
            sync_interval: s(5 * 60),
            max_heard: 100_000,
            max_heard_bytes: 256 * mib as u64,
            max_heard_of_publisher: 1024,
            max_request: 64 * 1024,
            max_response: 8 * mib,
            max_results: 200,
            max_control_message: 16 * mib,
            max_node_log: mib as u64,
            max_archive: 4 << 30,
            max_unpacked: 16 << 30,
            max_files: 200_000,
            max_manifest: mib as u64,
            max_config: mib as u64,
            max_component: 64 * mib as u64,
            max_resolution_steps: 8_000,
            max_resolution_packages: 20_000,
            max_solve_again: 32,
            policy_fuel: 500_000_000,
            policy_configure_fuel: 100_000_000,
            policy_time: s(2),
            policy_compile_time: s(5 * 60),
            policy_compile_memory: 6 << 30,
            policy_memory: 64 * mib,
            policy_stack: mib,
            policy_settings: 64 * 1024,
            policy_log_lines: 64,
            policy_log_line: 1024,
            policy_watch: s(2),
            max_ban: s(30 * 24 * 3600),
            max_retry_delay: s(30),
            max_retries: 32,
            max_decisions: 100_000,
            max_decision_bytes: 256 * mib as u64,
            max_quarantine: 4 << 30,
            max_advisories: 50_000,
            max_advisory_bytes: 128 * mib as u64,
            max_store: 64 << 30,
            low_space: 1 << 30,
            decision_age: s(90 * 24 * 3600),
            clean_age: s(30 * 24 * 3600),
        }
    }
}

/// Times as `250ms`, `10s`, `5min`, `1h`, `30d`.
pub mod span {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Reads a whole number with its unit; `None` for anything else.
    pub fn parse(text: &str) -> Option<Duration> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let millis = match unit.trim() {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60 * 1000,
            "h" => 3600 * 1000,
            "d" => 24 * 3600 * 1000,
            _ => return None,
        };
        number.checked_mul(millis).map(Duration::from_millis)
    }

    /// Writes it in milliseconds.
    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}ms", value.as_millis()))
    }

    /// Reads it, or says how it is written.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("{text:?} is no time; write 250ms, 10s, 5min, 1h or 30d"));
        parse(&text).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        let limits: Limits = toml::from_str("lookup_timeout = \"250ms\"\nlock_retry = \"1h\"").unwrap();
        assert_eq!((limits.lookup_timeout, limits.lock_retry), (Duration::from_millis(250), Duration::from_secs(3600)));
        for bad in ["lookup_timeout = \"10\"", "lookup_timeout = \"99999999999999999999s\"", "lookup_timeuot = \"1s\""]
        {
            assert!(toml::from_str::<Limits>(bad).is_err(), "{bad}");
        }
    }
}
