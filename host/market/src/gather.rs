//! Fetching what the resolver does not know yet: whose a name is, and which versions a package has.
//!
//! From the catalog always; from peers only where the job's route has come to them, all names side by side. What peers
//! say is verified before it enters the catalog. Invariant: every name and package that was asked for is known
//! afterwards, if only as nobody's, so that the resolver never asks twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use futures::stream::{self, StreamExt};
use ggen_core::head::{SignedHead, Succession};
use ggen_core::hooks::{Job, Origin};
use ggen_core::lockfile::Lockfile;
use ggen_core::naming::NameFacts;
use ggen_core::release::SignedRelease;
use ggen_core::resolve::{Knowledge, Missing, Request};
use ggen_core::{PackageId, PackageName, PublisherId};
use ggen_net::{FoundPackage, Network, PeerId};
use ggen_policy::PolicyHost;
use ggen_store::{CatalogPackage, Source, StoreError};
use semver::{Version, VersionReq};

use crate::advisories::Feeds;
use crate::error::MarketError;
use crate::facts;
use crate::market::{Market, blocking, now};
use crate::session::Session;

/// Questions to the network that are under way at once.
const SIDE_BY_SIDE: usize = 16;

/// Heads that are taken for one name: whoever floods a name gains nothing by it.
const MAX_CLAIMS: usize = 64;

/// What a resolution works with.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) knowledge: Knowledge,
    pub(crate) catalog: BTreeMap<PackageId, CatalogPackage>,
    /// Origins that the route has come to.
    pub(crate) touched: BTreeSet<Origin>,
    /// The way to peers, once touched.
    pub(crate) session: Option<Arc<Session>>,
    /// What it is for.
    pub(crate) wanted: Wanted,
}

/// What a job wants resolved.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    /// What the user typed, and what the project asks for.
    pub(crate) requests: Vec<Request>,
    /// Packages that came as files on the command line.
    pub(crate) files: BTreeSet<PackageId>,
    /// The project's lockfile.
    pub(crate) lock: Arc<Lockfile>,
    /// What is held to its version wherever that is possible.
    pub(crate) keep: BTreeMap<PackageId, Version>,
    /// What an upgrade looks at anew.
    pub(crate) fresh: Fresh,
    /// What the feeds of advisories say.
    pub(crate) feeds: Arc<Feeds>,
}

/// Which packages a ranking policy is not told to be installed, so that it prefers none of their versions for that.
#[derive(Clone, Default)]
pub(crate) enum Fresh {
    /// None: what is installed is.
    #[default]
    Nothing,
    /// These names, by their collision keys.
    Some(BTreeSet<String>),
    /// All of them.
    Everything,
}

impl Fresh {
    fn has(&self, name: &PackageName) -> bool {
        match self {
            Self::Nothing => false,
            Self::Some(keys) => keys.contains(&name.collision_key()),
            Self::Everything => true,
        }
    }
}

impl Market {
    /// Makes known what is missing.
    pub(crate) async fn gather(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        missing: Missing,
        gathered: &mut Gathered,
    ) -> Result<(), MarketError> {
        self.check_cancelled()?;
        if let Some(network) = gathered.session.as_ref().and_then(|s| s.network()) {
            self.ask_names(network, gathered, &missing.names).await?;
            self.ask_packages(network, gathered, &missing.packages).await?;
        }
        for name in missing.names {
            let facts = self.name_facts(&name, &gathered.wanted.lock)?;
            gathered.knowledge.names.insert(name.collision_key(), facts);
        }
        self.learn(host, job, missing.packages, gathered).await
    }

    fn name_facts(&self, name: &PackageName, lock: &Lockfile) -> Result<NameFacts, MarketError> {
        let same = |other: &&PackageName| other.collision_key() == name.collision_key();
        let organization = self.settings.names.keys().find(same).and_then(|n| self.settings.names.get(n)).copied();
        let binding = self.store.binding(name)?.map(|b| b.publisher);
        let claimants: BTreeSet<PublisherId> = self.store.claimants(name)?.into_iter().map(|id| id.publisher).collect();
        let lock = lock.package(name).map(|p| p.id.publisher);
        Ok(NameFacts { organization, lock, binding, claimants: claimants.into_iter().collect() })
    }

    /// Takes packages from the catalog and has their versions ranked.
    async fn learn(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        packages: BTreeSet<PackageId>,
        gathered: &mut Gathered,
    ) -> Result<(), MarketError> {
        let (mut questions, mut asked) = (Vec::new(), Vec::new());
        for id in packages {
            self.check_cancelled()?;
            let Some(package) = self.store.package(&id)? else {
                gathered.knowledge.packages.insert(id, Default::default());
                continue;
            };
            let installed = match gathered.wanted.fresh.has(&id.name) {
                true => None,
                false => self.installed_version(&id)?,
            };
            let known = facts::known_package(&package, installed.as_ref(), gathered.wanted.keep.get(&id));
            if !known.versions.is_empty() {
                let requirement = requirement_of(&gathered.wanted.requests, &id.name);
                let advisories = &gathered.wanted.feeds.advisories;
                questions.push(facts::rank_question(&id, &package, &known, requirement, advisories));
                asked.push(id.clone());
            }
            gathered.knowledge.packages.insert(id.clone(), known);
            gathered.catalog.insert(id, package);
        }
        if questions.is_empty() {
            return Ok(());
        }
        let (host, job) = (Arc::clone(host), job.clone());
        let review = blocking(move || Ok(host.rank(&job, &questions))).await?;
        self.keep(review.decisions);
        for (id, ranked) in asked.iter().zip(review.rankings?) {
            let Some(known) = gathered.knowledge.packages.get_mut(id) else { continue };
            for excluded in &ranked.excluded {
                if let Some(version) = known.versions.get_mut(excluded.candidate as usize) {
                    version.excluded =
                        Some(format!("{}/{}: {}", excluded.policy, excluded.reason.code, excluded.reason.message));
                }
            }
            known.order = ranked.order.unwrap_or_default().into_iter().map(|i| i as usize).collect();
        }
        Ok(())
    }

    pub(crate) fn installed_version(&self, id: &PackageId) -> Result<Option<Version>, MarketError> {
        let installed = self.store.installed_package(&id.name)?;
        Ok(installed.filter(|i| i.id == *id).map(|i| i.version))
    }

    pub(crate) async fn ask_names(
        &self,
        network: &Network,
        gathered: &Gathered,
        names: &BTreeSet<PackageName>,
    ) -> Result<(), MarketError> {
        let answers: Vec<_> = stream::iter(names)
            .map(|name| async move { (name, network.heads(name).await) })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        for (name, answer) in answers {
            match answer {
                Ok(found) => {
                    for head in found.into_iter().take(MAX_CLAIMS) {
                        self.agree(gathered, &head.head, head.peer.to_string(), head.subnet.clone());
                        let source = peer_source(&head.peer, head.subnet);
                        self.take_head(head.head, source).await?;
                    }
                }
                Err(error) => self.detail(format!("nobody answers for {name}: {error}")),
            }
        }
        Ok(())
    }

    pub(crate) async fn ask_packages(
        &self,
        network: &Network,
        gathered: &Gathered,
        packages: &BTreeSet<PackageId>,
    ) -> Result<(), MarketError> {
        let answers: Vec<_> = stream::iter(packages)
            .map(|id| async move { (id, network.package(id, &[]).await) })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        for (id, answer) in answers {
            match answer {
                Ok(found) => {
                    self.agree(gathered, &found.head, found.peer.to_string(), found.subnet.clone());
                    self.take_package(found).await?;
                }
                Err(error) => self.detail(format!("nobody gives {id}: {error}")),
            }
        }
        Ok(())
    }

    fn agree(&self, gathered: &Gathered, head: &SignedHead, source: String, subnet: Option<String>) {
        if let Some(session) = &gathered.session {
            let mut agreement = session.agreement.lock().unwrap_or_else(PoisonError::into_inner);
            agreement.add(&head.head.id(), head.digest, source, subnet);
        }
    }

    /// Takes a verified head into the catalog. One that rolls back or contradicts what is known is refused there, is
    /// told, and changes nothing.
    pub(crate) async fn take_head(&self, head: SignedHead, source: Source) -> Result<Succession, MarketError> {
        let (store, id) = (self.store.clone(), head.head.id());
        let taken = blocking(move || Ok(store.accept_head(&head, source, now()))).await?;
        match taken {
            Ok(Succession::Equivocation) => {
                self.tell("equivocation", format!("the publisher of {} signed two heads with one sequence", id.name));
                Ok(Succession::Equivocation)
            }
            Ok(Succession::Older) => {
                let message =
                    format!("a list of releases of {} was refused: it is older than one seen before", id.name);
                self.tell("rolled-back", message);
                Ok(Succession::Older)
            }
            Ok(taken) => Ok(taken),
            Err(error) => self.refused(&id, error).map(|()| Succession::Older),
        }
    }

    /// What was signed wrongly by somebody else stops nothing here; a disk that fails does.
    fn refused(&self, id: &PackageId, error: StoreError) -> Result<(), MarketError> {
        match error {
            StoreError::ReleaseChanged { .. }
            | StoreError::RootRolledBack { .. }
            | StoreError::Root(_)
            | StoreError::Head(_)
            | StoreError::Release(_) => {
                self.tell("refused", format!("what a peer says of {} was refused: {error}", id.name));
                Ok(())
            }
            other => Err(other.into()),
        }
    }

    async fn take_package(&self, found: FoundPackage) -> Result<(), MarketError> {
        let FoundPackage { peer, subnet, head, releases } = found;
        let source = peer_source(&peer, subnet);
        let (id, publisher, listed) = (head.head.id(), head.publisher.clone(), head.head.clone());
        // Nothing is taken from a list that was refused: its releases are those of the past.
        if !matches!(self.take_head(head, source.clone()).await?, Succession::Newer | Succession::Same) {
            return Ok(());
        }
        let (store, told) = (self.store.clone(), id.clone());
        let refused = blocking(move || {
            for envelope in releases {
                let taken = match SignedRelease::verify_listed(envelope, &publisher, &listed) {
                    Ok(release) => store.accept_release(&release, source.clone(), now()),
                    Err(error) => Err(StoreError::Release(error)),
                };
                if let Err(error) = taken {
                    return Ok(Some(error));
                }
            }
            Ok(None)
        })
        .await?;
        refused.map_or(Ok(()), |error| self.refused(&told, error))
    }
}

/// Peers of one network count once; one whose network is not known stands for itself.
fn peer_source(peer: &PeerId, network: Option<String>) -> Source {
    let peer = peer.to_string();
    Source::Peer { network: network.unwrap_or_else(|| peer.clone()), peer }
}

fn requirement_of<'a>(requests: &'a [Request], name: &PackageName) -> Option<&'a VersionReq> {
    requests.iter().find(|r| r.name == *name).map(|r| &r.requirement)
}
