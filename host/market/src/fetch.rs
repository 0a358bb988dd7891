//! One archive, from wherever the route allows: this disk, file registries, peers, the program itself.
//!
//! Holders are ranked by the scoring policy in one call; offences are judged as they happen. Invariant: what enters the
//! store has the digest that the publisher signed, whoever it came from.

use std::sync::Arc;

use ggen_core::hooks::{Job, Network as NetworkState, OffenceClass, Origin, Trouble};
use ggen_core::release::Archive;
use ggen_core::reputation::Outcome;
use ggen_net::{FetchEvent, FetchReport, FetchRequest, Holder, HolderReport, NetError, Network};
use ggen_policy::PolicyHost;
use tokio::sync::mpsc;

use crate::error::{HolderFailure, MarketError};
use crate::fallback::{Next, Route};
use crate::market::{Market, blocking};
use crate::peers::{self, Sentence};
use crate::report::Progress;
use crate::solve::PlanItem;
use crate::starter;

/// Events of a fetch that wait to be read.
const EVENTS: usize = 256;

impl Market {
    /// Brings the archive of `item` into the store; where it came from.
    pub(crate) async fn fetch(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        route: &Route,
        item: &PlanItem,
    ) -> Result<Origin, MarketError> {
        let (name, version) = (&item.chosen.id.name, &item.chosen.version);
        let Some(archive) = item.release().map(|r| r.release.archive.clone()) else {
            return Err(MarketError::Unsigned { name: name.clone(), version: version.clone() });
        };
        let mut failures = Vec::new();
        loop {
            for origin in route.origins() {
                if let Some(from) = self.fetch_from(origin, host, job, item, &archive, &mut failures).await? {
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
        archive: &Archive,
        failures: &mut Vec<HolderFailure>,
    ) -> Result<Option<Origin>, MarketError> {
        self.check_cancelled()?;
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
                let session = self.session().await?;
                let Some(network) = session.network() else {
                    failures.push(failure("peers", session.problem()));
                    return Ok(None);
                };
                let fetched = self.fetch_from_peers(network, host, job, item, archive, failures).await?;
                Ok(fetched.then_some(origin))
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
        archive: &Archive,
        failures: &mut Vec<HolderFailure>,
    ) -> Result<bool, MarketError> {
        let found = match network.holders(&archive.digest).await {
            Ok(found) => found,
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
        match self.download(network, job, archive, holders).await? {
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

    /// Fetches into a partial file that a later run can resume, and moves it into the store once it is whole.
    async fn download(
        &self,
        network: &Network,
        job: &Job,
        archive: &Archive,
        holders: Vec<Holder>,
    ) -> Result<Result<(), Vec<HolderReport>>, MarketError> {
        let (store, wanted) = (self.store.clone(), archive.clone());
        let mut partial = blocking(move || Ok(store.partial(&wanted)?)).await?;
        if partial.is_stored() {
            return Ok(Ok(())); // another process was quicker
        }
        let io = |source| MarketError::Io { path: partial.path().to_owned(), action: "opened", source };
        let destination = partial.file().try_clone().map_err(io)?;
        let proved = (0..ggen_core::chunks::chunk_count(archive.size)).map(|index| partial.has(index)).collect();
        let request =
            FetchRequest { archive: archive.clone(), holders, destination, path: partial.path().to_owned(), proved };
        let (events, mut told) = mpsc::channel(EVENTS);
        let fetching = network.fetch(request, events);
        tokio::pin!(fetching);
        let result = loop {
            tokio::select! {
                event = told.recv() => if let Some(event) = event {
                    self.take_event(network, job, archive.size, &mut partial, event).await?;
                } else {
                    break (&mut fetching).await;
                },
                done = &mut fetching => break done,
                () = self.cancelled() => return Err(MarketError::Interrupted),
            }
        };
        while let Ok(event) = told.try_recv() {
            self.take_event(network, job, archive.size, &mut partial, event).await?;
        }
        match result {
            Ok(report) => {
                self.note_holders(&report).await?;
                blocking(move || Ok(partial.finish_hashed(report.digest)?)).await?;
                Ok(Ok(()))
            }
            Err(NetError::Fetch { holders, .. }) => Ok(Err(holders)),
            Err(other) => Err(other.into()),
        }
    }

    async fn take_event(
        &self,
        network: &Network,
        job: &Job,
        total: u64,
        partial: &mut ggen_store::Partial,
        event: FetchEvent,
    ) -> Result<(), MarketError> {
        match event {
            FetchEvent::Progress { bytes } => self.reporter.report(Progress::Bytes { done: bytes, total }),
            FetchEvent::ChunkProved { index } => partial.mark(index)?,
            FetchEvent::HolderDone { .. } => {}
            FetchEvent::Offence(offence) => {
                let outcome = match offence.class {
                    OffenceClass::CorruptData => Outcome::Corrupt,
                    OffenceClass::Stalled => Outcome::TimedOut,
                    _ => Outcome::Failed,
                };
                let store = self.store.clone();
                let peer = offence.peer;
                blocking(move || peers::note(&store, &peer, outcome)).await?;
                let sentence = self.judge(job, Some(network), &offence).await?;
                let consequence = match sentence {
                    Sentence::Banned { seconds } => format!("; the peer is banned for {} min", seconds / 60),
                    Sentence::Avoided => "; the peer is asked last for a while".to_owned(),
                    Sentence::Nothing => String::new(),
                };
                let (what, code) = match offence.class {
                    OffenceClass::CorruptData => {
                        ("Package verification failed, trying alternate source", "verification-failed")
                    }
                    _ => ("A holder failed, trying alternate source", "holder-failed"),
                };
                self.tell(code, format!("{what}: {} ({}){consequence}", offence.peer, offence.detail));
            }
        }
        Ok(())
    }

    async fn note_holders(&self, report: &FetchReport) -> Result<(), MarketError> {
        let (store, holders) = (self.store.clone(), report.holders.clone());
        blocking(move || {
            for holder in holders.iter().filter(|h| h.bytes > 0) {
                let elapsed_ms = u64::try_from(holder.elapsed.as_millis()).unwrap_or(u64::MAX);
                let latency_ms = holder.latency_ms.map(|l| l as f64);
                peers::note(&store, &holder.peer, Outcome::Served { bytes: holder.bytes, elapsed_ms, latency_ms })?;
            }
            Ok(())
        })
        .await
    }

    /// Resolves when the user wishes to stop.
    pub(crate) async fn cancelled(&self) {
        while !self.cancel.is_cancelled() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

fn failure(holder: &str, reason: &str) -> HolderFailure {
    HolderFailure { holder: holder.to_owned(), reason: reason.to_owned() }
}
