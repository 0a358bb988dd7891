//! Archives: packing, unpacking, inspecting.
//!
//! An archive is a canonical ustar subset in one zstd frame: regular files (directories are accepted), sorted, one
//! form of header for one file. What is read must be byte for byte what this program would have written for the same
//! entries, so there is nothing that two readers could understand differently. Invariant: whatever the bytes, memory is
//! bounded by [`ggen_core::limits::Limits`] and nothing is written outside the directory that was given.

mod direct;
mod dirs;
mod frame;
pub mod ggen_file;
mod header;
pub mod inspect;
pub mod pack;
pub(crate) mod read;
pub mod unpack;

use std::io;
use std::path::PathBuf;

use ggen_core::Digest;
use ggen_core::files::FileListError;
use ggen_core::paths::PathError;

pub use ggen_file::{GgenFile, read_ggen_file, write_ggen_file};
pub use inspect::{Inspected, Inspection, Reason, inspect};
pub use pack::{Packed, pack, pack_in};
pub use unpack::{Unpacked, unpack};

/// The largest window of a zstd frame, as a power of two: 8 MiB.
pub(crate) const WINDOW_LOG: u32 = 23;

/// Why an archive is refused, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A call of the system.
    #[error("cannot {action} {path:?}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A path that no archive may have.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A path that is not UTF-8.
    #[error("the path {path} is not UTF-8")]
    PathNotUtf8 {
        /// The path, escaped.
        path: String,
    },
    /// A kind of entry that no archive may have.
    #[error("{path:?} is {kind}")]
    Kind {
        /// `link`, `device`, `pax`, …
        code: &'static str,
        /// Which entry, escaped.
        path: String,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// A header that is not the one form there is.
    #[error("entry {number}: {problem}")]
    Header {
        /// `bad-checksum`, `not-ustar`, `not-canonical`, …
        code: &'static str,
        /// Which entry, from 1.
        number: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// The compressed stream or the end of the archive.
    #[error("the archive {problem}")]
    Stream {
        /// `truncated`, `trailing-data`, `window`, …
        code: &'static str,
        /// What is wrong, as a predicate.
        problem: &'static str,
    },
    /// More of something than is allowed or declared.
    #[error("the archive has {what}: more than {limit}")]
    TooMuch {
        /// `too-many-files`, `too-large`, `bomb`, `more-than-declared`.
        code: &'static str,
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// Entries out of order.
    #[error("{path:?} is out of order")]
    Order {
        /// Which entry.
        path: String,
    },
    /// The files are not those that were signed.
    #[error("the archive's files are not the signed ones: {problem}")]
    NotSigned {
        /// `file-count`, `unpacked-size`, `file-list`.
        code: &'static str,
        /// What differs.
        problem: &'static str,
    },
    /// The file list cannot be made.
    #[error("the archive's files cannot be listed")]
    Files(#[from] FileListError),
    /// A file changed while it was packed.
    #[error("{path:?} changed while it was packed")]
    Changed {
        /// Which.
        path: String,
    },
    /// Other bytes than the signed ones.
    #[error("the archive has the digest {found}, not {expected}")]
    Digest {
        /// Signed.
        expected: Digest,
        /// Found.
        found: Digest,
    },
    /// The signed part of a `.ggen` file.
    #[error("the .ggen file is not valid: {problem}")]
    GgenFile {
        /// `ggen-layout`, `ggen-release`.
        code: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl ArchiveError {
    /// A stable word for the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Path(error) | Self::Files(FileListError::Path(error)) => error.code,
            Self::PathNotUtf8 { .. } => "path-not-utf8",
            Self::Kind { code, .. }
            | Self::Header { code, .. }
            | Self::Stream { code, .. }
            | Self::TooMuch { code, .. }
            | Self::NotSigned { code, .. }
            | Self::GgenFile { code, .. } => code,
            Self::Order { .. } => "order",
            Self::Files(_) => "file-list",
            Self::Changed { .. } => "changed",
            Self::Digest { .. } => "digest",
        }
    }

    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) const fn stream(code: &'static str, problem: &'static str) -> Self {
        Self::Stream { code, problem }
    }

    pub(crate) const fn truncated() -> Self {
        Self::stream("truncated", "ends too early")
    }
}
