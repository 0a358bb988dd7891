//! A project's lockfile after a plan: what it will say, whether it may change, and writing it down.
//!
//! Invariant: it is written after the commit, so that it never names what was not installed.

use ggen_core::hooks::Hook;
use ggen_core::lockfile::{LockedPackage, LockedPolicy, LockedRequest, Lockfile};
use ggen_policy::Mode;

use crate::error::MarketError;
use crate::market::Market;
use crate::plan::{PlanItem, Planned};
use crate::project::{self, Project};

/// Where a job works, and what it may do there.
pub(crate) struct InProject {
    /// None: in no project.
    pub(crate) project: Option<Project>,
    /// What its lockfile will say was asked for.
    pub(crate) requested: Vec<LockedRequest>,
    /// The lockfile must not change.
    pub(crate) locked: bool,
}

impl Market {
    /// What the lockfile says after this plan. Refuses a change where none may be.
    pub(crate) fn lock_for(&self, place: &InProject, planned: &Planned) -> Result<Option<Lockfile>, MarketError> {
        let Some(project) = &place.project else { return Ok(None) };
        let before = &project.lock;
        let packages = planned.items.iter().map(|item| locked(before, item)).collect();
        let policies = self.policies_asked();
        let lock = Lockfile { requested: place.requested.clone(), packages, policies };
        if place.locked && !lock.same_choice(before) {
            return Err(MarketError::LockedChange { path: project.path(), changes: changes(before, &lock) });
        }
        self.tell_other_policies(before, &lock);
        Ok(Some(lock))
    }

    /// Writes it, and has clean-up know of it.
    pub(crate) fn write_lock(&self, place: &InProject, lock: Option<Lockfile>) -> Result<(), MarketError> {
        let (Some(project), Some(lock)) = (&place.project, lock) else { return Ok(()) };
        if !place.locked && project.write(&lock)? {
            self.detail(format!("wrote {}", project.path().display()));
        }
        Ok(self.store.register_project(&project.path())?)
    }

    /// Policies that decided about versions and plans so far in this job.
    fn policies_asked(&self) -> Vec<LockedPolicy> {
        let mut policies = Vec::new();
        for decision in self.decided().iter().filter(|d| d.mode == Mode::Enforce) {
            if !matches!(decision.hook, Hook::Verification | Hook::VersionResolution) {
                continue;
            }
            if let Ok(digest) = decision.digest.parse() {
                let (hook, name) = (decision.hook.to_string(), decision.policy.clone());
                policies.push(LockedPolicy { hook, name, digest });
            }
        }
        policies.sort();
        policies.dedup();
        policies
    }

    fn tell_other_policies(&self, before: &Lockfile, after: &Lockfile) {
        if before.policies.is_empty() || before.policies == after.policies || after.policies.is_empty() {
            return;
        }
        let names = |policies: &[LockedPolicy]| {
            let one = |p: &LockedPolicy| format!("{} {}", p.name, p.digest.short());
            policies.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let gone: Vec<_> = before.policies.iter().filter(|p| !after.policies.contains(p)).cloned().collect();
        let new: Vec<_> = after.policies.iter().filter(|p| !before.policies.contains(p)).cloned().collect();
        let (was, is) = (names(&gone), names(&new));
        let message = match (gone.is_empty(), new.is_empty()) {
            (false, false) => format!("ggen.lock was made with other policies: {was} then, {is} now"),
            (true, _) => format!("ggen.lock was made without {is}, which decides here"),
            _ => format!("ggen.lock was made with {was}, which does not decide here"),
        };
        self.tell("other-policies", message);
    }
}

fn locked(before: &Lockfile, item: &PlanItem) -> LockedPackage {
    let (id, version) = (item.chosen.id.clone(), item.chosen.version.clone());
    let registry = project::registry_of(before, &id, &version, item.item.origin.name());
    let needs = item.version.dependencies.iter().flatten().filter(|d| !d.optional);
    let dependencies = needs.map(|d| (d.name.clone(), d.requirement.clone())).collect();
    LockedPackage { digest: item.answer().digest, id, version, registry, dependencies }
}

/// What would be different, a sentence each.
fn changes(before: &Lockfile, after: &Lockfile) -> Vec<String> {
    let mut changes = Vec::new();
    for package in &after.packages {
        let (name, version) = (&package.id.name, &package.version);
        match before.package(name) {
            None => changes.push(format!("{name} {version} would be added")),
            Some(old) if old.version != *version => {
                changes.push(format!("{name} would go from {} to {version}", old.version));
            }
            Some(old) if old.id != package.id || old.digest != package.digest => {
                changes.push(format!("{name} {version} would be another one"));
            }
            Some(_) => {}
        }
    }
    for package in before.packages.iter().filter(|p| after.package(&p.id.name).is_none()) {
        changes.push(format!("{} {} would go", package.id.name, package.version));
    }
    if changes.is_empty() {
        changes.push("what some packages need would be written anew".to_owned());
    }
    changes
}
