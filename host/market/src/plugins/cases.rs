//! `plugin test`: a policy asked what its cases say, and its answers held against what they expect.
//!
//! ```text
//! cases/NAME/input.json       the question, as the decision log stores it
//!            expected.json    the answer; or {"fault": "…"}, or {"problems": […]} where it must refuse its settings
//!            settings.json    if it needs any
//!            files/           what it may look into, if the question is about contents
//! cases/NAME.json             a row of the decision log: {"input": …, "verdict": …, "settings": …}
//! ```
//!
//! Decides whether an answer is the expected one: the same value, whatever its spelling in JSON. Invariant: a case without
//! an expectation is never passed, and nothing but `expected.json` is ever written, and only where that is wished.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ggen_core::Digest;
use ggen_core::files::{FileEntry, FileList};
use ggen_core::hooks::{Answer, PolicyLimits, Question};
use ggen_core::limits::Limits;
use ggen_core::paths::ArchivePath;
use ggen_policy::{ArchiveView, Asker, Decision, LinkProblem};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{MarketError, PluginError};
use crate::folder::Folder;
use crate::policies::files::{component, text};

/// The most cases of one run.
const MAX_CASES: usize = 10_000;
/// Files that a case about contents may have, and how deep they may lie.
const MAX_FILES: usize = 10_000;
const MAX_DEPTH: usize = 32;

/// What `plugin test` is asked for.
#[derive(Clone, Debug)]
pub struct CasesRequest {
    /// The component that answers.
    pub component: PathBuf,
    /// The folder of cases.
    pub cases: PathBuf,
    /// Write what it answers into `expected.json`.
    pub bless: bool,
}

/// A case whose answer is another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseFailure {
    /// Its name.
    pub case: String,
    /// What it expects; none where it says nothing.
    pub expected: Option<Value>,
    /// What the policy did.
    pub got: Value,
}

/// `plugin test`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestAnswer {
    /// What the policy calls itself; none where no case got so far.
    pub policy: Option<String>,
    /// SHA-256 of the component that answered.
    pub digest: String,
    /// Cases that were answered as expected.
    pub passed: usize,
    /// The others.
    pub failed: Vec<CaseFailure>,
    /// Cases whose `expected.json` was written.
    pub blessed: Vec<String>,
}

struct Case {
    name: String,
    question: Question,
    settings: String,
    expected: Option<Value>,
    files: Option<PathBuf>,
    /// Where to write what is expected; a recorded row stays as it is.
    writes: Option<PathBuf>,
}

/// Asks a component everything that its cases say.
///
/// # Errors
/// When the component or a case cannot be read. An answer that is not the expected one is none.
pub fn test(request: &CasesRequest, limits: &Limits) -> Result<TestAnswer, MarketError> {
    let bytes = component(&request.component, limits)?;
    let cases = read_cases(&request.cases)?;
    let digest = Digest::of(&bytes).to_string();
    let mut answer = TestAnswer { policy: None, digest, passed: 0, failed: Vec::new(), blessed: Vec::new() };
    let cache = tempfile::tempdir().map_err(|source| file("written", &std::env::temp_dir())(source))?;
    let mut opened: BTreeMap<String, Result<Asker, Arc<LinkProblem>>> = BTreeMap::new();
    for case in cases {
        let limits = PolicyLimits::from(limits);
        let asker = opened
            .entry(case.settings.clone())
            .or_insert_with(|| Asker::open(&bytes, &case.settings, &limits, Some(cache.path()), None));
        let got = match asker {
            Ok(asker) => {
                answer.policy.get_or_insert_with(|| asker.description().name.clone());
                ask(asker, &case)?
            }
            Err(problem) => match &**problem {
                LinkProblem::Settings { problems } => json!({ "problems": problems }),
                other => {
                    let problems = vec![other.text()];
                    return Err(PluginError::Unfit { path: request.component.clone(), problems }.into());
                }
            },
        };
        judge(&mut answer, case, got, request.bless)?;
    }
    Ok(answer)
}

fn judge(answer: &mut TestAnswer, case: Case, got: Value, bless: bool) -> Result<(), MarketError> {
    if case.expected.as_ref() == Some(&got) {
        answer.passed += 1;
        return Ok(());
    }
    match case.writes.filter(|_| bless) {
        Some(path) => {
            let text = serde_json::to_string_pretty(&got).map_err(|e| MarketError::Internal(e.to_string()))?;
            fs::write(&path, text + "\n").map_err(file("written", &path))?;
            answer.blessed.push(case.name);
        }
        None => answer.failed.push(CaseFailure { case: case.name, expected: case.expected, got }),
    }
    Ok(())
}

fn ask(asker: &mut Asker, case: &Case) -> Result<Value, MarketError> {
    if !asker.answers(&case.question) {
        return Ok(json!({ "fault": format!("it does not serve {}", case.question.call()) }));
    }
    let archive = match &case.files {
        Some(root) => Some(Arc::new(folder(root)?) as Arc<dyn ArchiveView>),
        None => None,
    };
    Ok(outcome(&asker.ask(&case.question, archive)))
}

/// A decision as `expected.json` has it.
fn outcome(decision: &Decision) -> Value {
    match &decision.verdict {
        Some(verdict) => serde_json::to_value(verdict).unwrap_or_default(),
        None => json!({ "fault": decision.fault }),
    }
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> MarketError {
    let path = path.to_owned();
    move |source| MarketError::Io { path, action, source }
}

fn wrong(path: &Path, what: &'static str, problem: impl ToString) -> MarketError {
    PluginError::Case { path: path.to_owned(), what, problem: problem.to_string() }.into()
}

/// Reads a question as the decision log stores it.
pub(super) fn question(path: &Path) -> Result<Question, MarketError> {
    let missing = || wrong(path, "question", "there is no such file");
    let text = text(path)?.ok_or_else(missing)?;
    serde_json::from_str(&text).map_err(|e| wrong(path, "question", e))
}

/// The cases of a folder, by name.
fn read_cases(folder: &Path) -> Result<Vec<Case>, MarketError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(file("read", folder))?.take(MAX_CASES) {
        paths.push(entry.map_err(file("read", folder))?.path());
    }
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            cases.push(written(name, &path)?);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            cases.push(recorded(name, &path)?);
        }
    }
    if cases.is_empty() {
        return Err(wrong(folder, "folder of cases", "it has no case; one is NAME/input.json with NAME/expected.json"));
    }
    Ok(cases)
}

fn written(name: String, folder: &Path) -> Result<Case, MarketError> {
    let expectation = folder.join("expected.json");
    let expected = match text(&expectation)? {
        Some(text) => Some(expected(&expectation, &text)?),
        None => None,
    };
    let files = folder.join("files");
    Ok(Case {
        name,
        question: question(&folder.join("input.json"))?,
        settings: text(&folder.join("settings.json"))?.unwrap_or_else(|| "{}".to_owned()),
        expected,
        files: files.is_dir().then_some(files),
        writes: Some(expectation),
    })
}

/// What is expected, in the spelling in which answers come.
fn expected(path: &Path, text: &str) -> Result<Value, MarketError> {
    let what = "expected answer";
    let value: Value = serde_json::from_str(text).map_err(|e| wrong(path, what, e))?;
    if value.get("call").is_none() {
        return Ok(value);
    }
    let answer: Answer = serde_json::from_value(value).map_err(|e| wrong(path, what, e))?;
    serde_json::to_value(answer).map_err(|e| wrong(path, what, e))
}

/// A row of the decision log; its parts are JSON, or texts of JSON.
fn recorded(name: String, path: &Path) -> Result<Case, MarketError> {
    let what = "recorded decision";
    let text = text(path)?.unwrap_or_default();
    let row: Value = serde_json::from_str(&text).map_err(|e| wrong(path, what, e))?;
    let part = |key: &str| match row.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Null) | None => None,
        Some(value) => Some(value.to_string()),
    };
    let input = part("input").ok_or_else(|| wrong(path, what, "it has no `input`"))?;
    let expected = match part("verdict") {
        Some(verdict) => Some(expected(path, &verdict)?),
        None => part("fault").map(|fault| json!({ "fault": fault })),
    };
    Ok(Case {
        name,
        question: serde_json::from_str(&input).map_err(|e| wrong(path, what, e))?,
        settings: part("settings").unwrap_or_else(|| "{}".to_owned()),
        expected,
        files: None,
        writes: None,
    })
}

/// The files of a case as a release would have them.
fn folder(root: &Path) -> Result<Folder, MarketError> {
    use std::os::unix::fs::PermissionsExt;
    let (mut files, mut open) = (Vec::new(), vec![(root.to_owned(), 0)]);
    while let Some((dir, depth)) = open.pop() {
        for entry in fs::read_dir(&dir).map_err(file("read", &dir))? {
            let path = entry.map_err(file("read", &dir))?.path();
            let meta = fs::symlink_metadata(&path).map_err(file("read", &path))?;
            if meta.is_dir() && depth < MAX_DEPTH {
                open.push((path, depth + 1));
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let bytes = fs::read(&path).map_err(file("read", &path))?;
            files.push(FileEntry {
                path: ArchivePath::new(&name).map_err(|e| wrong(&path, "file of a package", e))?,
                digest: Digest::of(&bytes),
                size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                executable: meta.permissions().mode() & 0o111 != 0,
            });
            if files.len() > MAX_FILES {
                return Err(wrong(root, "folder of a case", format!("it has more than {MAX_FILES} files")));
            }
        }
    }
    let files = FileList::new(files).map_err(|e| wrong(root, "folder of a package", e))?;
    Ok(Folder { root: root.to_owned(), then: None, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(folder: &Path, bless: bool) -> CasesRequest {
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/dist");
        CasesRequest { component: dist.join("org-allowlist.wasm"), cases: folder.to_owned(), bless }
    }

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn answers_are_held_against_what_is_expected_and_blessed_where_wished() {
        let cases = tempfile::tempdir().unwrap();
        let question =
            serde_json::to_string(&super::super::typical::plan(vec![super::super::typical::item("a", "1.0.0")]));
        let question = question.unwrap();
        write(cases.path(), "listed/input.json", &question);
        write(cases.path(), "listed/settings.json", r#"{"names":["a"]}"#);
        write(cases.path(), "listed/expected.json", r#"{"answer":["allow"],"call":"review-plan"}"#);
        write(cases.path(), "other/input.json", &question);
        write(cases.path(), "other/settings.json", r#"{"names":["b"]}"#);
        write(cases.path(), "other/expected.json", r#"{"call":"review-plan","answer":["allow"]}"#);
        write(cases.path(), "refused/input.json", &question);
        write(cases.path(), "refused/settings.json", r#"{"nmaes":["b"]}"#);
        let row = json!({ "input": question, "settings": {"names": ["a"]}, "verdict": {"call": "review-plan", "answer": ["allow"]} });
        write(cases.path(), "row.json", &row.to_string());
        let limits = Limits::default();
        let first = test(&request(cases.path(), false), &limits).unwrap();
        assert_eq!((first.passed, first.failed.len()), (2, 2), "{first:?}");
        assert_eq!(first.failed[0].case, "other");
        assert!(first.failed[0].got.to_string().contains("is not on the list"), "{first:?}");
        assert!(first.failed[1].expected.is_none() && first.failed[1].got.to_string().contains("nmaes"), "{first:?}");
        let blessed = test(&request(cases.path(), true), &limits).unwrap();
        assert_eq!((blessed.passed, blessed.failed.len()), (2, 0));
        assert_eq!(blessed.blessed, ["other", "refused"]);
        let again = test(&request(cases.path(), false), &limits).unwrap();
        assert_eq!((again.passed, again.failed, again.policy.as_deref()), (4, Vec::new(), Some("org-allowlist")));
    }

    #[test]
    fn what_is_no_case_is_named() {
        let cases = tempfile::tempdir().unwrap();
        let problem = |folder: &Path| test(&request(folder, false), &Limits::default()).unwrap_err().to_string();
        assert!(problem(cases.path()).contains("it has no case"));
        write(cases.path(), "a/expected.json", "{}");
        assert!(problem(cases.path()).contains("a/input.json is no question: there is no such file"));
        write(cases.path(), "a/input.json", r#"{"call":"nothing"}"#);
        assert!(problem(cases.path()).contains("a/input.json is no question"));
        fs::remove_dir_all(cases.path().join("a")).unwrap();
        write(cases.path(), "row.json", "{}");
        assert!(problem(cases.path()).contains("it has no `input`"));
    }
}
