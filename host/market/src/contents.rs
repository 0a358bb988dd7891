//! The files of a release, as a verification policy sees them: proved, and not visible yet.

use std::sync::Arc;

use ggen_core::hooks::chain::Ruling;
use ggen_core::hooks::{Item, Job};
use ggen_policy::{ArchiveView, ContentsReview, PolicyHost};
use ggen_store::StagedPackage;

use crate::error::MarketError;
use crate::folder::Folder;
use crate::market::{Market, blocking};
use crate::plan::PlanItem;
use crate::solve::denied;

/// Asks the verification policies about files.
pub(crate) async fn ask(
    market: &Market,
    host: &Arc<PolicyHost>,
    job: &Job,
    item: &Item,
    folder: Folder,
) -> Result<ContentsReview, MarketError> {
    let (host, job, item) = (Arc::clone(host), job.clone(), item.clone());
    let view: Arc<dyn ArchiveView> = Arc::new(folder);
    let mut review = blocking(move || Ok(host.review_contents(&job, &item, &view))).await?;
    market.keep(std::mem::take(&mut review.decisions));
    Ok(review)
}

/// Has the files of a staged package reviewed; a denial ends the job.
pub(crate) async fn review(
    market: &Market,
    host: &Arc<PolicyHost>,
    job: &Job,
    item: &PlanItem,
    staged: &StagedPackage,
) -> Result<(), MarketError> {
    crate::plugins::check_staged(market, staged).await?;
    market.check_staged_feed(staged).await?;
    let packages = market.store.home().join("packages");
    let placed = packages.join(staged.id.name.as_str()).join(staged.version.to_string());
    let folder = Folder { root: staged.dir.clone(), then: Some(placed), files: staged.files.clone() };
    let review = ask(market, host, job, &item.item, folder).await?;
    let Some(archive) = item.release().map(|r| r.release.archive.digest) else { return Ok(()) };
    match review.verdict.ruling {
        Ruling::Deny | Ruling::PassOver => {
            // The files are gone when the job ends.
            market.finish_shadows();
            market.store.quarantine_archive(&archive)?;
            Err(MarketError::Denied(vec![denied(host, item, &review.verdict)]))
        }
        _ => Ok(market.store.release_from_quarantine(&archive)?),
    }
}
