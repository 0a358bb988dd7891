//! The fetch of one archive: [`ggen_core::schedule`] decides, the simulated network carries.
//!
//! Invariant: a chunk counts only after [`ChunkList::check`] let it in, and who gave a wrong one is asked no more.

use std::collections::HashMap;
use std::sync::Arc;

use ggen_core::Digest;
use ggen_core::chunks::ChunkList;
use ggen_core::hooks::{Traits, builtin};
use ggen_core::release::Archive;
use ggen_core::reputation::{Outcome, PeerRecord};
use ggen_core::schedule::{ChunkSet, Effect, MAX_TRIED, Rules, Schedule, look_for_others};

use super::install::{Do, View};
use super::peer::{Answer, Ask, Time};
use super::table::Node;

/// A download that lasts so long is told of.
const LASTING: Time = 2000;

struct Part {
    node: Node,
    hired: Option<Time>,
    latency: Option<f64>,
    bytes: u64,
    last: Time,
    /// Whether it said that it has a part.
    lends: bool,
    ended: Option<Outcome>,
    /// Whether it gave what it had.
    spent: bool,
}

/// A fetch under way.
pub struct Fetch {
    package: usize,
    issue: usize,
    archive: Archive,
    schedule: Schedule,
    parts: Vec<Part>,
    place: HashMap<Node, usize>,
    most: usize,
    list: Option<ChunkList>,
    chunks: Vec<Option<Arc<Vec<u8>>>>,
    begun: Time,
    /// How often it looked for further holders, and when it does next.
    looked: (u32, Time),
    /// When it is woken next.
    wakes: Time,
    /// Whether what has arrived was told of.
    pub landed: bool,
}

impl Part {
    fn new(node: Node, now: Time) -> Self {
        let (hired, latency, ended) = (None, None, None);
        Self { node, hired, latency, bytes: 0, last: now, lends: false, ended, spent: false }
    }
}

impl Fetch {
    /// Ranks the holders and hires the best.
    pub fn new(v: &mut View, package: usize, issue: usize, holders: Vec<Node>) -> (Self, Vec<Do>) {
        let archive = v.goods.packages[package].issues[issue].signed.release.archive.clone();
        let known = |n: &Node| v.user.records.get(n).cloned().unwrap_or_else(|| PeerRecord::new(v.now));
        let facts: Vec<_> = holders.iter().map(|n| known(n).facts(v.now, Traits::default())).collect();
        let mut ranked: Vec<(f64, Node)> = builtin::scores(&facts).into_iter().zip(holders).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let rules = Rules {
            window: v.limits.chunks_in_flight,
            patience: v.limits.holder_timeout.as_millis() as Time,
            head_start: v.limits.holder_head_start.as_millis() as Time,
        };
        let chunks = ggen_core::chunks::chunk_count(archive.size);
        let parts: Vec<Part> = ranked.into_iter().map(|(_, node)| Part::new(node, v.now)).collect();
        let mut fetch = Self {
            package,
            issue,
            schedule: Schedule::new(rules, chunks, parts.len(), v.now),
            place: parts.iter().zip(0..).map(|(p, i)| (p.node, i)).collect(),
            parts,
            most: v.limits.max_holders,
            list: None,
            chunks: vec![None; chunks as usize],
            archive,
            begun: v.now,
            looked: (0, v.now + look_for_others(0)),
            wakes: 0,
            landed: false,
        };
        if v.parts {
            v.user.landing.insert((package, issue), ChunkSet::none(chunks));
        }
        let mut todo = fetch.hire(v.now);
        todo.push(Do::Wake(look_for_others(0)));
        (fetch, todo)
    }

    /// Looks for further holders, if it is time to.
    pub fn look(&mut self, v: &View) -> Vec<Do> {
        let (times, at) = self.looked;
        if !v.others || v.now < at || self.is_done() {
            return Vec::new();
        }
        let next = look_for_others(times + 1);
        self.looked = (times + 1, v.now + next);
        vec![Do::Search(Ask::Providers(v.goods.packages[self.package].archive_key(self.issue))), Do::Wake(next)]
    }

    /// Takes on holders that were found later.
    pub fn join(&mut self, nodes: &[Node], user: Node, now: Time) -> Vec<Do> {
        for node in nodes.iter().filter(|node| **node != user) {
            if self.parts.len() < MAX_TRIED && !self.place.contains_key(node) {
                self.place.insert(*node, self.schedule.join(now));
                self.parts.push(Part::new(*node, now));
            }
        }
        self.hire(now)
    }

    fn hire(&mut self, now: Time) -> Vec<Do> {
        let running = self.parts.iter().filter(|p| p.hired.is_some() && p.ended.is_none() && !p.spent).count();
        let (package, issue) = (self.package, self.issue);
        let next = self.parts.iter_mut().filter(|p| p.hired.is_none()).take(self.most.saturating_sub(running));
        let hired = next.map(|part| {
            part.hired = Some(now);
            Do::Ask(part.node, Ask::Hello(package, issue))
        });
        hired.collect()
    }

    fn apply(&mut self, effects: Vec<Effect>, now: Time) -> Vec<Do> {
        let mut todo = Vec::new();
        for effect in effects {
            match effect {
                Effect::Request { holder, chunk } => {
                    todo.push(Do::Ask(self.parts[holder].node, Ask::Chunk(self.package, self.issue, chunk)));
                }
                Effect::Stalled { holder } => {
                    self.parts[holder].ended = Some(Outcome::TimedOut);
                    todo.push(Do::Stalled(self.parts[holder].node));
                    todo.extend(self.hire(now));
                }
                Effect::Look { holder } => {
                    todo.push(Do::Ask(self.parts[holder].node, Ask::What(self.package, self.issue)));
                }
                Effect::Spent { holder } => {
                    self.parts[holder].spent = true;
                    todo.extend(self.hire(now));
                }
            }
        }
        if let Some(at) = self.schedule.deadline().map(|at| at.max(now + 1))
            && (self.wakes <= now || at < self.wakes)
        {
            self.wakes = at;
            todo.push(Do::Wake(at - now));
        }
        todo
    }

    pub fn tick(&mut self, now: Time) -> Vec<Do> {
        let effects = self.schedule.tick(now);
        self.apply(effects, now)
    }

    fn end(&mut self, holder: usize, why: Outcome, now: Time) -> Vec<Do> {
        if self.parts[holder].ended.is_some() {
            return Vec::new();
        }
        self.parts[holder].ended = Some(why);
        let mut todo = self.hire(now);
        let effects = self.schedule.ended(holder, now);
        todo.extend(self.apply(effects, now));
        todo
    }

    pub fn heard(&mut self, v: &mut View, from: Node, answer: Option<Answer>) -> Vec<Do> {
        let Some(holder) = self.place.get(&from).copied() else { return Vec::new() };
        if self.parts[holder].ended.is_some() || self.parts[holder].spent {
            return Vec::new();
        }
        match answer {
            Some(Answer::List(Some((bytes, has)))) => {
                match ChunkList::from_bytes(&bytes, self.archive.size, self.archive.chunks) {
                    Ok(list) => {
                        self.list.get_or_insert(list);
                        let part = &mut self.parts[holder];
                        part.lends = has.is_some();
                        part.latency = part.hired.map(|at| (v.now - at) as f64);
                        let effects = self.schedule.ready(holder, has, v.now);
                        self.apply(effects, v.now)
                    }
                    Err(_) => self.corrupt(v, holder),
                }
            }
            Some(Answer::Chunk(index, bytes)) => {
                let good = self.list.as_ref().is_some_and(|l| l.check(self.archive.size, index, &bytes).is_ok());
                if !good {
                    return self.corrupt(v, holder);
                }
                let (new, effects) = self.schedule.proved(holder, index, v.now);
                if new {
                    self.parts[holder].bytes += bytes.len() as u64;
                    v.figures.lent += u64::from(self.parts[holder].lends);
                    v.figures.fetched += 1;
                    self.chunks[index as usize] = Some(bytes);
                }
                self.parts[holder].last = v.now;
                let mut todo = self.apply(effects, v.now);
                todo.extend(self.land(v, index));
                todo
            }
            Some(Answer::HasNot(index)) => {
                let effects = self.schedule.has_not(holder, index, v.now);
                self.apply(effects, v.now)
            }
            Some(Answer::Part(has)) => {
                let effects = self.schedule.looked(holder, has, v.now);
                self.apply(effects, v.now)
            }
            Some(Answer::List(None)) => self.end(holder, Outcome::Failed, v.now),
            // What is left of an earlier question to the same node.
            Some(_) => Vec::new(),
            None => self.end(holder, Outcome::TimedOut, v.now),
        }
    }

    /// Others can have what is proved; once it lasts they are told of it.
    fn land(&mut self, v: &mut View, index: u64) -> Option<Do> {
        v.user.landing.get_mut(&(self.package, self.issue))?.insert(index);
        let tell = !self.landed && v.now >= self.begun + LASTING;
        self.landed |= tell;
        tell.then_some(Do::Land(self.package))
    }

    fn corrupt(&mut self, v: &mut View, holder: usize) -> Vec<Do> {
        v.figures.corrupt.push(self.parts[holder].node);
        self.end(holder, Outcome::Corrupt, v.now)
    }

    pub fn is_done(&self) -> bool {
        self.schedule.is_done()
    }

    pub fn is_lost(&self) -> bool {
        self.schedule.is_lost()
    }

    /// Whether what came is, as a whole, what was signed.
    pub fn whole(&self) -> bool {
        let chunks: Vec<&[u8]> = self.chunks.iter().flatten().map(|chunk| chunk.as_slice()).collect();
        Digest::of(&chunks.concat()) == self.archive.digest
    }

    /// Writes into the user's memory what each holder did.
    pub fn note(&self, v: &mut View) {
        v.user.landing.remove(&(self.package, self.issue));
        for part in &self.parts {
            let Some(hired) = part.hired else { continue };
            let elapsed_ms = part.last.saturating_sub(hired);
            let served = Outcome::Served { bytes: part.bytes, elapsed_ms, latency_ms: part.latency };
            let outcome = part.ended.or((part.bytes > 0).then_some(served));
            if let Some(outcome) = outcome {
                v.user.records.entry(part.node).or_insert_with(|| PeerRecord::new(v.now)).record(outcome, v.now);
            }
        }
    }
}
