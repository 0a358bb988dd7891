//! `ggen-core` decides and never acts.
//!
//! Names, signed documents, resolution, plans, the hooks' rules: all of it plain values and functions. There is no I/O,
//! clock, randomness or async in this crate; time and random numbers come as arguments.

pub mod admit;
pub mod advisories;
pub mod announcement;
pub mod census;
pub mod chunks;
pub mod digest;
pub mod doctor;
pub mod dsse;
pub mod files;
pub mod flood;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod graph;
pub mod head;
pub mod hooks;
pub mod limits;
pub mod lockfile;
pub mod lookalike;
pub mod manifest;
pub mod name;
pub mod naming;
pub mod offences;
pub mod partition;
pub mod paths;
pub mod reach;
pub mod recent;
pub mod release;
pub mod republish;
pub mod reputation;
pub mod resolve;
pub mod root;
pub mod schedule;
pub mod search;
pub mod share;
pub mod stock;
pub mod upload;
mod window;

pub use digest::Digest;
pub use name::{PackageId, PackageName, PublisherId};
