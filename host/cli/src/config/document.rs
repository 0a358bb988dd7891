//! A TOML file with the places of everything in it.
//!
//! Decides how a mistake is told: with file, line and the nearest setting there is. Knows no setting itself.
//! Invariant: a file is read up to its bound and not further.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Fault};

/// A file that was read.
#[derive(Debug)]
pub struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// The file at `path`, of at most `most` bytes; none where there is none.
    pub fn read(path: &Path, most: u64) -> Result<Option<Self>, ConfigError> {
        let failed = |source| ConfigError::Read { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
            return Err(ConfigError::TooLong { path: path.to_owned(), limit: most });
        }
        let text = String::from_utf8(bytes).map_err(|e| failed(io::Error::new(io::ErrorKind::InvalidData, e)))?;
        Ok(Some(Self { path: path.to_owned(), text }))
    }

    #[cfg(test)]
    pub fn of(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.to_owned() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its outermost table.
    pub fn table(&self) -> Result<DeTable<'_>, ConfigError> {
        match DeTable::parse(&self.text) {
            Ok(table) => Ok(table.into_inner()),
            Err(error) => {
                let at = error.span().unwrap_or(0..0);
                let problem = format!("this is no TOML: {}", error.message());
                Err(self.mistake(Fault::Syntax, at, problem, "mend it here; https://toml.io describes TOML".to_owned()))
            }
        }
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or(&self.text).matches('\n').count() + 1
    }

    /// A mistake at a place.
    pub fn mistake(&self, fault: Fault, at: Range<usize>, problem: String, hint: String) -> ConfigError {
        let before = self.text.get(..at.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let line = self.line(at.start);
        ConfigError::File { path: self.path.clone(), line, column, fault, problem, hint }
    }

    /// A value that its setting cannot have.
    pub fn wrong(&self, at: Range<usize>, problem: String, hint: impl Into<String>) -> ConfigError {
        self.mistake(Fault::Value, at, problem, hint.into())
    }

    /// Refuses the first key of `table` that is none of `known`. `place` is `[network]` or the like.
    pub fn only(&self, table: &DeTable<'_>, place: &str, known: &[&str]) -> Result<(), ConfigError> {
        let unknown = table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        let Some(key) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
        let written: String = key.get_ref().chars().take(80).collect();
        let problem = format!("there is no setting `{written}` {place}");
        Err(self.mistake(Fault::Unknown, key.span(), problem, nearest(&written, known)))
    }

    /// The table under `key`; none where there is none.
    pub fn sub<'t, 'i>(&self, table: &'t DeTable<'i>, key: &str) -> Result<Option<&'t DeTable<'i>>, ConfigError> {
        let Some(value) = table.get(key) else { return Ok(None) };
        match value.get_ref().as_table() {
            Some(table) => Ok(Some(table)),
            None => {
                let problem = format!("`{key}` is {}, and must be a table", kind(value.get_ref()));
                Err(self.wrong(value.span(), problem, format!("begin it with [{key}]")))
            }
        }
    }

    /// The value of `key`; none where there is none. `form` says how it is written.
    pub fn value<T: DeserializeOwned>(
        &self,
        table: &DeTable<'_>,
        key: &str,
        form: &str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = table.get(key) else { return Ok(None) };
        self.take(value, key, form).map(Some)
    }

    /// A value as a type.
    pub fn take<T: DeserializeOwned>(
        &self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        form: &str,
    ) -> Result<T, ConfigError> {
        T::deserialize(value.clone().into_deserializer()).map_err(|error: toml::de::Error| {
            let at = error.span().unwrap_or_else(|| value.span());
            self.wrong(at, format!("`{key}` cannot have this value: {}", error.message()), form)
        })
    }
}

/// The nearest of what there is, or all of it.
pub fn nearest(written: &str, known: &[&str]) -> String {
    let near = known.iter().map(|name| (strsim::damerau_levenshtein(name, written), *name)).min();
    match near {
        Some((distance, name)) if distance <= 2.max(written.chars().count() / 3) => format!("did you mean `{name}`?"),
        _ => format!("there are {}", known.join(", ")),
    }
}

fn kind(value: &DeValue<'_>) -> String {
    let name = value.type_str();
    let article = if name.starts_with(['a', 'i', 'e', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}
