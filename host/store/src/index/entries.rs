//! What an index says, entry by entry.
//!
//! Decides what is taken of an entry: what proves itself as signed, what names no release as unsigned, and the rest is
//! rejected with its reason. Never writes anything, but makes ready what is to be written. Invariant: what is handed on at
//! once is bounded.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use ggen_core::head::SignedHead;
use ggen_core::manifest::{RequirementError, parse_requirement};
use ggen_core::release::{Dependency, MAX_DEPENDENCIES, MAX_VERSION, SignedRelease};
use ggen_core::root::Publisher;
use ggen_core::{Digest, PackageId, PackageName, PublisherId};
use semver::Version;

use super::stream::{self, DependencyEntry, PackageEntry, VersionEntry};
use super::{Rejected, chain};
use crate::db::refresh::About;
use crate::db::unsigned::{Unsigned, UnsignedVersion};
use crate::fsio::Hashed;
use crate::{documents, layout};

/// Packages that are handed on at once.
const BATCH: usize = 512;
/// Versions and dependencies that are handed on at once, beside those of one package.
const MAX_WEIGHT: usize = 16 * 1024;
/// The most versions of one package's entry.
const MAX_VERSIONS: usize = 4096;

/// Something for the catalog, with the file it is from.
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) what: What,
}

pub(super) enum What {
    Roots(Box<Publisher>, Vec<ggen_core::dsse::Envelope>),
    Head(Box<SignedHead>),
    Release(Box<SignedRelease>),
    Unsigned(Box<Unsigned>),
}

/// What was read of some packages.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) packages: usize,
    pub(super) items: Vec<Item>,
    pub(super) rejected: Vec<Rejected>,
    weight: usize,
}

/// Reads an index and hands it on, until nobody wants more; tells what file it was.
pub(super) fn read_batches(file: File, registry: &Path, send: &SyncSender<Batch>) -> Result<(Digest, u64), String> {
    let mut file = Hashed::new(file);
    let mut reader = Reader { registry, publishers: BTreeMap::new(), batch: Batch::default() };
    let read = stream::read(&mut file, &mut |name, entry| {
        reader.package(&name, entry);
        reader.batch.packages += 1;
        let is_full = reader.batch.packages >= BATCH || reader.batch.weight >= MAX_WEIGHT;
        if is_full { send.send(reader.take()).map_err(|_| ()) } else { Ok(()) }
    });
    let _ = send.send(reader.take());
    // Whoever wants no more has a reason of its own.
    read.map(|_| file.finish())
}

/// Turns entries into items; reads and verifies the documents that they name.
struct Reader<'a> {
    registry: &'a Path,
    publishers: BTreeMap<PublisherId, Option<Publisher>>,
    batch: Batch,
}

impl Reader<'_> {
    /// What was read so far. Roots are read again after it, so that few are kept.
    fn take(&mut self) -> Batch {
        self.publishers.clear();
        std::mem::take(&mut self.batch)
    }

    fn index(&self) -> PathBuf {
        self.registry.join("index.json")
    }

    /// `label` begins with the package's name.
    fn reject(&mut self, label: &str, reason: impl std::fmt::Display) {
        let label: String = label.chars().take(100).collect();
        let name = label.split(' ').next().map(str::to_owned);
        self.batch.rejected.push(Rejected { path: self.index(), name, reason: format!("{label}: {reason}") });
    }

    fn package(&mut self, name: &str, entry: PackageEntry) {
        let parsed = match name.parse::<PackageName>() {
            Ok(parsed) => parsed,
            Err(e) => return self.reject(name, e),
        };
        let about = About {
            description: entry.description.unwrap_or_default(),
            keywords: entry.keywords.join("\n"),
            category: entry.categories.join("\n"),
            author: entry.authors.join("\n"),
        }
        .shortened();
        let mut unsigned: BTreeMap<PublisherId, Vec<(Version, UnsignedVersion)>> = BTreeMap::new();
        let mut heads: BTreeMap<PublisherId, Option<SignedHead>> = BTreeMap::new();
        if entry.versions.len() > MAX_VERSIONS {
            self.reject(name, format!("it lists more than {MAX_VERSIONS} versions; the first so many are taken"));
        }
        for version in entry.versions.into_iter().take(MAX_VERSIONS) {
            self.batch.weight += 1 + version.dependencies.len();
            let label = format!("{name} {}", version.version.chars().take(60).collect::<String>());
            let publisher = match version.publisher.as_deref().map(str::parse::<PublisherId>) {
                Some(Ok(publisher)) => publisher,
                Some(Err(e)) => {
                    self.reject(&label, e);
                    continue;
                }
                None => {
                    self.reject(&label, "it names no publisher");
                    continue;
                }
            };
            let id = PackageId { publisher, name: parsed.clone() };
            match self.version(&id, &version, &mut heads) {
                Ok(true) => {}
                Ok(false) => match unsigned_version(&version) {
                    Ok(version) => unsigned.entry(publisher).or_default().push(version),
                    Err(reason) => self.reject(&label, reason),
                },
                Err(reason) => self.reject(&label, reason),
            }
        }
        for (publisher, versions) in unsigned {
            let id = PackageId { publisher, name: parsed.clone() };
            let package = Box::new(Unsigned::new(id, about.clone(), versions));
            self.batch.items.push(Item { path: self.index(), what: What::Unsigned(package) });
        }
    }

    /// Whether the version's signed release is here; an error if it is here and not good.
    fn version(
        &mut self,
        id: &PackageId,
        entry: &VersionEntry,
        heads: &mut BTreeMap<PublisherId, Option<SignedHead>>,
    ) -> Result<bool, String> {
        let Some(relative) = &entry.release else { return Ok(false) };
        let version = version(&entry.version)?;
        if *relative != layout::release_name(id.publisher, &id.name, &version) {
            return Err("its release is not where releases are".to_owned());
        }
        let path = self.registry.join(relative);
        if !path.is_file() {
            return Ok(false);
        }
        let Some(publisher) = self.publisher(id.publisher)? else {
            return Err("the roots of its publisher are missing".to_owned());
        };
        let head = match heads.get(&id.publisher) {
            Some(head) => head.clone(),
            None => {
                let head = documents::read_head(self.registry, id.publisher, &id.name).map_err(|e| chain(&e))?;
                if let Some(head) = &head {
                    let path = layout::head_file(self.registry, id.publisher, &id.name);
                    self.batch.items.push(Item { path, what: What::Head(Box::new(head.clone())) });
                }
                heads.insert(id.publisher, head.clone());
                head
            }
        };
        let release = documents::read_release(&path, &publisher, head.as_ref()).map_err(|e| chain(&e))?;
        let Some(release) = release else { return Ok(false) };
        if release.release.id() != *id || release.release.version != version {
            return Err("its release is another package's or version's".to_owned());
        }
        self.batch.items.push(Item { path, what: What::Release(Box::new(release)) });
        Ok(true)
    }

    fn publisher(&mut self, id: PublisherId) -> Result<Option<Publisher>, String> {
        if let Some(known) = self.publishers.get(&id) {
            return Ok(known.clone());
        }
        let read = documents::read_publisher(self.registry, id).map_err(|e| chain(&e))?;
        let publisher = read.map(|(publisher, roots)| {
            let path = self.registry.join("roots").join(id.to_string());
            self.batch.items.push(Item { path, what: What::Roots(Box::new(publisher.clone()), roots) });
            publisher
        });
        self.publishers.insert(id, publisher.clone());
        Ok(publisher)
    }
}

/// A version of the index.
fn version(text: &str) -> Result<Version, String> {
    match text.len() > MAX_VERSION {
        true => Err(format!("its version: it is longer than {MAX_VERSION} characters")),
        false => text.parse().map_err(|e: semver::Error| format!("its version: {e}")),
    }
}

fn unsigned_version(entry: &VersionEntry) -> Result<(Version, UnsignedVersion), String> {
    let version = version(&entry.version)?;
    let archive: Option<Digest> =
        entry.digest.as_deref().map(str::parse).transpose().map_err(|e| format!("its digest: {e}"))?;
    if entry.dependencies.len() > MAX_DEPENDENCIES {
        return Err("it has more than 512 dependencies".to_owned());
    }
    let dependencies: Vec<_> = entry.dependencies.iter().map(dependency).collect::<Result<_, _>>()?;
    let unsigned = UnsignedVersion::new(&version, archive, entry.size_bytes, &dependencies, entry.yanked);
    Ok((version, unsigned))
}

fn dependency(entry: &DependencyEntry) -> Result<Dependency, String> {
    let wrong = |e: &dyn std::fmt::Display| {
        let name: String = entry.name.chars().take(100).collect();
        format!("its dependency {name:?}: {e}")
    };
    let unread = |e: RequirementError| wrong(&format!("{e}, at character {}", e.at + 1));
    Ok(Dependency {
        publisher: entry.publisher.as_deref().map(str::parse).transpose().map_err(|e| wrong(&e))?,
        name: entry.name.parse().map_err(|e| wrong(&e))?,
        requirement: parse_requirement(entry.version_req.as_deref().unwrap_or("*")).map_err(unread)?,
        optional: entry.optional,
    })
}
