//! One archive from peers, unpacked while it arrives.
//!
//! Decides what becomes of a download: into the store when it is whole and what was signed, kept for a later run when it
//! broke off. Invariant: nothing unpacks any more once [`Market::download`] has its answer; what it unpacked is visible
//! to nobody.

use std::sync::Arc;

use ggen_core::chunks::chunk_count;
use ggen_core::hooks::{Job, OffenceClass};
use ggen_core::release::SignedRelease;
use ggen_core::reputation::Outcome;
use ggen_net::{FetchEvent, FetchReport, FetchRequest, Holder, HolderReport, NetError, Network};
use ggen_policy::PolicyHost;
use ggen_store::{Partial, StagedPackage, StagingPlace, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::error::MarketError;
use crate::market::{Market, blocking};
use crate::peers::{self, Sentence};
use crate::report::Progress;

/// Events of a fetch that wait to be read.
const EVENTS: usize = 256;

/// Unpacks one package of a plan.
pub(crate) struct Unpacker {
    release: SignedRelease,
    place: StagingPlace,
    /// Has as many permits as packages may be unpacked at once; when all are back, nothing writes in the staging.
    room: Arc<Semaphore>,
    staged: Option<StagedPackage>,
}

type Unpacking = tokio::task::JoinHandle<Result<StagedPackage, StoreError>>;

impl Unpacker {
    pub(crate) fn new(release: SignedRelease, place: StagingPlace, room: Arc<Semaphore>) -> Self {
        Self { release, place, room, staged: None }
    }

    /// The same once more, with nothing unpacked.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.release.clone(), self.place.clone(), Arc::clone(&self.room))
    }

    pub(crate) fn release(&self) -> &SignedRelease {
        &self.release
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, MarketError> {
        let permit = Arc::clone(&self.room).acquire_owned().await;
        permit.map_err(|e| MarketError::Internal(e.to_string()))
    }

    /// Unpacks on a thread of its own, as the chunks are proved.
    async fn follow(&self, partial: &Partial) -> Result<Unpacking, MarketError> {
        let (permit, arriving) = (self.permit().await?, partial.arriving()?);
        let (place, release) = (self.place.clone(), self.release.clone());
        Ok(tokio::task::spawn_blocking(move || {
            let staged = place.unpack_arriving(&release, arriving);
            drop(permit);
            staged
        }))
    }

    /// What was unpacked while it arrived, or else is unpacked now, from the store.
    pub(crate) async fn staged(self) -> Result<StagedPackage, MarketError> {
        if let Some(staged) = self.staged {
            return Ok(staged);
        }
        let permit = self.permit().await?;
        blocking(move || {
            let staged = self.place.unpack(&self.release);
            drop(permit);
            Ok(staged?)
        })
        .await
    }
}

impl Market {
    /// Fetches into a partial file that a later run can resume, and moves it into the store once it is whole.
    pub(crate) async fn download(
        &self,
        network: &Network,
        policies: (&Arc<PolicyHost>, &Job),
        unpacker: &mut Unpacker,
        holders: Vec<Holder>,
    ) -> Result<Result<(), Vec<HolderReport>>, MarketError> {
        let (store, wanted) = (self.store.clone(), unpacker.release.release.archive.clone());
        let mut partial = blocking(move || Ok(store.partial(&wanted)?)).await?;
        if partial.is_stored() {
            // Another process was quicker; nothing will go on with what was begun here.
            return blocking(move || Ok(partial.discard()?)).await.map(Ok);
        }
        let unpacking = unpacker.follow(&partial).await?;
        let fetched = self.fetch_into(network, policies, unpacker, &mut partial, holders).await;
        let stored = match fetched {
            Ok(Ok(digest)) => blocking(move || Ok(partial.finish_hashed(digest)?)).await.map(Ok),
            Ok(Err(reports)) => {
                drop(partial);
                Ok(Err(reports))
            }
            Err(error) => {
                drop(partial);
                Err(error)
            }
        };
        // It ends: the download is over, whole or not.
        let unpacked = unpacking.await.map_err(|e| MarketError::Internal(format!("an unpacker ended early: {e}")))?;
        if matches!(stored, Ok(Ok(()))) {
            unpacker.staged = Some(unpacked?);
        }
        stored
    }

    /// The digest of what came, or how each holder failed.
    async fn fetch_into(
        &self,
        network: &Network,
        policies: (&Arc<PolicyHost>, &Job),
        unpacker: &Unpacker,
        partial: &mut Partial,
        holders: Vec<Holder>,
    ) -> Result<Result<ggen_core::Digest, Vec<HolderReport>>, MarketError> {
        let (archive, job) = (unpacker.release.release.archive.clone(), policies.1);
        let io = |source| MarketError::Io { path: partial.path().to_owned(), action: "opened", source };
        let destination = partial.file().try_clone().map_err(io)?;
        let (size, path) = (archive.size, partial.path().to_owned());
        let proved = (0..chunk_count(size)).map(|index| partial.has(index)).collect();
        let known = holders.iter().map(|holder| holder.peer).collect();
        let others = self.find_others(network, policies, &unpacker.release.release.archive, known);
        tokio::pin!(others);
        let request = FetchRequest { archive, holders, destination, path, proved };
        let (events, mut told) = mpsc::channel(EVENTS);
        let fetching = network.fetch(request, events);
        tokio::pin!(fetching);
        let result = loop {
            tokio::select! {
                event = told.recv() => if let Some(event) = event {
                    self.take_event(network, job, size, partial, event).await?;
                } else {
                    break (&mut fetching).await;
                },
                done = &mut fetching => break done,
                () = &mut others => {}
                () = self.cancelled() => return Err(MarketError::Interrupted),
            }
        };
        while let Ok(event) = told.try_recv() {
            self.take_event(network, job, size, partial, event).await?;
        }
        match result {
            Ok(report) => {
                self.note_holders(&report).await?;
                Ok(Ok(report.digest))
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
        partial: &mut Partial,
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
}
