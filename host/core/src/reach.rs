//! Whether others can call a node, and which relays take its calls where they cannot.
//!
//! Decides by what was tried from outside. One address that answers is enough; that none does is believed when it was tried
//! twice, so that one liar does not take a node out of the hash table. Never dials, never waits. That somebody called proves
//! nothing: a router lets in whom the node called before. Invariant: everything here is bounded.

use std::collections::{BTreeMap, BTreeSet};

/// Addresses of a node that are kept.
const MAX_ADDRESSES: usize = 16;
/// Failed tries until it is believed that nobody gets through.
const TRIES: u32 = 2;
/// Relays that take calls at once: one that goes must not be the only one.
const RELAYS: usize = 2;
/// Relays that are known.
const MAX_RELAYS: usize = 32;

/// Milliseconds of a clock that only rises.
pub type Millis = u64;

/// What is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reachability {
    /// Nobody has tried yet.
    Unknown,
    /// Others get through.
    Reachable,
    /// Nobody does.
    Unreachable,
}

/// What was tried from outside.
#[derive(Clone, Debug, Default)]
pub struct Tries<A> {
    answered: BTreeSet<A>,
    failed: BTreeMap<A, u32>,
}

impl<A: Ord + Clone> Tries<A> {
    /// Nothing was tried.
    pub fn new() -> Self {
        Self { answered: BTreeSet::new(), failed: BTreeMap::new() }
    }

    /// Somebody tried an address of this node.
    pub fn tried(&mut self, address: A, answered: bool) {
        if answered {
            self.failed.remove(&address);
            if self.answered.len() < MAX_ADDRESSES {
                self.answered.insert(address);
            }
            return;
        }
        self.answered.remove(&address);
        if self.failed.len() < MAX_ADDRESSES || self.failed.contains_key(&address) {
            let times = self.failed.entry(address).or_default();
            *times = times.saturating_add(1);
        }
    }

    /// What all this says.
    pub fn verdict(&self) -> Reachability {
        let failures: u32 = self.failed.values().fold(0, |sum, times| sum.saturating_add(*times));
        match (!self.answered.is_empty(), failures >= TRIES) {
            (true, _) => Reachability::Reachable,
            (false, true) => Reachability::Unreachable,
            (false, false) => Reachability::Unknown,
        }
    }

    /// Where others got through.
    pub fn answered(&self) -> impl Iterator<Item = &A> {
        self.answered.iter()
    }
}

/// How it stands with a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Service {
    /// It may be asked from then on.
    From(Millis),
    /// It was asked.
    Asked,
    /// It takes calls.
    Held,
}

/// The relays that are connected.
#[derive(Clone, Debug)]
pub struct Relays<P> {
    all: BTreeMap<P, Service>,
    pause: Millis,
}

impl<P: Ord + Copy> Relays<P> {
    /// No relay is known; one that refused is asked again after `pause`.
    pub fn new(pause: Millis) -> Self {
        Self { all: BTreeMap::new(), pause }
    }

    /// A connected peer is a relay.
    pub fn offers(&mut self, peer: P) {
        if self.all.len() < MAX_RELAYS {
            self.all.entry(peer).or_insert(Service::From(0));
        }
    }

    /// It is no longer connected, or no relay any more.
    pub fn gone(&mut self, peer: &P) {
        self.all.remove(peer);
    }

    /// It takes calls now.
    pub fn held(&mut self, peer: P) {
        if let Some(service) = self.all.get_mut(&peer) {
            *service = Service::Held;
        }
    }

    /// It refused, or takes no more calls.
    pub fn lost(&mut self, peer: &P, now: Millis) {
        if let Some(service) = self.all.get_mut(peer) {
            *service = Service::From(now.saturating_add(self.pause));
        }
    }

    /// Who is to be asked now: they count as asked.
    pub fn ask(&mut self, now: Millis) -> Vec<P> {
        let busy = self.all.values().filter(|s| matches!(s, Service::Asked | Service::Held)).count();
        let free = self.all.iter_mut().filter(|(_, s)| matches!(s, Service::From(at) if *at <= now));
        let ask = |(peer, service): (&P, &mut Service)| {
            *service = Service::Asked;
            *peer
        };
        free.take(RELAYS.saturating_sub(busy)).map(ask).collect()
    }

    /// How many take calls.
    pub fn count(&self) -> usize {
        self.all.values().filter(|s| **s == Service::Held).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_that_answers_is_enough_and_one_failure_is_not() {
        let mut tries = Tries::new();
        assert_eq!(tries.verdict(), Reachability::Unknown);
        tries.tried("a", false);
        assert_eq!(tries.verdict(), Reachability::Unknown, "it may be a lie");
        tries.tried("a", false);
        assert_eq!(tries.verdict(), Reachability::Unreachable);
        tries.tried("b", true);
        assert_eq!(tries.verdict(), Reachability::Reachable);
        assert_eq!(tries.answered().collect::<Vec<_>>(), [&"b"]);
        tries.tried("b", false);
        assert_eq!(tries.verdict(), Reachability::Unreachable, "it was, and is no more");
    }

    #[test]
    fn tries_are_bounded() {
        let mut tries = Tries::new();
        for address in 0..1000 {
            tries.tried(address, true);
            tries.tried(address + 1000, false);
        }
        assert_eq!((tries.answered.len(), tries.failed.len()), (MAX_ADDRESSES, MAX_ADDRESSES));
    }

    #[test]
    fn two_relays_take_calls_and_one_that_refused_is_left_alone_for_a_while() {
        let mut relays = Relays::new(100);
        assert!(relays.ask(0).is_empty());
        (1..=3).for_each(|peer| relays.offers(peer));
        assert_eq!(relays.ask(0), [1, 2]);
        assert!(relays.ask(0).is_empty(), "they were asked");
        relays.held(1);
        relays.lost(&2, 10);
        assert_eq!((relays.ask(20), relays.count()), (vec![3], 1));
        relays.gone(&3);
        assert!(relays.ask(109).is_empty());
        assert_eq!(relays.ask(110), [2]);
        relays.lost(&1, 120);
        assert_eq!(relays.count(), 0);
        (10..1000).for_each(|peer| relays.offers(peer));
        assert_eq!(relays.all.len(), MAX_RELAYS);
    }
}
