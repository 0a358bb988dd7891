//! Which files of a crate import each other in a circle.
//!
//! Parses the sources as the compiler does, from the crate's root along its `mod` items; what only tests see is left out,
//! and so is what stands inside a macro's call. A name that a module hands on with `pub use` is taken from where it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// A module by its path in the crate; the root is empty.
type Module = Vec<String>;

/// A file, and what stands in it that names another.
#[derive(Default)]
struct Read {
    /// Paths that are used.
    used: BTreeSet<Vec<String>>,
    /// Paths that are handed on, by the name under which that happens.
    handed_on: BTreeMap<String, Vec<String>>,
    /// Modules in files of their own.
    children: Vec<String>,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| a.path().is_ident("cfg") && a.parse_args::<syn::Path>().is_ok_and(|p| p.is_ident("test")))
}

impl Read {
    fn tree(&mut self, tree: &UseTree, before: &[String], on: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.tree(&path.tree, &with(&path.ident), on),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.tree(tree, before, on)),
            UseTree::Name(name) if name.ident == "self" => (before.to_vec(), before.last().cloned()),
            UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(rename) => (with(&rename.ident), Some(rename.rename.to_string())),
            UseTree::Glob(_) if on => return,
            UseTree::Glob(_) => (before.to_vec(), None),
        };
        match name.filter(|_| on) {
            Some(name) => drop(self.handed_on.insert(name, path)),
            None => drop(self.used.insert(path)),
        }
    }
}

impl<'ast> Visit<'ast> for Read {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        match &item.content {
            Some(_) => visit::visit_item_mod(self, item),
            None => self.children.push(item.ident.to_string()),
        }
    }

    // Who may see something is no use of it.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        // One name alone is a variable, or was imported.
        if path.segments.len() > 1 {
            self.used.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }
}

/// A crate: its modules that are files.
struct Crate {
    files: BTreeMap<Module, (PathBuf, Read)>,
}

impl Crate {
    fn read(&mut self, module: Module, file: &Path) {
        let text = std::fs::read_to_string(file).expect("read a source");
        let mut read = Read::default();
        read.visit_file(&syn::parse_file(&text).expect("parse a source"));
        let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") | None => file.parent().expect("has a folder").to_owned(),
            Some(stem) => file.with_file_name(stem),
        };
        let children = read.children.clone();
        self.files.insert(module.clone(), (file.to_owned(), read));
        for child in children {
            let places = [folder.join(format!("{child}.rs")), folder.join(&child).join("mod.rs")];
            let next = [&module[..], &[child]].concat();
            if let Some(place) = places.iter().find(|place| place.is_file()) {
                self.read(next, place);
            }
        }
    }

    /// The module that `path`, written in `module`, takes something from; none if that is no module of this crate.
    fn target(&self, module: &Module, path: &[String], depth: usize) -> Option<Module> {
        let mut at = module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (at, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {}
            first if self.files.contains_key(&[&module[..], &[first.to_owned()]].concat()) => {}
            _ => return None,
        }
        while rest.first().is_some_and(|first| first == "super") {
            at.pop();
            rest = &rest[1..];
        }
        while let Some(first) = rest.first() {
            let next = [&at[..], std::slice::from_ref(first)].concat();
            if self.files.contains_key(&next) {
                (at, rest) = (next, &rest[1..]);
                continue;
            }
            return match self.files.get(&at)?.1.handed_on.get(first) {
                Some(from) if depth > 0 => self.target(&at, from, depth - 1).or(Some(at)),
                _ => Some(at),
            };
        }
        Some(at)
    }

    fn arrows(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let of = |module: &Module, read: &Read| -> BTreeSet<Module> {
            let targets = read.used.iter().filter_map(|path| self.target(module, path, 8));
            targets.filter(|target| target != module).collect()
        };
        self.files.iter().map(|(module, (_, read))| (module, of(module, read))).collect()
    }
}

/// The arrows of all circles among the files of the crate with this root: `from -> to`.
pub fn circles(root: &Path) -> Vec<String> {
    let mut all = Crate { files: BTreeMap::new() };
    all.read(Vec::new(), root);
    let arrows = all.arrows();
    let leads = |from: &Module, to: &Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            if module == to {
                return true;
            }
            if seen.insert(module) {
                next.extend(arrows.get(module).into_iter().flatten());
            }
        }
        false
    };
    let name = |module: &Module| all.files[module].0.display().to_string();
    let all_arrows = arrows.iter().flat_map(|(from, tos)| tos.iter().map(move |to| (*from, to)));
    all_arrows
        .filter(|(from, to)| leads(to, from))
        .map(|(from, to)| format!("{} -> {}", name(from), name(to)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("has a folder")).expect("make a folder");
            std::fs::write(path, text).expect("write a source");
        }
        let shown = |arrow: String| arrow.replace(&format!("{}/", folder.path().display()), "");
        circles(&folder.path().join("lib.rs")).into_iter().map(shown).collect()
    }

    #[test]
    fn a_circle_is_found_over_three_files_and_through_what_is_handed_on() {
        let c = "pub fn f(x: &super::Thing) { let _ = crate::b::g(x); }";
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod c; mod d; pub use d::Thing; pub use c::f;"),
            ("a/c.rs", c),
            ("a/d.rs", "pub struct Thing;"),
            ("b.rs", "use crate::a::{self, f}; pub fn g(x: &a::Thing) { f(x) }"),
        ];
        assert_eq!(found(&files), ["a/c.rs -> b.rs", "b.rs -> a/c.rs"]);
    }

    #[test]
    fn what_runs_one_way_or_is_for_tests_alone_is_none() {
        let files = [
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
            ("a.rs", "use crate::b::B; pub(super) struct A(B); #[cfg(test)] mod tests { use super::*; }"),
            ("b.rs", "pub(crate) struct B; #[cfg(test)] use crate::a::A;"),
            ("tests.rs", "use super::*;"),
        ];
        assert!(found(&files).is_empty());
    }
}
