//! What a node serves, as a trait: net knows no store.
//!
//! Decides nothing. All calls may block; they are made on threads that may.

use std::io;

use ggen_core::announcement::Announcement;
use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadBundle, HeadMark, SignedHead};
use ggen_core::stock::ChunkSet;
use ggen_core::{Digest, PackageId, PackageName, PublisherId};
use serde::{Deserialize, Serialize};

/// A package that a search found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CatalogHit {
    /// What it is called.
    pub name: PackageName,
    /// Its latest version.
    pub version: semver::Version,
    /// Whose it is.
    pub publisher: PublisherId,
    /// What the publisher says it is.
    pub description: String,
}

/// All that is known of a package: its head, and the releases that the head lists.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PackageBundle {
    /// The head with its roots.
    pub head: HeadBundle,
    /// Signed releases, in the order of the head.
    pub releases: Vec<Envelope>,
}

/// A piece of the log of accepted heads.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Which log: another name where its numbers mean something else.
    pub log: String,
    /// Heads with their numbers, rising.
    pub entries: Vec<(u64, Announcement)>,
    /// The number up to which was looked; 0 if there was nothing.
    pub last: u64,
    /// Whether there is more after it.
    pub more: bool,
}

/// What a node serves.
pub trait Content: Send + Sync + 'static {
    /// At most `limit` packages that fit `query`, the best first.
    fn search(&self, query: &str, limit: usize) -> Vec<CatalogHit>;
    /// The heads known for a bare name, of any publisher: at most `limit`, of about `room` bytes together.
    fn heads(&self, name: &PackageName, limit: usize, room: usize) -> Vec<HeadBundle>;
    /// A package of one publisher.
    fn package(&self, id: &PackageId) -> Option<PackageBundle>;
    /// The head of one package.
    fn head(&self, id: &PackageId) -> Option<HeadBundle> {
        self.package(id).map(|package| package.head)
    }
    /// The highest head that is known of a package, whether it is served or not.
    fn mark(&self, id: &PackageId) -> Option<HeadMark> {
        SignedHead::verify(self.head(id)?, Some(id)).ok().map(|head| head.mark())
    }
    /// Which log of accepted heads this is, and at most `limit` entries of it after a number, of about `room` bytes
    /// together.
    fn changes(&self, _after: u64, _limit: usize, _room: usize) -> Option<Changes> {
        None
    }
    /// An archive that may be served.
    fn archive(&self, digest: &Digest) -> Option<Box<dyn ArchiveSource>>;
    /// Whether what this node downloads may be served meanwhile.
    fn serves_downloads(&self) -> bool {
        true
    }
}

/// An archive being served.
pub trait ArchiveSource: Send + Sync {
    /// Its bytes.
    fn size(&self) -> u64;
    /// The digests of its chunks, 32 raw bytes each.
    fn chunk_list(&self) -> Vec<u8>;
    /// The chunks that there are now; none: all of them.
    fn part(&self) -> Option<ChunkSet> {
        None
    }
    /// Chunk `index`, whole. [`io::ErrorKind::NotFound`] where it is not there.
    fn read_chunk(&self, index: u64) -> io::Result<Vec<u8>>;
}

/// Serves nothing: for short-lived commands.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoContent;

impl Content for NoContent {
    fn search(&self, _query: &str, _limit: usize) -> Vec<CatalogHit> {
        Vec::new()
    }

    fn heads(&self, _name: &PackageName, _limit: usize, _room: usize) -> Vec<HeadBundle> {
        Vec::new()
    }

    fn package(&self, _id: &PackageId) -> Option<PackageBundle> {
        None
    }

    fn archive(&self, _digest: &Digest) -> Option<Box<dyn ArchiveSource>> {
        None
    }
}
