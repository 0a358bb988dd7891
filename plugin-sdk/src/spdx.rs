//! SPDX licence expressions against lists of licences.
//!
//! It says whether the licences that an expression offers are on a list; it knows no list of its own and judges no
//! licence. Invariant: reading is bounded in length and depth, and what cannot be read is an error, never "allowed".

use std::fmt;

/// A licence expression: `MIT OR (Apache-2.0 AND BSD-3-Clause)`, `GPL-2.0-only WITH Classpath-exception-2.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// One licence.
    License(License),
    /// All of these hold.
    All(Vec<Expression>),
    /// The user may choose one of these.
    Any(Vec<Expression>),
}

/// One licence of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    /// As written, without a trailing `+`.
    pub id: String,
    /// `Apache-2.0+`: or any later version.
    pub or_later: bool,
    /// The exception behind `WITH`, which adds permissions.
    pub exception: Option<String>,
}

/// Why a text is no licence expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSpdx;

impl fmt::Display for NotSpdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an SPDX licence expression")
    }
}

impl std::error::Error for NotSpdx {}

/// Longest expression that is read, in bytes, and how deep its parentheses may be.
const LONGEST: usize = 4096;
const DEEPEST: usize = 16;

impl fmt::Display for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.id, if self.or_later { "+" } else { "" })?;
        self.exception.as_ref().map_or(Ok(()), |exception| write!(f, " WITH {exception}"))
    }
}

impl License {
    /// Whether a list has this licence: by its id, or with its exception written out (`GPL-2.0-only WITH …`).
    pub fn on<S: AsRef<str>>(&self, list: &[S]) -> bool {
        let whole = self.to_string();
        list.iter().map(|entry| entry.as_ref().trim_ascii()).any(|entry| {
            let entry_id = entry.strip_suffix('+').unwrap_or(entry);
            entry_id.eq_ignore_ascii_case(&self.id) || entry.eq_ignore_ascii_case(&whole)
        })
    }
}

impl Expression {
    /// Reads an expression. Operators count in capitals and in small letters.
    ///
    /// # Errors
    /// [`NotSpdx`], also for one of more than 4096 bytes or 16 parentheses deep.
    pub fn parse(text: &str) -> Result<Self, NotSpdx> {
        if text.len() > LONGEST {
            return Err(NotSpdx);
        }
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let mut words = spaced.split_ascii_whitespace().peekable();
        let expression = any(&mut words, 0)?;
        if words.next().is_some() { Err(NotSpdx) } else { Ok(expression) }
    }

    /// Whether a way to use it exists with licences of this list alone. An exception only adds permissions, so a licence
    /// that is listed is enough for it with any exception.
    pub fn allowed_by<S: AsRef<str>>(&self, list: &[S]) -> bool {
        self.has_way(&|license| license.on(list))
    }

    /// Whether every way to use it needs a licence of this list.
    pub fn denied_by<S: AsRef<str>>(&self, list: &[S]) -> bool {
        !self.has_way(&|license| !license.on(list))
    }

    /// Whether a way to use it exists in which every licence that holds is `good`.
    pub fn has_way(&self, good: &dyn Fn(&License) -> bool) -> bool {
        match self {
            Self::License(license) => good(license),
            Self::All(parts) => parts.iter().all(|part| part.has_way(good)),
            Self::Any(parts) => parts.iter().any(|part| part.has_way(good)),
        }
    }
}

type Words<'a> = std::iter::Peekable<std::str::SplitAsciiWhitespace<'a>>;

fn next_is(words: &mut Words<'_>, operator: &str) -> bool {
    words.next_if(|word| word.eq_ignore_ascii_case(operator)).is_some()
}

fn any(words: &mut Words<'_>, depth: usize) -> Result<Expression, NotSpdx> {
    let first = all(words, depth)?;
    let mut parts = vec![first];
    while next_is(words, "OR") {
        parts.push(all(words, depth)?);
    }
    Ok(one_or(parts, Expression::Any))
}

fn all(words: &mut Words<'_>, depth: usize) -> Result<Expression, NotSpdx> {
    let mut parts = vec![term(words, depth)?];
    while next_is(words, "AND") {
        parts.push(term(words, depth)?);
    }
    Ok(one_or(parts, Expression::All))
}

fn one_or(mut parts: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            several(parts)
        }
        None => several(parts),
    }
}

fn term(words: &mut Words<'_>, depth: usize) -> Result<Expression, NotSpdx> {
    if next_is(words, "(") {
        if depth >= DEEPEST {
            return Err(NotSpdx);
        }
        let inner = any(words, depth + 1)?;
        return if next_is(words, ")") { Ok(inner) } else { Err(NotSpdx) };
    }
    let written = words.next().ok_or(NotSpdx)?;
    let (id, or_later) = written.strip_suffix('+').map_or((written, false), |id| (id, true));
    let exception = if next_is(words, "WITH") { Some(identifier(words.next().ok_or(NotSpdx)?)?) } else { None };
    Ok(Expression::License(License { id: identifier(id)?, or_later, exception }))
}

fn identifier(word: &str) -> Result<String, NotSpdx> {
    let letters = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':'));
    let operator = ["AND", "OR", "WITH"].iter().any(|operator| word.eq_ignore_ascii_case(operator));
    if word.is_empty() || !letters || operator { Err(NotSpdx) } else { Ok(word.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Expression {
        Expression::parse(text).unwrap()
    }

    #[test]
    fn an_allow_list_needs_one_way_to_use_it() {
        let list = ["MIT", "Apache-2.0"];
        assert!(read("MIT").allowed_by(&list) && read("mit").allowed_by(&list));
        assert!(read("MIT OR GPL-3.0-only").allowed_by(&list));
        assert!(!read("MIT AND GPL-3.0-only").allowed_by(&list));
        assert!(read("(GPL-3.0-only OR MIT) AND Apache-2.0+").allowed_by(&list));
        assert!(read("Apache-2.0 WITH LLVM-exception").allowed_by(&list));
        assert!(!read("GPL-2.0-only WITH Classpath-exception-2.0").allowed_by(&["GPL-2.0-only WITH other"]));
        assert!(!read("MIT").allowed_by::<&str>(&[]));
    }

    #[test]
    fn a_deny_list_needs_to_close_every_way() {
        let list = ["AGPL-3.0-only", "GPL-2.0-only WITH Classpath-exception-2.0"];
        assert!(read("AGPL-3.0-only").denied_by(&list));
        assert!(read("MIT AND AGPL-3.0-only").denied_by(&list));
        assert!(!read("MIT OR AGPL-3.0-only").denied_by(&list));
        assert!(read("GPL-2.0-only WITH Classpath-exception-2.0").denied_by(&list));
        assert!(!read("GPL-2.0-only").denied_by(&list));
        assert!(read("AGPL-3.0-only WITH some-exception").denied_by(&list));
        assert!(!read("MIT").denied_by::<&str>(&[]));
    }

    #[test]
    fn and_binds_closer_than_or() {
        assert!(read("MIT OR GPL-3.0-only AND AGPL-3.0-only").allowed_by(&["MIT"]));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT Apache-2.0", "MIT WITH", "Proprietary License!", "()"]
        {
            assert_eq!(Expression::parse(text), Err(NotSpdx), "{text}");
        }
        assert!(Expression::parse(&"(".repeat(2000)).is_err());
        assert!(Expression::parse(&"MIT OR ".repeat(1000)).is_err());
    }
}
