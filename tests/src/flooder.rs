//! A peer that speaks gossip and nothing else, far too much of it.
//!
//! What it says is one valid announcement, each time with other bytes round it: nothing is wrong with any of them, there
//! are only too many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ggen_core::announcement::Announcement;
use ggen_core::dsse::SecretKey;
use ggen_core::head::{Head, HeadVersion};
use ggen_core::root::Publisher;
use ggen_core::{Digest, PackageId};
use libp2p::futures::StreamExt as _;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, noise, tcp, yamux};
use tokio::runtime::Runtime;

use crate::Node;

/// The topic of announcements, as PROTOCOL.md has it.
const TOPIC: &str = "/ggen/heads/1";

/// A peer that floods; gone when it goes out of scope.
pub struct Flooder {
    /// Its identity.
    pub peer_id: String,
    swarm: Swarm<gossipsub::Behaviour>,
    runtime: Runtime,
    announcement: String,
    sent: Arc<AtomicU64>,
}

/// A valid announcement of a package of no use.
fn announcement() -> String {
    let key = SecretKey::from_seed(&[77; 32]);
    let (publisher, root) = Publisher::create(&key, 1);
    let id = PackageId { publisher, name: "flood".parse().expect("a name") };
    let version = HeadVersion { version: "1.0.0".parse().expect("a version"), release: Digest::of(b"r"), yanked: None };
    let head = Head::with_release(None, &id, version, 1, u64::MAX / 2).sign(&key, vec![root]).expect("sign");
    String::from_utf8(Announcement::new(head.bundle, None).to_json()).expect("JSON")
}

impl Flooder {
    /// Connects to `node` and waits until it listens.
    #[track_caller]
    pub fn start(node: &Node) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let config = gossipsub::ConfigBuilder::default()
            .validation_mode(ValidationMode::Anonymous)
            .message_id_fn(|m| MessageId::from(Digest::of(&m.data).as_bytes().to_vec()))
            .connection_handler_queue_len(100_000)
            .build()
            .expect("a configuration");
        let gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).expect("gossip");
        let swarm = runtime.block_on(async {
            let builder = SwarmBuilder::with_new_identity().with_tokio();
            let transport = builder.with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default);
            let behaviour = transport.expect("a transport").with_behaviour(|_| gossip).expect("a behaviour");
            let mut swarm = behaviour.with_swarm_config(|c| c.with_idle_connection_timeout(Duration::MAX)).build();
            let address: Multiaddr = node.addresses[0].parse().expect("an address");
            swarm.dial(address).expect("dial");
            let listens = async {
                loop {
                    if let SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. }) = swarm.select_next_some().await {
                        return;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(30), listens).await.expect("the node listens to gossip");
            swarm
        });
        Self {
            peer_id: swarm.local_peer_id().to_string(),
            swarm,
            runtime,
            announcement: announcement(),
            sent: Arc::default(),
        }
    }

    /// Calls `node` again: whether it is let in.
    pub fn is_let_in(&mut self, node: &Node) -> bool {
        let swarm = &mut self.swarm;
        let address: Multiaddr = node.addresses[0].parse().expect("an address");
        self.runtime.block_on(async {
            if swarm.dial(address).is_err() {
                return false;
            }
            let listens = async {
                loop {
                    match swarm.select_next_some().await {
                        SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. }) => return true,
                        SwarmEvent::OutgoingConnectionError { .. } | SwarmEvent::ConnectionClosed { .. } => {
                            return false;
                        }
                        _ => {}
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(10), listens).await.unwrap_or(false)
        })
    }

    /// How many messages were sent so far, for whoever watches from another thread.
    pub fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }

    /// Sends `rate` messages a second for so long, or until it is thrown out: how many, and whether it was.
    pub fn flood(&mut self, rate: u64, time: Duration) -> (u64, bool) {
        let (swarm, announcement) = (&mut self.swarm, &self.announcement);
        self.runtime.block_on(async {
            let (began, mut sent) = (Instant::now(), 0);
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            while began.elapsed() < time {
                tokio::select! {
                    _ = tick.tick() => {
                        let due = u64::try_from(began.elapsed().as_micros()).unwrap_or(0) * rate / 1_000_000;
                        while sent < due {
                            let bytes = announcement.replacen('{', &format!("{{\"pad\":{sent},"), 1);
                            if swarm.behaviour_mut().publish(IdentTopic::new(TOPIC), bytes.into_bytes()).is_err() {
                                break;
                            }
                            sent += 1;
                            self.sent.store(sent, Ordering::SeqCst);
                        }
                    }
                    _ = swarm.select_next_some() => {
                        if swarm.connected_peers().next().is_none() {
                            return (sent, true);
                        }
                    }
                }
            }
            (sent, false)
        })
    }
}
