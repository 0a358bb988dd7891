//! `ggen-policy` runs policies: WebAssembly components that decide for an operator.
//!
//! It loads a component, asks it one question in a fresh and bounded instance, checks the answer, and combines the
//! answers of a hook's links. It never gives a policy a file, a clock, a network or a random number, never takes
//! compiled code from anybody but itself, and never allows what a policy failed to allow. Its rules (what is a sound
//! answer, how links combine) are [`ggen_core::hooks`]; this crate is what runs.
//!
//! ```text
//! PolicyHost ── Chain (per hook) ── Link ── Loaded (component, description)
//!     │                                        │
//!     └─ Runtime (engine, ticker, gate) ── run: fresh instance, configure, one question, dropped
//! ```
//!
//! Invariant: whatever bytes a component is made of, a call ends within its limits, with an answer or a named fault,
//! and the next call finds nothing of it.

pub mod build;

mod afterwards;
mod ask;
mod asker;
mod asking;
mod bindings;
mod breaker;
mod cache;
mod chains;
mod child;
mod contract;
mod convert;
mod decision;
mod digest;
mod error;
mod host;
mod imports;
mod input;
mod inspect;
mod link;
mod link_config;
mod load;
mod loaded;
mod review;
mod row;
mod run;
mod runtime;
mod settings;
mod sniff;
mod sound;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod threads;

pub use afterwards::{Afterwards, PolicyNotice};
pub use asker::{Asker, Startup};
pub use cache::{Compiler, precompile};
pub use chains::{BuiltIn, InstalledResolver};
pub use child::{ChildCompiler, compile_if_asked, compile_in_children};
pub use decision::{Decision, LogLevel, LogLine};
pub use error::{Fault, Limit, LinkProblem, PolicyError, PolicyFault};
pub use host::{HostOptions, PolicyHost, ShownLink};
pub use input::Input;
pub use inspect::{Inspection, inspect_component};
pub use link_config::{LinkConfig, LinkSource, LinkTable, Mode, Written};
pub use review::{ActionReview, ContentsReview, PlanReview, RankReview, RouteReview, SanctionReview, ScoreReview};
pub use sound::{Loosened, loosened};
pub use source::Source;
pub use state::ArchiveView;
