//! `update`: what is new in the file registries and at the peers; with `force`, the index is built anew.

use futures::stream::{self, StreamExt};
use ggen_core::PackageId;
use ggen_core::hooks::{Network as NetworkState, Origin, Task, Trouble};
use ggen_store::IndexReport;

use crate::answers::{RejectedEntry, UpdateAnswer};
use crate::error::MarketError;
use crate::gather::Gathered;
use crate::market::{Market, blocking, now};

/// Packages that are asked about at once.
const SIDE_BY_SIDE: usize = 16;
/// The most packages that one update asks peers about.
const MAX_PACKAGES: usize = 4096;

impl Market {
    /// Brings the catalog up to date.
    pub async fn update(&self, force: bool) -> Result<UpdateAnswer, MarketError> {
        let done = self.update_job(force).await;
        self.close_session().await;
        self.write_decisions();
        done
    }

    /// Imports what changed in the file registries; a repair is told.
    pub(crate) async fn sync_index(&self) -> Result<(), MarketError> {
        let (store, directories) = (self.store.clone(), self.settings.directories.clone());
        let report = blocking(move || Ok(store.sync_index(&directories, now())?)).await?;
        if let Some(first) = report.rejected.first() {
            let count = report.rejected.len();
            let message = format!("{count} of what {} lists was not taken; {}", first.path.display(), first.reason);
            self.tell("index-entry-refused", message);
        }
        for rejected in report.rejected.iter().skip(1) {
            self.detail(format!("not taken from the index: {}: {}", rejected.path.display(), rejected.reason));
        }
        for notice in self.store.notices() {
            self.tell(notice.code, notice.message);
        }
        Ok(())
    }

    async fn update_job(&self, force: bool) -> Result<UpdateAnswer, MarketError> {
        let (store, directories) = (self.store.clone(), self.settings.directories.clone());
        self.step(if force { "rebuilding the registry index" } else { "reading the registries" });
        let mut report: IndexReport = blocking(move || {
            let rebuilt = if force { Some(store.rebuild_index(now())?) } else { None };
            let synced = store.sync_index(&directories, now())?;
            Ok(rebuilt.unwrap_or(synced))
        })
        .await?;
        for notice in self.notices() {
            self.tell(&notice.code, notice.message);
        }
        report.updated += self.ask_peers(None).await?;
        let rejected =
            report.rejected.into_iter().map(|r| RejectedEntry { path: r.path.display().to_string(), reason: r.reason });
        Ok(UpdateAnswer {
            scanned: report.scanned,
            added: report.added,
            updated: report.updated,
            rejected: rejected.collect(),
            saved_to: report.saved_to,
            warnings: self.told(),
        })
    }

    /// Asks peers for the heads and releases of `only` these packages, or of all that are known here; how many heads
    /// moved.
    pub(crate) async fn ask_peers(&self, only: Option<Vec<PackageId>>) -> Result<u64, MarketError> {
        let job = self.job(Task::Update);
        let mut offered = vec![Origin::Registry];
        offered.extend((!self.offline).then_some(Origin::Peers));
        let route = self.route(self.policies()?, &job, offered).await?;
        if !route.has(Origin::Peers) {
            return Ok(0);
        }
        let session = self.session().await?;
        if session.network().is_none() {
            self.detail(format!("the network cannot be reached: {}", session.problem()));
            let code = "bootstrap-unreachable";
            self.trouble(&route, Origin::Peers, Trouble::Unreachable, code, None, NetworkState::Isolated).await?;
            return Ok(0);
        }
        self.step("asking peers");
        self.store.note_refreshed(now())?;
        let ids: Vec<PackageId> = match only {
            Some(ids) => ids,
            None => self.store.heads_page(None, MAX_PACKAGES)?.into_iter().map(|(id, _)| id).collect(),
        };
        let gathered = Gathered { session: Some(session), ..Gathered::default() };
        let moved: Vec<Result<bool, MarketError>> =
            stream::iter(&ids).map(|id| self.refresh(id, &gathered)).buffer_unordered(SIDE_BY_SIDE).collect().await;
        let mut count = 0;
        for moved in moved {
            count += u64::from(moved?);
        }
        Ok(count)
    }

    async fn refresh(&self, id: &PackageId, gathered: &Gathered) -> Result<bool, MarketError> {
        self.check_cancelled()?;
        let sequence =
            |market: &Self| Ok::<_, MarketError>(market.store.package(id)?.and_then(|p| p.mark).map(|m| m.sequence));
        let before = sequence(self)?;
        if let Some(network) = gathered.session.as_ref().and_then(|s| s.network()) {
            self.ask_packages(network, gathered, &[id.clone()].into()).await?;
        }
        Ok(sequence(self)? != before)
    }
}
