//! A network that falls apart and heals, as each of its nodes sees it: [`ggen_core::partition`] judges.
//!
//! A model: who is connected with whom, the hash table's lookups, dials and their pauses, coming and going. Real: what a
//! sight means, and who is missed among the nearest. Invariant: a run depends on its seed alone.

use ggen_core::census::Census;
use ggen_core::limits::Limits;
use ggen_core::partition::{Anchors, Lookups, Network, Rules, Sight, Watch};

use crate::simulation::random::Random;

type Time = u64;

const SECOND: Time = 1000;
const MINUTE: Time = 60 * SECOND;
/// Nodes that everybody joins by, all in one part.
const ANCHORS: [usize; 3] = [0, 2, 4];
/// How long a lookup takes that asks somebody who does not answer.
const LATE: Time = 10 * SECOND;
/// Nodes that a lookup finds.
const K: usize = 20;
/// The shortest and the longest pause between two rounds of dials.
const PAUSES: (Time, Time) = (SECOND, 5 * MINUTE);

struct Node {
    place: f64,
    up: bool,
    connected: Vec<bool>,
    watch: Watch,
    census: Census,
    lookups: Lookups,
    last_look: Time,
    /// When the lookup that is under way is over.
    looking: Option<Time>,
    /// How much longer or shorter than others it waits.
    jitter: f64,
    pause: Time,
    next_round: Time,
    /// What it told, and when.
    told: Vec<(Time, Network)>,
}

/// What a run came to.
#[derive(Debug, Default, PartialEq)]
pub struct Healed {
    /// Changes of a node's state before the split, the first that said it is online aside.
    pub restless: usize,
    /// Nodes of the part without anchors, how many of them do not say that all is well before the heal, and how long after
    /// the split the last of them said so, in seconds.
    pub cut_off: usize,
    pub noticed: usize,
    pub notice: Time,
    /// Nodes of the other part, and how many of them do not say that all is well before the heal.
    pub others: usize,
    pub others_noticed: usize,
    /// Nodes that are online at the end, and how long after the heal nine tenths and the last of those were that had lived
    /// to see the split, in seconds.
    pub online: usize,
    pub heal: Time,
    pub last: Time,
    /// Changes of the node with the most, from the split on.
    pub most_changes: usize,
    pub nodes: usize,
}

/// When what happens, in minutes.
pub struct Course {
    /// Of ten nodes so many are cut off from the others, and from all anchors.
    pub lost: usize,
    pub split: u64,
    pub heal: u64,
    pub end: u64,
    /// Outages of so many seconds, one a minute, before the split.
    pub flicker: u64,
    /// The share of nodes that leave in an hour, for five minutes each.
    pub churn: f64,
}

struct Land {
    random: Random,
    nodes: Vec<Node>,
    now: Time,
    lost: usize,
    apart: bool,
    /// Since when it is as it is: a broken connection is noticed by its pings.
    since: Time,
}

pub fn run(seed: u64, count: usize, course: &Course) -> Healed {
    let mut land = Land::new(seed, count, course.lost);
    while land.now < course.end * MINUTE {
        let minute = land.now / MINUTE;
        let split = (course.split..course.heal).contains(&minute);
        let flickers = minute < course.split && minute > 5 && land.now % MINUTE < course.flicker * SECOND;
        land.set_apart(split || flickers);
        land.come_and_go(course.churn);
        land.ping();
        for node in 0..count {
            land.look_around(node);
        }
        land.now += SECOND;
    }
    land.figures(course)
}

impl Land {
    fn new(seed: u64, count: usize, lost: usize) -> Self {
        let mut random = Random::new(seed);
        let rules = Rules::from(&Limits::default());
        let nodes = (0..count)
            .map(|_| {
                let jitter = random.unit();
                Node {
                    place: random.unit(),
                    up: true,
                    connected: vec![false; count],
                    watch: Watch::new(rules),
                    census: Census::new(K),
                    lookups: Lookups::default(),
                    last_look: 0,
                    looking: None,
                    jitter: 0.75 + jitter / 2.0,
                    pause: PAUSES.0,
                    next_round: 0,
                    told: Vec::new(),
                }
            })
            .collect();
        Self { random, nodes, now: 0, lost, apart: false, since: 0 }
    }

    /// Whether a node is one of those that are cut off from the anchors.
    fn is_far(&self, node: usize) -> bool {
        !ANCHORS.contains(&node) && node * 7 % 10 < self.lost
    }

    fn set_apart(&mut self, apart: bool) {
        if self.apart != apart {
            (self.apart, self.since) = (apart, self.now);
        }
    }

    fn reaches(&self, a: usize, b: usize) -> bool {
        self.nodes[b].up && (!self.apart || self.is_far(a) == self.is_far(b))
    }

    fn connect(&mut self, a: usize, b: usize, on: bool) {
        self.nodes[a].connected[b] = on;
        self.nodes[b].connected[a] = on;
    }

    fn come_and_go(&mut self, churn: f64) {
        for node in (0..self.nodes.len()).filter(|node| !ANCHORS.contains(node)) {
            let up = self.nodes[node].up;
            let hour = if up { churn } else { 12.0 };
            if self.random.chance(hour / 3600.0) {
                self.nodes[node].up = !up;
                for other in 0..self.nodes.len() {
                    self.connect(node, other, false);
                }
                if !up {
                    self.nodes[node].next_round = 0;
                    self.nodes[node].watch = Watch::new(Rules::from(&Limits::default()));
                    self.nodes[node].census = Census::new(K);
                    self.nodes[node].lookups = Lookups::default();
                    self.nodes[node].looking = None;
                    self.nodes[node].told.clear();
                }
            }
        }
    }

    /// A connection over the broken wire ends when two pings in a row are not answered.
    fn ping(&mut self) {
        if !self.apart || self.now < self.since + 15 * SECOND {
            return;
        }
        for a in 0..self.nodes.len() {
            for b in 0..a {
                let late = self.now >= self.since + 30 * SECOND;
                if self.nodes[a].connected[b] && !self.reaches(a, b) && (late || self.random.chance(0.1)) {
                    self.connect(a, b, false);
                }
            }
        }
    }

    /// Everybody whom a lookup comes to, from one that is connected to the next.
    fn found(&self, node: usize) -> Vec<usize> {
        let (mut seen, mut open) = (vec![false; self.nodes.len()], vec![node]);
        seen[node] = true;
        while let Some(at) = open.pop() {
            for (other, connected) in self.nodes[at].connected.iter().enumerate() {
                if *connected && !seen[other] && self.reaches(node, other) {
                    seen[other] = true;
                    open.push(other);
                }
            }
        }
        (0..self.nodes.len()).filter(|other| *other != node && seen[*other]).collect()
    }

    fn distance(&self, a: usize, b: usize) -> f64 {
        let far = (self.nodes[a].place - self.nodes[b].place).abs();
        2.0 * far.min(1.0 - far)
    }

    fn look_up(&mut self, node: usize) {
        let mut found = self.found(node);
        found.sort_by(|a, b| self.distance(node, *a).total_cmp(&self.distance(node, *b)));
        found.truncate(K);
        let distances: Vec<f64> = found.iter().map(|other| self.distance(node, *other)).collect();
        for other in &found {
            self.connect(node, *other, true);
        }
        let here = &mut self.nodes[node];
        if found.is_empty() {
            here.lookups.failed += 1;
        } else {
            here.census.looked(&distances, true, self.now);
            let shrunk = here.census.was().is_some();
            here.lookups = Lookups { succeeded_at: Some(self.now), failed: 0, shrunk };
        }
    }

    fn dial(&mut self, node: usize) {
        for anchor in ANCHORS.into_iter().filter(|anchor| *anchor != node) {
            if !self.nodes[node].connected[anchor] && self.reaches(node, anchor) {
                self.connect(node, anchor, true);
            }
        }
    }

    fn look_around(&mut self, node: usize) {
        if !self.nodes[node].up {
            return;
        }
        let here = &self.nodes[node];
        let peers = here.connected.iter().filter(|c| **c).count();
        let others = || ANCHORS.into_iter().filter(|anchor| *anchor != node);
        let connected = others().filter(|anchor| here.connected[*anchor]).count();
        let all = others().count();
        let anchors = Anchors { all, networks: all, connected, connected_networks: connected };
        let lookups = here.lookups;
        let sight = Sight { peers, nodes: peers, networks: 3, anchors, lookups, ..Sight::default() };
        let now = self.now;
        let here = &mut self.nodes[node];
        let verdict = here.watch.see(&sight, now);
        if verdict.changed {
            here.told.push((now, verdict.state));
        }
        if verdict.redial {
            here.pause = PAUSES.0;
            here.next_round = here.next_round.min(now + PAUSES.0);
        }
        let troubled = !verdict.symptoms.is_empty();
        let pause = match (troubled, verdict.state) {
            (false, _) => (60.0 * SECOND as f64 * here.jitter) as Time,
            (true, Network::Online) => LATE / 3,
            (true, _) => LATE,
        };
        let since = now - here.last_look;
        let looks = peers > 0 && here.looking.is_none() && (since >= pause || (verdict.redial && since >= 2 * SECOND));
        let dials = now >= here.next_round && (troubled || connected < all);
        if now >= here.next_round {
            here.pause = (here.pause * 2).min(PAUSES.1);
            here.next_round = now + (here.pause as f64 * here.jitter) as Time;
        }
        if dials {
            self.dial(node);
        }
        if looks {
            let lost = (0..self.nodes.len()).any(|b| self.nodes[node].connected[b] && !self.reaches(node, b));
            let here = &mut self.nodes[node];
            (here.last_look, here.looking) = (now, Some(if lost { now + LATE } else { now }));
        }
        if self.nodes[node].looking.is_some_and(|over| now >= over) {
            self.nodes[node].looking = None;
            self.look_up(node);
        }
    }

    fn figures(&self, course: &Course) -> Healed {
        let (split, heal) = (course.split * MINUTE, course.heal * MINUTE);
        let mut figures = Healed { nodes: self.nodes.iter().filter(|n| n.up).count(), ..Healed::default() };
        let mut heals = Vec::new();
        for (number, node) in self.nodes.iter().enumerate().filter(|(_, n)| n.up) {
            let first = node.told.iter().position(|(_, state)| *state == Network::Online).unwrap_or(usize::MAX);
            let calm = node.told.iter().skip(first.saturating_add(1));
            figures.restless += calm.filter(|(at, _)| *at < split).count();
            let then: Vec<_> = node.told.iter().filter(|(at, _)| *at >= split).collect();
            figures.most_changes = figures.most_changes.max(then.len());
            // Who came meanwhile has never been online.
            let said = node.told.iter().rfind(|(at, _)| *at < heal).is_none_or(|(_, state)| *state != Network::Online);
            if !self.is_far(number) {
                figures.others += 1;
                figures.others_noticed += usize::from(said);
            } else {
                let when = then.iter().find(|(at, state)| *state != Network::Online && *at < heal);
                figures.cut_off += 1;
                figures.noticed += usize::from(said);
                figures.notice = figures.notice.max(when.map_or(0, |(at, _)| (at - split) / SECOND));
            }
            if node.watch.state() == Network::Online {
                figures.online += 1;
                let last = then.iter().rfind(|(at, _)| *at >= heal).map_or(heal, |(at, _)| *at);
                // Who came after the heal has nothing to recover from.
                if node.told.first().is_some_and(|(at, _)| *at < heal) {
                    heals.push((last - heal) / SECOND);
                }
            }
        }
        heals.sort_unstable();
        figures.heal = heals.get(heals.len() * 9 / 10).copied().unwrap_or(0);
        figures.last = heals.last().copied().unwrap_or(0);
        figures
    }
}
