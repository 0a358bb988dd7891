//! Names of packages as policies compare them.
//!
//! It says whether a name is on a list; it never changes what the user sees. Invariant: two names that the marketplace
//! takes for the same are the same here: letters' case does not count, and `_` is `-`.

/// The form in which names are compared.
pub fn normalized(name: &str) -> String {
    name.trim().to_lowercase().replace('_', "-")
}

/// Whether a name is meant by a pattern: the name itself, or its beginning where the pattern ends in `*`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (normalized(pattern), normalized(name));
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
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
