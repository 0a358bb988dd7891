//! `verify`: what is installed, held against what was signed; mended from the store, or else from any holder.
//!
//! The version that is installed is the one that is put back: nothing is resolved or chosen anew, and no policy is asked
//! whether it may be installed. Which origins are touched, and whom of the holders to ask, policies say as for any fetch.
//! Invariant: what cannot be mended stays as it is, and is told with the reason.

use std::collections::BTreeSet;
use std::sync::Arc;

use ggen_core::PackageName;
use ggen_core::hooks::{Evidence, Item, Job, Origin, Task};
use ggen_core::naming::DecidedBy;
use ggen_core::release::SignedRelease;
use ggen_core::resolve::Chosen;
use ggen_policy::PolicyHost;
use ggen_store::{CatalogVersion, StoreError, Verified};
use tokio::sync::Semaphore;

use crate::answers::{Damage, VerifyAnswer};
use crate::download::Unpacker;
use crate::error::MarketError;
use crate::fallback::Route;
use crate::market::{Market, blocking};
use crate::plan::PlanItem;
use crate::target::package_name;
use crate::{facts, report};

/// Whom and what a mending may ask, once it must ask anybody.
type Asking = (Arc<PolicyHost>, Job, Route);

impl Market {
    /// Holds installed files against what was signed; with `repair`, mends them.
    pub async fn verify(&self, names: Vec<String>, repair: bool) -> Result<VerifyAnswer, MarketError> {
        let names = names.iter().map(|n| package_name(n)).collect::<Result<Vec<_>, _>>()?;
        let store = self.store.clone();
        blocking(move || Ok(store.check_database()?)).await?;
        let found = self.verify_once(&names).await?;
        if !repair || found.damaged.is_empty() {
            return Ok(self.verified(found, Vec::new()));
        }
        let mut broken: Vec<PackageName> = found.damaged.into_iter().map(|d| d.name).collect();
        broken.dedup();
        let done = self.mend_all(broken).await;
        self.close_session().await;
        self.write_decisions();
        let repaired = done?;
        Ok(self.verified(self.verify_once(&names).await?, repaired))
    }

    async fn verify_once(&self, names: &[PackageName]) -> Result<Verified, MarketError> {
        let (store, names) = (self.store.clone(), names.to_vec());
        blocking(move || Ok(store.verify((!names.is_empty()).then_some(names.as_slice()))?)).await
    }

    /// Those that could be mended.
    async fn mend_all(&self, broken: Vec<PackageName>) -> Result<Vec<PackageName>, MarketError> {
        let (mut asking, mut repaired) = (None, Vec::new());
        for name in broken {
            self.check_cancelled()?;
            self.step(format!("repairing {name}"));
            match self.mend(&name, &mut asking).await {
                Ok(()) => repaired.push(name),
                Err(MarketError::Interrupted) => return Err(MarketError::Interrupted),
                Err(error) => self.tell("not-repaired", format!("{name} could not be repaired: {}", chain(&error))),
            }
        }
        Ok(repaired)
    }

    async fn mend(&self, name: &PackageName, asking: &mut Option<Asking>) -> Result<(), MarketError> {
        match self.put_back(name).await {
            Err(MarketError::Store(StoreError::ArchiveMissing { .. } | StoreError::ArchiveDamaged { .. })) => {}
            done => return done,
        }
        let Some(release) = self.store.installed_release(name)? else {
            return Err(MarketError::NotInstalled { name: name.clone() });
        };
        let (host, job, route) = match asking {
            Some(asking) => asking,
            None => {
                let (host, job) = (self.policies()?, self.job(Task::Repair));
                let route = self.route(Arc::clone(&host), &job, self.offered(false)).await?;
                asking.insert((host, job, route))
            }
        };
        let mut staging = self.store.stage()?;
        let mut unpacker = Unpacker::new(release.clone(), staging.place(), Arc::new(Semaphore::new(1)));
        self.fetch(host, job, route, &installed_item(release), &mut unpacker).await?;
        drop((unpacker, staging));
        self.put_back(name).await
    }

    async fn put_back(&self, name: &PackageName) -> Result<(), MarketError> {
        let (store, name, reporter) = (self.store.clone(), name.clone(), Arc::clone(&self.reporter));
        blocking(move || Ok(store.repair(&name, &mut report::waiting(&reporter)).map(|_| ())?)).await
    }

    fn verified(&self, found: Verified, repaired: Vec<PackageName>) -> VerifyAnswer {
        let packages = self.store.home().join("packages");
        let damage = |d: ggen_store::Damage| {
            let folder = packages.join(d.name.as_str()).join(d.version.to_string());
            let path = d.path.strip_prefix(&folder).unwrap_or(&d.path).display().to_string();
            Damage { name: d.name, version: d.version, path, problem: d.problem }
        };
        let damaged = found.damaged.into_iter().map(damage).collect();
        VerifyAnswer { checked: found.checked, damaged, repaired, warnings: self.told() }
    }
}

/// What is installed, as something to be fetched.
fn installed_item(release: SignedRelease) -> PlanItem {
    let (id, version) = (release.release.id(), release.release.version.clone());
    let item = Item {
        release: facts::signed(&release.release, None),
        evidence: Evidence::default(),
        origin: Origin::Store,
        direct: false,
        requested_by: Vec::new(),
        installed: Some(version.to_string()),
    };
    let known = CatalogVersion {
        version: version.clone(),
        release_digest: Some(release.digest),
        archive: Some(release.release.archive.digest),
        archive_size: Some(release.release.archive.size),
        dependencies: None,
        yanked: None,
        witnessed: 0,
        unsigned: false,
        in_head: true,
        published: Some(release.release.published),
        release: Some(release),
    };
    let (requested_by, decided_by) = (BTreeSet::new(), DecidedBy::Binding);
    let chosen = Chosen { id, version, direct: false, requested_by, decided_by };
    PlanItem { chosen, version: known, item, kept: true, requirement: None }
}

/// An error with what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
