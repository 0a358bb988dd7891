//! `[policy]`: links of the hooks' chains, and labels.
//!
//! Decides how a link is written; whether its policy is there, and what its settings mean, is seen when it is asked.

use std::collections::BTreeMap;

use ggen_core::Digest;
use ggen_core::hooks::Hook;
use ggen_policy::{LinkConfig, LinkSource, LinkTable};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, nearest};
use super::error::ConfigError;

/// Keys of one `[[policy.HOOK]]`.
const LINK: [&str; 6] = ["use", "digest", "mode", "settings", "locked", "allow_missing"];
/// Settings whose lines are remembered.
const MAX_PLACES: usize = 1000;
/// The longest value of a label, in bytes.
const MAX_LABEL: usize = 256;
/// The most labels.
const MAX_LABELS: usize = 64;

/// What a `[policy]` says.
#[derive(Debug, Default)]
pub struct Policies {
    /// All links, hook by hook, in order.
    pub links: Vec<LinkConfig>,
    /// The operator's words.
    pub labels: BTreeMap<String, String>,
}

/// Reads `[policy]` of a file.
pub fn read(document: &Document, root: &DeTable<'_>, from: &LinkSource) -> Result<Policies, ConfigError> {
    let mut policies = Policies::default();
    let Some(table) = document.sub(root, "policy")? else { return Ok(policies) };
    let mut known: Vec<&str> = Hook::ALL.iter().map(|hook| hook.name()).collect();
    known.push("labels");
    document.only(table, "in [policy]", &known)?;
    if let Some(found) = document.sub(table, "labels")? {
        policies.labels = labels(document, found)?;
    }
    for hook in Hook::ALL {
        let Some(value) = table.get(hook.name()) else { continue };
        let form = format!("begin each with [[policy.{hook}]]");
        let Some(chain) = value.get_ref().as_array() else {
            return Err(document.wrong(value.span(), format!("`policy.{hook}` must be a list of tables"), form));
        };
        for entry in chain.iter() {
            policies.links.push(link(document, entry, hook, from.clone(), &form)?);
        }
    }
    Ok(policies)
}

fn link(
    document: &Document,
    entry: &Spanned<DeValue<'_>>,
    hook: Hook,
    from: LinkSource,
    form: &str,
) -> Result<LinkConfig, ConfigError> {
    let Some(table) = entry.get_ref().as_table() else {
        return Err(document.wrong(entry.span(), format!("`policy.{hook}` must be a list of tables"), form));
    };
    document.only(table, &format!("in [[policy.{hook}]]"), &LINK)?;
    let Some(named) = table.get("use") else {
        let problem = format!("this [[policy.{hook}]] does not say which policy it is");
        return Err(document.wrong(
            entry.span(),
            problem,
            "add use = \"signed-releases\", say, or the path of a component",
        ));
    };
    if named.get_ref().as_str().is_some_and(|name| name.trim().is_empty()) {
        return Err(document.wrong(named.span(), "`use` is empty".to_owned(), "name a policy, or a component's path"));
    }
    if let Some((digest, value)) = table.get("digest").and_then(|value| Some((value.get_ref().as_str()?, value)))
        && let Err(error) = digest.parse::<Digest>()
    {
        return Err(document.wrong(
            value.span(),
            error.to_string(),
            "`ggen plugin inspect FILE` tells a component's digest",
        ));
    }
    if let Some(mode) = table.get("mode")
        && let Some(written) = mode.get_ref().as_str().filter(|w| !["enforce", "shadow", "off"].contains(w))
    {
        let written: String = written.chars().take(40).collect();
        let problem = format!("`mode` cannot be {written:?}");
        return Err(document.wrong(mode.span(), problem, nearest(&written, &["enforce", "shadow", "off"])));
    }
    if let Some(settings) = table.get("settings").filter(|value| !value.get_ref().is_table()) {
        return Err(document.wrong(settings.span(), "`settings` must be a table".to_owned(), "write settings = { … }"));
    }
    let written: LinkTable = document.take(entry, &format!("policy.{hook}"), form)?;
    let mut link = written.into_link(hook, from);
    link.written.line = Some(document.line(entry.span().start));
    if let Some(settings) = table.get("settings") {
        places(document, settings, "", &mut link.written.settings);
    }
    Ok(link)
}

/// The lines of settings, so that a policy's word about one can be told with its place.
fn places(document: &Document, value: &Spanned<DeValue<'_>>, pointer: &str, lines: &mut BTreeMap<String, usize>) {
    if lines.len() >= MAX_PLACES {
        return;
    }
    lines.insert(pointer.to_owned(), document.line(value.span().start));
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, value) in table.iter() {
                let pointer = format!("{pointer}/{}", key.get_ref().replace('~', "~0").replace('/', "~1"));
                places(document, value, &pointer, lines);
                lines.insert(pointer, document.line(key.span().start));
            }
        }
        DeValue::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                places(document, value, &format!("{pointer}/{index}"), lines);
            }
        }
        _ => {}
    }
}

fn labels(document: &Document, table: &DeTable<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut labels = BTreeMap::new();
    for (key, value) in table.iter() {
        let name = key.get_ref().as_ref();
        let word: String = document.take(value, name, "write a label as text: name = \"value\"")?;
        if let Some(problem) = label_problem(name, &word) {
            return Err(document.wrong(key.span(), problem, "write a label as text: name = \"value\""));
        }
        labels.insert(name.to_owned(), word);
    }
    if labels.len() > MAX_LABELS {
        let at = table.keys().next().map_or(0..0, Spanned::span);
        let problem = format!("{} labels are more than the {MAX_LABELS} that there may be", labels.len());
        return Err(document.wrong(at, problem, "take some out"));
    }
    Ok(labels)
}

/// What is wrong with a label.
pub fn label_problem(key: &str, word: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if key.is_empty() || key.len() > 64 || !key.bytes().all(fits) {
        let shown: String = key.chars().take(80).collect();
        return Some(format!("{shown:?} cannot be a label: 1 to 64 of a-z, 0-9 and '-'"));
    }
    let long = word.len() > MAX_LABEL;
    long.then(|| format!("the label {key} is longer than {MAX_LABEL} bytes"))
}
