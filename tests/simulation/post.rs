//! Messages: how long they take, and which never arrive.
//!
//! Decides latency, reordering, loss and the two halves of a split network. Invariant: each question ends once, with an
//! answer or without.

use super::liars::spoil;
use super::peer::{Answer, Ask, Time};
use super::table::Node;
use super::world::{Event, Pending, Task, Work, World};

impl World {
    /// Puts a question of `task` to a node.
    pub fn ask(&mut self, task: Task, asker: Node, to: Node, ask: Ask, bill: Option<usize>) {
        let serial = self.number();
        let life = self.peers[asker as usize].life;
        self.pending.insert(serial, Pending { task, asker, life, asked: to, bill });
        let there = self.peers.get(to as usize).is_some_and(|p| p.up);
        // Who is not there is noticed by the dial, who is silent only by the question's own limit.
        let patience = match &ask {
            _ if !there => self.limits.dial_timeout,
            // How long a chunk is waited for is the schedule's to say.
            Ask::Chunk(..) => self.limits.holder_timeout * 60,
            _ => self.limits.request_timeout,
        };
        let patience = patience.as_millis() as Time;
        self.after(patience, Event::Late { serial });
        self.count(bill);
        if !there || self.is_lost(asker, to, matches!(ask, Ask::Chunk(..) | Ask::What(..))) {
            return;
        }
        let (from_place, to_place) = (self.peers[asker as usize].place, self.peers[to as usize].place);
        let known = self.peers[asker as usize].table.closest(from_place, to_place).iter().any(|(_, n)| *n == to);
        // Whom it has no connection with must be dialled first.
        let trips = if known { 1 } else { 3 };
        let delay = self.latency(asker, to, trips);
        let life = self.peers[to as usize].life;
        self.after(delay, Event::Asked { serial, from: asker, to, life, ask });
    }

    fn count(&mut self, bill: Option<usize>) {
        self.figures.messages += 1;
        if let Some(cost) = bill.and_then(|install| self.figures.costs.get_mut(install)) {
            *cost += 1;
        }
    }

    fn latency(&mut self, from: Node, to: Node, trips: u64) -> Time {
        let base = self.peers[from as usize].lag + self.peers[to as usize].lag;
        base * trips + self.random.between(0, base / 2 + 2)
    }

    /// A stream in use mends what is lost on its way; anything else that is lost is a connection that broke.
    fn is_lost(&mut self, from: Node, to: Node, in_stream: bool) -> bool {
        let apart = self.is_split() && self.peers[from as usize].half != self.peers[to as usize].half;
        apart || (!in_stream && self.random.chance(self.plan.loss))
    }

    pub fn on_asked(&mut self, serial: u64, from: Node, to: Node, life: u32, ask: Ask) {
        if !self.lives(to, life) {
            return;
        }
        if self.is_deaf() && matches!(ask, Ask::Put(..) | Ask::Provide(_)) {
            return;
        }
        let ttl = (self.limits.republish_interval * 4).as_millis() as Time;
        let place = self.peers[from as usize].place;
        let peer = &mut self.peers[to as usize];
        let me = peer.place;
        if peer.is_honest() {
            peer.table.insert(me, place, from);
        }
        let honest = peer.answer(&self.goods, &ask, (place, from), self.now, ttl);
        let manner = peer.manner;
        let answer = honest.and_then(|h| spoil(manner, &self.goods, &self.liars, &ask, h, &mut self.random));
        if let Ask::Put(key, _) = &ask {
            self.kept_again(to, *key);
        }
        let Some(answer) = answer else { return };
        let bill = self.pending.get(&serial).and_then(|p| p.bill);
        self.count(bill);
        if self.is_lost(to, from, matches!(answer, Answer::Chunk(..) | Answer::HasNot(_) | Answer::Part(_))) {
            return;
        }
        let sending = self.sending(to, from, &answer);
        let delay = sending + self.latency(to, from, 1);
        self.after(delay, Event::Answered { serial, answer });
    }

    /// How long a holder needs to send what it answers: all who take now share what it can, and each has what it asked for
    /// in its order.
    fn sending(&mut self, holder: Node, to: Node, answer: &Answer) -> Time {
        let Answer::Chunk(_, bytes) = answer else { return 0 };
        let now = self.now;
        let peer = &mut self.peers[holder as usize];
        peer.busy.retain(|other, until| *other == to || *until > now);
        let shares = peer.busy.len() as u64 + u64::from(!peer.busy.contains_key(&to));
        let until = peer.busy.entry(to).or_insert(now);
        *until = (*until).max(now) + bytes.len() as u64 * shares / peer.rate.max(1);
        *until - now
    }

    pub fn on_answered(&mut self, serial: u64, answer: Answer) {
        let Some(pending) = self.pending.remove(&serial) else { return };
        let asked = self.peers[pending.asked as usize].place;
        if self.lives(pending.asker, pending.life) {
            let asker = &mut self.peers[pending.asker as usize];
            let me = asker.place;
            asker.table.insert(me, asked, pending.asked);
        }
        self.tell(pending, Some(answer));
    }

    pub fn on_late(&mut self, serial: u64) {
        let Some(pending) = self.pending.remove(&serial) else { return };
        let asked = self.peers[pending.asked as usize].place;
        if self.lives(pending.asker, pending.life) {
            let asker = &mut self.peers[pending.asker as usize];
            let me = asker.place;
            asker.table.remove(me, asked, pending.asked);
        }
        self.tell(pending, None);
    }

    fn tell(&mut self, pending: Pending, answer: Option<Answer>) {
        let Some(work) = self.work.remove(&pending.task) else { return };
        if !self.lives(pending.asker, pending.life) {
            if let Work::Install(install) = work {
                self.figures.gave_up(install.number);
            }
            return;
        }
        match work {
            Work::Spread(spread) => self.spread_heard(pending.task, spread, answer.is_some()),
            Work::Search(search) => self.search_heard(pending.task, search, pending.asked, answer),
            Work::Install(install) => self.install_heard(pending.task, install, pending.asked, answer),
        }
    }
}
