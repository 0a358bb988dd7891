//! Feeds of advisories: packages whose OSV files the operator trusts.
//!
//! ```text
//! [[advisories]] ─► the installed package ─► its *.json, each proved against the signed list ─► records ─► core matches
//! ```
//!
//! Decides that a feed is understood wholly or not used, and that while one cannot be used nothing is installed but feeds
//! themselves: what an unreadable advisory says is not known, and is never taken for nothing. A feed that would not be
//! understood is refused before it takes the place of the one that is. Invariant: no record is read that its publisher did
//! not sign.

use std::sync::Arc;

use ggen_core::PackageId;
use ggen_core::advisories::{Advisories, Record};
use ggen_core::hooks::{Job, Task};
use ggen_store::{ProvedFile, ReadBounds, StagedPackage, Store};

use crate::error::{FeedFault, FeedProblem, MarketError};
use crate::market::{Market, blocking};
use crate::plan::PlanItem;
use crate::settings::Feed;
use crate::target::Target;

/// The files of a feed that are records.
const ENDING: &str = ".json";
/// A record, in bytes.
const MAX_RECORD: u64 = 1 << 20;

/// What all feeds say.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    pub(crate) advisories: Advisories,
    /// When the oldest of them was signed, by its publisher's word.
    pub(crate) as_of: Option<u64>,
    configured: Vec<Feed>,
    unusable: Vec<FeedFault>,
}

impl Feeds {
    /// Whether a package is one of the feeds.
    fn is_feed(&self, id: &PackageId) -> bool {
        self.configured.iter().any(|feed| feed.is(id))
    }

    /// Refuses a plan that would put anything but feeds onto this machine while one of them cannot be used.
    pub(crate) fn refuse_unchecked(&self, items: &[PlanItem]) -> Result<(), MarketError> {
        match self.unusable.first() {
            Some(fault) if items.iter().any(|item| !item.kept && !self.is_feed(&item.chosen.id)) => {
                Err(MarketError::Feed(Box::new(fault.clone())))
            }
            _ => Ok(()),
        }
    }
}

impl Market {
    /// Reads the configured feeds. One that cannot be used is told, and stops what is planned without it.
    pub(crate) async fn feeds(&self) -> Result<Arc<Feeds>, MarketError> {
        let configured = self.settings.advisories.clone();
        if configured.is_empty() {
            return Ok(Arc::default());
        }
        let (store, bounds) = (self.store.clone(), self.feed_bounds());
        let feeds = blocking(move || read_all(&store, configured, bounds)).await?;
        for fault in &feeds.unusable {
            self.tell("advisories", format!("{fault}; until it can be, nothing else is installed"));
        }
        self.detail(format!("{} advisories are known", feeds.advisories.len()));
        Ok(Arc::new(feeds))
    }

    /// A job with what the feeds of advisories say.
    pub(crate) async fn job_with_feeds(&self, task: Task) -> Result<(Job, Arc<Feeds>), MarketError> {
        let feeds = self.feeds().await?;
        Ok((Job { advisories_as_of: feeds.as_of, ..self.job(task) }, feeds))
    }

    /// Whether nothing but feeds was typed: they are the home's and no project's, so that they can be installed before
    /// anything that a project needs.
    pub(crate) fn are_feeds(&self, typed: &[Target]) -> bool {
        let is_feed = |target: &Target| match target {
            Target::Package { name, .. } => {
                let same = |feed: &Feed| feed.package.collision_key() == name.collision_key();
                self.settings.advisories.iter().any(same)
            }
            Target::File(_) => false,
        };
        !typed.is_empty() && typed.iter().all(is_feed)
    }

    fn feed_bounds(&self) -> ReadBounds {
        let limits = &self.settings.limits;
        ReadBounds { files: limits.max_advisories, file_bytes: MAX_RECORD, bytes: limits.max_advisory_bytes }
    }

    /// Of a package that is a feed: whether it is understood, before any of its files is visible.
    pub(crate) async fn check_staged_feed(&self, staged: &StagedPackage) -> Result<(), MarketError> {
        let Some(feed) = self.settings.advisories.iter().find(|feed| feed.is(&staged.id)).cloned() else {
            return Ok(());
        };
        let (staged, bounds) = (staged.clone(), self.feed_bounds());
        blocking(move || {
            let read = staged.read(ENDING, bounds).map_err(|source| FeedProblem::Damaged { source: Arc::new(source) });
            match read.and_then(|files| records(&files)) {
                Ok(_) => Ok(()),
                Err(problem) => Err(MarketError::Feed(Box::new(feed.fault(problem)))),
            }
        })
        .await
    }
}

impl Feed {
    fn is(&self, id: &PackageId) -> bool {
        self.package.collision_key() == id.name.collision_key() && self.publisher.is_none_or(|p| p == id.publisher)
    }

    fn fault(&self, problem: FeedProblem) -> FeedFault {
        FeedFault { package: self.package.clone(), publisher: self.publisher, from: self.from.clone(), problem }
    }
}

fn read_all(store: &Store, configured: Vec<Feed>, mut left: ReadBounds) -> Result<Feeds, MarketError> {
    let mut feeds = Feeds::default();
    for feed in &configured {
        match read_one(store, feed, &mut left)? {
            Ok((signed, records)) => {
                feeds.as_of = Some(feeds.as_of.map_or(signed, |oldest| oldest.min(signed)));
                for record in records {
                    feeds.advisories.add(feed.package.as_str(), record);
                }
            }
            Err(problem) => feeds.unusable.push(feed.fault(problem)),
        }
    }
    feeds.configured = configured;
    Ok(feeds)
}

type Read = Result<(u64, Vec<Record>), FeedProblem>;

fn read_one(store: &Store, feed: &Feed, left: &mut ReadBounds) -> Result<Read, MarketError> {
    let installed = store.installed_package(&feed.package)?;
    let (Some(installed), Some(release)) = (installed, store.installed_release(&feed.package)?) else {
        return Ok(Err(FeedProblem::Missing));
    };
    if !feed.is(&installed.id) {
        return Ok(Err(FeedProblem::OtherPublisher { installed: installed.id.publisher }));
    }
    let files = match store.read_installed(&feed.package, ENDING, *left) {
        Ok(files) => files,
        Err(source) => return Ok(Err(FeedProblem::Damaged { source: Arc::new(source) })),
    };
    left.files = left.files.saturating_sub(files.len());
    left.bytes = files.iter().fold(left.bytes, |left, file| left.saturating_sub(file.bytes.len() as u64));
    Ok(records(&files).map(|records| (release.release.published, records)))
}

fn records(files: &[ProvedFile]) -> Result<Vec<Record>, FeedProblem> {
    let record = |file: &ProvedFile| {
        Record::read(&file.bytes).map_err(|problem| FeedProblem::NotUnderstood { path: file.path.clone(), problem })
    };
    files.iter().map(record).collect()
}
