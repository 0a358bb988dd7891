//! Names of packages as policies compare them.
//!
//! It says whether a name is on a list; it never changes what the user sees. Invariant: two names that the marketplace
//! takes for the same are the same here: letters' case does not count, and `_` is `-`.

/// The form in which names are compared. A name has no letters beyond ASCII.
pub fn normalized(name: &str) -> String {
    let mut name = name.trim_ascii().replace('_', "-");
    name.make_ascii_lowercase();
    name
}

/// Whether a name is meant by a pattern: the name itself, or its beginning where the pattern ends in `*`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.trim_ascii().as_bytes(), name.trim_ascii().as_bytes());
    let same = |a: &[u8], b: &[u8]| a.iter().map(compared).eq(b.iter().map(compared));
    match pattern.strip_suffix(b"*") {
        Some(beginning) => name.get(..beginning.len()).is_some_and(|name| same(beginning, name)),
        None => same(pattern, name),
    }
}

fn compared(letter: &u8) -> u8 {
    if *letter == b'_' { b'-' } else { letter.to_ascii_lowercase() }
}

/// Whether any pattern of a list means the name.
pub fn on_list<S: AsRef<str>>(list: &[S], name: &str) -> bool {
    list.iter().any(|pattern| matches(pattern.as_ref(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_the_marketplace_compares_them() {
        assert!(matches("Web_Framework", "web-framework"));
        assert!(matches("acme-*", "ACME_tool"));
        assert!(matches("*", "anything"));
        assert!(!matches("acme-*", "acme"));
        assert!(!matches("web", "web-framework"));
        assert!(!matches("a*b", "aXb"), "only a trailing star is a pattern");
        assert!(on_list(&["a", "b-*"], "b-1") && !on_list::<&str>(&[], "a"));
    }
}
