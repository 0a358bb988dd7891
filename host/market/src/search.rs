//! `search`: what is known here at once, what others know merged in as it arrives.
//!
//! Invariant: a package is one result however many know it, by publisher and name; and who was asked and did not answer
//! makes the answer incomplete.

use std::collections::BTreeMap;

use ggen_core::hooks::{Network as NetworkState, Origin, Task, Trouble};
use ggen_core::{PackageId, PackageName};
use ggen_net::SearchEvent;

use crate::answers::{Found, SearchAnswer};
use crate::error::MarketError;
use crate::market::{Market, blocking};
use crate::starter;

/// What `search` is asked for.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// Words.
    pub query: String,
    /// The most results.
    pub limit: usize,
}

/// Results in the order in which they were found, each once.
#[derive(Default)]
struct Results {
    order: Vec<PackageId>,
    found: BTreeMap<PackageId, Found>,
}

impl Market {
    /// Searches the catalog, the peers and the starter registry, as far as the route allows.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchAnswer, MarketError> {
        let done = self.search_job(request).await;
        self.close_session().await;
        self.write_decisions();
        done
    }

    async fn search_job(&self, request: SearchRequest) -> Result<SearchAnswer, MarketError> {
        let limit = request.limit.clamp(1, self.settings.limits.max_results.max(1));
        self.sync_index().await?;
        let mut offered = vec![Origin::Registry];
        offered.extend((!self.settings.directories.is_empty()).then_some(Origin::Organization));
        offered.extend((!self.offline).then_some(Origin::Peers));
        offered.push(Origin::Bundled);
        let job = self.job(Task::Search);
        let route = self.route(self.policies()?, &job, offered).await?;
        let (mut results, mut complete) = (Results::default(), true);
        if route.has(Origin::Bundled) {
            starter::import_to_look(self)?;
        }
        if route.has(Origin::Registry) || route.has(Origin::Organization) {
            self.search_here(&request.query, limit, &mut results).await?;
        }
        if route.has(Origin::Peers) || self.offline {
            self.search_heard(&request.query, limit, &mut results).await?;
        }
        if route.has(Origin::Peers) {
            complete = self.search_peers(&route, &request.query, limit, &mut results).await?;
        }
        let results = results.ranked(&request.query, limit);
        Ok(SearchAnswer { complete, results, warnings: self.told() })
    }

    async fn search_here(&self, query: &str, limit: usize, results: &mut Results) -> Result<(), MarketError> {
        let (store, query) = (self.store.clone(), query.to_owned());
        let hits = blocking(move || Ok(store.search(&query, limit)?)).await?;
        for hit in hits {
            let Some(version) = hit.version else { continue };
            let source = if starter::is_bundled(&hit.id) { "bundled" } else { "registry" };
            results.add(hit.id, version, hit.description, source.to_owned());
        }
        Ok(())
    }

    /// What peers told this home's node of, while it ran.
    async fn search_heard(&self, query: &str, limit: usize, results: &mut Results) -> Result<(), MarketError> {
        let (store, query) = (self.store.clone(), query.to_owned());
        for hit in blocking(move || Ok(store.search_heard(&query, limit)?)).await? {
            results.add(hit.id, hit.version, hit.description, hit.peer);
        }
        Ok(())
    }

    /// Whether everybody who was asked answered.
    async fn search_peers(
        &self,
        route: &crate::fallback::Route,
        query: &str,
        limit: usize,
        results: &mut Results,
    ) -> Result<bool, MarketError> {
        let session = self.session().await?;
        let Some(network) = session.network() else {
            self.detail(format!("the network cannot be reached: {}", session.problem()));
            let code = "bootstrap-unreachable";
            self.trouble(route, Origin::Peers, Trouble::Unreachable, code, None, NetworkState::Isolated).await?;
            return Ok(false);
        };
        self.step("asking peers");
        let mut events = network.search(query, limit, self.settings.limits.search_timeout).await?;
        let mut complete = false;
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = self.cancelled() => return Err(MarketError::Interrupted),
            };
            match event {
                None => break,
                Some(SearchEvent::Hits { peer, hits }) => {
                    for hit in hits {
                        let id = PackageId { publisher: hit.publisher, name: hit.name };
                        results.add(id, hit.version, hit.description, peer.to_string());
                    }
                }
                Some(SearchEvent::Done { complete: all, asked, answered }) => {
                    complete = all;
                    if !all {
                        let message =
                            format!("{answered} of {asked} peers answered in time: the results are incomplete");
                        self.tell("search-incomplete", message);
                    }
                }
            }
        }
        Ok(complete)
    }
}

impl Results {
    fn add(&mut self, id: PackageId, version: semver::Version, description: String, source: String) {
        let found = self.found.entry(id.clone()).or_insert_with(|| {
            self.order.push(id.clone());
            Found {
                name: id.name.clone(),
                version: version.clone(),
                publisher: id.publisher,
                description,
                sources: Vec::new(),
            }
        });
        if version > found.version {
            found.version = version;
        }
        if !found.sources.contains(&source) {
            found.sources.push(source);
        }
    }

    /// An exact name first; otherwise as they were found, what is known here before what peers say.
    fn ranked(mut self, query: &str, limit: usize) -> Vec<Found> {
        let exact = query.trim().parse::<PackageName>().ok().map(|n| n.collision_key());
        let mut results: Vec<Found> = self.order.iter().filter_map(|id| self.found.remove(id)).collect();
        results.sort_by_key(|found| Some(found.name.collision_key()) != exact);
        results.truncate(limit);
        results
    }
}
