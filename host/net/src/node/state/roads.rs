//! How it stands with being reached, and who waits for a way.

use crate::config::{NodeConfig, Reach};
use crate::error::NetError;
use ggen_core::limits::Limits;
use ggen_core::reach::{Reachability, Relays, Tries};
use libp2p::core::transport::ListenerId;
use libp2p::{Multiaddr, PeerId};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Who waits for a direct connection, and until when.
pub(crate) struct Waiter {
    pub reply: oneshot::Sender<Result<(), NetError>>,
    pub until: Instant,
}

/// How it stands with being reached.
pub(crate) struct Roads {
    pub setting: Reach,
    pub is_node: bool,
    pub listens: bool,
    pub probes: bool,
    pub fingerprint: Option<String>,
    pub begun: Instant,
    pub tries: Tries<Multiaddr>,
    pub relays: Relays<PeerId>,
    pub listeners: HashMap<ListenerId, PeerId>,
    pub waiters: HashMap<PeerId, Vec<Waiter>>,
    /// Whether the hash table was told to take part.
    pub serves: bool,
    pub patience: Duration,
}

impl Roads {
    pub fn new(config: &NodeConfig, loopback_only: bool) -> Self {
        let limits: &Limits = &config.limits;
        let is_node = config.mode == crate::Mode::Node;
        let pause = u64::try_from(limits.relay_reservation_time.as_millis() / 60).unwrap_or(u64::MAX);
        Self {
            setting: config.reach,
            is_node,
            listens: !config.listen.is_empty(),
            probes: is_node && config.reach == Reach::Auto && (config.probe_local || !loopback_only),
            fingerprint: config.swarm_key.map(|key| key.fingerprint()),
            begun: Instant::now(),
            tries: Tries::new(),
            relays: Relays::new(pause),
            listeners: HashMap::new(),
            waiters: HashMap::new(),
            serves: is_node,
            // A holder has to answer within its own time; the rest of it is for that.
            patience: (limits.dial_timeout * 2).min(limits.holder_timeout / 2),
        }
    }

    pub fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn verdict(&self) -> Reachability {
        match self.setting {
            Reach::Off => Reachability::Unknown,
            Reach::Private => Reachability::Unreachable,
            Reach::Auto if !self.listens => Reachability::Unreachable,
            Reach::Auto => self.tries.verdict(),
        }
    }

    /// What is known of it, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut told = Vec::new();
        if let Some(fingerprint) = &self.fingerprint {
            told.push(format!("a private network: its key has the fingerprint {fingerprint}"));
        }
        let relays = match self.relays.count() {
            0 => "no relay takes calls for this node".to_owned(),
            1 => "1 relay takes calls for this node".to_owned(),
            more => format!("{more} relays take calls for this node"),
        };
        match self.verdict() {
            Reachability::Unreachable if self.is_node => told.push(format!("reachable from outside: no; {relays}")),
            Reachability::Reachable => {
                let at: Vec<String> = self.tries.answered().map(Multiaddr::to_string).collect();
                told.push(format!("reachable from outside: yes, at {}", at.join(", ")));
            }
            Reachability::Unknown if self.probes => {
                told.push("reachable from outside: unknown, nobody has tried yet".to_owned());
            }
            _ => {}
        }
        told
    }
}
