//! Packages that others told of, as callers ask for them.
//!
//! Decides where an announcement goes: into the catalog only where a package is there already, else to what was heard.
//! Invariant: what peers say by themselves never adds a package to the catalog.

use ggen_core::announcement::Announcement;
use ggen_core::head::{HeadMark, Succession};
use ggen_core::{PackageId, PackageName};
use rusqlite::OptionalExtension as _;

use crate::db::heard::{self, Heard, HeardHit};
use crate::db::package;
use crate::{Source, Store, StoreError};

impl Store {
    /// Takes announcements in; how many were news.
    pub fn accept_heard(&self, batch: &[Heard], now: u64) -> Result<usize, StoreError> {
        let mut news = 0;
        let mut strangers = Vec::new();
        for told in batch {
            if self.is_in_catalog(&told.announced.head.head.id())? {
                news += usize::from(self.accept_update(told, now)?);
            } else {
                strangers.push(told);
            }
        }
        if strangers.is_empty() {
            return Ok(news);
        }
        let limits = self.limits();
        self.db().write("write what was heard to", false, |t| {
            for told in strangers {
                news += usize::from(heard::accept(t, told, limits, now)? == Succession::Newer);
            }
            heard::make_room(t, limits)
        })?;
        Ok(news)
    }

    fn is_in_catalog(&self, id: &PackageId) -> Result<bool, StoreError> {
        self.db().read("read a package from", |c| {
            let text = "SELECT 1 FROM packages WHERE publisher = ?1 AND name = ?2";
            let found = c
                .prepare_cached(text)?
                .query_row(rusqlite::params![id.publisher.0.as_bytes(), id.name.as_str()], |_| Ok(()))
                .optional()?;
            Ok(found.is_some())
        })
    }

    /// A package of the catalog has another head, by a peer's word. What the catalog refuses is nobody's fault here: it
    /// may contradict what only this home knows.
    fn accept_update(&self, told: &Heard, now: u64) -> Result<bool, StoreError> {
        let source = || Source::Peer { peer: told.peer.clone(), network: told.network.clone() };
        let succession = match self.accept_head(&told.announced.head, source(), now) {
            Ok(succession) => succession,
            Err(StoreError::RootRolledBack { .. } | StoreError::ReleaseChanged { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        if let (Succession::Newer, Some(release)) = (succession, &told.announced.release) {
            match self.accept_release(release, source(), now) {
                Ok(()) | Err(StoreError::ReleaseChanged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(succession == Succession::Newer)
    }

    /// At most `limit` packages that others told of and that answer a query, best first.
    pub fn search_heard(&self, query: &str, limit: usize) -> Result<Vec<HeardHit>, StoreError> {
        self.db().read("search", |c| heard::search(c, query, limit))
    }

    /// What was told of a package that is not in the catalog.
    pub fn heard(&self, id: &PackageId) -> Result<Option<Announcement>, StoreError> {
        self.db().read("read what was heard from", |c| heard::announcement(c, id))
    }

    /// Who has a package of this name, by what others told.
    pub fn heard_claimants(&self, name: &PackageName) -> Result<Vec<PackageId>, StoreError> {
        self.db().read("read what was heard from", |c| heard::claimants(c, name))
    }

    /// The highest head that is known of a package, by the catalog or by what was heard.
    pub fn known_mark(&self, id: &PackageId) -> Result<Option<HeadMark>, StoreError> {
        self.db().read("read a package from", |c| match package::mark(c, id)? {
            Some(mark) => Ok(Some(mark)),
            None => heard::mark(c, id),
        })
    }
}
