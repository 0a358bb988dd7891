//! The node: one task that owns the swarm.
//!
//! Commands reach it over a bounded channel, answers leave on oneshots or bounded channels that are never waited for.
//! Decides which events matter to whom; never verifies a signature, reads a file or waits for anybody in this task.
//! Invariant: no arm of the loop waits.

mod announce;
mod behaviour;
mod buffered;
pub(crate) mod command;
mod crowd;
mod dial_back;
mod direct;
mod dispatch;
mod event;
mod gossip;
mod join;
mod kademlia;
mod later;
pub(crate) mod listen;
mod mesh;
mod probes;
mod reach;
pub(crate) mod security;
mod sight;
mod state;
mod status;
mod table;
pub(crate) mod transport;
mod verify;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use ggen_core::limits::Limits;
use ggen_core::republish::{Event, Republish, Rules};
use libp2p::kad::QueryId;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId, Swarm};
use tokio::sync::{mpsc, oneshot, watch};

use self::behaviour::Behaviour;
use self::command::Command;
use self::listen::Listener;
use self::security::Arrivals;
use self::state::gossip::Gossip;
use self::state::join::Join;
use self::state::outlook::Outlook;
use self::state::query::{Holding, Query};
use self::state::roads::Roads;
use self::state::table::Table;
use self::verify::Verifier;
use crate::address::{is_loopback, is_quic};
use crate::clock::now_ms;
use crate::complaints::Complaints;
use crate::config::NodeConfig;
use crate::content::Content;
use crate::dht::kept::Kept;
use crate::types::{BanEntry, Direction, Joined, NodeEvent};

/// How often the node looks at its clock.
const TICK: std::time::Duration = std::time::Duration::from_secs(1);

/// What is known of a connected peer.
pub(crate) struct Peer {
    /// Of the first connection, or of the first that is direct.
    pub remote: Multiaddr,
    pub direction: Direction,
    /// What it says of itself, filtered.
    pub listens: Vec<Multiaddr>,
    pub latency_ms: Option<u64>,
    pub dht: bool,
    /// Its connections without a relay.
    pub direct: Vec<ConnectionId>,
    /// Its connections through one.
    pub relayed: Vec<ConnectionId>,
}

impl Peer {
    /// One that was just connected.
    pub fn new(remote: Multiaddr, direction: Direction) -> Self {
        let (listens, direct, relayed) = (Vec::new(), Vec::new(), Vec::new());
        Self { remote, direction, listens, latency_ms: None, dht: false, direct, relayed }
    }
}

/// The node's whole state. It lives in one task and is never locked.
pub(crate) struct Node {
    swarm: Swarm<Behaviour>,
    limits: Arc<Limits>,
    events: mpsc::Sender<NodeEvent>,
    peers: HashMap<PeerId, Peer>,
    dials: HashMap<PeerId, Vec<oneshot::Sender<Result<(), String>>>>,
    queries: HashMap<QueryId, Query>,
    bans: HashMap<PeerId, BanEntry>,
    republish: Republish<Holding>,
    started: Instant,
    swept: Instant,
    listens: Vec<Multiaddr>,
    loopback_only: bool,
    private: bool,
    arrivals: Arrivals,
    roads: Roads,
    join: Join,
    joined: watch::Sender<Joined>,
    listening: watch::Sender<Vec<Multiaddr>>,
    verifier: Verifier,
    outlook: Outlook,
    gossip: Gossip,
    complaints: Complaints,
    table: Table,
}

/// What a [`Node`] is made of.
pub(crate) struct Parts {
    pub swarm: Swarm<Behaviour>,
    pub config: NodeConfig,
    pub arrivals: Arrivals,
    pub events: mpsc::Sender<NodeEvent>,
    pub complaints: Complaints,
    pub content: Arc<dyn Content>,
    pub joined: watch::Sender<Joined>,
    pub listening: watch::Sender<Vec<Multiaddr>>,
    /// In 0..1, another in each process.
    pub jitter: f64,
}

impl Node {
    pub fn new(mut parts: Parts) -> Self {
        let mut config = parts.config;
        let mut heads = Vec::new();
        for Kept { key, record, providers } in std::mem::take(&mut config.kept) {
            heads.extend(record.map(|record| (key, record)));
            parts.swarm.behaviour_mut().kad.store_mut().provide_back(&key, providers, now_ms());
        }
        let loopback_only = !config.listen.is_empty() && config.listen.iter().all(is_loopback);
        let roads = Roads::new(&config, loopback_only);
        let private = config.swarm_key.is_some();
        let known = config.known.into_iter().filter(|(_, address)| !private || !is_quic(address)).collect();
        let mut node = Self {
            join: Join::new(config.bootstrap, known, &config.limits, parts.jitter),
            outlook: Outlook::new(&config.limits, parts.jitter),
            verifier: Verifier::start(heads),
            republish: Republish::new(Rules::from(config.limits.as_ref()), parts.jitter),
            started: Instant::now(),
            swept: Instant::now(),
            gossip: Gossip::new(&config.limits, Listener::start(parts.content)),
            complaints: parts.complaints,
            table: Table::new(&config.limits),
            swarm: parts.swarm,
            limits: config.limits,
            events: parts.events,
            peers: HashMap::new(),
            dials: HashMap::new(),
            queries: HashMap::new(),
            bans: HashMap::new(),
            listens: Vec::new(),
            loopback_only,
            private,
            arrivals: parts.arrivals,
            roads,
            joined: parts.joined,
            listening: parts.listening,
        };
        for ban in config.banned {
            node.set_ban(ban);
        }
        node.follow_verdict();
        node
    }

    /// Runs until it is told to stop, or nobody is left who could tell it anything.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        self.join_network();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stopped = loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(looked) = self.gossip.next() => self.on_looked(looked),
                Some(checked) = self.verifier.next() => self.on_checked(checked),
                command = commands.recv() => match command {
                    Some(Command::Shutdown(reply)) => break Some(reply),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                _ = tick.tick() => self.on_tick(),
            }
        };
        self.tell_kept();
        self.close().await;
        if let Some(reply) = stopped {
            let _ = reply.send(());
        }
    }

    /// Ends all connections; waits for them a part of the time that stopping may take.
    async fn close(&mut self) {
        // What was announced last may not have left yet, and gossip does not say when it has.
        if self.gossip.sent.is_some_and(|at| at.elapsed() < TICK) {
            let sending = async {
                loop {
                    self.swarm.select_next_some().await;
                }
            };
            let _ = tokio::time::timeout(self.limits.shutdown_timeout / 16, sending).await;
        }
        let connected: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in connected {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let drained = async {
            while self.swarm.network_info().num_peers() > 0 {
                self.swarm.select_next_some().await;
            }
        };
        let _ = tokio::time::timeout(self.limits.shutdown_timeout / 4, drained).await;
    }

    fn on_tick(&mut self) {
        let now = now_ms();
        let over: Vec<PeerId> = self.bans.values().filter(|b| b.until <= now).map(|b| b.peer_id).collect();
        for peer in over {
            self.lift_ban(peer);
        }
        self.republish(Event::Tick);
        self.sweep();
        self.tell_kept();
        self.look_around();
        self.announce_waiting();
        self.tell_heard();
        self.complaints.flush();
        self.tend_roads();
        self.rejoin();
    }

    /// Tells the owner; a full channel loses the event rather than holding up the node.
    fn tell(&self, event: NodeEvent) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
            tracing::warn!(?event, "the owner of the node is slow: an event is lost");
        }
    }

    fn dht_peers(&self) -> usize {
        self.peers.values().filter(|p| p.dht).count()
    }
}
