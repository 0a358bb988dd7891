//! What a running node tells the network that this home holds: at its start, and when a command beside it has published.
//!
//! Decides what is told: all that the home holds, or what its own keys have signed where nothing else is to be served.
//! Never waits for the network. Invariant: what was published beside the node, by whatever command, is announced as soon
//! as it stands in the database.

use std::collections::BTreeSet;
use std::time::Duration;

use ggen_core::announcement::Announcement;
use ggen_core::head::HeadBundle;
use ggen_core::{Digest, PackageId, PublisherId};
use ggen_net::{Handle, NetError};
use ggen_store::Store;

use crate::error::MarketError;
use crate::market::{Market, blocking};

/// Heads that are looked at in one go.
const PAGE: usize = 256;
/// Between two looks for what was published beside the node.
const LOOK: Duration = Duration::from_millis(500);
/// From announcing in vain, because the home could not be read, to the next try.
const AGAIN: Duration = Duration::from_secs(10);

/// The publishers whose keys are this home's.
pub(crate) fn own_publishers(store: &Store) -> Result<BTreeSet<PublisherId>, MarketError> {
    Ok(store.keys()?.into_iter().map(|key| key.publisher).collect())
}

/// The archives of a package that are in the store.
fn archives_of(store: &Store, id: &PackageId) -> Result<Vec<Digest>, MarketError> {
    let versions = store.package(id)?.map(|package| package.versions).unwrap_or_default();
    let archives = versions.into_iter().filter_map(|v| v.release).map(|release| release.release.archive.digest);
    Ok(archives.filter(|digest| store.has_archive(digest)).collect())
}

/// A page of what is announced, after a package.
struct Page {
    last: Option<PackageId>,
    heads: Vec<(PackageId, HeadBundle)>,
    archives: Vec<Digest>,
}

fn page(store: &Store, after: Option<&PackageId>, only: Option<&BTreeSet<PublisherId>>) -> Result<Page, MarketError> {
    let mut heads = store.heads_page(after, PAGE)?;
    let last = heads.last().map(|(id, _)| id.clone());
    let mut archives = Vec::new();
    if let Some(own) = only {
        heads.retain(|(id, _)| own.contains(&id.publisher));
        for (id, _) in &heads {
            archives.extend(archives_of(store, id)?);
        }
    }
    Ok(Page { last, heads, archives })
}

/// A publication of this home: its head with the release that speaks for it, and what of it is in the store.
type Publication = (Announcement, PackageId, Vec<Digest>);

/// What was published since a number of the log of heads, and the number to go on from.
fn published(store: &Store, after: u64) -> Result<(u64, Vec<Publication>), MarketError> {
    let last = store.last_change()?;
    if last <= after {
        return Ok((after, Vec::new()));
    }
    let mut found = Vec::new();
    for publisher in own_publishers(store)? {
        for announcement in store.changes_of(publisher, after, last)? {
            let Some((id, _)) = announcement.claimed() else { continue };
            let archives = archives_of(store, &id)?;
            found.push((announcement, id, archives));
        }
    }
    Ok((last, found))
}

impl Market {
    /// Tells the network what this home holds, and then what commands beside the node publish after a number of the log of
    /// heads, for as long as the node runs.
    pub(crate) async fn announce_home(&self, handle: &Handle, after: u64) -> Result<(), MarketError> {
        loop {
            match self.announce_all(handle).await {
                Ok(()) => return self.announce_published(handle, after).await,
                Err(MarketError::Net(NetError::Stopped)) => return Ok(()),
                Err(error) => self.detail(format!("what this home holds cannot be announced now: {error}")),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Tells the network what this home holds.
    async fn announce_all(&self, handle: &Handle) -> Result<(), MarketError> {
        let own_alone = !self.settings.network.serve_installed;
        let store = self.store.clone();
        let (only, held) = blocking(move || {
            Ok(match own_alone {
                true => (Some(own_publishers(&store)?), Vec::new()),
                false => (None, store.held_archives()?),
            })
        })
        .await?;
        self.provide(handle, &held, &[]).await?;
        let mut after = None;
        loop {
            let (store, only) = (self.store.clone(), only.clone());
            let page = blocking(move || page(&store, after.as_ref(), only.as_ref())).await?;
            let Some(last) = page.last else { return Ok(()) };
            after = Some(last);
            let mut names: Vec<_> = page.heads.iter().map(|(id, _)| id.name.clone()).collect();
            names.dedup();
            handle.hold(page.heads.into_iter().map(|(_, head)| head).collect()).await?;
            self.provide(handle, &page.archives, &names).await?;
        }
    }

    /// A node that is alone yet announces by itself as soon as it is not.
    async fn provide(
        &self,
        handle: &Handle,
        archives: &[Digest],
        names: &[ggen_core::PackageName],
    ) -> Result<(), MarketError> {
        match handle.provide(archives, names).await {
            Ok(()) | Err(NetError::NoPeers) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Announces what commands beside the node publish. What such a command has told the node itself is told nobody twice.
    async fn announce_published(&self, handle: &Handle, mut after: u64) -> Result<(), MarketError> {
        loop {
            tokio::time::sleep(LOOK).await;
            let store = self.store.clone();
            let (last, found) = match blocking(move || published(&store, after)).await {
                Ok(found) => found,
                Err(error) => {
                    // Others hear of it by this node's log; the node goes on.
                    self.detail(format!("what is published beside this node cannot be seen now: {error}"));
                    continue;
                }
            };
            after = last;
            for (Announcement { roots, head, release }, id, archives) in found {
                let bundle = HeadBundle { roots, head };
                self.provide(handle, &archives, std::slice::from_ref(&id.name)).await?;
                handle.hold(vec![bundle.clone()]).await?;
                let told = match handle.announce(bundle, release).await {
                    Ok(true) => "announced",
                    Ok(false) => "to be announced as soon as somebody listens",
                    Err(NetError::Stopped) => return Ok(()),
                    Err(_) => "not announced",
                };
                self.detail(format!("{} was published beside this node: {told}", id.name));
            }
        }
    }
}
