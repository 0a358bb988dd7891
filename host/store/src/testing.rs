//! What the tests of this crate share: homes, publishers and packages of a moment.
//!
//! Decides nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ggen_core::dsse::{Envelope, SecretKey};
use ggen_core::head::{Head, HeadVersion, SignedHead};
use ggen_core::limits::Limits;
use ggen_core::release::{Release, SignedRelease};
use ggen_core::root::Publisher;
use ggen_core::{PackageId, PublisherId};
use tempfile::TempDir;

use crate::{Commit, Installed, Source, Store, StoreError};

pub(crate) struct Home {
    pub(crate) dir: TempDir,
    pub(crate) store: Store,
}

pub(crate) fn limits() -> Limits {
    Limits { lock_retry: Duration::from_millis(500), lock_tries: 20, ..Limits::default() }
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &limits()).unwrap();
        Self { dir, store }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Another process's view of the same home.
    pub(crate) fn again(&self) -> Store {
        Store::open(self.path(), &limits()).unwrap()
    }
}

pub(crate) struct Author {
    pub(crate) key: SecretKey,
    pub(crate) id: PublisherId,
    pub(crate) roots: Vec<Envelope>,
    heads: BTreeMap<String, Head>,
}

impl Author {
    pub(crate) fn new(seed: u8) -> Self {
        let key = SecretKey::from_seed(&[seed; 32]);
        let (id, root) = Publisher::create(&key, u64::from(seed));
        Self { key, id, roots: vec![root], heads: BTreeMap::new() }
    }

    pub(crate) fn package(&self, name: &str) -> PackageId {
        PackageId { publisher: self.id, name: name.parse().unwrap() }
    }

    /// A release of a directory's files, with its archive in `store`.
    pub(crate) fn release(&self, store: &Store, name: &str, version: &str, dir: &Path) -> SignedRelease {
        let staging = store.stage().unwrap();
        let packed = staging.pack(dir).unwrap();
        store.import_archive(packed.file.path(), &packed.archive).unwrap();
        let release = Release {
            schema: 1,
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            publisher: self.id,
            published: 7,
            license: None,
            claims: vec![
                ("description".into(), format!("what {name} is for")),
                ("keyword".into(), "sparql".into()),
                ("author".into(), "Müller".into()),
            ],
            dependencies: vec![],
            archive: packed.archive,
        };
        release.sign(&self.key).unwrap()
    }

    /// The next head of a package, with `release` added.
    pub(crate) fn head(&mut self, release: &SignedRelease) -> SignedHead {
        let id = release.release.id();
        let version = HeadVersion { version: release.release.version.clone(), release: release.digest, yanked: None };
        let before = self.heads.get(id.name.as_str());
        let head = Head::with_release(before, &id, version, 10, 1000);
        self.heads.insert(id.name.to_string(), head.clone());
        head.sign(&self.key, self.roots.clone()).unwrap()
    }

    /// A release of some small files, known to `store` with its head.
    pub(crate) fn publish(&mut self, store: &Store, name: &str, version: &str) -> SignedRelease {
        let dir = tree(&[("package.toml", version), ("bin/run.sh", "#!/bin/sh\n"), ("data/x.ttl", name)]);
        let release = self.release(store, name, version, dir.path());
        let head = self.head(&release);
        store.accept_head(&head, Source::Own, 1).unwrap();
        store.accept_release(&release, Source::Own, 1).unwrap();
        release
    }
}

/// A directory with these files; what ends in `.sh` may be executed.
pub(crate) fn tree(files: &[(&str, &str)]) -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        if path.extension().is_some_and(|e| e == "sh") {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    dir
}

pub(crate) fn commit_of(release: &SignedRelease, files: ggen_core::files::FileList) -> Commit {
    Commit {
        release: release.clone(),
        direct: true,
        requirement: None,
        requested_by: vec![],
        origin: "test".into(),
        files,
    }
}

pub(crate) fn install(store: &Store, releases: &[&SignedRelease]) -> Result<Vec<Installed>, StoreError> {
    let mut staging = store.stage()?;
    let mut commits = Vec::new();
    for release in releases {
        let staged = staging.unpack(release)?;
        commits.push(commit_of(release, staged.files));
    }
    store.commit(staging, commits, vec![], &mut |_: &crate::LockHolder| ())
}

/// Everything beneath a directory, as sorted relative paths.
pub(crate) fn listing(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path.clone());
            } else {
                found.push(path.strip_prefix(dir).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}
