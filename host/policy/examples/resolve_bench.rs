//! What a ranking policy in WebAssembly adds to a resolution, beside plain pubgrub on the same graph, in one run:
//! `cargo run --release -p ggen-policy --example resolve_bench`. What was measured stands in
//! `tests/benches/RESULTS.md`.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use ggen_core::hooks::{Candidate, Hook, Job, RankQuestion, Request as RankRequest, Task};
use ggen_core::naming::NameFacts;
use ggen_core::release::Dependency;
use ggen_core::resolve::{Bounds, Knowledge, KnownPackage, KnownVersion, Request, resolve};
use ggen_core::{Digest, PackageId, PackageName, PublisherId};
use ggen_policy::{BuiltIn, HostOptions, LinkConfig, LinkSource, PolicyHost};
use pubgrub::{OfflineDependencyProvider, Ranges};
use semver::{Version, VersionReq};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PACKAGES: usize = 200;
const VERSIONS: u64 = 10;
const RUNS: usize = 21;

fn name(index: usize) -> Outcome<PackageName> {
    Ok(format!("pkg-{index}").parse()?)
}

/// A package needs the two below it, each version from another minor version on.
fn needs(index: usize, minor: u64) -> Vec<(usize, u64)> {
    [2 * index + 1, 2 * index + 2].into_iter().filter(|i| *i < PACKAGES).map(|i| (i, minor / 2)).collect()
}

fn publisher() -> PublisherId {
    PublisherId(Digest::of(b"bench"))
}

fn knowledge() -> Outcome<Knowledge> {
    let mut known = Knowledge::default();
    for index in 0..PACKAGES {
        let id = PackageId { publisher: publisher(), name: name(index)? };
        let facts = NameFacts { binding: Some(id.publisher), claimants: vec![id.publisher], ..NameFacts::default() };
        known.names.insert(id.name.collision_key(), facts);
        let mut versions = Vec::new();
        for minor in (0..VERSIONS).rev() {
            let mut dependencies = Vec::new();
            for (target, least) in needs(index, minor) {
                let requirement = format!(">=1.{least}.0, <2").parse()?;
                dependencies.push(Dependency { name: name(target)?, publisher: None, requirement, optional: false });
            }
            let version = Version::new(1, minor, 0);
            let (locked, installed) = (false, false);
            versions.push(KnownVersion { version, dependencies, yanked: None, locked, installed, excluded: None });
        }
        known.packages.insert(id, KnownPackage { versions, order: Vec::new() });
    }
    Ok(known)
}

fn questions(known: &Knowledge) -> Vec<RankQuestion> {
    let candidate = |v: &KnownVersion| Candidate {
        version: v.version.to_string(),
        published: 0,
        witnessed: 0,
        pre_release: false,
        yanked: None,
        installed: false,
        locked: false,
        advisories: Vec::new(),
        facts: Vec::new(),
    };
    let question = |(id, package): (&PackageId, &KnownPackage)| RankQuestion {
        request: RankRequest { name: id.name.to_string(), publisher: id.publisher.to_string(), requirement: None },
        candidates: package.versions.iter().map(candidate).collect(),
    };
    known.packages.iter().map(question).collect()
}

/// Plain pubgrub, newest first by its own order of versions.
fn plain() -> OfflineDependencyProvider<usize, Ranges<Version>> {
    let mut provider = OfflineDependencyProvider::new();
    for index in 0..PACKAGES {
        for minor in 0..VERSIONS {
            let range = |least: u64| Ranges::between(Version::new(1, least, 0), Version::new(2, 0, 0));
            let edges = needs(index, minor).into_iter().map(|(target, least)| (target, range(least)));
            provider.add_dependencies(index, Version::new(1, minor, 0), edges.collect::<Vec<_>>());
        }
    }
    provider
}

fn median(mut run: impl FnMut() -> Outcome<()>) -> Outcome<Duration> {
    let mut took = Vec::with_capacity(RUNS);
    for _ in 0..=RUNS {
        let begun = Instant::now();
        run()?;
        took.push(begun.elapsed());
    }
    // The first only warms up.
    took.remove(0);
    took.sort();
    took.get(RUNS / 2).copied().ok_or_else(|| "no runs".into())
}

fn main() -> Outcome<()> {
    let root = Request { name: name(0)?, publisher: None, requirement: VersionReq::STAR };
    let requests = [root];
    let bounds = Bounds { steps: 1_000_000, packages: 20_000 };
    let mut known = knowledge()?;
    let provider = plain();
    let bare = median(|| {
        let solution = pubgrub::resolve(&provider, 0, Version::new(1, VERSIONS - 1, 0)).map_err(|e| e.to_string())?;
        if solution.iter().count() == PACKAGES { Ok(()) } else { Err("pubgrub chose other packages".into()) }
    })?;
    let native = median(|| {
        let solution = resolve(&requests, &known, bounds, &|| false)?;
        if solution.packages.len() == PACKAGES { Ok(()) } else { Err("the resolver chose other packages".into()) }
    })?;
    let component = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/dist/newest-compatible.wasm"))?;
    let cache = tempfile::tempdir()?;
    let host = PolicyHost::open(HostOptions {
        cache_dir: Some(cache.path().to_owned()),
        builtins: vec![BuiltIn { name: "newest-compatible", bytes: component.leak() }],
        links: vec![LinkConfig::new(Hook::VersionResolution, "newest-compatible", LinkSource::Default)],
        ..HostOptions::default()
    })?;
    let (job, asked) = (Job::new(Task::Install, 0, true), questions(&known));
    let ids: Vec<PackageId> = known.packages.keys().cloned().collect();
    let mut orders: BTreeMap<PackageId, Vec<usize>> = BTreeMap::new();
    let ranked = median(|| {
        let rankings = host.rank(&job, &asked).rankings?;
        for (id, ranking) in ids.iter().zip(rankings) {
            orders.insert(id.clone(), ranking.order.unwrap_or_default().into_iter().map(|i| i as usize).collect());
        }
        for (id, package) in &mut known.packages {
            package.order = orders.get(id).cloned().unwrap_or_default();
        }
        resolve(&requests, &known, bounds, &|| false)?;
        Ok(())
    })?;
    let show = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1000.0);
    println!("{PACKAGES} packages of {VERSIONS} versions, medians of {RUNS}");
    println!("plain pubgrub, native ranking                    {}", show(bare));
    println!("this resolver with its checks, native ranking    {}", show(native));
    println!("this resolver, ranked by a policy in WebAssembly {}", show(ranked));
    let more = ranked.saturating_sub(native);
    let ratio = ranked.as_secs_f64() / native.as_secs_f64();
    println!("the policy adds {} (aim: at most 10 ms), a ratio of {ratio:.2}", show(more));
    println!("against plain pubgrub: a ratio of {:.2}", ranked.as_secs_f64() / bare.as_secs_f64());
    Ok(())
}
