//! What this home remembers of peers, and what it costs them to misbehave.
//!
//! Offences go to the scoring policy, its sanctions to the node and the disk. Decides nothing itself. Invariant: a
//! sanction outlives the process and expires.

use std::collections::BTreeMap;

use ggen_core::hooks::{Job, PeerFacts, Sanction, Traits};
use ggen_core::reputation::{Outcome, PeerRecord};
use ggen_net::{BanEntry, Holder, Multiaddr, Network, Offence, PeerId, subnet_of};
use ggen_policy::PolicyHost;
use ggen_store::Store;

use crate::error::MarketError;
use crate::market::{Market, blocking, now};

/// Addresses of peers that were met before.
pub(crate) fn known(store: &Store) -> Result<Vec<(PeerId, Multiaddr)>, MarketError> {
    let mut known = Vec::new();
    for record in store.peers()? {
        let Ok(peer) = record.peer.parse::<PeerId>() else { continue };
        known.extend(record.addresses.iter().filter_map(|a| a.parse().ok()).map(|address| (peer, address)));
    }
    Ok(known)
}

/// Bans that hold now.
pub(crate) fn bans(store: &Store) -> Result<Vec<BanEntry>, MarketError> {
    let entry = |ban: ggen_store::Ban| {
        let peer_id = ban.peer.parse().ok()?;
        Some(BanEntry { peer_id, until: ban.until, reason: ban.reason })
    };
    Ok(store.bans(now())?.into_iter().filter_map(entry).collect())
}

/// How long a peer counts as met lately.
const LATELY: u64 = 10 * 60 * 1000;

/// Keeps a peer's addresses, and that it was met. What is kept already is not written again for a while.
pub(crate) fn remember(store: &Store, peer: &PeerId, addresses: &[Multiaddr], now: u64) -> Result<(), MarketError> {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let before = store.peer_record(&peer.to_string())?;
    let is_kept = |b: &ggen_store::PeerRecord| b.addresses == texts && now.saturating_sub(b.updated) < LATELY;
    if before.as_ref().is_some_and(is_kept) || texts.is_empty() {
        return Ok(());
    }
    let record = before.map_or_else(|| to_json(&PeerRecord::new(now)), |b| b.record);
    Ok(store.put_peer_record(&peer.to_string(), &texts, &record, now)?)
}

/// Notes what came of dealing with a peer.
pub(crate) fn note(store: &Store, peer: &PeerId, outcome: Outcome) -> Result<(), MarketError> {
    let now = now();
    let (addresses, mut record) = load(store, peer, now)?;
    record.record(outcome, now);
    Ok(store.put_peer_record(&peer.to_string(), &addresses, &to_json(&record), now)?)
}

/// What a policy is told of each of `peers`, in their order.
pub(crate) fn facts(store: &Store, peers: &[Holder], named: &[String]) -> Result<Vec<(PeerFacts, u64)>, MarketError> {
    let now = now();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut facts = Vec::with_capacity(peers.len());
    for holder in peers {
        let (_, record) = load(store, &holder.peer, now)?;
        let peer = holder.peer.to_string();
        let traits = Traits { named: named.iter().any(|n| n.ends_with(&peer)), ..Traits::default() };
        let mut told = record.facts(now, traits);
        if let Some(subnet) = holder.addresses.first().and_then(subnet_of) {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            told.subnet = *numbers.entry(subnet).or_insert(next);
        }
        facts.push((told, record.avoid_until));
    }
    let sizes = facts.iter().fold(BTreeMap::<u32, u32>::new(), |mut sizes, (f, _)| {
        *sizes.entry(f.subnet).or_default() += 1;
        sizes
    });
    for (told, _) in &mut facts {
        told.subnet_peers = sizes.get(&told.subnet).copied().unwrap_or(1).saturating_sub(1);
    }
    Ok(facts)
}

fn load(store: &Store, peer: &PeerId, now: u64) -> Result<(Vec<String>, PeerRecord), MarketError> {
    let stored = store.peer_record(&peer.to_string())?;
    let addresses = stored.as_ref().map(|s| s.addresses.clone()).unwrap_or_default();
    let record = stored.and_then(|s| serde_json::from_str(&s.record).ok()).unwrap_or_else(|| PeerRecord::new(now));
    Ok((addresses, record))
}

fn to_json(record: &PeerRecord) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

/// What a sanction came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sentence {
    Nothing,
    Avoided,
    Banned { seconds: u32 },
}

/// Offences of one kind that are counted one by one when they are judged together.
const MAX_COUNTED: u32 = 1000;

/// Asks the scoring policy what an offence costs, and writes it down.
fn sentence(
    store: &Store,
    host: &PolicyHost,
    job: &Job,
    offence: &Offence,
) -> Result<(Sentence, Vec<ggen_policy::Decision>), MarketError> {
    let now = now();
    let (addresses, mut record) = load(store, &offence.peer, now)?;
    let mut told = record.offend(offence.class, &offence.code, now);
    for _ in 1..offence.count.min(MAX_COUNTED) {
        told = record.offend(offence.class, &offence.code, now);
    }
    let review = host.judge(job, &record.facts(now, Traits::default()), &told);
    let peer = offence.peer.to_string();
    let sentence = match review.sanction {
        Sanction::None => Sentence::Nothing,
        Sanction::Avoid(seconds) => {
            record.avoid_until = record.avoid_until.max(now.saturating_add(u64::from(seconds) * 1000));
            Sentence::Avoided
        }
        Sanction::Ban(ban) => {
            let until = now.saturating_add(u64::from(ban.seconds) * 1000);
            store.put_ban(&peer, until, &format!("{}: {}", offence.code, offence.detail))?;
            Sentence::Banned { seconds: ban.seconds }
        }
    };
    store.put_peer_record(&peer, &addresses, &to_json(&record), now)?;
    Ok((sentence, review.decisions))
}

impl Market {
    /// Has an offence judged, and the node told of a ban.
    pub(crate) async fn judge(
        &self,
        job: &Job,
        network: Option<&Network>,
        offence: &Offence,
    ) -> Result<Sentence, MarketError> {
        let (store, host) = (self.store.clone(), self.policies()?);
        let (job, told) = (job.clone(), offence.clone());
        let (sentence, decisions) = blocking(move || sentence(&store, &host, &job, &told)).await?;
        self.keep(decisions);
        if let (Sentence::Banned { seconds }, Some(network)) = (&sentence, network) {
            let until = now().saturating_add(u64::from(*seconds) * 1000);
            network.ban(offence.peer, until, &offence.code).await?;
        }
        Ok(sentence)
    }
}
