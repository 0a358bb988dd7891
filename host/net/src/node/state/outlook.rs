//! What the node has seen of the network so far.

use crate::clock::now_ms;
use crate::types::NetworkState;
use ggen_core::census::Census;
use ggen_core::limits::Limits;
use ggen_core::partition::{Lookups, Network, Rules, Sight, Watch};
use libp2p::kad::K_VALUE;
use std::time::{Duration, Instant};

/// What the node has seen so far.
pub(crate) struct Outlook {
    pub watch: Watch,
    pub census: Census,
    pub begun: Instant,
    pub lookups: Lookups,
    pub looking: bool,
    pub last_look: Option<Instant>,
    pub interval: Duration,
    /// When the newest head was signed that a peer gave, in milliseconds since the Unix epoch.
    pub newest_head: Option<u64>,
}

impl Outlook {
    pub fn new(limits: &Limits, jitter: f64) -> Self {
        Self {
            watch: Watch::new(Rules::from(limits)),
            census: Census::new(K_VALUE.get()),
            begun: Instant::now(),
            lookups: Lookups::default(),
            looking: false,
            last_look: None,
            interval: limits.self_lookup_interval.mul_f64(0.75 + jitter / 2.0),
            newest_head: None,
        }
    }

    pub fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether something speaks against a whole network.
    pub fn is_troubled(&self) -> bool {
        !self.watch.symptoms().is_empty()
    }

    /// Whether the last lookup succeeded, not too long ago.
    pub fn is_responsive(&self) -> bool {
        self.lookups.failed == 0 && self.lookups.succeeded_at.is_some()
    }

    pub fn state(&self) -> NetworkState {
        match self.watch.state() {
            Network::Online => NetworkState::Online,
            Network::Degraded => NetworkState::Degraded,
            Network::Isolated => NetworkState::Isolated,
            Network::Stale => NetworkState::Stale,
        }
    }

    /// A head came from a peer.
    pub fn head(&mut self, issued: u64) {
        // What claims to be of the future is as old as what came with it.
        self.newest_head = self.newest_head.max(Some(issued.min(now_ms())));
    }

    pub fn sentences(&self, sight: &Sight) -> Vec<String> {
        let ago = |at: u64| self.now().saturating_sub(at) / 1000;
        let mut told = vec![format!(
            "{} peers connected from {} networks, {} of them nodes",
            sight.peers, sight.networks, sight.nodes
        )];
        for (anchors, what) in [(&sight.anchors, "bootstrap"), (&sight.known, "remembered")] {
            if anchors.all > 0 {
                told.push(format!("{} of {} {what} peers connected", anchors.connected, anchors.all));
            }
        }
        told.push(match (self.lookups.succeeded_at, self.lookups.failed) {
            (None, 0) => "no lookup has been made yet".to_owned(),
            (None, _) => "no lookup has succeeded".to_owned(),
            (Some(at), 0) => format!("the last lookup succeeded {} s ago", ago(at)),
            (Some(at), failed) => format!("the last {failed} lookups failed; one succeeded {} s ago", ago(at)),
        });
        if let Some(size) = self.census.size() {
            let was = self.census.was().map(|was| format!(", and was one of {was:.0}")).unwrap_or_default();
            told.push(format!("by that lookup a network of {size:.0} nodes{was}"));
        }
        if let Some(age) = sight.head_age {
            told.push(format!("the newest head from a peer was signed {} min ago", age / 60_000));
        }
        told.extend(self.watch.symptoms().iter().map(|symptom| format!("! {symptom}")));
        told
    }
}
