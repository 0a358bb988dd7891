//! The contract's types under short names, and the small helpers that every policy writes otherwise.
//!
//! It decides nothing. Invariant: these are the generated types themselves, never copies that could drift from `wit/`.

use std::collections::BinaryHeap;
use std::fmt;

pub use crate::bindings::exports::ggen::policy::fallback_policy::{
    Action, Attempt, Network, Situation, Stage, Trouble,
};
pub use crate::bindings::exports::ggen::policy::peer_scoring::{
    Ban, Offence, OffenceClass, PeerFacts, Reach, Sanction, Tally, Traits,
};
pub use crate::bindings::exports::ggen::policy::verification::{
    Dependency, Evidence, Item, Lookalike, Release, Verdict, Voucher,
};
pub use crate::bindings::exports::ggen::policy::version_resolution::{Candidate, Exclusion, Ranking, Request};
pub use crate::bindings::ggen::policy::contents::File;
pub use crate::bindings::ggen::policy::types::{
    Advisory, Digest, Facts, Job, Origin, Reason, Severity, Task, Timestamp,
};

impl Reason {
    /// A reason with a `code` for programs (`[a-z0-9-]{1,64}`) and one sentence for the user.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hint: None }
    }

    /// The same, with what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Verdict {
    /// What several findings about one release come to: the gravest kind that has any. A denial also tells why the release
    /// would have been passed over; warnings are told only where it is used. At most 16 reasons are kept.
    ///
    /// For a policy that answers for what it lets through. One that only objects turns its `allow` into
    /// [`Verdict::or_abstain`], so that it does not vouch for what it has no opinion of.
    pub fn strictest(mut deny: Vec<Reason>, mut pass_over: Vec<Reason>, mut warn: Vec<Reason>) -> Self {
        const AT_MOST: usize = 16;
        if !deny.is_empty() {
            deny.append(&mut pass_over);
            deny.truncate(AT_MOST);
            Self::Deny(deny)
        } else if !pass_over.is_empty() {
            pass_over.truncate(AT_MOST);
            Self::PassOver(pass_over)
        } else if !warn.is_empty() {
            warn.truncate(AT_MOST);
            Self::Warn(warn)
        } else {
            Self::Allow
        }
    }

    /// The same, but abstaining where it would allow.
    #[must_use]
    pub fn or_abstain(self) -> Self {
        if self == Self::Allow { Self::Abstain } else { self }
    }

    /// The reasons that it gives; none for `abstain` and `allow`.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Abstain | Self::Allow => &[],
            Self::Warn(reasons) | Self::PassOver(reasons) | Self::Deny(reasons) => reasons,
        }
    }

    /// The codes of its reasons, in their order.
    pub fn codes(&self) -> Vec<&str> {
        self.reasons().iter().map(|reason| reason.code.as_str()).collect()
    }
}

impl Item {
    /// Whether a list has its publisher: by key id, or by the operator's alias for one.
    pub fn publisher_on<S: AsRef<str>>(&self, list: &[S]) -> bool {
        let alias = self.evidence.alias.as_deref();
        list.iter().map(AsRef::as_ref).any(|entry| {
            entry.eq_ignore_ascii_case(&self.release.publisher) || alias.is_some_and(|alias| alias == entry)
        })
    }

    /// Whether this very version is installed already, so that nothing changes.
    pub fn is_installed(&self) -> bool {
        self.installed.as_ref() == Some(&self.release.version)
    }
}

impl Ranking {
    /// All candidates, the one with the smallest key first; equal keys keep the host's order (highest version first).
    pub fn by_key<K: Ord>(candidates: &[Candidate], mut key: impl FnMut(usize, &Candidate) -> K) -> Self {
        // A heap sorts in little code, and places are distinct, so this keeps the order of equal keys.
        let keyed: BinaryHeap<(K, u32)> = candidates
            .iter()
            .zip(0..)
            .enumerate()
            .map(|(index, (candidate, number))| (key(index, candidate), number))
            .collect();
        let order = keyed.into_sorted_vec().into_iter().map(|(_, number)| number).collect();
        Self { order: Some(order), excluded: Vec::new() }
    }

    /// No preference and nothing excluded.
    pub fn none() -> Self {
        Self { order: None, excluded: Vec::new() }
    }
}

impl Origin {
    /// Whether looking there sends anything to another machine.
    pub fn uses_network(self) -> bool {
        matches!(self, Self::LocalNetwork | Self::Peers | Self::Organization)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store => "store",
            Self::Registry => "local registry",
            Self::LocalNetwork => "local network",
            Self::Peers => "peers",
            Self::Organization => "organization's registry",
            Self::Bundled => "starter registry",
            Self::File => "file",
        })
    }
}

/// The first value of a fact; none means "not known".
pub fn fact<'a>(facts: &'a Facts, key: &str) -> Option<&'a str> {
    facts.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_finding_decides() {
        let reason = |code: &str| vec![Reason::new(code, "…")];
        assert_eq!(Verdict::strictest(vec![], vec![], vec![]), Verdict::Allow);
        assert!(matches!(Verdict::strictest(vec![], vec![], reason("c")), Verdict::Warn(_)));
        let all = Verdict::strictest(reason("a"), reason("b"), reason("c"));
        assert!(matches!(all, Verdict::Deny(_)));
        assert_eq!(all.codes(), ["a", "b"]);
        assert_eq!(Verdict::strictest(vec![], reason("b"), reason("c")), Verdict::PassOver(reason("b")));
        assert_eq!(Verdict::strictest(vec![Reason::new("x", ""); 40], vec![], vec![]).reasons().len(), 16);
    }

    #[test]
    fn an_objector_abstains_where_it_has_no_objection() {
        assert_eq!(Verdict::strictest(vec![], vec![], vec![]).or_abstain(), Verdict::Abstain);
        let warned = Verdict::Warn(vec![Reason::new("c", "…")]);
        assert_eq!(warned.clone().or_abstain(), warned);
    }

    #[test]
    fn a_publisher_is_listed_by_key_or_alias() {
        let mut item = crate::testing::item("a", "1.0.0");
        item.release.publisher = "ab".repeat(32);
        assert!(item.publisher_on(&["AB".repeat(32)]) && !item.publisher_on(&["acme"]));
        item.evidence.alias = Some("acme".to_owned());
        assert!(item.publisher_on(&["acme"]) && !item.publisher_on(&["Acme"]) && !item.publisher_on::<&str>(&[]));
    }

    #[test]
    fn a_fact_is_found_by_its_key() {
        let facts = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
        assert_eq!(fact(&facts, "b"), Some("2"));
        assert_eq!(fact(&facts, "c"), None);
    }
}
