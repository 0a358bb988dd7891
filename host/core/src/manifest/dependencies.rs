//! The six shapes of `dependencies` that real manifests have.
//!
//! A table of requirements, a table of tables, an array of names, the arrays `required` and `optional` in a table, and
//! mixtures of these. File paths and tables of other ecosystems' crates under a group name are refused with a hint: a
//! dependency that cannot be meant must not be signed.

use semver::VersionReq;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{ManifestError, Source, Warning};
use crate::name::{NameError, PackageName};
use crate::release::{MAX_DEPENDENCIES, MAX_VERSION};

/// A dependency as it was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ManifestDependency {
    /// The package's name.
    pub name: PackageName,
    /// The range.
    pub requirement: VersionReq,
    /// Not installed unasked.
    pub optional: bool,
    /// Whose package is meant: a publisher's id, prefix or alias, as written.
    pub publisher: Option<String>,
}

const SHAPES: &str = "write name = \"^1.0\", or name = { version = \"^1.0\", optional = true }";

/// Reads the value of `dependencies`.
pub(super) fn read(
    source: &Source<'_>,
    own: &PackageName,
    value: &Spanned<DeValue<'_>>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<ManifestDependency>, ManifestError> {
    let mut found: Vec<(ManifestDependency, usize)> = Vec::new();
    match value.get_ref() {
        DeValue::Array(list) => names(source, list, false, &mut found)?,
        DeValue::Table(table) => entries(source, table, &mut found, warnings)?,
        other => {
            let problem = format!("`dependencies` must be a table or an array of names, not a {}", other.type_str());
            return Err(source.refuse("manifest-dependency", value.span().start, problem, SHAPES));
        }
    }
    // The later of two lines is the one too many.
    found.sort_by_key(|(_, offset)| *offset);
    check(source, own, &found)?;
    let mut dependencies: Vec<_> = found.into_iter().map(|(dependency, _)| dependency).collect();
    dependencies.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(dependencies)
}

fn check(source: &Source<'_>, own: &PackageName, found: &[(ManifestDependency, usize)]) -> Result<(), ManifestError> {
    if found.len() > MAX_DEPENDENCIES {
        let problem = format!("{} dependencies are more than the {MAX_DEPENDENCIES} allowed", found.len());
        return Err(source.refuse("manifest-dependency", 0, problem, "split the package"));
    }
    let mut seen = std::collections::BTreeMap::new();
    for (dependency, offset) in found {
        if dependency.name.collision_key() == own.collision_key() {
            let problem = format!("{own} depends on itself");
            return Err(source.refuse("manifest-self", *offset, problem, "take it out of the dependencies"));
        }
        if let Some(before) = seen.insert(dependency.name.collision_key(), &dependency.name) {
            let name = &dependency.name;
            return Err(match before == name {
                true => {
                    let problem = format!("the dependency {name} is declared twice");
                    source.refuse("manifest-twice", *offset, problem, "keep one of the two")
                }
                false => {
                    let problem =
                        format!("the dependencies {before} and {name} are one name: '_' and '-' are the same");
                    source.refuse("manifest-collides", *offset, problem, "keep the one that is its package's name")
                }
            });
        }
    }
    Ok(())
}

fn entries(
    source: &Source<'_>,
    table: &DeTable<'_>,
    found: &mut Vec<(ManifestDependency, usize)>,
    warnings: &mut Vec<Warning>,
) -> Result<(), ManifestError> {
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("required", DeValue::Array(list)) => names(source, list, false, found)?,
            ("optional", DeValue::Array(list)) => names(source, list, true, found)?,
            ("features", DeValue::Array(_)) => {
                let message = "`dependencies.features` is no dependency and is ignored".to_owned();
                warnings.push(Warning { code: "dependency-group", message });
            }
            (name, value_ref) => {
                let dependency = entry(source, name, key.span().start, value_ref, value.span().start)?;
                found.push((dependency, key.span().start));
            }
        }
    }
    Ok(())
}

fn names(
    source: &Source<'_>,
    list: &[Spanned<DeValue<'_>>],
    optional: bool,
    found: &mut Vec<(ManifestDependency, usize)>,
) -> Result<(), ManifestError> {
    for item in list {
        let offset = item.span().start;
        let Some(text) = item.get_ref().as_str() else {
            let problem = format!("a dependency must be a name, not a {}", item.get_ref().type_str());
            return Err(source.refuse("manifest-dependency", offset, problem, SHAPES));
        };
        let (name, range) = text.split_once('@').unwrap_or((text, "*"));
        let requirement = requirement(source, name, range, offset)?;
        found.push((
            ManifestDependency { name: parse_name(source, name, offset)?, requirement, optional, publisher: None },
            offset,
        ));
    }
    Ok(())
}

fn entry(
    source: &Source<'_>,
    name: &str,
    name_at: usize,
    value: &DeValue<'_>,
    value_at: usize,
) -> Result<ManifestDependency, ManifestError> {
    match value {
        DeValue::String(range) => Ok(ManifestDependency {
            name: parse_name(source, name, name_at)?,
            requirement: requirement(source, name, range, value_at)?,
            optional: false,
            publisher: None,
        }),
        DeValue::Table(table) => detailed(source, name, name_at, table),
        other => {
            let problem = format!("the dependency {name} must be a requirement, not a {}", other.type_str());
            Err(source.refuse("manifest-dependency", value_at, problem, SHAPES))
        }
    }
}

fn detailed(
    source: &Source<'_>,
    name: &str,
    at: usize,
    table: &DeTable<'_>,
) -> Result<ManifestDependency, ManifestError> {
    let written = table.get("version").or_else(|| table.get("version_req"));
    let (range, range_at) = match written {
        Some(value) => match value.get_ref().as_str() {
            Some(range) => (range, value.span().start),
            None => {
                let problem = format!("the version of {name} must be text");
                return Err(source.refuse("manifest-dependency", value.span().start, problem, SHAPES));
            }
        },
        None if looks_like_a_group(table) => {
            let problem = format!("[dependencies.{name}] is a group of other names, not a package");
            let hint =
                "packages of other ecosystems belong into a table of their own, such as [crates]; ".to_owned() + SHAPES;
            return Err(source.refuse("manifest-dependency", at, problem, hint));
        }
        None => ("*", at),
    };
    let optional = table.get("optional").and_then(|v| v.get_ref().as_bool()).unwrap_or(false);
    let publisher = table.get("publisher").and_then(|v| v.get_ref().as_str()).map(str::to_owned);
    Ok(ManifestDependency {
        name: parse_name(source, name, at)?,
        requirement: requirement(source, name, range, range_at)?,
        optional,
        publisher,
    })
}

/// A table of names with requirements of their own, as in `[dependencies.rust] tokio = "1"`.
fn looks_like_a_group(table: &DeTable<'_>) -> bool {
    const KNOWN: [&str; 8] =
        ["optional", "publisher", "features", "path", "git", "registry", "default-features", "source"];
    table.keys().any(|key| !KNOWN.contains(&key.get_ref().as_ref()))
}

fn parse_name(source: &Source<'_>, name: &str, offset: usize) -> Result<PackageName, ManifestError> {
    name.parse().map_err(|e: NameError| {
        let hint = e.suggestion.as_ref().map_or(SHAPES.to_owned(), |near| format!("did you mean \"{near}\"?"));
        source.refuse("manifest-dependency", offset, e.to_string(), hint)
    })
}

/// Reads the requirement `range`, which is the end of the text whose value begins at `offset`.
fn requirement(source: &Source<'_>, name: &str, range: &str, offset: usize) -> Result<VersionReq, ManifestError> {
    if range.contains('/') || range.contains('\\') {
        let shown: String = range.trim().chars().take(80).collect();
        let problem = format!("{shown:?} is a path where the version of {name} belongs");
        let hint = format!(
            "files of the package itself need no entry: take the line out, or move it into [files]; else {SHAPES}"
        );
        return Err(source.refuse("manifest-dependency", offset, problem, hint));
    }
    if range.len() > MAX_VERSION {
        let problem = format!("the requirement on {name} is longer than {MAX_VERSION} characters");
        return Err(source.refuse("manifest-too-long", offset, problem, SHAPES));
    }
    parse_requirement(range).map_err(|e| {
        let before = range.chars().take(e.at).map(char::len_utf8).sum();
        let problem = format!("the requirement on {name} is not valid: {}", e.problem);
        source.refuse("manifest-requirement", source.within(offset, range, before), problem, SHAPES)
    })
}

/// Reads a requirement in the syntax of Cargo; `latest` and an empty one mean any version.
pub fn parse_requirement(text: &str) -> Result<VersionReq, RequirementError> {
    let refuse =
        |at, problem: String| Err(RequirementError { text: text.chars().take(MAX_VERSION).collect(), at, problem });
    if text.len() > MAX_VERSION {
        let fits = text.char_indices().take_while(|(start, c)| start + c.len_utf8() <= MAX_VERSION).count();
        return refuse(fits, format!("it is longer than {MAX_VERSION} characters"));
    }
    match text.trim() {
        "" | "latest" => Ok(VersionReq::STAR),
        range => VersionReq::parse(range).or_else(|e| {
            let blank = text.chars().take_while(|c| c.is_whitespace()).count();
            refuse(blank + first_wrong(range), e.to_string())
        }),
    }
}

/// How many characters of `range` some requirement begins with: the next one is the first that is wrong. Whatever can
/// go on at all goes on with one of four ends. Quadratic in a text that has at most [`MAX_VERSION`] bytes.
fn first_wrong(range: &str) -> usize {
    let goes_on =
        |begin: &str| ["", "0", "a", "*"].iter().any(|end| VersionReq::parse(&format!("{begin}{end}")).is_ok());
    let begins = range.char_indices().map(|(start, c)| range.get(..start + c.len_utf8()).unwrap_or(range));
    begins.take_while(|begin| goes_on(begin)).count()
}

/// A requirement that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {problem}")]
pub struct RequirementError {
    /// What was written, shortened to the characters that a requirement may have.
    pub text: String,
    /// How many characters come before the first that is wrong; all of them if something is missing at the end.
    pub at: usize,
    /// What is wrong with it, as a clause.
    pub problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_refused_at_its_first_wrong_character() {
        let cases = [
            ("not a range", 0),
            (">=1.2, <x", 8),
            ("^1.2.z", 5),
            ("1.0-beta", 3),
            ("1.2.3-beta..1", 11),
            ("1.2.3-a_b", 7),
            ("1.02", 3),
            (" \t^1,, 2", 5),
            ("1 2", 2),
            ("*, 1", 1),
            ("1, *", 3),
            ("1.*.3", 4),
            ("1.é", 2),
            ("18446744073709551616", 19),
            ("é", 0),
            // Nothing that is there is wrong; something is missing after it.
            (">=", 2),
            ("^1.", 3),
            ("1.2.3-", 6),
            ("1,", 2),
            ("1.2.3-01", 8),
        ];
        for (text, at) in cases {
            let error = parse_requirement(text).unwrap_err();
            assert_eq!((error.at, error.text.as_str()), (at, text), "{error}");
        }
    }

    #[test]
    fn long_requirements_are_refused_before_they_are_read() {
        let longest = format!(">={}", " ".repeat(MAX_VERSION - 3)) + "1";
        assert!(parse_requirement(&longest).is_ok());
        let error = parse_requirement(&format!("{longest}2")).unwrap_err();
        assert_eq!((error.at, error.text), (MAX_VERSION, longest));
        let error = parse_requirement(&"é".repeat(1 << 20)).unwrap_err();
        assert_eq!((error.at, error.text.chars().count()), (MAX_VERSION / 2, MAX_VERSION));
    }
}
