//! A file system that can lose power: what may be on the disk after any prefix of recorded changes.
//!
//! What was synced is there. Of what was not, each write and each name may be there or not, in any order, and a write may
//! be there in part. A file's data become durable with a sync of the file, names with a sync of their directory, both
//! with a sync of the file system: no more is promised, so that what stands here stands on any file system.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::record::Op;

/// A file or a directory, whatever its name is.
type Id = usize;

#[derive(Clone, Debug)]
enum Node {
    /// `stamp` tells contents apart without looking at them: it is made of the changes that led to them.
    File {
        bytes: Rc<Vec<u8>>,
        mode: u32,
        stamp: u64,
    },
    Dir {
        names: BTreeMap<String, Id>,
    },
}

/// One state of a disk.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Node>,
}

type Place = (Id, String);

#[derive(Clone, Debug)]
enum Change {
    Write { file: Id, at: u64, bytes: Rc<Vec<u8>> },
    Resize { file: Id, length: u64 },
    Mode { file: Id, mode: u32 },
    Name { at: Place, node: Id },
    Forget { at: Place, node: Id },
    Move { from: Place, to: Place, node: Id },
    Swap { a: Place, b: Place, nodes: (Id, Id) },
}

impl Change {
    /// Which syncs make this durable.
    fn touches(&self, id: Id) -> bool {
        match self {
            Self::Write { file, .. } | Self::Resize { file, .. } | Self::Mode { file, .. } => *file == id,
            Self::Name { at, .. } | Self::Forget { at, .. } => at.0 == id,
            Self::Move { from, to, .. } => from.0 == id || to.0 == id,
            Self::Swap { a, b, .. } => a.0 == id || b.0 == id,
        }
    }

    const fn is_data(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Resize { .. } | Self::Mode { .. })
    }
}

/// How much of a write is there.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    /// The first bytes only.
    First(usize),
    /// The length is there, the bytes are zeros.
    Zeros,
}

/// A disk, and what it may still lose.
#[derive(Debug)]
pub struct Disk {
    live: Tree,
    durable: Tree,
    /// Changes that no sync has covered, each with its number.
    pending: Vec<(u64, Change)>,
    number: u64,
}

/// One state in which a power cut may leave a disk.
#[derive(Debug)]
pub struct Cut {
    /// What was lost.
    pub lost: String,
    /// What is there.
    pub tree: Tree,
}

impl Default for Disk {
    fn default() -> Self {
        let root = Tree { nodes: vec![Node::Dir { names: BTreeMap::new() }] };
        Self { live: root.clone(), durable: root, pending: Vec::new(), number: 0 }
    }
}

impl Disk {
    /// Does one recorded change.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Mkdir { path } if path.as_os_str().is_empty() => {}
            Op::Mkdir { path } => self.make(path, Node::Dir { names: BTreeMap::new() }),
            Op::Make { path, mode, cut } => match self.live.find(path) {
                Some(file) if *cut => self.change(Change::Resize { file, length: 0 }),
                Some(_) => {}
                None => self.make(path, Node::File { bytes: Rc::default(), mode: *mode, stamp: 0 }),
            },
            Op::Write { path, at, bytes } => {
                let file = self.live.must_find(path);
                let at = at.unwrap_or_else(|| self.live.length(file));
                self.change(Change::Write { file, at, bytes: Rc::new(bytes.clone()) });
            }
            Op::Resize { path, length } => {
                if let Some(file) = self.live.find(path) {
                    self.change(Change::Resize { file, length: *length });
                }
            }
            Op::Mode { path, mode } => {
                let file = self.live.must_find(path);
                self.change(Change::Mode { file, mode: *mode });
            }
            Op::Link { from, to } => {
                let node = self.live.must_find(from);
                self.change(Change::Name { at: self.live.place(to), node });
            }
            Op::Remove { path } => {
                let node = self.live.must_find(path);
                self.change(Change::Forget { at: self.live.place(path), node });
            }
            Op::Rename { from, to, exchange } => {
                let (node, a, b) = (self.live.must_find(from), self.live.place(from), self.live.place(to));
                self.change(match exchange {
                    false => Change::Move { from: a, to: b, node },
                    true => Change::Swap { a, b, nodes: (node, self.live.must_find(to)) },
                });
            }
            Op::Sync { path } => {
                if let Some(id) = self.live.find(path) {
                    self.sync(|change| change.touches(id));
                }
            }
            Op::SyncAll => self.sync(|_| true),
        }
    }

    fn make(&mut self, path: &Path, node: Node) {
        let id = self.live.nodes.len();
        self.live.nodes.push(node.clone());
        self.durable.nodes.push(node);
        self.change(Change::Name { at: self.live.place(path), node: id });
    }

    fn change(&mut self, change: Change) {
        self.number += 1;
        self.live.apply(self.number, &change, Part::Whole);
        self.pending.push((self.number, change));
    }

    fn sync(&mut self, covered: impl Fn(&Change) -> bool) {
        let (now, later) = std::mem::take(&mut self.pending).into_iter().partition(|(_, c)| covered(c));
        self.pending = later;
        let now: Vec<(u64, Change)> = now;
        for (number, change) in now {
            self.durable.apply(number, &change, Part::Whole);
        }
    }

    /// The states in which a power cut now may leave the disk: the corners, and `shuffles` by chance.
    pub fn cuts(&self, shuffles: u64) -> Vec<Cut> {
        let mut cuts = vec![
            self.cut("nothing", |_, _| Some(Part::Whole)),
            self.cut("all that was not synced", |_, _| None),
            self.cut("data that were not synced", |_, c| (!c.is_data()).then_some(Part::Whole)),
            self.cut("data that were not synced: zeros", |_, c| {
                Some(if matches!(c, Change::Write { .. }) { Part::Zeros } else { Part::Whole })
            }),
            self.cut("names that were not synced", |_, c| c.is_data().then_some(Part::Whole)),
        ];
        let last: BTreeMap<Id, u64> = self
            .pending
            .iter()
            .filter_map(|(n, c)| if let Change::Write { file, .. } = c { Some((*file, *n)) } else { None })
            .collect();
        cuts.push(self.cut("the second half of each file's last write", |n, c| match c {
            Change::Write { file, bytes, .. } if last.get(file) == Some(&n) => Some(Part::First(bytes.len() / 2)),
            _ => Some(Part::Whole),
        }));
        for shuffle in 0..shuffles {
            let mut chance = Chance(self.number.wrapping_mul(31).wrapping_add(shuffle) | 1);
            cuts.push(self.cut(&format!("by chance {shuffle}"), move |_, c| chance.part(c)));
        }
        cuts
    }

    fn cut(&self, lost: &str, mut keep: impl FnMut(u64, &Change) -> Option<Part>) -> Cut {
        let mut tree = self.durable.clone();
        for (number, change) in &self.pending {
            if let Some(part) = keep(*number, change) {
                tree.apply(*number, change, part);
            }
        }
        Cut { lost: lost.to_owned(), tree }
    }
}

/// Chance that repeats itself.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn part(&mut self, change: &Change) -> Option<Part> {
        match (self.next(5), change) {
            (0 | 1, _) => None,
            (2, Change::Write { bytes, .. }) => {
                let most = u64::try_from(bytes.len()).expect("a length") + 1;
                Some(Part::First(usize::try_from(self.next(most)).expect("a length")))
            }
            (3, Change::Write { .. }) if self.next(2) == 0 => Some(Part::Zeros),
            _ => Some(Part::Whole),
        }
    }
}

impl Tree {
    fn names(&self, dir: Id) -> Option<&BTreeMap<String, Id>> {
        match self.nodes.get(dir) {
            Some(Node::Dir { names }) => Some(names),
            _ => None,
        }
    }

    fn names_mut(&mut self, dir: Id) -> &mut BTreeMap<String, Id> {
        match &mut self.nodes[dir] {
            Node::Dir { names } => names,
            Node::File { .. } => panic!("a name beneath a file"),
        }
    }

    fn length(&self, file: Id) -> u64 {
        match &self.nodes[file] {
            Node::File { bytes, .. } => u64::try_from(bytes.len()).expect("a length"),
            Node::Dir { .. } => panic!("bytes in a directory"),
        }
    }

    fn find(&self, path: &Path) -> Option<Id> {
        path.components()
            .try_fold(0, |at, part| self.names(at)?.get(part.as_os_str().to_str().expect("a path in UTF-8")).copied())
    }

    #[track_caller]
    fn must_find(&self, path: &Path) -> Id {
        self.find(path).unwrap_or_else(|| panic!("{path:?} is not on the recorded disk"))
    }

    fn place(&self, path: &Path) -> Place {
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name in UTF-8").to_owned();
        (self.must_find(path.parent().expect("a directory")), name)
    }

    fn apply(&mut self, number: u64, change: &Change, part: Part) {
        match change {
            Change::Name { at, node } => drop(self.names_mut(at.0).insert(at.1.clone(), *node)),
            Change::Forget { at, node } => self.forget(at, *node),
            Change::Move { from, to, node } => {
                self.forget(from, *node);
                self.names_mut(to.0).insert(to.1.clone(), *node);
            }
            Change::Swap { a, b, nodes } => {
                self.names_mut(a.0).insert(a.1.clone(), nodes.1);
                self.names_mut(b.0).insert(b.1.clone(), nodes.0);
            }
            Change::Write { file, at, bytes } => self.write(*file, number, *at, bytes, part),
            Change::Resize { file, length } => {
                let length = usize::try_from(*length).expect("a length");
                self.edit(*file, (number, 0), |bytes| bytes.resize(length, 0));
            }
            Change::Mode { file, mode } => {
                if let Node::File { mode: m, .. } = &mut self.nodes[*file] {
                    *m = *mode;
                }
            }
        }
    }

    /// Only if it is still that one: another may have been renamed over it.
    fn forget(&mut self, at: &Place, node: Id) {
        let names = self.names_mut(at.0);
        if names.get(&at.1) == Some(&node) {
            names.remove(&at.1);
        }
    }

    fn write(&mut self, file: Id, number: u64, at: u64, new: &[u8], part: Part) {
        let start = usize::try_from(at).expect("an offset");
        let zeros = vec![0; new.len()];
        let (new, sign) = match part {
            Part::Whole => (new, 0),
            Part::First(count) => (&new[..count], u64::try_from(count).expect("a length") + 2),
            Part::Zeros => (&zeros[..], 1),
        };
        self.edit(file, (number, sign), |bytes| {
            if bytes.len() < start + new.len() {
                bytes.resize(start + new.len(), 0);
            }
            bytes[start..start + new.len()].copy_from_slice(new);
        });
    }

    fn edit(&mut self, file: Id, sign: (u64, u64), change: impl FnOnce(&mut Vec<u8>)) {
        match &mut self.nodes[file] {
            Node::File { bytes, stamp, .. } => {
                change(Rc::make_mut(bytes));
                let mut hasher = DefaultHasher::new();
                (*stamp, sign).hash(&mut hasher);
                *stamp = hasher.finish();
            }
            Node::Dir { .. } => panic!("bytes in a directory"),
        }
    }

    /// The same for two states that are the same.
    pub fn stamp(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.stamp_dir(0, &mut hasher);
        hasher.finish()
    }

    fn stamp_dir(&self, dir: Id, hasher: &mut DefaultHasher) {
        for (name, id) in self.names(dir).into_iter().flatten() {
            name.hash(hasher);
            match &self.nodes[*id] {
                Node::File { mode, stamp, .. } => (*id, mode, stamp).hash(hasher),
                Node::Dir { .. } => {
                    0u8.hash(hasher);
                    self.stamp_dir(*id, hasher);
                    1u8.hash(hasher);
                }
            }
        }
    }

    /// Writes the state into an empty directory.
    pub fn write_to(&self, root: &Path) {
        self.write_dir(0, root);
    }

    fn write_dir(&self, dir: Id, at: &Path) {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        if !at.is_dir() {
            std::fs::DirBuilder::new().mode(0o700).create(at).expect("create a directory");
        }
        for (name, id) in self.names(dir).into_iter().flatten() {
            let path: PathBuf = at.join(name);
            match &self.nodes[*id] {
                Node::Dir { .. } => self.write_dir(*id, &path),
                Node::File { bytes, mode, .. } => {
                    let mut options = std::fs::OpenOptions::new();
                    let mut file = options.write(true).create_new(true).mode(*mode).open(&path).expect("create a file");
                    std::io::Write::write_all(&mut file, bytes).expect("write a file");
                }
            }
        }
    }
}
