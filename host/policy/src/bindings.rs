//! The contract's types and functions as wasmtime sees them, generated from `wit/`.
//!
//! Decides nothing. The world with every hook is generated once; a component offers any of them, so each interface is
//! bound by itself through its `GuestIndices`.
#![allow(missing_docs, reason = "generated; the contract's own documentation stands in wit/")]
#![allow(clippy::all, reason = "generated")]

/// The version of the contract that this host offers.
pub const VERSION: &str = "0.1.0";

/// The host's side of an archive: which one is told by the instance that holds it.
pub struct Archive;

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "every-hook",
    with: { "ggen:policy/contents.archive": Archive },
    imports: { default: trappable },
});

pub use exports::ggen::policy as guest;
pub use ggen::policy::{contents, log, types};
