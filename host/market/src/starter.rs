//! The starter registry inside the program: a few useful packages for a machine with no network at all.
//!
//! They are `.ggen` files like any other and enter the catalog through the same checks. The key that signed them was
//! thrown away. Invariant: nothing of them is read before a route comes to `bundled`.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::OnceLock;

use ggen_core::PackageId;
use ggen_core::release::Archive;
use ggen_store::{GgenFile, Source, Store, StoreError};

use crate::error::MarketError;
use crate::market::{Market, now};

macro_rules! starter {
    ($($name:literal),+ $(,)?) => {
        &[$(include_bytes!(concat!("../starter/dist/", $name, ".ggen"))),+]
    };
}

/// The packages, as `publish --output` wrote them.
static PACKAGES: &[&[u8]] =
    starter!["hello-ggen-1.0.0", "project-papers-1.0.0", "release-vocabulary-1.0.0", "rest-api-blueprint-1.0.0"];

static IDS: OnceLock<BTreeSet<PackageId>> = OnceLock::new();

/// Takes the packages into the catalog.
pub(crate) fn import(store: &Store, now: u64) -> Result<(), MarketError> {
    let mut ids = BTreeSet::new();
    for bytes in PACKAGES {
        let file = open(bytes)?;
        ids.insert(file.1.release.release.id());
        if let Some(head) = &file.1.head {
            store.accept_head(head, Source::Bundled, now)?;
        }
        store.accept_release(&file.1.release, Source::Bundled, now)?;
    }
    let _ = IDS.set(ids);
    Ok(())
}

/// The same for who only looks: where nothing can be written, the rest can be read all the same.
pub(crate) fn import_to_look(market: &Market) -> Result<(), MarketError> {
    match import(&market.store, now()) {
        Err(MarketError::Store(error @ (StoreError::DiskFull { .. } | StoreError::ReadOnly { .. }))) => {
            market.tell("starter-not-read", format!("the packages inside the program are left out: {error}"));
            Ok(())
        }
        done => done,
    }
}

/// Whether a package is one of them, as far as they were read in this run.
pub(crate) fn is_bundled(id: &PackageId) -> bool {
    IDS.get().is_some_and(|ids| ids.contains(id))
}

/// All of them, as far as they were read in this run.
pub(crate) fn bundled() -> impl Iterator<Item = PackageId> {
    IDS.get().into_iter().flatten().cloned()
}

/// Puts an archive of theirs into the store; whether it is one.
pub(crate) fn take_archive(store: &Store, archive: &Archive) -> Result<bool, MarketError> {
    for bytes in PACKAGES {
        let (_kept, file) = open(bytes)?;
        if file.release.release.archive.digest == archive.digest {
            store.import_ggen_archive(&file)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The reader of `.ggen` files wants a file.
fn open(bytes: &[u8]) -> Result<(tempfile::NamedTempFile, GgenFile), MarketError> {
    let io = |source| MarketError::Io { path: std::env::temp_dir(), action: "written", source };
    let mut file = tempfile::NamedTempFile::new().map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    let read = ggen_store::read_ggen_file(file.path())
        .map_err(|source| MarketError::Archive { path: "the starter registry".into(), source })?;
    Ok((file, read))
}
