//! Packages out: of the home, and in a project of its lockfile as well.
//!
//! Decides what stays because others need it. Invariant: the lockfile is written first, so that a command that ends between
//! the two can be given again.

use ggen_core::PackageName;
use ggen_core::lockfile::{AskedBy, LockedRequest, Lockfile};

use crate::answers::{Notice, RemoveAnswer};
use crate::error::MarketError;
use crate::market::{Market, blocking};
use crate::project::Project;
use crate::relations::locked_closure;
use crate::report;
use crate::target::package_name;

impl Market {
    /// Removes packages. One that others need stays; in a project it is no longer asked for all the same.
    pub async fn remove(&self, names: Vec<String>) -> Result<RemoveAnswer, MarketError> {
        let names = names.iter().map(|n| package_name(n)).collect::<Result<Vec<_>, _>>()?;
        let project = self.project(false).await?.filter(Project::is_locked);
        let (taken_out, lock) = project.as_ref().map(|p| without(&p.lock, &names)).unwrap_or_default();
        let installed = self.closure(None)?;
        let (mut gone, mut warnings) = (Vec::new(), Vec::new());
        for name in &names {
            let is_taken_out = taken_out.iter().any(|n| same(n, name));
            let staying = |needer: &&PackageName| !names.iter().any(|n| same(n, needer));
            let needed_by: Vec<_> = installed.needers(name).map(|m| &m.id.name).filter(staying).cloned().collect();
            match installed.get(name) {
                None if is_taken_out => {}
                None => return Err(MarketError::NotInstalled { name: name.clone() }),
                Some(_) if needed_by.is_empty() => gone.push(name.clone()),
                Some(_) if is_taken_out => warnings.push(stays(name, &needed_by)),
                Some(_) => return Err(MarketError::Needed { name: name.clone(), needed_by }),
            }
        }
        if let (Some(project), false) = (&project, taken_out.is_empty()) {
            project.write(&lock)?;
        }
        warnings.extend(lock.requested.iter().filter(|r| names.iter().any(|n| same(n, &r.name))).map(still_asked));
        let (store, reporter) = (self.store.clone(), std::sync::Arc::clone(&self.reporter));
        let removed = match gone.is_empty() {
            true => Vec::new(),
            false => blocking(move || Ok(store.remove(&gone, &mut report::waiting(&reporter))?)).await?,
        };
        let unneeded = self.closure(None)?.unreached().into_iter().map(|m| m.id.name.clone()).collect();
        let removed = removed.into_iter().map(|r| r.id.name).collect();
        Ok(RemoveAnswer { removed, unlocked: taken_out, unneeded, warnings })
    }
}

fn same(one: &PackageName, other: &PackageName) -> bool {
    one.collision_key() == other.collision_key()
}

/// What the user asked for of `names`, and the lockfile without that and whatever only that needed.
fn without(lock: &Lockfile, names: &[PackageName]) -> (Vec<PackageName>, Lockfile) {
    let goes = |r: &LockedRequest| r.by == AskedBy::User && names.iter().any(|n| same(n, &r.name));
    let taken_out = lock.requested.iter().filter(|r| goes(r)).map(|r| r.name.clone()).collect();
    let mut lock = lock.clone();
    lock.requested.retain(|r| !goes(r));
    let unreached: Vec<_> = locked_closure(&lock).unreached().into_iter().map(|m| m.id.clone()).collect();
    lock.packages.retain(|p| !unreached.contains(&p.id));
    (taken_out, lock)
}

fn stays(name: &PackageName, needed_by: &[PackageName]) -> Notice {
    let needers: Vec<_> = needed_by.iter().map(ToString::to_string).collect();
    let message = format!("{name} stays installed: {} needs it", needers.join(", "));
    Notice { code: "still-needed".to_owned(), message }
}

fn still_asked(request: &LockedRequest) -> Notice {
    let message = format!("the project's manifest asks for {} as well: the next install brings it back", request.name);
    Notice { code: "in-manifest".to_owned(), message }
}
