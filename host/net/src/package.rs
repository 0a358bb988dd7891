//! A whole package from a peer: its head and the releases that it lists.
//!
//! Decides which answer is good: its head proves itself, and each release is one that the head lists. Peers are asked
//! one after another, the next a little later than the one before, and the first good answer is taken. Invariant: what
//! one answer may cost in memory is bounded, however many pages a peer sends.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadBundle, MAX_VERSIONS, SignedHead, name_key};
use ggen_core::hooks::OffenceClass;
use ggen_core::{Digest, PackageId};
use libp2p::PeerId;
use tokio::sync::mpsc;

use crate::catalog::{Request, Response, misfit};
use crate::dht::record_key;
use crate::error::NetError;
use crate::handle::Handle;
use crate::lookup::network_of;
use crate::node::command::{Command, Lead};
use crate::types::{FoundPackage, Offence};

/// How much later the next peer is asked.
const STAGGER: Duration = Duration::from_millis(300);
/// The bytes of all releases of one package, in answers of the longest kind.
const MAX_ANSWERS: usize = 16;

impl Handle {
    /// A package, from the first of `from` that gives it whole, or, if that is empty, from connected nodes and from
    /// those that the hash table names for the package's name. The signatures of the releases are the caller's to
    /// check.
    pub async fn package(&self, id: &PackageId, from: &[PeerId]) -> Result<FoundPackage, NetError> {
        let peers = if from.is_empty() { self.likely(id).await? } else { from.to_vec() };
        if peers.is_empty() {
            return Err(NetError::NoPeers);
        }
        let most = self.link.limits.max_queried_peers;
        let asked = (0u32..).zip(peers.into_iter().take(most)).map(|(place, peer)| async move {
            tokio::time::sleep(STAGGER * place).await;
            self.package_of(id, peer).await
        });
        let mut running: FuturesUnordered<_> = asked.collect();
        while let Some(found) = running.next().await {
            if let Some(mut found) = found {
                found.subnet = network_of(&self.peers().await?, &found.peer);
                return Ok(found);
            }
        }
        Err(NetError::NotFound { what: format!("the package {id}") })
    }

    async fn likely(&self, id: &PackageId) -> Result<Vec<PeerId>, NetError> {
        let mut peers: Vec<PeerId> = self.nodes().await?.into_iter().map(|p| p.peer_id).collect();
        let (reply, mut leads) = mpsc::channel(16);
        let key = record_key(&name_key(&id.name));
        self.link.commands.send(Command::Providers { key, reply }).await.map_err(|_| NetError::Stopped)?;
        let mut providers = Vec::new();
        let collect = async {
            while let Some(lead) = leads.recv().await {
                match lead {
                    Lead::Provider(peer) if !providers.contains(&peer) => providers.push(peer),
                    _ => {}
                }
            }
        };
        let _ = tokio::time::timeout(self.link.limits.lookup_grace, collect).await;
        peers.retain(|p| !providers.contains(p));
        providers.extend(peers);
        Ok(providers)
    }

    async fn package_of(&self, id: &PackageId, peer: PeerId) -> Option<FoundPackage> {
        let mut from = 0;
        let mut first: Option<HeadBundle> = None;
        let mut releases: Vec<Envelope> = Vec::new();
        let mut room = self.link.limits.max_response.saturating_mul(MAX_ANSWERS);
        for _ in 0..MAX_VERSIONS {
            let request = Request::Package { publisher: id.publisher, name: id.name.clone(), from };
            let (_, answer) = self.ask(peer, &request, self.link.limits.request_timeout).await;
            let Response::Package { head, releases: page, next } = answer? else {
                self.accuse(misfit(peer));
                return None;
            };
            // A head that changed between two pages: another peer, or another time.
            if *first.get_or_insert_with(|| (*head).clone()) != *head {
                return None;
            }
            room = room.checked_sub(page.iter().map(|r| r.payload.len()).sum())?;
            releases.extend(page);
            match next {
                Some(next) if next > from && releases.len() < MAX_VERSIONS => from = next,
                _ => break,
            }
        }
        let id = id.clone();
        let check = move || checked(&id, peer, first?, releases);
        match tokio::task::spawn_blocking(check).await.ok()?? {
            Ok(found) => Some(found),
            Err(offence) => {
                self.accuse(offence);
                None
            }
        }
    }
}

fn checked(
    id: &PackageId,
    peer: PeerId,
    bundle: HeadBundle,
    releases: Vec<Envelope>,
) -> Option<Result<FoundPackage, Offence>> {
    let offence = |code: &str, detail: String| Some(Err(Offence::new(peer, OffenceClass::InvalidRecord, code, detail)));
    let head = match SignedHead::verify(bundle, Some(id)) {
        Ok(head) => head,
        Err(error) => return offence("signature", error.to_string()),
    };
    let listed: BTreeSet<Digest> = head.head.versions.iter().map(|v| v.release).collect();
    for release in &releases {
        let known = release.payload_bytes().is_ok_and(|payload| listed.contains(&Digest::of(&payload)));
        if !known {
            return offence("wrong-key", format!("a release that the head of {id} does not list"));
        }
    }
    Some(Ok(FoundPackage { peer, subnet: None, head, releases }))
}
