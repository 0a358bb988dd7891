//! Which names are established here, so that others can be found to look like them.
//!
//! Decides what counts: names that are bound, installed or an organization's, the starter packages once they were looked
//! into, and what several sources have told of for a month. Never decides what is alike: `ggen_core::lookalike` does.

use std::collections::BTreeMap;

use ggen_core::PackageId;
use ggen_core::lookalike::Established;

use crate::error::MarketError;
use crate::market::{Market, now};

/// Sources that must tell of a name; peers of one network count once.
const SOURCES: u32 = 3;
/// How long a name must have been known, in milliseconds.
const KNOWN_FOR: u64 = 30 * 24 * 3600 * 1000;
/// Names that are compared.
const MOST: usize = 20_000;

impl Market {
    /// The names that are established here, each with its publisher.
    pub(crate) fn established(&self) -> Result<Vec<Established>, MarketError> {
        let mut known: BTreeMap<PackageId, (bool, u64)> = BTreeMap::new();
        let mut add = |id: PackageId, installed: bool, since: u64| {
            let entry = known.entry(id).or_insert((installed, since));
            *entry = (entry.0 || installed, entry.1.min(since));
        };
        for (name, publisher) in &self.settings.names {
            add(PackageId { publisher: *publisher, name: name.clone() }, false, 0);
        }
        for binding in self.store.bindings()?.into_iter().take(MOST) {
            add(PackageId { publisher: binding.publisher, name: binding.name }, false, binding.since);
        }
        for installed in self.store.installed()?.into_iter().take(MOST) {
            add(installed.id, true, installed.installed_at);
        }
        for id in crate::starter::bundled() {
            add(id, false, 0);
        }
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        for (id, since) in self.store.widely_known(SOURCES, now().saturating_sub(KNOWN_FOR), most)? {
            add(id, false, since);
        }
        let established = |(id, (installed, known_since)): (PackageId, (bool, u64))| Established {
            name: id.name,
            publisher: id.publisher,
            installed,
            known_since,
        };
        Ok(known.into_iter().map(established).collect())
    }
}
