//! Writes a ggen policy in Rust: one trait implementation, one export line.
//!
//! ```
//! use ggen_plugin_sdk::prelude::*;
//!
//! settings! {
//!     /// Refuses what was first seen less than a given time ago.
//!     pub struct MinimumAge {
//!         /// How old a release must be.
//!         age: Span = Span::days(7),
//!     }
//! }
//!
//! impl Verification for MinimumAge {
//!     fn review(&self, job: &Job, item: &Item) -> Verdict {
//!         if item.evidence.witnessed.saturating_add(self.age.as_millis()) <= job.now {
//!             return Verdict::Allow;
//!         }
//!         Verdict::PassOver(vec![Reason::new("too-new", format!("it is not {} old yet", self.age))])
//!     }
//! }
//!
//! export!(MinimumAge: Verification);
//! ```
//!
//! The same code runs natively in unit tests ([`testing`] builds the inputs) and, built by `ggen plugin build`, inside
//! the host, where it sees nothing but its arguments. The SDK never reads a clock, a file or the network, and draws
//! no random numbers: a policy made with it can be replayed. Invariant: a policy's settings are whole and known
//! before any hook is asked.

#[allow(
    missing_docs,
    unsafe_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "generated from wit/, where the documentation is"
)]
#[doc(hidden)]
pub mod bindings;
mod export;
mod hooks;
pub mod log;
pub mod names;
pub mod settings;
pub mod spdx;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod time;
pub mod types;

#[doc(hidden)]
pub use export::{guest, sections};
pub use hooks::{
    Archive, ContentsVerification, Described, FallbackPolicy, PeerScoring, Policy, Verification, VersionResolution,
};
#[doc(hidden)]
pub use serde_json;

/// Everything that a policy usually names.
pub mod prelude {
    pub use crate::settings::{Problem, Setting, Settings};
    pub use crate::time::{Date, Span};
    pub use crate::types::*;
    pub use crate::{
        Archive, ContentsVerification, FallbackPolicy, PeerScoring, Policy, Verification, VersionResolution, choice,
        debug, error, export, info, names, settings, spdx, trace, warn,
    };
}
