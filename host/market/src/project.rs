//! A project: a directory whose `ggen.lock` says what its packages are.
//!
//! Decides which directory is one. Reads and writes its lockfile, and nothing else in it. Invariant: a lockfile is
//! replaced in one rename, after the install that it describes, and only if nobody changed it meanwhile; a link to one
//! stays a link. What has its name and is no file is refused, never taken for none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ggen_core::lockfile::{AskedBy, LOCKFILE_NAME, LockedPackage, LockedRequest, Lockfile, MAX_LOCKFILE};
use ggen_core::manifest::{MANIFEST_NAMES, Manifest, Place};
use ggen_core::resolve::Request;
use ggen_core::{PackageId, PackageName, PublisherId};
use ggen_store::{ProjectLock, open_regular};
use semver::{Version, VersionReq};

use crate::error::MarketError;
use crate::market::{Market, blocking};
use crate::report;

/// What makes a directory a project, beside a manifest and a lockfile.
const PROJECT_FILE: &str = "ggen.toml";
/// The most directories that are looked through on the way up.
const MAX_DEPTH: usize = 64;

/// A project at work.
#[derive(Debug)]
pub(crate) struct Project {
    dir: PathBuf,
    /// The lockfile as it was read; none where there is none.
    text: Option<String>,
    pub(crate) lock: Lockfile,
    _alone: Option<ProjectLock>,
}

impl Project {
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(LOCKFILE_NAME)
    }

    /// Whether there is a lockfile.
    pub(crate) fn is_locked(&self) -> bool {
        self.text.is_some()
    }

    /// Refuses where there is nothing that could stay as it is.
    pub(crate) fn require_locked(&self) -> Result<(), MarketError> {
        match &self.text {
            None => Err(MarketError::NoLockfile),
            // A beginning for who may write, and for nobody else: it says of nothing what it is.
            Some(text) if text.trim().is_empty() => Err(MarketError::LockfileInvalid {
                path: self.path(),
                place: Place { line: 1, column: 1 },
                problem: "it is empty, and --locked needs one that says what is locked".to_owned(),
            }),
            Some(_) => Ok(()),
        }
    }

    /// What is held to its version.
    pub(crate) fn kept(&self) -> BTreeMap<PackageId, Version> {
        self.lock.packages.iter().map(|p| (p.id.clone(), p.version.clone())).collect()
    }

    /// What the manifest asks for; nothing where there is none.
    pub(crate) fn manifest_requests(&self, market: &Market) -> Result<Vec<LockedRequest>, MarketError> {
        let Some(path) = manifest_in(&self.dir) else { return Ok(Vec::new()) };
        let failed = |source| MarketError::Io { path: path.clone(), action: "read", source };
        let text = read_text(&path, market.settings.limits.max_manifest).map_err(failed)?.unwrap_or_default();
        let wrong = |source| MarketError::Manifest { path: path.clone(), source: Box::new(source) };
        let manifest = Manifest::parse(&text).map_err(wrong)?;
        let needed = manifest.dependencies.into_iter().filter(|d| !d.optional);
        let mut requests: Vec<LockedRequest> = Vec::new();
        for dependency in needed {
            let publisher = dependency.publisher.as_deref().map(|text| market.publisher(text)).transpose()?;
            let (name, requirement) = (dependency.name, dependency.requirement);
            requests.push(LockedRequest { name, requirement, publisher, by: AskedBy::Manifest });
        }
        Ok(requests)
    }

    /// Whether there is a manifest.
    pub(crate) fn has_manifest(&self) -> bool {
        manifest_in(&self.dir).is_some()
    }

    /// Writes the lockfile, unless it says the same already; whether it was written.
    pub(crate) fn write(&self, lock: &Lockfile) -> Result<bool, MarketError> {
        let path = self.path();
        let text = lock.to_text();
        if self.text.as_ref() == Some(&text) {
            return Ok(false);
        }
        let failed = |source| MarketError::Lockfile { path: path.clone(), written: true, source };
        if read_text(&path, MAX_LOCKFILE).map_err(failed)? != self.text {
            return Err(MarketError::LockfileChanged { path });
        }
        write_whole(&path, &text).map_err(failed)?;
        Ok(true)
    }
}

impl Market {
    /// The project of the working directory, if it is in one, alone until it is dropped. With `begin`, an empty
    /// directory becomes one.
    pub(crate) async fn project(&self, begin: bool) -> Result<Option<Project>, MarketError> {
        let Some(here) = self.directory.clone() else { return Ok(None) };
        let Some(dir) = find(&here, begin) else { return Ok(None) };
        let (store, reporter) = (self.store.clone(), std::sync::Arc::clone(&self.reporter));
        let locked = dir.clone();
        let alone = blocking(move || Ok(store.lock_project(&locked, &mut report::waiting(&reporter))?)).await?;
        read(dir, Some(alone)).map(Some)
    }

    /// The project as it is now, for who only looks.
    pub(crate) fn look_at_project(&self) -> Result<Option<Project>, MarketError> {
        let Some(dir) = self.directory.as_deref().and_then(|here| find(here, false)) else { return Ok(None) };
        read(dir, None).map(Some)
    }
}

fn read(dir: PathBuf, alone: Option<ProjectLock>) -> Result<Project, MarketError> {
    let path = dir.join(LOCKFILE_NAME);
    let text = read_text(&path, MAX_LOCKFILE).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => {
            let problem = source.to_string();
            MarketError::LockfileInvalid { path: path.clone(), place: Place { line: 1, column: 1 }, problem }
        }
        _ => MarketError::Lockfile { path: path.clone(), written: false, source },
    })?;
    let lock = Lockfile::parse(text.as_deref().unwrap_or_default()).map_err(|e| MarketError::LockfileInvalid {
        path,
        place: e.place,
        problem: e.problem,
    })?;
    Ok(Project { dir, text, lock, _alone: alone })
}

/// The nearest directory upwards that is a project, as far as they belong to one owner; an empty one here is a project
/// that begins.
fn find(here: &Path, begin: bool) -> Option<PathBuf> {
    let owner = std::fs::metadata(here).ok()?.uid();
    let home = std::env::home_dir();
    for dir in here.ancestors().take(MAX_DEPTH) {
        if std::fs::metadata(dir).ok()?.uid() != owner {
            break;
        }
        if is_project(dir) {
            return Some(dir.to_owned());
        }
        if home.as_deref() == Some(dir) {
            break;
        }
    }
    let empty = || std::fs::read_dir(here).is_ok_and(|mut entries| entries.next().is_none());
    (begin && empty()).then(|| here.to_owned())
}

fn is_project(dir: &Path) -> bool {
    let has_lock = dir.join(LOCKFILE_NAME).symlink_metadata().is_ok();
    has_lock || dir.join(PROJECT_FILE).is_file() || manifest_in(dir).is_some()
}

fn manifest_in(dir: &Path) -> Option<PathBuf> {
    MANIFEST_NAMES.iter().map(|name| dir.join(name)).find(|path| path.is_file())
}

/// At most `max` bytes of UTF-8; none where nothing has this name.
fn read_text(path: &Path, max: u64) -> io::Result<Option<String>> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match path.symlink_metadata() {
                Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link to what is not there")),
                Err(_) => Ok(None),
            };
        }
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {max} bytes")));
    }
    let wrong = |_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8");
    String::from_utf8(bytes).map(Some).map_err(wrong)
}

/// In one rename, and there after a power cut. Where it is a link, what that names is replaced.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let path = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        real => real?,
    };
    let dir = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".ggen.lock.").tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    let mode = std::fs::metadata(&path).map_or(0o644, |m| m.mode() & 0o777);
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|e| e.error)?;
    File::open(dir)?.sync_all()
}

/// One request a name: who asks for one twice wants both requirements to hold.
pub(crate) fn merged(requested: &[LockedRequest]) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    for one in requested {
        match requests.iter_mut().find(|r| r.name.collision_key() == one.name.collision_key()) {
            None => requests.push(Request {
                name: one.name.clone(),
                publisher: one.publisher,
                requirement: one.requirement.clone(),
            }),
            Some(before) => {
                before.publisher = before.publisher.or(one.publisher);
                before.requirement = both(&before.requirement, &one.requirement);
            }
        }
    }
    requests
}

fn both(one: &VersionReq, other: &VersionReq) -> VersionReq {
    let mut comparators = one.comparators.clone();
    for comparator in &other.comparators {
        if !comparators.contains(comparator) {
            comparators.push(comparator.clone());
        }
    }
    VersionReq { comparators }
}

/// Where a locked package came from stays as it was written: a lock is the same whoever installs it.
pub(crate) fn registry_of(before: &Lockfile, id: &PackageId, version: &Version, origin: &str) -> String {
    let same = |p: &&LockedPackage| p.id == *id && p.version == *version;
    before.packages.iter().find(same).map_or_else(|| origin.to_owned(), |p| p.registry.clone())
}

/// The range that the user gave for a package before: who names it again without one does not take that back.
pub(crate) fn earlier_range(
    earlier: &[LockedRequest],
    name: &PackageName,
    publisher: Option<PublisherId>,
) -> Option<VersionReq> {
    let mut own = earlier.iter().filter(|r| r.by == AskedBy::User);
    let found = own.find(|r| r.name.collision_key() == name.collision_key())?;
    let is_another = publisher.is_some_and(|typed| found.publisher.is_some_and(|before| before != typed));
    (!is_another).then(|| found.requirement.clone())
}

/// Adds requests of the user to those that are there, in the place of older ones of the same name.
pub(crate) fn add_requests(requested: &mut Vec<LockedRequest>, new: &[Request]) {
    for request in new {
        let same = |name: &PackageName| name.collision_key() == request.name.collision_key();
        requested.retain(|r| !(r.by == AskedBy::User && same(&r.name)));
        requested.push(LockedRequest {
            name: request.name.clone(),
            requirement: request.requirement.clone(),
            publisher: request.publisher,
            by: AskedBy::User,
        });
    }
}
