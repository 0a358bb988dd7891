//! One archive, from wherever the route allows: this disk, file registries, peers, the program itself.
//!
//! Holders are ranked by the scoring policy in one call; offences are judged as they happen. Invariant: what enters the
//! store has the digest that the publisher signed, whoever it came from.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ggen_core::hooks::{Job, Network as NetworkState, Origin, Trouble};
use ggen_core::release::Archive;
use ggen_core::schedule::{MAX_TRIED, look_for_others};
use ggen_net::{Holder, NetError, Network, PeerId};
use ggen_policy::PolicyHost;

use crate::download::Unpacker;
use crate::error::{HolderFailure, MarketError};
use crate::fallback::{Next, Route};
use crate::market::{Market, blocking};
use crate::peers;
use crate::plan::PlanItem;
use crate::starter;

/// Nodes of the home that may end under one download.
const NODES: u32 = 4;
/// How long one that was killed may take calls, for each that has ended.
const DYING: Duration = Duration::from_millis(100);

impl Market {
    /// Brings the archive of `item` into the store; where it came from. What comes over the network is unpacked in
    /// `unpacker` while it arrives.
    pub(crate) async fn fetch(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        route: &Route,
        item: &PlanItem,
        unpacker: &mut Unpacker,
    ) -> Result<Origin, MarketError> {
        let (name, version) = (&item.chosen.id.name, &item.chosen.version);
        let mut failures = Vec::new();
        loop {
            for origin in route.origins() {
                if let Some(from) = self.fetch_from(origin, host, job, item, unpacker, &mut failures).await? {
                    return Ok(from);
                }
            }
            let (trouble, code) = match failures.is_empty() {
                true => (Trouble::Exhausted, "no-holders"),
                false => (Trouble::Exhausted, "all-holders-failed"),
            };
            let online = NetworkState::Online;
            match self.trouble(route, Origin::Peers, trouble, code, Some(name), online).await {
                Ok(Next::Again) => failures.clear(),
                Err(MarketError::Interrupted) => return Err(MarketError::Interrupted),
                _ => {
                    return Err(MarketError::AllHoldersFailed {
                        name: name.clone(),
                        version: version.clone(),
                        failures,
                    });
                }
            }
        }
    }

    async fn fetch_from(
        &self,
        origin: Origin,
        host: &Arc<PolicyHost>,
        job: &Job,
        item: &PlanItem,
        unpacker: &mut Unpacker,
        failures: &mut Vec<HolderFailure>,
    ) -> Result<Option<Origin>, MarketError> {
        self.check_cancelled()?;
        let archive = &unpacker.release().release.archive;
        let digest = archive.digest;
        match origin {
            Origin::Store | Origin::File => {
                let held = self.store.held_path(&digest).is_some();
                let from = match item.item.origin {
                    Origin::Registry | Origin::File => item.item.origin,
                    _ => origin,
                };
                Ok(held.then_some(from))
            }
            Origin::Registry | Origin::Organization => self.fetch_from_directories(origin, archive, failures).await,
            Origin::Bundled => {
                let (store, archive) = (self.store.clone(), archive.clone());
                let taken = blocking(move || starter::take_archive(&store, &archive)).await?;
                Ok(taken.then_some(Origin::Bundled))
            }
            Origin::Peers | Origin::LocalNetwork => {
                for tries in 0..NODES {
                    let session = self.session().await?;
                    let Some(network) = session.network() else {
                        failures.push(failure("peers", session.problem()));
                        return Ok(None);
                    };
                    match self.fetch_from_peers(network, host, job, item, unpacker, failures).await {
                        Ok(fetched) => return Ok(fetched.then_some(origin)),
                        // The home's node was stopped: the job goes on with one of its own, from what is proved. One
                        // that was killed may still take a call while it dies.
                        Err(MarketError::Net(NetError::Stopped)) => {
                            self.close_session().await;
                            tokio::time::sleep(DYING * tries).await;
                        }
                        Err(error) => return Err(error),
                    }
                }
                failures.push(failure("peers", "the home's node was stopped"));
                Ok(None)
            }
        }
    }

    async fn fetch_from_directories(
        &self,
        origin: Origin,
        archive: &Archive,
        failures: &mut Vec<HolderFailure>,
    ) -> Result<Option<Origin>, MarketError> {
        let Some(path) = self.store.find_in_directories(&archive.digest, &self.settings.directories) else {
            return Ok(None);
        };
        let (store, archive, from) = (self.store.clone(), archive.clone(), path.clone());
        match blocking(move || Ok(store.import_archive(&from, &archive))).await? {
            Ok(()) => Ok(Some(origin)),
            Err(error) => {
                failures.push(failure(&path.display().to_string(), &error.to_string()));
                Ok(None)
            }
        }
    }

    async fn fetch_from_peers(
        &self,
        network: &Network,
        host: &Arc<PolicyHost>,
        job: &Job,
        item: &PlanItem,
        unpacker: &mut Unpacker,
        failures: &mut Vec<HolderFailure>,
    ) -> Result<bool, MarketError> {
        let archive = unpacker.release().release.archive.clone();
        let found = match network.holders(&archive.digest).await {
            Ok(found) => found,
            Err(NetError::Stopped) => return Err(NetError::Stopped.into()),
            Err(error) => {
                failures.push(failure("peers", &error.to_string()));
                return Ok(false);
            }
        };
        let holders = self.rank(host, job, archive.size, found).await?;
        if holders.is_empty() {
            failures.push(failure("peers", "no peer that may be asked is known to have it"));
            return Ok(false);
        }
        self.step(format!("fetching {} {}", item.chosen.id.name, item.chosen.version));
        match self.download(network, (host, job), unpacker, holders).await? {
            Ok(()) => Ok(true),
            Err(reports) => {
                let told = reports.iter().filter_map(|report| match &report.outcome {
                    ggen_net::Outcome::Failed { code, detail } => {
                        Some(failure(&report.peer.to_string(), &format!("{code}: {detail}")))
                    }
                    ggen_net::Outcome::Served => None,
                });
                failures.extend(told);
                Ok(false)
            }
        }
    }

    /// Looks for further holders while a download is under way, and has it ask them. Never ends by itself.
    pub(crate) async fn find_others(
        &self,
        network: &Network,
        (host, job): (&Arc<PolicyHost>, &Job),
        archive: &Archive,
        mut known: BTreeSet<PeerId>,
    ) {
        for times in 0.. {
            tokio::time::sleep(Duration::from_millis(look_for_others(times))).await;
            if known.len() >= MAX_TRIED {
                break;
            }
            // That nobody is found, or nobody may be asked, costs the download nothing.
            let Ok(mut found) = network.holders(&archive.digest).await else { continue };
            found.retain(|holder| known.insert(holder.peer));
            if found.is_empty() {
                continue;
            }
            match self.rank(host, job, archive.size, found).await {
                Ok(others) if !others.is_empty() => {
                    let _ = network.join_fetch(&archive.digest, others).await;
                }
                _ => {}
            }
        }
        std::future::pending().await
    }

    /// Best first, by the scoring policy; who scores nothing is not asked.
    async fn rank(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        bytes: u64,
        holders: Vec<Holder>,
    ) -> Result<Vec<Holder>, MarketError> {
        let (store, named) = (self.store.clone(), self.settings.network.clone());
        let (host, job) = (Arc::clone(host), job.clone());
        let (ranked, decisions) = blocking(move || {
            let banned = peers::bans(&store)?;
            let holders: Vec<Holder> =
                holders.into_iter().filter(|h| !banned.iter().any(|ban| ban.peer_id == h.peer)).collect();
            let named: Vec<String> = named.bootstrap.into_iter().chain(named.trusted).collect();
            let facts = peers::facts(&store, &holders, &named)?;
            let told: Vec<_> = facts.iter().map(|(told, _)| *told).collect();
            let mut seed = [0; 8];
            getrandom::fill(&mut seed).map_err(|e| MarketError::Internal(e.to_string()))?;
            let review = host.score(&job, u64::from_le_bytes(seed), Some(bytes), &told);
            let mut scored: Vec<_> = holders
                .into_iter()
                .zip(review.scores)
                .zip(facts)
                .filter(|((_, score), _)| *score > 0.0)
                .map(|((holder, score), (_, avoid))| (avoid > job.now, score, holder))
                .collect();
            scored.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            Ok((scored.into_iter().map(|(_, _, holder)| holder).collect(), review.decisions))
        })
        .await?;
        self.keep(decisions);
        Ok(ranked)
    }

    /// Resolves when the user wishes to stop.
    pub(crate) async fn cancelled(&self) {
        self.cancel.wished().await;
    }
}

fn failure(holder: &str, reason: &str) -> HolderFailure {
    HolderFailure { holder: holder.to_owned(), reason: reason.to_owned() }
}
