//! What can go wrong in the network, one enum for all of it. Decides nothing.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use ggen_core::Digest;

use crate::fetch::report::HolderReport;

/// An error of another library, kept for its text.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Why something of the network failed.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A text is not an address, or not one that can be used here.
    #[error("{text:?} is not a usable address: {problem}")]
    Address {
        /// What was written, shortened.
        text: String,
        /// What is wrong with it, as a clause.
        problem: String,
    },
    /// A text is no peer's id.
    #[error("{text:?} is no peer's id")]
    Peer {
        /// What was written, shortened.
        text: String,
    },
    /// The identity's bytes are not a key.
    #[error("the identity of the node cannot be read")]
    Identity(#[source] Problem),
    /// The transport could not be made.
    #[error("the network transport cannot be set up")]
    Transport(#[source] Problem),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: String,
        /// Why.
        source: Problem,
    },
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
    /// More work than the node takes on at once.
    #[error("the node is busy: {0}")]
    Busy(&'static str),
    /// Nobody answered in time.
    #[error("{what} took longer than {after:?}")]
    Timeout {
        /// What was waited for.
        what: Cow<'static, str>,
        /// How long.
        after: Duration,
    },
    /// A peer cannot be reached.
    #[error("peer {peer} cannot be reached: {problem}")]
    Unreachable {
        /// Who.
        peer: String,
        /// Why, as a clause.
        problem: String,
    },
    /// A peer is there, but only through a relay.
    #[error("peer {peer} can only be reached through a relay, and relays carry no archives")]
    OnlyRelayed {
        /// Who.
        peer: String,
    },
    /// Nobody is connected who could be asked or told.
    #[error("no peer is connected")]
    NoPeers,
    /// Everybody who was asked failed.
    #[error("nobody gave {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// An archive cannot be had from the holders.
    #[error("archive {archive} cannot be had: {} holders were asked and failed", holders.len())]
    Fetch {
        /// Which.
        archive: Digest,
        /// Each holder and why it failed.
        holders: Vec<HolderReport>,
    },
    /// An archive is larger than any may be.
    #[error("the archive has {size} bytes, more than the {limit} allowed ([limits] max_archive)")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The downloaded file cannot be read or written.
    #[error("cannot {action} the archive being downloaded")]
    File {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The control socket.
    #[error("the control socket {path}: {problem}")]
    Control {
        /// Its path.
        path: String,
        /// What is wrong, as a clause.
        problem: Cow<'static, str>,
        /// The system's word, where there is one.
        source: Option<io::Error>,
    },
    /// A node is already running with this home.
    #[error("a node is already running with this home")]
    AlreadyRunning,
    /// The running node refused or failed.
    #[error("the running node says: {message}")]
    Remote {
        /// Its stable code.
        code: String,
        /// Its text.
        message: String,
    },
}

impl NetError {
    /// A short stable word for the kind of error.
    pub fn code(&self) -> &str {
        match self {
            Self::Address { .. } => "address",
            Self::Peer { .. } => "peer",
            Self::Identity(_) => "identity",
            Self::Transport(_) => "transport",
            Self::Listen { .. } => "listen",
            Self::Stopped => "stopped",
            Self::Busy(_) => "busy",
            Self::Timeout { .. } => "timeout",
            Self::Unreachable { .. } => "unreachable",
            Self::OnlyRelayed { .. } => "only-relayed",
            Self::NoPeers => "no-peers",
            Self::NotFound { .. } => "not-found",
            Self::Fetch { .. } => "all-holders-failed",
            Self::TooLarge { .. } => "too-large",
            Self::File { .. } => "file",
            Self::Control { .. } => "control",
            Self::AlreadyRunning => "already-running",
            Self::Remote { code, .. } => code,
        }
    }

    pub(crate) fn timeout(what: impl Into<Cow<'static, str>>, after: Duration) -> Self {
        Self::Timeout { what: what.into(), after }
    }
}
