//! Catching up: each connected node's log of accepted heads is followed from where it was left.
//!
//! Decides whom to ask, and when to stop: an announcement that does not prove itself ends a peer's turn, and so does a
//! turn that was long enough. Never believes a number or a claim; what is known already is not checked again. Invariant:
//! a cursor moves only with what was handed to the owner, so that what is lost is asked for again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use ggen_core::announcement::Announcement;
use ggen_core::head::{HeadMark, Succession};
use ggen_core::root::ProvedRoots;
use libp2p::PeerId;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::address::public_network_of;
use crate::catalog::{AskError, Request, Response, ask, misfit};
use crate::clock::now_ms;
use crate::complaints::Complaints;
use crate::content::Content;
use crate::dht::admit::Refusal;
use crate::link::Link;
use crate::node::command::Command;
use crate::node::listen::check;
use crate::types::{Cursor, Heard, NodeEvent, Offence, PeerInfo};

/// Entries that are asked for at once.
const PAGE: usize = 200;
/// Pages of one peer in one turn.
const MAX_PAGES: usize = 100;
/// Peers whose logs are read at once.
const AT_ONCE: usize = 4;
/// The longest name of a log.
const MAX_LOG: usize = 64;
/// How many times as long as one question a turn may take: who answers slowly keeps nobody else waiting.
const PATIENCE: u32 = 3;
/// From the first turn of a peer to its second: what is announced while both still find out what the other listens to is
/// heard by nobody.
const SETTLING: Duration = Duration::from_secs(5);
/// How often it is looked for peers whose turn it is.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) struct Sync {
    pub link: Link,
    pub content: Arc<dyn Content>,
    pub complaints: Complaints,
    pub events: mpsc::Sender<NodeEvent>,
    /// In 0..1, another in each process.
    pub jitter: f64,
}

/// What is known of a peer's log.
#[derive(Clone, Default)]
struct Place {
    log: Option<String>,
    after: u64,
}

/// The end of a turn: whether there is more, or the offence, if there was one.
type Turn = Result<bool, Option<Box<Offence>>>;

impl Sync {
    /// Goes on until the node stops.
    pub async fn run(self, cursors: Vec<Cursor>) {
        let limits = self.link.limits.clone();
        let cursors = cursors.into_iter().take(limits.max_known_peers);
        let mut places: HashMap<PeerId, Place> =
            cursors.map(|c| (c.peer, Place { log: Some(c.log), after: c.after })).collect();
        let mut turns: HashMap<PeerId, (Instant, Duration)> = HashMap::new();
        let pause = limits.sync_interval.mul_f64(0.75 + self.jitter / 2.0);
        let mut busy: HashSet<PeerId> = HashSet::new();
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                _ = tick.tick(), if running.len() < AT_ONCE => {
                    let Ok(peers) = self.link.call(Command::Peers).await else { return };
                    // Whoever left begins a turn when it comes back.
                    turns.retain(|peer, _| peers.iter().any(|p| p.peer_id == *peer));
                    let mut due = peers;
                    due.retain(|p| p.dht && !busy.contains(&p.peer_id));
                    due.retain(|p| turns.get(&p.peer_id).is_none_or(|(at, wait)| at.elapsed() >= *wait));
                    // Whoever has waited longest comes first.
                    due.sort_by_key(|peer| turns.get(&peer.peer_id).map(|(at, _)| *at));
                    due.truncate(AT_ONCE.saturating_sub(running.len()));
                    for peer in due {
                        busy.insert(peer.peer_id);
                        let place = places.get(&peer.peer_id).cloned().unwrap_or_default();
                        running.push(self.turn(peer, place));
                    }
                }
                Some((peer, place, turn)) = running.next() => {
                    busy.remove(&peer);
                    let soon = !turns.contains_key(&peer) || matches!(turn, Ok(true));
                    turns.insert(peer, (Instant::now(), if soon { pause.min(SETTLING) } else { pause }));
                    if let Err(Some(offence)) = turn {
                        self.complaints.add(*offence);
                    }
                    if places.len() >= limits.max_known_peers && !places.contains_key(&peer) {
                        places.retain(|peer, _| turns.contains_key(peer));
                    }
                    places.insert(peer, place);
                }
            }
        }
    }

    async fn turn(&self, info: PeerInfo, mut place: Place) -> (PeerId, Place, Turn) {
        let peer = info.peer_id;
        let network = info.addresses.first().and_then(public_network_of);
        let end = Instant::now() + self.link.limits.request_timeout * PATIENCE;
        for _ in 0..MAX_PAGES {
            match self.page(peer, network.as_ref(), &mut place).await {
                Ok(true) if Instant::now() < end => {}
                Ok(true) => break,
                Ok(false) => return (peer, place, Ok(false)),
                Err(offence) => return (peer, place, Err(offence)),
            }
        }
        (peer, place, Ok(true))
    }

    /// One piece of a log; whether there is more.
    async fn page(
        &self,
        peer: PeerId,
        network: Option<&String>,
        place: &mut Place,
    ) -> Result<bool, Option<Box<Offence>>> {
        let request = Request::Changes { log: place.log.clone(), after: place.after, limit: PAGE };
        let answer = ask(&self.link, peer, &request, self.link.limits.request_timeout).await;
        let (log, entries, next, more) = match answer {
            Ok(Response::Changes { log, entries, next, more }) => (log, entries, next, more),
            Ok(_) => return Err(Some(Box::new(misfit(peer)))),
            Err(AskError::Offence(offence)) => return Err(Some(offence)),
            Err(AskError::Failed(error)) => {
                tracing::debug!(%peer, %error, "its log cannot be read now");
                return Err(None);
            }
        };
        let from = if place.log.as_ref() == Some(&log) { place.after } else { 0 };
        if entries.len() > PAGE || log.is_empty() || log.len() > MAX_LOG || next < from || (more && next == from) {
            return Err(Some(Box::new(misfit(peer))));
        }
        let heard = self.looked(peer, network, entries).await?;
        let heads = heard.iter().map(|heard| &heard.announced.head.head).filter(|head| head.expires > now_ms());
        if let Some(newest) = heads.map(|head| head.issued).max() {
            // Evidence that is lost comes again with the next head.
            let _ = self.link.commands.try_send(Command::SawHead(newest));
        }
        let cursor = Cursor { peer, log: log.clone(), after: next };
        if !heard.is_empty() || place.log.as_ref() != Some(&log) || place.after != next {
            let told = NodeEvent::Synced { heads: heard, cursor };
            self.events.send(told).await.map_err(|_| None)?;
        }
        *place = Place { log: Some(log), after: next };
        Ok(more)
    }

    /// What is news, with its signatures checked.
    async fn looked(
        &self,
        peer: PeerId,
        network: Option<&String>,
        entries: Vec<Announcement>,
    ) -> Result<Vec<Heard>, Option<Box<Offence>>> {
        let content = self.content.clone();
        let look = move || -> Result<Vec<_>, Refusal> {
            let news = entries.into_iter().filter(|entry| is_news(content.as_ref(), entry));
            let mut proved = ProvedRoots::new(PAGE);
            news.map(|entry| check(&entry.to_json(), &mut proved)).collect()
        };
        let looked = tokio::task::spawn_blocking(look).await.map_err(|_| None)?;
        let refused = |r: Refusal| Some(Box::new(Offence::new(peer, r.class, r.code, r.detail)));
        let looked = looked.map_err(refused)?;
        Ok(looked.into_iter().map(|a| Heard { announced: *a, peer, network: network.cloned() }).collect())
    }
}

/// Whether it claims more than is known; one that claims nothing readable is looked at, and refused.
fn is_news(content: &dyn Content, entry: &Announcement) -> bool {
    let Some((id, claimed)) = entry.claimed() else { return true };
    match HeadMark::compare(content.mark(&id), claimed) {
        Succession::Newer | Succession::Equivocation => true,
        Succession::Same | Succession::Older => false,
    }
}
