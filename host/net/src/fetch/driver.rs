//! Drives the scheduler: time, tasks and channels round [`ggen_core::schedule`].
//!
//! Decides nothing about who is asked for what. Invariant: each holder ends once, with one outcome.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ggen_core::Digest;
use ggen_core::chunks::{ChunkError, chunk_count};
use ggen_core::hooks::OffenceClass;
use ggen_core::schedule::{ChunkSet, Effect, MAX_TRIED, Millis, Rules, Schedule};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::buffer::{Destination, Pool};
use super::holder::{Shared, Worker};
use super::landing::Entry;
use super::message::{Ask, Failure, Message, Proof};
use super::part::{Part, millis};
use super::report::{FetchEvent, FetchReport, FetchRequest, Outcome};
use super::sink::{Sink, Work};
use crate::error::NetError;
use crate::link::Link;
use crate::types::{Holder, Offence};

/// Chunks that wait for the sink.
const LANDING: usize = 16;
/// Where nothing is due, the clock is looked at after so many milliseconds.
const FAR: Millis = 3_600_000;
/// A download that lasts so long is told to the network: others can have from here what has arrived.
const LASTING: Duration = Duration::from_secs(2);

struct Driver {
    schedule: Schedule,
    parts: Vec<Part>,
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
    events: mpsc::Sender<FetchEvent>,
    begun: Instant,
    running: usize,
    fetched: u64,
    there: u64,
    claims: Claims,
    entry: Entry,
}

/// What an earlier run left: nobody is asked for anything before it is settled which of it is good.
enum Claims {
    Unproved,
    /// The sink proves them; these holders wait.
    Proving(Vec<(usize, Option<ChunkSet>)>),
    Settled,
}

type SinkTask = JoinHandle<std::io::Result<Option<Digest>>>;

fn file_error(source: std::io::Error) -> NetError {
    NetError::File { action: "write", source }
}

pub(super) async fn run(
    link: Link,
    request: FetchRequest,
    events: mpsc::Sender<FetchEvent>,
) -> Result<FetchReport, NetError> {
    let FetchRequest { archive, holders, destination, proved, path } = request;
    let readable = destination.try_clone().map_err(file_error)?;
    let entry = link.landings.begin(archive.digest, archive.size, readable, link.commands.clone());
    let destination = Destination::new(destination, &path);
    let (sink_in, landed) = mpsc::channel(LANDING);
    let (messages, mut inbox) = mpsc::channel(LANDING * 4);
    let (size, digest) = (archive.size, archive.digest);
    let shared = Arc::new(Shared {
        link,
        archive,
        landing: entry.landing.clone(),
        pool: Pool::default(),
        sink: sink_in,
        driver: messages.clone(),
    });
    let claims = if proved.contains(&true) { Claims::Unproved } else { Claims::Settled };
    let mut sink = start_sink(destination, size, proved, landed, messages, shared.clone());
    let mut driver = Driver::new(shared, holders, claims, events, entry);
    let outcome = driver.drive(&mut inbox, &mut sink).await;
    drop(inbox);
    driver.tasks.shutdown().await;
    driver.dismiss().await;
    let Driver { parts, shared, fetched, mut entry, .. } = driver;
    // The sink ends when nobody is left who could give it anything.
    drop(shared);
    let holders = parts.into_iter().filter(|p| p.begun.is_some()).map(Part::report).collect();
    match outcome {
        Err(error) => Err(error),
        Ok(false) => Err(NetError::Fetch { archive: digest, holders }),
        Ok(true) => {
            let whole = sink.await.map_err(|e| file_error(std::io::Error::other(e)))?.map_err(file_error)?;
            let digest = whole.ok_or_else(|| file_error(std::io::Error::other("the file is not whole")))?;
            entry.whole = true;
            Ok(FetchReport { holders, digest, bytes: fetched })
        }
    }
}

fn start_sink(
    destination: Destination,
    size: u64,
    proved: Vec<bool>,
    landed: mpsc::Receiver<Work>,
    messages: mpsc::Sender<Message>,
    shared: Arc<Shared>,
) -> SinkTask {
    let landing = shared.landing.clone();
    // Weak: the sink must not keep its own entrance open.
    let shared = Arc::downgrade(&shared);
    tokio::task::spawn_blocking(move || {
        let spare = Pool::default();
        let put = |buffer| match shared.upgrade() {
            Some(shared) => shared.pool.put(buffer),
            None => spare.put(buffer),
        };
        Sink::new(destination, size, proved, landing, put)?.run(landed, &messages)
    })
}

impl Driver {
    fn new(
        shared: Arc<Shared>,
        holders: Vec<Holder>,
        claims: Claims,
        events: mpsc::Sender<FetchEvent>,
        entry: Entry,
    ) -> Self {
        let limits = &shared.link.limits;
        let rules = Rules {
            window: limits.chunks_in_flight.max(1),
            patience: millis(limits.holder_timeout),
            head_start: millis(limits.holder_head_start),
        };
        let schedule = Schedule::new(rules, chunk_count(shared.archive.size), 0, 0);
        let (tasks, begun, parts) = (JoinSet::new(), Instant::now(), Vec::new());
        let mut driver =
            Self { schedule, parts, tasks, shared, events, begun, running: 0, fetched: 0, there: 0, claims, entry };
        driver.take_on(holders);
        driver
    }

    /// More holders, as far as they are not known; those that may take part at once do.
    fn take_on(&mut self, holders: Vec<Holder>) {
        for holder in holders {
            if self.parts.len() < MAX_TRIED && !self.parts.iter().any(|p| p.holder.peer == holder.peer) {
                self.parts.push(Part::new(holder));
                self.schedule.join(self.now());
            }
        }
        self.hire();
    }

    fn now(&self) -> Millis {
        millis(self.begun.elapsed())
    }

    /// Sees to it that as many holders take part as may.
    fn hire(&mut self) {
        let most = self.shared.link.limits.max_holders.max(1);
        for (place, part) in self.parts.iter_mut().enumerate().filter(|(_, p)| p.begun.is_none()) {
            if self.running >= most {
                return;
            }
            let (requests, inbox) = mpsc::channel(self.shared.link.limits.chunks_in_flight.max(1) + 1);
            let received = part.received.clone();
            let worker = Worker { place, holder: part.holder.clone(), requests: inbox, received };
            part.task = Some(self.tasks.spawn(worker.run(self.shared.clone())));
            part.requests = Some(requests);
            part.begun = Some(Instant::now());
            self.running += 1;
        }
    }

    /// True when every chunk is proved, false when nobody is left to give the rest.
    async fn drive(&mut self, inbox: &mut mpsc::Receiver<Message>, sink: &mut SinkTask) -> Result<bool, NetError> {
        while !self.schedule.is_done() {
            if self.schedule.is_lost() {
                return Ok(false);
            }
            let due = self.schedule.deadline().unwrap_or_else(|| self.now().saturating_add(FAR));
            tokio::select! {
                message = inbox.recv() => if let Some(message) = message {
                    self.on_message(message).await;
                },
                () = tokio::time::sleep_until(self.begun + Duration::from_millis(due)) => self.on_time().await,
                Some(late) = self.entry.late.recv() => self.take_on(late),
                ended = &mut *sink => {
                    let problem = match ended {
                        Ok(Err(error)) => error,
                        Ok(Ok(_)) => std::io::Error::other("the writer stopped"),
                        Err(error) => std::io::Error::other(error),
                    };
                    return Err(file_error(problem));
                }
            }
        }
        Ok(true)
    }

    async fn on_message(&mut self, message: Message) {
        let now = self.now();
        self.stir(now);
        match message {
            Message::Ready { holder, has } => {
                if let Some(part) = self.parts.get_mut(holder) {
                    part.latency = part.begun.map(|b| b.elapsed());
                }
                self.on_ready(holder, has).await;
            }
            Message::Looked { holder, has } => {
                let effects = self.schedule.looked(holder, has, now);
                self.apply(effects).await;
            }
            Message::HasNot { holder, index } => {
                let effects = self.schedule.has_not(holder, index, now);
                self.apply(effects).await;
            }
            Message::Found { index, length } => {
                self.schedule.found(index);
                self.tell_proved(index, length).await;
            }
            Message::Settled => {
                if let Claims::Proving(waiting) = std::mem::replace(&mut self.claims, Claims::Settled) {
                    for (holder, has) in waiting {
                        self.on_ready(holder, has).await;
                    }
                }
            }
            Message::Ended { holder, failure } => self.end(holder, failure).await,
            Message::Proof { holder, index, length, proof } => match proof {
                Proof::Wrong(error) => {
                    let code = if matches!(error, ChunkError::Digest(_)) { "chunk-digest" } else { "chunk-length" };
                    self.end(holder, Failure::offence(OffenceClass::CorruptData, code, error.to_string())).await;
                }
                Proof::Written | Proof::Duplicate => self.on_proved(holder, index, length, now).await,
            },
        }
    }

    async fn on_ready(&mut self, holder: usize, has: Option<ChunkSet>) {
        match &mut self.claims {
            Claims::Unproved => {
                self.claims = Claims::Proving(vec![(holder, has)]);
                if let Some(list) = self.shared.landing.list.get().cloned() {
                    let _ = self.shared.sink.send(Work::Claims(list)).await;
                }
            }
            Claims::Proving(waiting) => waiting.push((holder, has)),
            Claims::Settled => {
                let effects = self.schedule.ready(holder, has, self.now());
                self.apply(effects).await;
            }
        }
    }

    async fn tell_proved(&mut self, index: u64, length: u64) {
        self.there += length;
        let _ = self.events.send(FetchEvent::ChunkProved { index }).await;
        let _ = self.events.try_send(FetchEvent::Progress { bytes: self.there });
    }

    async fn on_proved(&mut self, holder: usize, index: u64, length: u64, now: Millis) {
        let (new, effects) = self.schedule.proved(holder, index, now);
        if let Some(part) = self.parts.get_mut(holder) {
            part.last = Some(Instant::now());
            part.received_at_proof = part.received.load(Ordering::Relaxed);
            if new {
                part.bytes += length;
            }
        }
        // Questions first: the network works while the events are told.
        self.apply(effects).await;
        if new {
            self.fetched += length;
            if self.shared.link.reached && self.begun.elapsed() >= LASTING {
                self.entry.announce();
            }
            self.tell_proved(index, length).await;
        }
    }

    /// Notes from whom something came that is no whole chunk yet.
    fn stir(&mut self, now: Millis) {
        for (holder, part) in self.parts.iter_mut().enumerate() {
            if part.stirs() {
                self.schedule.stirred(holder, now);
            }
        }
    }

    async fn on_time(&mut self) {
        let now = self.now();
        self.stir(now);
        if self.shared.sink.capacity() < self.shared.sink.max_capacity() {
            self.schedule.excuse(now);
        }
        let effects = self.schedule.tick(now);
        self.apply(effects).await;
    }

    async fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Request { holder, chunk } => self.ask(holder, Ask::Chunk(chunk)),
                Effect::Look { holder } => self.ask(holder, Ask::WhatNow),
                Effect::Spent { holder } => self.close(holder, Failure::spent()).await,
                Effect::Stalled { holder } => {
                    let Some(part) = self.parts.get(holder) else { continue };
                    let silent = part.received.load(Ordering::Relaxed) == part.received_at_proof;
                    let code = if silent { "silent" } else { "too-slow" };
                    let after = self.shared.link.limits.holder_timeout;
                    let detail = format!("no whole chunk in {after:?}");
                    let failure = Failure::offence(OffenceClass::Stalled, code, detail);
                    self.close(holder, failure).await;
                }
            }
        }
    }

    fn ask(&self, holder: usize, what: Ask) {
        // A task that is gone has told, or will tell, why.
        if let Some(requests) = self.parts.get(holder).and_then(|p| p.requests.as_ref()) {
            let _ = requests.try_send(what);
        }
    }

    async fn end(&mut self, holder: usize, failure: Failure) {
        if !self.schedule.takes_part(holder) {
            return;
        }
        self.close(holder, failure).await;
        let now = self.now();
        let effects = self.schedule.ended(holder, now);
        // Ending one holder stalls nobody else.
        Box::pin(self.apply(effects)).await;
    }

    /// Tells that those who take part to the end are done.
    async fn dismiss(&self) {
        for part in self.parts.iter().filter(|p| p.begun.is_some() && p.outcome == Outcome::Served) {
            let elapsed = part.begun.map(|b| b.elapsed()).unwrap_or_default();
            let done = FetchEvent::HolderDone { peer: part.holder.peer, bytes: part.bytes, elapsed };
            let _ = self.events.send(done).await;
        }
    }

    /// Ends a holder's task and tells why; another takes its place.
    async fn close(&mut self, holder: usize, failure: Failure) {
        let Some(part) = self.parts.get_mut(holder) else { return };
        if let Some(task) = part.task.take() {
            task.abort();
            self.running = self.running.saturating_sub(1);
        }
        part.requests = None;
        part.outcome = Outcome::Failed { code: failure.code.to_owned(), detail: failure.detail.clone() };
        let peer = part.holder.peer;
        let (bytes, elapsed) = (part.bytes, part.begun.map(|b| b.elapsed()).unwrap_or_default());
        self.hire();
        if let Some(class) = failure.class {
            let offence = Offence::new(peer, class, failure.code, failure.detail);
            let _ = self.events.send(FetchEvent::Offence(offence)).await;
        }
        let _ = self.events.send(FetchEvent::HolderDone { peer, bytes, elapsed }).await;
    }
}
