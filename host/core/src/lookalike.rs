//! Names that a person could take for each other.
//!
//! Decides what is alike: the same without separators or with characters that look the same, the same words in another
//! order, or one letter left out, added, exchanged or swapped. Never decides what becomes of it: policies do. Invariant:
//! two names of one publisher are never held against each other, and being alike has no direction.

use std::cmp::Reverse;

use crate::hooks::Lookalike;
use crate::name::{PackageName, PublisherId};

/// The most that one name is told to look like.
pub const MAX_LOOKALIKES: usize = 8;
/// Shorter names have too many neighbours for one letter to mean anything.
const SHORTEST_FOR_LETTERS: usize = 5;
/// Shorter skeletons stand for too much.
const SHORTEST_SKELETON: usize = 3;
/// Groups of characters that look like one, and characters that look like another.
const SAME_LOOK: [(&str, &str); 8] =
    [("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("8", "b")];

/// A name that stands for somebody here, or is widely known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Established {
    /// The name.
    pub name: PackageName,
    /// Whose it is.
    pub publisher: PublisherId,
    /// Whether it is installed here.
    pub installed: bool,
    /// Since when it is known, in milliseconds since the Unix epoch; 0: from the beginning.
    pub known_since: u64,
}

/// Names that others are compared with, made ready for it once.
#[derive(Debug)]
pub struct Names(Vec<(Looks, Established)>);

impl Names {
    /// The names that are established here.
    pub fn new(established: Vec<Established>) -> Self {
        Self(established.into_iter().map(|e| (Looks::of(&e.name), e)).collect())
    }
}

/// Established names of others that `name` of `publisher` looks like: at most [`MAX_LOOKALIKES`], best established first.
pub fn lookalikes(name: &PackageName, publisher: PublisherId, established: &Names) -> Vec<Lookalike> {
    let looks = Looks::of(name);
    let others = established.0.iter().filter(|(other, e)| e.publisher != publisher && looks.is_like(other));
    let mut found: Vec<&Established> = others.map(|(_, e)| e).collect();
    found.sort_by(|a, b| {
        let key = |e: &Established| (Reverse(e.installed), e.known_since);
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    let told = |e: &Established| Lookalike {
        name: e.name.to_string(),
        publisher: e.publisher.to_string(),
        installed: e.installed,
        known_since: e.known_since,
    };
    found.into_iter().take(MAX_LOOKALIKES).map(told).collect()
}

/// Whether two names that do not collide are alike.
pub fn is_alike(one: &PackageName, other: &PackageName) -> bool {
    Looks::of(one).is_like(&Looks::of(other))
}

/// A name, and what is compared of it.
#[derive(Debug)]
struct Looks {
    key: String,
    skeleton: String,
    words: Vec<String>,
    without_digits: String,
}

impl Looks {
    fn of(name: &PackageName) -> Self {
        let key = name.collision_key();
        let mut words: Vec<String> = key.split(['-', '.']).filter(|w| !w.is_empty()).map(str::to_owned).collect();
        words.sort();
        let without_digits = key.chars().filter(|c| !c.is_ascii_digit()).collect();
        Self { skeleton: skeleton(&key), words, without_digits, key }
    }

    fn is_like(&self, other: &Self) -> bool {
        if self.key == other.key {
            return false;
        }
        let same_look = self.skeleton == other.skeleton && self.skeleton.len() >= SHORTEST_SKELETON;
        let same_words = self.words.len() > 1 && self.words == other.words;
        same_look || same_words || self.is_one_letter_from(other)
    }

    /// Numbers tell versions and editions apart, so that other digits alone make no look-alike.
    fn is_one_letter_from(&self, other: &Self) -> bool {
        self.key.len().min(other.key.len()) >= SHORTEST_FOR_LETTERS
            && self.without_digits != other.without_digits
            && is_one_letter_apart(self.key.as_bytes(), other.key.as_bytes())
    }
}

/// Whether one letter was left out, added or exchanged, or two neighbours swapped: what is left between the common
/// beginning and the common end tells. Many names are compared, so nothing is allocated for it.
fn is_one_letter_apart(one: &[u8], other: &[u8]) -> bool {
    let begin = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (one.get(begin..).unwrap_or_default(), other.get(begin..).unwrap_or_default());
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let rest = |length: usize| length.saturating_sub(end);
    match (one.get(..rest(one.len())).unwrap_or_default(), other.get(..rest(other.len())).unwrap_or_default()) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// What is left of a name when separators are gone and characters that look the same are one.
fn skeleton(key: &str) -> String {
    let bare: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    SAME_LOOK.iter().fold(bare, |text, (group, one)| text.replace(group, one))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;

    fn name(text: &str) -> PackageName {
        text.parse().unwrap()
    }

    fn who(n: u8) -> PublisherId {
        PublisherId(Digest::of(&[n]))
    }

    #[test]
    fn tricks_with_separators_characters_words_and_letters_are_seen() {
        for other in [
            "webframework",
            "web.framework",
            "w-e-b-framework", // separators
            "web-frarnework",
            "web-framevvork",
            "web-framew0rk",
            "vveb-framew0rk", // characters that look the same
            "framework-web",  // words
            "web-framwork",
            "web-frameworkk",
            "web-fremework",
            "web-farmework",
            "eb-framework", // letters
        ] {
            assert!(is_alike(&name("web-framework"), &name(other)), "{other}");
        }
        assert!(is_alike(&name("paypal"), &name("paypa1")) && is_alike(&name("gitlab"), &name("glt1ab")));
    }

    #[test]
    fn what_nobody_takes_for_each_other_is_not_alike() {
        for (one, other) in [
            ("web-framework", "web-framework"),
            ("web_framework", "web-framework"), // the same name
            ("web-framework", "web-framework-extra"),
            ("web-framework", "app-framework"),
            ("tool-v1", "tool-v2"), // digits
            ("python2", "python3"),
            ("http", "https"), // short
            ("cat", "car"),
            ("a0", "ao"),
        ] {
            assert!(!is_alike(&name(one), &name(other)), "{one} {other}");
        }
    }

    #[test]
    fn the_best_established_come_first_and_a_publisher_is_not_held_against_itself() {
        let known = |text: &str, publisher: u8, installed: bool, known_since: u64| Established {
            name: name(text),
            publisher: who(publisher),
            installed,
            known_since,
        };
        let mut all = vec![
            known("webframework", 1, false, 5),
            known("web.framework", 2, false, 3),
            known("web-framework", 3, true, 9),
            known("web-frameworks", 7, true, 1),
            known("other", 1, true, 1),
        ];
        let told = lookalikes(&name("web-framewerk"), who(7), &Names::new(all.clone()));
        let names: Vec<_> = told.iter().map(|l| l.name.as_str()).collect();
        assert_eq!(names, ["web-framework"]);
        let told = lookalikes(&name("we-bframework"), who(7), &Names::new(all.clone()));
        let names: Vec<_> = told.iter().map(|l| (l.name.as_str(), l.installed, l.known_since)).collect();
        assert_eq!(names, [("web-framework", true, 9), ("web.framework", false, 3), ("webframework", false, 5)]);
        all.extend((0..20).map(|n| known("webframework", 100 + n, false, 1)));
        assert_eq!(lookalikes(&name("we-bframework"), who(7), &Names::new(all)).len(), MAX_LOOKALIKES);
    }

    proptest! {
        #[test]
        fn being_alike_has_no_direction_and_nothing_is_alike_itself(one in "[a-z0-9][a-z0-9._-]{0,14}[a-z]", other in "[a-z0-9][a-z0-9._-]{0,14}[a-z]") {
            let (Ok(one), Ok(other)) = (one.parse::<PackageName>(), other.parse::<PackageName>()) else { return Ok(()) };
            prop_assert_eq!(is_alike(&one, &other), is_alike(&other, &one));
            prop_assert!(!is_alike(&one, &one));
        }

        #[test]
        fn one_letter_left_out_of_a_long_name_is_seen(text in "[a-z]{6,20}", at in 0..6usize) {
            let mut shorter = text.clone();
            shorter.remove(at);
            if let (Ok(one), Ok(other)) = (text.parse::<PackageName>(), shorter.parse::<PackageName>()) {
                prop_assert!(is_alike(&one, &other));
            }
        }
    }
}
