//! What policies are told: the plan's items with their evidence, and a package's candidates.
//!
//! Turns what the catalog and the network know into the contract's records. Decides nothing. Invariant: what the
//! publisher signed and what this home knows never mix.

use std::collections::{BTreeMap, BTreeSet};

use ggen_core::advisories::{Advisories, Findings};
use ggen_core::hooks::{Candidate, Dependency, Evidence, Item, Lookalike, Origin, RankQuestion, Release, Request};
use ggen_core::resolve::{Chosen, KnownPackage, KnownVersion};
use ggen_core::{Digest, PackageId, PublisherId};
use ggen_store::{CatalogPackage, CatalogVersion};
use semver::{Version, VersionReq};

/// Who gave which head in this job: distinct peers, and the distinct networks that they are in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreement {
    seen: BTreeMap<(PackageId, Digest), (BTreeSet<String>, BTreeSet<String>)>,
}

impl Agreement {
    /// Takes one answer.
    pub(crate) fn add(&mut self, id: &PackageId, head: Digest, source: String, subnet: Option<String>) {
        let (sources, subnets) = self.seen.entry((id.clone(), head)).or_default();
        sources.insert(source);
        subnets.extend(subnet);
    }

    /// Whether anybody gave this head in this job.
    pub(crate) fn knows(&self, id: &PackageId, head: Digest) -> bool {
        self.seen.contains_key(&(id.clone(), head))
    }

    fn count(&self, id: &PackageId, head: Digest) -> (u32, u32) {
        let count = |set: &BTreeSet<String>| u32::try_from(set.len()).unwrap_or(u32::MAX);
        self.seen.get(&(id.clone(), head)).map_or((0, 0), |(sources, subnets)| (count(sources), count(subnets)))
    }
}

/// All that is known of one item of a plan beside its place in it.
pub(crate) struct Known<'a> {
    pub(crate) package: &'a CatalogPackage,
    pub(crate) bound: Option<PublisherId>,
    pub(crate) alias: Option<String>,
    pub(crate) installed: Option<Version>,
    pub(crate) origin: Origin,
    pub(crate) agreement: &'a Agreement,
    pub(crate) findings: Findings,
    pub(crate) lookalikes: Vec<Lookalike>,
}

/// One item of a plan.
pub(crate) fn item(chosen: &Chosen, version: &CatalogVersion, known: &Known<'_>) -> Item {
    Item {
        release: match &version.release {
            Some(release) => signed(&release.release, version.yanked.clone()),
            None => unsigned(&chosen.id, version),
        },
        evidence: evidence(&chosen.id, version, known),
        origin: known.origin,
        direct: chosen.direct,
        requested_by: chosen.requested_by.iter().map(ToString::to_string).collect(),
        installed: known.installed.as_ref().map(ToString::to_string),
    }
}

/// What the publisher signed, or is about to sign.
pub(crate) fn signed(release: &ggen_core::release::Release, yanked: Option<String>) -> Release {
    Release {
        name: release.name.to_string(),
        version: release.version.to_string(),
        publisher: release.publisher.to_string(),
        digest: release.archive.digest.to_string(),
        archive_size: release.archive.size,
        unpacked_size: release.archive.unpacked_size,
        file_count: release.archive.file_count,
        license: release.license.clone(),
        published: release.published,
        yanked,
        dependencies: release.dependencies.iter().map(dependency).collect(),
        claims: release.claims.clone(),
    }
}

/// What an index says of a version that nobody signed: for the plan alone, never for a policy.
fn unsigned(id: &PackageId, version: &CatalogVersion) -> Release {
    Release {
        name: id.name.to_string(),
        version: version.version.to_string(),
        publisher: id.publisher.to_string(),
        digest: version.archive.map(|d| d.to_string()).unwrap_or_default(),
        archive_size: version.archive_size.unwrap_or(0),
        unpacked_size: 0,
        file_count: 0,
        license: None,
        published: 0,
        yanked: version.yanked.clone(),
        dependencies: version.dependencies.iter().flatten().map(dependency).collect(),
        claims: Vec::new(),
    }
}

fn dependency(dependency: &ggen_core::release::Dependency) -> Dependency {
    Dependency {
        name: dependency.name.to_string(),
        requirement: dependency.requirement.to_string(),
        optional: dependency.optional,
    }
}

fn evidence(id: &PackageId, version: &CatalogVersion, known: &Known<'_>) -> Evidence {
    let package = known.package;
    let head = package.head.as_ref();
    let (sources, subnets) = head.map_or((0, 0), |h| known.agreement.count(id, h.digest));
    let mut facts = known.findings.aliases.clone();
    if let Some(head) = head {
        facts.push(("head-expires".to_owned(), head.head.expires.to_string()));
    }
    Evidence {
        signed: version.release.is_some(),
        alias: known.alias.clone(),
        bound_publisher: known.bound.map(|p| p.to_string()),
        publisher_first_seen: package.publisher_first_seen,
        witnessed: version.witnessed,
        head_sequence: head.map_or(0, |h| h.head.sequence),
        highest_sequence: package.mark.map_or(0, |m| m.sequence),
        equivocated: package.equivocated,
        agreeing_sources: sources.max(u32::try_from(package.sources).unwrap_or(u32::MAX)),
        agreeing_subnets: subnets,
        advisories: known.findings.affects.clone(),
        fixes: known.findings.fixes.clone(),
        lookalikes: known.lookalikes.clone(),
        facts,
        ..Evidence::default()
    }
}

/// The version that one of a package would follow: the installed one, or the next lower one that is known. A pre-release is
/// not what users of released versions come from.
pub(crate) fn before<'a>(
    package: &'a CatalogPackage,
    version: &Version,
    installed: Option<&'a Version>,
) -> Option<&'a Version> {
    let lower = package.versions.iter().map(|v| &v.version).filter(|v| *v < version);
    installed.or(lower.filter(|v| v.pre.is_empty() || !version.pre.is_empty()).max())
}

/// A package as the resolver knows it, from the catalog.
pub(crate) fn known_package(
    package: &CatalogPackage,
    installed: Option<&Version>,
    locked: Option<&Version>,
) -> KnownPackage {
    let versions = package.versions.iter().filter(|v| v.dependencies.is_some());
    let known = versions.map(|v| KnownVersion {
        version: v.version.clone(),
        dependencies: v.dependencies.clone().unwrap_or_default(),
        yanked: v.yanked.clone(),
        locked: locked == Some(&v.version),
        installed: installed == Some(&v.version),
        excluded: None,
    });
    KnownPackage { versions: known.collect(), order: Vec::new() }
}

/// What a version-resolution policy is asked about a package, in the order of `known`.
pub(crate) fn rank_question(
    id: &PackageId,
    package: &CatalogPackage,
    known: &KnownPackage,
    requirement: Option<&VersionReq>,
    advisories: &Advisories,
) -> RankQuestion {
    let candidate = |v: &KnownVersion| {
        let catalog = package.versions.iter().find(|c| c.version == v.version);
        Candidate {
            version: v.version.to_string(),
            published: catalog.and_then(|c| c.published).unwrap_or(0),
            witnessed: catalog.map_or(0, |c| c.witnessed),
            pre_release: !v.version.pre.is_empty(),
            yanked: v.yanked.clone(),
            installed: v.installed,
            locked: v.locked,
            advisories: advisories.affecting(id, &v.version),
            facts: Vec::new(),
        }
    };
    RankQuestion {
        request: Request {
            name: id.name.to_string(),
            publisher: id.publisher.to_string(),
            requirement: requirement.map(ToString::to_string),
        },
        candidates: known.versions.iter().map(candidate).collect(),
    }
}
