//! Fetching an archive, chunk by chunk, from several holders at once.
//!
//! Decides what a holder's failure is called; who is asked for what is [`ggen_core::schedule`]'s decision. Never
//! writes a byte that is not proved. Invariant: the file holds, where a chunk was told as proved, exactly what the
//! publisher signed.
//!
//! ```text
//! holder task ──chunk──▶ sink (its own thread: prove, write, hash) ──▶ driver ──request──▶ holder task
//! ```

mod buffer;
pub(crate) mod decode;
mod driver;
mod holder;
pub(crate) mod landing;
mod message;
mod part;
pub(crate) mod protocol;
pub(crate) mod report;
mod sink;

use ggen_core::Digest;
use ggen_core::release::Archive;
use tokio::sync::mpsc;

use self::report::{FetchEvent, FetchReport, FetchRequest};
use crate::error::NetError;
use crate::handle::Handle;
use crate::types::Holder;

/// To be asked before anything is made as long as an archive says to be.
pub(crate) fn check_size(archive: &Archive, limit: u64) -> Result<(), NetError> {
    let size = archive.size;
    if size > limit { Err(NetError::TooLarge { size, limit }) } else { Ok(()) }
}

impl Handle {
    /// Fetches an archive. `events` must be read meanwhile: a full channel holds the fetch up.
    ///
    /// Dropping the future ends the fetch; what was told as proved is in the file. Errors: [`NetError::Fetch`] with
    /// every holder and why it failed, [`NetError::File`], [`NetError::TooLarge`].
    pub async fn fetch(
        &self,
        request: FetchRequest,
        events: mpsc::Sender<FetchEvent>,
    ) -> Result<FetchReport, NetError> {
        check_size(&request.archive, self.limits().max_archive)?;
        driver::run(self.link.clone(), request, events).await
    }

    /// Further holders for a fetch under way, the best first; those that it knows are passed over. Nothing happens where
    /// none is under way any more.
    pub async fn join_fetch(&self, archive: &Digest, holders: Vec<Holder>) -> Result<(), NetError> {
        if !self.link.landings.join(archive, holders) {
            tracing::debug!(%archive, "no download takes further holders");
        }
        Ok(())
    }
}
