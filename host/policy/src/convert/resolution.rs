//! The version-resolution hook's values. Decides nothing. Invariant: every field crosses.

use ggen_core::hooks as core;

use super::{ToCore, ToGuest};
use crate::bindings::guest::version_resolution as wit;

impl ToGuest for core::Candidate {
    type Guest = wit::Candidate;
    fn to_guest(&self) -> Self::Guest {
        wit::Candidate {
            version: self.version.clone(),
            published: self.published,
            witnessed: self.witnessed,
            pre_release: self.pre_release,
            yanked: self.yanked.clone(),
            installed: self.installed,
            locked: self.locked,
            advisories: self.advisories.to_guest(),
            facts: self.facts.clone(),
        }
    }
}

impl ToGuest for core::Request {
    type Guest = wit::Request;
    fn to_guest(&self) -> Self::Guest {
        wit::Request {
            name: self.name.clone(),
            publisher: self.publisher.clone(),
            requirement: self.requirement.clone(),
        }
    }
}

impl ToCore for wit::Exclusion {
    type Core = core::Exclusion;
    fn to_core(self) -> Self::Core {
        core::Exclusion { candidate: self.candidate, reason: self.reason.to_core() }
    }
}

impl ToCore for wit::Ranking {
    type Core = core::Ranking;
    fn to_core(self) -> Self::Core {
        core::Ranking { order: self.order, excluded: self.excluded.to_core() }
    }
}
