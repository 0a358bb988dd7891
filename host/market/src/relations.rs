//! `tree` and `why`: who needs whom, in the project's lockfile or among what is installed.
//!
//! Reads; decides nothing. The walks themselves are [`ggen_core::graph`]'s.

use ggen_core::PackageName;
use ggen_core::graph::{Closure, Member};
use ggen_core::lockfile::{LockedPackage, Lockfile};

use crate::answers::{Notice, TreeAnswer, TreeNode, WhyAnswer};
use crate::error::MarketError;
use crate::market::Market;
use crate::plan::Planned;
use crate::project::{self, Project};
use crate::target::package_name;

impl Market {
    /// What was asked for, and beneath it what that needs.
    pub fn tree(&self, name: Option<String>) -> Result<TreeAnswer, MarketError> {
        let project = self.look_at_project()?.filter(Project::is_locked);
        let closure = self.closure(project.as_ref())?;
        let from = name.as_deref().map(package_name).transpose()?;
        if let Some(name) = from.as_ref().filter(|name| closure.get(name).is_none()) {
            return Err(MarketError::NotThere { name: name.clone(), in_project: project.is_some() });
        }
        let (lines, cut) = closure.tree(from.as_ref());
        let unneeded = match from {
            Some(_) => Vec::new(),
            None => closure.unreached().into_iter().map(|m| m.id.name.clone()).collect(),
        };
        let lockfile = project.map(|p| p.path());
        Ok(TreeAnswer { tree: nested(&lines), lines, cut, unneeded, lockfile })
    }

    /// All paths from what was asked for to a package.
    pub fn why(&self, name: &str) -> Result<WhyAnswer, MarketError> {
        let project = self.look_at_project()?.filter(Project::is_locked);
        let closure = self.closure(project.as_ref())?;
        let name = package_name(name)?;
        let Some(member) = closure.get(&name) else {
            return Err(MarketError::NotThere { name, in_project: project.is_some() });
        };
        let (name, version) = (member.id.name.clone(), member.version.clone());
        let found = closure.why(&name);
        Ok(WhyAnswer { name, version, paths: found.paths, cut: found.cut, lockfile: project.map(|p| p.path()) })
    }

    /// What is installed beside a plan, and would no longer have what it needs: an install must not break it unsaid.
    pub(crate) fn broken_by(&self, planned: &Planned) -> Result<Vec<Notice>, MarketError> {
        let here = self.closure(None)?;
        let is_planned = |m: &Member| planned.items.iter().any(|i| same(&i.chosen.id.name, &m.id.name));
        let mut broken = Vec::new();
        for item in planned.items.iter().filter(|item| !item.kept) {
            let (name, version) = (&item.chosen.id.name, &item.chosen.version);
            // What did not go together before is no fault of this plan.
            let Some(before) = here.get(name).map(|m| &m.version) else { continue };
            for member in here.needers(name).filter(|m| !is_planned(m)) {
                let mut needed = member.dependencies.iter().filter(|(n, _)| same(n, name)).map(|(_, range)| range);
                let Some(range) = needed.find(|r| r.matches(before) && !r.matches(version)) else { continue };
                let (who, its) = (&member.id.name, &member.version);
                let message = format!("{who} {its}, which is installed, requires {name} {range} and gets {version}");
                broken.push(Notice { code: "breaks".to_owned(), message });
            }
        }
        Ok(broken)
    }

    /// The lockfile's closure in a project, else what is installed.
    pub(crate) fn closure(&self, project: Option<&Project>) -> Result<Closure, MarketError> {
        if let Some(project) = project {
            return Ok(locked_closure(&project.lock));
        }
        let (mut members, mut roots) = (Vec::new(), Vec::<(PackageName, _)>::new());
        for installed in self.store.installed()? {
            let release = self.store.installed_release(&installed.id.name)?;
            let needs = release.iter().flat_map(|r| &r.release.dependencies).filter(|d| !d.optional);
            let dependencies = needs.map(|d| (d.name.clone(), d.requirement.clone())).collect();
            if installed.direct {
                let range = installed.requirement.as_deref().and_then(|r| r.parse().ok());
                roots.push((installed.id.name.clone(), range));
            }
            members.push(Member { id: installed.id, version: installed.version, dependencies });
        }
        Ok(Closure::new(members, roots))
    }
}

fn same(one: &PackageName, other: &PackageName) -> bool {
    one.collision_key() == other.collision_key()
}

/// What a lockfile names, and who needs whom of it.
pub(crate) fn locked_closure(lock: &Lockfile) -> Closure {
    let member = |p: &LockedPackage| Member {
        id: p.id.clone(),
        version: p.version.clone(),
        dependencies: p.dependencies.clone(),
    };
    let roots = project::merged(&lock.requested).into_iter().map(|r| (r.name, Some(r.requirement))).collect();
    Closure::new(lock.packages.iter().map(member).collect(), roots)
}

/// Lines with their depths as nodes with their dependencies. A line stands beneath the last one that is less deep.
fn nested(lines: &[ggen_core::graph::TreeLine]) -> Vec<TreeNode> {
    // From the last line to the first: what stands beneath a line is complete when the line is reached.
    let mut waiting: Vec<(usize, TreeNode)> = Vec::new();
    for line in lines.iter().rev() {
        let mut dependencies = Vec::new();
        while let Some((_, node)) = waiting.pop_if(|(depth, _)| *depth > line.depth) {
            dependencies.push(node);
        }
        let (name, version, publisher) = (line.name.clone(), line.version.clone(), line.publisher);
        waiting.push((line.depth, TreeNode { name, version, publisher, repeated: line.repeated, dependencies }));
    }
    waiting.into_iter().rev().map(|(_, node)| node).collect()
}
