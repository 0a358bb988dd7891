//! Policies that are not written in Rust: the examples in JavaScript and Python, built by their own scripts.
//!
//! Building needs node and npm or Python, and their registries: only where `GGEN_TEST_LANGUAGES` is set.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ggen_tests::{Package, checkout, copy_tree};

use crate::home;

/// The longest that a build may take: it installs a tool first.
const BUILD: Duration = Duration::from_secs(300);

/// Whether the example can be built here, where each of `needs` succeeds as a command; says so where not.
fn can_build(language: &str, needs: &[&[&str]]) -> bool {
    if std::env::var_os("GGEN_TEST_LANGUAGES").is_none() {
        eprintln!("SKIPPED: GGEN_TEST_LANGUAGES is not set, so the policy in {language} is not built");
        return false;
    }
    let missing = needs.iter().find(|need| {
        let asked = Command::new(need[0]).args(&need[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        !asked.is_ok_and(|status| status.success())
    });
    if let Some(need) = missing {
        eprintln!("SKIPPED: no `{}` here, so the policy in {language} is not built", need.join(" "));
    }
    missing.is_none()
}

/// A copy of an example with the contract where it expects it: nothing is built in the checkout.
fn example(root: &Path, language: &str) -> PathBuf {
    let folder = root.join("plugins/examples").join(language);
    copy_tree(&checkout().join("plugins/examples").join(language), &folder);
    copy_tree(&checkout().join("wit"), &root.join("wit"));
    folder
}

/// Runs a build's command to its end.
#[track_caller]
fn build(folder: &Path, program: &str, arguments: &[&str]) {
    let log = folder.join("build.log");
    let file = std::fs::File::create(&log).unwrap();
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    let end = Instant::now() + BUILD;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let told = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(status.success(), "{program} {arguments:?}: {status}\n{told}");
}

/// It fits the contract, and a real install is decided by it as its settings say.
#[track_caller]
fn decides(component: &Path, denying: &str, reason: &str, allowing: &str) {
    let home = home();
    let path = component.to_str().unwrap();
    let checked = home.json(&["plugin", "check", path]);
    assert_eq!((&checked["fits"], &checked["problems"]), (&true.into(), &ggen_tests::json!([])), "{checked}");
    assert_eq!(checked["hooks"], ggen_tests::json!(["verification"]));
    assert!(!checked["imports"].to_string().contains("wasi"), "{checked}");

    home.publish(&Package::new("asked-about", "1.0.0"));
    let install = ["marketplace", "install", "asked-about", "--offline"];
    let with = |settings: &str| {
        let link = "[[policy.verification]]\nuse = \"signed-releases\"\n[[policy.verification]]\n";
        home.config(&format!("{link}use = {path:?}\nsettings = {{ {settings} }}\n"));
    };
    with(denying);
    let said = home.fails(8, &install).to_string();
    assert!(said.contains(reason), "{reason} in {said}");
    assert!(home.installed().is_empty());
    with("no_such_setting = 1");
    let said = home.fails(8, &install).to_string();
    assert!(said.contains("/no_such_setting"), "{said}");
    with(allowing);
    home.json(&install);
}

#[test]
fn a_policy_in_javascript_is_built_fits_and_decides() {
    if !can_build("JavaScript", &[&["node", "--version"], &["npm", "--version"]]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let folder = example(root.path(), "javascript");
    build(&folder, "npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    build(&folder, "npm", &["run", "build"]);
    decides(
        &folder.join("change-window.wasm"),
        "days = []",
        "change-window/closed",
        "from = \"00:00\", to = \"24:00\", days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]",
    );
}

#[test]
fn a_policy_in_python_is_built_fits_and_decides() {
    if !can_build("Python", &[&["python3", "-c", "import venv, ensurepip"]]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let folder = example(root.path(), "python");
    build(&folder, "./build.sh", &[]);
    let component = folder.join("stated-repository.wasm");
    decides(&component, "action = \"deny\"", "stated-repository/repository", "action = \"warn\"");
}
