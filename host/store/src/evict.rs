//! The store's cap: what goes when it holds more than it may.
//!
//! Decides that of the archives that nothing needs the least recently used go first, until the rest fits. Never touches
//! what an install, an own release or a registered lockfile needs, nor what came or was used just now, however much that
//! is: an install may be about to need it. Invariant: it works under the clean-up lock held alone.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use ggen_core::Digest;

use crate::blobs::is_older;
use crate::error::StoreError;
use crate::locks::{self, Kind};
use crate::{Cleaned, Store};

/// What was used since then may be part of an install that is under way.
const FRESH: Duration = Duration::from_secs(3600);

/// An archive in the store.
struct Held {
    used: SystemTime,
    size: u64,
    digest: Digest,
    path: PathBuf,
}

impl Store {
    /// Brings the store back under its cap, where nobody is at work that could need something of it: a later call does
    /// it otherwise.
    pub fn keep_within_cap(&self, now: u64) -> Result<Cleaned, StoreError> {
        let mut cleaned = Cleaned::default();
        if let Some(_alone) = locks::try_lock(&self.layout().clean_lock(), Kind::Exclusive)? {
            self.evict(false, now, &mut cleaned)?;
        }
        Ok(cleaned)
    }

    /// Removes archives until the rest fits. The caller holds the clean-up lock alone.
    pub(crate) fn evict(&self, dry_run: bool, now: u64, cleaned: &mut Cleaned) -> Result<(), StoreError> {
        let mut held = self.held()?;
        // What a dry run would have removed before counts no more.
        held.retain(|archive| !cleaned.removed.contains(&self.shown(&archive.path)));
        let mut bytes = held.iter().map(|archive| archive.size).fold(0, u64::saturating_add);
        if bytes <= self.limits().max_store {
            return Ok(());
        }
        let needed = self.needed_archives()?;
        held.retain(|archive| !needed.contains(&archive.digest) && is_older(&archive.path, FRESH, now));
        held.sort_by_key(|archive| (archive.used, archive.digest));
        for archive in held {
            if bytes <= self.limits().max_store {
                break;
            }
            self.clear(&archive.path, dry_run, cleaned)?;
            self.clear(&archive.path.with_extension("chunks"), dry_run, cleaned)?;
            bytes = bytes.saturating_sub(archive.size);
        }
        Ok(())
    }

    fn held(&self) -> Result<Vec<Held>, StoreError> {
        let mut held = Vec::new();
        for digest in self.held_archives()? {
            let path = self.archive_path(&digest);
            // One that is gone by now needs no place.
            let Ok(about) = std::fs::symlink_metadata(&path) else { continue };
            let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            held.push(Held { used, size: about.len(), digest, path });
        }
        Ok(held)
    }
}
