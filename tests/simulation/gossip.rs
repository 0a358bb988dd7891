//! Gossip in a swarm a part of which floods: [`ggen_core::flood`] decides what each node listens to and passes on.
//!
//! A model: a mesh of random neighbours and its latency, and gossipsub's memory of what was seen, whatever became of it.
//! Those who flood send what is valid, of one publisher or of a new one each time, what is forged, and repeat what honest
//! nodes say. Invariant: a run depends on its seed alone.

use ggen_core::flood::{Arrival, Gate};
use ggen_core::limits::Limits;
use ggen_core::{Digest, PublisherId};

use crate::simulation::random::Random;

/// Milliseconds of one step.
const STEP: u64 = 10;
/// Neighbours that a node looks for itself.
const NEIGHBOURS: usize = 4;
/// The longest that a message is on its way, in steps.
const LONGEST: usize = 8;
/// A neighbour is banned at so many offences, as the default policy does.
const BANNED_AT: u32 = 11;
/// Bytes of an announcement.
const SIZE: usize = 2000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    Honest,
    /// Valid messages of one publisher.
    OneKey,
    /// Valid messages, each of a new publisher.
    ManyKeys,
    /// What no publisher signed.
    Forging,
}

struct Message {
    publisher: PublisherId,
    valid: bool,
    /// Whether an honest publisher's node said it, and when.
    honest: Option<u64>,
    heard: u32,
}

struct Node {
    manner: Manner,
    neighbours: Vec<u32>,
    gate: Gate<u32>,
    seen: Vec<u64>,
    offences: Vec<(u32, u32)>,
    banned: Vec<u32>,
}

/// What a run came to.
#[derive(Debug, Default, PartialEq)]
pub struct Flooded {
    pub honest: usize,
    pub byzantine: usize,
    /// Honest nodes that anybody honest counted an offence of: none, ever.
    pub blamed: usize,
    /// Of those that flood, how many are banned by every honest neighbour.
    pub banned: usize,
    /// Honest announcements, and how many pairs of one and an honest node it reached, in hundredths.
    pub announced: usize,
    pub arrived: f64,
    /// The same of those that were told in the last third of the run.
    pub arrived_later: f64,
    /// The most that one honest node sent to one neighbour in a second.
    pub relayed: u64,
    pub events: u64,
}

struct Swarm {
    random: Random,
    nodes: Vec<Node>,
    messages: Vec<Message>,
    /// Who gets what from whom in the next steps.
    on_the_way: Vec<Vec<(u32, u32, u32)>>,
    now: u64,
    events: u64,
    sent: Vec<u64>,
    relayed: u64,
}

/// `count` nodes of which a share floods with `rate` messages a second each, for so many seconds.
pub fn flood(seed: u64, count: usize, share: f64, rate: u64, seconds: u64) -> Flooded {
    let mut swarm = Swarm::new(seed, count, share);
    let steps = seconds * 1000 / STEP;
    for step in 0..steps {
        swarm.now = step * STEP;
        swarm.arrive();
        // An honest one somewhere every 100 ms; the last ones have time to arrive.
        if step % 10 == 0 && step + 150 < steps {
            swarm.tell();
        }
        swarm.send_too_much(rate * STEP / 1000);
        if step % 100 == 0 {
            swarm.relayed = swarm.relayed.max(swarm.sent.iter().copied().max().unwrap_or(0));
            swarm.sent.fill(0);
        }
    }
    swarm.figures(seconds * 1000 * 2 / 3)
}

impl Swarm {
    fn new(seed: u64, count: usize, share: f64) -> Self {
        let mut random = Random::new(seed);
        let limits = Limits::default();
        let manners = [Manner::OneKey, Manner::ManyKeys, Manner::Forging];
        let mut nodes: Vec<Node> = (0..count)
            .map(|number| Node {
                manner: if (number as f64) < count as f64 * share { manners[number % 3] } else { Manner::Honest },
                neighbours: Vec::new(),
                gate: Gate::new(&limits, 0),
                seen: Vec::new(),
                offences: Vec::new(),
                banned: Vec::new(),
            })
            .collect();
        for node in 0..count {
            for _ in 0..NEIGHBOURS {
                let other = random.below(count);
                if other != node && !nodes[node].neighbours.contains(&(other as u32)) {
                    nodes[node].neighbours.push(other as u32);
                    nodes[other].neighbours.push(node as u32);
                }
            }
        }
        let (on_the_way, sent) = (vec![Vec::new(); LONGEST + 1], vec![0; count]);
        Self { random, nodes, messages: Vec::new(), on_the_way, now: 0, events: 0, sent, relayed: 0 }
    }

    fn message(&mut self, publisher: u64, valid: bool, honest: Option<u64>) -> u32 {
        let publisher = PublisherId(Digest::of(&publisher.to_be_bytes()));
        self.messages.push(Message { publisher, valid, honest, heard: 0 });
        self.messages.len() as u32 - 1
    }

    /// To all neighbours but the one that it came from.
    fn pass_on(&mut self, from: u32, message: u32, but: u32) {
        let here = (self.now / STEP) as usize;
        for place in 0..self.nodes[from as usize].neighbours.len() {
            let to = self.nodes[from as usize].neighbours[place];
            if to != but {
                let step = (here + 1 + self.random.below(LONGEST)) % (LONGEST + 1);
                self.on_the_way[step].push((from, to, message));
            }
        }
    }

    fn tell(&mut self) {
        let honest: Vec<usize> = (0..self.nodes.len()).filter(|n| self.nodes[*n].manner == Manner::Honest).collect();
        let node = *self.random.pick(&honest).expect("somebody is honest") as u32;
        let message = self.message(1_000_000 + u64::from(node), true, Some(self.now));
        self.see(node, message);
        self.pass_on(node, message, node);
    }

    fn send_too_much(&mut self, count: u64) {
        for node in 0..self.nodes.len() as u32 {
            let manner = self.nodes[node as usize].manner;
            if manner == Manner::Honest || self.nodes[node as usize].neighbours.is_empty() {
                continue;
            }
            for _ in 0..count {
                let fresh = 2_000_000 + self.messages.len() as u64;
                let publisher = if manner == Manner::ManyKeys { fresh } else { u64::from(node) };
                let message = self.message(publisher, manner != Manner::Forging, None);
                self.pass_on(node, message, node);
            }
        }
    }

    /// Whether it is new to the node, which it is once.
    fn see(&mut self, node: u32, message: u32) -> bool {
        let (seen, place) = (&mut self.nodes[node as usize].seen, message as usize / 64);
        if seen.len() <= place {
            seen.resize(place + 1, 0);
        }
        let (bit, new) = (1 << (message % 64), seen[place] & (1 << (message % 64)) == 0);
        seen[place] |= bit;
        new
    }

    fn arrive(&mut self) {
        let step = (self.now / STEP) as usize % (LONGEST + 1);
        for (from, to, message) in std::mem::take(&mut self.on_the_way[step]) {
            self.events += 1;
            let node = &self.nodes[to as usize];
            if node.banned.contains(&from) || !self.see(to, message) {
                continue;
            }
            let what = &self.messages[message as usize];
            let (valid, publisher, honest) = (what.valid, what.publisher, what.honest.is_some());
            let node = &mut self.nodes[to as usize];
            if node.manner != Manner::Honest {
                // It repeats what honest nodes say, to have it dropped as part of its flood.
                if honest {
                    self.pass_on(to, message, from);
                }
                continue;
            }
            match node.gate.arrived(from, SIZE, self.now) {
                Arrival::Dropped { violation: false } => {}
                Arrival::Dropped { violation: true } => self.accuse(to, from),
                Arrival::Taken if !valid => self.accuse(to, from),
                Arrival::Taken => {
                    self.messages[message as usize].heard += 1;
                    let node = &mut self.nodes[to as usize];
                    if node.gate.publisher(publisher, self.now) && node.gate.forward(SIZE, self.now) {
                        self.sent[to as usize] += 1;
                        self.pass_on(to, message, from);
                    }
                }
            }
        }
    }

    fn accuse(&mut self, node: u32, peer: u32) {
        let accuser = &mut self.nodes[node as usize];
        let place = accuser.offences.iter().position(|(who, _)| *who == peer).unwrap_or_else(|| {
            accuser.offences.push((peer, 0));
            accuser.offences.len() - 1
        });
        accuser.offences[place].1 += 1;
        if accuser.offences[place].1 >= BANNED_AT && !accuser.banned.contains(&peer) {
            accuser.banned.push(peer);
            accuser.neighbours.retain(|other| *other != peer);
            self.nodes[peer as usize].neighbours.retain(|other| *other != node);
        }
    }

    fn figures(&self, later: u64) -> Flooded {
        let is_honest = |node: u32| self.nodes[node as usize].manner == Manner::Honest;
        let honest = self.nodes.iter().filter(|n| n.manner == Manner::Honest);
        let mut blamed: Vec<u32> = honest.flat_map(|n| &n.offences).map(|(who, _)| *who).collect();
        blamed.retain(|who| is_honest(*who));
        let loose = |n: &Node| n.manner != Manner::Honest && n.neighbours.iter().any(|other| is_honest(*other));
        let count = self.nodes.iter().filter(|n| n.manner == Manner::Honest).count();
        let share = |from: u64| {
            let told = self.messages.iter().filter(|m| m.honest.is_some_and(|at| at >= from));
            let (all, heard) = told.fold((0, 0), |(all, heard), m| (all + 1, heard + m.heard));
            // Of none, all arrived: NaN would not even be equal to itself.
            if all == 0 { 1.0 } else { f64::from(heard) / (f64::from(all) * (count as f64 - 1.0)) }
        };
        Flooded {
            honest: count,
            byzantine: self.nodes.len() - count,
            blamed: blamed.len(),
            banned: self.nodes.len() - count - self.nodes.iter().filter(|n| loose(n)).count(),
            announced: self.messages.iter().filter(|m| m.honest.is_some()).count(),
            arrived: share(0),
            arrived_later: share(later),
            relayed: self.relayed,
            events: self.events,
        }
    }
}
