//! Coming, going, publishing, and handing on what others gave.
//!
//! Times are those of the limits: `republish_interval` with the jitter that a node gives it; what a node tells of itself is
//! in `tells`. Invariant: a node that
//! leaves forgets what it kept for others, and nothing that it has on its disk.

use ggen_core::Digest;

use super::crowd::WANTED;
use super::peer::{Ask, Manner, Time};
use super::search::Purpose;
use super::table::Node;
use super::world::{ANCHORS, Event, HOUR, MINUTE, SECOND, World};

/// How long a node is away, on average.
const AWAY: Time = 10 * MINUTE;

impl World {
    /// Decides when a node leaves.
    pub fn let_live(&mut self, node: Node) {
        if self.plan.churn > 0.0 {
            let life = self.peers[node as usize].life;
            let when = self.random.exponential(HOUR as f64 / self.plan.churn);
            self.after(when, Event::Leave(node, life));
        }
    }

    pub fn leave(&mut self, node: Node, life: u32) {
        if !self.lives(node, life) {
            return;
        }
        self.figures.left += 1;
        let away = self.random.exponential(AWAY as f64);
        let comes_back = self.random.chance(0.5);
        let peer = &mut self.peers[node as usize];
        (peer.up, peer.life, peer.joined) = (false, peer.life + 1, None);
        peer.kept = Default::default();
        peer.user.landing.clear();
        let next = if peer.lasting || comes_back { node } else { Node::MAX };
        self.after(away, Event::Return(next));
    }

    /// The node itself, or somebody new in its place.
    pub fn come_back(&mut self, node: Node) {
        let fresh = node == Node::MAX;
        let node = if fresh { self.newcomer() } else { node };
        self.figures.joined += 1;
        self.let_live(node);
        self.peers[node as usize].up = true;
        self.catch_up(node);
        self.tell_held(node);
        self.join(node);
    }

    /// Looks for its own place, beginning with those that everybody knows.
    pub fn join(&mut self, node: Node) {
        let anchors: Vec<_> = (0..ANCHORS).map(|n| (self.peers[n].place, n as Node)).collect();
        let peer = &mut self.peers[node as usize];
        let (me, life) = (peer.place, peer.life);
        for (place, anchor) in anchors {
            peer.table.insert(me, place, anchor);
        }
        if peer.manner != Manner::Honest {
            return self.after(SECOND, Event::Joined(node, life));
        }
        self.search(node, Ask::Closest(me), Purpose::Join);
        for _ in 0..2 {
            let somewhere = self.random.next();
            self.search(node, Ask::Closest(somewhere), Purpose::Join);
        }
    }

    /// A mirror takes what was released while it was away.
    fn catch_up(&mut self, node: Node) {
        let peer = &mut self.peers[node as usize];
        // What a crowd wants nobody else has.
        let wanted = (self.plan.crowd > 0).then_some(WANTED);
        for package in peer.mirrors.clone().into_iter().filter(|package| Some(*package) != wanted) {
            let latest = self.goods.packages[package].issues.len() - 1;
            peer.holds.insert((package, latest));
            peer.knows.insert(package, latest);
        }
    }

    fn republish(&mut self) -> Time {
        let interval = self.limits.republish_interval.as_millis() as f64;
        (interval * (0.75 + 0.5 * self.random.unit())) as Time
    }

    /// A record was put here: whoever keeps one hands it on, if nobody did for an interval.
    pub fn kept_again(&mut self, node: Node, key: Digest) {
        let life = self.peers[node as usize].life;
        let now = self.now;
        let kept = self.peers[node as usize].kept.records.get(&key).is_some_and(|(_, at)| *at == now);
        if kept && self.peers[node as usize].is_honest() {
            let again = self.republish();
            self.after(again, Event::Replicate(node, life, key, now));
        }
    }

    pub fn replicate(&mut self, node: Node, key: Digest, at: Time) {
        let Some((bytes, put)) = self.peers[node as usize].kept.records.get(&key).cloned() else { return };
        if put == at {
            self.search(node, Ask::Closest(super::peer::place_of(&key)), Purpose::Put(key, bytes, None));
            let again = self.republish();
            let life = self.peers[node as usize].life;
            self.after(again, Event::Replicate(node, life, key, at));
        }
    }

    /// A publisher releases another version: its mirrors that are up have it at once, and all others who are up and know the
    /// package hear of it.
    pub fn publish(&mut self, package: usize) {
        if self.plan.crowd > 0 && package == WANTED {
            return;
        }
        self.goods.issue(package, self.now, &mut self.random);
        let issue = self.goods.packages[package].issues.len() - 1;
        self.figures.published += 1;
        for node in 0..self.peers.len() {
            let peer = &mut self.peers[node];
            if peer.up && peer.is_honest() && peer.knows.contains_key(&package) {
                peer.knows.insert(package, issue);
            }
            if peer.up && peer.mirrors.contains(&package) {
                peer.holds.insert((package, issue));
                peer.knows.insert(package, issue);
                let life = peer.life;
                let when = self.random.between(0, SECOND);
                self.after(when, Event::Hold(node as Node, life, package));
            }
        }
        let when = self.random.exponential(2.0 * HOUR as f64);
        self.after(when, Event::Publish(package));
    }
}
