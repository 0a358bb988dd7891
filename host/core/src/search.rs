//! How packages answer a query: words, and how well a text has them.
//!
//! Decides what a word is and which of two packages answers better: for each word of the query, each field that has it
//! counts once with its weight, less the longer the field is (as in BM25, with fixed mean lengths). How often or rarely
//! anybody uses a word does not count: that would ask for statistics of a whole catalog, and all packages that are ranked
//! have all words. Never looks for anything. Invariant: any text is a query, and the same texts have the same score
//! anywhere.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::name::PackageName;

/// The most words of a query that are looked at.
pub const MAX_WORDS: usize = 16;
/// The most characters of a word that are looked at.
pub const MAX_WORD: usize = 64;
/// What a word that only begins with the last one of a query is worth.
const BEGINNING: f64 = 0.6;
/// The share of a field's length in what it counts, and how much shorter than usual still counts for more.
const LENGTH: f64 = 0.75;
const SHORTEST: f64 = 0.7;

/// The words of a text: without marks, in small letters, cut at whatever is neither a letter nor a digit.
pub fn words(text: &str) -> Vec<String> {
    // Most texts are, and need no tables.
    if text.is_ascii() {
        let runs = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| !run.is_empty());
        return runs.map(|run| cut(run.to_ascii_lowercase())).collect();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    let mut put = |c: char| {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase().filter(|c| !is_combining_mark(*c)));
        } else if !word.is_empty() {
            words.push(cut(std::mem::take(&mut word)));
        }
    };
    text.nfkd().filter(|c| !is_combining_mark(*c)).for_each(&mut put);
    put(' ');
    words
}

fn cut(word: String) -> String {
    if word.len() <= MAX_WORD {
        return word;
    }
    match word.char_indices().nth(MAX_WORD) {
        Some((at, _)) => word.get(..at).map(str::to_owned).unwrap_or(word),
        None => word,
    }
}

/// A user's text, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// Its distinct words, in order.
    pub words: Vec<String>,
    /// The collision key of the name that it is, where it is one.
    pub key: Option<String>,
}

impl Query {
    /// Any text is one.
    pub fn new(text: &str) -> Self {
        let mut seen = BTreeSet::new();
        // What is longer than all words that count cannot matter.
        let text: String = text.chars().take(MAX_WORDS * (MAX_WORD + 1)).collect();
        let words = words(&text).into_iter().filter(|w| seen.insert(w.clone())).take(MAX_WORDS).collect();
        Self { words, key: text.trim().parse::<PackageName>().ok().map(|n| n.collision_key()) }
    }
}

/// What a package says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Texts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its keywords.
    pub keywords: &'a str,
    /// What it is.
    pub description: &'a str,
    /// Its categories.
    pub category: &'a str,
    /// Who made it.
    pub author: &'a str,
}

/// How well these texts answer: higher is better, 0 is not at all.
pub fn score(query: &Query, texts: &Texts<'_>) -> f64 {
    // Each field with its weight and its usual length in words.
    let fields = [
        (texts.name, 20.0, 2.5),
        (texts.keywords, 5.0, 5.0),
        (texts.description, 2.0, 12.0),
        (texts.category, 2.0, 1.0),
        (texts.author, 1.0, 2.0),
    ];
    let mut sum = 0.0;
    for (text, weight, usual) in fields {
        let have = words(text);
        let long = f64::from(u32::try_from(have.len()).unwrap_or(u32::MAX)) / usual;
        let share = (1.0 - LENGTH + LENGTH * long).max(SHORTEST);
        for (at, word) in query.words.iter().enumerate() {
            let is_last = at + 1 == query.words.len();
            let worth = |have: &String| match have.strip_prefix(word.as_str()) {
                Some("") => 1.0,
                Some(_) if is_last => BEGINNING,
                _ => 0.0,
            };
            sum += weight * have.iter().map(worth).fold(0.0, f64::max) / share;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOTHING: Texts<'static> = Texts { name: "", keywords: "", description: "", category: "", author: "" };

    fn better(query: &str, one: Texts<'_>, other: Texts<'_>) {
        let query = Query::new(query);
        let (one, other) = (score(&query, &one), score(&query, &other));
        assert!(one > other && other > 0.0, "{query:?}: {one} and {other}");
    }

    #[test]
    fn words_are_what_people_take_for_the_same() {
        assert_eq!(words("Müller's graph-tools, 2nd"), ["muller", "s", "graph", "tools", "2nd"]);
        assert_eq!(words("ﬁne İstanbul ΣΟΦΟΣ 日本語"), ["fine", "istanbul", "σοφοσ", "日本語"]);
        assert_eq!(words(" -- "), [""; 0]);
        assert_eq!(words(&"y".repeat(100))[0].len(), MAX_WORD);
    }

    #[test]
    fn a_name_is_worth_more_than_keywords_and_these_more_than_the_rest() {
        let fields = [
            Texts { name: "graph-tools", ..NOTHING },
            Texts { keywords: "graph sparql", ..NOTHING },
            Texts { description: "about a graph and what can be done", ..NOTHING },
            Texts { author: "Graph Person", ..NOTHING },
        ];
        for pair in fields.windows(2) {
            better("graph", pair[0], pair[1]);
        }
        better("graph", Texts { name: "graph-tools", ..NOTHING }, Texts { name: "my-graph-tools-too", ..NOTHING });
        better("graph", Texts { name: "graph", ..NOTHING }, Texts { name: "graphics", ..NOTHING });
        better(
            "web graph",
            Texts { name: "web-graph", ..NOTHING },
            Texts { name: "web-thing", keywords: "graph", ..NOTHING },
        );
        assert!(score(&Query::new("graph"), &NOTHING) < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn any_text_is_a_query_of_bounded_words(text in ".{0,300}") {
            let query = Query::new(&text);
            prop_assert!(query.words.len() <= MAX_WORDS);
            for word in &query.words {
                prop_assert!(!word.is_empty() && word.chars().count() <= MAX_WORD);
                // Found again under the form in which it was kept.
                prop_assert_eq!(words(word), [word.clone()]);
            }
            let texts = Texts { name: &text, ..NOTHING };
            prop_assert!(score(&query, &texts).is_finite());
        }
    }
}
