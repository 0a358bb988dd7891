//! Who is to be connected, and how the calls to them went.

use crate::address::subnet_of;
use ggen_core::limits::Limits;
use libp2p::{Multiaddr, PeerId};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Known peers that are dialled in one round, beside the anchors.
const KNOWN_PER_ROUND: usize = 16;
/// Configured peers of which it is told why they cannot be reached.
const MAX_TOLD: usize = 4;
pub(crate) struct Join {
    /// Configured peers, each with all its addresses.
    pub anchors: BTreeMap<PeerId, Vec<Multiaddr>>,
    pub known: BTreeMap<PeerId, Vec<Multiaddr>>,
    /// Peers of the local network, as it told.
    pub neighbours: BTreeMap<PeerId, Vec<Multiaddr>>,
    /// Since when each is waited for.
    pub waiting: HashMap<PeerId, Instant>,
    pub failures: BTreeMap<PeerId, String>,
    pub next: Instant,
    pub pause: Duration,
    pub first_pause: Duration,
    pub longest: Duration,
    pub jitter: f64,
}

fn by_peer(list: Vec<(PeerId, Multiaddr)>, most: usize) -> BTreeMap<PeerId, Vec<Multiaddr>> {
    let mut map: BTreeMap<PeerId, Vec<Multiaddr>> = BTreeMap::new();
    for (peer, address) in list {
        if map.len() < most || map.contains_key(&peer) {
            map.entry(peer).or_default().push(address);
        }
    }
    map
}

/// The first of each network, then the second of each: a network that is gone takes only its own with it.
fn diverse(list: Vec<(PeerId, Multiaddr)>) -> Vec<(PeerId, Multiaddr)> {
    let mut networks: HashMap<Option<String>, Vec<PeerId>> = HashMap::new();
    let mut ranks: HashMap<PeerId, usize> = HashMap::new();
    for (peer, address) in &list {
        ranks.entry(*peer).or_insert_with(|| {
            let others = networks.entry(subnet_of(address)).or_default();
            others.push(*peer);
            others.len()
        });
    }
    let mut list = list;
    list.sort_by_key(|(peer, _)| ranks.get(peer).copied());
    list
}

impl Join {
    pub fn new(
        anchors: Vec<(PeerId, Multiaddr)>,
        known: Vec<(PeerId, Multiaddr)>,
        limits: &Limits,
        jitter: f64,
    ) -> Self {
        let first_pause = limits.bootstrap_retry.min(Duration::from_secs(1));
        Self {
            anchors: by_peer(anchors, limits.max_known_peers),
            known: by_peer(diverse(known), KNOWN_PER_ROUND),
            neighbours: BTreeMap::new(),
            waiting: HashMap::new(),
            failures: BTreeMap::new(),
            next: Instant::now() + first_pause,
            pause: first_pause,
            first_pause,
            longest: limits.bootstrap_retry,
            jitter,
        }
    }

    /// A peer that was waited for is connected and part of the DHT.
    pub fn reached(&mut self, peer: PeerId) {
        self.waiting.remove(&peer);
        self.failures.remove(&peer);
    }

    /// A peer that was waited for cannot be reached, or is no use.
    pub fn failed(&mut self, peer: PeerId, problem: String) {
        if self.waiting.remove(&peer).is_some() {
            self.failures.insert(peer, problem);
        }
    }

    /// Gives up those who were called and have not said in `limit` who they are; whether there were any.
    pub fn give_up(&mut self, limit: Duration) -> bool {
        let mute: Vec<PeerId> =
            self.waiting.iter().filter(|(_, since)| since.elapsed() >= limit).map(|(peer, _)| *peer).collect();
        for peer in &mute {
            self.failed(*peer, "it does not say who it is".to_owned());
        }
        !mute.is_empty()
    }

    /// Why configured peers could not be reached in the last round, of a few of them.
    pub fn sentences(&self) -> Vec<String> {
        let anchors = self.failures.iter().filter(|(peer, _)| self.anchors.contains_key(peer));
        anchors.take(MAX_TOLD).map(|(peer, problem)| format!("bootstrap peer {peer}: {problem}")).collect()
    }

    /// Somebody was lost: the next round comes soon.
    pub fn soon(&mut self) {
        self.pause = self.first_pause;
        self.next = self.next.min(Instant::now() + self.first_pause.mul_f64(0.5 + self.jitter));
    }

    /// Configured peers.
    pub fn anchors(&self) -> &BTreeMap<PeerId, Vec<Multiaddr>> {
        &self.anchors
    }

    /// Remembered peers that are dialled.
    pub fn known(&self) -> &BTreeMap<PeerId, Vec<Multiaddr>> {
        &self.known
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn who_takes_a_call_and_says_nothing_is_given_up() {
        let (mute, late) = (PeerId::random(), PeerId::random());
        let anchors = [mute, late].map(|peer| (peer, "/ip4/127.0.0.1/tcp/1".parse().unwrap()));
        let mut join = Join::new(anchors.to_vec(), Vec::new(), &Limits::default(), 0.5);
        let now = Instant::now();
        join.waiting.insert(late, now);
        join.waiting.insert(mute, now - Duration::from_secs(20));
        assert!(join.give_up(Duration::from_secs(10)) && !join.give_up(Duration::from_secs(10)));
        assert_eq!(join.waiting.keys().collect::<Vec<_>>(), [&late]);
        assert_eq!(join.sentences(), [format!("bootstrap peer {mute}: it does not say who it is")]);
        join.reached(mute);
        assert!(join.sentences().is_empty());
    }

    #[test]
    fn remembered_peers_of_many_networks_come_first() {
        let at = |net: u8, host: u8| {
            let address: Multiaddr = format!("/ip4/10.0.{net}.{host}/tcp/1").parse().unwrap();
            (PeerId::random(), address)
        };
        let mut list: Vec<_> = (0..100).map(|host| at(1, host)).collect();
        list.extend([at(2, 1), at(3, 1)]);
        let chosen = by_peer(diverse(list), KNOWN_PER_ROUND);
        let networks: HashSet<_> = chosen.values().flatten().filter_map(subnet_of).collect();
        assert_eq!((chosen.len(), networks.len()), (KNOWN_PER_ROUND, 3));
    }
}
