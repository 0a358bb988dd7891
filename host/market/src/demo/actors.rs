//! Who acts in the demo: homes, their nodes, and one holder that lies.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ggen_core::head::HeadBundle;
use ggen_core::{Digest, PackageId, PackageName};
use ggen_net::{ArchiveSource, CatalogHit, Content, Handle, Identity, Mode, NodeConfig, PackageBundle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::answers::{NodeReady, Notice};
use crate::error::MarketError;
use crate::market::{Market, MarketOptions};
use crate::node::StartRequest;
use crate::report::{Cancel, Progress, Reporter};
use crate::serve::StoreContent;
use crate::settings::Settings;

const LOOPBACK: &str = "/ip4/127.0.0.1/tcp/0";

/// Keeps what the user would have been told.
#[derive(Default)]
pub(super) struct Notes(Mutex<Vec<Notice>>);

impl Notes {
    /// What was told since the last time.
    pub(super) fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reporter for Notes {
    fn report(&self, progress: Progress) {
        if let Progress::Notice(notice) = progress {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
        }
    }
}

/// Somebody with a home.
pub(super) struct Actor {
    pub(super) home: PathBuf,
    pub(super) notes: Arc<Notes>,
    pub(super) settings: Settings,
    node: Option<(Cancel, JoinHandle<Result<(), MarketError>>)>,
}

impl Actor {
    /// A home of its own beneath `root`, which begins at `bootstrap`.
    pub(super) fn new(root: &Path, name: &str, bootstrap: &[String]) -> Self {
        let mut settings = Settings::default();
        settings.network.bootstrap = bootstrap.to_vec();
        settings.network.listen = vec![LOOPBACK.to_owned()];
        settings.network.mdns = false;
        Self { home: root.join(name), notes: Arc::default(), settings, node: None }
    }

    /// The home, opened for one job.
    pub(super) fn market(&self, offline: bool) -> Result<Market, MarketError> {
        self.open(offline, Cancel::default())
    }

    fn open(&self, offline: bool, cancel: Cancel) -> Result<Market, MarketError> {
        let reporter: Arc<dyn Reporter> = Arc::<Notes>::clone(&self.notes);
        Market::open(MarketOptions {
            home: self.home.clone(),
            directory: None,
            settings: self.settings.clone(),
            offline,
            reporter,
            cancel,
        })
    }

    /// Starts the home's node; its address.
    pub(super) async fn start(&mut self) -> Result<String, MarketError> {
        let (cancel, (ready, is_ready)) = (Cancel::default(), oneshot::channel::<NodeReady>());
        let market = self.open(false, cancel.clone())?;
        let run = async move {
            let tell = |answer| drop(ready.send(answer));
            market.p2p_start(StartRequest::default(), tell).await
        };
        let running = tokio::spawn(run);
        match is_ready.await {
            Ok(answer) => {
                self.node = Some((cancel, running));
                answer.listen_addresses.into_iter().next().ok_or_else(|| internal("the node listens nowhere"))
            }
            Err(_) => match running.await {
                Ok(Err(error)) => Err(error),
                _ => Err(internal("the node ended early")),
            },
        }
    }

    /// Stops the home's node.
    pub(super) async fn stop(&mut self) {
        if let Some((cancel, running)) = self.node.take() {
            cancel.cancel();
            let _ = running.await;
        }
    }
}

fn internal(text: &str) -> MarketError {
    MarketError::Internal(text.to_owned())
}

/// Serves what an honest home has, with one bit wrong in every chunk.
struct Liar(StoreContent);

struct WrongArchive(Box<dyn ArchiveSource>);

impl ArchiveSource for WrongArchive {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn chunk_list(&self) -> Vec<u8> {
        self.0.chunk_list()
    }

    fn read_chunk(&self, index: u64) -> std::io::Result<Vec<u8>> {
        let mut bytes = self.0.read_chunk(index)?;
        if let Some(first) = bytes.first_mut() {
            *first ^= 1;
        }
        Ok(bytes)
    }
}

impl Content for Liar {
    fn search(&self, query: &str, limit: usize) -> Vec<CatalogHit> {
        self.0.search(query, limit)
    }

    fn heads(&self, name: &PackageName, limit: usize, room: usize) -> Vec<HeadBundle> {
        self.0.heads(name, limit, room)
    }

    fn package(&self, id: &PackageId) -> Option<PackageBundle> {
        self.0.package(id)
    }

    fn archive(&self, digest: &Digest) -> Option<Box<dyn ArchiveSource>> {
        self.0.archive(digest).map(|honest| Box::new(WrongArchive(honest)) as Box<dyn ArchiveSource>)
    }
}

/// Starts a node that lies about what `actor` holds.
pub(super) async fn start_liar(actor: &Actor) -> Result<Handle, MarketError> {
    let market = actor.market(false)?;
    let config = NodeConfig {
        identity: Identity::OfTheMoment,
        mode: Mode::Node,
        listen: vec![ggen_net::parse_multiaddr(LOOPBACK)?],
        bootstrap: crate::network::bootstrap(&actor.settings.network.bootstrap)?,
        limits: Arc::new(actor.settings.limits.clone()),
        ..NodeConfig::default()
    };
    let archives = market.store.held_archives()?;
    let content = Arc::new(Liar(StoreContent { store: market.store, own_alone: false }));
    let (handle, mut events) = ggen_net::start(config, content).await?;
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    handle.joined(actor.settings.limits.bootstrap_timeout).await;
    handle.provide(&archives, &[]).await?;
    Ok(handle)
}
