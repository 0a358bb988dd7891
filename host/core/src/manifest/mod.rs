//! Manifests: what an author says about a package, in the shapes that the ecosystem uses.
//!
//! Reads `package.toml` (and `gpack.toml`, `pack.toml`) from text. Decides what is valid; what is not is refused with its
//! line and a hint, what is unknown is kept in the package and ignored here.

mod dependencies;
mod source;

use semver::Version;
use toml::de::{DeTable, DeValue};

use self::source::Source;
use crate::name::{NameError, PackageName};
use crate::release::{MAX_CLAIM, MAX_VERSION};

pub use dependencies::{ManifestDependency, RequirementError, parse_requirement};
pub use source::{ManifestError, Place, Warning};

/// File names of manifests, in the order in which they are looked for.
pub const MANIFEST_NAMES: [&str; 3] = ["package.toml", "gpack.toml", "pack.toml"];

/// A manifest that can be published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// The package's name, normalized.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// A valid SPDX expression, if one was given.
    pub license: Option<String>,
    /// As a release signs them: sorted pairs.
    pub claims: Vec<(String, String)>,
    /// What it needs.
    pub dependencies: Vec<ManifestDependency>,
    /// What was understood but looks wrong.
    pub warnings: Vec<Warning>,
}

impl Manifest {
    /// Reads the text of a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let source = Source { text };
        let document = DeTable::parse(text).map_err(|e| {
            let offset = e.span().map_or(0, |s| s.start);
            let hint = "mend the TOML at this place; https://toml.io/en/v1.0.0 describes it";
            source.refuse("manifest-syntax", offset, format!("the file is not valid TOML: {}", e.message()), hint)
        })?;
        let document = document.get_ref();
        let Some((package, at)) = table(document, "package").or_else(|| table(document, "pack")) else {
            let hint = "begin it with [package], name = \"…\" and version = \"1.0.0\"";
            return Err(source.refuse("manifest-field", 0, "there is no [package] table".to_owned(), hint));
        };
        let mut warnings = Vec::new();
        let name = name(&source, package, at)?;
        let version = version(&source, package, at)?;
        let license = license(&source, package, &mut warnings)?;
        let claims = claims(&source, package, license.as_deref())?;
        let declared = document.get("dependencies").or_else(|| package.get("dependencies"));
        let dependencies = match declared {
            Some(value) => dependencies::read(&source, &name, value, &mut warnings)?,
            None => Vec::new(),
        };
        let spdx = license.filter(|l| spdx::Expression::parse(l).is_ok());
        Ok(Self { name, version, license: spdx, claims, dependencies, warnings })
    }
}

fn table<'a>(document: &'a DeTable<'a>, key: &str) -> Option<(&'a DeTable<'a>, usize)> {
    let value = document.get(key)?;
    Some((value.get_ref().as_table()?, value.span().start))
}

/// A field that must be text if it is there.
fn text<'a>(
    source: &Source<'_>,
    package: &'a DeTable<'a>,
    key: &str,
) -> Result<Option<(&'a str, usize)>, ManifestError> {
    let Some(value) = package.get(key) else { return Ok(None) };
    match value.get_ref().as_str() {
        Some(text) => Ok(Some((text, value.span().start))),
        None => {
            let problem = format!("`{key}` must be text, not a {}", value.get_ref().type_str());
            Err(source.refuse("manifest-field", value.span().start, problem, format!("write {key} = \"…\"")))
        }
    }
}

fn name(source: &Source<'_>, package: &DeTable<'_>, at: usize) -> Result<PackageName, ManifestError> {
    let Some((written, offset)) = text(source, package, "name")? else {
        let hint = "add name = \"…\": lower-case letters, digits, '-', '_' and '.'";
        return Err(source.refuse("manifest-name", at, "the package has no name".to_owned(), hint));
    };
    written.parse().map_err(|e: NameError| {
        let hint = match &e.suggestion {
            Some(near) => format!("write name = \"{near}\"; a title for people belongs into `description`"),
            None => "use 1 to 100 lower-case letters, digits, '-', '_' and '.'".to_owned(),
        };
        source.refuse("manifest-name", offset, e.to_string(), hint)
    })
}

fn version(source: &Source<'_>, package: &DeTable<'_>, at: usize) -> Result<Version, ManifestError> {
    let Some((written, offset)) = text(source, package, "version")? else {
        let hint = "add version = \"1.0.0\"";
        return Err(source.refuse("manifest-version", at, "the package has no version".to_owned(), hint));
    };
    let hint = "a version has three numbers, as in \"1.2.0\" or \"1.2.0-beta.1\" (https://semver.org)";
    if written.len() > MAX_VERSION {
        let problem = format!("the version is longer than {MAX_VERSION} characters");
        return Err(source.refuse("manifest-too-long", offset, problem, hint));
    }
    Version::parse(written)
        .map_err(|e| source.refuse("manifest-version", offset, format!("{written:?} is not a version: {e}"), hint))
}

fn license(
    source: &Source<'_>,
    package: &DeTable<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<String>, ManifestError> {
    let Some((written, _)) = text(source, package, "license")? else {
        let message = "no licence is named: nobody can tell whether it may be used".to_owned();
        warnings.push(Warning { code: "license-missing", message });
        return Ok(None);
    };
    if spdx::Expression::parse(written).is_err() {
        let shown: String = written.chars().take(60).collect();
        let message = format!("the licence {shown:?} is no SPDX expression: it is published as a claim only");
        warnings.push(Warning { code: "license-not-spdx", message });
    }
    Ok(Some(written.to_owned()))
}

fn claims(
    source: &Source<'_>,
    package: &DeTable<'_>,
    license: Option<&str>,
) -> Result<Vec<(String, String)>, ManifestError> {
    let mut claims = Vec::new();
    for key in ["description", "category", "repository", "homepage"] {
        if let Some((value, offset)) = text(source, package, key)? {
            claims.push((key.to_owned(), claim(source, key, value, offset)?));
        }
    }
    for (key, fields) in
        [("keyword", ["keywords", "tags"]), ("author", ["authors", "author"]), ("category", ["categories", ""])]
    {
        for field in fields {
            let Some(value) = package.get(field) else { continue };
            for word in words(value.get_ref(), field) {
                claims.push((key.to_owned(), claim(source, field, word, value.span().start)?));
            }
        }
    }
    if let Some(license) = license.filter(|l| spdx::Expression::parse(l).is_err()) {
        claims.push(("license".to_owned(), claim(source, "license", license, 0)?));
    }
    claims.sort();
    claims.dedup();
    if claims.len() > crate::release::MAX_CLAIMS {
        let problem = format!("{} keywords, tags and authors are too many", claims.len());
        return Err(source.refuse("manifest-field", 0, problem, "name at most 256 of them"));
    }
    Ok(claims)
}

fn claim(source: &Source<'_>, key: &str, value: &str, offset: usize) -> Result<String, ManifestError> {
    if value.len() > MAX_CLAIM {
        let problem = format!("`{key}` is longer than {MAX_CLAIM} bytes");
        return Err(source.refuse("manifest-field", offset, problem, "shorten it; long texts belong into README.md"));
    }
    Ok(value.trim().to_owned())
}

/// Words of a list, of a single text, or of a table that has the list under the field's own name
/// (`[package.keywords] keywords = […]` is common).
fn words<'a>(value: &'a DeValue<'a>, field: &str) -> Vec<&'a str> {
    let value = match value.as_table() {
        Some(table) => match table.get(field) {
            Some(inner) => inner.get_ref(),
            None => return Vec::new(),
        },
        None => value,
    };
    match (value.as_array(), value.as_str()) {
        (Some(list), _) => list.iter().filter_map(|v| v.get_ref().as_str()).collect(),
        (None, Some(one)) => vec![one],
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
