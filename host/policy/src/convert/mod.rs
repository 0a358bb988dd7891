//! From the core's plain values to the contract's types and back.
//!
//! Decides nothing, checks nothing: a value crosses as it is. Invariant: every field crosses; one that the contract
//! gains fails to compile here.

mod fallback;
mod resolution;
mod scoring;
mod verification;

use ggen_core::hooks as core;

use crate::bindings::{guest, types};

/// The contract's type for a core value.
pub trait ToGuest {
    /// That type.
    type Guest;
    /// Copies the value.
    fn to_guest(&self) -> Self::Guest;
}

/// The core's value for one of the contract's.
pub trait ToCore {
    /// That type.
    type Core;
    /// Moves the value.
    fn to_core(self) -> Self::Core;
}

impl<T: ToGuest> ToGuest for [T] {
    type Guest = Vec<T::Guest>;
    fn to_guest(&self) -> Self::Guest {
        self.iter().map(T::to_guest).collect()
    }
}

impl<T: ToCore> ToCore for Vec<T> {
    type Core = Vec<T::Core>;
    fn to_core(self) -> Self::Core {
        self.into_iter().map(T::to_core).collect()
    }
}

/// Both ways between two enums with the same cases.
macro_rules! same_cases {
    ($core:ty, $guest:ty, $($case:ident)+) => {
        impl $crate::convert::ToGuest for $core {
            type Guest = $guest;
            fn to_guest(&self) -> $guest {
                match self { $(Self::$case => <$guest>::$case,)+ }
            }
        }
        impl $crate::convert::ToCore for $guest {
            type Core = $core;
            fn to_core(self) -> $core {
                match self { $(Self::$case => <$core>::$case,)+ }
            }
        }
    };
}
use same_cases;

same_cases!(core::Origin, types::Origin, Store Registry LocalNetwork Peers Organization Bundled File);
same_cases!(core::Task, types::Task, Search Install Update Publish Repair Node);
same_cases!(core::Severity, types::Severity, Unknown Low Medium High Critical);

impl ToGuest for core::Advisory {
    type Guest = types::Advisory;
    fn to_guest(&self) -> Self::Guest {
        types::Advisory { id: self.id.clone(), feed: self.feed.clone(), severity: self.severity.to_guest() }
    }
}

impl ToGuest for core::Job {
    type Guest = types::Job;
    fn to_guest(&self) -> Self::Guest {
        types::Job {
            now: self.now,
            task: self.task.to_guest(),
            offline: self.offline,
            advisories_as_of: self.advisories_as_of,
            labels: self.labels.clone(),
            facts: self.facts.clone(),
        }
    }
}

impl ToCore for types::Reason {
    type Core = core::Reason;
    fn to_core(self) -> Self::Core {
        core::Reason { code: self.code, message: self.message, hint: self.hint }
    }
}

impl ToCore for guest::plugin::Description {
    type Core = core::Description;
    fn to_core(self) -> Self::Core {
        core::Description {
            name: self.name,
            version: self.version,
            summary: self.summary,
            settings_schema: self.settings_schema,
        }
    }
}

impl ToCore for guest::plugin::Problem {
    type Core = core::Problem;
    fn to_core(self) -> Self::Core {
        core::Problem { path: self.path, message: self.message }
    }
}
