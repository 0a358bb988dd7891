//! `p2p start`: a node that serves this home until it is told to stop; and what other commands ask of it.
//!
//! One loop, small arms. Invariant: what the node learns is on disk before the process ends, and a node that cannot
//! reach anybody, or keep what it learns, goes on serving.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ggen_core::hooks::{Network as NetworkState, Origin, Task, Trouble};
use ggen_core::reputation::Outcome;
use ggen_net::{Announcing, Handle, Identity, Mode, Multiaddr, Network, NodeEvent};
use tokio::sync::mpsc;

use crate::answers::*;
use crate::bans::if_there;
use crate::dht;
use crate::error::MarketError;
use crate::fallback::{Next, Route, peers_left_out};
use crate::heard;
use crate::market::{Market, blocking, now};
use crate::network::{bootstrap, node_config};
use crate::peers;
use crate::reload::Reloads;
use crate::serve::StoreContent;
use crate::settings::Configuration;

/// From telling that nothing can be kept to telling it again.
const TOLD_AGAIN: Duration = Duration::from_secs(600);
/// Configured peers of which it is told why they cannot be reached.
const MAX_TOLD: usize = 4;

/// What `p2p start` is asked for.
#[derive(Clone, Debug, Default)]
pub struct StartRequest {
    /// Addresses to listen on, instead of what is configured.
    pub listen: Vec<String>,
    /// Addresses to begin with, instead of what is configured.
    pub bootstrap: Vec<String>,
    /// Where its policies are read again when they change; none: it keeps those that it began with.
    pub configuration: Option<Arc<dyn Configuration>>,
}

impl Market {
    /// Runs a node until the user wishes to stop it, or `p2p stop` does.
    pub async fn p2p_start(&self, request: StartRequest, ready: impl FnOnce(NodeReady)) -> Result<(), MarketError> {
        self.require_readable_policy_file()?;
        let bootstrap_texts =
            if request.bootstrap.is_empty() { &self.settings.network.bootstrap } else { &request.bootstrap };
        let listen_texts = if request.listen.is_empty() { &self.settings.network.listen } else { &request.listen };
        let bootstrap = bootstrap(bootstrap_texts)?;
        let listen: Vec<Multiaddr> =
            listen_texts.iter().map(|t| ggen_net::parse_multiaddr(t)).collect::<Result<_, _>>()?;
        if self.running_node().await?.is_some() {
            return Err(MarketError::NodeRunning);
        }
        let claim = ggen_net::claim_control(&self.store.control_socket()).await?;
        let route = self.node_route().await?;
        self.sync_index().await?;
        let (known, has_bootstrap) = (peers::known(&self.store)?, !bootstrap.is_empty());
        let identity = Identity::Kept(self.identity()?);
        let mut config = node_config(&self.store, &self.settings, identity, Mode::Node, bootstrap, known)?;
        config.listen = listen;
        config.cursors = heard::cursors(&self.store)?;
        let store = self.store.clone();
        config.kept = blocking(move || dht::read(&store)).await?;
        let own_alone = !self.settings.network.serve_installed;
        let content = Arc::new(StoreContent { store: self.store.clone(), own_alone });
        let (handle, mut events) = ggen_net::start(config, content).await?;
        let control = match claim.serve(handle.clone(), self.store.home()) {
            Ok(control) => control,
            Err(error) => {
                let _ = handle.shutdown().await;
                return Err(error.into());
            }
        };
        self.adopt_bans(&handle).await?;
        let status = handle.status().await?;
        let listen_addresses = status.listen_addresses.iter().map(ToString::to_string).collect();
        let reloads = Reloads::new(self, request.configuration).await;
        ready(NodeReady { peer_id: status.peer_id.to_string(), listen_addresses });
        let ran = self.run_node(&handle, &mut events, &route, has_bootstrap, reloads).await;
        self.step("stopping");
        // From here on commands wait for the end instead of asking a node that cannot answer any more.
        control.withdraw();
        let stopped = handle.shutdown().await;
        // Before the next node may start: it reads what is written here.
        self.keep_the_last(&mut events).await;
        drop(control);
        self.write_decisions();
        ran?;
        Ok(stopped?)
    }

    /// Asks before anything is touched: a node without peers in its route does not begin.
    async fn node_route(&self) -> Result<Route, MarketError> {
        let offered = vec![Origin::Registry, Origin::Peers];
        let route = self.route(self.policies()?, &self.job(Task::Node), offered).await?;
        if route.has(Origin::Peers) {
            return Ok(route);
        }
        self.write_decisions();
        Err(peers_left_out())
    }

    /// The node's own identity, made at the first start and kept.
    fn identity(&self) -> Result<Vec<u8>, MarketError> {
        match self.store.node_identity()? {
            Some(identity) => Ok(identity),
            None => Ok(self.store.save_node_identity(&ggen_net::new_identity()?)?),
        }
    }

    async fn run_node(
        &self,
        handle: &Handle,
        events: &mut mpsc::Receiver<NodeEvent>,
        route: &Route,
        has_bootstrap: bool,
        mut reloads: Reloads<'_>,
    ) -> Result<(), MarketError> {
        let announcing = self.announce_home(handle, self.store.last_change()?);
        tokio::pin!(announcing);
        let joining = self.join(handle, route, has_bootstrap);
        tokio::pin!(joining);
        let (mut joined, mut told) = (false, None);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    None | Some(NodeEvent::StopRequested) => return Ok(()),
                    Some(NodeEvent::Request { verb, answer, .. }) if verb == "reload" => reloads.wish(answer),
                    Some(event) => {
                        let taken = self.take_node_event(handle, event).await;
                        taken.unwrap_or_else(|error| self.tell_unkept(&error, &mut told));
                    }
                },
                result = &mut joining, if !joined => {
                    joined = true;
                    result?;
                }
                result = reloads.work() => result?,
                result = &mut announcing => return result,
                () = self.cancelled() => return Ok(()),
            }
        }
    }

    /// A disk that fails costs what was to be kept, never the node. Told now and then: peers make the events.
    fn tell_unkept(&self, error: &MarketError, told: &mut Option<Instant>) {
        if told.is_some_and(|at| at.elapsed() < TOLD_AGAIN) {
            return self.detail(format!("what the node learned is not kept: {error}"));
        }
        *told = Some(Instant::now());
        let message = format!(
            "what this node learns of its peers cannot be kept now ({error}); it goes on serving. See what is wrong with \
             its home (ggen marketplace doctor)"
        );
        self.tell("not-kept", message);
    }

    /// Waits for the first peer; where none answers, the fallback policy says whether the node goes on alone.
    async fn join(&self, handle: &Handle, route: &Route, has_bootstrap: bool) -> Result<(), MarketError> {
        let joined = handle.joined(self.settings.limits.bootstrap_timeout).await;
        if joined.is_connected() || !has_bootstrap {
            return Ok(());
        }
        for (address, why) in joined.failures.iter().take(MAX_TOLD) {
            self.tell("peer-unreachable", format!("{address} cannot be reached: {why}"));
        }
        let code = "bootstrap-unreachable";
        // The node itself tries again in the background; only a policy's stop ends it.
        match self.trouble(route, Origin::Peers, Trouble::Unreachable, code, None, NetworkState::Isolated).await? {
            Next::Degraded | Next::Again | Next::TurnTo(_) => {}
        }
        self.write_decisions();
        Ok(())
    }

    async fn take_node_event(&self, handle: &Handle, event: NodeEvent) -> Result<(), MarketError> {
        let store = self.store.clone();
        match event {
            NodeEvent::Identified { peer, addresses } => {
                blocking(move || peers::remember(&store, &peer, &addresses, now())).await
            }
            NodeEvent::Heard(heard) => blocking(move || heard::keep(&store, heard)).await,
            NodeEvent::Synced { heads, cursor } => blocking(move || heard::follow(&store, heads, cursor)).await,
            // Kept for others alone: the catalog takes only what a job of this home asked for, so that nobody can fill
            // it by storing heads here.
            NodeEvent::Kept(kept) => {
                self.keep_dht(kept).await;
                Ok(())
            }
            NodeEvent::Announcing(announcing) => {
                self.tell_announcing(announcing);
                Ok(())
            }
            NodeEvent::Network { state, evidence } => {
                self.tell_network(state, &evidence);
                Ok(())
            }
            NodeEvent::Offence(offence) => {
                let peer = offence.peer;
                blocking(move || peers::note(&store, &peer, Outcome::Failed)).await?;
                let network = Network::Own(handle.clone());
                let sentence = self.judge(&self.job(Task::Node), Some(&network), &offence).await?;
                self.detail(format!("{} of {}: {sentence:?}", offence.code, offence.peer));
                self.write_decisions();
                Ok(())
            }
            NodeEvent::Banned(ban) => {
                blocking(move || Ok(store.put_ban(&ban.peer_id.to_string(), ban.until, &ban.reason)?)).await
            }
            NodeEvent::Unbanned(peer) => {
                blocking(move || store.remove_ban(&peer.to_string()).map(|_| ()).map_err(Into::into)).await
            }
            NodeEvent::Request { verb, answer, .. } => {
                let _ = answer.send(Err(("unknown-verb".to_owned(), format!("this node does not know {verb:?}"))));
                Ok(())
            }
            NodeEvent::StopRequested => Ok(()),
        }
    }

    fn tell_announcing(&self, announcing: Announcing) {
        let Announcing { behind, keys, late, oldest } = announcing;
        if !behind {
            return self.tell("announcements-in-time", format!("announcements are in time again: {keys} keys"));
        }
        let text = |time: Duration| match time.as_secs() {
            seconds @ ..300 => format!("{seconds} s"),
            seconds => format!("{} min", seconds / 60),
        };
        let (oldest, lasts) = (text(oldest), text(self.settings.limits.republish_interval.saturating_mul(4)));
        let message = format!(
            "this node is behind with its announcements: {late} of {keys} keys are late, the oldest by {oldest}; others \
             forget what it holds {lasts} after they heard of it last. See whether its peers answer (ggen marketplace \
             p2p status), or let it announce more seldom ([limits] republish_interval)"
        );
        self.tell("announcements-late", message);
    }

    fn tell_network(&self, state: ggen_net::NetworkState, evidence: &[String]) {
        use ggen_net::NetworkState as State;
        let why = evidence.iter().filter_map(|e| e.strip_prefix("! ")).collect::<Vec<_>>().join(", ");
        match state {
            State::Online => self.step("the network is there"),
            State::Degraded | State::Isolated | State::Stale => {
                let what = "Limited P2P connectivity, some packages may be unavailable";
                self.tell("limited-connectivity", format!("{what} ({why})"));
            }
        }
    }

    /// How the home's node is, asked of it from any process; the paper's page where none runs.
    pub async fn p2p_status(&self) -> Result<StatusAnswer, MarketError> {
        let packages_indexed = self.store.package_count()?;
        let disk_space_available = self.store.available_space()?;
        let registry_loaded = self.sync_index().await.is_ok();
        let health = |peers: usize, dht: bool| Health {
            p2p_connected: peers > 0,
            peer_count: peers,
            dht_responsive: dht,
            registry_loaded,
            disk_space_available,
        };
        let status = match self.running_node().await? {
            Some(network) => if_there(network.status().await)?,
            None => None,
        };
        let Some(status) = status else {
            return Ok(StatusAnswer {
                running: false,
                peer_id: None,
                listen_addresses: Vec::new(),
                connected_peers: 0,
                network: "isolated".to_owned(),
                evidence: vec!["no node runs in this home".to_owned()],
                health: health(0, false),
                packages_indexed,
            });
        };
        let state = serde_json::to_value(status.network).ok().and_then(|v| v.as_str().map(str::to_owned));
        Ok(StatusAnswer {
            running: true,
            peer_id: Some(status.peer_id.to_string()),
            listen_addresses: status.listen_addresses.iter().map(ToString::to_string).collect(),
            connected_peers: status.connected_peers,
            network: state.unwrap_or_default(),
            evidence: status.evidence,
            health: health(status.connected_peers, status.dht_responsive),
            packages_indexed,
        })
    }

    /// Peers of the home's node, with what the scoring policy makes of them.
    pub async fn p2p_peers(&self) -> Result<PeersAnswer, MarketError> {
        let Some(network) = self.running_node().await? else { return Err(MarketError::NodeNotRunning) };
        let Some(peers) = if_there(network.peers().await)? else { return Err(MarketError::NodeNotRunning) };
        let holder = |p: &ggen_net::PeerInfo| ggen_net::Holder { peer: p.peer_id, addresses: p.addresses.clone() };
        let holders: Vec<_> = peers.iter().map(holder).collect();
        let (store, named, host, job) =
            (self.store.clone(), self.settings.network.trusted.clone(), self.policies()?, self.job(Task::Node));
        let review = blocking(move || {
            let facts: Vec<_> = peers::facts(&store, &holders, &named)?.into_iter().map(|(f, _)| f).collect();
            Ok(host.score(&job, 0, None, &facts))
        })
        .await?;
        let answer = |(p, score): (ggen_net::PeerInfo, f64)| PeerAnswer {
            peer_id: p.peer_id.to_string(),
            addresses: p.addresses.iter().map(ToString::to_string).collect(),
            score: Some(score),
            direction: match p.direction {
                ggen_net::Direction::Inbound => "inbound".to_owned(),
                ggen_net::Direction::Outbound => "outbound".to_owned(),
            },
        };
        Ok(PeersAnswer { peers: peers.into_iter().zip(review.scores).map(answer).collect() })
    }

    /// Stops the home's node.
    pub async fn p2p_stop(&self) -> Result<StopAnswer, MarketError> {
        match self.running_node().await? {
            None => Ok(StopAnswer { stopped: false }),
            Some(network) => {
                // One that somebody else stops at this moment is gone when this returns, too.
                if_there(network.stop().await)?;
                Ok(StopAnswer { stopped: true })
            }
        }
    }
}
