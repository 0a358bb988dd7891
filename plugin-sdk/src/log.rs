//! Lines that are kept with a decision. They are never an input of one; the host keeps 64 of 1 KiB.
//!
//! In a component they go through the contract's `log`; natively they are collected for the test that runs on the same
//! thread. Invariant: a panic's text is sent before the instance traps, so that the operator reads it.

pub use crate::bindings::ggen::policy::log::Level;

/// Sends one line to the host; natively keeps it for [`take`].
pub fn emit(level: Level, message: &str) {
    #[cfg(target_family = "wasm")]
    crate::bindings::ggen::policy::log::emit(level, message);
    #[cfg(not(target_family = "wasm"))]
    kept::push(level, message);
}

/// From now on a panic's text and place go to the log before the trap. Called before any code of an author runs.
pub(crate) fn report_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| emit(Level::Error, &panic.to_string())));
    });
}

#[cfg(not(target_family = "wasm"))]
mod kept {
    use std::cell::RefCell;

    use super::Level;

    /// As many lines as the host keeps of one decision.
    const LINES: usize = 64;

    thread_local! {
        static KEPT: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn push(level: Level, message: &str) {
        KEPT.with_borrow_mut(|kept| {
            if kept.len() < LINES {
                kept.push((level, message.to_owned()));
            }
        });
    }

    /// The lines that this thread logged since the last call.
    pub fn take() -> Vec<(Level, String)> {
        KEPT.take()
    }
}

#[cfg(not(target_family = "wasm"))]
pub use kept::take;

/// Logs at `trace`.
#[macro_export]
macro_rules! trace { ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Trace, &::std::format!($($text)*)) }; }
/// Logs at `debug`.
#[macro_export]
macro_rules! debug { ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Debug, &::std::format!($($text)*)) }; }
/// Logs at `info`.
#[macro_export]
macro_rules! info { ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Info, &::std::format!($($text)*)) }; }
/// Logs at `warn`.
#[macro_export]
macro_rules! warn { ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Warn, &::std::format!($($text)*)) }; }
/// Logs at `error`.
#[macro_export]
macro_rules! error { ($($text:tt)*) => { $crate::log::emit($crate::log::Level::Error, &::std::format!($($text)*)) }; }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_reads_what_was_logged() {
        crate::info!("{} of {}", 1, 2);
        assert_eq!(take(), [(Level::Info, "1 of 2".to_owned())]);
        assert!(take().is_empty());
    }
}
