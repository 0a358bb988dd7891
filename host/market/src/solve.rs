//! From what the user typed to a plan that every policy agreed to.
//!
//! Solve; have the whole closure reviewed; what a verifier passes over becomes an exclusion, and it is solved again; a
//! denial ends the job with every reason. Invariant: a [`Planned`] has no choices left in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ggen_core::hooks::chain::{Combined, Ruling};
use ggen_core::hooks::{Hook, Item, Job, Lookalike, Origin};
use ggen_core::lockfile::Lockfile;
use ggen_core::lookalike::{self, Names};
use ggen_core::naming::{DecidedBy, NamingError};
use ggen_core::resolve::{Bounds, Kept, Knowledge, ResolveError, Solution, resolve_keeping};
use ggen_core::{PackageId, PackageName, PublisherId};
use ggen_policy::PolicyHost;
use semver::Version;

use crate::answers::{Notice, PassedOver};
use crate::error::{Denied, DeniedReason, LockedDigest, MarketError, Unresolved};
use crate::facts;
use crate::gather::Gathered;
use crate::market::{Market, blocking, now};
use crate::plan::{PlanItem, Planned};

/// Names that are offered for one that nobody publishes.
const MAX_MEANT: usize = 3;

type Exclusions = BTreeMap<(PackageId, Version), Vec<Notice>>;

impl Market {
    /// Solves and has the plan reviewed until both agree.
    pub(crate) async fn plan(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        gathered: &mut Gathered,
    ) -> Result<Planned, MarketError> {
        let mut excluded = Exclusions::new();
        for _ in 0..=self.settings.limits.max_solve_again {
            let Kept { solution, moved } = match self.solve(host, job, gathered).await {
                // Where nothing else fits, passing over is denying.
                Err(MarketError::Resolve(_)) if !excluded.is_empty() => return Err(still_passed_over(&excluded)),
                other => other?,
            };
            let items = self.items(&solution, gathered)?;
            gathered.wanted.feeds.refuse_unchecked(&items)?;
            refuse_changed(&items, &gathered.wanted.lock)?;
            let verdicts = self.review(host, job, &items).await?;
            self.refuse_denied(host, &items, &verdicts)?;
            let passed = pass_over(&items, &verdicts, gathered, &mut excluded);
            if !passed {
                let warnings = self.warnings(&items, &verdicts);
                let passed_over =
                    excluded.into_iter().map(|((id, version), reasons)| PassedOver { name: id.name, version, reasons });
                return Ok(Planned { items, passed_over: passed_over.collect(), warnings, moved });
            }
        }
        Err(still_passed_over(&excluded))
    }

    /// One verdict an item. What nobody signed is never shown to a policy: it can be planned with, and no more.
    async fn review(
        &self,
        host: &Arc<PolicyHost>,
        job: &Job,
        items: &[PlanItem],
    ) -> Result<Vec<Combined>, MarketError> {
        let questions: Vec<Item> = items.iter().filter(|i| i.release().is_some()).map(|i| i.item.clone()).collect();
        let (host, job) = (Arc::clone(host), job.clone());
        let review = blocking(move || Ok(host.review_plan(&job, &questions))).await?;
        self.keep(review.decisions);
        let mut verdicts = review.verdicts.into_iter();
        let unsigned = || Combined { ruling: Ruling::Allow, by: Vec::new() };
        let missing = || MarketError::Internal("a verdict is missing".to_owned());
        items.iter().map(|i| i.release().map_or(Ok(unsigned()), |_| verdicts.next().ok_or_else(missing))).collect()
    }

    async fn solve(&self, host: &Arc<PolicyHost>, job: &Job, gathered: &mut Gathered) -> Result<Kept, MarketError> {
        let limits = &self.settings.limits;
        let bounds = Bounds { steps: limits.max_resolution_steps, packages: limits.max_resolution_packages };
        // Each round makes at least one more package or name known.
        for _ in 0..=limits.max_resolution_packages {
            let (requests, cancel) = (gathered.wanted.requests.clone(), self.cancel.clone());
            let keep = gathered.wanted.keep.clone();
            let knowledge = std::mem::take(&mut gathered.knowledge);
            let (result, knowledge): (_, Knowledge) = blocking(move || {
                let result = resolve_keeping(&requests, &knowledge, &keep, bounds, &|| cancel.is_cancelled());
                Ok((result, knowledge))
            })
            .await?;
            gathered.knowledge = knowledge;
            match result {
                Ok(solution) => return Ok(solution),
                Err(ResolveError::Missing(missing)) => self.gather(host, job, missing, gathered).await?,
                Err(ResolveError::Cancelled) => return Err(MarketError::Interrupted),
                Err(source) => return Err(self.unresolved(source, gathered)),
            }
        }
        Err(self.unresolved(ResolveError::TooHard { steps: bounds.steps }, gathered))
    }

    /// How long ago the network was asked what is new, in milliseconds; none: never.
    fn catalog_age(&self) -> Option<u64> {
        let refreshed = self.store.refreshed().ok().flatten();
        refreshed.map(|then| now().saturating_sub(then))
    }

    fn unresolved(&self, source: ResolveError, gathered: &Gathered) -> MarketError {
        if let ResolveError::NoSolution(_) = source
            && let Some(package) = gathered.catalog.values().find(|p| p.head.is_none() && p.mark.is_some())
        {
            let sequence = package.mark.map_or(0, |m| m.sequence);
            return MarketError::RolledBack { name: package.id.name.clone(), sequence };
        }
        let network_asked = gathered.session.as_ref().is_some_and(|s| s.network().is_some());
        // Only hints: a catalog that cannot be read fails elsewhere.
        let likely_meant = unknown_name(&source).and_then(|name| self.store.likely_meant(name, MAX_MEANT).ok());
        let refused = lacking(&source).and_then(|name| self.store.refused_entries(name).ok());
        MarketError::Resolve(Box::new(Unresolved {
            network_asked,
            catalog_age: self.catalog_age(),
            likely_meant: likely_meant.unwrap_or_default(),
            refused: refused.unwrap_or_default(),
            source,
        }))
    }

    fn items(&self, solution: &Solution, gathered: &Gathered) -> Result<Vec<PlanItem>, MarketError> {
        let agreement = gathered.session.as_ref().map(|s| s.agreement()).unwrap_or_default();
        let (keys, all) = (self.store.keys()?, self.store.installed()?);
        let mut established = None;
        let mut items = Vec::with_capacity(solution.packages.len());
        for chosen in &solution.packages {
            self.check_cancelled()?;
            let package = gathered.catalog.get(&chosen.id);
            let version = package.and_then(|p| p.versions.iter().find(|v| v.version == chosen.version));
            let (Some(package), Some(version)) = (package, version) else {
                return Err(MarketError::Internal(format!("{} {} left the catalog", chosen.id, chosen.version)));
            };
            let name = &chosen.id.name;
            let collides =
                |i: &&ggen_store::Installed| i.id.name != *name && i.id.name.collision_key() == name.collision_key();
            if let Some(other) = all.iter().find(collides) {
                return Err(MarketError::NameCollides { name: name.clone(), other: other.id.name.clone() });
            }
            let installed = all.iter().find(|i| i.id.name == *name).cloned();
            let same = |i: &&ggen_store::Installed| i.id == chosen.id && i.version == chosen.version;
            let kept = installed.as_ref().filter(same).is_some();
            let bound = self.store.binding(&chosen.id.name)?.map(|b| b.publisher);
            let same_package = installed.as_ref().filter(|i| i.id == chosen.id).map(|i| &i.version);
            let from = facts::before(package, &chosen.version, same_package);
            let known = facts::Known {
                package,
                bound,
                findings: gathered.wanted.feeds.advisories.findings(&chosen.id, &chosen.version, from),
                lookalikes: self.lookalikes(&chosen.id, bound, &mut established)?,
                alias: keys.iter().find(|k| k.publisher == chosen.id.publisher).map(|k| k.alias.clone()),
                installed: installed.as_ref().map(|i| i.version.clone()),
                origin: self.origin(package, gathered),
                agreement: &agreement,
            };
            let item = facts::item(chosen, version, &known);
            let asked = gathered.wanted.requests.iter().find(|r| r.name.collision_key() == name.collision_key());
            let requirement = asked.map(|r| r.requirement.to_string());
            items.push(PlanItem { chosen: chosen.clone(), version: version.clone(), item, kept, requirement });
        }
        Ok(items)
    }

    /// Established names that an unbound one looks like; `established` is asked for when the first one needs it.
    fn lookalikes(
        &self,
        id: &PackageId,
        bound: Option<PublisherId>,
        established: &mut Option<Names>,
    ) -> Result<Vec<Lookalike>, MarketError> {
        if bound.is_some() || self.settings.names.contains_key(&id.name) {
            return Ok(Vec::new());
        }
        let names = match established.take() {
            Some(names) => names,
            None => Names::new(self.established()?),
        };
        Ok(lookalike::lookalikes(&id.name, id.publisher, established.insert(names)))
    }

    /// Where a package's head came from.
    fn origin(&self, package: &ggen_store::CatalogPackage, gathered: &Gathered) -> Origin {
        let agreement = gathered.session.as_ref().map(|s| s.agreement()).unwrap_or_default();
        match &package.head {
            _ if gathered.wanted.files.contains(&package.id) => Origin::File,
            Some(head) if agreement.knows(&package.id, head.digest) => Origin::Peers,
            _ if gathered.touched.contains(&Origin::Bundled) && crate::starter::is_bundled(&package.id) => {
                Origin::Bundled
            }
            _ => Origin::Registry,
        }
    }

    fn refuse_denied(&self, host: &PolicyHost, items: &[PlanItem], verdicts: &[Combined]) -> Result<(), MarketError> {
        let denied: Vec<Denied> = items
            .iter()
            .zip(verdicts)
            .filter(|(_, verdict)| verdict.ruling == Ruling::Deny)
            .map(|(item, verdict)| denied(host, item, verdict))
            .collect();
        if denied.is_empty() { Ok(()) } else { Err(MarketError::Denied(denied)) }
    }

    fn warnings(&self, items: &[PlanItem], verdicts: &[Combined]) -> Vec<Notice> {
        let mut warnings: Vec<Notice> = items.iter().filter(|i| i.kept).filter_map(affected).collect();
        for (item, verdict) in items.iter().zip(verdicts).filter(|(i, _)| !i.kept) {
            let (name, version) = (&item.chosen.id.name, &item.chosen.version);
            for by in verdict.by.iter().filter(|by| by.ruling == Ruling::Warn) {
                let message = format!("{name} {version}: {}", by.reason.message);
                warnings.push(Notice { code: format!("{}/{}", by.policy, by.reason.code), message });
            }
            if item.version.unsigned {
                let message = format!("{name} {version} has no signed release: it resolves and cannot be installed");
                warnings.push(Notice { code: "unsigned".to_owned(), message });
            }
            if item.chosen.decided_by == DecidedBy::FirstUse {
                self.detail(format!("{name} stands for publisher {} from now on", item.chosen.id.publisher));
            }
        }
        warnings
    }
}

/// What stays installed is not objected to, but its user is to know.
fn affected(item: &PlanItem) -> Option<Notice> {
    let advisories: Vec<&str> = item.item.evidence.advisories.iter().take(8).map(|a| a.id.as_str()).collect();
    let (name, version) = (&item.chosen.id.name, &item.chosen.version);
    let message = format!("{name} {version}, which is installed, is affected by {}", advisories.join(", "));
    (!advisories.is_empty()).then(|| Notice { code: "affected".to_owned(), message })
}

/// The name of which no version is known, if that is what is wrong.
fn unknown_name(error: &ResolveError) -> Option<&PackageName> {
    let is_unknown = match error {
        ResolveError::NoSolution(explanation) => explanation.available.is_empty(),
        _ => true,
    };
    lacking(error).filter(|_| is_unknown)
}

/// The package of which more versions might mend it.
fn lacking(error: &ResolveError) -> Option<&PackageName> {
    match error {
        ResolveError::NoSolution(explanation) => explanation.package.as_ref(),
        ResolveError::Naming(refusal) => match &refusal.error {
            NamingError::Unknown { name } => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// What a lockfile names by its digest is that, or nothing is installed.
fn refuse_changed(items: &[PlanItem], lock: &Lockfile) -> Result<(), MarketError> {
    for item in items {
        let Some(locked) = lock.package(&item.chosen.id.name).filter(|l| l.version == item.chosen.version) else {
            continue;
        };
        let found = item.release().map(|r| r.release.archive.digest).or(item.version.archive);
        if let Some(found) = found.filter(|found| locked.id == item.chosen.id && *found != locked.digest) {
            let (name, version) = (item.chosen.id.name.clone(), item.chosen.version.clone());
            let changed = LockedDigest { name, version, locked: locked.digest, found };
            return Err(MarketError::LockedDigest(Box::new(changed)));
        }
    }
    Ok(())
}

fn still_passed_over(excluded: &Exclusions) -> MarketError {
    let reason =
        |n: &Notice| DeniedReason { code: n.code.clone(), message: n.message.clone(), hint: None, locked_by: None };
    let denied = excluded.iter().map(|((id, version), reasons)| Denied {
        name: id.name.clone(),
        version: version.clone(),
        reasons: reasons.iter().map(reason).collect(),
    });
    MarketError::Denied(denied.collect())
}

/// A denial as the user reads it.
pub(crate) fn denied(host: &PolicyHost, item: &PlanItem, verdict: &Combined) -> Denied {
    let reasons = verdict.by.iter().filter(|by| by.ruling == verdict.ruling).map(|by| DeniedReason {
        code: format!("{}/{}", by.policy, by.reason.code),
        message: by.reason.message.clone(),
        hint: by.reason.hint.clone(),
        locked_by: host.locked_by(Hook::Verification, &by.policy).map(Into::into),
    });
    Denied { name: item.chosen.id.name.clone(), version: item.chosen.version.clone(), reasons: reasons.collect() }
}

/// Excludes what was passed over from the next round; whether anything was.
fn pass_over(items: &[PlanItem], verdicts: &[Combined], gathered: &mut Gathered, excluded: &mut Exclusions) -> bool {
    let mut any = false;
    for (item, verdict) in items.iter().zip(verdicts).filter(|(_, v)| v.ruling == Ruling::PassOver) {
        any = true;
        let passed = verdict.by.iter().filter(|by| by.ruling == Ruling::PassOver);
        let reasons: Vec<Notice> = passed
            .map(|by| Notice { code: format!("{}/{}", by.policy, by.reason.code), message: by.reason.message.clone() })
            .collect();
        let why = reasons.iter().map(|r| format!("{}: {}", r.code, r.message)).collect::<Vec<_>>().join("; ");
        let (id, version) = (&item.chosen.id, &item.chosen.version);
        let known = gathered.knowledge.packages.get_mut(id);
        if let Some(known) = known.and_then(|p| p.versions.iter_mut().find(|v| v.version == *version)) {
            known.excluded = Some(why);
        }
        excluded.insert((id.clone(), version.clone()), reasons);
    }
    any
}
