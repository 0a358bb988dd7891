//! Policies as components.

use std::path::Path;

use ggen_core::hooks::{Hook, Problem};
use ggen_market::plugins::{
    BenchAnswer, BuildAnswer, CheckAnswer, InspectPluginAnswer, InstalledPlugin, ListPluginsAnswer, NewPluginAnswer,
    RemovedPlugin, TestAnswer,
};
use serde_json::Value;

use crate::format::bytes;
use crate::output::Page;

/// `plugin new`.
pub fn plugin_made(page: &mut Page, answer: &NewPluginAnswer) {
    page.good(format!("made {} for {}", answer.path.display(), answer.hook));
    page.line(format!("  what it decides is in {}", answer.path.join("src/lib.rs").display()));
    page.line("  in that folder:");
    let name = &answer.name;
    let rows = [
        ("cargo test", "its own tests, natively".to_owned()),
        ("ggen plugin test", "builds it, and asks the component its cases".to_owned()),
        ("ggen plugin install", format!("with {name}.wasm, so that a configuration can name it")),
    ];
    page.table(4, &rows.map(|(command, does)| vec![command.to_owned(), does]));
}

/// `plugin build`.
pub fn built(page: &mut Page, answer: &BuildAnswer) {
    page.good(format!("built {} {} ({})", answer.name, answer.version, bytes(answer.size)));
    page.line(format!("  {}", answer.path.display()));
    page.line(format!("  digest {}", answer.digest));
    page.aside(format!("  with {}", answer.compiler));
}

/// `plugin check`.
pub fn plugin_checked(page: &mut Page, answer: &CheckAnswer, file: &Path) {
    verdict(page, answer.fits, file, &answer.problems);
    page.line(format!("  serves {}", hooks(&answer.hooks)));
    needs(page, &answer.needs);
}

/// `plugin inspect`.
pub fn plugin(page: &mut Page, answer: &InspectPluginAnswer, file: &Path) {
    let answer = &answer.inspection;
    if let Some(description) = &answer.description {
        page.heading(format!("{} {}", description.name, description.version));
        page.line(&description.summary);
    }
    verdict(page, answer.fits, file, &answer.problems);
    let all = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let row = |key: &str, value: String| vec![key.to_owned(), value];
    page.table(
        2,
        &[
            row("serves", hooks(&answer.hooks)),
            row("imports", all(&answer.imports)),
            row("exports", all(&answer.exports)),
            row("size", bytes(answer.size)),
            row("digest", answer.digest.clone()),
        ],
    );
    needs(page, &answer.needs);
    if let Some(description) = &answer.description {
        page.line("  settings");
        schema(page, &description.settings_schema);
    }
}

/// `plugin list`.
pub fn plugins(page: &mut Page, answer: &ListPluginsAnswer) {
    let rows: Vec<_> = answer
        .plugins
        .iter()
        .map(|plugin| {
            let version = plugin.version.clone().unwrap_or_else(|| "-".to_owned());
            let says = match plugin.problems.first() {
                Some(problem) => format!("✗ {problem}"),
                None => plugin.summary.clone().unwrap_or_default(),
            };
            vec![plugin.name.clone(), version, hooks(&plugin.hooks), plugin.source.to_owned(), says]
        })
        .collect();
    page.table(0, &rows);
}

/// `plugin test`.
pub fn plugin_tested(page: &mut Page, answer: &TestAnswer) {
    for failure in &answer.failed {
        page.bad(&failure.case);
        match &failure.expected {
            Some(expected) => differences(page, expected, &failure.got),
            None => {
                page.line("  it has no expected.json; --bless writes what the policy answers");
                page.line(format!("  + {}", failure.got));
            }
        }
    }
    for case in &answer.blessed {
        page.line(format!("wrote what is expected of {case}"));
    }
    let summary = format!("{} passed, {} failed", answer.passed, answer.failed.len());
    if answer.failed.is_empty() { page.good(summary) } else { page.bad(summary) }
}

/// Two values of JSON, line by line: what both begin and end with is left out.
fn differences(page: &mut Page, expected: &Value, got: &Value) {
    let lines = |value: &Value| -> Vec<String> {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let (expected, got) = (lines(expected), lines(got));
    let first = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let most = expected.len().min(got.len()) - first;
    let last = expected.iter().rev().zip(got.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    for (sign, lines) in [('-', &expected), ('+', &got)] {
        for line in lines.iter().take(lines.len() - last).skip(first) {
            page.line(format!("  {sign} {line}"));
        }
    }
}

/// `plugin bench`.
pub fn benched(page: &mut Page, answer: &BenchAnswer) {
    page.heading(format!("{} {} ({})", answer.policy, answer.version, bytes(answer.size)));
    let row = |key: &str, micros: u64| vec![key.to_owned(), format!("{micros} us")];
    let start = &answer.startup;
    page.table(
        2,
        &[
            row("compiled", start.compile_micros),
            row("loaded from the cache", start.load_micros),
            row("an instance with its settings", start.instance_micros),
        ],
    );
    let rows: Vec<_> = answer
        .runs
        .iter()
        .map(|run| {
            vec![
                format!("{} ({})", run.call, run.subject),
                format!("{:.0} calls/s", run.calls_per_second),
                format!("{} us (99 %: {} us)", run.median_micros, run.p99_micros),
                format!("{} fuel", run.fuel),
                bytes(run.memory),
                run.fault.clone().map(|fault| format!("✗ {fault}")).unwrap_or_default(),
            ]
        })
        .collect();
    page.table(2, &rows);
}

/// `plugin install`.
pub fn plugin_installed(page: &mut Page, answer: &InstalledPlugin) {
    let what = format!("{} {}", answer.name, answer.version);
    match (&answer.replaced, answer.unchanged) {
        (Some(old), _) => {
            page.good(format!("replaced {what}"));
            page.line(format!("  was {old}"));
            page.line(format!("  now {}", answer.digest));
        }
        (None, true) => page.good(format!("{what} is installed already")),
        (None, false) => page.good(format!("installed {what}")),
    }
    page.line(format!("  {}", answer.summary));
    page.line("  to use it, write into config.toml:");
    for line in answer.configuration.lines() {
        page.line(format!("    {line}"));
    }
}

/// `plugin remove`.
pub fn plugin_removed(page: &mut Page, answer: &RemovedPlugin) {
    page.good(format!("removed {}", answer.name));
    if answer.kept {
        page.line("  its bytes stay while decisions in the log name them");
    }
}

fn verdict(page: &mut Page, fits: bool, file: &Path, problems: &[String]) {
    if fits {
        page.good(format!("{} fits: it would run here", file.display()));
    } else {
        page.bad(format!("{} does not fit", file.display()));
    }
    for problem in problems {
        page.line(format!("  {problem}"));
    }
}

fn hooks(hooks: &[Hook]) -> String {
    if hooks.is_empty() {
        return "no hook".to_owned();
    }
    hooks.iter().map(|hook| hook.name()).collect::<Vec<_>>().join(", ")
}

fn needs(page: &mut Page, needs: &[Problem]) {
    for need in needs {
        page.line(format!("  needs settings: {} {}", need.path, need.message));
    }
}

/// The settings that a schema names, each with its description.
fn schema(page: &mut Page, schema: &str) {
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap_or_default();
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    let rows: Vec<_> = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let text = |key: &str| property.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
            let default = property.get("default").map(|value| format!("default {value}")).unwrap_or_default();
            vec![name.clone(), text("type"), default, text("description")]
        })
        .collect();
    if rows.is_empty() {
        page.line("    none");
    }
    page.table(4, &rows);
}
