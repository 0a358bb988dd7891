//! Walks over a resolved closure: who needs whom, as a tree and as all paths to one package.
//!
//! Decides nothing about versions. Never loops: a closure has no circles, and one that has them is cut where it closes.
//! Invariant: both walks are iterative and bounded, whatever the closure is made of.

use std::collections::{BTreeMap, BTreeSet};

use semver::{Version, VersionReq};
use serde::Serialize;

use crate::name::{PackageId, PackageName, PublisherId};

/// The most nodes of a tree.
pub const MAX_TREE: usize = 20_000;
/// The most paths to one package.
pub const MAX_PATHS: usize = 1000;
/// Steps of looking for paths.
const MAX_STEPS: usize = 1_000_000;

/// One package of a closure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Which.
    pub id: PackageId,
    /// Its version.
    pub version: Version,
    /// What it needs of the closure, with the requirements.
    pub dependencies: BTreeMap<PackageName, VersionReq>,
}

/// A resolved closure with what was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Closure {
    /// By name; all spellings of one name are one.
    members: BTreeMap<String, Member>,
    /// What was asked for, with the requirement where it is known.
    roots: Vec<(PackageName, Option<VersionReq>)>,
}

/// A line of a tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TreeLine {
    /// How deep it stands; 0 for what was asked for.
    pub depth: usize,
    /// The package.
    pub name: PackageName,
    /// Its version; none where it is not there.
    pub version: Option<Version>,
    /// Whose it is.
    pub publisher: Option<PublisherId>,
    /// Its dependencies stand further up already.
    pub repeated: bool,
    /// Whether it is the last one of its parent.
    pub last: bool,
}

/// One step of a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// The package.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// What the step before it requires of it; for the first one, what was asked for, where it is known.
    pub requirement: Option<String>,
}

/// All paths to one package.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Paths {
    /// From what was asked for to the package.
    pub paths: Vec<Vec<Step>>,
    /// Whether there are more.
    pub cut: bool,
}

impl Closure {
    /// A closure of these packages; a root that is no member is kept and told.
    #[must_use]
    pub fn new(members: Vec<Member>, roots: Vec<(PackageName, Option<VersionReq>)>) -> Self {
        let members = members.into_iter().map(|m| (m.id.name.collision_key(), m)).collect();
        Self { members, roots }
    }

    /// The package of a name.
    #[must_use]
    pub fn get(&self, name: &PackageName) -> Option<&Member> {
        self.members.get(&name.collision_key())
    }

    /// Members that need `name` themselves.
    pub fn needers<'a>(&'a self, name: &PackageName) -> impl Iterator<Item = &'a Member> {
        let key = name.collision_key();
        self.members.values().filter(move |m| m.dependencies.keys().any(|n| n.collision_key() == key))
    }

    /// What stands for nothing that was asked for: members that no root reaches.
    #[must_use]
    pub fn unreached(&self) -> Vec<&Member> {
        let mut reached = BTreeSet::new();
        let mut stack: Vec<String> = self.roots.iter().map(|(name, _)| name.collision_key()).collect();
        while let Some(key) = stack.pop() {
            let Some(member) = self.members.get(&key) else { continue };
            if reached.insert(key) {
                stack.extend(member.dependencies.keys().map(PackageName::collision_key));
            }
        }
        self.members.iter().filter(|(key, _)| !reached.contains(*key)).map(|(_, member)| member).collect()
    }

    /// The tree beneath `from`, or beneath everything that was asked for; and whether it was cut.
    #[must_use]
    pub fn tree(&self, from: Option<&PackageName>) -> (Vec<TreeLine>, bool) {
        let roots: Vec<&PackageName> = match from {
            Some(name) => vec![name],
            None => self.roots.iter().map(|(name, _)| name).collect(),
        };
        let mut lines = Vec::new();
        let mut told = BTreeSet::new();
        let count = roots.len();
        let mut stack: Vec<(usize, &PackageName, bool)> =
            roots.into_iter().enumerate().rev().map(|(i, name)| (0, name, i + 1 == count)).collect();
        while let Some((depth, name, last)) = stack.pop() {
            if lines.len() >= MAX_TREE {
                return (lines, true);
            }
            let member = self.get(name);
            let needs = member.map(|m| &m.dependencies);
            let repeated = !told.insert(name.collision_key()) && needs.is_some_and(|n| !n.is_empty());
            lines.push(TreeLine {
                depth,
                name: member.map_or(name, |m| &m.id.name).clone(),
                version: member.map(|m| m.version.clone()),
                publisher: member.map(|m| m.id.publisher),
                repeated,
                last,
            });
            if let (false, Some(needs)) = (repeated, needs) {
                let count = needs.len();
                let children = needs.keys().enumerate().rev().map(|(i, name)| (depth + 1, name, i + 1 == count));
                stack.extend(children);
            }
        }
        (lines, false)
    }

    /// All paths from what was asked for to `name`, at most [`MAX_PATHS`].
    #[must_use]
    pub fn why(&self, name: &PackageName) -> Paths {
        let wanted = name.collision_key();
        let useful = self.leading_to(&wanted);
        let mut found = Paths::default();
        let mut steps = 0usize;
        // Each frame: a path's end, and how deep it stands; `path` is the way to it.
        let mut path: Vec<(Step, String)> = Vec::new();
        let mut stack: Vec<(usize, String, Option<String>)> = self
            .roots
            .iter()
            .rev()
            .map(|(name, range)| (0, name.collision_key(), range.as_ref().map(ToString::to_string)))
            .collect();
        while let Some((depth, key, requirement)) = stack.pop() {
            steps += 1;
            if found.paths.len() >= MAX_PATHS || steps > MAX_STEPS {
                found.cut = true;
                return found;
            }
            path.truncate(depth);
            let Some(member) = self.members.get(&key).filter(|_| useful.contains(&key)) else { continue };
            if path.iter().any(|(_, before)| *before == key) {
                continue;
            }
            let step = Step { name: member.id.name.clone(), version: member.version.clone(), requirement };
            path.push((step, key.clone()));
            if key == wanted {
                found.paths.push(path.iter().map(|(step, _)| step.clone()).collect());
                continue;
            }
            let next = member.dependencies.iter().rev();
            stack.extend(next.map(|(name, range)| (depth + 1, name.collision_key(), Some(range.to_string()))));
        }
        found
    }

    /// Members from which `wanted` can be reached, itself among them: no path goes elsewhere.
    fn leading_to(&self, wanted: &str) -> BTreeSet<String> {
        let mut needed_by: BTreeMap<String, Vec<&String>> = BTreeMap::new();
        for (key, member) in &self.members {
            for name in member.dependencies.keys() {
                needed_by.entry(name.collision_key()).or_default().push(key);
            }
        }
        let mut useful = BTreeSet::new();
        let mut stack = vec![wanted.to_owned()];
        while let Some(key) = stack.pop() {
            if useful.insert(key.clone()) {
                stack.extend(needed_by.get(&key).into_iter().flatten().map(|k| (*k).clone()));
            }
        }
        useful
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn member(name: &str, needs: &[&str]) -> Member {
        Member {
            id: PackageId { publisher: PublisherId(Digest::of(b"p")), name: name.parse().unwrap() },
            version: Version::new(1, 0, 0),
            dependencies: needs.iter().map(|n| (n.parse().unwrap(), "^1".parse().unwrap())).collect(),
        }
    }

    fn closure(members: &[(&str, &[&str])], roots: &[&str]) -> Closure {
        let members = members.iter().map(|(name, needs)| member(name, needs)).collect();
        Closure::new(members, roots.iter().map(|n| (n.parse().unwrap(), None)).collect())
    }

    fn ways(found: &Paths) -> Vec<String> {
        let way = |path: &Vec<Step>| path.iter().map(|s| s.name.to_string()).collect::<Vec<_>>().join(">");
        found.paths.iter().map(way).collect()
    }

    #[test]
    fn a_tree_says_each_part_once() {
        let all = closure(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["b"]), ("d", &[])], &["a", "d"]);
        let (lines, cut) = all.tree(None);
        let shown = |l: &TreeLine| format!("{}{}{}", l.depth, l.name, if l.repeated { "*" } else { "" });
        assert_eq!(lines.iter().map(shown).collect::<Vec<_>>(), ["0a", "1b", "2d", "1c", "2b*", "0d"]);
        assert!(!cut && lines.last().unwrap().last);
        assert_eq!(all.tree(Some(&"c".parse().unwrap())).0.len(), 3);
    }

    #[test]
    fn every_path_is_found_and_none_that_leads_elsewhere() {
        let all = closure(
            &[("a", &["b", "c"]), ("b", &["d"]), ("c", &["b", "d"]), ("d", &[]), ("e", &["f"]), ("f", &[])],
            &["a", "d", "e"],
        );
        let found = all.why(&"d".parse().unwrap());
        assert_eq!(ways(&found), ["a>b>d", "a>c>b>d", "a>c>d", "d"]);
        assert_eq!(found.paths[0][1].requirement.as_deref(), Some("^1"));
        assert!(all.why(&"nobody".parse().unwrap()).paths.is_empty());
        assert_eq!(all.unreached().len(), 0);
    }

    #[test]
    fn circles_and_lattices_end() {
        let circle = closure(&[("a", &["b"]), ("b", &["c"]), ("c", &["a", "d"]), ("d", &[])], &["a"]);
        assert_eq!(ways(&circle.why(&"d".parse().unwrap())), ["a>b>c>d"]);
        assert!(circle.tree(None).0.len() < 10);
        // 2^30 paths: each layer needs both of the next.
        let names: Vec<[String; 2]> = (0..30).map(|i| [format!("l{i}"), format!("r{i}")]).collect();
        let mut members = Vec::new();
        for (i, both) in names.iter().enumerate() {
            let next: Vec<&str> = names.get(i + 1).map(|n| n.iter().map(String::as_str).collect()).unwrap_or_default();
            members.extend(both.iter().map(|name| member(name, &next)));
        }
        let lattice = Closure::new(members, vec![("l0".parse().unwrap(), None)]);
        let found = lattice.why(&"l29".parse().unwrap());
        assert_eq!((found.paths.len(), found.cut), (MAX_PATHS, true));
        assert!(lattice.tree(None).0.len() < 130);
    }
}
