//! The text of a manifest, and how a mistake in it is told: with its place, and what to write instead.

/// Something that a publisher should know, and that stops nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// `license-not-spdx`, `dependency-group`, …
    pub code: &'static str,
    /// One sentence.
    pub message: String,
}

/// A place in a manifest, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl Place {
    /// The place of the byte at `offset` of `text`.
    pub fn at(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ManifestError {
    /// `manifest-syntax`, `manifest-name`, `manifest-version`, `manifest-field`, and of dependencies
    /// `manifest-dependency`, `manifest-requirement`, `manifest-self`, `manifest-twice`, `manifest-collides`; of versions
    /// and requirements `manifest-too-long`.
    pub code: &'static str,
    /// Where.
    pub place: Place,
    /// What is wrong, as a sentence without its full stop.
    pub problem: String,
    /// What to write instead.
    pub hint: String,
}

/// A text with its spans turned into places.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn place(&self, offset: usize) -> Place {
        Place::at(self.text, offset)
    }

    /// Where the byte at `inside` of `part` is written, `part` being the end of the string at `value`; the string itself
    /// if it is written with escapes.
    pub(super) fn within(&self, value: usize, part: &str, inside: usize) -> usize {
        let written = self.text.get(value..).unwrap_or_default();
        let quote = if written.starts_with("\"\"\"") || written.starts_with("'''") { 3 } else { 1 };
        let closing = written.get(..quote).unwrap_or_default();
        let body = written.get(quote..).unwrap_or_default();
        match body.find(closing).and_then(|end| body.get(..end)).and_then(|body| body.strip_suffix(part)) {
            Some(before) => value + quote + before.len() + inside,
            None => value,
        }
    }

    pub(super) fn refuse(
        &self,
        code: &'static str,
        offset: usize,
        problem: String,
        hint: impl Into<String>,
    ) -> ManifestError {
        ManifestError { code, place: self.place(offset), problem, hint: hint.into() }
    }
}
