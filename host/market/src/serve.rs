//! What a node of this home serves: its catalog and the archives in its store, to anybody who asks.
//!
//! Reads only. Invariant: each chunk is held against what was signed as it is read, so that a store that is damaged or
//! cannot be read serves nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use ggen_core::chunks::{CHUNK_SIZE, ChunkList, chunk_length};
use ggen_core::head::{HeadBundle, HeadMark};
use ggen_core::{Digest, PackageId, PackageName};
use ggen_net::{ArchiveSource, CatalogHit, Changes, Content, PackageBundle};
use ggen_store::Store;

use crate::announce::own_publishers;

/// A store as the network sees it.
pub(crate) struct StoreContent {
    pub(crate) store: Store,
    /// Whether only archives are given away that this home's own keys have signed.
    pub(crate) own_alone: bool,
}

struct StoredArchive {
    store: Store,
    digest: Digest,
    file: File,
    size: u64,
    chunks: ChunkList,
}

impl ArchiveSource for StoredArchive {
    fn size(&self) -> u64 {
        self.size
    }

    fn chunk_list(&self) -> Vec<u8> {
        self.chunks.to_bytes()
    }

    fn read_chunk(&self, index: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(chunk_length(self.size, index)).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        let read = self.file.read_exact_at(&mut bytes, index.saturating_mul(CHUNK_SIZE));
        let proved = read.and_then(|()| self.chunks.check(self.size, index, &bytes).map_err(io::Error::other));
        if let Err(error) = proved {
            // A disk that forgets must not look like a holder that lies.
            let moved = self.store.check_archive(&self.digest);
            tracing::warn!(digest = %self.digest, %error, ?moved, "an archive in the store is damaged");
            return Err(error);
        }
        Ok(bytes)
    }
}

impl Content for StoreContent {
    fn serves_downloads(&self) -> bool {
        !self.own_alone
    }

    fn search(&self, query: &str, limit: usize) -> Vec<CatalogHit> {
        let hits = self.store.search(query, limit).unwrap_or_default();
        let hit = |h: ggen_store::SearchHit| {
            let version = h.version?;
            Some(CatalogHit { name: h.id.name, version, publisher: h.id.publisher, description: h.description })
        };
        let mut hits: Vec<CatalogHit> = hits.into_iter().filter_map(hit).collect();
        // Passed on as it was heard: what is installed of it is verified by whoever does.
        let heard = self.store.search_heard(query, limit.saturating_sub(hits.len())).unwrap_or_default();
        hits.extend(heard.into_iter().map(|h| CatalogHit {
            name: h.id.name,
            version: h.version,
            publisher: h.id.publisher,
            description: h.description,
        }));
        hits
    }

    fn heads(&self, name: &PackageName, limit: usize, room: usize) -> Vec<HeadBundle> {
        let mut claimants = self.store.claimants(name).unwrap_or_default();
        claimants.extend(self.store.heard_claimants(name).unwrap_or_default());
        // Anybody may have told of many for one name: each is read only where there is room for it.
        let (mut heads, mut left) = (Vec::new(), room);
        for head in claimants.iter().filter_map(|id| self.head(id)).take(limit) {
            let Some(rest) = left.checked_sub(head.to_json().len()) else { break };
            left = rest;
            heads.push(head);
        }
        heads
    }

    fn head(&self, id: &PackageId) -> Option<HeadBundle> {
        let known = self.store.package(id).ok()?.and_then(|package| package.head);
        known.map(|head| head.bundle).or_else(|| Some(self.store.heard(id).ok()??.bundle()))
    }

    fn mark(&self, id: &PackageId) -> Option<HeadMark> {
        self.store.known_mark(id).ok()?
    }

    fn package(&self, id: &PackageId) -> Option<PackageBundle> {
        let package = self.store.package(id).ok()??;
        let head = package.head?.bundle;
        let listed = package.versions.into_iter().filter(|v| v.in_head);
        Some(PackageBundle { head, releases: listed.filter_map(|v| v.release).map(|r| r.envelope).collect() })
    }

    fn changes(&self, after: u64, limit: usize, room: usize) -> Option<Changes> {
        let ggen_store::Changes { log, entries, last, more } = self.store.changes(after, limit, room).ok()?;
        Some(Changes { log, entries, last, more })
    }

    fn archive(&self, digest: &Digest) -> Option<Box<dyn ArchiveSource>> {
        let release = self.store.release_of_archive(digest).ok()??.release;
        if self.own_alone && !own_publishers(&self.store).ok()?.contains(&release.publisher) {
            return None;
        }
        let signed = release.archive;
        let chunks = self.store.chunk_list(&signed).ok()??;
        let (file, size) = self.store.open_archive(digest).ok()??;
        Some(Box::new(StoredArchive { store: self.store.clone(), digest: *digest, file, size, chunks }))
    }
}
