//! Coming, going, publishing and announcing again.
//!
//! Times are those of the limits: `republish_interval` with the jitter that a node gives it. Invariant: a node that
//! leaves forgets what it kept for others, and nothing that it has on its disk.

use ggen_core::Digest;

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
        (peer.up, peer.life) = (false, peer.life + 1);
        peer.kept = Default::default();
        let next = if peer.lasting || comes_back { node } else { Node::MAX };
        self.after(away, Event::Return(next));
    }

    /// The node itself, or somebody new in its place.
    pub fn come_back(&mut self, node: Node) {
        let fresh = node == Node::MAX;
        let node = if fresh { self.newcomer() } else { node };
        self.figures.joined += 1;
        self.let_live(node);
        let anchors: Vec<_> = (0..ANCHORS).map(|n| (self.peers[n].place, n as Node)).collect();
        let peer = &mut self.peers[node as usize];
        peer.up = true;
        let (me, life) = (peer.place, peer.life);
        for (place, anchor) in anchors {
            peer.table.insert(me, place, anchor);
        }
        if peer.manner == Manner::Honest {
            self.search(node, Ask::Closest(me), Purpose::Join);
            for _ in 0..2 {
                let somewhere = self.random.next();
                self.search(node, Ask::Closest(somewhere), Purpose::Join);
            }
        }
        self.catch_up(node);
        for package in self.peers[node as usize].announces.clone() {
            let when = self.random.between(SECOND, 10 * SECOND);
            self.after(when, Event::Announce(node, life, package, true));
        }
    }

    /// A mirror takes what was released while it was away.
    fn catch_up(&mut self, node: Node) {
        let peer = &mut self.peers[node as usize];
        for package in peer.mirrors.clone() {
            let latest = self.goods.packages[package].issues.len() - 1;
            peer.holds.insert((package, latest));
            peer.knows.insert(package, latest);
        }
    }

    fn republish(&mut self) -> Time {
        let interval = self.limits.republish_interval.as_millis() as f64;
        (interval * (0.75 + 0.5 * self.random.unit())) as Time
    }

    /// Tells the network what a node has of a package, and does it again later.
    pub fn announce(&mut self, node: Node, package: usize, again: bool) {
        let peer = &self.peers[node as usize];
        let (life, manner) = (peer.life, peer.manner);
        let held = peer.holds.iter().rev().find(|(p, _)| *p == package).map(|(_, issue)| *issue);
        let goods = &self.goods.packages[package];
        let issue = if manner == Manner::Honest { held } else { Some(goods.issues.len() - 1) };
        let Some(issue) = issue else { return };
        let (name, archive) = (goods.name_key, goods.archive_key(issue));
        let head = (goods.head_key, goods.issues[issue].bundle.clone());
        let me = self.peers[node as usize].place;
        for key in [name, archive] {
            self.peers[node as usize].kept.provide(key, node, me, self.now);
            self.search(node, Ask::Closest(super::peer::place_of(&key)), Purpose::Provide(key));
        }
        if self.peers[node as usize].mirrors.contains(&package) {
            let place = super::peer::place_of(&head.0);
            self.search(node, Ask::Closest(place), Purpose::Put(head.0, head.1));
        }
        if again {
            let when = self.republish();
            self.after(when, Event::Announce(node, life, package, true));
        }
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
            self.search(node, Ask::Closest(super::peer::place_of(&key)), Purpose::Put(key, bytes));
            let again = self.republish();
            let life = self.peers[node as usize].life;
            self.after(again, Event::Replicate(node, life, key, at));
        }
    }

    /// A publisher releases another version: its mirrors that are up have it at once.
    pub fn publish(&mut self, package: usize) {
        self.goods.issue(package, self.now, &mut self.random);
        let issue = self.goods.packages[package].issues.len() - 1;
        self.figures.published += 1;
        for node in 0..self.peers.len() {
            let peer = &mut self.peers[node];
            if peer.up && peer.mirrors.contains(&package) {
                peer.holds.insert((package, issue));
                peer.knows.insert(package, issue);
                let life = peer.life;
                let when = self.random.between(0, SECOND);
                self.after(when, Event::Announce(node as Node, life, package, false));
            }
        }
        let when = self.random.exponential(2.0 * HOUR as f64);
        self.after(when, Event::Publish(package));
    }
}
