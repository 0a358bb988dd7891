//! Resolution: names and ranges in, exact releases out.
//!
//! pubgrub solves over what is known; what it lacks comes back as [`ResolveError::Missing`], is fetched by the caller, and
//! it solves again. Decides; never fetches, never asks a policy (its ranking and exclusions are part of
//! [`Knowledge`]). Invariant: every [`Solution`] passed `check::check`, which shares no code with the solver.

mod attempt;
mod check;
mod cycle;
mod derivation;
mod error;
mod explain;
mod explanation;
mod keep;
mod knowledge;
mod lookahead;
mod node;
mod provider;
mod relief;
mod solution;
mod tell;

use knowledge::Held;

pub use error::{Collision, NamingRefusal, ResolveError};
pub use explanation::{Derivation, Explanation};
pub use keep::{Kept, Moved, resolve_keeping};
pub use knowledge::{Bounds, Knowledge, KnownPackage, KnownVersion, Missing, Request};
pub use solution::{Chosen, Solution};

/// Solves `requests` over `knowledge`; `cancelled` is asked at each step.
pub fn resolve(
    requests: &[Request],
    knowledge: &Knowledge,
    bounds: Bounds,
    cancelled: &dyn Fn() -> bool,
) -> Result<Solution, ResolveError> {
    attempt::attempt(requests, knowledge, &Held::new(), bounds, cancelled)
        .map_err(|failed| relief::with_hints(failed.error, requests, knowledge, bounds, cancelled))
}

#[cfg(test)]
mod tests;
