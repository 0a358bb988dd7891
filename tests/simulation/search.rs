//! Lookups of the hash table, and what they are for.
//!
//! Decides when one is over: when nobody closer is left, or nobody wants to know. The order of questions is
//! [`Lookup`]'s, which is a model.

use std::sync::Arc;

use ggen_core::Digest;

use super::peer::{Answer, Ask, Holding, place_of};
use super::table::{Lookup, Node, Place};
use super::world::{Task, Work, World};

/// What a lookup is for.
#[derive(Clone)]
pub enum Purpose {
    Join,
    /// What a node tells of itself, or else hands on.
    Put(Digest, Arc<Vec<u8>>, Option<Holding>),
    Provide(Digest, Holding),
    /// Whether one holder is found, and whether it was.
    Probe(Node, bool),
    /// An install that wants records or providers as they are found.
    For(Task, usize),
}

/// A lookup of one node.
pub struct Search {
    owner: Node,
    life: u32,
    lookup: Lookup,
    ask: Ask,
    purpose: Purpose,
}

impl World {
    /// Begins a lookup.
    pub fn search(&mut self, owner: Node, ask: Ask, purpose: Purpose) {
        let place = match &ask {
            Ask::Closest(place) => *place,
            Ask::Value(key) | Ask::Providers(key) => place_of(key),
            _ => 0,
        };
        let peer = &self.peers[owner as usize];
        let seeds: Vec<(Place, Node)> = peer.table.closest(peer.place, place);
        let lookup = Lookup::new(place, owner, &seeds);
        let search = Search { owner, life: peer.life, lookup, ask, purpose };
        let task = self.number();
        if let Purpose::For(install, _) = search.purpose
            && let Some(Work::Install(install)) = self.work.get_mut(&install)
        {
            install.search = Some(task);
        }
        self.drive(task, search);
    }

    /// Whether an install still waits for this lookup.
    fn wants(&self, install: Task, search: Task) -> bool {
        matches!(self.work.get(&install), Some(Work::Install(i)) if i.searching && i.search == Some(search))
    }

    fn drive(&mut self, task: Task, mut search: Search) {
        let bill = match search.purpose {
            Purpose::For(install, number) if self.wants(install, task) => Some(number),
            // The install is over, or turned to something else: nobody wants to know any more.
            Purpose::For(..) => return,
            _ => None,
        };
        let asked = search.lookup.next();
        let over = asked.is_empty() && search.lookup.is_idle();
        let (owner, ask) = (search.owner, search.ask.clone());
        if over {
            return self.search_over(task, search);
        }
        self.work.insert(task, Work::Search(search));
        for node in asked {
            self.ask(task, owner, node, ask.clone(), bill);
        }
    }

    pub fn search_heard(&mut self, task: Task, mut search: Search, from: Node, answer: Option<Answer>) {
        match &answer {
            Some(Answer::Closer(closer) | Answer::Value(_, closer) | Answer::Providers(_, closer)) => {
                search.lookup.heard(from, Some(closer));
            }
            _ => search.lookup.heard(from, None),
        }
        if let (Purpose::Probe(wanted, found), Some(Answer::Providers(nodes, _))) = (&mut search.purpose, &answer) {
            *found |= nodes.contains(wanted);
        }
        if let Purpose::For(install, _) = search.purpose {
            match answer {
                Some(Answer::Value(Some(bytes), _)) => self.install_value(install, task, &bytes),
                Some(Answer::Providers(nodes, _)) => self.install_providers(install, task, &nodes),
                _ => {}
            }
        }
        self.drive(task, search);
    }

    fn search_over(&mut self, task: Task, search: Search) {
        let Search { owner, life, lookup, purpose, .. } = search;
        if !self.lives(owner, life) {
            return;
        }
        let (ask, holding) = match purpose {
            Purpose::Join if lookup.closest().is_empty() => return,
            Purpose::Join => return self.joined(owner),
            Purpose::For(install, _) => return self.install_search_over(install, task),
            Purpose::Probe(_, found) => return self.figures.probed(self.now, found),
            Purpose::Put(key, bytes, holding) => (Ask::Put(key, bytes), holding),
            Purpose::Provide(key, holding) => (Ask::Provide(key), Some(holding)),
        };
        let nodes = lookup.closest();
        self.spread(task, owner, nodes.len(), holding);
        for node in nodes {
            self.ask(task, owner, node, ask.clone(), None);
        }
    }
}
