//! A registry of as many packages as are wanted, made up: the same for the same number, on any machine.
//!
//! Words are as uneven as those of real registries: the commonest is in more than half of all packages, most are in a few.
//! Judges nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Words that the commonest are taken from, in this order; the rest are put together from syllables.
const COMMON: [&str; 40] = [
    "data", "graph", "web", "tools", "rust", "server", "api", "client", "core", "http", "async", "json", "parser",
    "macro", "test", "cli", "file", "sparql", "ontology", "model", "query", "type", "error", "time", "log", "code",
    "template", "build", "stream", "cache", "schema", "agent", "task", "event", "image", "math", "crypto", "network",
    "text", "plugin",
];
const SYLLABLES: [&str; 20] = [
    "ba", "co", "di", "fe", "gu", "ha", "ji", "ko", "lu", "me", "no", "pa", "qui", "ro", "si", "ta", "ul", "va", "xe",
    "zo",
];
/// Words that there are.
const WORDS: usize = 60_000;

/// Numbers that look like chance and are always the same.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() >> 11) as usize % bound
    }

    /// A word, the commoner the earlier: in the way that words of a language are.
    fn word(&mut self) -> String {
        let share = (self.number() >> 11) as f64 / (1u64 << 53) as f64;
        word(((WORDS as f64).powf(share) - 1.0) as usize)
    }
}

/// The word of this rank, from 0 for the commonest.
pub fn word(rank: usize) -> String {
    match COMMON.get(rank) {
        Some(word) => (*word).to_owned(),
        None => {
            let (mut left, mut word) = (rank, String::new());
            for _ in 0..4 {
                word.push_str(SYLLABLES[left % SYLLABLES.len()]);
                left /= SYLLABLES.len();
            }
            word
        }
    }
}

/// The names of a registry of `count` packages, sorted as an index has them.
pub fn names(count: usize) -> BTreeSet<String> {
    let (mut chance, mut names) = (Chance::new(1), BTreeSet::new());
    while names.len() < count {
        let mut name = format!("{}-{}", chance.word(), chance.word());
        if names.contains(&name) {
            write!(name, "-{}", chance.below(count)).expect("write to text");
        }
        names.insert(name);
    }
    names
}

/// Writes an `index.json` of `count` packages with three versions each, most with a dependency, and nothing signed. No
/// package needs more than seven others.
pub fn write_index(path: &Path, count: usize) {
    let (names, mut chance) = (names(count), Chance::new(2));
    let mut out = BufWriter::new(std::fs::File::create(path).expect("write an index"));
    write!(out, "{{\"version\":\"1\",\"updated_at\":\"2026-01-01T00:00:00Z\",\"packages\":{{").expect("write");
    let mut first = true;
    let mut before: Option<(String, String)> = None;
    for (number, name) in names.into_iter().enumerate() {
        before = before.filter(|_| number % 8 != 0);
        let words: Vec<String> = (0..8).map(|_| chance.word()).collect();
        let publisher = format!("{:064x}", 1 + chance.below(count / 50 + 1));
        write!(
            out,
            "{}\"{name}\":{{\"name\":\"{name}\",\"description\":\"{}\",\"keywords\":[\"{}\",\"{}\",\"{}\"],\
             \"categories\":[\"{}\"],\"authors\":[\"{} {}\"],\"versions\":[",
            if std::mem::take(&mut first) { "" } else { ",\n" },
            words.join(" "),
            chance.word(),
            chance.word(),
            chance.word(),
            COMMON[chance.below(12)],
            SYLLABLES[chance.below(20)],
            word(40 + chance.below(5000)),
        )
        .expect("write");
        for version in 0..3 {
            let dependencies = before.as_ref().map_or(String::new(), |(needed, by)| {
                format!("{{\"name\":\"{needed}\",\"version_req\":\"^1\",\"optional\":false,\"publisher\":\"{by}\"}}")
            });
            write!(
                out,
                "{}{{\"version\":\"1.{version}.0\",\"publisher\":\"{publisher}\",\"digest\":\"{:016x}{:048x}\",\
                 \"size_bytes\":{},\"dependencies\":[{dependencies}],\"yanked\":false}}",
                if version == 0 { "" } else { "," },
                chance.number(),
                version,
                1000 + chance.below(100_000),
            )
            .expect("write");
        }
        write!(out, "]}}").expect("write");
        before = Some((name, publisher));
    }
    write!(out, "\n}}}}\n").expect("write");
    out.flush().expect("write an index");
}

/// Two hundred queries, the ten commonest words among them: single words of all ranks, pairs and triples, names,
/// beginnings, and what nobody has.
pub fn queries(count: usize) -> Vec<String> {
    let mut chance = Chance::new(3);
    let all: Vec<String> = names(count).into_iter().collect();
    let mut queries: Vec<String> = (0..10).map(word).collect();
    queries.extend((10..50).map(word));
    queries.extend((0..30).map(|_| word(50 + chance.below(20_000))));
    queries.extend((0..30).map(|_| format!("{} {}", word(chance.below(20)), word(chance.below(20)))));
    queries.extend((0..20).map(|_| format!("{} {}", word(chance.below(20)), word(100 + chance.below(2000)))));
    queries.extend(
        (0..10).map(|_| format!("{} {} {}", word(chance.below(5)), word(chance.below(50)), word(chance.below(50)))),
    );
    queries.extend((0..30).map(|_| all[chance.below(all.len())].clone()));
    queries.extend((0..20).map(|_| {
        let word = chance.word();
        word.chars().take(2 + chance.below(4)).collect()
    }));
    queries.extend((0..10).map(|at| format!("nobody-has-this-{at}")));
    assert_eq!(queries.len(), 200);
    queries
}
