//! `ggen.lock`: what a project was resolved to, as text and as a value.
//!
//! Decides the file's form and which texts are one. Never reads or writes a file. Invariant: the same value always gives
//! the same text, sorted by name, so that a change shows as a change in a diff and nothing else does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::digest::Digest;
use crate::manifest::{Place, parse_requirement};
use crate::name::{PackageId, PackageName, PublisherId};

/// What the file is called.
pub const LOCKFILE_NAME: &str = "ggen.lock";
/// The form that this program writes, and the only one that it reads.
pub const LOCKFILE_VERSION: u64 = 1;
/// The longest lockfile, in bytes.
pub const MAX_LOCKFILE: u64 = 16 * 1024 * 1024;
/// Packages, requests and policies that one may have.
const MAX_ENTRIES: usize = 20_000;
/// The longest word in it.
const MAX_WORD: usize = 256;

const HEADER: &str = "# Made by ggen. What is written here is what every machine installs; change it with\n\
                      # `ggen marketplace install` and `upgrade`, not by hand.\n";

/// Who asked for a package.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AskedBy {
    /// The project's manifest.
    Manifest,
    /// The user, by name.
    User,
}

impl AskedBy {
    const fn word(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::User => "user",
        }
    }
}

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedRequest {
    /// The name.
    pub name: PackageName,
    /// The range.
    pub requirement: VersionReq,
    /// Whose, where it was said.
    pub publisher: Option<PublisherId>,
    /// By whom.
    pub by: AskedBy,
}

/// One package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockedPackage {
    /// Which.
    pub id: PackageId,
    /// Its version.
    pub version: Version,
    /// The digest of its archive.
    pub digest: Digest,
    /// The logical name of the registry that it came from; never an address.
    pub registry: String,
    /// What it needs, with the requirements.
    pub dependencies: BTreeMap<PackageName, VersionReq>,
}

/// A policy that had a say.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LockedPolicy {
    /// The hook.
    pub hook: String,
    /// The policy's name.
    pub name: String,
    /// The digest of its component.
    pub digest: Digest,
}

/// A lockfile.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lockfile {
    /// What was asked for, by name.
    pub requested: Vec<LockedRequest>,
    /// The closure, by name.
    pub packages: Vec<LockedPackage>,
    /// Who had a say.
    pub policies: Vec<LockedPolicy>,
}

/// Why a text is no lockfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct LockfileError {
    /// Where.
    pub place: Place,
    /// What is wrong, as a sentence without its full stop.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Option<u64>,
    #[serde(default)]
    requested: Vec<toml::Spanned<RequestTable>>,
    #[serde(default)]
    package: Vec<toml::Spanned<PackageTable>>,
    #[serde(default)]
    policy: Vec<toml::Spanned<PolicyTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestTable {
    name: String,
    requirement: String,
    publisher: Option<String>,
    by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageTable {
    name: String,
    version: String,
    publisher: String,
    digest: String,
    registry: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyTable {
    hook: String,
    name: String,
    digest: String,
}

impl Lockfile {
    /// Reads a text; an empty one is a lock of nothing.
    ///
    /// # Errors
    /// Where it is not a lockfile of this form, with the place.
    pub fn parse(text: &str) -> Result<Self, LockfileError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let reader = Reader { text };
        // The version first: a later form may have what this one does not know.
        if let Some(version) = version_of(text).filter(|v| *v != LOCKFILE_VERSION) {
            let problem = format!(
                "it has the form {version}, and this program knows {LOCKFILE_VERSION}: use a program as new as the \
                 one that wrote it"
            );
            return Err(reader.wrong(0, problem));
        }
        let document: Document = toml::from_str(text)
            .map_err(|e| reader.wrong(e.span().map_or(0, |span| span.start), e.message().to_owned()))?;
        if document.version.is_none() {
            return Err(reader.wrong(0, format!("`version = {LOCKFILE_VERSION}` is missing")));
        }
        let lock = reader.lock(document)?;
        Ok(lock.sorted())
    }

    /// The text of it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lock = self.clone().sorted();
        let mut text = format!("{HEADER}version = {LOCKFILE_VERSION}\n");
        // Writing to a string cannot fail.
        for request in &lock.requested {
            let _ = write!(text, "\n[[requested]]\nname = \"{}\"\n", request.name);
            let _ = writeln!(text, "requirement = \"{}\"", request.requirement);
            if let Some(publisher) = request.publisher {
                let _ = writeln!(text, "publisher = \"{publisher}\"");
            }
            let _ = writeln!(text, "by = \"{}\"", request.by.word());
        }
        for package in &lock.packages {
            let _ = write!(text, "\n[[package]]\nname = \"{}\"\nversion = \"{}\"\n", package.id.name, package.version);
            let _ = writeln!(text, "publisher = \"{}\"\ndigest = \"{}\"", package.id.publisher, package.digest);
            let _ = writeln!(text, "registry = \"{}\"", package.registry);
            if !package.dependencies.is_empty() {
                let one = |(name, requirement): (&PackageName, &VersionReq)| format!("\"{name} {requirement}\"");
                let all: Vec<_> = package.dependencies.iter().map(one).collect();
                let _ = writeln!(text, "dependencies = [{}]", all.join(", "));
            }
        }
        for policy in &lock.policies {
            let _ = write!(text, "\n[[policy]]\nhook = \"{}\"\nname = \"{}\"\n", policy.hook, policy.name);
            let _ = writeln!(text, "digest = \"{}\"", policy.digest);
        }
        text
    }

    /// The package that stands for a name, in either spelling.
    #[must_use]
    pub fn package(&self, name: &PackageName) -> Option<&LockedPackage> {
        let key = name.collision_key();
        self.packages.iter().find(|p| p.id.name.collision_key() == key)
    }

    /// Whether the same packages are chosen: who asked for them, who decided and where they came from do not matter.
    #[must_use]
    pub fn same_choice(&self, other: &Self) -> bool {
        let choice = |lock: &Self| {
            let packages = lock.clone().sorted().packages.into_iter();
            packages.map(|p| LockedPackage { registry: String::new(), ..p }).collect::<Vec<_>>()
        };
        choice(self) == choice(other)
    }

    fn sorted(mut self) -> Self {
        self.requested.sort_by(|a, b| (&a.name, a.by).cmp(&(&b.name, b.by)));
        self.packages.sort_by(|a, b| a.id.name.cmp(&b.id.name));
        self.policies.sort();
        self.policies.dedup();
        self
    }
}

/// The form that a text says it has, whatever else is in it.
fn version_of(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Head {
        version: Option<u64>,
    }
    toml::from_str::<Head>(text).ok()?.version
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, offset: usize, problem: String) -> LockfileError {
        LockfileError { place: Place::at(self.text, offset), problem }
    }

    fn lock(&self, document: Document) -> Result<Lockfile, LockfileError> {
        let count = document.requested.len().max(document.package.len()).max(document.policy.len());
        if count > MAX_ENTRIES {
            return Err(self.wrong(0, format!("it has {count} entries of one kind, where {MAX_ENTRIES} may be")));
        }
        let (mut requested, mut packages, mut policies) = (Vec::new(), Vec::new(), Vec::new());
        let (mut asked, mut names) = (BTreeSet::new(), BTreeSet::new());
        for table in document.requested {
            let at = table.span().start;
            let request = request(table.into_inner()).map_err(|problem| self.wrong(at, problem))?;
            if !asked.insert((request.name.collision_key(), request.by)) {
                return Err(self.wrong(at, format!("{} is asked for twice", request.name)));
            }
            requested.push(request);
        }
        for table in document.package {
            let at = table.span().start;
            let package = package(table.into_inner()).map_err(|problem| self.wrong(at, problem))?;
            if !names.insert(package.id.name.collision_key()) {
                return Err(self.wrong(at, format!("{} is there twice", package.id.name)));
            }
            packages.push(package);
        }
        for table in document.policy {
            let at = table.span().start;
            policies.push(policy(table.into_inner()).map_err(|problem| self.wrong(at, problem))?);
        }
        Ok(Lockfile { requested, packages, policies })
    }
}

fn request(table: RequestTable) -> Result<LockedRequest, String> {
    let by = match table.by.as_str() {
        "manifest" => AskedBy::Manifest,
        "user" => AskedBy::User,
        other => return Err(format!("`by` is manifest or user, not {:?}", shortened(other))),
    };
    Ok(LockedRequest {
        name: name(&table.name)?,
        requirement: requirement(&table.requirement)?,
        publisher: table.publisher.as_deref().map(digest).transpose()?.map(PublisherId),
        by,
    })
}

fn package(table: PackageTable) -> Result<LockedPackage, String> {
    let mut dependencies = BTreeMap::new();
    for text in &table.dependencies {
        let (needed, range) = text
            .split_once(' ')
            .ok_or_else(|| format!("a dependency is written \"NAME REQUIREMENT\", not {:?}", shortened(text)))?;
        dependencies.insert(name(needed)?, requirement(range)?);
    }
    let version = shortened(&table.version);
    Ok(LockedPackage {
        id: PackageId { publisher: PublisherId(digest(&table.publisher)?), name: name(&table.name)? },
        version: version.parse().map_err(|e| format!("{version:?} is no version: {e}"))?,
        digest: digest(&table.digest)?,
        registry: word(&table.registry)?,
        dependencies,
    })
}

fn policy(table: PolicyTable) -> Result<LockedPolicy, String> {
    Ok(LockedPolicy { hook: word(&table.hook)?, name: word(&table.name)?, digest: digest(&table.digest)? })
}

fn name(text: &str) -> Result<PackageName, String> {
    let name: PackageName = text.parse().map_err(|e: crate::name::NameError| e.to_string())?;
    if name.as_str() == text { Ok(name) } else { Err(format!("the name {name} is not in lower case")) }
}

fn requirement(text: &str) -> Result<VersionReq, String> {
    parse_requirement(text).map_err(|e| format!("the requirement {:?} is not valid: {}", e.text, e.problem))
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse().map_err(|e: crate::digest::DigestError| e.to_string())
}

/// A word that can stand between quotes as it is.
fn word(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@+".contains(&b);
    if !text.is_empty() && text.len() <= MAX_WORD && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(format!("{:?} is not a plain word", shortened(text)))
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_WORD).collect()
}

#[cfg(test)]
mod tests;
