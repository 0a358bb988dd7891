//! Every bound on a policy, with its default. Decides how much fuel and time a call gets; measures neither.
//!
//! Invariant: a budget depends on the size of the question alone, so that a replay gets the same one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds on what a policy may use and answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyLimits {
    /// Linear memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// WebAssembly stack, in bytes.
    pub stack_bytes: usize,
    /// Fuel for instantiation, `describe` and `configure`, each.
    pub configure_fuel: u64,
    /// Fuel for any call, before what the question's size adds.
    pub call_fuel: u64,
    /// More for each item, candidate or peer.
    pub fuel_per_entry: u64,
    /// More for each unpacked byte of an archive that is looked into.
    pub fuel_per_byte: u64,
    /// More for each file of an archive that is looked into.
    pub fuel_per_file: u64,
    /// Wall-clock time of a call in milliseconds, to which its fuel adds 1 ms a million.
    pub wall_ms: u64,
    /// Bytes that a policy may hand to the host in one call.
    pub answer_bytes: usize,
    /// Lines of log that are kept for a decision.
    pub log_lines: usize,
    /// Bytes of one of them.
    pub log_line_bytes: usize,
    /// Settings of one link, in bytes of JSON.
    pub settings_bytes: usize,
    /// A component, in bytes.
    pub component_bytes: u64,
    /// Time that compiling one may take, on the wall clock and of a processor, in milliseconds.
    pub compile_ms: u64,
    /// Memory that compiling one may take, in bytes.
    pub compile_memory: u64,
    /// Compiled code, in bytes.
    pub code_bytes: u64,
    /// Links in one hook's chain.
    pub links: usize,
    /// Reasons for one verdict.
    pub reasons: usize,
    /// A reason's message or hint, in bytes; more is cut off.
    pub text_bytes: usize,
    /// Stages in a route.
    pub stages: usize,
    /// The longest a route's stage may be given, in milliseconds.
    pub stage_ms: u32,
    /// The longest delay before a retry, in milliseconds.
    pub retry_ms: u32,
    /// The longest a peer may be asked last, in seconds.
    pub avoid_seconds: u32,
    /// The longest ban, in seconds.
    pub ban_seconds: u32,
    /// Faults in a row that set a scoring policy aside.
    pub breaker_faults: u32,
    /// How long a scoring policy stays set aside before it is tried again, in milliseconds.
    pub breaker_ms: u64,
    /// Wall-clock time that a short command gives its shadow links when all is done, in milliseconds.
    pub shadow_ms: u64,
}

impl Default for PolicyLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            stack_bytes: 1 << 20,
            configure_fuel: 100_000_000,
            call_fuel: 100_000_000,
            fuel_per_entry: 1_000_000,
            fuel_per_byte: 64,
            fuel_per_file: 20_000,
            wall_ms: 2_000,
            answer_bytes: 16 << 20,
            log_lines: 64,
            log_line_bytes: 1024,
            settings_bytes: 64 << 10,
            component_bytes: 64 << 20,
            compile_ms: 300_000,
            compile_memory: 6 << 30,
            code_bytes: 512 << 20,
            links: 32,
            reasons: 16,
            text_bytes: 1024,
            stages: 16,
            stage_ms: 600_000,
            retry_ms: 600_000,
            avoid_seconds: 7 * 86_400,
            ban_seconds: 30 * 86_400,
            breaker_faults: 3,
            breaker_ms: 600_000,
            shadow_ms: 200,
        }
    }
}

impl From<&crate::limits::Limits> for PolicyLimits {
    /// The configurable ones; the rest keep their defaults.
    fn from(limits: &crate::limits::Limits) -> Self {
        let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        Self {
            memory_bytes: limits.policy_memory,
            stack_bytes: limits.policy_stack,
            configure_fuel: limits.policy_configure_fuel,
            call_fuel: limits.policy_fuel,
            wall_ms: u64::try_from(limits.policy_time.as_millis()).unwrap_or(u64::MAX),
            log_lines: limits.policy_log_lines,
            log_line_bytes: limits.policy_log_line,
            settings_bytes: limits.policy_settings,
            component_bytes: limits.max_component,
            compile_ms: u64::try_from(limits.policy_compile_time.as_millis()).unwrap_or(u64::MAX),
            compile_memory: limits.policy_compile_memory,
            retry_ms: u32::try_from(limits.max_retry_delay.as_millis()).unwrap_or(u32::MAX),
            ban_seconds: seconds(limits.max_ban),
            ..Self::default()
        }
    }
}

impl PolicyLimits {
    /// Fuel for a call about so many items, candidates or peers.
    #[must_use]
    pub fn fuel_for_entries(&self, entries: usize) -> u64 {
        let entries = u64::try_from(entries).unwrap_or(u64::MAX);
        self.call_fuel.saturating_add(self.fuel_per_entry.saturating_mul(entries))
    }

    /// Fuel for looking into an archive of so many unpacked bytes and files.
    #[must_use]
    pub fn fuel_for_contents(&self, unpacked_size: u64, file_count: u32) -> u64 {
        self.call_fuel
            .saturating_add(self.fuel_per_byte.saturating_mul(unpacked_size))
            .saturating_add(self.fuel_per_file.saturating_mul(u64::from(file_count)))
    }

    /// Wall-clock time that goes with so much fuel: far more than the fuel can burn on an idle machine.
    #[must_use]
    pub fn wall_for(&self, fuel: u64) -> Duration {
        Duration::from_millis(self.wall_ms.saturating_add(fuel / 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_grow_with_the_question_and_never_overflow() {
        let limits = PolicyLimits::default();
        assert_eq!(limits.fuel_for_entries(2), 102_000_000);
        assert_eq!(limits.fuel_for_contents(10, 1), 100_020_640);
        assert_eq!(limits.fuel_for_contents(u64::MAX, 1), u64::MAX);
        assert_eq!(limits.wall_for(1_000_000_000), Duration::from_secs(3));
    }
}
