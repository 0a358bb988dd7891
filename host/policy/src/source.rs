//! Where a component's bytes are, and how they are read.
//!
//! Decides how many bytes a component may have; never what is in them. Invariant: no more than that is read, however
//! long the file is.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ggen_core::hooks::PolicyLimits;

use crate::error::LinkProblem;

/// Where a component's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Part of this program, and so trusted as far as this program is.
    BuiltIn(&'static [u8]),
    /// A file that an operator named.
    File(PathBuf),
    /// A file that the operator installed, kept under its digest.
    Installed(PathBuf),
}

/// Reads a file of at most the host's size for components.
pub fn read_component(path: &Path, limits: &PolicyLimits) -> Result<Vec<u8>, LinkProblem> {
    let failed = |source| LinkProblem::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limits.component_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    check_size(&bytes, limits)?;
    Ok(bytes)
}

/// Refuses more bytes than a component may have.
pub fn check_size(bytes: &[u8], limits: &PolicyLimits) -> Result<(), LinkProblem> {
    let most = limits.component_bytes;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(LinkProblem::TooLarge { most });
    }
    Ok(())
}
