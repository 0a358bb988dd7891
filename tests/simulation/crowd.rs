//! A release that many want at once, and that one node has.
//!
//! Decides who they are and when they begin; the rest is installs like any. Invariant: all others who mirror the package
//! know of the release and do not have it.

use super::install::Install;
use super::peer::Time;
use super::table::Node;
use super::world::{Event, MINUTE, World};

/// The package.
pub const WANTED: usize = 0;
/// The one that has it: it stays.
const SEED: Node = 1;
/// Bytes a millisecond of the one that has it.
const RATE: u64 = 2000;
/// They begin within so long, a little after the release came.
const WITHIN: Time = MINUTE;

impl World {
    pub fn crowd(&mut self) {
        if self.plan.crowd == 0 {
            return;
        }
        self.goods.issue_of(WANTED, self.plan.chunks - 1, self.now, &mut self.random);
        let issue = self.goods.packages[WANTED].issues.len() - 1;
        let mirrors: Vec<Node> =
            (0..).zip(&self.peers).filter(|(_, p)| p.up && p.mirrors.contains(&WANTED)).map(|(node, _)| node).collect();
        for node in mirrors {
            self.peers[node as usize].knows.insert(WANTED, issue);
            self.hold(node, WANTED);
        }
        let seed = &mut self.peers[SEED as usize];
        seed.rate = RATE;
        seed.holds.insert((WANTED, issue));
        seed.knows.insert(WANTED, issue);
        seed.mirrors.insert(WANTED);
        seed.announces.insert(WANTED);
        self.hold(SEED, WANTED);
        let begin = self.plan.installs;
        for number in begin..begin + self.plan.crowd {
            let when = MINUTE + self.random.between(0, WITHIN);
            self.after(when, Event::Begin(number));
        }
    }

    /// The install of another one of the crowd.
    pub fn one_of_the_crowd(&mut self, number: usize) -> Option<Install> {
        let free = |p: &super::peer::Peer| p.up && p.is_honest() && !p.mirrors.contains(&WANTED) && !p.lasting;
        let free: Vec<Node> = (0..).zip(&self.peers).filter(|(_, p)| free(p)).map(|(node, _)| node).collect();
        let user = self.random.pick(&free).copied()?;
        // Each comes once, and comes back to the same.
        self.peers[user as usize].lasting = true;
        Some(Install::new(number, user, WANTED, self.now))
    }
}
