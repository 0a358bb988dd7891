//! The way to the network of one job, once it is opened, and who gave which head over it.
//!
//! Decides nothing: [`crate::network`] opens it. Invariant: where nobody can be reached, it says why in the user's words.

use std::sync::{Mutex, PoisonError};

use ggen_net::Network;

use crate::facts::Agreement;

/// The way to the network, for one job.
pub(crate) struct Session {
    network: Option<Network>,
    /// Why there is none, in the user's words.
    problem: Option<String>,
    pub(crate) agreement: Mutex<Agreement>,
}

impl Session {
    /// The network, if somebody can be reached.
    pub(crate) fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// Why nobody can be reached.
    pub(crate) fn problem(&self) -> &str {
        self.problem.as_deref().unwrap_or("no peer answers")
    }

    /// Counts who gave which head.
    pub(crate) fn agreement(&self) -> Agreement {
        self.agreement.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn none(problem: impl Into<String>) -> Self {
        Self { network: None, problem: Some(problem.into()), agreement: Mutex::default() }
    }

    pub(crate) fn over(network: Network) -> Self {
        Self { network: Some(network), problem: None, agreement: Mutex::default() }
    }

    /// Leaves the network in good order.
    pub(crate) async fn close(&self) {
        if let Some(Network::Own(handle)) = &self.network {
            let _ = handle.shutdown().await;
        }
    }
}
