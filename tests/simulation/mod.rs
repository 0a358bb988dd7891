//! A simulated network of thousands of nodes, on which the rules of `ggen_core` are tried.
//!
//! Real: signatures and their checks, what may be stored, succession of heads, naming, releases, the chunk schedule and
//! the proof of chunks, when what is held is told again, reputation and its scores, the limits. A model: the hash table's
//! routing and lookups, latency, loss, bandwidth, coming and going. Invariant: no clock, no thread, no socket; a run depends on its [`Plan`] alone.

mod crowd;
mod fetch;
mod figures;
mod goods;
mod install;
mod jobs;
mod liars;
mod life;
mod peer;
mod plan;
mod post;
pub mod random;
mod search;
mod table;
mod tells;
mod world;

pub use figures::Figures;
pub use plan::Plan;
pub use tells::LIBRARY;
pub use world::World;
