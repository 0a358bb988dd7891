//! Whether files changed: by their length, time and inode, and then by their digest.
//!
//! Decides when a change is at rest: when two looks in a row see the same, so that a file that is being written is not
//! taken for what it will be. Never waits and never reads more than a file's bound. Invariant: what changed is told once,
//! and again only when it changed again.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ggen_core::Digest;

/// Files that are watched at most; the chains of all hooks have fewer.
const MAX_FILES: usize = 256;
/// A file of at most so many bytes is read at each look: an editor may keep length and time.
const SMALL: u64 = 64 * 1024;

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: (i64, i64),
    inode: u64,
    digest: Option<Digest>,
}

/// None: there is no such file, or it cannot be read.
type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

/// Files between looks; the first look takes everything as it is.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// As they were when what they say was taken up; none before the first look.
    taken: Option<Stamps>,
    last: Stamps,
}

impl Watch {
    /// Looks at the files, at most `most` bytes of each; whether they say something else than what was taken up, and are
    /// at rest.
    pub(crate) fn look(&mut self, paths: Vec<PathBuf>, most: u64) -> bool {
        let look = |path: PathBuf| {
            let stamp = stamp(&path, self.last.get(&path).and_then(Option::as_ref), most);
            (path, stamp)
        };
        let now: Stamps = paths.into_iter().take(MAX_FILES).map(look).collect();
        let rests = now == self.last;
        self.last = now;
        let Some(taken) = &self.taken else {
            self.taken();
            return false;
        };
        rests && !same(taken, &self.last)
    }

    /// What the last look saw is taken up, or was found to be of no use.
    pub(crate) fn taken(&mut self) {
        self.taken = Some(self.last.clone());
    }
}

/// Whether the files say the same, whenever they were written.
fn same(a: &Stamps, b: &Stamps) -> bool {
    let says = |stamp: &Option<Stamp>| stamp.as_ref().map(|stamp| (stamp.length, stamp.digest));
    a.len() == b.len() && a.iter().zip(b).all(|((pa, a), (pb, b))| pa == pb && says(a) == says(b))
}

fn stamp(path: &Path, before: Option<&Stamp>, most: u64) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut now = Stamp {
        length: about.len(),
        modified: (about.mtime(), about.mtime_nsec()),
        inode: about.ino(),
        digest: before.and_then(|before| before.digest),
    };
    if now.length <= SMALL || before != Some(&now) {
        // What is longer than it may be is refused by who reads it.
        now.digest = crate::policies::files::read(path, most).ok().map(|bytes| Digest::of(&bytes));
    }
    Some(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn watch() -> (tempfile::TempDir, PathBuf, Watch) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        (folder, path, Watch::default())
    }

    #[test]
    fn a_change_is_told_once_when_it_is_at_rest() {
        let (_folder, path, mut watch) = watch();
        let look = |watch: &mut Watch| watch.look(vec![path.clone()], 1000);
        assert!(!look(&mut watch) && !look(&mut watch), "there is no file");
        fs::write(&path, "a").unwrap();
        assert!(!look(&mut watch), "it may still be written");
        fs::write(&path, "ab").unwrap();
        assert!(!look(&mut watch), "it was");
        assert!(look(&mut watch));
        assert!(look(&mut watch), "until it is taken");
        watch.taken();
        assert!(!look(&mut watch));
        fs::remove_file(&path).unwrap();
        assert!(!look(&mut watch) && look(&mut watch), "that it goes is a change");
    }

    #[test]
    fn the_same_bytes_written_again_are_no_change_and_other_bytes_of_the_same_length_are() {
        let (folder, path, mut watch) = watch();
        fs::write(&path, "aa").unwrap();
        let look = |watch: &mut Watch| watch.look(vec![path.clone()], 1000);
        look(&mut watch);
        let beside = folder.path().join("beside");
        fs::write(&beside, "aa").unwrap();
        fs::rename(&beside, &path).unwrap();
        assert!(!look(&mut watch) && !look(&mut watch), "another inode, the same word");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "bb").unwrap();
        fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(!look(&mut watch) && look(&mut watch));
    }

    #[test]
    fn another_file_in_the_place_of_one_is_a_change() {
        let (folder, path, mut watch) = watch();
        let other = folder.path().join("other");
        for path in [&path, &other] {
            fs::write(path, "a").unwrap();
        }
        watch.look(vec![path.clone()], 1000);
        assert!(!watch.look(vec![other.clone()], 1000) && watch.look(vec![other], 1000));
    }
}
