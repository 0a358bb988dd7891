//! What policies cost a short command: the engine, four cached policies, and one decision of each, in a cold process.
//!
//! Run it twice: the first run compiles. `cargo run --release -p ggen-policy --example bench [CACHE]`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ggen_core::hooks::{
    Candidate, Evidence, Hook, Item, Job, Origin, PeerFacts, PolicyLimits, RankQuestion, Release, Request, Task,
};
use ggen_policy::{BuiltIn, HostOptions, LinkConfig, LinkSource, PolicyHost};

const POLICIES: [(Hook, &str); 4] = [
    (Hook::FallbackPolicy, "graceful-degradation"),
    (Hook::VersionResolution, "newest-compatible"),
    (Hook::Verification, "signed-releases"),
    (Hook::PeerScoring, "beta-reputation"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let cache = std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("ggen-bench"), PathBuf::from);
    let mut options = HostOptions { cache_dir: Some(cache), limits: PolicyLimits::default(), ..HostOptions::default() };
    for (hook, name) in POLICIES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../plugins/dist/{name}.wasm"));
        options.builtins.push(BuiltIn { name, bytes: std::fs::read(path)?.leak() });
        options.links.push(LinkConfig::new(hook, name, LinkSource::Default));
    }
    let job = Job::new(Task::Install, 1_700_000_000_000, false);
    let (items, packages, peers) = ([item()], [package()], [PeerFacts::default(); 8]);

    let begun = Instant::now();
    let host = PolicyHost::open(options)?;
    let mut last = begun;
    let mut lap = |what: &str| {
        println!("{:>8.3} ms  {what}", last.elapsed().as_secs_f64() * 1e3);
        last = Instant::now();
    };
    let routed = host.route(&job, &[Origin::Store, Origin::Peers, Origin::Bundled]);
    lap("engine, route");
    let ranked = host.rank(&job, &packages);
    lap("rank");
    let reviewed = host.review_plan(&job, &items);
    lap("review");
    let scored = host.score(&job, 1, Some(25_000), &peers);
    lap("score");
    println!("{:>8.3} ms  cold, all of it", begun.elapsed().as_secs_f64() * 1e3);

    let rows = [&routed.decisions, &ranked.decisions, &reviewed.decisions, &scored.decisions];
    for row in rows.into_iter().flatten() {
        println!("{:>8} us  {:>8} fuel  {} {} {:?}", row.micros, row.fuel, row.policy, row.call, row.fault);
    }
    const ROUNDS: u32 = 200;
    let warm = Instant::now();
    for _ in 0..ROUNDS {
        let _ = host.review_plan(&job, &items);
    }
    println!("{:>8.3} ms  a warm review", warm.elapsed().as_secs_f64() * 1e3 / f64::from(ROUNDS));
    let many = vec![PeerFacts::default(); 10_000];
    let warm = Instant::now();
    let _ = host.score(&job, 1, None, &many);
    println!("{:>8.3} ms  a score of {} peers", warm.elapsed().as_secs_f64() * 1e3, many.len());
    Ok(())
}

fn item() -> Item {
    Item {
        release: Release {
            name: "web-framework".into(),
            version: "2.1.0".into(),
            publisher: "a".repeat(64),
            digest: "b".repeat(64),
            archive_size: 25_000,
            unpacked_size: 100_000,
            file_count: 12,
            license: Some("MIT OR Apache-2.0".into()),
            published: 1_690_000_000_000,
            yanked: None,
            dependencies: Vec::new(),
            claims: Vec::new(),
        },
        evidence: Evidence { signed: true, witnessed: 1_690_000_000_000, ..Evidence::default() },
        origin: Origin::Peers,
        direct: true,
        requested_by: Vec::new(),
        installed: None,
    }
}

fn package() -> RankQuestion {
    let candidate = |n: u32| Candidate {
        version: format!("{n}.0.0"),
        published: 1,
        witnessed: 1,
        pre_release: false,
        yanked: None,
        installed: false,
        locked: false,
        advisories: Vec::new(),
        facts: Vec::new(),
    };
    let request = Request { name: "web-framework".into(), publisher: "a".repeat(64), requirement: Some("^2".into()) };
    RankQuestion { request, candidates: (1..=10).rev().map(candidate).collect() }
}
