//! One node of the simulated network: what it keeps and holds, and how it answers.
//!
//! An honest node lets in what [`ggen_core::admit`] lets in, and answers with what it has. Invariant: what an honest node
//! stores under a head's key proves itself, and its sequence never falls.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ggen_core::Digest;
use ggen_core::admit::admit;
use ggen_core::chunks::chunk_count;
use ggen_core::head::HeadMark;
use ggen_core::republish::Republish;
use ggen_core::reputation::PeerRecord;
use ggen_core::stock::ChunkSet;

use super::goods::Goods;
use super::table::{K, Node, Place, Table};

/// Milliseconds since the run began.
pub type Time = u64;

/// How a node behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    Honest,
    /// Answers nothing.
    Silent,
    /// Knows only nodes that misbehave too, and has nothing.
    Crowding,
    /// Gives the first head of a package that ever was, and its release.
    Stale,
    /// Gives heads that somebody else signed, and says that it holds what it has not.
    Forging,
    /// Holds archives with one wrong bit.
    Corrupting,
    /// Holds archives and does not give them.
    Stalling,
}

/// All ways to misbehave.
pub const BYZANTINE: [Manner; 6] =
    [Manner::Silent, Manner::Crowding, Manner::Stale, Manner::Forging, Manner::Corrupting, Manner::Stalling];

/// What a node keeps for the hash table; gone when it restarts.
#[derive(Default)]
pub struct Kept {
    pub records: HashMap<Digest, (Arc<Vec<u8>>, Time)>,
    marks: HashMap<Digest, HeadMark>,
    providers: HashMap<Digest, Vec<(Node, Place, Time)>>,
}

/// What a node tells the hash table again and again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Holding {
    /// The head of a package: the latest that it has.
    Head(usize),
    /// That it knows a package's name.
    Name(usize),
    /// That it has a package's archive: the latest.
    Archive(usize),
    /// That it has something else, by its number.
    Other(u64),
}

/// What a user's home remembers.
#[derive(Default)]
pub struct User {
    pub marks: HashMap<usize, HeadMark>,
    pub records: HashMap<Node, PeerRecord>,
    /// What has arrived of archives that it is in the middle of.
    pub landing: BTreeMap<(usize, usize), ChunkSet>,
}

/// A node.
pub struct Peer {
    pub place: Place,
    pub manner: Manner,
    /// Comes back as itself whenever it leaves: a publisher's own machine, or a user's.
    pub lasting: bool,
    pub up: bool,
    /// How often it has left: what was meant for an earlier life is void.
    pub life: u32,
    pub lag: Time,
    /// Bytes a millisecond that it sends.
    pub rate: u64,
    /// Until when it is sending what each asked for before.
    pub busy: BTreeMap<Node, Time>,
    pub half: bool,
    pub table: Table,
    pub kept: Kept,
    /// Archives that it holds, or says it holds.
    pub holds: BTreeSet<(usize, usize)>,
    /// The latest issue of a package that it has heard of.
    pub knows: BTreeMap<usize, usize>,
    /// The packages that it tells of.
    pub announces: BTreeSet<usize>,
    /// When it tells what.
    pub tells: Republish<Holding>,
    /// Since when there is somebody to tell.
    pub joined: Option<Time>,
    /// Whose releases it takes as they come.
    pub mirrors: BTreeSet<usize>,
    pub user: User,
}

/// A question.
#[derive(Clone, Debug)]
pub enum Ask {
    Closest(Place),
    Value(Digest),
    Providers(Digest),
    Put(Digest, Arc<Vec<u8>>),
    Provide(Digest),
    /// Heads of a bare name.
    Name(usize),
    Package(usize),
    Dial,
    Hello(usize, usize),
    /// What it has now.
    What(usize, usize),
    Chunk(usize, usize, u64),
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Answer {
    Closer(Vec<(Place, Node)>),
    Value(Option<Arc<Vec<u8>>>, Vec<(Place, Node)>),
    Providers(Vec<Node>, Vec<(Place, Node)>),
    Done,
    Heads(Vec<Arc<Vec<u8>>>),
    /// Which issue's head and release; the bytes are the goods'.
    Package(Option<usize>),
    /// The list of chunks, and those of them that there are; none: all.
    List(Option<(Vec<u8>, Option<ChunkSet>)>),
    Part(ChunkSet),
    Chunk(u64, Arc<Vec<u8>>),
    HasNot(u64),
}

impl Kept {
    /// Stores a record if the core lets it in: true if it did.
    pub fn put(&mut self, goods: &Goods, key: Digest, bytes: Arc<Vec<u8>>, now: Time) -> bool {
        let Ok(head) = goods.verify(&key, &bytes) else { return false };
        if admit(&head, self.marks.get(&key).copied(), now).is_err() {
            return false;
        }
        self.marks.insert(key, head.mark());
        self.records.insert(key, (bytes, now));
        true
    }

    pub fn provide(&mut self, key: Digest, node: Node, place: Place, now: Time) {
        let list = self.providers.entry(key).or_default();
        let room = list.len() < K;
        match list.iter_mut().find(|(n, _, _)| *n == node) {
            Some(known) => *known = (node, place, now),
            None if room => list.push((node, place, now)),
            None => {}
        }
    }

    pub fn providers(&mut self, key: &Digest, now: Time, lifetime: Time) -> Vec<Node> {
        let Some(list) = self.providers.get_mut(key) else { return Vec::new() };
        list.retain(|(_, _, at)| now < at + lifetime);
        list.iter().map(|(n, _, _)| *n).collect()
    }
}

impl Peer {
    pub fn is_honest(&self) -> bool {
        self.manner == Manner::Honest
    }

    /// Whether it says that it holds an archive.
    pub fn claims(&self, package: usize, issue: usize) -> bool {
        match self.manner {
            Manner::Corrupting | Manner::Stalling => self.announces.contains(&package),
            _ => self.holds.contains(&(package, issue)),
        }
    }

    /// What has arrived here of an archive, where it is in the middle of it.
    fn part(&self, package: usize, issue: usize) -> Option<&ChunkSet> {
        self.user.landing.get(&(package, issue)).filter(|part| part.count() > 0)
    }

    /// Its answer, and the bytes that it takes a while to send; none if it gives none.
    pub fn answer(&mut self, goods: &Goods, ask: &Ask, from: (Place, Node), now: Time, ttl: Time) -> Option<Answer> {
        let closer = |me: &Self, place: Place| me.table.closest(me.place, place);
        Some(match ask {
            Ask::Closest(place) => Answer::Closer(closer(self, *place)),
            Ask::Value(key) => {
                let record = self.kept.records.get(key).map(|(bytes, _)| bytes.clone());
                Answer::Value(record, closer(self, place_of(key)))
            }
            Ask::Providers(key) => {
                let providers = self.kept.providers(key, now, ttl);
                Answer::Providers(providers, closer(self, place_of(key)))
            }
            Ask::Put(key, bytes) => {
                self.kept.put(goods, *key, bytes.clone(), now);
                Answer::Done
            }
            Ask::Provide(key) => {
                self.kept.provide(*key, from.1, from.0, now);
                Answer::Done
            }
            Ask::Name(package) => {
                let known = self.knows.get(package).map(|i| goods.packages[*package].issues[*i].bundle.clone());
                Answer::Heads(known.into_iter().collect())
            }
            Ask::Package(package) => Answer::Package(self.knows.get(package).copied()),
            Ask::Dial => Answer::Done,
            Ask::Hello(package, issue) => {
                let list = |part| (goods.packages[*package].issues[*issue].list.to_bytes(), part);
                let part = || self.part(*package, *issue).map(|part| list(Some(part.clone())));
                Answer::List(self.claims(*package, *issue).then(|| list(None)).or_else(part))
            }
            Ask::What(package, issue) => {
                let chunks = chunk_count(goods.packages[*package].issues[*issue].signed.release.archive.size);
                let all = || {
                    (0..chunks).fold(ChunkSet::none(chunks), |mut all, index| {
                        all.insert(index);
                        all
                    })
                };
                let part = || self.part(*package, *issue).cloned().unwrap_or(ChunkSet::none(chunks));
                Answer::Part(if self.claims(*package, *issue) { all() } else { part() })
            }
            Ask::Chunk(package, issue, index) => {
                let has = self.claims(*package, *issue) || self.part(*package, *issue).is_some_and(|p| p.has(*index));
                if has { Answer::Chunk(*index, goods.chunk(*package, *issue, *index)) } else { Answer::HasNot(*index) }
            }
        })
    }
}

/// Where a key is.
pub fn place_of(key: &Digest) -> Place {
    key.as_bytes().iter().take(8).fold(0, |place, byte| place << 8 | u64::from(*byte))
}
