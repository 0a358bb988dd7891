//! A package between its manifest and its signature.
//!
//! Decides whose each dependency is, as far as this home knows. Invariant: nothing is signed before the whole tree was
//! packed and every policy agreed.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use ggen_core::PackageId;
use ggen_core::head::{Head, HeadVersion, SignedHead};
use ggen_core::manifest::{MANIFEST_NAMES, Manifest, ManifestDependency};
use ggen_core::release::{Dependency, Release, SignedRelease};
use ggen_store::{ArchiveError, CatalogPackage, LockHolder, Packed, PublisherKey, Staging, Store, StoreError};

use crate::answers::Notice;
use crate::error::MarketError;
use crate::market::now;

/// A tree that is packed and described, and not signed yet.
pub(super) struct Draft {
    pub(super) folder: PathBuf,
    pub(super) release: Release,
    pub(super) packed: Packed,
    pub(super) key: PublisherKey,
    pub(super) before: Option<CatalogPackage>,
    pub(super) warnings: Vec<Notice>,
    /// Where the archive is until it is in the store; it goes with a process that dies.
    _room: Staging,
}

/// Finds and reads the manifest of a folder.
pub(super) fn read_manifest(path: &Path, limit: u64) -> Result<(PathBuf, PathBuf, Manifest), MarketError> {
    let named = path.is_file() && path.file_name().is_some_and(|n| MANIFEST_NAMES.iter().any(|m| n == *m));
    let folder = match (named, path.parent()) {
        (true, Some(parent)) if parent.as_os_str().is_empty() => PathBuf::from("."),
        (true, Some(parent)) => parent.to_owned(),
        _ => path.to_owned(),
    };
    let found = match named {
        true => Some(path.to_owned()),
        false => MANIFEST_NAMES.iter().map(|name| folder.join(name)).find(|p| p.is_file()),
    };
    let Some(file) = found else { return Err(MarketError::NoManifest { path: folder }) };
    let text = read_text(&file, limit)?;
    let refused = |source| MarketError::Manifest { path: file.clone(), source: Box::new(source) };
    let manifest = Manifest::parse(&text).map_err(refused)?;
    Ok((folder, file, manifest))
}

/// A bounded read of a text file.
fn read_text(path: &Path, limit: u64) -> Result<String, MarketError> {
    let io = |source| MarketError::Io { path: path.to_owned(), action: "read", source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(io)?.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        let problem = format!("it has more than {limit} bytes");
        let hint = Some("a manifest has the package's facts alone; texts belong into README.md".to_owned());
        return Err(MarketError::Usage { text: path.display().to_string(), problem, hint });
    }
    String::from_utf8(bytes).map_err(|_| io(std::io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text")))
}

pub(super) fn draft(
    store: &Store,
    limits: &ggen_core::limits::Limits,
    path: &Path,
    alias: Option<&str>,
    named: &[(String, ggen_core::PublisherId)],
) -> Result<Draft, MarketError> {
    let (folder, _, manifest) = read_manifest(path, limits.max_manifest)?;
    let key = store.key(alias).map_err(|error| match error {
        StoreError::NoKey { alias: None } => MarketError::NoKey,
        other => other.into(),
    })?;
    let id = PackageId { publisher: key.info.publisher, name: manifest.name.clone() };
    if let Some(binding) = store.binding(&id.name)?.filter(|b| b.publisher != id.publisher) {
        return Err(MarketError::NameTaken { name: id.name, bound: binding.publisher });
    }
    let same = |other: &&PackageId| other.publisher == id.publisher && other.name != id.name;
    if let Some(other) = store.claimants(&id.name)?.iter().find(same) {
        return Err(MarketError::NameCollides { name: id.name, other: other.name.clone() });
    }
    let room = store.stage()?;
    let packed = room.pack(&folder).map_err(|source| not_packed(&folder, source))?;
    let mut warnings: Vec<Notice> =
        manifest.warnings.iter().map(|w| Notice { code: w.code.to_owned(), message: w.message.clone() }).collect();
    let dependencies = manifest
        .dependencies
        .iter()
        .map(|d| dependency(store, &id, d, named, &mut warnings))
        .collect::<Result<_, MarketError>>()?;
    let release = Release {
        schema: 1,
        name: id.name.clone(),
        version: manifest.version,
        publisher: id.publisher,
        published: now(),
        license: manifest.license,
        claims: manifest.claims,
        dependencies,
        archive: packed.archive.clone(),
    };
    let before = store.package(&id)?;
    Ok(Draft { folder, release, packed, key, before, warnings, _room: room })
}

/// What is wrong is the folder's fault, unless it is the disk's that the archive is written to.
fn not_packed(folder: &Path, source: ArchiveError) -> MarketError {
    match StoreError::from(source) {
        StoreError::Archive(source) => MarketError::Archive { path: folder.to_owned(), source },
        StoreError::Io { action, path, source } => {
            MarketError::Archive { path: folder.to_owned(), source: ArchiveError::Io { action, path, source } }
        }
        disk => disk.into(),
    }
}

/// Whose dependency is meant: by the manifest, the own packages, or the home's binding; nobody's otherwise.
fn dependency(
    store: &Store,
    own: &PackageId,
    declared: &ManifestDependency,
    named: &[(String, ggen_core::PublisherId)],
    warnings: &mut Vec<Notice>,
) -> Result<Dependency, MarketError> {
    let claimants = store.claimants(&declared.name)?;
    let written = declared.publisher.as_ref().and_then(|text| named.iter().find(|(t, _)| t == text)).map(|(_, id)| *id);
    let ours = claimants.iter().any(|id| id.publisher == own.publisher).then_some(own.publisher);
    let publisher = match written.or(ours) {
        Some(publisher) => Some(publisher),
        None => store.binding(&declared.name)?.map(|b| b.publisher),
    };
    if publisher.is_none() {
        let message = match claimants.is_empty() {
            true => format!("the dependency {} is published by nobody that is known here yet", declared.name),
            false => format!(
                "whose {} is meant is not decided: say publisher = \"…\" in the manifest, or ggen key trust {0} PUBLISHER",
                declared.name
            ),
        };
        warnings.push(Notice { code: "dependency-unpublished".to_owned(), message });
    }
    Ok(Dependency {
        publisher,
        name: declared.name.clone(),
        requirement: declared.requirement.clone(),
        optional: declared.optional,
    })
}

/// Signs release and head, and lists both; afterwards the package is published.
pub(super) fn sign_and_list(
    store: &Store,
    draft: &Draft,
    lifetime: u64,
    waiting: &mut dyn FnMut(&LockHolder),
) -> Result<(SignedRelease, SignedHead), MarketError> {
    let (key, now) = (&draft.key, now());
    let id = draft.release.id();
    // Two publishes at once list one after the other: the second head has the first one's release too.
    let _alone = store.lock_package(&id.name, waiting)?;
    let known = store.package(&id)?;
    let release = draft.release.sign(&key.secret).map_err(StoreError::Release)?;
    let before = known.as_ref().and_then(|p| p.head.as_ref()).map(|h| &h.head);
    let version = HeadVersion { version: draft.release.version.clone(), release: release.digest, yanked: None };
    let mut head = Head::with_release(before, &id, version, now, lifetime);
    let mark = known.as_ref().and_then(|p| p.mark).map_or(0, |m| m.sequence);
    head.sequence = head.sequence.max(mark.saturating_add(1));
    let head = head.sign(&key.secret, key.roots.clone()).map_err(StoreError::Head)?;
    store.import_archive(draft.packed.file.path(), &draft.release.archive)?;
    store.save_chunk_list(&draft.release.archive.digest, &draft.packed.chunks)?;
    store.publish(&release, &head, now)?;
    Ok((release, head))
}
