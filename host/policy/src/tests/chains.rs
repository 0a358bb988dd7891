//! Chains of sound policies: who is asked, who prevails, and what stands in the rows.

use std::io;
use std::sync::{Arc, Mutex};

use ggen_core::hooks::chain::Ruling;
use ggen_core::hooks::{
    Action, Candidate, FileFact, Hook, Network, Question, RankQuestion, Request, Sanction, Situation, Trouble,
};
use serde_json::json;

use super::*;
use crate::{ArchiveView, Mode};

pub(super) fn package(name: &str, versions: usize) -> RankQuestion {
    let candidate = |n: usize| Candidate {
        version: format!("{n}.0.0"),
        published: 1,
        witnessed: 1,
        pre_release: false,
        yanked: None,
        installed: false,
        locked: false,
        advisories: vec![],
        facts: vec![],
    };
    let request = Request { name: name.into(), publisher: "p".into(), requirement: Some("*".into()) };
    RankQuestion { request, candidates: (1..=versions).rev().map(candidate).collect() }
}

pub(super) fn situation() -> Situation {
    Situation {
        trouble: Trouble::Unreachable,
        code: "bootstrap-unreachable".into(),
        origin: Origin::Peers,
        package: Some("a".into()),
        attempt: 1,
        elapsed_ms: 1,
        left_ms: 1000,
        network: Network::Isolated,
        tried: vec![],
        untried: vec![Origin::Bundled],
        facts: vec![],
    }
}

/// Denies each plan of one item with a reason whose code is `no`.
const DENY_ONE: &str = "
    (i32.store8 (i32.const 320) (i32.const 4))
    (i32.store (i32.const 324) (i32.const 340)) (i32.store (i32.const 328) (i32.const 1))
    (i32.store (i32.const 340) (i32.const 120)) (i32.store (i32.const 344) (i32.const 2))
    (i32.store (i32.const 348) (i32.const 120)) (i32.store (i32.const 352) (i32.const 2))
    (i32.store (i32.const 300) (i32.const 320)) (i32.store (i32.const 304) (i32.const 1)) (i32.const 300)";

pub(super) fn allow(name: &str) -> Vec<u8> {
    Wat::verifier(ALLOW_ALL).named(name).build()
}

pub(super) fn deny(name: &str) -> Vec<u8> {
    Wat::verifier(DENY_ONE).named(name).build()
}

#[test]
fn all_verifiers_are_asked_and_the_strictest_stands() {
    let host = host(Hook::Verification, &[allow("mild"), deny("strict")]);
    let review = host.review_plan(&job(), &[item("a")]);
    assert_eq!(review.verdicts[0].ruling, Ruling::Deny);
    let by = &review.verdicts[0].by;
    assert_eq!((by[0].policy.as_str(), by[0].reason.code.as_str(), by.len()), ("strict", "no", 1));
    let rows = &review.decisions;
    assert_eq!(
        rows.iter().map(|row| (row.policy.as_str(), row.place)).collect::<Vec<_>>(),
        [("mild", 0), ("strict", 1)]
    );
    assert_eq!(rows[0].input.digest(), rows[1].input.digest());
    assert_eq!(rows[0].subject, "a 1.0.0");
    let question: Question = serde_json::from_str(&rows[0].input).unwrap();
    assert_eq!(question.packages(), ["a"]);
    assert!(rows[0].fuel > 0 && rows[0].replayable);
    let again = host.review_plan(&job(), &[item("a")]).decisions;
    assert_eq!((again[0].fuel, again[1].fuel), (rows[0].fuel, rows[1].fuel));
    let text = serde_json::to_string(&rows[1]).unwrap();
    let read = serde_json::from_str::<crate::Decision>(&text).unwrap();
    assert_eq!(read, crate::Decision { component: None, ..rows[1].clone() });
}

#[test]
fn what_an_organization_locks_stays_and_says_so() {
    let bytes: &'static [u8] = allow("mild").leak();
    let builtins = vec![BuiltIn { name: "mild", bytes }];
    let locked = LinkConfig {
        locked: true,
        ..LinkConfig::new(Hook::Verification, "mild", LinkSource::Organization("/etc/ggen/policy.toml".into()))
    };
    let off = LinkConfig {
        mode: Mode::Off,
        ..LinkConfig::new(Hook::Verification, "mild", LinkSource::User("config.toml".into()))
    };
    let links = vec![off, locked];
    let host = PolicyHost::open(HostOptions { builtins, links, ..HostOptions::default() }).unwrap();
    assert_eq!(host.review_plan(&job(), &[item("a")]).decisions.len(), 1);
    let shown = host.show();
    assert_eq!(shown[0].problem, None);
    assert!(shown[1].problem.as_ref().unwrap().contains("locked by /etc/ggen/policy.toml"), "{shown:?}");
    assert_eq!(host.locked_by(Hook::Verification, "mild").as_deref(), Some("/etc/ggen/policy.toml"));
}

#[test]
fn without_policies_plans_are_denied_and_the_rest_is_built_in() {
    let host = PolicyHost::open(HostOptions::default()).unwrap();
    let plan = host.review_plan(&job(), &[item("a")]);
    assert_eq!(plan.verdicts[0].by[0].reason.code, "no-policy-responsible");
    let score = host.score(&job(), 1, Some(5), &peers(2));
    assert_eq!((score.scores, score.degraded), (vec![0.5, 0.5], true));
    let route = host.route(&job(), &[Origin::Store, Origin::Peers]).route.unwrap();
    assert_eq!(route.len(), 2);
    assert!(matches!(host.decide(&job(), &situation()).action, Action::Stop(_)));
    assert_eq!(host.rank(&job(), &[package("a", 1)]).rankings.unwrap()[0].order, None);
}

#[test]
fn a_policy_that_is_not_there_denies_unless_it_may_be_missing() {
    for (may_miss, ruling) in [(false, Ruling::Deny), (true, Ruling::Warn)] {
        let mut link = LinkConfig::new(Hook::Verification, "nowhere", LinkSource::Default);
        link.allow_missing = may_miss;
        let host = PolicyHost::open(HostOptions { links: vec![link], ..HostOptions::default() }).unwrap();
        let review = host.review_plan(&job(), &[item("a")]);
        assert_eq!(review.verdicts[0].ruling, ruling);
        assert_eq!(review.verdicts[0].by[0].reason.code, "policy-unusable");
        assert!(review.decisions[0].fault.as_ref().unwrap().contains("`nowhere`"));
    }
    let mut link = LinkConfig::new(Hook::VersionResolution, "nowhere", LinkSource::Default);
    let host = PolicyHost::open(HostOptions { links: vec![link.clone()], ..HostOptions::default() }).unwrap();
    assert!(host.rank(&job(), &[package("a", 1)]).rankings.is_err());
    link.allow_missing = true;
    let host = PolicyHost::open(HostOptions { links: vec![link], ..HostOptions::default() }).unwrap();
    assert!(host.rank(&job(), &[package("a", 1)]).rankings.is_ok());
}

#[test]
fn settings_are_checked_by_the_host_and_by_the_policy() {
    let mut wat = Wat::verifier(ALLOW_ALL);
    wat.schema = r#"{"properties":{"names":{}}}"#;
    let bytes = wat.build();
    let with = |settings: serde_json::Value| {
        let bytes = std::slice::from_ref(&bytes);
        host_with(Hook::Verification, bytes, move |link| link.settings = settings.clone())
    };
    let mistyped = with(json!({"nmaes": []}));
    let review = mistyped.review_plan(&job(), &[item("a")]);
    assert_eq!(review.verdicts[0].by[0].reason.code, "policy-unusable");
    let problem = mistyped.show()[0].problem.clone().unwrap();
    assert!(problem.contains("/nmaes") && problem.contains("names"), "{problem}");
    let fine = with(json!({"names": ["a"]}));
    assert_eq!(fine.review_plan(&job(), &[item("a")]).verdicts[0].ruling, Ruling::Allow);
    assert_eq!(fine.show()[0].problem, None);

    // An error with one problem: path and message are both `no`.
    let mut wat = Wat::verifier(ALLOW_ALL);
    wat.configure = "
        (i32.store8 (i32.const 320) (i32.const 1))
        (i32.store (i32.const 324) (i32.const 340)) (i32.store (i32.const 328) (i32.const 1))
        (i32.store (i32.const 340) (i32.const 120)) (i32.store (i32.const 344) (i32.const 2))
        (i32.store (i32.const 348) (i32.const 120)) (i32.store (i32.const 352) (i32.const 2)) (i32.const 320)";
    let host = host(Hook::Verification, &[wat.build()]);
    let review = host.review_plan(&job(), &[item("a")]);
    assert_eq!(review.verdicts[0].ruling, Ruling::Deny);
    let shown = host.show().remove(0);
    let problem = shown.problem.unwrap();
    assert!(problem.ends_with(&format!("no: {}: no", shown.from)), "its place stands between both: {problem}");
}

#[test]
fn a_sound_ranker_scorer_and_adviser_are_heard() {
    let host_of = |hook, wat: Wat<'_>| host(hook, &[wat.build()]);
    let rank = host_of(Hook::VersionResolution, Wat::ranker("(i32.const 400)"))
        .rank(&job(), &[package("a", 3), package("b", 1)]);
    assert_eq!(rank.rankings.unwrap().len(), 2);
    assert_eq!(rank.decisions[0].subject, "2 packages");

    let zeros =
        "(i32.store (i32.const 300) (i32.const 4096)) (i32.store (i32.const 304) (local.get $count)) (i32.const 300)";
    let scorer = host_of(Hook::PeerScoring, Wat::scorer(zeros));
    let score = scorer.score(&job(), 1, None, &peers(100));
    assert_eq!((score.scores, score.degraded), (vec![0.0; 100], false));
    let offence = ggen_core::hooks::Offence {
        class: ggen_core::hooks::OffenceClass::Flood,
        code: "messages".into(),
        today: 1,
        ever: 1,
    };
    let judged = scorer.judge(&job(), &PeerFacts::default(), &offence);
    assert_eq!((judged.sanction, judged.degraded), (Sanction::None, false));

    // Address 400 is an empty route and an action of `abstain`.
    let adviser = host_of(Hook::FallbackPolicy, Wat::adviser("(i32.const 400)", "(i32.const 400)"));
    assert_eq!(adviser.route(&job(), &[Origin::Store]).route, Ok(vec![]));
    let decided = adviser.decide(&job(), &situation());
    assert_eq!(decided.policy, "ggen");
    assert_eq!(decided.decisions[0].verdict, Some(ggen_core::hooks::Answer::Decide(Action::Abstain)));
}

/// One file of ten bytes; remembers what was read.
#[derive(Default)]
pub(super) struct OneFile(pub(super) Mutex<Vec<(u32, u64, u32)>>);

impl ArchiveView for OneFile {
    fn files(&self, first: u32, count: u32) -> io::Result<Vec<FileFact>> {
        let file = FileFact { path: "a.txt".into(), size: 10, executable: false, digest: "d".into() };
        Ok(if first == 0 && count > 0 { vec![file] } else { vec![] })
    }

    fn read(&self, file: u32, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        self.0.lock().unwrap().push((file, offset, length));
        if file > 0 {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such file"));
        }
        Ok(b"0123456789".iter().copied().skip(usize::try_from(offset).unwrap()).take(length as usize).collect())
    }
}

/// Where the archive's handle stands behind a job and an item.
const HANDLE: u32 = 304;

/// Looks into files: reads file `$file` and allows.
pub(super) fn reader(file: u32) -> Vec<u8> {
    let functions = format!(
        "(func (export \"ggen:policy/verification@0.1.0#review-plan\") {JOB_AND_LIST} {ALLOW_ALL})
         (func (export \"ggen:policy/contents-verification@0.1.0#review-contents\") (param i32) (result i32)
            (call $files (i32.load offset={HANDLE} (local.get 0)) (i32.const 0) (i32.const 99999) (i32.const 320))
            (call $read (i32.load offset={HANDLE} (local.get 0)) (i32.const {file}) (i64.const 2) (i32.const 9999999) (i32.const 340))
            (call $drop (i32.load offset={HANDLE} (local.get 0)))
            (if (i32.ne (i32.load (i32.const 344)) (i32.const 8)) (then unreachable))
            (if (i32.ne (i32.load (i32.const 324)) (i32.const 1)) (then unreachable))
            (i32.const 400))"
    );
    let mut module = Wat::new("contents-verifier", functions).named("reader");
    module.imports = "
        (import \"ggen:policy/contents@0.1.0\" \"[method]archive.files\" (func $files (param i32 i32 i32 i32)))
        (import \"ggen:policy/contents@0.1.0\" \"[method]archive.read\" (func $read (param i32 i32 i64 i32 i32)))
        (import \"ggen:policy/contents@0.1.0\" \"[resource-drop]archive\" (func $drop (param i32)))";
    module.build()
}

#[test]
fn contents_are_read_through_the_archive_and_bounded() {
    let view = Arc::new(OneFile::default());
    let archive: Arc<dyn ArchiveView> = view.clone();
    // A verifier without an eye for contents has no say and no row.
    let host = host(Hook::Verification, &[allow("mild"), reader(0)]);
    let review = host.review_contents(&job(), &item("a"), &archive);
    assert_eq!(review.verdict.ruling, Ruling::Allow, "{:?}", review.decisions);
    assert_eq!(review.decisions.len(), 1);
    assert_eq!(review.decisions[0].policy, "reader");
    assert_eq!(*view.0.lock().unwrap(), [(0, 2, 1 << 20)]);
}

#[test]
fn a_file_that_is_not_there_is_the_policys_fault() {
    let archive: Arc<dyn ArchiveView> = Arc::new(OneFile::default());
    let review = host(Hook::Verification, &[reader(7)]).review_contents(&job(), &item("a"), &archive);
    assert_eq!(review.verdict.ruling, Ruling::Deny);
    assert!(review.decisions[0].fault.as_ref().unwrap().contains("file 7"));
}
