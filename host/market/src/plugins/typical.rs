//! An ordinary question for each call of the contract: what `plugin bench` asks where nothing else is given.
//!
//! Decides nothing. Invariant: equal calls give equal questions.

use ggen_core::hooks::{
    Candidate, Evidence, Item, Job, Network, Offence, OffenceClass, Origin, PeerFacts, Question, RankQuestion, Release,
    Request, Situation, Tally, Task, Trouble,
};

/// 2026-01-31, noon, UTC.
const NOW: u64 = 1_769_860_800_000;
const DAY: u64 = 86_400_000;
/// Releases of a plan, versions of a package, holders of an archive.
const ITEMS: u32 = 8;

fn job() -> Job {
    Job::new(Task::Install, NOW, false)
}

/// One release that the user asked for.
pub(super) fn item(name: &str, version: &str) -> Item {
    let publisher = "1".repeat(64);
    Item {
        release: Release {
            name: name.to_owned(),
            version: version.to_owned(),
            publisher: publisher.clone(),
            digest: "3".repeat(64),
            archive_size: 25_000,
            unpacked_size: 100_000,
            file_count: 12,
            license: Some("MIT".to_owned()),
            published: NOW - 30 * DAY,
            yanked: None,
            dependencies: Vec::new(),
            claims: Vec::new(),
        },
        evidence: Evidence {
            signed: true,
            bound_publisher: Some(publisher),
            witnessed: NOW - 30 * DAY,
            head_sequence: 3,
            highest_sequence: 3,
            agreeing_sources: 2,
            agreeing_subnets: 2,
            ..Evidence::default()
        },
        origin: Origin::Peers,
        direct: true,
        requested_by: Vec::new(),
        installed: None,
    }
}

/// A plan of these releases.
pub(super) fn plan(plan: Vec<Item>) -> Question {
    Question::ReviewPlan { job: job(), plan }
}

/// A package with these versions, highest first; what has a `-` is a pre-release.
pub(super) fn rank(versions: &[&str]) -> Question {
    let candidate = |version: &&str| Candidate {
        version: (*version).to_owned(),
        published: NOW - 30 * DAY,
        witnessed: NOW - 30 * DAY,
        pre_release: version.contains('-'),
        yanked: None,
        installed: false,
        locked: false,
        advisories: Vec::new(),
        facts: Vec::new(),
    };
    let request = Request { name: "web-framework".to_owned(), publisher: "1".repeat(64), requirement: None };
    let packages = vec![RankQuestion { request, candidates: versions.iter().map(candidate).collect() }];
    Question::Rank { job: job(), packages }
}

/// A peer with so many good and bad answers in the last month.
fn peer(successes: f64, failures: f64, subnet: u32) -> PeerFacts {
    let month = Tally { successes, failures, ..Tally::default() };
    PeerFacts { month, first_seen: NOW - 30 * DAY, subnet, ..PeerFacts::default() }
}

/// Holders with these good and bad answers.
pub(super) fn score(peers: &[(f64, f64)]) -> Question {
    let peers = (0..).zip(peers).map(|(subnet, (good, bad))| peer(*good, *bad, subnet)).collect();
    Question::Score { job: job(), seed: 7, bytes: Some(25_000), peers }
}

/// A peer's first offence of a class.
pub(super) fn judge(class: OffenceClass, code: &str) -> Question {
    let offence = Offence { class, code: code.to_owned(), today: 1, ever: 1 };
    Question::Judge { job: job(), peer: peer(10.0, 1.0, 0), offence }
}

/// What a job may touch.
pub(super) fn route(offered: &[Origin]) -> Question {
    Question::Route { job: job(), offered: offered.to_vec() }
}

/// A lookup that was too slow, for the n-th time.
pub(super) fn timed_out(attempt: u32) -> Question {
    let situation = Situation {
        trouble: Trouble::TimedOut,
        code: "lookup-timeout".to_owned(),
        origin: Origin::Peers,
        package: Some("web-framework".to_owned()),
        attempt,
        elapsed_ms: 1000,
        left_ms: 30_000,
        network: Network::Online,
        tried: Vec::new(),
        untried: vec![Origin::Bundled],
        facts: Vec::new(),
    };
    Question::Decide { job: job(), situation }
}

/// One question for each call, in the contract's order.
pub(super) fn all() -> Vec<Question> {
    let items: Vec<_> = (0..ITEMS).map(|n| item(&format!("package-{n}"), "2.1.0")).collect();
    let versions: Vec<_> = (0..ITEMS).rev().map(|n| format!("2.{n}.0")).collect();
    let versions: Vec<_> = versions.iter().map(String::as_str).collect();
    let peers: Vec<_> = (0..ITEMS).map(|n| (f64::from(n * 3), f64::from(n % 3))).collect();
    let one = Item {
        release: Release { file_count: 0, unpacked_size: 0, ..item("a", "1.0.0").release },
        ..item("a", "1.0.0")
    };
    vec![
        plan(items),
        Question::ReviewContents { job: job(), item: Box::new(one) },
        rank(&versions),
        score(&peers),
        judge(OffenceClass::CorruptData, "chunk-digest"),
        route(&[Origin::Store, Origin::Registry, Origin::Peers, Origin::Bundled]),
        timed_out(1),
    ]
}
