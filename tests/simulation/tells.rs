//! What nodes tell the hash table of themselves: [`ggen_core::republish`] decides when, the simulated network carries.
//!
//! As the real node has it (`node/announce.rs`): a key is told by a lookup of its place and a question to each of the
//! closest; it is told when one of them has answered. Invariant: whoever has left tells nothing any more.

use std::collections::VecDeque;

use ggen_core::Digest;
use ggen_core::republish::{Effect, Event as Step, Republish};

use super::peer::{Ask, Holding, Manner, Time, place_of};
use super::search::Purpose;
use super::table::Node;
use super::world::{ANCHORS, Event, MINUTE, SECOND, Task, Work, World};

/// The one that tells many keys; it stays.
pub const LIBRARY: Node = ANCHORS as Node - 1;
/// At the beginning of a run nodes join within so long.
pub const BEGUN: Time = 5 * MINUTE;
/// Who knows nobody tries to join again after so long.
const JOIN_AGAIN: Time = 30 * SECOND;
/// What has been held for so long must be found.
const FOUND_AFTER: Time = 5 * MINUTE;

/// What was told to the closest, who have not all answered yet.
pub struct Spread {
    owner: Node,
    holding: Holding,
    open: usize,
    taken: bool,
}

impl World {
    /// A node that has just come has all to tell that it has.
    pub fn tell_held(&mut self, node: Node) {
        let rules = (&self.limits).into();
        let seed = self.random.unit();
        self.peers[node as usize].tells = Republish::new(rules, seed);
        for package in self.peers[node as usize].announces.clone() {
            self.hold(node, package);
        }
        let keys = if node == LIBRARY { self.plan.keys } else { 0 };
        for key in 0..keys {
            self.tells(node, Step::Added(Holding::Other(key)));
        }
    }

    /// A node has a package to tell of, or another issue of it.
    pub fn hold(&mut self, node: Node, package: usize) {
        self.tells(node, Step::Added(Holding::Name(package)));
        let heads = self.peers[node as usize].mirrors.contains(&package);
        for holding in [Holding::Archive(package), Holding::Head(package)].into_iter().take(1 + usize::from(heads)) {
            // One that is another now is told anew.
            self.tells(node, Step::Removed(holding));
            self.tells(node, Step::Added(holding));
        }
    }

    /// A user has a package: what it told of while that came it need not tell again.
    pub fn holds_now(&mut self, node: Node, package: usize, landed: bool) {
        match landed {
            true => self.tells(node, Step::Added(Holding::Name(package))),
            false => self.hold(node, package),
        }
    }

    /// A part of an archive is here, and more of it comes.
    pub fn land(&mut self, node: Node, package: usize) {
        self.tells(node, Step::Removed(Holding::Archive(package)));
        self.tells(node, Step::Added(Holding::Archive(package)));
    }

    /// It broke off.
    pub fn withdraw(&mut self, node: Node, package: usize) {
        self.tells(node, Step::Removed(Holding::Archive(package)));
        if self.peers[node as usize].announces.contains(&package) {
            self.tells(node, Step::Added(Holding::Archive(package)));
        }
    }

    /// There is somebody to tell.
    pub fn joined(&mut self, node: Node) {
        if self.peers[node as usize].joined.is_none() {
            self.peers[node as usize].joined = Some(self.now);
            self.tells(node, Step::Joined);
        }
    }

    /// A second is over for all who have anything to tell.
    pub fn tick(&mut self) {
        for node in 0..self.peers.len() {
            let peer = &mut self.peers[node];
            let library = node == LIBRARY as usize && self.plan.keys > 0;
            let has = library || !peer.announces.is_empty() || !peer.user.landing.is_empty();
            if !peer.up || !has {
                continue;
            }
            let turn = (self.now + node as Time * SECOND).is_multiple_of(JOIN_AGAIN);
            match (peer.joined.is_some(), peer.table.is_empty()) {
                (true, true) => {
                    peer.joined = None;
                    self.tells(node as Node, Step::Alone);
                }
                (false, _) if turn && self.now > BEGUN => self.join(node as Node),
                _ => self.tells(node as Node, Step::Tick),
            }
        }
        self.after(SECOND, Event::Tick);
    }

    /// The one with many keys has fewer from now on.
    pub fn shed(&mut self) {
        for key in self.plan.keys / 10..self.plan.keys {
            self.tells(LIBRARY, Step::Removed(Holding::Other(key)));
        }
    }

    fn tells(&mut self, node: Node, step: Step<Holding>) {
        let mut steps = VecDeque::from([step]);
        while let Some(step) = steps.pop_front() {
            let now = self.now;
            for effect in self.peers[node as usize].tells.on(step, now) {
                match effect {
                    Effect::Tell(holding) => steps.extend(self.tell_network(node, holding)),
                    Effect::Behind(standing) => self.figures.notices.push((now, node, true, standing)),
                    Effect::CaughtUp(standing) => self.figures.notices.push((now, node, false, standing)),
                }
            }
        }
    }

    /// Begins to tell; what comes of it where there is nothing to tell.
    fn tell_network(&mut self, node: Node, holding: Holding) -> Option<Step<Holding>> {
        let peer = &self.peers[node as usize];
        let (me, honest) = (peer.place, peer.manner == Manner::Honest);
        let issue = |package: usize| {
            let all = peer.holds.iter().chain(peer.user.landing.keys());
            let held = all.filter(|(p, _)| *p == package).map(|(_, issue)| *issue).max();
            if honest { held } else { Some(self.goods.packages[package].issues.len() - 1) }
        };
        let purpose = match holding {
            Holding::Name(package) => Some(Purpose::Provide(self.goods.packages[package].name_key, holding)),
            Holding::Archive(package) => {
                issue(package).map(|i| Purpose::Provide(self.goods.packages[package].archive_key(i), holding))
            }
            Holding::Other(key) => Some(Purpose::Provide(other_key(key), holding)),
            Holding::Head(package) => issue(package).map(|i| {
                let package = &self.goods.packages[package];
                Purpose::Put(package.head_key, package.issues[i].bundle.clone(), Some(holding))
            }),
        };
        let key = match &purpose {
            Some(Purpose::Provide(key, _) | Purpose::Put(key, ..)) => *key,
            _ => return Some(Step::Removed(holding)),
        };
        if honest {
            self.figures.told(self.now, node);
        }
        if let Some(Purpose::Provide(..)) = purpose {
            self.peers[node as usize].kept.provide(key, node, me, self.now);
        }
        if let Some(purpose) = purpose {
            self.search(node, Ask::Closest(place_of(&key)), purpose);
        }
        None
    }

    /// The closest are told by `task`, so many of them.
    pub fn spread(&mut self, task: Task, owner: Node, open: usize, holding: Option<Holding>) {
        let Some(holding) = holding else { return };
        let spread = Spread { owner, holding, open: open + 1, taken: false };
        // The lookup itself counts as one that did not take it: where nobody was found, it is over.
        self.spread_heard(task, spread, false);
    }

    pub fn spread_heard(&mut self, task: Task, mut spread: Spread, taken: bool) {
        spread.open -= 1;
        spread.taken |= taken;
        if spread.open > 0 {
            self.work.insert(task, Work::Spread(spread));
            return;
        }
        if !spread.taken && self.peers[spread.owner as usize].is_honest() {
            self.figures.untold += 1;
        }
        self.tells(spread.owner, Step::Told { key: spread.holding, done: spread.taken });
    }

    /// Somebody looks for one holder of something: it was told of, so it must be found.
    pub fn probe(&mut self) {
        let library = self.plan.keys > 0 && self.random.chance(0.5);
        let target = if library {
            Some((LIBRARY, other_key(self.random.below(self.plan.keys as usize / 10) as u64)))
        } else {
            self.any_holder()
        };
        let up: Vec<Node> =
            (0..).zip(&self.peers).filter(|(_, p)| p.is_honest() && p.joined.is_some()).map(|(n, _)| n).collect();
        let (Some((holder, key)), Some(asker)) = (target, self.random.pick(&up).copied()) else { return };
        self.search(asker, Ask::Providers(key), Purpose::Probe(holder, false));
    }

    fn any_holder(&mut self) -> Option<(Node, Digest)> {
        let package = self.random.below(self.goods.packages.len());
        let issues = &self.goods.packages[package].issues;
        let (latest, archive) = (issues.len() - 1, self.goods.packages[package].archive_key(issues.len() - 1));
        let long = |since: Time| since + FOUND_AFTER <= self.now;
        let has = |peer: &super::peer::Peer| {
            peer.is_honest() && peer.holds.contains(&(package, latest)) && peer.joined.is_some_and(long)
        };
        let holders: Vec<Node> = (0..).zip(&self.peers).filter(|(_, p)| has(p)).map(|(n, _)| n).collect();
        if !long(issues[latest].at) {
            return None;
        }
        self.random.pick(&holders).map(|holder| (*holder, archive))
    }
}

/// The key of something that is no package's.
fn other_key(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}
