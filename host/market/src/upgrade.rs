//! `upgrade`: newer versions of what is here, as far as what was asked for allows; and `list --outdated`, which only
//! looks.
//!
//! Refreshes what is known of the closure first. Invariant: what was not to be upgraded moves only where it must, and
//! what was asked for is written down as it was, but for an exact version that moved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ggen_core::graph::Closure;
use ggen_core::hooks::{Job, Task};
use ggen_core::lockfile::{AskedBy, LockedPackage, LockedRequest};
use ggen_core::{PackageId, PackageName};
use ggen_policy::PolicyHost;
use ggen_store::Installed;
use semver::{Comparator, Op, Version, VersionReq};

use crate::advisories::Feeds;
use crate::answers::{Added, ListAnswer, ListedPackage, MovedPackage, UpgradeAnswer, Upgraded};
use crate::error::MarketError;
use crate::gather::{Fresh, Wanted};
use crate::lock::InProject;
use crate::market::Market;
use crate::plan::Planned;
use crate::project::{self, Project};
use crate::target::package_name;

/// What `upgrade` is asked for.
#[derive(Clone, Debug, Default)]
pub struct UpgradeRequest {
    /// Names; none: everything.
    pub names: Vec<String>,
    /// Print the plan and do nothing.
    pub dry_run: bool,
}

/// What is here before an upgrade.
struct Before {
    versions: BTreeMap<PackageId, Version>,
    requested: Vec<LockedRequest>,
    /// Names that were given; none: everything is meant.
    named: Option<BTreeSet<String>>,
    /// What may move: those, and all that they need; none: everything.
    chosen: Option<BTreeSet<String>>,
}

/// A plan, and what will be written down as asked for.
struct PlannedUpgrade {
    planned: Planned,
    requested: Vec<LockedRequest>,
}

impl Market {
    /// Brings packages to newer versions.
    pub async fn upgrade(&self, request: UpgradeRequest) -> Result<UpgradeAnswer, MarketError> {
        self.require_readable_policy_file()?;
        let done = self.upgrade_job(request).await;
        self.close_session().await;
        self.write_decisions();
        done
    }

    async fn upgrade_job(&self, request: UpgradeRequest) -> Result<UpgradeAnswer, MarketError> {
        let names = request.names.iter().map(|n| package_name(n)).collect::<Result<Vec<_>, _>>()?;
        let project = self.project(false).await?.filter(Project::is_locked);
        let before = self.before(project.as_ref(), &names)?;
        // What nothing asks for any more leaves a lockfile; what is installed is not taken away.
        if before.requested.is_empty() && (project.is_none() || before.versions.is_empty()) {
            return Ok(nothing(self.told()));
        }
        let (host, (job, feeds)) = (self.policies()?, self.job_with_feeds(Task::Install).await?);
        let PlannedUpgrade { planned, requested } =
            self.plan_upgrade(&host, &job, project.as_ref(), &before, &feeds).await?;
        let (upgraded, added) = (upgraded(&before, &planned), added(&before, &planned));
        let dropped = if project.is_some() { dropped(&before, &planned) } else { Vec::new() };
        let route = self.route(Arc::clone(&host), &job, self.offered(false)).await?;
        let place = InProject { project, requested, locked: false };
        let done = self.carry_out(&host, &job, &route, planned, place, request.dry_run).await?;
        let mut moved: Vec<_> = done.moved.into_iter().filter(|m| m.to.is_some()).collect();
        moved.extend(dropped);
        let (plan, installed) = (done.plan, done.installed);
        let (passed_over, warnings) = (done.passed_over, done.warnings);
        Ok(UpgradeAnswer { upgraded, added, moved, plan, installed, passed_over, warnings })
    }

    /// What is installed and not at its newest version.
    pub async fn outdated(&self) -> Result<ListAnswer, MarketError> {
        let done = self.outdated_job().await;
        self.close_session().await;
        self.write_decisions();
        done
    }

    async fn outdated_job(&self) -> Result<ListAnswer, MarketError> {
        let project = self.look_at_project()?.filter(Project::is_locked);
        let before = self.before(project.as_ref(), &[])?;
        let mut packages = self.listed(project.as_ref(), &before)?;
        let mut wanted = BTreeMap::new();
        if !before.requested.is_empty() {
            let (host, (job, feeds)) = (self.policies()?, self.job_with_feeds(Task::Install).await?);
            match self.plan_upgrade(&host, &job, project.as_ref(), &before, &feeds).await {
                Ok(PlannedUpgrade { planned, .. }) => {
                    wanted = planned.items.into_iter().map(|i| (i.chosen.id, i.chosen.version)).collect();
                }
                Err(MarketError::Interrupted) => return Err(MarketError::Interrupted),
                Err(error) => self.tell("not-resolved", format!("what an upgrade would choose is not known: {error}")),
            }
        }
        for package in &mut packages {
            let id = PackageId { publisher: package.publisher, name: package.name.clone() };
            let known = self.store.package(&id)?;
            // Who has a pre-release waits for the next one too.
            let counts = |v: &Version| v.pre.is_empty() || !package.version.pre.is_empty();
            let usable = known.iter().flat_map(|p| &p.versions).filter(|v| v.yanked.is_none());
            let newest = usable.map(|v| &v.version).filter(|v| counts(v)).max();
            let would_be = wanted.get(&id).unwrap_or(&package.version);
            package.latest = newest.into_iter().chain([would_be, &package.version]).max().cloned();
            package.wanted = Some(would_be.clone());
        }
        let is_behind = |p: &ListedPackage| {
            let here = Some(&p.version);
            p.latest.as_ref() != here || p.wanted.as_ref() != here
        };
        packages.retain(is_behind);
        Ok(ListAnswer { packages, outdated: true, warnings: self.told() })
    }

    /// What `list --outdated` is about: the project's lockfile, else what is installed.
    fn listed(&self, project: Option<&Project>, before: &Before) -> Result<Vec<ListedPackage>, MarketError> {
        let Some(project) = project else { return Ok(self.list()?.packages) };
        let listed = |p: &LockedPackage| ListedPackage {
            name: p.id.name.clone(),
            version: p.version.clone(),
            publisher: p.id.publisher,
            path: self.store.package_path(&p.id.name, &p.version),
            direct: before.requested.iter().any(|r| r.name.collision_key() == p.id.name.collision_key()),
            wanted: None,
            latest: None,
        };
        Ok(project.lock.packages.iter().map(listed).collect())
    }

    /// The lockfile's closure in a project, else what is installed.
    fn before(&self, project: Option<&Project>, names: &[PackageName]) -> Result<Before, MarketError> {
        let closure = self.closure(project)?;
        for name in names {
            if closure.get(name).is_none() {
                return Err(MarketError::NotThere { name: name.clone(), in_project: project.is_some() });
            }
        }
        let (versions, mut requested) = match project {
            Some(project) => (project.kept(), project.lock.requested.clone()),
            None => {
                let installed = self.store.installed()?;
                let versions = installed.iter().map(|i| (i.id.clone(), i.version.clone())).collect();
                (versions, installed.iter().filter(|i| i.direct).map(request_of).collect())
            }
        };
        if let Some(project) = project.filter(|p| p.has_manifest()) {
            requested.retain(|r| r.by != AskedBy::Manifest);
            requested.extend(project.manifest_requests(self)?);
        }
        let keys = |names: &[PackageName]| names.iter().map(PackageName::collision_key).collect();
        let (named, chosen) = match names {
            [] => (None, None),
            names => (Some(keys(names)), Some(reached(&closure, names))),
        };
        Ok(Before { versions, requested, named, chosen })
    }

    /// What was asked for, with exact versions that are to move as ranges.
    fn loosened(&self, before: &Before) -> Result<Vec<LockedRequest>, MarketError> {
        let mut requested = before.requested.clone();
        for request in requested.iter_mut().filter(|r| r.by == AskedBy::User) {
            let key = request.name.collision_key();
            let is_meant = before.named.as_ref().is_none_or(|named| named.contains(&key));
            let Some(range) = loosened(&request.requirement).filter(|_| is_meant) else { continue };
            // A yanked version stays as long as exactly it is asked for: a range must have another one to offer.
            let here = before.versions.keys().find(|id| id.name.collision_key() == key);
            let known = here.map(|id| self.store.package(id)).transpose()?.flatten();
            if known.is_none_or(|p| p.versions.iter().any(|v| v.yanked.is_none() && range.matches(&v.version))) {
                request.requirement = range;
            }
        }
        Ok(requested)
    }

    /// Takes back what was loosened where nothing came of it, and tells the rest.
    fn settle(&self, before: &Before, mut requested: Vec<LockedRequest>, planned: &mut Planned) -> Vec<LockedRequest> {
        let mut taken_back = Vec::new();
        for (request, was) in requested.iter_mut().zip(&before.requested) {
            if request.requirement == was.requirement {
                continue;
            }
            let (name, range) = (&request.name, &request.requirement);
            let item = planned.items.iter().find(|i| i.chosen.id.name.collision_key() == name.collision_key());
            if item.is_some_and(|i| before.versions.get(&i.chosen.id) == Some(&i.chosen.version)) {
                request.requirement = was.requirement.clone();
                taken_back.push(request.name.collision_key());
            } else {
                self.tell("exact", format!("{name} was asked for as {}: {range} is kept to", was.requirement));
            }
        }
        let merged = project::merged(&requested);
        for item in planned.items.iter_mut().filter(|i| taken_back.contains(&i.chosen.id.name.collision_key())) {
            let asked = merged.iter().find(|r| r.name.collision_key() == item.chosen.id.name.collision_key());
            item.requirement = asked.map(|r| r.requirement.to_string());
        }
        requested
    }

    async fn plan_upgrade(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        project: Option<&Project>,
        before: &Before,
        feeds: &Arc<Feeds>,
    ) -> Result<PlannedUpgrade, MarketError> {
        self.sync_index().await?;
        self.ask_peers(Some(before.versions.keys().cloned().collect())).await?;
        let moves = |id: &PackageId| before.chosen.as_ref().is_none_or(|keys| keys.contains(&id.name.collision_key()));
        let keep = before.versions.iter().filter(|(id, _)| !moves(id)).map(|(id, v)| (id.clone(), v.clone())).collect();
        let requested = self.loosened(before)?;
        let mut requests = project::merged(&requested);
        for request in &mut requests {
            let here = before.versions.keys().find(|id| id.name == request.name);
            request.publisher = request.publisher.or(here.map(|id| id.publisher));
        }
        let wanted = Wanted {
            requests,
            lock: Arc::new(project.map(|p| p.lock.clone()).unwrap_or_default()),
            keep,
            feeds: Arc::clone(feeds),
            fresh: before.chosen.clone().map_or(Fresh::Everything, Fresh::Some),
            ..Wanted::default()
        };
        let route = self.route(Arc::clone(host), job, self.offered(false)).await?;
        let mut planned = self.plan_along(host, job, &route, &wanted).await?;
        let requested = self.settle(before, requested, &mut planned);
        Ok(PlannedUpgrade { planned, requested })
    }
}

fn nothing(warnings: Vec<crate::Notice>) -> UpgradeAnswer {
    UpgradeAnswer {
        upgraded: Vec::new(),
        added: Vec::new(),
        moved: Vec::new(),
        plan: Vec::new(),
        installed: None,
        passed_over: Vec::new(),
        warnings,
    }
}

fn upgraded(before: &Before, planned: &Planned) -> Vec<Upgraded> {
    let mut upgraded = Vec::new();
    for item in &planned.items {
        let (id, to) = (&item.chosen.id, &item.chosen.version);
        if let Some(from) = before.versions.get(id).filter(|from| *from != to) {
            upgraded.push(Upgraded { name: id.name.clone(), from: from.clone(), to: to.clone() });
        }
    }
    upgraded.sort_by(|a, b| a.name.cmp(&b.name));
    upgraded
}

fn added(before: &Before, planned: &Planned) -> Vec<Added> {
    let new = planned.items.iter().map(|i| &i.chosen).filter(|c| !before.versions.contains_key(&c.id));
    let mut added: Vec<_> = new.map(|c| Added { name: c.id.name.clone(), version: c.version.clone() }).collect();
    added.sort_by(|a, b| a.name.cmp(&b.name));
    added
}

/// What a lockfile names, and its new one does not.
fn dropped(before: &Before, planned: &Planned) -> Vec<MovedPackage> {
    let is_planned = |id: &PackageId| planned.items.iter().any(|i| i.chosen.id == *id);
    let gone = before.versions.iter().filter(|(id, _)| !is_planned(id));
    let dropped = gone.map(|(id, from)| MovedPackage {
        name: id.name.clone(),
        from: from.clone(),
        to: None,
        why: vec![format!("nothing needs {} any more", id.name)],
    });
    dropped.collect()
}

pub(crate) fn request_of(installed: &Installed) -> LockedRequest {
    let requirement = installed.requirement.as_deref().and_then(|r| ggen_core::manifest::parse_requirement(r).ok());
    LockedRequest {
        name: installed.id.name.clone(),
        requirement: requirement.unwrap_or(VersionReq::STAR),
        publisher: Some(installed.id.publisher),
        by: AskedBy::User,
    }
}

/// An exact version that the user typed is no range: it moves within what is compatible with it.
fn loosened(requirement: &VersionReq) -> Option<VersionReq> {
    match requirement.comparators.as_slice() {
        [one] if one.op == Op::Exact && one.patch.is_some() => {
            Some(VersionReq { comparators: vec![Comparator { op: Op::Caret, ..one.clone() }] })
        }
        _ => None,
    }
}

/// Names, and all that they need.
fn reached(closure: &Closure, names: &[PackageName]) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut stack: Vec<PackageName> = names.to_vec();
    while let Some(name) = stack.pop() {
        if reached.insert(name.collision_key()) {
            stack.extend(closure.get(&name).into_iter().flat_map(|m| m.dependencies.keys().cloned()));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_exact_version_is_loosened() {
        let range = |text: &str| loosened(&text.parse().unwrap()).map(|r| r.to_string());
        assert_eq!(range("=1.2.3").as_deref(), Some("^1.2.3"));
        for kept in ["^1.2.3", "*", "=1.2", ">=1, <2", "~1.2.3"] {
            assert_eq!(range(kept), None, "{kept}");
        }
    }
}
