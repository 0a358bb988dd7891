//! One install, as the market and the network do it: whose the name is, its head, its release, its holders, its chunks.
//!
//! Commands in, actions out; everything that is decided is decided by `ggen_core`: naming, admission, succession of
//! heads, releases, scores, the chunk schedule. Invariant: nothing is installed that the publisher did not sign.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use ggen_core::admit::admit;
use ggen_core::head::SignedHead;
use ggen_core::limits::Limits;
use ggen_core::naming::{NameFacts, decide_typed};
use ggen_core::release::SignedRelease;

use super::fetch::Fetch;
use super::figures::Figures;
use super::goods::Goods;
use super::peer::{Answer, Ask, Time, User};
use super::table::Node;

/// How much later the next peer is asked for a package.
const STAGGER: Time = 300;
/// How often the default fallback policy begins again, and after how long.
const RETRIES: u32 = 1;
const RETRY_DELAY: Time = 250;

/// What is to be done next.
pub enum Do {
    Ask(Node, Ask),
    Search(Ask),
    Wake(Time),
    /// A part of the package's archive is here, and is told of.
    Land(usize),
    Withdraw(usize),
    /// A holder was given up.
    Stalled(Node),
    Installed,
    Failed(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Names,
    Head,
    Package,
    Holders,
    Fetch,
    Pause,
}

/// What an install works with.
pub struct View<'a> {
    pub goods: &'a Goods,
    pub limits: &'a Limits,
    pub now: Time,
    pub connected: Vec<Node>,
    /// Whether what has arrived of a download is given to others.
    pub parts: bool,
    /// Whether a download looks for further holders.
    pub others: bool,
    pub user: &'a mut User,
    pub figures: &'a mut Figures,
}

/// One install under way.
pub struct Install {
    pub number: usize,
    pub user: Node,
    pub package: usize,
    pub begun: Time,
    pub attempt: u32,
    /// The issue that is installed.
    pub issue: usize,
    pub stage: Stage,
    pub searching: bool,
    /// Whether it told of what had arrived.
    pub landed: bool,
    /// The lookup that it waits for.
    pub search: Option<u64>,
    /// Whether the user typed the publisher; else the home has bound the name.
    typed: bool,
    end: Time,
    open: HashSet<Node>,
    asked: HashSet<Node>,
    best: Option<Arc<SignedHead>>,
    claimants: BTreeSet<ggen_core::PublisherId>,
    sources: Vec<(u64, Node)>,
    /// Who is said to know the name.
    named: Vec<Node>,
    queue: VecDeque<Node>,
    next_at: Time,
    reached: Vec<Node>,
    fetch: Option<Fetch>,
}

fn ms(time: std::time::Duration) -> Time {
    time.as_millis() as Time
}

impl Install {
    pub fn new(number: usize, user: Node, package: usize, now: Time) -> Self {
        Self {
            number,
            user,
            package,
            begun: now,
            attempt: 0,
            issue: 0,
            stage: Stage::Names,
            searching: false,
            landed: false,
            search: None,
            typed: number.is_multiple_of(2),
            end: 0,
            open: HashSet::new(),
            asked: HashSet::new(),
            best: None,
            claimants: BTreeSet::new(),
            sources: Vec::new(),
            named: Vec::new(),
            queue: VecDeque::new(),
            next_at: 0,
            reached: Vec::new(),
            fetch: None,
        }
    }

    fn turn(&mut self, v: &View, stage: Stage, limit: Time) -> Do {
        self.stage = stage;
        self.open.clear();
        self.asked.clear();
        self.searching = !matches!(stage, Stage::Package | Stage::Fetch | Stage::Pause);
        self.end = v.now + limit;
        Do::Wake(limit)
    }

    /// Whose is the name? Those who are connected and those whom the hash table names are asked.
    pub fn begin(&mut self, v: &mut View) -> Vec<Do> {
        let wake = self.turn(v, Stage::Names, ms(v.limits.lookup_timeout));
        self.best = None;
        self.claimants.clear();
        self.sources.clear();
        self.named.clear();
        let mut todo = vec![wake, Do::Search(Ask::Providers(v.goods.packages[self.package].name_key))];
        for node in v.connected.iter().take(v.limits.max_queried_peers / 2) {
            self.put(*node, Ask::Name(self.package), &mut todo);
        }
        todo
    }

    fn put(&mut self, node: Node, ask: Ask, todo: &mut Vec<Do>) {
        if node != self.user && self.asked.insert(node) {
            self.open.insert(node);
            todo.push(Do::Ask(node, ask));
        }
    }

    fn soon(&mut self, v: &View, todo: &mut Vec<Do>) {
        let grace = ms(v.limits.lookup_grace);
        if self.end > v.now + grace {
            self.end = v.now + grace;
            todo.push(Do::Wake(grace));
        }
    }

    /// Takes a head as the catalog does: true if it is not older than one that was seen, nor contradicts it.
    fn take_head(&mut self, v: &mut View, head: Arc<SignedHead>) -> bool {
        let seen = v.user.marks.get(&self.package).copied();
        match admit(&head, seen, v.now) {
            Ok(_) => {
                v.user.marks.insert(self.package, head.mark());
                if self.best.as_ref().is_none_or(|b| b.head.sequence < head.head.sequence) {
                    self.best = Some(head);
                }
                true
            }
            Err(refusal) => {
                v.figures.refused(refusal.code);
                false
            }
        }
    }

    pub fn value(&mut self, v: &mut View, bytes: &[u8]) -> Vec<Do> {
        let mut todo = Vec::new();
        if self.stage == Stage::Head {
            match v.goods.verify(&v.goods.packages[self.package].head_key, bytes) {
                Ok(head) => {
                    if self.take_head(v, head) {
                        self.soon(v, &mut todo);
                    }
                }
                Err(refusal) => v.figures.refused(refusal.code),
            }
        }
        todo
    }

    pub fn providers(&mut self, v: &mut View, nodes: &[Node]) -> Vec<Do> {
        let mut todo = Vec::new();
        let (most, ask) = match self.stage {
            Stage::Fetch => return self.fetch.as_mut().map_or(todo, |fetch| fetch.join(nodes, self.user, v.now)),
            Stage::Names => (v.limits.max_queried_peers, Ask::Name(self.package)),
            Stage::Holders => (v.limits.max_holders * 4, Ask::Dial),
            _ => return todo,
        };
        if self.stage == Stage::Names {
            self.named.extend(nodes);
        }
        for node in nodes {
            if self.asked.len() < most {
                self.put(*node, ask.clone(), &mut todo);
            }
        }
        todo
    }

    pub fn heard(&mut self, v: &mut View, from: Node, answer: Option<Answer>) -> Vec<Do> {
        let mut todo = Vec::new();
        match (self.stage, answer) {
            (Stage::Fetch, answer) => return self.fetched(v, from, answer),
            (Stage::Names, Some(Answer::Heads(heads))) => {
                self.open.remove(&from);
                for bytes in heads {
                    self.claim(v, from, &bytes, &mut todo);
                }
            }
            (Stage::Package, Some(Answer::Package(issue))) => {
                self.open.remove(&from);
                self.next_at = v.now;
                if let Some(issue) = issue
                    && self.release(v, issue)
                {
                    return self.locate(v);
                }
            }
            (Stage::Holders, Some(Answer::Done)) if self.open.remove(&from) => {
                self.reached.push(from);
                if self.reached.len() >= v.limits.max_holders {
                    self.soon(v, &mut todo);
                }
            }
            (_, None) => {
                self.open.remove(&from);
            }
            _ => {}
        }
        todo.extend(self.tick(v));
        todo
    }

    fn claim(&mut self, v: &mut View, from: Node, bytes: &[u8], todo: &mut Vec<Do>) {
        let Some(head) = v.goods.read(bytes) else { return v.figures.refused("signature") };
        let id = v.goods.packages[self.package].id.clone();
        if head.head.name != id.name {
            return v.figures.refused("wrong-key");
        }
        self.claimants.insert(head.head.publisher);
        if head.head.publisher == id.publisher && self.take_head(v, head.clone()) {
            self.sources.push((head.head.sequence, from));
            self.soon(v, todo);
        }
    }

    /// Whether a release as a peer gave it is what the best head lists.
    fn release(&mut self, v: &mut View, issue: usize) -> bool {
        let offered = &v.goods.packages[self.package].issues[issue];
        let Some(head) = v.goods.read(&offered.bundle) else { return false };
        if !self.take_head(v, head.clone()) || self.best.as_ref().is_some_and(|b| b.digest != head.digest) {
            return false;
        }
        let envelope = offered.signed.envelope.clone();
        self.issue = issue;
        SignedRelease::verify_listed(envelope, &head.publisher, &head.head).is_ok()
    }

    fn is_over(&self, v: &View) -> bool {
        v.now >= self.end || (self.open.is_empty() && !self.searching && self.queue.is_empty())
    }

    pub fn tick(&mut self, v: &mut View) -> Vec<Do> {
        match self.stage {
            Stage::Fetch => {
                let Some(fetch) = self.fetch.as_mut() else { return Vec::new() };
                let (mut todo, look) = (fetch.tick(v.now), fetch.look(v));
                self.searching |= !look.is_empty();
                todo.extend(look);
                return self.going_on(v, todo);
            }
            Stage::Pause if v.now >= self.end => return self.begin(v),
            Stage::Package if v.now >= self.next_at && !self.queue.is_empty() => return self.next_source(v),
            _ => {}
        }
        if !self.is_over(v) {
            return Vec::new();
        }
        match self.stage {
            Stage::Names => self.named(v),
            Stage::Head if self.best.is_some() => self.ask_package(v),
            Stage::Head => self.fail(v, "no head"),
            Stage::Package => self.fail(v, "no release"),
            Stage::Holders if self.reached.is_empty() => self.fail(v, "no holder"),
            Stage::Holders => self.start_fetch(v),
            Stage::Fetch | Stage::Pause => Vec::new(),
        }
    }

    fn named(&mut self, v: &mut View) -> Vec<Do> {
        let id = v.goods.packages[self.package].id.clone();
        let claimants = self.claimants.iter().copied().collect();
        let binding = (!self.typed).then_some(id.publisher);
        let facts = NameFacts { binding, claimants, ..NameFacts::default() };
        match decide_typed(&id.name, &facts, self.typed.then_some(id.publisher)) {
            Ok((publisher, _)) if publisher == id.publisher => {
                let wake = self.turn(v, Stage::Head, ms(v.limits.lookup_timeout));
                vec![wake, Do::Search(Ask::Value(v.goods.packages[self.package].head_key))]
            }
            Ok(_) => {
                v.figures.deceived += 1;
                vec![Do::Failed("another publisher's")]
            }
            Err(_) => self.fail(v, "no name"),
        }
    }

    fn ask_package(&mut self, v: &mut View) -> Vec<Do> {
        let mut sources = std::mem::take(&mut self.sources);
        sources.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        let answered = sources.into_iter().map(|(_, node)| node);
        let mut queue: Vec<Node> = Vec::new();
        for node in answered.chain(self.named.drain(..)).chain(v.connected.iter().copied()) {
            if queue.len() < v.limits.max_queried_peers && !queue.contains(&node) {
                queue.push(node);
            }
        }
        let wake = self.turn(v, Stage::Package, ms(v.limits.request_timeout) + STAGGER * queue.len() as Time);
        self.queue = queue.into();
        let mut todo = vec![wake];
        todo.extend(self.next_source(v));
        todo
    }

    fn next_source(&mut self, v: &mut View) -> Vec<Do> {
        let mut todo = Vec::new();
        if let Some(node) = self.queue.pop_front() {
            self.put(node, Ask::Package(self.package), &mut todo);
        }
        self.next_at = v.now + STAGGER;
        todo.push(Do::Wake(STAGGER));
        todo
    }

    fn locate(&mut self, v: &mut View) -> Vec<Do> {
        self.queue.clear();
        self.reached.clear();
        let wake = self.turn(v, Stage::Holders, ms(v.limits.lookup_timeout));
        vec![wake, Do::Search(Ask::Providers(v.goods.packages[self.package].archive_key(self.issue)))]
    }

    fn start_fetch(&mut self, v: &mut View) -> Vec<Do> {
        let wake = self.turn(v, Stage::Fetch, 0);
        let (mut fetch, mut todo) = Fetch::new(v, self.package, self.issue, std::mem::take(&mut self.reached));
        todo.push(wake);
        todo.extend(fetch.tick(v.now));
        self.fetch = Some(fetch);
        todo
    }

    fn fetched(&mut self, v: &mut View, from: Node, answer: Option<Answer>) -> Vec<Do> {
        let Some(fetch) = self.fetch.as_mut() else { return Vec::new() };
        let todo = fetch.heard(v, from, answer);
        self.going_on(v, todo)
    }

    fn going_on(&mut self, v: &mut View, todo: Vec<Do>) -> Vec<Do> {
        let Some(fetch) = self.fetch.as_ref().filter(|f| f.is_done() || f.is_lost()) else { return todo };
        fetch.note(v);
        let (done, whole) = (fetch.is_done(), fetch.whole());
        self.landed = fetch.landed;
        self.fetch = None;
        let ended = match (done, whole) {
            (true, true) => return vec![Do::Installed],
            (true, false) => vec![Do::Failed("not what was signed")],
            (false, _) => self.fail(v, "all holders failed"),
        };
        let withdraw = self.landed.then_some(Do::Withdraw(self.package));
        withdraw.into_iter().chain(ended).collect()
    }

    /// Once more, as the default fallback policy has it, or not.
    fn fail(&mut self, v: &mut View, why: &'static str) -> Vec<Do> {
        if self.attempt >= RETRIES {
            return vec![Do::Failed(why)];
        }
        self.attempt += 1;
        self.queue.clear();
        vec![self.turn(v, Stage::Pause, RETRY_DELAY)]
    }
}
