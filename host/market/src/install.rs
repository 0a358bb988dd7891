//! `install`: route, resolve, review, locate, rank, fetch, review, commit, record.
//!
//! Reads top to bottom as the job goes; what comes over the network is unpacked while it arrives. Invariant: before the
//! commit nothing has happened, after it everything has.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use ggen_core::hooks::{Hook, Job, Network, Origin, Task, Trouble};
use ggen_core::naming::{DecidedBy, NamingError};
use ggen_core::resolve::ResolveError;
use ggen_policy::{LinkConfig, LinkSource, PolicyHost};
use ggen_store::{Commit, How, StagedPackage, Staging, StoreError};
use tokio::sync::Semaphore;

use crate::answers::{InstallAnswer, InstalledPackage, MovedPackage};
use crate::download::Unpacker;
use crate::error::MarketError;
use crate::fallback::{Next, Route};
use crate::gather::{Fresh, Gathered, Wanted};
use crate::lock::InProject;
use crate::market::{Market, blocking, now};
use crate::plan::{PlanItem, Planned};
use crate::report::Attending;
use crate::target::Target;
use crate::{contents, starter};

/// Archives that are fetched at once.
const FETCHES: usize = 4;

/// Which versions are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The newest that fits.
    Newest,
    /// The lowest that fits, by the `minimal-versions` policy.
    Minimal,
}

/// What `install` is asked for.
#[derive(Clone, Debug)]
pub struct InstallRequest {
    /// `[PUBLISHER/]NAME[@REQ]` or `FILE.ggen`, as typed.
    pub targets: Vec<String>,
    /// Print the plan and do nothing.
    pub dry_run: bool,
    /// Refuse to change the project's lockfile.
    pub locked: bool,
    /// Instead of what is configured.
    pub strategy: Option<Strategy>,
}

impl Market {
    /// Installs packages with all that they need.
    pub async fn install(&self, request: InstallRequest) -> Result<InstallAnswer, MarketError> {
        self.install_job(request, true).await
    }

    /// Installs one package into the home alone: no project's lockfile is read or written.
    pub(crate) async fn install_apart(&self, target: String) -> Result<InstallAnswer, MarketError> {
        let request = InstallRequest { targets: vec![target], dry_run: false, locked: false, strategy: None };
        self.install_job(request, false).await
    }

    async fn install_job(&self, request: InstallRequest, in_project: bool) -> Result<InstallAnswer, MarketError> {
        self.require_readable_policy_file()?;
        let done = self.install_steps(request, in_project).await;
        if done.is_ok() {
            self.keep_within_cap().await;
        }
        self.close_session().await;
        self.write_decisions();
        done
    }

    async fn install_steps(&self, request: InstallRequest, in_project: bool) -> Result<InstallAnswer, MarketError> {
        let host = self.policies_with(links(request.strategy))?;
        let (job, feeds) = self.job_with_feeds(Task::Install).await?;
        let typed = request.targets.iter().map(|text| self.target(text)).collect::<Result<Vec<_>, _>>()?;
        let from_file = typed.iter().any(|target| matches!(target, Target::File(_)));
        let project = match in_project && !self.are_feeds(&typed) {
            true => self.project(!typed.is_empty() && !request.dry_run && !request.locked).await?,
            false => None,
        };
        if request.locked {
            project.as_ref().ok_or(MarketError::NoLockfile)?.require_locked()?;
        }
        self.sync_index().await?;
        let route = self.route(Arc::clone(&host), &job, self.offered(from_file)).await?;
        let (wanted, requested) = self.wanted(&route, typed, project.as_ref()).await?;
        // Who says which end of what is allowed is taken does not mean what is installed.
        let fresh = if request.strategy.is_some() { Fresh::Everything } else { wanted.fresh };
        let wanted = Wanted { feeds, fresh, ..wanted };
        let planned = self.plan_along(&host, &job, &route, &wanted).await?;
        self.carry_out(
            &host,
            &job,
            &route,
            planned,
            InProject { project, requested, locked: request.locked },
            request.dry_run,
        )
        .await
    }

    /// Does what a plan says, and writes down in the project what was done.
    pub(crate) async fn carry_out(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        route: &Route,
        planned: Planned,
        place: InProject,
        dry_run: bool,
    ) -> Result<InstallAnswer, MarketError> {
        let plan = planned.items.iter().map(PlanItem::answer).collect();
        let lock = self.lock_for(&place, &planned)?;
        // In a project its lock says what goes together; what other projects need of this home is theirs to install.
        let broken = if place.project.is_none() { self.broken_by(&planned)? } else { Vec::new() };
        let installed = match dry_run {
            true => None,
            false => {
                let installed = self.execute(host, job, route, &planned).await?;
                self.write_lock(&place, lock)?;
                tokio::select! {
                    () = self.serve_installed(&planned) => {}
                    () = self.cancelled() => {}
                }
                Some(installed)
            }
        };
        let moved = planned.moved.into_iter().map(MovedPackage::from).collect();
        let mut warnings = self.told();
        warnings.extend(planned.warnings);
        warnings.extend(broken);
        Ok(InstallAnswer { plan, installed, passed_over: planned.passed_over, moved, warnings })
    }

    /// Origins that this home has at all, in the order of trust.
    pub(crate) fn offered(&self, from_file: bool) -> Vec<Origin> {
        let mut offered = Vec::new();
        offered.extend(from_file.then_some(Origin::File));
        offered.extend([Origin::Store, Origin::Registry]);
        offered.extend((!self.settings.directories.is_empty()).then_some(Origin::Organization));
        offered.extend((!self.offline).then_some(Origin::Peers));
        offered.push(Origin::Bundled);
        offered
    }

    /// Stage by stage, until a plan stands. An origin that fails goes to the fallback policy.
    pub(crate) async fn plan_along(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        route: &Route,
        wanted: &Wanted,
    ) -> Result<Planned, MarketError> {
        let (mut touched, mut session) = (BTreeSet::new(), None);
        let mut failed = None;
        let mut turn_to: Option<Origin> = None;
        for stage in &route.stages {
            // An origin that is turned to ends the stages before it; one that is behind already changes nothing.
            if turn_to.is_some_and(|origin| !touched.contains(&origin) && !stage.origins.contains(&origin)) {
                continue;
            }
            turn_to = None;
            for origin in &stage.origins {
                route.visit(*origin);
                match origin {
                    Origin::Peers | Origin::LocalNetwork if session.is_none() => {
                        let (reached, next) = self.reach(route, *origin).await?;
                        (session, turn_to) = (reached, next);
                    }
                    Origin::Bundled => starter::import(&self.store, now())?,
                    _ => {}
                }
                touched.insert(*origin);
            }
            let mut gathered = Gathered {
                touched: touched.clone(),
                session: session.clone(),
                wanted: wanted.clone(),
                ..Gathered::default()
            };
            self.step("resolving");
            match self.plan(host, job, &mut gathered).await {
                Err(error) if may_pass(&error) => failed = keep_better(failed, error),
                decided => return decided,
            }
        }
        Err(failed.unwrap_or_else(|| MarketError::Stopped {
            code: "no-origin".to_owned(),
            message: "the fallback policy leaves no origin to look in".to_owned(),
            hint: Some("see what it routes: ggen policy show".to_owned()),
        }))
    }

    /// Comes to the network; where nobody can be reached, the fallback policy says how to go on.
    async fn reach(
        &self,
        route: &Route,
        origin: Origin,
    ) -> Result<(Option<Arc<crate::session::Session>>, Option<Origin>), MarketError> {
        loop {
            let session = self.session().await?;
            if session.network().is_some() {
                self.store.note_refreshed(now())?;
                return Ok((Some(session), None));
            }
            self.detail(format!("the network cannot be reached: {}", session.problem()));
            let code = "bootstrap-unreachable";
            match self.trouble(route, origin, Trouble::Unreachable, code, None, Network::Isolated).await? {
                Next::Again => self.close_session().await,
                Next::TurnTo(origin) => return Ok((None, origin)),
                Next::Degraded => return Ok((None, None)),
            }
        }
    }

    async fn execute(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        route: &Route,
        planned: &Planned,
    ) -> Result<Vec<InstalledPackage>, MarketError> {
        let wanted: Vec<&PlanItem> = planned.items.iter().filter(|item| !item.kept).collect();
        let mut needed = 0u64;
        for item in &wanted {
            let Some(release) = item.release() else {
                let (name, version) = (item.chosen.id.name.clone(), item.chosen.version.clone());
                return Err(MarketError::Unsigned { name, version });
            };
            let archive = &release.release.archive;
            needed = needed.saturating_add(archive.unpacked_size);
            if !self.store.has_archive(&archive.digest) {
                needed = needed.saturating_add(archive.size);
            }
        }
        self.store.check_space(needed)?;
        let mut staging = self.store.stage()?;
        let room = Arc::new(Semaphore::new(FETCHES));
        let unpackers: Vec<_> = wanted
            .iter()
            .filter_map(|item| Some((*item, item.release()?.clone())))
            .map(|(item, release)| (item, Unpacker::new(release, staging.place(), Arc::clone(&room))))
            .collect();
        let brought: Result<Vec<_>, _> = stream::iter(unpackers)
            .map(|(item, unpacker)| self.bring(host, job, route, item, unpacker))
            .buffered(FETCHES)
            .try_collect()
            .await;
        // What one failure interrupted must have ended before the staging goes.
        let _ended = room.acquire_many(FETCHES as u32).await;
        self.commit(host, job, planned, staging, brought?).await
    }

    /// Fetches one package and unpacks it.
    async fn bring<'a>(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        route: &Route,
        item: &'a PlanItem,
        mut unpacker: Unpacker,
    ) -> Result<(&'a PlanItem, Origin, StagedPackage), MarketError> {
        let origin = self.fetch(host, job, route, item, &mut unpacker).await?;
        self.check_cancelled()?;
        let (name, version) = (&item.chosen.id.name, &item.chosen.version);
        self.step(format!("unpacking {name} {version}"));
        let mut again = unpacker.again();
        match unpacker.staged().await {
            Err(MarketError::Store(StoreError::ArchiveDamaged { .. } | StoreError::ArchiveMissing { .. })) => {
                // It rotted where it lay, and is moved away: whoever else has it is asked, once.
                let message = format!("the archive of {name} {version} was damaged in the store, and is fetched again");
                self.tell("archive-damaged", message);
                let origin = self.fetch(host, job, route, item, &mut again).await?;
                Ok((item, origin, again.staged().await?))
            }
            staged => Ok((item, origin, staged?)),
        }
    }

    /// Has the files reviewed, and makes all of it visible in one step.
    async fn commit(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        planned: &Planned,
        mut staging: Staging,
        brought: Vec<(&PlanItem, Origin, StagedPackage)>,
    ) -> Result<Vec<InstalledPackage>, MarketError> {
        let mut commits = Vec::new();
        for (item, origin, staged) in brought {
            self.check_cancelled()?;
            let Some(release) = item.release().cloned() else { continue };
            contents::review(self, host, job, item, &staged).await?;
            staging.add(staged.clone());
            commits.push(Commit {
                release,
                direct: item.chosen.direct,
                requirement: item.requirement.clone(),
                requested_by: item.chosen.requested_by.iter().map(ToString::to_string).collect(),
                origin: origin.name().to_owned(),
                files: staged.files,
            });
        }
        let again = planned.items.iter().filter(|i| i.kept && i.chosen.direct);
        let again: Vec<_> = again.map(|i| (i.chosen.id.name.clone(), i.requirement.clone())).collect();
        let bind: Vec<_> =
            planned.items.iter().map(|i| (i.chosen.id.name.clone(), i.chosen.id.publisher, how(i))).collect();
        let store = self.store.clone();
        let mut attend = Attending { reporter: Arc::clone(&self.reporter), cancel: self.cancel.clone() };
        let installed = blocking(move || match store.commit(staging, commits, bind, &mut attend) {
            Err(StoreError::Stopped) => Err(MarketError::Interrupted),
            done => {
                let installed = done?;
                store.mark_direct(&again)?;
                Ok(installed)
            }
        })
        .await?;
        Ok(installed.into_iter().map(answer).collect())
    }

    /// A running node tells the network what this home holds now. That it cannot is no failure of the install.
    async fn serve_installed(&self, planned: &Planned) {
        if self.offline || !self.settings.network.serve_installed {
            return;
        }
        let Ok(Some(network)) = self.running_node().await else { return };
        let new = || planned.items.iter().filter(|item| !item.kept);
        let archives: Vec<_> = new().filter_map(|i| i.release()).map(|r| r.release.archive.digest).collect();
        let names: Vec<_> = new().map(|i| i.chosen.id.name.clone()).collect();
        if archives.is_empty() {
            return;
        }
        if let Err(error) = network.provide(&archives, &names).await {
            self.detail(format!("the node could not announce what was installed: {error}"));
        }
    }
}

fn links(strategy: Option<Strategy>) -> Vec<LinkConfig> {
    let policy = match strategy {
        None => return Vec::new(),
        Some(Strategy::Newest) => "newest-compatible",
        Some(Strategy::Minimal) => "minimal-versions",
    };
    vec![LinkConfig::new(Hook::VersionResolution, policy, LinkSource::User(Path::new("--strategy").into()))]
}

fn how(item: &PlanItem) -> How {
    match item.chosen.decided_by {
        DecidedBy::User => How::User,
        DecidedBy::FirstUse => How::FirstUse,
        _ => How::Dependency,
    }
}

fn answer(installed: ggen_store::Installed) -> InstalledPackage {
    let origins = [Origin::Store, Origin::Registry, Origin::Organization, Origin::Bundled, Origin::File];
    let origin = origins.into_iter().find(|o| o.name() == installed.origin).unwrap_or(Origin::Peers);
    InstalledPackage { name: installed.id.name, version: installed.version, path: installed.path, origin }
}

/// Whether another origin may know more.
fn may_pass(error: &MarketError) -> bool {
    let MarketError::Resolve(unresolved) = error else { return false };
    match &unresolved.source {
        ResolveError::NoSolution(_) => true,
        ResolveError::Naming(refusal) => match &refusal.error {
            NamingError::Conflict { .. } => false,
            NamingError::Undecided { .. } => refusal.required_by.is_some(),
            NamingError::Unknown { .. } => true,
        },
        _ => false,
    }
}

/// Of two failures the later one knows more, unless it only says that nothing is known.
fn keep_better(before: Option<MarketError>, after: MarketError) -> Option<MarketError> {
    let about_names =
        |e: &MarketError| matches!(e, MarketError::Resolve(u) if matches!(u.source, ResolveError::Naming(_)));
    match before {
        Some(before) if about_names(&before) && !about_names(&after) => Some(before),
        _ => Some(after),
    }
}
