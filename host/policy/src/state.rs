//! What one instance holds on the host's side: its memory so far, its log, its archive and its deadline.
//!
//! Decides whether memory may grow and which log lines are kept. Invariant: it lives as long as one decision.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use ggen_core::hooks::check::clean_text;
use ggen_core::hooks::{FileFact, PolicyLimits};
use wasmtime::ResourceLimiter;

use crate::decision::{LogLevel, LogLine};
use crate::error::Limit;

/// Read-only sight of the files of one release, all proved to be what was signed.
pub trait ArchiveView: Send + Sync {
    /// Files in path order from number `first` on, at most `count`.
    ///
    /// # Errors
    /// When the archive cannot be read; the policy's call ends as a fault.
    fn files(&self, first: u32, count: u32) -> io::Result<Vec<FileFact>>;

    /// At most `length` bytes of a file from `offset` on; empty at and after its end.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read; the policy's call ends as a fault.
    fn read(&self, file: u32, offset: u64, length: u32) -> io::Result<Vec<u8>>;
}

/// Entries of all tables together.
pub const TABLE_ENTRIES: usize = 1 << 18;
/// Core instances, memories and tables of one component: a Rust policy has four, one from Python some dozens.
const INSTANCES: usize = 256;

/// The host's side of one instance.
pub struct State {
    memory: usize,
    most_memory: usize,
    table_entries: usize,
    lines: Vec<LogLine>,
    most_lines: usize,
    line_bytes: usize,
    /// When wall-clock time is up.
    pub deadline: Instant,
    /// The limit that this host, rather than wasmtime, found exceeded.
    pub struck: Option<Limit>,
    /// The files that may be looked into.
    pub archive: Option<Arc<dyn ArchiveView>>,
}

impl State {
    /// The state of an instance that has not begun.
    pub fn new(limits: &PolicyLimits, deadline: Instant) -> Self {
        Self {
            memory: 0,
            most_memory: limits.memory_bytes,
            table_entries: 0,
            lines: Vec::new(),
            most_lines: limits.log_lines,
            line_bytes: limits.log_line_bytes,
            deadline,
            struck: None,
            archive: None,
        }
    }

    /// Keeps a line, cleaned and cut, while there is room for it.
    pub fn keep(&mut self, level: LogLevel, message: &str) {
        if self.lines.len() < self.most_lines {
            let text = clean_text(message, self.line_bytes);
            self.lines.push(LogLine { level, text });
        }
    }

    /// The lines kept, which are then gone from here.
    pub fn take_lines(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines)
    }

    /// Linear memory so far, in bytes; it never shrinks.
    pub fn memory(&self) -> u64 {
        u64::try_from(self.memory).unwrap_or(u64::MAX)
    }

    /// The longest line that is kept, in bytes.
    pub const fn line_bytes(&self) -> usize {
        self.line_bytes
    }

    /// What the policy itself said last as an error: its panic's text, where a trap follows.
    pub fn last_words(&self) -> Option<&str> {
        self.lines.last().filter(|line| line.level == LogLevel::Error).map(|line| line.text.as_str())
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.memory.saturating_add(desired.saturating_sub(current));
        if all > self.most_memory {
            self.struck = Some(Limit::Memory);
            return Err(wasmtime::format_err!("memory limit"));
        }
        self.memory = all;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.table_entries.saturating_add(desired.saturating_sub(current));
        if all > TABLE_ENTRIES {
            self.struck = Some(Limit::Memory);
            return Err(wasmtime::format_err!("table limit"));
        }
        self.table_entries = all;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        INSTANCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State::new(&PolicyLimits { memory_bytes: 100, log_lines: 2, ..PolicyLimits::default() }, Instant::now())
    }

    #[test]
    fn memory_is_counted_over_all_memories() {
        let mut state = state();
        assert!(state.memory_growing(0, 60, None).unwrap());
        assert!(state.memory_growing(60, 70, None).unwrap());
        assert!(state.memory_growing(0, 31, None).is_err());
        assert_eq!(state.struck, Some(Limit::Memory));
    }

    #[test]
    fn the_log_is_bounded_and_clean() {
        let mut state = state();
        for text in ["a\u{1b}[2J", &"x".repeat(5000), "lost"] {
            state.keep(LogLevel::Info, text);
        }
        let lines = state.take_lines();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].text, "a[2J");
        assert!(lines[1].text.len() <= 1024);
    }
}
