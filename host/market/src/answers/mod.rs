//! What each job answers: the JSON of the command line is these values, field by field.
//!
//! Decides nothing. Invariant: a field that scripts know is never renamed or removed; more may come.

mod node;
mod packages;
mod registry;
mod trust;

use serde::Serialize;

pub use node::*;
pub use packages::*;
pub use registry::*;
pub use trust::*;

/// Something that the user is told and that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Stable, for programs: `first-use`, `registry-corrupted`, …
    pub code: String,
    /// One sentence.
    pub message: String,
}
