//! What a node speaks: protocols and their bounds.
//!
//! Decides no rule of ours; translates [`Limits`] into libp2p's settings.

use std::time::Duration;

use ggen_core::limits::Limits;
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::kad::{self, BucketInserts, StoreInserts};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{PeerId, StreamProtocol, dcutr, identify, mdns, memory_connection_limits, ping, relay};

use crate::config::{Mode, NodeConfig, Reach};
use crate::dht::store::Store;
use crate::error::NetError;
use crate::node::crowd;
use crate::node::dial_back::DialBacks;
use crate::node::direct::DirectOnly;
use crate::node::mesh::{Mesh, mesh};
use crate::node::probes::Probes;

/// The protocol of the distributed hash table.
pub(crate) const KAD: StreamProtocol = StreamProtocol::new("/ggen/kad/1");
/// What `identify` calls the family of protocols.
const FAMILY: &str = "/ggen/1";
/// A message of the hash table: a head with its roots, and what goes round it.
const MAX_KAD_PACKET: usize = 512 * 1024;

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    /// First, so that nobody else has to do with a connection that is refused.
    pub blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub limits: connection_limits::Behaviour,
    pub memory: memory_connection_limits::Behaviour,
    pub crowd: crowd::Behaviour,
    pub identify: identify::Behaviour,
    pub ping: ping::Behaviour,
    pub kad: DirectOnly<kad::Behaviour<Store>>,
    pub mdns: Toggle<mdns::tokio::Behaviour>,
    pub gossip: DirectOnly<Mesh>,
    /// Small questions, over any connection.
    pub streams: libp2p_stream::Behaviour,
    /// Archives.
    pub bulk: DirectOnly<libp2p_stream::Behaviour>,
    /// Calls that go, or come, through a relay.
    pub circuits: Toggle<relay::client::Behaviour>,
    /// From there to a direct connection.
    pub punch: Toggle<dcutr::Behaviour>,
    /// Calls that this node carries for others.
    pub relay: Toggle<relay::Behaviour>,
    /// Whether this node can be called.
    pub probes: Toggle<DirectOnly<Probes>>,
    /// Whether others can.
    pub dial_backs: Toggle<DirectOnly<DialBacks>>,
}

fn kad(key: &Keypair, mode: Mode, limits: &Limits, jitter: f64) -> kad::Behaviour<Store> {
    let me = key.public().to_peer_id();
    let republish = limits.republish_interval.mul_f64(0.9 + 0.2 * jitter).max(Duration::from_secs(1));
    let mut config = kad::Config::new(KAD);
    config
        .set_record_filtering(StoreInserts::FilterBoth)
        // `table` says who gets in.
        .set_kbucket_inserts(BucketInserts::Manual)
        .set_max_packet_size(MAX_KAD_PACKET)
        .set_query_timeout(limits.lookup_timeout)
        .set_substreams_timeout(limits.request_timeout)
        .set_record_ttl(Some(limits.head_lifetime))
        .set_provider_record_ttl(Some(limits.republish_interval * 4))
        // What is this node's own is told again by `announce`; libp2p hands on what others gave it.
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_replication_interval(Some(republish))
        .disjoint_query_paths(true);
    let mut kad = kad::Behaviour::with_config(me, Store::new(me, limits), config);
    kad.set_mode(Some(match mode {
        Mode::Node => kad::Mode::Server,
        Mode::Command => kad::Mode::Client,
    }));
    kad
}

fn connection_limits(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_established(Some(limits.max_connections))
        .with_max_established_incoming(Some(limits.max_connections.saturating_sub(limits.max_connections / 4).max(1)))
        .with_max_established_per_peer(Some(limits.max_connections_per_peer))
        .with_max_pending_incoming(Some((limits.max_connections / 4).max(8)))
        .with_max_pending_outgoing(Some((limits.max_connections / 4).max(8)))
}

/// The longest that a relay carries a call, or takes calls for somebody: libp2p counts the seconds in 32 bits.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a relay gives to others; how often one peer, or one address, may ask is libp2p's default.
fn relay(me: PeerId, limits: &Limits) -> relay::Behaviour {
    let config = relay::Config {
        max_reservations: limits.relay_reservations,
        max_reservations_per_peer: 2,
        reservation_duration: limits.relay_reservation_time.min(LONGEST),
        max_circuits: limits.relay_circuits,
        max_circuits_per_peer: 4,
        max_circuit_duration: limits.relay_circuit_time.min(LONGEST),
        // Zero would be without a bound.
        max_circuit_bytes: limits.relay_circuit_bytes.max(1),
        ..relay::Config::default()
    };
    let mut relay = relay::Behaviour::new(me, config);
    // Whoever configured it knows that the node can be reached.
    relay.set_status(Some(relay::Status::Enable));
    relay
}

/// Everything that a node speaks. `jitter` is in 0..1.
pub(super) fn behaviour(
    key: &Keypair,
    config: &NodeConfig,
    circuits: relay::client::Behaviour,
    jitter: f64,
) -> Result<Behaviour, NetError> {
    let limits: &Limits = &config.limits;
    let me = key.public().to_peer_id();
    let (reaches, is_node) = (config.reach != Reach::Off, config.mode == Mode::Node);
    let identify = identify::Config::new(FAMILY.to_owned(), key.public())
        .with_agent_version(concat!("ggen/", env!("CARGO_PKG_VERSION")).to_owned())
        .with_push_listen_addr_updates(true);
    let ping = ping::Config::new().with_interval(limits.ping_interval).with_timeout(limits.ping_interval);
    Ok(Behaviour {
        blocked: allow_block_list::Behaviour::default(),
        limits: connection_limits::Behaviour::new(connection_limits(limits)),
        memory: memory_connection_limits::Behaviour::with_max_bytes(limits.max_memory),
        crowd: crowd::Behaviour::new(limits),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping),
        kad: DirectOnly::new(kad(key, config.mode, limits, jitter)),
        mdns: mdns(key, config).into(),
        gossip: DirectOnly::new(mesh(config.mode)?),
        streams: libp2p_stream::Behaviour::new(),
        bulk: DirectOnly::new(libp2p_stream::Behaviour::new()),
        circuits: reaches.then_some(circuits).into(),
        punch: reaches.then(|| dcutr::Behaviour::new(me)).into(),
        relay: (config.relay && is_node).then(|| relay(me, limits)).into(),
        probes: (reaches && is_node).then(|| DirectOnly::new(Probes::new(me, config.probe_local))).into(),
        dial_backs: (reaches && is_node).then(|| DirectOnly::new(DialBacks::new())).into(),
    })
}

/// None where it is not wanted, or the machine does not let its network be watched.
fn mdns(key: &Keypair, config: &NodeConfig) -> Option<mdns::tokio::Behaviour> {
    if !config.mdns {
        return None;
    }
    match mdns::tokio::Behaviour::new(mdns::Config::default(), key.public().to_peer_id()) {
        Ok(behaviour) => Some(behaviour),
        Err(error) => {
            tracing::warn!(%error, "peers of the local network cannot be looked for");
            None
        }
    }
}
