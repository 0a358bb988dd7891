//! How bytes travel: TCP with TLS or Noise, QUIC beside it, relays that lend their line, names resolved.
//!
//! Decides which roads there are and which is tried first, and no rule about who may use them. Invariant: nothing leaves
//! this machine that is not encrypted; in a private network nothing that is not within its key.

use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use ggen_core::limits::Limits;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::system_conf::read_system_conf;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, OptionalTransport};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, Swarm, SwarmBuilder, Transport as _, noise, quic, tcp, tls, yamux};

use super::behaviour::{Behaviour, behaviour};
use super::buffered::{ReadAhead, WriteTogether};
use super::later::Later;
use super::security::{Arrivals, EitherOf, enter};
use crate::config::NodeConfig;
use crate::error::{NetError, Problem};
use crate::private::SwarmKey;

/// Streams of one connection, ours and theirs, served or not.
const MAX_CONNECTION_STREAMS: usize = 128;
/// Streams of one connection whose protocol is not agreed upon yet: each may hold a window's bytes.
const MAX_NEGOTIATING: usize = 32;
/// How long a connection without a stream is kept, at least.
const IDLE: Duration = Duration::from_secs(60);
/// Addresses of a peer that are dialled side by side.
const DIALLED_AT_ONCE: u8 = 8;
/// How long QUIC waits for TCP to a peer that has both.
const HEAD_START: Duration = Duration::from_millis(200);
/// Events of a connection that wait for the swarm.
const HANDLER_EVENTS: usize = 32;

/// Makes a swarm that does nothing yet. `jitter` is in 0..1.
pub(crate) fn swarm(
    key: Keypair,
    config: &NodeConfig,
    arrivals: &Arrivals,
    jitter: f64,
) -> Result<Swarm<Behaviour>, NetError> {
    let limits: &Limits = &config.limits;
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| NetError::Transport(e);
    let (servers, options) = resolver(config.resolver);
    // A node's lookups of its own place go to its neighbours: so their connections never fall idle.
    let idle = IDLE.max(limits.self_lookup_interval.saturating_mul(2) + limits.lookup_timeout);
    let swarm_key = config.swarm_key;
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_other_transport(|key| tcp_transport(key, swarm_key, arrivals.clone()))
        .map_err(|e| failed(Box::new(e)))?
        .with_other_transport(|key| match swarm_key {
            None => OptionalTransport::some(quic_transport(key, limits)),
            Some(_) => OptionalTransport::none(),
        })
        .map_err(|e| failed(Box::new(e)))?
        .with_dns_config(servers, options)
        .with_relay_client((tls_config, noise_config), muxer)
        .map_err(|e| failed(Box::new(e)))?
        .with_behaviour(|key, circuits| behaviour(key, config, circuits, jitter).map_err(Box::from))
        .map_err(|e| failed(Box::new(e)))?
        .with_swarm_config(|swarm| {
            swarm
                .with_idle_connection_timeout(idle)
                .with_dial_concurrency_factor(NonZeroU8::new(DIALLED_AT_ONCE).unwrap_or(NonZeroU8::MIN))
                .with_notify_handler_buffer_size(NonZeroUsize::new(HANDLER_EVENTS).unwrap_or(NonZeroUsize::MIN))
                .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
        })
        .with_connection_timeout(limits.dial_timeout)
        .build();
    Ok(swarm)
}

fn tls_config(key: &Keypair) -> Result<ReadAhead<tls::Config>, tls::certificate::GenError> {
    tls::Config::new(key).map(ReadAhead)
}

fn noise_config(key: &Keypair) -> Result<ReadAhead<noise::Config>, noise::Error> {
    noise::Config::new(key).map(ReadAhead)
}

fn tcp_transport(
    key: &Keypair,
    swarm_key: Option<SwarmKey>,
    arrivals: Arrivals,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, Problem> {
    let security = EitherOf::new(tls_config(key)?, noise_config(key)?);
    let entered = tcp::tokio::Transport::new(tcp::Config::default())
        .and_then(move |socket, endpoint| Box::pin(enter(socket, endpoint, swarm_key, arrivals)))
        .upgrade(Version::V1Lazy)
        .authenticate(security)
        .multiplex(muxer());
    Ok(entered.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))).boxed())
}

fn quic_transport(key: &Keypair, limits: &Limits) -> Later<quic::tokio::Transport> {
    let mut config = quic::Config::new(key);
    config.handshake_timeout = limits.dial_timeout;
    config.max_concurrent_stream_limit = MAX_CONNECTION_STREAMS as u32;
    Later { inner: quic::tokio::Transport::new(config), head_start: HEAD_START.min(limits.dial_timeout / 4) }
}

fn muxer() -> WriteTogether<yamux::Config> {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(MAX_CONNECTION_STREAMS);
    WriteTogether(config)
}

/// Whom names are asked of: the given server, else the system's. A machine without any still speaks to numeric addresses.
fn resolver(server: Option<SocketAddr>) -> (ResolverConfig, ResolverOpts) {
    match server {
        None => read_system_conf()
            .unwrap_or_else(|_| (ResolverConfig::from_parts(None, Vec::new(), Vec::new()), ResolverOpts::default())),
        Some(server) => {
            let mut named = NameServerConfig::udp(server.ip());
            for connection in &mut named.connections {
                connection.port = server.port();
            }
            (ResolverConfig::from_parts(None, Vec::new(), vec![named]), ResolverOpts::default())
        }
    }
}
