//! The network as a job sees it: the home's running node, or a short-lived one of the job's own, or none.
//!
//! Decides which of them; never which origin may be touched (the fallback policy does, before this is called).
//! Invariant: a job without an answer from anybody ends in time: every wait here has its limit.

use std::path::Path;
use std::sync::Arc;

use ggen_core::limits::Limits;
use ggen_net::{Handle, Identity, Mode, Multiaddr, Network, NoContent, NodeConfig, NodeEvent, PeerId, SwarmKey};
use ggen_store::{Store, read_secret};
use tokio::sync::mpsc;

use crate::error::MarketError;
use crate::market::{Market, now};
use crate::peers;
use crate::session::Session;
use crate::settings::Settings;

impl Market {
    /// The way to the network; made at the first call.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, MarketError> {
        let mut kept = self.session.lock().await;
        if let Some(session) = kept.as_ref() {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.open_session().await?);
        *kept = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Ends what [`Self::session`] began; the next call begins anew.
    pub(crate) async fn close_session(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.close().await;
        }
    }

    async fn open_session(&self) -> Result<Session, MarketError> {
        if self.offline {
            return Ok(Session::none("this run is offline"));
        }
        if let Some(network) = self.running_node().await? {
            return Ok(Session::over(network));
        }
        let bootstrap = bootstrap(&self.settings.network.bootstrap)?;
        let known = peers::known(&self.store)?;
        if bootstrap.is_empty() && known.is_empty() {
            return Ok(Session::none("no bootstrap address is configured and no peer is known"));
        }
        self.step("connecting");
        let config = node_config(&self.store, &self.settings, Identity::OfTheMoment, Mode::Command, bootstrap, known)?;
        let (handle, events) = ggen_net::start(config, Arc::new(NoContent)).await?;
        drain(self.store.clone(), events);
        // Each dial ends by itself in its time; a little longer, so that what came of it is heard, too.
        let joined = handle.joined(self.settings.limits.dial_timeout.mul_f64(1.25)).await;
        if joined.is_connected() {
            handle.settled(self.settings.limits.lookup_grace).await;
            return Ok(Session::over(Network::Own(handle)));
        }
        let problem = unreachable(&handle, &joined.failures).await;
        // Nothing else on this machine says so, and trying again does not help.
        if problem.contains(ggen_net::ANOTHER_KEY) {
            self.tell("another-network", format!("the network may be a private one: {problem}"));
        }
        Ok(Session::none(problem))
    }

    /// The home's running node, if one runs.
    pub(crate) async fn running_node(&self) -> Result<Option<Network>, MarketError> {
        let connected = ggen_net::connect(&self.store.control_socket(), Arc::new(self.settings.limits.clone())).await?;
        Ok(connected.map(Network::Running))
    }
}

async fn unreachable(handle: &Handle, failures: &[(String, String)]) -> String {
    let _ = handle.shutdown().await;
    match failures {
        [] => "no known peer answers".to_owned(),
        [(address, why)] => format!("{address} cannot be reached: {why}"),
        [(address, why), more @ ..] => format!("{address} cannot be reached: {why}; and {} more", more.len()),
    }
}

/// Reads bootstrap addresses; a malformed one is named.
pub(crate) fn bootstrap(texts: &[String]) -> Result<Vec<(PeerId, Multiaddr)>, MarketError> {
    texts.iter().map(|text| ggen_net::parse_bootstrap(text).map_err(MarketError::Net)).collect()
}

/// How a node of this home is set up.
pub(crate) fn node_config(
    store: &Store,
    settings: &Settings,
    identity: Identity,
    mode: Mode,
    bootstrap: Vec<(PeerId, Multiaddr)>,
    known: Vec<(PeerId, Multiaddr)>,
) -> Result<NodeConfig, MarketError> {
    let limits: Arc<Limits> = Arc::new(settings.limits.clone());
    let banned = peers::bans(store)?;
    // Only a node stays long enough to hear of its neighbours.
    let mdns = settings.network.mdns && mode == Mode::Node;
    let swarm_key = settings.network.swarm_key.as_deref().map(swarm_key).transpose()?;
    let (reach, relay) = (settings.network.reach, settings.network.relay);
    Ok(NodeConfig {
        identity,
        mode,
        bootstrap,
        known,
        banned,
        mdns,
        limits,
        reach,
        relay,
        swarm_key,
        ..NodeConfig::default()
    })
}

/// The longest file of a network's key, in bytes.
const MAX_SWARM_KEY: u64 = 4096;

/// The key of a private network. Nothing is done without it: a mistake here must not make the network a public one.
fn swarm_key(path: &Path) -> Result<SwarmKey, MarketError> {
    let wrong = |problem| MarketError::SwarmKey { path: path.to_owned(), problem };
    read_secret(path, MAX_SWARM_KEY).and_then(|text| text.parse()).map_err(wrong)
}

/// Remembers who was met; a short-lived node serves nobody, so nothing else concerns it.
fn drain(store: Store, mut events: mpsc::Receiver<NodeEvent>) {
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let NodeEvent::Identified { peer, addresses } = event {
                let store = store.clone();
                let remember = move || peers::remember(&store, &peer, &addresses, now());
                let _ = tokio::task::spawn_blocking(remember).await;
            }
        }
    });
}
