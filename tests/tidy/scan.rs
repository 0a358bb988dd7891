//! Enough of Rust's grammar to find functions and modules: comments, strings and characters are blanked, braces counted.

/// A function with a body.
pub struct Function {
    /// Its name.
    pub name: String,
    /// Where it begins, counted from 1.
    pub line: usize,
    /// From `fn` to its last brace.
    pub lines: usize,
}

/// A `mod` that is a file of its own.
pub struct Module {
    /// Its name.
    pub name: String,
    /// Its `#[path]`.
    pub path: Option<String>,
}

/// The text with everything that is no code turned into spaces; lines stay where they are.
fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match at(i) {
            '/' if at(i + 1) == '/' => (i..chars.len()).find(|j| at(*j) == '\n').unwrap_or(chars.len()),
            '/' if at(i + 1) == '*' => block_comment(&chars, i),
            '"' => string(&chars, i),
            'r' if !word(at(i.wrapping_sub(1))) || at(i.wrapping_sub(1)) == 'b' => raw_string(&chars, i).unwrap_or(i),
            '\'' => character(&chars, i),
            _ => i,
        };
        if end == i {
            out.push(at(i));
            i += 1;
        } else {
            out.extend((i..end.min(chars.len())).map(|j| if at(j) == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0usize, start);
    while i < chars.len() {
        match (chars.get(i), chars.get(i + 1)) {
            (Some('/'), Some('*')) => (depth, i) = (depth + 1, i + 2),
            (Some('*'), Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    i
}

fn string(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while let Some(c) = chars.get(i) {
        match c {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    i
}

fn raw_string(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars.get(start + 1..)?.iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut i = start + 2 + hashes;
    while i < chars.len() {
        let closing = chars.get(i) == Some(&'"')
            && chars.get(i + 1..).unwrap_or_default().iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        if closing {
            return Some(i + 1 + hashes);
        }
        i += 1;
    }
    Some(i)
}

/// The end of a character; a lifetime is none, and ends where it begins.
fn character(chars: &[char], start: usize) -> usize {
    match (chars.get(start + 1), chars.get(start + 2)) {
        (Some('\\'), _) => {
            let rest = chars.get(start + 3..).unwrap_or_default();
            start + 4 + rest.iter().position(|c| *c == '\'').unwrap_or(0)
        }
        (Some(_), Some('\'')) => start + 3,
        _ => start,
    }
}

/// Every function with a body.
pub fn functions(text: &str) -> Vec<Function> {
    let code = code(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = code.get(..at).unwrap_or_default();
        let rest = code.get(at..).unwrap_or_default();
        let name: String = rest.chars().skip(3).take_while(|c| word(*c)).collect();
        if name.is_empty() || before.chars().next_back().is_some_and(word) {
            continue;
        }
        let Some(length) = body(rest) else { continue };
        let lines = rest.get(..length).unwrap_or_default().lines().count();
        found.push(Function { name, line: before.matches('\n').count() + 1, lines });
    }
    found
}

/// How far a function reaches; none without a body.
fn body(rest: &str) -> Option<usize> {
    let (mut round, mut depth) = (0i32, 0i32);
    for (at, c) in rest.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if round == 0 && depth == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 && round == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Every module that is a file of its own.
pub fn modules(text: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let mut path = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[path = \"") {
            path = rest.split('"').next().map(str::to_owned);
        }
        let visible = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub(super) "));
        let line = visible.or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
        if let Some(name) = line.strip_prefix("mod ").and_then(|l| l.strip_suffix(';')) {
            found.push(Module { name: name.trim_start_matches("r#").to_owned(), path: path.take() });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_in_spite_of_what_looks_like_braces() {
        let text = "fn a() {\n  let x = '{'; // }\n  let y = \"}\\\"}\";\n  let z = r#\"}\"#;\n}\ntrait T { fn b(&self); }\nfn c<'a>(x: &'a str) -> [u8; 2] { [0; 2] }\n";
        let found: Vec<_> = functions(text).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(found, [("a".to_owned(), 1, 5), ("c".to_owned(), 7, 1)]);
    }

    #[test]
    fn modules_are_found_with_their_paths() {
        let text = "pub mod a;\n#[path = \"x/y.rs\"]\nmod b;\nmod inline { }\n";
        let found: Vec<_> = modules(text).into_iter().map(|m| (m.name, m.path)).collect();
        assert_eq!(found, [("a".to_owned(), None), ("b".to_owned(), Some("x/y.rs".to_owned()))]);
    }
}
