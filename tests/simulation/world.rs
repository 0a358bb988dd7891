//! The simulated network: its nodes, its clock, and what waits to happen.
//!
//! Discrete events in one queue: nothing happens between two of them, and two of the same moment happen in the order in
//! which they were made. Invariant: a run depends on its plan alone.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use ggen_core::limits::Limits;
use ggen_core::republish::Republish;

use super::figures::Figures;
use super::goods::Goods;
use super::install::Install;
use super::peer::{Answer, Ask, BYZANTINE, Manner, Peer, Time};
use super::plan::Plan;
use super::random::Random;
use super::search::Search;
use super::table::{K, Node, Place, Table};
use super::tells::{BEGUN, Spread};

pub const SECOND: Time = 1000;
pub const MINUTE: Time = 60 * SECOND;
pub const HOUR: Time = 60 * MINUTE;
/// Nodes that everybody joins by; they are honest and stay.
pub const ANCHORS: usize = 5;
/// Honest nodes that hold what a publisher releases: its own and those that mirror it.
const MIRRORS: usize = 8;
/// Bytes a millisecond of a slow line.
pub const SLOW: u64 = 40;
/// How long everybody announces before the first install.
pub const WARM_UP: Time = 10 * MINUTE;

/// Something under way, by its number.
pub type Task = u64;

/// What happens.
pub enum Event {
    Asked {
        serial: u64,
        from: Node,
        to: Node,
        life: u32,
        ask: Ask,
    },
    Answered {
        serial: u64,
        answer: Answer,
    },
    /// No answer came.
    Late {
        serial: u64,
    },
    Wake(Task),
    Leave(Node, u32),
    Return(Node),
    /// A node has a package, or another issue of it, to tell of.
    Hold(Node, u32, usize),
    /// A node begins to tell.
    Joined(Node, u32),
    /// A second is over.
    Tick,
    /// The one that tells many keys has fewer.
    Shed,
    Probe,
    /// A release comes that many want at once.
    Crowd,
    Replicate(Node, u32, ggen_core::Digest, Time),
    Publish(usize),
    Begin(usize),
}

/// Work of a node.
pub enum Work {
    Search(Search),
    Spread(Spread),
    Install(Box<Install>),
}

/// A question without an answer yet.
pub struct Pending {
    pub task: Task,
    pub asker: Node,
    pub life: u32,
    pub asked: Node,
    /// The install that it is for.
    pub bill: Option<usize>,
}

struct Entry(Time, u64, Event);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// The whole of it.
pub struct World {
    pub plan: Plan,
    pub limits: Limits,
    pub random: Random,
    pub now: Time,
    pub goods: Goods,
    pub peers: Vec<Peer>,
    /// Those that misbehave.
    pub liars: Vec<(Place, Node)>,
    pub users: Vec<Node>,
    pub work: HashMap<Task, Work>,
    pub pending: HashMap<u64, Pending>,
    pub figures: Figures,
    events: BinaryHeap<Reverse<Entry>>,
    serial: u64,
}

impl World {
    pub fn new(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let goods = Goods::new(plan.packages(), plan.chunks, &mut random);
        let mut world = Self {
            limits: Limits::default(),
            now: 0,
            goods,
            peers: Vec::new(),
            liars: Vec::new(),
            users: Vec::new(),
            work: HashMap::new(),
            pending: HashMap::new(),
            figures: Figures::of(plan.installs + plan.crowd),
            events: BinaryHeap::new(),
            serial: 0,
            random,
            plan: plan.clone(),
        };
        for number in 0..plan.nodes {
            let manner = if number < ANCHORS { Manner::Honest } else { world.manner() };
            world.add_peer(manner);
        }
        world.acquaint();
        world.settle();
        world
    }

    /// A number that was never given before.
    pub fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub fn after(&mut self, delay: Time, event: Event) {
        let number = self.number();
        self.events.push(Reverse(Entry(self.now + delay, number, event)));
    }

    fn manner(&mut self) -> Manner {
        if !self.random.chance(self.plan.byzantine) {
            return Manner::Honest;
        }
        *self.random.pick(&BYZANTINE).unwrap_or(&Manner::Silent)
    }

    /// Another node, with whatever manner chance gives it.
    pub fn newcomer(&mut self) -> Node {
        let manner = self.manner();
        self.add_peer(manner)
    }

    fn add_peer(&mut self, manner: Manner) -> Node {
        let node = self.peers.len() as Node;
        let random = &mut self.random;
        let peer = Peer {
            place: random.next(),
            manner,
            lasting: false,
            up: true,
            life: 0,
            lag: random.between(2, 75),
            rate: if random.chance(self.plan.slow) { SLOW } else { random.between(500, 10_000) },
            busy: Default::default(),
            half: random.chance(0.5),
            table: Table::default(),
            kept: Default::default(),
            holds: Default::default(),
            knows: Default::default(),
            announces: Default::default(),
            tells: Republish::new((&self.limits).into(), random.unit()),
            joined: None,
            mirrors: Default::default(),
            user: Default::default(),
        };
        if manner != Manner::Honest {
            self.liars.push((peer.place, node));
        }
        self.peers.push(peer);
        if matches!(manner, Manner::Stale | Manner::Forging | Manner::Corrupting | Manner::Stalling) {
            self.pretend(node);
        }
        node
    }

    /// A liar announces packages that it has not.
    fn pretend(&mut self, node: Node) {
        for _ in 0..3 {
            let package = self.random.below(self.goods.packages.len());
            self.peers[node as usize].announces.insert(package);
            self.peers[node as usize].knows.insert(package, 0);
        }
    }

    /// Fills the routing tables as if all had been there for long: random nodes of each bucket's range.
    fn acquaint(&mut self) {
        let mut sorted: Vec<(Place, Node)> = (0..).zip(&self.peers).map(|(n, p)| (p.place, n)).collect();
        sorted.sort_unstable();
        for node in 0..self.peers.len() {
            let me = self.peers[node].place;
            for depth in 0..64 {
                let low = (me ^ (1 << (63 - depth))) & !((1u64 << (63 - depth)) - 1);
                let high = low | ((1u64 << (63 - depth)) - 1);
                let from = sorted.partition_point(|(p, _)| *p < low);
                let to = sorted.partition_point(|(p, _)| *p <= high);
                let range = &sorted[from..to];
                let few = range.len() <= K;
                for i in 0..range.len().min(K) {
                    let (place, other) = range[if few { i } else { self.random.below(range.len()) }];
                    self.peers[node].table.insert(me, place, other);
                }
                let same = sorted.partition_point(|(p, _)| *p <= me | ((1u64 << (63 - depth)) - 1))
                    - sorted.partition_point(|(p, _)| *p < me & !((1u64 << (63 - depth)) - 1));
                if same <= 1 {
                    break;
                }
            }
        }
    }

    /// Who holds what at the beginning, who installs, who leaves when, and what is published when.
    fn settle(&mut self) {
        let honest: Vec<Node> = (0..).zip(&self.peers).filter(|(_, p)| p.is_honest()).map(|(n, _)| n).collect();
        for package in 0..self.goods.packages.len() {
            for _ in 0..MIRRORS {
                let node = *self.random.pick(&honest).unwrap_or(&0);
                let peer = &mut self.peers[node as usize];
                peer.lasting = true;
                peer.holds.insert((package, 0));
                peer.knows.insert(package, 0);
                peer.mirrors.insert(package);
                peer.announces.insert(package);
            }
            let when = WARM_UP + self.random.exponential(HOUR as f64);
            self.after(when, Event::Publish(package));
        }
        for _ in 0..self.plan.users() {
            let node = *self.random.pick(&honest).unwrap_or(&0);
            self.peers[node as usize].lasting = true;
            self.users.push(node);
        }
        for node in ANCHORS..self.peers.len() {
            self.let_live(node as Node);
        }
        for node in 0..self.peers.len() {
            self.tell_held(node as Node);
            let when = self.random.between(0, BEGUN);
            self.after(when, Event::Joined(node as Node, 0));
        }
        self.after(SECOND, Event::Tick);
        let span = self.plan.minutes * MINUTE;
        self.after(span / 2, Event::Shed);
        self.after(span / 2, Event::Crowd);
        for _ in 0..self.plan.probes {
            let when = self.random.between(WARM_UP, span.max(WARM_UP + 1));
            self.after(when, Event::Probe);
        }
        for install in 0..self.plan.installs {
            let when = self.random.between(WARM_UP, span.max(WARM_UP + 1));
            self.after(when, Event::Begin(install));
        }
    }

    /// Runs to the end of the plan, and until what was begun by then is over.
    pub fn run(mut self) -> Figures {
        let end = self.plan.minutes * MINUTE;
        let begun = std::time::Instant::now();
        while let Some(Reverse(Entry(at, _, event))) = self.events.pop() {
            self.now = at;
            if at > end && !self.work.values().any(|w| matches!(w, Work::Install(_))) {
                break;
            }
            self.figures.events += 1;
            self.happen(event, end);
        }
        self.figures.finish(&self.plan, &self.peers, begun.elapsed());
        self.figures
    }

    fn happen(&mut self, event: Event, end: Time) {
        match event {
            Event::Asked { serial, from, to, life, ask } => self.on_asked(serial, from, to, life, ask),
            Event::Answered { serial, answer } => self.on_answered(serial, answer),
            Event::Late { serial } => self.on_late(serial),
            Event::Wake(task) => self.wake(task),
            Event::Leave(node, life) => self.leave(node, life),
            Event::Return(node) => self.come_back(node),
            Event::Hold(node, life, package) if self.lives(node, life) => self.hold(node, package),
            Event::Joined(node, life) if self.lives(node, life) => self.joined(node),
            Event::Tick => self.tick(),
            Event::Shed => self.shed(),
            Event::Probe => self.probe(),
            Event::Crowd => self.crowd(),
            Event::Replicate(node, life, key, at) if self.lives(node, life) => self.replicate(node, key, at),
            Event::Publish(package) if self.now < end => self.publish(package),
            Event::Begin(install) => self.begin(install),
            Event::Hold(..) | Event::Joined(..) | Event::Replicate(..) | Event::Publish(_) => {}
        }
    }

    /// Whether a node is still in the life in which something was begun.
    pub fn lives(&self, node: Node, life: u32) -> bool {
        self.peers.get(node as usize).is_some_and(|p| p.up && p.life == life)
    }

    /// Whether it is now within so many minutes in the middle of the run.
    fn is_within(&self, minutes: u64) -> bool {
        let (middle, half) = (self.plan.minutes * MINUTE / 2, minutes * MINUTE / 2);
        half > 0 && self.now + half >= middle && self.now < middle + half
    }

    /// Whether the network is in two halves now.
    pub fn is_split(&self) -> bool {
        self.is_within(self.plan.split)
    }

    /// Whether nobody keeps now what others tell him.
    pub fn is_deaf(&self) -> bool {
        self.is_within(self.plan.deaf)
    }
}
