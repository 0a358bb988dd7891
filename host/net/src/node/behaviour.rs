//! What the swarm is made of: transport, protocols, and their bounds.
//!
//! Decides no rule of ours; translates [`Limits`] into libp2p's settings.

use std::num::NonZeroUsize;
use std::time::Duration;

use ggen_core::limits::Limits;
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::kad::{self, StoreInserts};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{StreamProtocol, Swarm, SwarmBuilder, dns, identify, noise, ping, tcp, tls, yamux};

use super::buffered::{ReadAhead, WriteTogether};
use crate::config::Mode;
use crate::dht::store::Store;
use crate::error::NetError;

/// The protocol of the distributed hash table.
pub(crate) const KAD: StreamProtocol = StreamProtocol::new("/ggen/kad/1");
/// What `identify` calls the family of protocols.
const FAMILY: &str = "/ggen/1";
/// A message of the hash table: a head with its roots, and what goes round it.
const MAX_KAD_PACKET: usize = 512 * 1024;
/// Streams of one connection, ours and theirs, served or not.
const MAX_CONNECTION_STREAMS: usize = 128;
/// Streams of one connection whose protocol is not agreed upon yet: each may hold a window's bytes.
const MAX_NEGOTIATING: usize = 32;
/// How long a connection without a stream is kept.
const IDLE: Duration = Duration::from_secs(60);

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    /// First, so that nobody else has to do with a connection that is refused.
    pub blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub limits: connection_limits::Behaviour,
    pub identify: identify::Behaviour,
    pub ping: ping::Behaviour,
    pub kad: kad::Behaviour<Store>,
    pub streams: libp2p_stream::Behaviour,
}

fn kad(key: &Keypair, mode: Mode, limits: &Limits, jitter: f64) -> kad::Behaviour<Store> {
    let me = key.public().to_peer_id();
    let republish = limits.republish_interval.mul_f64(0.9 + 0.2 * jitter).max(Duration::from_secs(1));
    let mut config = kad::Config::new(KAD);
    config
        .set_record_filtering(StoreInserts::FilterBoth)
        .set_max_packet_size(MAX_KAD_PACKET)
        .set_query_timeout(limits.lookup_timeout)
        .set_substreams_timeout(limits.request_timeout)
        .set_record_ttl(Some(limits.head_lifetime))
        .set_provider_record_ttl(Some(limits.republish_interval * 4))
        .set_publication_interval(Some(republish))
        .set_provider_publication_interval(Some(republish))
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

/// Makes a swarm that does nothing yet. `jitter` is in 0..1.
pub(crate) fn swarm(key: Keypair, mode: Mode, limits: &Limits, jitter: f64) -> Result<Swarm<Behaviour>, NetError> {
    let kad = kad(&key, mode, limits, jitter);
    let identify = identify::Config::new(FAMILY.to_owned(), key.public())
        .with_agent_version(concat!("ggen/", env!("CARGO_PKG_VERSION")).to_owned())
        .with_push_listen_addr_updates(true);
    let behaviour = Behaviour {
        blocked: allow_block_list::Behaviour::default(),
        limits: connection_limits::Behaviour::new(connection_limits(limits)),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
        kad,
        streams: libp2p_stream::Behaviour::new(),
    };
    let muxer = || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MAX_CONNECTION_STREAMS);
        WriteTogether(config)
    };
    let tls = |key: &Keypair| tls::Config::new(key).map(ReadAhead);
    let noise = |key: &Keypair| noise::Config::new(key).map(ReadAhead);
    let concurrency = std::num::NonZeroU8::new(8).unwrap_or(std::num::NonZeroU8::MIN);
    let events = NonZeroUsize::new(32).unwrap_or(NonZeroUsize::MIN);
    let tcp = |key: Keypair| {
        SwarmBuilder::with_existing_identity(key)
            .with_tokio()
            .with_tcp(tcp::Config::default(), (tls, noise), muxer)
            .map_err(|e| NetError::Transport(Box::new(e)))
    };
    // The two builders have two types.
    macro_rules! finish {
        ($builder:expr) => {
            $builder
                .with_behaviour(|_| behaviour)
                .map_err(|e| NetError::Transport(Box::new(e)))?
                .with_swarm_config(|config| {
                    config
                        .with_idle_connection_timeout(IDLE)
                        .with_dial_concurrency_factor(concurrency)
                        .with_notify_handler_buffer_size(events)
                        .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
                })
                .with_connection_timeout(limits.dial_timeout)
                .build()
        };
    }
    Ok(match tcp(key.clone())?.with_dns() {
        Ok(builder) => finish!(builder),
        // A machine without a resolver's configuration still speaks to numeric addresses.
        Err(_) => {
            let no_servers = dns::ResolverConfig::from_parts(None, Vec::new(), Vec::new());
            finish!(tcp(key)?.with_dns_config(no_servers, dns::ResolverOpts::default()))
        }
    })
}
