//! Lookups in the hash table that are under way.

use ggen_core::Digest;
use tokio::sync::{mpsc, oneshot};

use super::super::command::Lead;
use crate::error::NetError;

/// Lookups under way at once.
pub(crate) const MAX_QUERIES: usize = 256;
/// What is told again and again, by its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Holding {
    /// A head.
    Head(Digest),
    /// That this node provides something.
    Provides(Digest),
}

/// A lookup under way, and who waits for it.
pub(crate) enum Query {
    Records(mpsc::Sender<Lead>),
    Providers { reply: mpsc::Sender<Lead>, dialled: usize },
    Put(Digest, oneshot::Sender<Result<usize, NetError>>),
    Announce(Holding),
    OwnPlace,
}
