//! Policies as components.

use std::path::Path;

use ggen_core::hooks::{Hook, Problem};
use ggen_market::plugins::{BuildAnswer, CheckAnswer, InspectPluginAnswer, ListPluginsAnswer};

use crate::output::{Page, bytes};

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
            vec![name.clone(), text("type"), text("description")]
        })
        .collect();
    if rows.is_empty() {
        page.line("    none");
    }
    page.table(4, &rows);
}
