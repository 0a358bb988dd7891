//! The verification hook's values. Decides nothing. Invariant: every field crosses.

use ggen_core::hooks as core;

use super::{ToCore, ToGuest};
use crate::bindings::guest::verification as wit;

impl ToGuest for core::Dependency {
    type Guest = wit::Dependency;
    fn to_guest(&self) -> Self::Guest {
        wit::Dependency { name: self.name.clone(), requirement: self.requirement.clone(), optional: self.optional }
    }
}

impl ToGuest for core::Release {
    type Guest = wit::Release;
    fn to_guest(&self) -> Self::Guest {
        wit::Release {
            name: self.name.clone(),
            version: self.version.clone(),
            publisher: self.publisher.clone(),
            digest: self.digest.clone(),
            archive_size: self.archive_size,
            unpacked_size: self.unpacked_size,
            file_count: self.file_count,
            license: self.license.clone(),
            published: self.published,
            yanked: self.yanked.clone(),
            dependencies: self.dependencies.to_guest(),
            claims: self.claims.clone(),
        }
    }
}

impl ToGuest for core::Voucher {
    type Guest = wit::Voucher;
    fn to_guest(&self) -> Self::Guest {
        wit::Voucher { registry: self.registry.clone(), release: self.release, since: self.since }
    }
}

impl ToGuest for core::Lookalike {
    type Guest = wit::Lookalike;
    fn to_guest(&self) -> Self::Guest {
        wit::Lookalike {
            name: self.name.clone(),
            publisher: self.publisher.clone(),
            installed: self.installed,
            known_since: self.known_since,
        }
    }
}

impl ToGuest for core::Evidence {
    type Guest = wit::Evidence;
    fn to_guest(&self) -> Self::Guest {
        wit::Evidence {
            signed: self.signed,
            revoked: self.revoked,
            alias: self.alias.clone(),
            bound_publisher: self.bound_publisher.clone(),
            publisher_first_seen: self.publisher_first_seen,
            witnessed: self.witnessed,
            head_sequence: self.head_sequence,
            highest_sequence: self.highest_sequence,
            equivocated: self.equivocated,
            agreeing_sources: self.agreeing_sources,
            agreeing_subnets: self.agreeing_subnets,
            vouchers: self.vouchers.to_guest(),
            advisories: self.advisories.to_guest(),
            fixes: self.fixes.to_guest(),
            lookalikes: self.lookalikes.to_guest(),
            facts: self.facts.clone(),
        }
    }
}

impl ToGuest for core::Item {
    type Guest = wit::Item;
    fn to_guest(&self) -> Self::Guest {
        wit::Item {
            release: self.release.to_guest(),
            evidence: self.evidence.to_guest(),
            origin: self.origin.to_guest(),
            direct: self.direct,
            requested_by: self.requested_by.clone(),
            installed: self.installed.clone(),
        }
    }
}

impl ToCore for wit::Verdict {
    type Core = core::Verdict;
    fn to_core(self) -> Self::Core {
        match self {
            Self::Abstain => core::Verdict::Abstain,
            Self::Allow => core::Verdict::Allow,
            Self::Warn(reasons) => core::Verdict::Warn(reasons.to_core()),
            Self::PassOver(reasons) => core::Verdict::PassOver(reasons.to_core()),
            Self::Deny(reasons) => core::Verdict::Deny(reasons.to_core()),
        }
    }
}
