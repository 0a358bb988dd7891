//! Who is meant by a bare name.
//!
//! A home binds each name to one publisher. Decides in one order - the organization's table, the lockfile, the home's
//! binding, the publisher that the depending release signed, the depending release's own publisher - and refuses where
//! two of the first four disagree. Trust on first use is only for names that the user typed. So nobody can take the
//! name of a dependency that does not exist yet.

use crate::name::{PackageName, PublisherId};

/// What this home knows of a name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NameFacts {
    /// The organization's `[names]`.
    pub organization: Option<PublisherId>,
    /// `ggen.lock`.
    pub lock: Option<PublisherId>,
    /// The home's binding.
    pub binding: Option<PublisherId>,
    /// Who is known to publish something under this name, sorted.
    pub claimants: Vec<PublisherId>,
}

/// Who or what decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecidedBy {
    /// `PUBLISHER/NAME` on the command line.
    User,
    /// The organization's table.
    Organization,
    /// The lockfile.
    Lock,
    /// The home's binding.
    Binding,
    /// The depending release's signature.
    Signed,
    /// The depending release's own publisher publishes a package of this name.
    Own,
    /// The only claimant of a name that the user typed.
    FirstUse,
}

impl DecidedBy {
    /// As a person would say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::User => "the command line",
            Self::Organization => "the organization's table of names",
            Self::Lock => "ggen.lock",
            Self::Binding => "this home's binding",
            Self::Signed => "the release that depends on it",
            Self::Own => "the publisher of the release that depends on it",
            Self::FirstUse => "first use",
        }
    }
}

/// Why a name stands for nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamingError {
    /// Two that have a say disagree.
    #[error("{first_by} says that {name} is published by {}, {second_by} says by {}", .first.short(), .second.short(),
        first_by = .first_by.words(), second_by = .second_by.words())]
    Conflict {
        /// The name.
        name: PackageName,
        /// The one with more to say, and whom it means.
        first_by: DecidedBy,
        /// Whom it means.
        first: PublisherId,
        /// The other.
        second_by: DecidedBy,
        /// Whom it means.
        second: PublisherId,
    },
    /// Nobody has a say, and there are candidates.
    #[error("nothing here says whose {name} is meant; {} claim the name", .candidates.len())]
    Undecided {
        /// The name.
        name: PackageName,
        /// Who publishes something under it.
        candidates: Vec<PublisherId>,
    },
    /// Nobody publishes anything under the name.
    #[error("nobody is known to publish {name}")]
    Unknown {
        /// The name.
        name: PackageName,
    },
}

impl NamingError {
    /// The name that it is about.
    pub const fn name(&self) -> &PackageName {
        match self {
            Self::Conflict { name, .. } | Self::Undecided { name, .. } | Self::Unknown { name } => name,
        }
    }
}

/// Decides a name that the user typed, `chosen` if as `PUBLISHER/NAME`.
pub fn decide_typed(
    name: &PackageName,
    facts: &NameFacts,
    chosen: Option<PublisherId>,
) -> Result<(PublisherId, DecidedBy), NamingError> {
    let voices = [(DecidedBy::User, chosen)].into_iter().chain(facts.voices());
    if let Some(decided) = agree(name, voices)? {
        return Ok(decided);
    }
    match facts.claimants.as_slice() {
        [] => Err(NamingError::Unknown { name: name.clone() }),
        [only] => Ok((*only, DecidedBy::FirstUse)),
        many => Err(NamingError::Undecided { name: name.clone(), candidates: many.to_vec() }),
    }
}

/// Decides the name of a dependency, `signed` by a release of publisher `own`.
pub fn decide_dependency(
    name: &PackageName,
    facts: &NameFacts,
    signed: Option<PublisherId>,
    own: PublisherId,
) -> Result<(PublisherId, DecidedBy), NamingError> {
    let voices = facts.voices().into_iter().chain([(DecidedBy::Signed, signed)]);
    if let Some(decided) = agree(name, voices)? {
        return Ok(decided);
    }
    if facts.claimants.contains(&own) {
        return Ok((own, DecidedBy::Own));
    }
    match facts.claimants.as_slice() {
        [] => Err(NamingError::Unknown { name: name.clone() }),
        many => Err(NamingError::Undecided { name: name.clone(), candidates: many.to_vec() }),
    }
}

impl NameFacts {
    fn voices(&self) -> [(DecidedBy, Option<PublisherId>); 3] {
        [(DecidedBy::Organization, self.organization), (DecidedBy::Lock, self.lock), (DecidedBy::Binding, self.binding)]
    }
}

fn agree(
    name: &PackageName,
    voices: impl IntoIterator<Item = (DecidedBy, Option<PublisherId>)>,
) -> Result<Option<(PublisherId, DecidedBy)>, NamingError> {
    let mut decided: Option<(PublisherId, DecidedBy)> = None;
    for (by, publisher) in voices {
        match (decided, publisher) {
            (_, None) => {}
            (None, Some(publisher)) => decided = Some((publisher, by)),
            (Some((first, _)), Some(second)) if first == second => {}
            (Some((first, first_by)), Some(second)) => {
                return Err(NamingError::Conflict { name: name.clone(), first_by, first, second_by: by, second });
            }
        }
    }
    Ok(decided)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn who(n: u8) -> PublisherId {
        PublisherId(Digest::of(&[n]))
    }

    fn name() -> PackageName {
        "a".parse().unwrap()
    }

    #[test]
    fn a_typed_name_is_trusted_on_first_use_only_with_one_claimant() {
        let mut facts = NameFacts { claimants: vec![who(1)], ..NameFacts::default() };
        assert_eq!(decide_typed(&name(), &facts, None), Ok((who(1), DecidedBy::FirstUse)));
        facts.claimants.push(who(2));
        assert!(matches!(decide_typed(&name(), &facts, None), Err(NamingError::Undecided { .. })));
        assert_eq!(decide_typed(&name(), &facts, Some(who(2))), Ok((who(2), DecidedBy::User)));
        facts.binding = Some(who(1));
        assert_eq!(decide_typed(&name(), &facts, None), Ok((who(1), DecidedBy::Binding)));
        assert!(matches!(decide_typed(&name(), &facts, Some(who(2))), Err(NamingError::Conflict { .. })));
    }

    #[test]
    fn a_dependency_is_never_trusted_on_first_use() {
        let squatted = NameFacts { claimants: vec![who(9)], ..NameFacts::default() };
        assert!(matches!(decide_dependency(&name(), &squatted, None, who(1)), Err(NamingError::Undecided { .. })));
        assert_eq!(decide_dependency(&name(), &squatted, Some(who(1)), who(2)), Ok((who(1), DecidedBy::Signed)));
        let own = NameFacts { claimants: vec![who(1), who(9)], ..NameFacts::default() };
        assert_eq!(decide_dependency(&name(), &own, None, who(1)), Ok((who(1), DecidedBy::Own)));
        let unknown = NameFacts::default();
        assert!(matches!(decide_dependency(&name(), &unknown, None, who(1)), Err(NamingError::Unknown { .. })));
    }

    #[test]
    fn two_that_have_a_say_must_agree() {
        let facts = NameFacts { organization: Some(who(1)), binding: Some(who(2)), ..NameFacts::default() };
        let refused = decide_dependency(&name(), &facts, None, who(1)).unwrap_err();
        assert!(matches!(
            refused,
            NamingError::Conflict { first_by: DecidedBy::Organization, second_by: DecidedBy::Binding, .. }
        ));
        let facts = NameFacts { binding: Some(who(2)), ..NameFacts::default() };
        assert!(decide_dependency(&name(), &facts, Some(who(1)), who(1)).is_err());
    }
}
