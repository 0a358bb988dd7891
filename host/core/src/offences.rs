//! Offences, gathered: what a peer does a thousand times a second is judged once.
//!
//! Decides when an offence is told: the first of a peer at once, further ones counted by their code, one code a turn.
//! Never judges. Invariant: at most one is told per peer and turn, none is lost but those of peers beyond the bound.

use std::collections::HashMap;
use std::hash::Hash;

/// Codes of one peer that are told apart; there are not many more.
const MAX_CODES: usize = 16;

/// One kind of offence of one peer, and how often it happened since it was told last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counted<O> {
    /// The first of them.
    pub offence: O,
    /// How many.
    pub count: u32,
}

#[derive(Clone, Debug)]
struct Waiting<O> {
    told: u64,
    codes: Vec<Counted<O>>,
}

/// Offences that wait to be told. `P` is a peer, `O` an offence; times are milliseconds.
#[derive(Clone, Debug)]
pub struct Offences<P, O> {
    turn: u64,
    most: usize,
    peers: HashMap<P, Waiting<O>>,
}

impl<P: Hash + Eq + Clone, O: Clone> Offences<P, O> {
    /// None yet; a turn of so many milliseconds, for at most so many peers.
    pub fn new(turn: u64, most: usize) -> Self {
        Self { turn, most, peers: HashMap::new() }
    }

    /// Takes one; `same` tells whether two are of one kind. What is to be told at once comes back.
    pub fn add(&mut self, peer: P, offence: O, same: impl Fn(&O, &O) -> bool, now: u64) -> Option<Counted<O>> {
        if let Some(waiting) = self.peers.get_mut(&peer) {
            if let Some(known) = waiting.codes.iter_mut().find(|c| same(&c.offence, &offence)) {
                known.count = known.count.saturating_add(1);
                return None;
            }
            if now < waiting.told.saturating_add(self.turn) || !waiting.codes.is_empty() {
                if waiting.codes.len() < MAX_CODES {
                    waiting.codes.push(Counted { offence, count: 1 });
                }
                return None;
            }
            waiting.told = now;
            return Some(Counted { offence, count: 1 });
        }
        if self.peers.len() >= self.most {
            return None;
        }
        self.peers.insert(peer, Waiting { told: now, codes: Vec::new() });
        Some(Counted { offence, count: 1 })
    }

    /// What it is time to tell, at most `limit`; a peer that did no wrong in its last turn is forgotten.
    pub fn due(&mut self, limit: usize, now: u64) -> Vec<(P, Counted<O>)> {
        let mut told = Vec::new();
        let turn = self.turn;
        self.peers.retain(|peer, waiting| {
            if told.len() >= limit || now < waiting.told.saturating_add(turn) {
                return true;
            }
            if waiting.codes.is_empty() {
                return false;
            }
            waiting.told = now;
            told.push((peer.clone(), waiting.codes.remove(0)));
            true
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(offences: &mut Offences<u32, &'static str>, peer: u32, code: &'static str, now: u64) -> Option<u32> {
        offences.add(peer, code, |a, b| a == b, now).map(|told| told.count)
    }

    #[test]
    fn a_peer_is_told_of_once_a_turn_and_nothing_is_lost() {
        let mut offences = Offences::new(1000, 10);
        assert_eq!(add(&mut offences, 1, "a", 0), Some(1));
        for now in 1..=900 {
            assert_eq!(add(&mut offences, 1, if now % 3 == 0 { "b" } else { "a" }, now), None);
        }
        assert_eq!(add(&mut offences, 2, "a", 5), Some(1), "another peer is another matter");
        assert!(offences.due(10, 999).is_empty());
        assert_eq!(offences.due(10, 1000), [(1, Counted { offence: "a", count: 600 })]);
        assert!(offences.due(10, 1500).is_empty());
        assert_eq!(offences.due(10, 2000), [(1, Counted { offence: "b", count: 300 })]);
        assert!(offences.due(10, 3000).is_empty());
        assert_eq!(add(&mut offences, 1, "a", 3001), Some(1), "at once again after a quiet turn");
    }

    #[test]
    fn many_peers_and_many_codes_stay_within_bounds() {
        let mut offences = Offences::new(1000, 10);
        let told = (0..100).filter(|n| offences.add(*n, *n, |_, _| false, 0).is_some()).count();
        assert_eq!(told, 10);
        for n in 0..100 {
            let _ = offences.add(1, n, |a, b| a == b, 1);
        }
        let left = (1..100u64).flat_map(|n| offences.due(10, n * 1000)).count();
        assert_eq!(left, MAX_CODES);
    }
}
