//! The hooks of the policy contract as plain values: what a policy is asked, what it may answer, and how several
//! answers become one.
//!
//! Decides: what a sound answer is ([`check`]), which of several links prevails ([`chain`]), what two answers differ in
//! ([`compare`]), and what holds where no policy answers ([`builtin`]). Never runs a policy, reads a clock or touches a
//! disk: `ggen-policy` does that.
//!
//! Invariant: the records mirror `wit/` field by field, and their JSON is stable, because the decision log stores it
//! and `plugin test` reads it. Fields are `snake_case`; names of cases are those of the contract.

pub mod builtin;
pub mod chain;
pub mod check;
pub mod compare;
mod fallback;
mod limits;
mod question;
mod resolution;
mod scoring;
mod types;
mod verification;

pub use fallback::{Action, Attempt, Network, Situation, Stage, Trouble};
pub use limits::PolicyLimits;
pub use question::{Answer, Question, RankQuestion};
pub use resolution::{Candidate, Exclusion, Ranking, Request};
pub use scoring::{Ban, Offence, OffenceClass, PeerFacts, Reach, Sanction, Tally, Traits};
pub use types::{Advisory, Description, Facts, Hook, Job, Origin, Problem, Reason, Severity, Task, UnknownHook};
pub use verification::{Dependency, Evidence, FileFact, Item, Lookalike, Release, Verdict, Voucher};
