//! What an index lists and was not taken, kept until that index is read again: whoever asks for it is told why.
//!
//! Decides nothing. Invariant: no more is kept than a report lists, and no longer sentence than [`MAX_REASON`].

use std::path::{Path, PathBuf};

use ggen_core::PackageName;
use rusqlite::params;

use super::Rejected;
use crate::Store;
use crate::db::column::sql;
use crate::error::StoreError;

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 400;
/// What keys in `meta` begin with; the path of the index follows.
const KEY: &str = "refused:";
/// The first key after all of these.
const END: &str = "refused;";

impl Store {
    /// Entries under `name`, or one that collides with it, that an index lists and that were not taken: the index, and why.
    pub fn refused_entries(&self, name: &PackageName) -> Result<Vec<(PathBuf, String)>, StoreError> {
        let rows: Vec<(String, String)> = self.db().read("read", |c| {
            let mut rows = c.prepare_cached("SELECT key, value FROM meta WHERE key >= ?1 AND key < ?2")?;
            rows.query_map([KEY, END], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
        })?;
        let mut found = Vec::new();
        for (key, kept) in rows {
            let path = PathBuf::from(key.strip_prefix(KEY).unwrap_or_default());
            let kept: Vec<(String, String)> = serde_json::from_str(&kept).unwrap_or_default();
            let same =
                |entry: &str| entry.parse::<PackageName>().is_ok_and(|n| n.collision_key() == name.collision_key());
            found.extend(kept.into_iter().filter(|(entry, _)| same(entry)).map(|(_, reason)| (path.clone(), reason)));
        }
        Ok(found)
    }

    /// Forgets what was refused of this index before.
    pub(super) fn note_refused(&self, index: &Path, rejected: &[Rejected]) -> Result<(), StoreError> {
        let short = |r: &Rejected| Some((r.name.clone()?, r.reason.chars().take(MAX_REASON).collect::<String>()));
        let kept: Vec<_> = rejected.iter().filter_map(short).collect();
        let key = format!("{KEY}{}", index.display());
        let text = serde_json::json!(kept).to_string();
        self.db().write("note what was refused in", false, |t| {
            match kept.is_empty() {
                true => t.execute("DELETE FROM meta WHERE key = ?1", [&key]),
                false => t.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", params![key, text]),
            }
            .map(|_| ())
            .map_err(sql("note what was refused in"))
        })
    }
}
