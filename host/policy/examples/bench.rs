//! What policies cost, beside the same logic as native Rust, in one run: `cargo run --release -p ggen-policy --example
//! bench`. What was measured stands in `tests/benches/RESULTS.md`.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ggen_core::hooks::{
    Candidate, Evidence, Hook, Item, Job, Origin, PeerFacts, PolicyLimits, RankQuestion, Release, Request, Task,
};
use ggen_plugin_sdk::testing as native;
use ggen_plugin_sdk::{PeerScoring, Verification};
use ggen_policy::{BuiltIn, HostOptions, LinkConfig, LinkSource, Mode, PolicyHost};

const POLICIES: [(Hook, &str); 4] = [
    (Hook::FallbackPolicy, "graceful-degradation"),
    (Hook::VersionResolution, "newest-compatible"),
    (Hook::Verification, "signed-releases"),
    (Hook::PeerScoring, "beta-reputation"),
];

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let cache = std::env::temp_dir().join(format!("ggen-bench-{}", rustix::process::geteuid().as_raw()));
    match std::env::args().nth(1).as_deref() {
        Some("cold") => cold(&cache),
        Some("laps") => laps(&cache),
        _ => all(&cache),
    }
}

fn all(cache: &Path) -> Done {
    if cache.exists() {
        std::fs::remove_dir_all(cache)?;
    }
    println!("{:<52} {:>12} {:>12} {:>12}", "what", "here", "native", "aim");
    cold_processes()?;
    let host = PolicyHost::open(options(cache)?)?;
    decisions(&host)?;
    scores(&host)?;
    shadow(cache)?;
    memory(&host);
    Ok(())
}

fn line(what: &str, here: String, native: Option<Duration>, aim: &str) {
    let native = native.map_or_else(|| "-".to_owned(), time);
    println!("{what:<52} {here:>12} {native:>12} {aim:>12}");
}

fn time(time: Duration) -> String {
    match time.as_nanos() {
        nanos @ 0..1_000 => format!("{nanos} ns"),
        nanos @ 1_000..1_000_000 => format!("{:.1} us", nanos as f64 / 1e3),
        nanos => format!("{:.2} ms", nanos as f64 / 1e6),
    }
}

/// The median of so many times of one thing.
fn median(rounds: usize, mut once: impl FnMut()) -> Duration {
    let mut took: Vec<_> = (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            once();
            begun.elapsed()
        })
        .collect();
    took.sort();
    took.get(rounds / 2).copied().unwrap_or_default()
}

fn options(cache: &Path) -> Result<HostOptions, Box<dyn Error>> {
    let mut options =
        HostOptions { cache_dir: Some(cache.to_owned()), limits: PolicyLimits::default(), ..HostOptions::default() };
    for (hook, name) in POLICIES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../plugins/dist/{name}.wasm"));
        options.builtins.push(BuiltIn { name, bytes: std::fs::read(path)?.leak() });
        options.links.push(LinkConfig::new(hook, name, LinkSource::Default));
    }
    Ok(options)
}

/// One decision of each of the four, with the engine's start: what a short command pays.
fn once(host: &PolicyHost, mut lap: impl FnMut(&str)) {
    let job = job();
    black_box(host.route(&job, &[Origin::Store, Origin::Peers, Origin::Bundled]));
    lap("engine, route");
    black_box(host.rank(&job, &[package()]));
    lap("rank");
    black_box(host.review_plan(&job, &[item(0)]));
    lap("review");
    black_box(host.score(&job, 1, Some(25_000), &[PeerFacts::default(); 8]));
    lap("score");
}

/// In a process of its own: how long it took, in microseconds.
fn cold(cache: &Path) -> Done {
    let options = options(cache)?;
    let begun = Instant::now();
    let host = PolicyHost::open(options)?;
    once(&host, |_| ());
    println!("{}", begun.elapsed().as_micros());
    Ok(())
}

fn laps(cache: &Path) -> Done {
    let host = PolicyHost::open(options(cache)?)?;
    for round in ["cold", "warm"] {
        let mut last = Instant::now();
        once(&host, |what| {
            println!("{:>12}  {round} {what}", time(last.elapsed()));
            last = Instant::now();
        });
    }
    Ok(())
}

fn cold_processes() -> Done {
    const ROUNDS: usize = 41;
    let this = std::env::current_exe()?;
    let mut took = Vec::new();
    // The first compiles.
    for _ in 0..=ROUNDS {
        let text = String::from_utf8(Command::new(&this).arg("cold").output()?.stdout)?;
        took.push(Duration::from_micros(text.trim().parse()?));
    }
    let mut cached: Vec<_> = took.split_off(1);
    cached.sort();
    let of = |part: usize| cached.get(ROUNDS * part / 100).copied().unwrap_or_default();
    line("four policies compiled, one decision each", time(took.first().copied().unwrap_or_default()), None, "-");
    line("four cached, one decision each, cold: median", time(of(50)), None, "<= 2 ms");
    line("  best and 90 of 100", format!("{}, {}", time(of(0)), time(of(90))), None, "-");
    Ok(())
}

fn decisions(host: &PolicyHost) -> Done {
    let policy: signed_releases::SignedReleases = native::configured("{}").map_err(|_| "settings")?;
    let (job, guest_job) = (job(), native::job());
    for (count, what, aim) in
        [(1, "a decision in a fresh instance", "<= 100 us"), (200, "a plan of 200 items", "<= 1 ms")]
    {
        let plan: Vec<_> = (0..count).map(item).collect();
        let guest: Vec<_> = (0..count).map(|n| native::item(&format!("package-{n}"), "1.0.0")).collect();
        let here = median(1000, || drop(black_box(host.review_plan(&job, black_box(&plan)))));
        let there = median(1000, || drop(black_box(policy.review_plan(&guest_job, black_box(&guest)))));
        line(what, time(here), Some(there), aim);
    }
    Ok(())
}

fn scores(host: &PolicyHost) -> Done {
    const PEERS: usize = 1000;
    let policy: beta_reputation::BetaReputation = native::configured("{}").map_err(|_| "settings")?;
    let peers = vec![PeerFacts::default(); PEERS];
    let guest: Vec<_> = (0..PEERS).map(|_| native::newcomer()).collect();
    let (job, guest_job) = (job(), native::job());
    let here = median(500, || drop(black_box(host.score(&job, 1, Some(25_000), black_box(&peers)))));
    let there = median(500, || drop(black_box(policy.score(&guest_job, 1, Some(25_000), black_box(&guest)))));
    let each = |all: Duration| all / u32::try_from(PEERS).unwrap_or(1);
    line("scoring 1000 peers in one call, each", time(each(here)), Some(each(there)), "<= 250 ns");
    Ok(())
}

/// The same decision without and with a link that watches it, in turns.
fn shadow(cache: &Path) -> Done {
    let alone = PolicyHost::open(options(cache)?)?;
    let mut watched = options(cache)?;
    let shadow = LinkConfig::new(Hook::Verification, "signed-releases", LinkSource::User(PathBuf::from("config.toml")));
    watched.links.push(LinkConfig { mode: Mode::Shadow, ..shadow });
    let watched = PolicyHost::open(watched)?;
    let (job, plan) = (job(), [item(0)]);
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..1000 {
        without.push(median(1, || drop(black_box(alone.review_plan(&job, &plan)))));
        with.push(median(1, || drop(black_box(watched.review_plan(&job, &plan)))));
        drop(watched.finish_shadows(Duration::from_secs(1)));
    }
    for times in [&mut without, &mut with] {
        times.sort();
    }
    let middle = |times: &[Duration]| times.get(times.len() / 2).copied().unwrap_or_default();
    line("a decision that nobody watches", time(middle(&without)), None, "-");
    line("the same with a link in shadow", time(middle(&with)), None, "no more");
    Ok(())
}

fn memory(host: &PolicyHost) {
    let (job, plan) = (job(), [item(0)]);
    let rounds = |count: u32| (0..count).for_each(|_| drop(host.review_plan(&job, &plan)));
    rounds(100);
    let before = resident();
    rounds(10_000);
    line("10 000 decisions: resident memory", format!("{:+} kB", resident() - before), None, "+-5 MB");
}

/// In kB; 0 where there is no /proc.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn job() -> Job {
    Job::new(Task::Install, 1_700_000_000_000, false)
}

fn item(n: usize) -> Item {
    Item {
        release: Release {
            name: format!("package-{n}"),
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
        evidence: Evidence {
            signed: true,
            witnessed: 1_690_000_000_000,
            bound_publisher: Some("a".repeat(64)),
            ..Evidence::default()
        },
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
