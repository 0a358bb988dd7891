//! A plan as a value: what an install will do, package by package.
//!
//! Decides nothing: [`crate::solve`] makes it, and whoever carries it out reads it. Invariant: there are no choices left
//! in it, so that what is shown is the very thing that is done.

use ggen_core::Digest;
use ggen_core::hooks::Item;
use ggen_core::release::SignedRelease;
use ggen_core::resolve::{Chosen, Moved};
use ggen_store::CatalogVersion;

use crate::answers::{Notice, PassedOver, PlannedPackage};

/// One package of a plan.
pub(crate) struct PlanItem {
    pub(crate) chosen: Chosen,
    pub(crate) version: CatalogVersion,
    pub(crate) item: Item,
    /// This very version is installed already.
    pub(crate) kept: bool,
    /// The range that was asked for, where it was asked for.
    pub(crate) requirement: Option<String>,
}

impl PlanItem {
    pub(crate) fn release(&self) -> Option<&SignedRelease> {
        self.version.release.as_ref()
    }

    pub(crate) fn answer(&self) -> PlannedPackage {
        let archive = self.release().map(|r| &r.release.archive);
        PlannedPackage {
            name: self.chosen.id.name.clone(),
            version: self.chosen.version.clone(),
            publisher: self.chosen.id.publisher,
            digest: archive.map(|a| a.digest).or(self.version.archive).unwrap_or(Digest::from_bytes([0; 32])),
            requested_by: self.chosen.requested_by.iter().cloned().collect(),
            direct: self.chosen.direct,
            installed: self.kept,
            archive_size: archive.map_or(self.version.archive_size.unwrap_or(0), |a| a.size),
            unpacked_size: archive.map_or(0, |a| a.unpacked_size),
        }
    }
}

/// What an install will do.
pub(crate) struct Planned {
    /// Dependencies first.
    pub(crate) items: Vec<PlanItem>,
    pub(crate) passed_over: Vec<PassedOver>,
    pub(crate) warnings: Vec<Notice>,
    /// What could not be held to its version.
    pub(crate) moved: Vec<Moved>,
}
