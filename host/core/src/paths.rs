//! Which paths a package may have inside its archive.
//!
//! Decides; never touches a disk. Invariant: an [`ArchivePath`] joined to a directory stays beneath it, on every
//! system, and two paths of one checked list never name one file on any of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The longest path, in bytes: ustar's `prefix` and `name`.
pub const MAX_PATH: usize = 255;
/// The longest component, in bytes: ustar's `name`.
pub const MAX_COMPONENT: usize = 100;
/// The most components.
pub const MAX_DEPTH: usize = 32;

/// A relative path with `/` between its components, in UTF-8 NFC, that is safe to create anywhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct ArchivePath(String);

/// Why a path is refused. The code is stable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path {path:?} {problem}")]
pub struct PathError {
    /// `path-traversal`, `path-absolute`, …
    pub code: &'static str,
    /// The path, escaped and shortened.
    pub path: String,
    /// What is wrong, as a predicate.
    pub problem: &'static str,
}

impl ArchivePath {
    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, PathError> {
        match problem(text) {
            None => Ok(Self(text.to_owned())),
            Some((code, problem)) => Err(PathError { code, path: text.chars().take(300).collect(), problem }),
        }
    }

    /// As written in the archive.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Paths with one key would be one file on a system that folds case or normalizes names.
    pub fn collision_key(&self) -> String {
        self.0.nfkc().flat_map(char::to_lowercase).nfkc().collect()
    }
}

fn problem(text: &str) -> Option<(&'static str, &'static str)> {
    if text.is_empty() {
        return Some(("path-empty", "is empty"));
    }
    if text.len() > MAX_PATH {
        return Some(("path-too-long", "is longer than 255 bytes"));
    }
    if text.starts_with('/') {
        return Some(("path-absolute", "is absolute"));
    }
    if text.contains('\\') {
        return Some(("path-backslash", "has a backslash"));
    }
    if text.get(1..2) == Some(":") {
        return Some(("path-drive", "begins with a drive letter"));
    }
    if !is_nfc(text) {
        return Some(("path-not-nfc", "is not in Unicode normalization form C"));
    }
    let components: Vec<&str> = text.split('/').collect();
    if components.len() > MAX_DEPTH {
        return Some(("path-too-deep", "has more than 32 components"));
    }
    components.into_iter().find_map(component_problem)
}

fn component_problem(part: &str) -> Option<(&'static str, &'static str)> {
    if part == ".." {
        return Some(("path-traversal", "leaves its directory by '..'"));
    }
    if part.is_empty() || part == "." {
        return Some(("path-not-normal", "has an empty or '.' component"));
    }
    if part.len() > MAX_COMPONENT {
        return Some(("path-too-long", "has a component of more than 100 bytes"));
    }
    if part.ends_with('.') || part.ends_with(' ') {
        return Some(("path-reserved", "has a component that ends with a dot or a space"));
    }
    if part.chars().any(|c| c.is_control() || "<>:\"|?*".contains(c)) {
        return Some(("path-character", "has a character that some systems refuse"));
    }
    if is_reserved(part) {
        return Some(("path-reserved", "has a name that is reserved on some systems"));
    }
    None
}

/// Device names of Windows, with any extension.
pub fn is_reserved(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or_default().trim_end();
    let upper = stem.to_uppercase();
    matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || (upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT")))
            .is_some_and(|n| matches!(n, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"))
}

/// Finds two paths of a list that would collide somewhere, directories included.
#[derive(Debug, Default)]
pub struct Collisions {
    seen: BTreeMap<String, (String, bool)>,
}

impl Collisions {
    /// Takes one more file; errs where it is there already, under this or a colliding name, or where a file stands in
    /// the place of one of its directories. Memory: one entry a file and directory; callers bound the number of files.
    pub fn add_file(&mut self, path: &ArchivePath) -> Result<(), PathError> {
        let text = path.as_str();
        for (at, _) in text.match_indices('/') {
            if let Some(parent) = text.get(..at) {
                self.add(parent, true)?;
            }
        }
        self.add(text, false)
    }

    /// Takes a directory that stands for itself.
    pub fn add_directory(&mut self, path: &ArchivePath) -> Result<(), PathError> {
        for (at, _) in path.as_str().match_indices('/') {
            if let Some(parent) = path.as_str().get(..at) {
                self.add(parent, true)?;
            }
        }
        self.add(path.as_str(), true)
    }

    fn add(&mut self, text: &str, directory: bool) -> Result<(), PathError> {
        let key = ArchivePath(text.to_owned()).collision_key();
        let refuse = |code, problem| Err(PathError { code, path: text.to_owned(), problem });
        match self.seen.get(&key) {
            None => {
                self.seen.insert(key, (text.to_owned(), directory));
                Ok(())
            }
            Some((other, true)) if directory && other == text => Ok(()),
            Some((other, _)) if other == text => refuse("path-duplicate", "is there twice"),
            Some(_) => refuse("path-collision", "differs from another only by case or normalization"),
        }
    }
}

impl fmt::Display for ArchivePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ArchivePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_code() {
        let cases = [
            ("", "path-empty"),
            ("../x", "path-traversal"),
            ("a/../../x", "path-traversal"),
            ("/etc/passwd", "path-absolute"),
            ("C:/x", "path-drive"),
            ("a\\b", "path-backslash"),
            ("a//b", "path-not-normal"),
            ("./a", "path-not-normal"),
            ("a/", "path-not-normal"),
            ("e\u{301}", "path-not-nfc"),
            ("CON", "path-reserved"),
            ("a/nul.txt", "path-reserved"),
            ("a./b", "path-reserved"),
            ("a\u{0}b", "path-character"),
            ("a\nb", "path-character"),
        ];
        for (path, code) in cases {
            assert_eq!(ArchivePath::new(path).unwrap_err().code, code, "{path:?}");
        }
        assert_eq!(ArchivePath::new(&"x".repeat(101)).unwrap_err().code, "path-too-long");
        assert_eq!(ArchivePath::new("x/".repeat(40).trim_end_matches('/')).unwrap_err().code, "path-too-deep");
        assert!(ArchivePath::new("templates/überschrift.tmpl").is_ok());
    }

    #[test]
    fn collisions_are_found() {
        let path = |p| ArchivePath::new(p).unwrap();
        let mut list = Collisions::default();
        list.add_file(&path("a/b.txt")).unwrap();
        list.add_file(&path("a/c.txt")).unwrap();
        assert_eq!(list.add_file(&path("a/b.txt")).unwrap_err().code, "path-duplicate");
        assert_eq!(list.add_file(&path("A/d.txt")).unwrap_err().code, "path-collision");
        assert_eq!(list.add_file(&path("a")).unwrap_err().code, "path-duplicate");
        assert_eq!(list.add_file(&path("a/b.txt/x")).unwrap_err().code, "path-duplicate");
    }
}
