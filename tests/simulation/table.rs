//! A routing table and an iterative lookup: a **model** of the Kademlia that libp2p runs.
//!
//! 64-bit places instead of 256, k = 20, three disjoint paths of one question each. What libp2p itself does is measured
//! on real nodes (`swarm.rs`); this is here so that the rules of the core meet answers as a large network gives them.

use std::collections::{BTreeMap, HashSet};

/// A node by its number.
pub type Node = u32;
/// Nodes of a bucket, and of an answer.
pub const K: usize = 20;
/// Disjoint paths of a lookup.
pub const PATHS: usize = 3;
/// Nodes that one path keeps in mind.
const KNOWN: usize = 6 * K;

/// Where a node or a key is.
pub type Place = u64;

/// Whom a node knows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    buckets: Vec<Vec<(Place, Node)>>,
}

fn bucket(distance: u64) -> usize {
    distance.leading_zeros() as usize
}

impl Table {
    /// Takes a node in, if its bucket has room.
    pub fn insert(&mut self, me: Place, place: Place, node: Node) {
        if place == me {
            return;
        }
        let at = bucket(me ^ place);
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, Vec::new());
        }
        if let Some(list) = self.buckets.get_mut(at)
            && list.len() < K
            && !list.iter().any(|(_, n)| *n == node)
        {
            list.push((place, node));
        }
    }

    pub fn remove(&mut self, me: Place, place: Place, node: Node) {
        if let Some(list) = self.buckets.get_mut(bucket(me ^ place)) {
            list.retain(|(_, n)| *n != node);
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &(Place, Node)> {
        self.buckets.iter().flatten()
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(Vec::is_empty)
    }

    /// The `K` closest to `place`, the closest first.
    pub fn closest(&self, me: Place, place: Place) -> Vec<(Place, Node)> {
        let at = if me == place { self.buckets.len() } else { bucket(me ^ place) };
        let mut found: Vec<_> = self.buckets.get(at).into_iter().flatten().copied().collect();
        if found.len() < K {
            found.extend(self.buckets.iter().skip(at + 1).flatten());
        }
        for list in self.buckets.iter().take(at).rev() {
            if found.len() >= K {
                break;
            }
            found.extend(list);
        }
        found.sort_unstable_by_key(|(p, _)| p ^ place);
        found.truncate(K);
        found
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    New,
    Asked,
    Answered,
    Failed,
}

#[derive(Clone, Debug, Default)]
struct Path {
    known: BTreeMap<u64, (Node, State)>,
    asked: bool,
}

/// A lookup under way.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub place: Place,
    paths: Vec<Path>,
    taken: HashSet<Node>,
}

impl Lookup {
    pub fn new(place: Place, me: Node, seeds: &[(Place, Node)]) -> Self {
        let mut paths = vec![Path::default(); PATHS];
        for (i, (p, node)) in seeds.iter().enumerate() {
            if let Some(path) = paths.get_mut(i % PATHS) {
                path.known.insert(p ^ place, (*node, State::New));
            }
        }
        Self { place, paths, taken: HashSet::from([me]) }
    }

    /// Whom to ask now: one a path.
    pub fn next(&mut self) -> Vec<Node> {
        let mut asked = Vec::new();
        for path in self.paths.iter_mut().filter(|p| !p.asked) {
            let mut good = 0;
            for (node, state) in path.known.values_mut() {
                match state {
                    State::Answered => good += 1,
                    // Each node is asked on one path: who lies on one does not know the others.
                    State::New if !self.taken.insert(*node) => *state = State::Failed,
                    State::New => {
                        *state = State::Asked;
                        path.asked = true;
                        asked.push(*node);
                        break;
                    }
                    State::Asked | State::Failed => {}
                }
                if good >= K {
                    break;
                }
            }
        }
        asked
    }

    /// A node answered with others, or did not.
    pub fn heard(&mut self, node: Node, closer: Option<&[(Place, Node)]>) {
        for path in &mut self.paths {
            let Some((_, state)) = path.known.values_mut().find(|(n, s)| *n == node && *s == State::Asked) else {
                continue;
            };
            *state = if closer.is_some() { State::Answered } else { State::Failed };
            path.asked = false;
            for (place, new) in closer.unwrap_or_default().iter().take(K) {
                path.known.entry(place ^ self.place).or_insert((*new, State::New));
            }
            while path.known.len() > KNOWN {
                path.known.pop_last();
            }
        }
    }

    /// Whether nobody is being asked.
    pub fn is_idle(&self) -> bool {
        self.paths.iter().all(|p| !p.asked)
    }

    /// The closest that answered, of all paths.
    pub fn closest(&self) -> Vec<Node> {
        let all = self.paths.iter().flat_map(|p| &p.known).filter(|(_, (_, s))| *s == State::Answered);
        let merged: BTreeMap<u64, Node> = all.map(|(d, (n, _))| (*d, *n)).collect();
        merged.into_values().take(K).collect()
    }
}
