//! The fallback-policy hook's values. Decides nothing. Invariant: every field crosses.

use ggen_core::hooks as core;

use super::{ToCore, ToGuest, same_cases};
use crate::bindings::guest::fallback_policy as wit;

same_cases!(core::Trouble, wit::Trouble, Unreachable TimedOut Incomplete Corrupt Exhausted);
same_cases!(core::Network, wit::Network, Online Degraded Isolated Stale);

impl ToCore for wit::Stage {
    type Core = core::Stage;
    fn to_core(self) -> Self::Core {
        core::Stage { origins: self.origins.to_core(), within_ms: self.within_ms }
    }
}

impl ToGuest for core::Attempt {
    type Guest = wit::Attempt;
    fn to_guest(&self) -> Self::Guest {
        wit::Attempt {
            origin: self.origin.to_guest(),
            trouble: self.trouble.to_guest(),
            code: self.code.clone(),
            elapsed_ms: self.elapsed_ms,
        }
    }
}

impl ToGuest for core::Situation {
    type Guest = wit::Situation;
    fn to_guest(&self) -> Self::Guest {
        wit::Situation {
            trouble: self.trouble.to_guest(),
            code: self.code.clone(),
            origin: self.origin.to_guest(),
            package: self.package.clone(),
            attempt: self.attempt,
            elapsed_ms: self.elapsed_ms,
            left_ms: self.left_ms,
            network: self.network.to_guest(),
            tried: self.tried.to_guest(),
            untried: self.untried.to_guest(),
            facts: self.facts.clone(),
        }
    }
}

impl ToCore for wit::Action {
    type Core = core::Action;
    fn to_core(self) -> Self::Core {
        match self {
            Self::Abstain => core::Action::Abstain,
            Self::Retry(ms) => core::Action::Retry(ms),
            Self::TurnTo(origin) => core::Action::TurnTo(origin.to_core()),
            Self::Degrade(reason) => core::Action::Degrade(reason.to_core()),
            Self::Stop(reason) => core::Action::Stop(reason.to_core()),
        }
    }
}
