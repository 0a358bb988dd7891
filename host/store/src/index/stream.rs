//! Reading `index.json` one package at a time.
//!
//! Decides whether the file has the form of an index; never what an entry is worth. Invariant: memory is that of one
//! package's entry, which is bounded, however long the file is.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

/// The most bytes of one package's entry.
const MAX_ENTRY: u64 = 8 * 1024 * 1024;

/// A package, as an index lists it.
#[derive(Deserialize, Debug)]
pub(crate) struct PackageEntry {
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
    #[serde(default)]
    pub(crate) categories: Vec<String>,
    #[serde(default)]
    pub(crate) authors: Vec<String>,
    #[serde(default)]
    pub(crate) versions: Vec<VersionEntry>,
}

/// A version, as an index lists it.
#[derive(Deserialize, Debug)]
pub(crate) struct VersionEntry {
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) publisher: Option<String>,
    #[serde(default)]
    pub(crate) digest: Option<String>,
    #[serde(default)]
    pub(crate) size_bytes: Option<u64>,
    #[serde(default)]
    pub(crate) dependencies: Vec<DependencyEntry>,
    #[serde(default)]
    pub(crate) yanked: bool,
    #[serde(default)]
    pub(crate) release: Option<String>,
}

/// A dependency, as an index lists it.
#[derive(Deserialize, Debug)]
pub(crate) struct DependencyEntry {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version_req: Option<String>,
    #[serde(default)]
    pub(crate) optional: bool,
    #[serde(default)]
    pub(crate) publisher: Option<String>,
}

/// Hands each package on to `each`; stops when that fails.
pub(crate) fn read<E>(
    reader: impl Read,
    each: &mut dyn FnMut(String, PackageEntry) -> Result<(), E>,
) -> Result<Result<(), E>, String> {
    let budget = Rc::new(Cell::new(MAX_ENTRY));
    let reader = io::BufReader::with_capacity(64 * 1024, Budgeted { reader, budget: Rc::clone(&budget) });
    let mut failed = None;
    let mut json = serde_json::Deserializer::from_reader(reader);
    let index = Index { budget, each, failed: &mut failed };
    let parsed = index.deserialize(&mut json).and_then(|()| json.end());
    match (failed, parsed) {
        (Some(error), _) => Ok(Err(error)),
        (None, Ok(())) => Ok(Ok(())),
        (None, Err(error)) => Err(error.to_string()),
    }
}

/// A reader that gives out only so much before somebody says that it was worth it.
struct Budgeted<R> {
    reader: R,
    budget: Rc<Cell<u64>>,
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        match self.budget.get().checked_sub(count as u64) {
            Some(left) => self.budget.set(left),
            None => return Err(io::Error::other("an entry is longer than an index may have")),
        }
        Ok(count)
    }
}

struct Index<'a, E> {
    budget: Rc<Cell<u64>>,
    each: &'a mut dyn FnMut(String, PackageEntry) -> Result<(), E>,
    failed: &'a mut Option<E>,
}

impl<'de, E> DeserializeSeed<'de> for Index<'_, E> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, E> Visitor<'de> for Index<'_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"version\" and \"packages\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        use serde::de::Error;
        let Self { budget, each, failed } = self;
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "version" => {
                    let version: String = map.next_value()?;
                    if version != "1" && !version.starts_with("1.") {
                        let shown: String = version.chars().take(40).collect();
                        return Err(A::Error::custom(format!("its version is {shown:?}, this program knows 1")));
                    }
                }
                "packages" => {
                    found = true;
                    map.next_value_seed(Packages { budget: &budget, each: &mut *each, failed: &mut *failed })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if found { Ok(()) } else { Err(A::Error::missing_field("packages")) }
    }
}

struct Packages<'a, E> {
    budget: &'a Cell<u64>,
    each: &'a mut dyn FnMut(String, PackageEntry) -> Result<(), E>,
    failed: &'a mut Option<E>,
}

impl<'de, E> DeserializeSeed<'de> for Packages<'_, E> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, E> Visitor<'de> for Packages<'_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of packages by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        use serde::de::Error;
        while let Some((name, entry)) = map.next_entry::<String, PackageEntry>()? {
            self.budget.set(MAX_ENTRY);
            if let Err(error) = (self.each)(name, entry) {
                *self.failed = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        let result: Result<(), ()> = read(text.as_bytes(), &mut |name, entry| {
            names.push(format!("{name}:{}", entry.versions.len()));
            Ok(())
        })?;
        result.unwrap();
        Ok(names)
    }

    #[test]
    fn an_index_is_read_and_nothing_else() {
        let good = r#"{"version":"1","updated_at":"x","packages":{"a":{"versions":[{"version":"1.0.0"}]},"b":{}}}"#;
        assert_eq!(names(good).unwrap(), ["a:1", "b:0"]);
        for bad in
            ["", "[]", "{}", r#"{"version":"2","packages":{}}"#, r#"{"packages":[]}"#, &good[..60], &format!("{good}x")]
        {
            assert!(names(bad).is_err(), "{bad}");
        }
    }
}
