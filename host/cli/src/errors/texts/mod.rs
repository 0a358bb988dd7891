//! The texts of `ggen explain`: flat tables, one entry for each code.
//!
//! Decides nothing. Invariant: no text tells anybody to delete what cannot be had again.

mod machine;
mod packages;
mod trust;

use super::codes::Text;

/// All of them, in the order of the codes.
pub(super) fn texts() -> impl Iterator<Item = &'static Text> {
    [packages::TEXTS, machine::TEXTS, trust::TEXTS].into_iter().flatten()
}
