//! By which times and numbers a download goes.

/// Milliseconds of a clock that only rises.
pub type Millis = u64;

/// The bounds of a download.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Chunks under way to one holder, at most.
    pub window: usize,
    /// How long an active holder may go without a proved chunk.
    pub patience: Millis,
    /// How long a lesser holder that is ready waits, at the beginning, for better ones.
    pub head_start: Millis,
}
