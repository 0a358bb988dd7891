//! Every policy's written cases (`plugins/*/cases/*`), asked of the built components, and what the policies that only
//! object do in a chain.
//!
//! A case is a folder: `input.json` is a question as the decision log keeps it, `expected.json` its answer,
//! `settings.json` what is configured, and `files/` what a question about contents finds.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ggen_core::hooks::chain::Ruling;
use ggen_core::hooks::{Answer, FileFact, Hook, Item, PolicyLimits, Question};
use serde_json::json;

use super::defaults::component;
use super::{item, job};
use crate::{ArchiveView, Asker, BuiltIn, HostOptions, LinkConfig, LinkSource, PolicyHost};

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
}

fn folders(beneath: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(beneath).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.retain(|path| path.is_dir());
    all.sort();
    all
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

/// The files of a case, in path order.
struct Files(Vec<(FileFact, Vec<u8>)>);

impl Files {
    fn read(root: &Path) -> Self {
        let (mut files, mut open) = (Vec::new(), vec![root.to_owned()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let bytes = fs::read(&path).unwrap();
                let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().unwrap().permissions());
                let fact = FileFact {
                    path: path.strip_prefix(root).unwrap().to_string_lossy().into_owned(),
                    size: bytes.len() as u64,
                    executable: mode & 0o111 != 0,
                    digest: ggen_core::Digest::of(&bytes).to_string(),
                };
                files.push((fact, bytes));
            }
        }
        files.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        Self(files)
    }
}

impl ArchiveView for Files {
    fn files(&self, first: u32, count: u32) -> io::Result<Vec<FileFact>> {
        Ok(self.0.iter().skip(first as usize).take(count as usize).map(|(fact, _)| fact.clone()).collect())
    }

    fn read(&self, file: u32, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let (_, bytes) = self.0.get(file as usize).ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.iter().skip(offset as usize).take(length as usize).copied().collect())
    }
}

/// Why a case is not as it was written; none where it is.
fn difference(bytes: &[u8], case: &Path) -> Option<String> {
    let read = |file: &str| fs::read_to_string(case.join(file)).ok();
    let settings = read("settings.json").unwrap_or_else(|| "{}".to_owned());
    let question: Question = serde_json::from_str(&read("input.json")?).unwrap_or_else(|e| panic!("{case:?}: {e}"));
    let mut asker = match Asker::open(bytes, &settings, &PolicyLimits::default(), None, None) {
        Ok(asker) => asker,
        Err(problem) => return Some(problem.to_string()),
    };
    let archive = Arc::new(Files::read(&case.join("files")));
    let decision = asker.ask(&question, Some(archive));
    let Some(answer) = decision.verdict else { return Some(format!("no answer: {:?}", decision.fault)) };
    let expected = read("expected.json").and_then(|text| serde_json::from_str::<Answer>(&text).ok());
    let got = serde_json::to_string_pretty(&answer).unwrap();
    (expected.as_ref() != Some(&answer)).then_some(got)
}

#[test]
fn every_policy_answers_its_cases_as_they_are_written() {
    let (mut asked, mut wrong) = (0, Vec::new());
    for policy in folders(&plugins()).into_iter().filter(|folder| folder.join("Cargo.toml").is_file()) {
        let (bytes, cases) = (component(&name(&policy)), folders(&policy.join("cases")));
        assert!(!cases.is_empty(), "{} has no cases", policy.display());
        for case in cases {
            assert!(case.join("input.json").is_file(), "{} has no input.json", case.display());
            asked += 1;
            wrong.extend(difference(&bytes, &case).map(|got| format!("{}: {got}", case.display())));
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_setting_is_described_has_a_default_and_stands_in_the_table() {
    let table = fs::read_to_string(plugins().join("README.md")).unwrap();
    for policy in folders(&plugins()).into_iter().filter(|folder| folder.join("Cargo.toml").is_file()) {
        let name = name(&policy);
        let row = table.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
        let row = row.unwrap_or_else(|| panic!("{name} has no row in plugins/README.md"));
        let asker = Asker::open(&component(&name), "{}", &PolicyLimits::default(), None, None).unwrap();
        assert_eq!(asker.description().name, name);
        let schema: serde_json::Value = serde_json::from_str(&asker.description().settings_schema).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{name}");
        for (setting, about) in schema["properties"].as_object().unwrap() {
            assert!(about["description"].is_string() && about.get("default").is_some(), "{name}: {setting}");
            let told = row.contains(&format!("`{setting}`")) || row.contains("ggen plugin inspect");
            assert!(told, "{name}: {setting} does not stand in plugins/README.md");
        }
    }
}

/// A chain of policies of the project, with their settings.
fn chain(links: &[(&'static str, serde_json::Value)]) -> PolicyHost {
    let mut options = HostOptions::default();
    for (name, settings) in links {
        options.builtins.push(BuiltIn { name, bytes: component(name).leak() });
        let mut link = LinkConfig::new(Hook::Verification, *name, LinkSource::Default);
        link.settings = settings.clone();
        options.links.push(link);
    }
    let host = PolicyHost::open(options).unwrap();
    assert!(host.show().iter().all(|link| link.problem.is_none()));
    host
}

/// Well known and agreed upon: nothing that any of them objects to.
fn ordinary(name: &str) -> Item {
    let mut item = item(name);
    item.evidence.bound_publisher = Some(item.release.publisher.clone());
    item.evidence.agreeing_sources = 5;
    item.evidence.agreeing_subnets = 5;
    item
}

/// Those that only object, with settings under which they have something to say.
fn objectors() -> [(&'static str, serde_json::Value); 4] {
    [
        ("minimum-age", json!({ "action": "warn" })),
        ("plan-licenses", json!({ "deny": ["AGPL-3.0-only"], "unstated": "warn" })),
        ("no-executables", json!({})),
        ("require-agreement", json!({})),
    ]
}

#[test]
fn a_policy_that_only_objects_vouches_for_nothing() {
    for (name, settings) in objectors() {
        let alone = chain(&[(name, settings.clone())]).review_plan(&job(), &[ordinary("a")]);
        let verdict = &alone.verdicts[0];
        assert_eq!(verdict.ruling, Ruling::Deny, "{name} alone");
        assert_eq!(verdict.by[0].reason.code, "no-policy-responsible", "{name} alone");
        let beside = chain(&[("signed-releases", json!({})), (name, settings)]).review_plan(&job(), &[ordinary("a")]);
        assert_eq!(beside.verdicts[0].ruling, Ruling::Allow, "{name} behind one that vouches");
        assert_eq!(beside.verdicts[0].by, [], "{name} has nothing to say");
    }
}

#[test]
fn a_warning_of_an_objector_does_not_loosen_a_denial() {
    let mut other = ordinary("a");
    other.evidence.bound_publisher = Some("f".repeat(64));
    other.evidence.witnessed = job().now;
    other.release.license = None;
    for (name, settings) in objectors() {
        let review = chain(&[(name, settings), ("signed-releases", json!({}))]).review_plan(&job(), &[other.clone()]);
        assert_eq!(review.verdicts[0].ruling, Ruling::Deny, "{name}");
        assert!(review.verdicts[0].by.iter().any(|by| by.reason.code == "other-publisher"), "{name}");
    }
}

#[test]
fn each_objector_is_heard_beside_the_others() {
    let mut bad = ordinary("a");
    bad.evidence.witnessed = job().now;
    bad.evidence.agreeing_subnets = 0;
    bad.release.license = Some("AGPL-3.0-only".to_owned());
    let mut links = vec![("signed-releases", json!({}))];
    links.extend(objectors());
    let review = chain(&links).review_plan(&job(), &[bad, ordinary("b")]);
    let codes: Vec<_> = review.verdicts[0].by.iter().map(|by| (by.policy.as_str(), by.reason.code.as_str())).collect();
    assert_eq!(
        codes,
        [("minimum-age", "too-new"), ("plan-licenses", "license"), ("require-agreement", "too-few-agree")]
    );
    assert_eq!((review.verdicts[0].ruling, review.verdicts[1].ruling), (Ruling::Deny, Ruling::Allow));
}

#[test]
fn a_plan_of_two_thousand_denied_licences_is_within_its_limits() {
    let plan: Vec<Item> = (0..2000)
        .map(|n| {
            let mut item = ordinary(&format!("p{n}"));
            item.direct = n == 1999;
            item.requested_by = vec![format!("p{}", n + 1)];
            item.release.license = Some("AGPL-3.0-only".to_owned());
            item
        })
        .collect();
    let review = chain(&[("plan-licenses", json!({ "deny": ["AGPL-3.0-only"] }))]).review_plan(&job(), &plan);
    assert_eq!(review.decisions[0].fault, None);
    assert!(review.verdicts.iter().all(|verdict| verdict.by[0].reason.code == "license"));
    assert!(review.verdicts[0].by[0].reason.message.contains("p1999 → p1998"), "{:?}", review.verdicts[0].by[0]);
}
