//! A component that fits this host: what it offers, what it says of itself, and where its functions are.
//!
//! Decides which questions it can be asked; never whether it fits. Invariant: nothing here changes once it is loaded,
//! and no instance is kept.

use ggen_core::hooks::{Description, Question};
use wasmtime::component::InstancePre;

use crate::bindings::guest;
use crate::error::LinkProblem;
use crate::sniff::Offers;
use crate::source::Source;
use crate::state::State;

/// Places of the functions that a component exports, for each interface that it offers.
pub struct Indices {
    /// Always there.
    pub plugin: guest::plugin::GuestIndices,
    /// If offered.
    pub verification: Option<guest::verification::GuestIndices>,
    /// If offered.
    pub contents: Option<guest::contents_verification::GuestIndices>,
    /// If offered.
    pub resolution: Option<guest::version_resolution::GuestIndices>,
    /// If offered.
    pub scoring: Option<guest::peer_scoring::GuestIndices>,
    /// If offered.
    pub fallback: Option<guest::fallback_policy::GuestIndices>,
}

impl Indices {
    /// The places of all that is offered; an export of other types than the contract's is refused.
    pub fn of(pre: &InstancePre<State>, offers: Offers) -> Result<Self, LinkProblem> {
        let lacks = |interface| move |e: wasmtime::Error| LinkProblem::types(interface, &e);
        macro_rules! if_offered {
            ($offered:expr, $interface:ident, $name:literal) => {
                match $offered {
                    true => Some(guest::$interface::GuestIndices::new(pre).map_err(lacks($name))?),
                    false => None,
                }
            };
        }
        Ok(Self {
            plugin: guest::plugin::GuestIndices::new(pre).map_err(lacks("plugin"))?,
            verification: if_offered!(offers.verification, verification, "verification"),
            contents: if_offered!(offers.contents, contents_verification, "contents-verification"),
            resolution: if_offered!(offers.resolution, version_resolution, "version-resolution"),
            scoring: if_offered!(offers.scoring, peer_scoring, "peer-scoring"),
            fallback: if_offered!(offers.fallback, fallback_policy, "fallback-policy"),
        })
    }
}

/// A component that can be asked.
pub struct Loaded {
    /// SHA-256, lowercase hexadecimal.
    pub digest: String,
    /// Where its bytes are, if a link named it.
    pub source: Option<Source>,
    /// What it offers.
    pub offers: Offers,
    /// What it says of itself, cleaned.
    pub description: Description,
    /// Linked, and not yet instantiated.
    pub pre: InstancePre<State>,
    /// Its functions.
    pub indices: Indices,
}

impl Loaded {
    /// Whether it offers the interface that this question is asked through. A verifier need not look into files, nor one
    /// that looks into files at plans.
    pub const fn answers(&self, question: &Question) -> bool {
        match question {
            Question::ReviewPlan { .. } => self.offers.verification,
            Question::ReviewContents { .. } => self.offers.contents,
            _ => true,
        }
    }
}
