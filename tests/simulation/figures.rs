//! What a run came to, and how it is told.
//!
//! Counts; decides nothing. Invariant: each install is counted once, with one outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use ggen_core::Digest;
use ggen_core::republish::Standing;

use super::install::Install;
use super::peer::{Peer, Time};
use super::plan::Plan;
use super::table::Node;
use super::world::{MINUTE, SLOW};

/// How an install ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// When it began, how long it took, at which try, and whether it is the newest of a minute before it began.
    Installed {
        begun: Time,
        took: Time,
        attempt: u32,
        fresh: bool,
    },
    Failed {
        begun: Time,
        why: &'static str,
        package: usize,
    },
    /// The user's own machine went away meanwhile.
    GaveUp,
}

/// The counts of one run.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub events: u64,
    pub messages: u64,
    pub left: u64,
    pub joined: u64,
    pub published: u64,
    /// Messages of each install.
    pub costs: Vec<u64>,
    pub ends: BTreeMap<usize, End>,
    /// Records that were refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Who was ended for a wrong chunk.
    pub corrupt: Vec<Node>,
    /// Honest nodes among them: none, ever.
    pub blamed: usize,
    /// Chunks that came, and those of them from nodes that were in the middle of a download themselves.
    pub fetched: u64,
    pub lent: u64,
    /// Holders that were given up because they gave nothing for too long, honest ones among them, and how many of those
    /// have no slow line.
    pub stalled: Vec<Node>,
    pub stalled_honest: usize,
    pub stalled_quick: usize,
    /// Installs of another publisher's package: none, ever.
    pub deceived: u64,
    pub byzantine: usize,
    /// Keys that honest nodes told, by the minute, and by the node.
    pub told: BTreeMap<(u64, Node), u64>,
    /// Of them those that nobody took.
    pub untold: u64,
    /// Who said when that it has fallen behind, or else caught up.
    pub notices: Vec<(Time, Node, bool, Standing)>,
    /// When one holder was looked for, and whether it was found.
    pub probes: Vec<(Time, bool)>,
    pub wall: Duration,
}

impl Figures {
    pub fn of(installs: usize) -> Self {
        Self { costs: vec![0; installs], ..Self::default() }
    }

    pub fn refused(&mut self, code: &str) {
        *self.refused.entry(code.to_owned()).or_default() += 1;
    }

    pub fn told(&mut self, now: Time, node: Node) {
        *self.told.entry((now / MINUTE, node)).or_default() += 1;
    }

    pub fn probed(&mut self, now: Time, found: bool) {
        self.probes.push((now, found));
    }

    /// Keys told in each of these minutes, by one node or by all.
    pub fn told_in(&self, minutes: std::ops::Range<u64>, by: Option<Node>) -> Vec<u64> {
        let of = |minute: u64| self.told.range((minute, 0)..(minute + 1, 0));
        let counted = |(_, node): &(u64, Node)| by.is_none_or(|by| by == *node);
        minutes.map(|minute| of(minute).filter(|(at, _)| counted(at)).map(|(_, count)| count).sum()).collect()
    }

    /// Of those that were looked for in these minutes: how many were found, and how many there were.
    pub fn found_in(&self, minutes: std::ops::Range<u64>) -> (usize, usize) {
        let within = self.probes.iter().filter(|(at, _)| minutes.contains(&(at / MINUTE)));
        within.fold((0, 0), |(found, all), (_, one)| (found + usize::from(*one), all + 1))
    }

    pub fn installed(&mut self, install: &Install, now: Time, fresh: bool) {
        let begun = install.begun;
        let end = End::Installed { begun, took: now - begun, attempt: install.attempt, fresh };
        self.ends.insert(install.number, end);
    }

    pub fn failed(&mut self, install: &Install, why: &'static str) {
        self.ends.insert(install.number, End::Failed { begun: install.begun, why, package: install.package });
    }

    pub fn gave_up(&mut self, install: usize) {
        self.ends.insert(install, End::GaveUp);
    }

    pub fn finish(&mut self, plan: &Plan, peers: &[Peer], wall: Duration) {
        let honest = |n: &&Node| peers.get(**n as usize).is_some_and(Peer::is_honest);
        self.blamed = self.corrupt.iter().filter(honest).count();
        let honest_ones = || self.stalled.iter().filter_map(|n| peers.get(*n as usize)).filter(|p| p.is_honest());
        (self.stalled_honest, self.stalled_quick) =
            (honest_ones().count(), honest_ones().filter(|p| p.rate > SLOW).count());
        self.byzantine = peers.iter().take(plan.nodes).filter(|p| !p.is_honest()).count();
        self.wall = wall;
    }

    fn installs(&self) -> impl Iterator<Item = (Time, u32, bool, u64)> + '_ {
        self.ends.iter().filter_map(|(number, end)| match end {
            End::Installed { took, attempt, fresh, .. } => Some((*took, *attempt, *fresh, self.costs[*number])),
            _ => None,
        })
    }

    /// Installs that were carried through or failed: whose user went away says nothing of the network.
    pub fn counted(&self) -> usize {
        self.ends.values().filter(|e| **e != End::GaveUp).count()
    }

    pub fn succeeded(&self) -> usize {
        self.installs().count()
    }

    /// Of the installs that began in these minutes: how many succeeded, how many with the newest version, how many
    /// there were.
    pub fn within(&self, minutes: std::ops::Range<u64>) -> (usize, usize, usize) {
        let span = minutes.start * 60_000..minutes.end * 60_000;
        let (mut succeeded, mut newest, mut all) = (0, 0, 0);
        for end in self.ends.values() {
            let (begun, good, fresh) = match end {
                End::Installed { begun, fresh, .. } => (begun, true, *fresh),
                End::Failed { begun, .. } => (begun, false, false),
                End::GaveUp => continue,
            };
            if span.contains(begun) {
                all += 1;
                succeeded += usize::from(good);
                newest += usize::from(fresh);
            }
        }
        (succeeded, newest, all)
    }

    /// How long the installs of these numbers took, in milliseconds, the shortest first.
    pub fn took(&self, numbers: std::ops::Range<usize>) -> Vec<Time> {
        let mut took: Vec<Time> = self
            .ends
            .range(numbers)
            .filter_map(|(_, end)| if let End::Installed { took, .. } = end { Some(*took) } else { None })
            .collect();
        took.sort_unstable();
        took
    }

    /// Messages of an install: the median and the highest of a hundred.
    pub fn costs(&self) -> (u64, u64) {
        quantiles(self.installs().map(|(_, _, _, cost)| cost).collect())
    }

    /// Milliseconds of an install: the median and the highest of a hundred.
    pub fn times(&self) -> (u64, u64) {
        quantiles(self.installs().map(|(took, _, _, _)| took).collect())
    }

    /// Why installs failed, and how often.
    pub fn failures(&self) -> BTreeMap<&'static str, usize> {
        let mut failures = BTreeMap::new();
        for end in self.ends.values() {
            if let End::Failed { why, .. } = end {
                *failures.entry(*why).or_default() += 1;
            }
        }
        failures
    }

    /// The same for two runs that were the same.
    pub fn fingerprint(&self) -> Digest {
        let Self { events, messages, left, joined, published, costs, ends, refused, corrupt, .. } = self;
        let all = (events, messages, left, joined, published, costs, ends, refused, corrupt, &self.probes);
        Digest::of(format!("{all:?}").as_bytes())
    }

    pub const TITLE: &str = "| nodes | byzantine | installs | succeeded | at the first try | newest | messages p50, p99 \
                             | seconds p50, p99 | upkeep, messages a node and minute | run |\n\
                             |---|---|---|---|---|---|---|---|---|---|";

    /// One row of the table.
    pub fn row(&self, plan: &Plan) -> String {
        let (counted, all) = (self.counted(), self.succeeded().max(1));
        let first = self.installs().filter(|(_, attempt, ..)| *attempt == 0).count();
        let fresh = self.installs().filter(|(_, _, fresh, _)| *fresh).count();
        let percent = |part: usize, of: usize| part as f64 * 100.0 / of.max(1) as f64;
        let ((messages, many), (took, long)) = (self.costs(), self.times());
        let upkeep = self.messages - self.costs.iter().sum::<u64>();
        format!(
            "| {} | {} | {counted} | {:.2} % | {:.2} % | {:.2} % | {messages}, {many} | {:.1}, {:.1} | {:.1} | {:.1} s |",
            plan.nodes,
            self.byzantine,
            percent(self.succeeded(), counted),
            percent(first, counted),
            percent(fresh, all),
            took as f64 / 1000.0,
            long as f64 / 1000.0,
            upkeep as f64 / plan.nodes as f64 / plan.minutes as f64,
            self.wall.as_secs_f64(),
        )
    }
}

fn quantiles(mut all: Vec<u64>) -> (u64, u64) {
    all.sort_unstable();
    let at = |share: f64| all.get(((all.len() as f64 * share) as usize).min(all.len().saturating_sub(1))).copied();
    (at(0.5).unwrap_or(0), at(0.99).unwrap_or(0))
}
