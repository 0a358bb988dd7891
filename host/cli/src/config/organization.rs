//! An organization's files: the machine's own, and a second one that `GGEN_POLICY_FILE` names.
//!
//! Decides which file's word counts: both do, and where they name the same thing the machine's own wins. Invariant: a
//! file that is there and cannot be used is told as broken, and nothing of it is taken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ggen_core::{PackageName, PublisherId};
use ggen_market::Feed;
use ggen_policy::{LinkConfig, LinkSource};
use toml::de::DeTable;

use super::advisories;
use super::document::Document;
use super::error::ConfigError;
use super::policies::{self, Policies};

/// What an organization says.
#[derive(Debug, Default)]
pub struct Word {
    /// Its links, in order.
    pub links: Vec<LinkConfig>,
    /// Its labels, which win.
    pub labels: BTreeMap<String, String>,
    /// Its names.
    pub names: BTreeMap<PackageName, PublisherId>,
    /// Its feeds of advisories.
    pub advisories: Vec<Feed>,
    /// The first file that cannot be used, and why.
    pub broken: Option<(PathBuf, String)>,
}

/// Reads both files. The machine's own may be missing; one that was named may not.
pub fn read(machine: &Path, second: Option<&Path>, most: u64) -> Word {
    let mut word = Word::default();
    let second = second.filter(|path| *path != machine);
    for (path, must_be) in [(Some(machine), false), (second, true)] {
        let Some(path) = path else { continue };
        match file(path, most) {
            Ok(Some(contents)) => word.add(contents),
            Ok(None) if must_be => word.is_broken(path, "it is not there".to_owned()),
            Ok(None) => {}
            Err(error) => word.is_broken(path, told(&error)),
        }
    }
    word
}

impl Word {
    fn add(&mut self, Contents { policies, names, advisories }: Contents) {
        for feed in advisories {
            if !self.advisories.iter().any(|f| f.package.collision_key() == feed.package.collision_key()) {
                self.advisories.push(feed);
            }
        }
        self.links.extend(policies.links);
        for (label, value) in policies.labels {
            self.labels.entry(label).or_insert(value);
        }
        for (name, publisher) in names {
            self.names.entry(name).or_insert(publisher);
        }
    }

    fn is_broken(&mut self, path: &Path, problem: String) {
        self.broken.get_or_insert_with(|| (path.to_owned(), problem));
    }
}

/// The error without the path, which is shown beside it.
fn told(error: &ConfigError) -> String {
    match error {
        ConfigError::File { line, problem, hint, .. } => format!("line {line}: {problem} ({hint})"),
        ConfigError::Read { source, .. } => format!("it cannot be read: {source}"),
        ConfigError::TooLong { limit, .. } => format!("it is larger than {limit} bytes"),
        other => other.to_string(),
    }
}

/// What one file says.
struct Contents {
    policies: Policies,
    names: BTreeMap<PackageName, PublisherId>,
    advisories: Vec<Feed>,
}

fn file(path: &Path, most: u64) -> Result<Option<Contents>, ConfigError> {
    let Some(document) = Document::read(path, most)? else { return Ok(None) };
    let root = document.table()?;
    document.only(&root, "in an organization's file", &["policy", "names", "advisories"])?;
    let from = LinkSource::Organization(path.to_owned());
    let policies = policies::read(&document, &root, &from)?;
    let (names, advisories) = (names(&document, &root)?, advisories::read(&document, &root)?);
    Ok(Some(Contents { policies, names, advisories }))
}

fn names(document: &Document, root: &DeTable<'_>) -> Result<BTreeMap<PackageName, PublisherId>, ConfigError> {
    let mut names = BTreeMap::new();
    let form = "write name = \"<publisher id>\": 64 lowercase hexadecimal digits";
    let Some(table) = document.sub(root, "names")? else { return Ok(names) };
    for (key, value) in table.iter() {
        let name: PackageName = key
            .get_ref()
            .parse()
            .map_err(|e: ggen_core::name::NameError| document.wrong(key.span(), e.to_string(), form))?;
        let written: String = document.take(value, name.as_str(), form)?;
        let publisher = written
            .parse()
            .map_err(|e: ggen_core::digest::DigestError| document.wrong(value.span(), e.to_string(), form))?;
        if names.insert(name.clone(), publisher).is_some_and(|other| other != publisher) {
            return Err(document.wrong(key.span(), format!("{name} is there twice"), "keep one of the two"));
        }
    }
    Ok(names)
}
