//! How much of what peers say is listened to.
//!
//! Decides, before any signature is checked, whether a message of a peer is looked at; and, of what proved itself, how
//! much of one publisher is believed in a while and how much is passed on. Token buckets over `(state, event, now)`.
//! Invariant: every map is bounded; a peer that keeps to its rate is never counted as a flood; what this node passes on
//! is less than what a peer may send, so that relaying never makes it an offender.
//!
//! ```text
//! message of a peer ── over its rate? ──▶ dropped; a window of it is one violation
//!        │ signature checked, newer than known
//!        ├── publisher over its rate? ──▶ not taken now (a later synchronisation brings it)
//!        └── node over what it passes on? ──▶ taken, not passed on
//! ```

use std::hash::Hash;

use crate::limits::Limits;
use crate::name::PublisherId;
use crate::recent::Recent;

/// Tokens that come back with time. Times are milliseconds by any clock that does not fall.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bucket {
    tokens: f64,
    filled: u64,
}

/// How a bucket fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Tokens a second.
    pub per_second: u64,
    /// Tokens that it holds.
    pub burst: u64,
}

impl Bucket {
    /// A full one.
    pub fn full(rate: Rate, now: u64) -> Self {
        Self { tokens: rate.burst as f64, filled: now }
    }

    /// Lets what came back since the last time in.
    fn fill(&mut self, rate: Rate, now: u64) {
        let elapsed = now.saturating_sub(self.filled) as f64 / 1000.0;
        self.tokens = (self.tokens + elapsed * rate.per_second as f64).min(rate.burst as f64);
        self.filled = self.filled.max(now);
    }

    /// Takes `count` if they are there.
    pub fn take(&mut self, count: u64, rate: Rate, now: u64) -> bool {
        self.fill(rate, now);
        let enough = self.tokens >= count as f64;
        if enough {
            self.tokens -= count as f64;
        }
        enough
    }

    /// Takes `count` in any case, and says how many milliseconds it is in debt for.
    pub fn owe(&mut self, count: u64, rate: Rate, now: u64) -> u64 {
        self.fill(rate, now);
        self.tokens -= count as f64;
        if self.tokens >= 0.0 {
            return 0;
        }
        (-self.tokens * 1000.0 / (rate.per_second.max(1) as f64)).ceil() as u64
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It is looked at.
    Taken,
    /// It is dropped.
    Dropped {
        /// Whether it is the first in its window: one violation of the sender.
        violation: bool,
    },
}

#[derive(Clone, Copy, Debug)]
struct Sender {
    messages: Bucket,
    bytes: Bucket,
    /// The window in which it was last over its rate.
    over: Option<u64>,
}

/// The gate that gossip comes through. `P` is a peer.
#[derive(Clone, Debug)]
pub struct Gate<P> {
    messages: Rate,
    bytes: Rate,
    window: u64,
    publisher: Rate,
    forward: Rate,
    forward_bytes: Rate,
    senders: Recent<P, Sender>,
    publishers: Recent<PublisherId, Bucket>,
    forwarded: Bucket,
    forwarded_bytes: Bucket,
}

impl<P: Hash + Eq> Gate<P> {
    /// An idle one.
    pub fn new(limits: &Limits, now: u64) -> Self {
        let messages = Rate { per_second: limits.gossip_rate, burst: limits.gossip_burst };
        let bytes = Rate { per_second: limits.gossip_bytes, burst: limits.gossip_bytes.saturating_mul(2) };
        let forward = Rate { per_second: limits.gossip_forward, burst: limits.gossip_forward };
        let forward_bytes = Rate { per_second: limits.gossip_bytes / 2, burst: limits.gossip_bytes / 2 };
        let window = u64::try_from(limits.gossip_window.as_millis()).unwrap_or(u64::MAX).max(1);
        Self {
            messages,
            bytes,
            window,
            publisher: Rate { per_second: limits.publisher_rate, burst: limits.publisher_burst },
            forward,
            forward_bytes,
            senders: Recent::new(usize::try_from(limits.max_connections).unwrap_or(usize::MAX)),
            publishers: Recent::new(limits.max_known_peers),
            forwarded: Bucket::full(forward, now),
            forwarded_bytes: Bucket::full(forward_bytes, now),
        }
    }

    /// A message of `size` bytes came from `peer`; nothing in it was looked at yet.
    pub fn arrived(&mut self, peer: P, size: usize, now: u64) -> Arrival {
        let (messages, bytes, window) = (self.messages, self.bytes, now / self.window);
        let sender = self.senders.entry(peer, || Sender {
            messages: Bucket::full(messages, now),
            bytes: Bucket::full(bytes, now),
            over: None,
        });
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        if sender.messages.take(1, messages, now) && sender.bytes.take(size, bytes, now) {
            return Arrival::Taken;
        }
        let violation = sender.over != Some(window);
        sender.over = Some(window);
        Arrival::Dropped { violation }
    }

    /// A head of `publisher` proved itself and is news: whether it is believed now.
    pub fn publisher(&mut self, publisher: PublisherId, now: u64) -> bool {
        let rate = self.publisher;
        self.publishers.entry(publisher, || Bucket::full(rate, now)).take(1, rate, now)
    }

    /// Whether a message of `size` bytes is passed on.
    pub fn forward(&mut self, size: usize, now: u64) -> bool {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        self.forwarded.take(1, self.forward, now) && self.forwarded_bytes.take(size, self.forward_bytes, now)
    }

    /// How many peers and publishers are remembered.
    pub fn remembered(&self) -> (usize, usize) {
        (self.senders.len(), self.publishers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;
    use proptest::prelude::*;

    fn gate() -> Gate<u32> {
        Gate::new(&Limits::default(), 0)
    }

    /// `rate` messages a second for `seconds`: how many were taken, and the violations.
    fn send(gate: &mut Gate<u32>, peer: u32, rate: u64, from: u64, seconds: u64) -> (u64, u64) {
        let (mut taken, mut violations) = (0, 0);
        for n in 0..rate * seconds {
            match gate.arrived(peer, 1000, from + n * 1000 / rate) {
                Arrival::Taken => taken += 1,
                Arrival::Dropped { violation } => violations += u64::from(violation),
            }
        }
        (taken, violations)
    }

    #[test]
    fn a_flood_is_cut_to_its_rate_and_every_window_of_it_counts_once() {
        let mut gate = gate();
        let (taken, violations) = send(&mut gate, 1, 10_000, 0, 10);
        assert!((11_900..=12_001).contains(&taken), "a burst of 2000 and 1000 a second: {taken}");
        assert!((97..=98).contains(&violations), "all windows but those of the burst: {violations}");
        assert_eq!(send(&mut gate, 2, 900, 0, 10), (9000, 0), "another peer is not concerned");
    }

    #[test]
    fn an_honest_burst_after_a_restart_is_no_violation() {
        let mut gate = gate();
        assert!((0..2000).all(|_| gate.arrived(1, 1000, 5) == Arrival::Taken));
        assert_eq!(gate.arrived(1, 1000, 5), Arrival::Dropped { violation: true });
        assert_eq!(gate.arrived(1, 1000, 6), Arrival::Taken);
        assert_eq!(send(&mut gate, 1, 1000, 1000, 5).1, 0);
    }

    #[test]
    fn few_large_messages_are_a_flood_too() {
        let mut gate = gate();
        let size = crate::announcement::MAX_ANNOUNCEMENT;
        let taken = (0..1000u64).filter(|n| gate.arrived(1, size, *n) == Arrival::Taken).count() as u64;
        let allowed = 3 * Limits::default().gossip_bytes / size as u64;
        assert!(taken <= allowed + 1, "{taken} of {allowed}");
    }

    #[test]
    fn a_publisher_and_the_node_itself_have_rates_of_their_own() {
        let (mut gate, limits) = (gate(), Limits::default());
        let publisher = |n: u32| PublisherId(Digest::of(&n.to_be_bytes()));
        let believed = (0..10_000).filter(|_| gate.publisher(publisher(1), 7)).count() as u64;
        assert_eq!(believed, limits.publisher_burst);
        assert!(gate.publisher(publisher(2), 7));
        let forwarded = (0..20_000u64).filter(|n| gate.forward(1000, n / 10)).count() as u64;
        assert!((limits.gossip_forward * 2..=limits.gossip_forward * 3).contains(&forwarded), "{forwarded}");
        assert!(limits.gossip_forward < limits.gossip_rate, "relaying makes no offender");
    }

    #[test]
    fn a_debt_is_paid_by_time() {
        let rate = Rate { per_second: 1000, burst: 500 };
        let mut bucket = Bucket::full(rate, 0);
        assert_eq!((bucket.owe(500, rate, 0), bucket.owe(250, rate, 0), bucket.owe(1, rate, 250)), (0, 250, 1));
    }

    proptest! {
        #[test]
        fn no_peers_however_many_grow_the_gate(peers in prop::collection::vec((any::<u32>(), 0u64..1000), 1..3000)) {
            let mut gate = Gate::new(&Limits { max_connections: 8, max_known_peers: 16, ..Limits::default() }, 0);
            for (peer, now) in peers {
                gate.arrived(peer, 10, now);
                gate.publisher(PublisherId(Digest::of(&peer.to_be_bytes())), now);
            }
            let (senders, publishers) = gate.remembered();
            prop_assert!(senders <= 16 && publishers <= 32);
        }
    }
}
