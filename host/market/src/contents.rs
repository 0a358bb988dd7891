//! The files of a release, as a verification policy sees them: proved, and not visible yet.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use ggen_core::files::FileList;
use ggen_core::hooks::chain::Ruling;
use ggen_core::hooks::{FileFact, Item, Job};
use ggen_policy::{ArchiveView, ContentsReview, PolicyHost};
use ggen_store::StagedPackage;

use crate::error::MarketError;
use crate::market::{Market, blocking};
use crate::solve::{PlanItem, denied};

/// The most that one call reads.
const MAX_READ: u32 = 1 << 20;
/// The most files that one call lists.
const MAX_LISTED: u32 = 4096;

/// Files beneath a folder, with the list that was signed.
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
    /// Where the folder goes when it is committed: a link that only watches looks at it afterwards.
    pub(crate) then: Option<PathBuf>,
    pub(crate) files: FileList,
}

impl Folder {
    fn open(&self, path: &str) -> Result<File> {
        match (File::open(self.root.join(path)), &self.then) {
            (Err(error), Some(then)) if error.kind() == ErrorKind::NotFound => File::open(then.join(path)),
            (opened, _) => opened,
        }
    }
}

impl ArchiveView for Folder {
    fn files(&self, first: u32, count: u32) -> Result<Vec<FileFact>> {
        let fact = |f: &ggen_core::files::FileEntry| FileFact {
            path: f.path.to_string(),
            size: f.size,
            executable: f.executable,
            digest: f.digest.to_string(),
        };
        let (first, count) = (first as usize, count.min(MAX_LISTED) as usize);
        Ok(self.files.files().iter().skip(first).take(count).map(fact).collect())
    }

    fn read(&self, file: u32, offset: u64, length: u32) -> Result<Vec<u8>> {
        let entry = self.files.files().get(file as usize).ok_or_else(|| Error::from(ErrorKind::NotFound))?;
        let left = entry.size.saturating_sub(offset).min(u64::from(length.min(MAX_READ)));
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(0)];
        self.open(entry.path.as_str())?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// Asks the verification policies about files.
pub(crate) async fn ask(
    market: &Market,
    host: &Arc<PolicyHost>,
    job: &Job,
    item: &Item,
    folder: Folder,
) -> std::result::Result<ContentsReview, MarketError> {
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
) -> std::result::Result<(), MarketError> {
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
