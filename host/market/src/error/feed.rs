//! Why a feed of advisories cannot be used.
//!
//! Each variant has what a person needs to act; the command line alone gives codes and hints.

use std::path::PathBuf;
use std::sync::Arc;

use ggen_core::advisories::RecordError;
use ggen_core::{PackageName, PublisherId};
use ggen_store::StoreError;

/// A feed that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the advisories of {package} cannot be used: {problem}")]
pub struct FeedFault {
    /// The feed's package.
    pub package: PackageName,
    /// Whose it must be, where the configuration says it.
    pub publisher: Option<PublisherId>,
    /// The file that names it.
    pub from: PathBuf,
    /// Why not.
    #[source]
    pub problem: FeedProblem,
}

/// Why a feed cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FeedProblem {
    /// There is nothing to read.
    #[error("it is not installed")]
    Missing,
    /// Another publisher's package of that name is installed.
    #[error("what is installed is of publisher {}", .installed.short())]
    OtherPublisher {
        /// Whose it is.
        installed: PublisherId,
    },
    /// Its files are not as they were signed, or too much.
    #[error("its files cannot be relied on")]
    Damaged {
        /// How it shows.
        source: Arc<StoreError>,
    },
    /// A file that is no record which is understood here.
    #[error("its file {path} is not understood: {problem}")]
    NotUnderstood {
        /// The file, inside the package.
        path: String,
        /// Why not.
        problem: RecordError,
    },
}
