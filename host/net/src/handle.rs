//! The handle of a node: how the rest of the program uses it.
//!
//! Decides nothing; turns calls into commands to the node's task. Cloning it is cheap; the node stops when it is told
//! to, or when its last handle is gone.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ggen_core::Digest;
use ggen_core::PackageName;
use ggen_core::announcement::Announcement;
use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadBundle, HeadError, SignedHead, archive_key, head_key, name_key};
use ggen_core::limits::Limits;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::address::{is_quic, with_peer};
use crate::complaints::Complaints;
use crate::config::{Mode, NodeConfig};
use crate::content::Content;
use crate::error::{NetError, Problem};
use crate::fetch::landing::Landings;
use crate::link::Link;
use crate::node::command::{COMMAND_QUEUE, Command, HeldHead};
use crate::node::security::Arrivals;
use crate::node::transport::swarm;
use crate::node::{Node, Parts};
use crate::serve::{Serving, start_serving};
use crate::sync::Sync;
use crate::types::{BanEntry, Joined, NodeEvent, Offence, PeerInfo, Status};

/// Events that wait for the owner.
const EVENT_QUEUE: usize = 256;
/// How long is waited for the addresses that the node listens on.
const LISTEN_WAIT: Duration = Duration::from_secs(2);

/// A running node.
#[derive(Clone)]
pub struct Handle {
    pub(crate) link: Link,
    pub(crate) events: mpsc::Sender<NodeEvent>,
    complaints: Complaints,
    me: PeerId,
    joined: watch::Receiver<Joined>,
    serving: Arc<(Serving, Option<Following>)>,
}

/// The task that follows the logs of others; it ends with the last handle.
struct Following(AbortHandle);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A number in 0..1 that differs from process to process.
fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1u64 << 53) as f64
}

/// Whether nobody listens on a port yet. The transport shares a port with whoever else would: half of those who call one
/// of two nodes would then reach the other.
fn is_free(address: &Multiaddr) -> std::io::Result<()> {
    let mut parts = address.iter();
    let host: IpAddr = match parts.next() {
        Some(Protocol::Ip4(host)) => host.into(),
        Some(Protocol::Ip6(host)) => host.into(),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => std::net::TcpListener::bind((host, port)).map(|_| ()),
        _ => Ok(()),
    }
}

/// Starts a node in the current Tokio runtime; it listens when this returns, and goes on joining the network.
///
/// The receiver gets what the owner should keep or judge; it must be read, a full channel loses events.
pub async fn start(
    config: NodeConfig,
    content: Arc<dyn Content>,
) -> Result<(Handle, mpsc::Receiver<NodeEvent>), NetError> {
    config.check()?;
    let (random, key) = (jitter(), config.identity.keypair()?);
    let arrivals = Arrivals::default();
    let mut swarm = swarm(key, &config, &arrivals, random)?;
    for address in &config.listen {
        is_free(address).map_err(|e| NetError::Listen { address: address.to_string(), source: Box::new(e) })?;
    }
    for address in &config.listen {
        let failed = |e: Problem| NetError::Listen { address: address.to_string(), source: e };
        swarm.listen_on(address.clone()).map_err(|e| failed(Box::new(e)))?;
    }
    let me = *swarm.local_peer_id();
    let (events, events_out) = mpsc::channel(EVENT_QUEUE);
    let (commands, inbox) = mpsc::channel(COMMAND_QUEUE);
    let (joined_in, joined) = watch::channel(Joined { pending: 1, ..Joined::default() });
    let (listening_in, mut listening) = watch::channel(Vec::new());
    let streams = swarm.behaviour().streams.new_control();
    let (landings, reached) = (Landings::default(), config.mode == Mode::Node && content.serves_downloads());
    let bulk = swarm.behaviour().bulk.new_control();
    let link = Link { commands, streams, bulk, limits: config.limits.clone(), landings, reached };
    let complaints = Complaints::new(events.clone(), &config.limits);
    let serving = start_serving(&link, content.clone(), complaints.clone())?;
    let (listen, mode, cursors) = (config.listen.clone(), config.mode, config.cursors.clone());
    let node = Node::new(Parts {
        swarm,
        config,
        arrivals,
        events: events.clone(),
        complaints: complaints.clone(),
        content: content.clone(),
        joined: joined_in,
        listening: listening_in,
        jitter: random,
    });
    tokio::spawn(node.run(inbox));
    let following = (mode == Mode::Node).then(|| {
        let sync = Sync {
            link: link.clone(),
            content,
            complaints: complaints.clone(),
            events: events.clone(),
            jitter: random,
        };
        Following(tokio::spawn(sync.run(cursors)).abort_handle())
    });
    let wanted = listen.len();
    // A machine has several addresses; those of one transport must not stand for the other's.
    let each_kind = |there: &Vec<Multiaddr>| {
        listen.iter().all(|wanted| there.iter().any(|address| is_quic(address) == is_quic(wanted)))
    };
    let enough = listening.wait_for(|there| there.len() >= wanted && each_kind(there));
    if wanted > 0 && tokio::time::timeout(LISTEN_WAIT, enough).await.is_err() && listening.borrow().is_empty() {
        let address = listen.first().map(Multiaddr::to_string).unwrap_or_default();
        return Err(NetError::Listen { address, source: "the system gave no address in time".into() });
    }
    Ok((Handle { link, events, complaints, me, joined, serving: Arc::new((serving, following)) }, events_out))
}

/// A head with its signatures checked.
fn held(bundle: HeadBundle) -> Result<HeldHead, HeadError> {
    let value = bundle.to_json();
    let head = SignedHead::verify(bundle, None)?;
    Ok(HeldHead { key: head_key(&head.head.id()), value, mark: head.mark(), expires: head.head.expires })
}

impl Handle {
    /// The node's own id.
    pub fn peer_id(&self) -> PeerId {
        self.me
    }

    /// The bounds that it was started with.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.link.limits
    }

    /// Waits until a peer of the network is connected, or none of those known can be reached, or `limit` is over.
    pub async fn joined(&self, limit: Duration) -> Joined {
        let mut joined = self.joined.clone();
        let settled = joined.wait_for(|j| j.peers > 0 || j.pending == 0);
        let _ = tokio::time::timeout(limit, settled).await;
        self.joined.borrow().clone()
    }

    /// Waits until every peer that was dialled at the start is connected or cannot be reached, or `limit` is over: a
    /// question about a bare name should reach all of them.
    pub async fn settled(&self, limit: Duration) -> Joined {
        let mut joined = self.joined.clone();
        let _ = tokio::time::timeout(limit, joined.wait_for(|j| j.pending == 0)).await;
        self.joined.borrow().clone()
    }

    /// How the node is.
    pub async fn status(&self) -> Result<Status, NetError> {
        self.link.call(Command::Status).await
    }

    /// The connected peers.
    pub async fn peers(&self) -> Result<Vec<PeerInfo>, NetError> {
        self.link.call(Command::Peers).await
    }

    /// Sees to it that a peer is connected.
    pub async fn connect(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<(), NetError> {
        self.link.connect(peer, addresses).await
    }

    /// Refuses a peer until `until` (milliseconds since the Unix epoch), and drops its connections.
    pub async fn ban(&self, peer: PeerId, until: u64, reason: &str) -> Result<(), NetError> {
        let ban = BanEntry { peer_id: peer, until, reason: reason.chars().take(1000).collect() };
        self.link.call(|reply| Command::Ban(ban, reply)).await
    }

    /// Refuses a peer no longer. True if it was refused.
    pub async fn unban(&self, peer: PeerId) -> Result<bool, NetError> {
        self.link.call(|reply| Command::Unban(peer, reply)).await
    }

    /// Who is refused.
    pub async fn bans(&self) -> Result<Vec<BanEntry>, NetError> {
        self.link.call(Command::Bans).await
    }

    /// Tells the network that this node holds archives and knows heads of names; repeated until the node stops.
    pub async fn provide(&self, archives: &[Digest], names: &[PackageName]) -> Result<(), NetError> {
        let keys = archives.iter().map(archive_key).chain(names.iter().map(name_key)).collect();
        self.link.call(|reply| Command::Provide { keys, reply }).await
    }

    /// Gives a head to the peers closest to its key, and keeps it here; repeated until the node stops, and as soon as
    /// a network is found.
    ///
    /// Errors: the bundle does not prove itself ([`NetError::Remote`] with `invalid-head`), or nobody took it yet
    /// ([`NetError::NoPeers`]).
    pub async fn put_head(&self, bundle: HeadBundle) -> Result<(), NetError> {
        let invalid =
            |e: ggen_core::head::HeadError| NetError::Remote { code: "invalid-head".into(), message: e.to_string() };
        let head = held(bundle).map_err(invalid)?;
        self.link.call(|reply| Command::PutHead { head, reply }).await?.map(drop)
    }

    /// Keeps heads here, and gives them to the peers closest to their keys by and by; repeated until the node stops. One
    /// that does not prove itself is left out.
    pub async fn hold(&self, bundles: Vec<HeadBundle>) -> Result<(), NetError> {
        let check = move || bundles.into_iter().filter_map(|bundle| held(bundle).ok()).collect();
        let heads = tokio::task::spawn_blocking(check).await.map_err(|_| NetError::Stopped)?;
        self.link.call(|reply| Command::Hold { heads, reply }).await
    }

    /// Tells all nodes that listen of a package's new head, with the `release` that speaks for it. False if nobody
    /// listened within `lookup_grace`: it is told to the first who does.
    ///
    /// Errors: the announcement does not prove itself ([`NetError::Remote`] with `invalid-head`).
    pub async fn announce(&self, bundle: HeadBundle, release: Option<Envelope>) -> Result<bool, NetError> {
        let announcement = Announcement::new(bundle, release);
        let invalid = |e: ggen_core::announcement::AnnouncementError| NetError::Remote {
            code: "invalid-head".into(),
            message: e.to_string(),
        };
        let head = announcement.clone().verify().map_err(invalid)?.head;
        let (key, mark, bytes) = (head_key(&head.head.id()), head.mark(), announcement.to_json());
        let told = self.link.call(|reply| Command::Announce { bytes, key, mark, reply });
        match tokio::time::timeout(self.link.limits.lookup_grace, told).await {
            Ok(told) => told?.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Where a peer can be reached, with `/p2p/`, as far as is known.
    pub async fn addresses(&self, peer: PeerId) -> Result<Vec<Multiaddr>, NetError> {
        let known = self.link.call(|reply| Command::Addresses { peer, reply }).await?;
        Ok(known.iter().map(|a| with_peer(a, peer)).collect())
    }

    /// Stops the node: nothing new is served, connections end. Returns within `shutdown_timeout`.
    pub async fn shutdown(&self) -> Result<(), NetError> {
        let limit = self.link.limits.shutdown_timeout;
        let stop = async {
            self.serving.0.stop(limit / 2).await;
            self.link.call(Command::Shutdown).await
        };
        match tokio::time::timeout(limit, stop).await {
            // Stopped before is stopped too.
            Ok(Ok(()) | Err(NetError::Stopped)) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(NetError::timeout("stopping the node", limit)),
        }
    }

    /// Who is in the routing table.
    #[cfg(test)]
    pub(crate) async fn routed(&self) -> Result<Vec<PeerId>, NetError> {
        self.link.call(Command::Routed).await
    }

    pub(crate) fn accuse(&self, offence: Offence) {
        self.complaints.add(offence);
    }
}
