//! Questions to many peers at once.
//!
//! Decides whom to ask and when enough is known: connected nodes and those that the hash table names are asked side by
//! side; a lookup is over when all have answered, and soon after enough have: sources of several networks, or half of all,
//! with time for those whom the hash table names. Invariant: what is returned as a head has a valid signature and is of the
//! package that was asked for.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use ggen_core::head::{HeadBundle, HeadError, SignedHead, archive_key, head_key, name_key};
use ggen_core::hooks::OffenceClass;
use ggen_core::{Digest, PackageId, PackageName};
use libp2p::PeerId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::address::{source_of, subnet_of};
use crate::catalog::{AskError, Request, Response, ask, misfit};
use crate::dht::record_key;
use crate::error::NetError;
use crate::handle::Handle;
use crate::node::command::{Command, Lead};
use crate::types::{FoundHead, Holder, Offence, PeerInfo, SearchEvent};

/// Leads of one lookup that wait to be followed.
const LEADS: usize = 64;
/// Heads of one answer that are looked at.
const MAX_HEADS: usize = 64;

/// Sources of a good answer, each of another network, after which a lookup waits no more for those who are late.
const ENOUGH: usize = 3;

/// How many times the grace of a lookup those are waited for who answer later than half of all; twice as long where the
/// hash table has not named its own yet.
const LATE: u32 = 4;

impl Handle {
    /// Connected nodes, the quickest first, at most as many as one query asks.
    pub(crate) async fn nodes(&self) -> Result<Vec<PeerInfo>, NetError> {
        let mut peers = self.peers().await?;
        peers.retain(|p| p.dht);
        peers.sort_by_key(|p| p.latency_ms.unwrap_or(u64::MAX));
        peers.truncate(self.link.limits.max_queried_peers);
        Ok(peers)
    }

    /// Asks connected nodes for packages that fit `query`. The channel gives each one's answer as it comes, and last
    /// [`SearchEvent::Done`]; it closes at once when all have answered, soon after half of them have, and in any case
    /// after `timeout`: one that never comes to its end holds nobody up.
    pub async fn search(
        &self,
        query: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<mpsc::Receiver<SearchEvent>, NetError> {
        let peers = self.nodes().await?;
        let limit = limit.min(self.link.limits.max_results);
        let request = Request::Search { query: query.chars().take(1000).collect(), limit };
        let (out, events) = mpsc::channel(LEADS);
        let handle = self.clone();
        tokio::spawn(async move {
            let (asked, mut answered) = (peers.len(), 0);
            let mut running: FuturesUnordered<_> =
                peers.iter().map(|p| handle.ask(p.peer_id, &request, timeout)).collect();
            let (mut end, late) = (Instant::now() + timeout, handle.link.limits.lookup_grace * LATE);
            while let Ok(Some((peer, answer))) = tokio::time::timeout_at(end, running.next()).await {
                let hits = match answer {
                    Some(Response::Search { mut hits }) => {
                        hits.truncate(limit);
                        hits
                    }
                    Some(_) => {
                        handle.accuse(misfit(peer));
                        continue;
                    }
                    None => continue,
                };
                answered += 1;
                if answered * 2 >= asked {
                    end = end.min(Instant::now() + late);
                }
                if out.send(SearchEvent::Hits { peer, hits }).await.is_err() {
                    return;
                }
            }
            let complete = asked > 0 && answered == asked;
            let _ = out.send(SearchEvent::Done { complete, asked, answered }).await;
        });
        Ok(events)
    }

    /// One question; what went wrong is told to the owner where it is the peer's fault.
    pub(crate) async fn ask(&self, peer: PeerId, request: &Request, limit: Duration) -> (PeerId, Option<Response>) {
        match ask(&self.link, peer, request, limit).await {
            Ok(answer) => (peer, Some(answer)),
            Err(AskError::Failed(error)) => {
                tracing::debug!(%peer, %error, "no answer");
                (peer, None)
            }
            Err(AskError::Offence(offence)) => {
                self.accuse(*offence);
                (peer, None)
            }
        }
    }

    /// The heads that are known for a bare name, of any publisher: every source, the highest sequence first.
    pub async fn heads(&self, name: &PackageName) -> Result<Vec<FoundHead>, NetError> {
        let (reply, leads) = mpsc::channel(LEADS);
        let key = record_key(&name_key(name));
        self.link.commands.send(Command::Providers { key, reply }).await.map_err(|_| NetError::Stopped)?;
        self.gather(Request::Name { name: name.clone() }, leads, |head| head.head.name == *name).await
    }

    /// The heads that are known of one package: every source, the highest sequence first.
    pub async fn head(&self, id: &PackageId) -> Result<Vec<FoundHead>, NetError> {
        let (reply, leads) = mpsc::channel(LEADS);
        let key = record_key(&head_key(id));
        self.link.commands.send(Command::Records { key, reply }).await.map_err(|_| NetError::Stopped)?;
        let request = Request::Head { publisher: id.publisher, name: id.name.clone() };
        self.gather(request, leads, |head| head.head.id() == *id).await
    }

    async fn gather(
        &self,
        request: Request,
        mut leads: mpsc::Receiver<Lead>,
        wanted: impl Fn(&SignedHead) -> bool,
    ) -> Result<Vec<FoundHead>, NetError> {
        let limits = self.link.limits.clone();
        let nodes = self.nodes().await?;
        // The other half is for those whom the hash table names: a node with many connections must hear of them too.
        let near = limits.max_queried_peers.div_ceil(2);
        let mut asked: HashSet<PeerId> = nodes.iter().take(near).map(|p| p.peer_id).collect();
        let mut running: FuturesUnordered<_> =
            asked.iter().map(|peer| self.ask(*peer, &request, limits.request_timeout)).collect();
        let (mut found, mut open, mut sources) = (Vec::new(), true, HashSet::new());
        let mut end = Instant::now() + limits.lookup_timeout;
        while open || !running.is_empty() {
            // Few who are near and quick may all be one liar's: then those are waited for whom the hash table names.
            let heard = asked.len().saturating_sub(running.len());
            if sources.len() >= ENOUGH {
                end = end.min(Instant::now() + limits.lookup_grace);
            } else if !found.is_empty() && heard * 2 >= asked.len() {
                let late = if open { LATE * 2 } else { LATE };
                end = end.min(Instant::now() + limits.lookup_grace * late);
            }
            let (peer, bundles) = tokio::select! {
                () = tokio::time::sleep_until(end) => break,
                lead = leads.recv(), if open => match lead {
                    None => { open = false; continue }
                    Some(Lead::Record(peer, bytes)) => {
                        let peer = peer.unwrap_or_else(|| self.peer_id());
                        (peer, HeadBundle::from_json(&bytes).map(|b| vec![b]).map_err(|_| misfit(peer)))
                    }
                    Some(Lead::Provider(peer)) => {
                        if asked.len() < limits.max_queried_peers && asked.insert(peer) {
                            running.push(self.ask(peer, &request, limits.request_timeout));
                        }
                        continue;
                    }
                },
                Some((peer, answer)) = running.next() => match answer {
                    None => continue,
                    Some(Response::Name { heads }) => (peer, Ok(heads)),
                    Some(Response::Head { head }) => (peer, Ok(head.into_iter().map(|h| *h).collect())),
                    Some(_) => (peer, Err(misfit(peer))),
                },
            };
            let new = self.verified(peer, bundles, &wanted).await;
            if !new.is_empty() {
                let connected = self.peers().await?;
                let address = connected.iter().find(|p| p.peer_id == peer).and_then(|info| info.addresses.first());
                sources.insert(source_of(address, &peer));
            }
            found.extend(new);
        }
        if found.is_empty() && asked.is_empty() {
            return Err(NetError::NoPeers);
        }
        let connected = self.peers().await?;
        for head in &mut found {
            head.subnet = network_of(&connected, &head.peer);
        }
        found.sort_by_key(|found| std::cmp::Reverse(found.head.head.sequence));
        Ok(found)
    }

    async fn verified(
        &self,
        peer: PeerId,
        bundles: Result<Vec<HeadBundle>, Offence>,
        wanted: &impl Fn(&SignedHead) -> bool,
    ) -> Vec<FoundHead> {
        let bundles = match bundles {
            Ok(bundles) => bundles,
            Err(offence) => {
                self.accuse(offence);
                return Vec::new();
            }
        };
        let check = move || -> Vec<Result<SignedHead, HeadError>> {
            bundles.into_iter().take(MAX_HEADS).map(|b| SignedHead::verify(b, None)).collect()
        };
        let mut found = Vec::new();
        for head in tokio::task::spawn_blocking(check).await.unwrap_or_default() {
            let (code, detail) = match head {
                Ok(head) if wanted(&head) => {
                    found.push(FoundHead { head, peer, subnet: None });
                    continue;
                }
                Ok(head) => ("wrong-key", format!("a head of {} for another question", head.head.id())),
                Err(error) => ("signature", error.to_string()),
            };
            self.accuse(Offence::new(peer, OffenceClass::InvalidRecord, code, detail));
        }
        found
    }

    /// Who says that it holds an archive: those that are connected, or, if none can be, all.
    pub async fn holders(&self, archive: &Digest) -> Result<Vec<Holder>, NetError> {
        let limits = self.link.limits.clone();
        let (reply, mut leads) = mpsc::channel(LEADS);
        let key = record_key(&archive_key(archive));
        self.link.commands.send(Command::Providers { key, reply }).await.map_err(|_| NetError::Stopped)?;
        let (mut seen, mut reached, mut open) = (HashSet::new(), Vec::new(), true);
        let most = limits.max_holders.saturating_mul(4);
        let mut dials = FuturesUnordered::new();
        let mut end = Instant::now() + limits.lookup_timeout;
        while open || !dials.is_empty() {
            tokio::select! {
                () = tokio::time::sleep_until(end) => break,
                lead = leads.recv(), if open => match lead {
                    Some(Lead::Provider(peer)) if seen.len() < most && seen.insert(peer) => {
                        dials.push(self.reach(peer));
                    }
                    Some(_) => {}
                    None => open = false,
                },
                Some(holder) = dials.next() => if let Some(holder) = holder {
                    reached.push(holder);
                    // Few may all be a liar's, who answers first: then the lookup is waited for.
                    if reached.len() >= limits.max_holders {
                        end = end.min(Instant::now() + limits.lookup_grace);
                    }
                },
            }
        }
        if reached.is_empty() {
            return Ok(seen.into_iter().map(|peer| Holder { peer, addresses: Vec::new() }).collect());
        }
        Ok(reached)
    }

    fn reach(&self, peer: PeerId) -> impl Future<Output = Option<Holder>> {
        let link = self.link.clone();
        async move {
            link.connect(peer, Vec::new()).await.ok()?;
            let addresses = link.call(|reply| Command::Addresses { peer, reply }).await.ok()?;
            Some(Holder { peer, addresses })
        }
    }
}

/// The network that a peer is connected from.
pub(crate) fn network_of(connected: &[PeerInfo], peer: &PeerId) -> Option<String> {
    let info = connected.iter().find(|p| p.peer_id == *peer)?;
    subnet_of(info.addresses.first()?)
}
