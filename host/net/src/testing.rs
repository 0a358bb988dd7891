//! What tests of this crate share: a publisher, content in memory, nodes on loopback. Decides nothing.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, mpsc as std_mpsc};
use std::time::Duration;

use ggen_core::announcement::Announcement;
use ggen_core::chunks::{CHUNK_SIZE, ChunkList, chunk_count};
use ggen_core::digest::Digest;
use ggen_core::dsse::{Envelope, SecretKey};
use ggen_core::head::{Head, HeadBundle, HeadVersion, SignedHead};
use ggen_core::limits::Limits;
use ggen_core::release::{Archive, Release};
use ggen_core::stock::ChunkSet;
use ggen_core::{PackageId, PackageName, PublisherId, root};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc;

use crate::address::split_peer;
use crate::config::{Identity, Mode, NodeConfig};
use crate::content::{ArchiveSource, CatalogHit, Changes, Content, PackageBundle};
use crate::dht::kept::{Kept, KeptRecord};
use crate::fetch::report::{FetchEvent, FetchReport, FetchRequest};
use crate::handle::{Handle, start};
use crate::types::{Cursor, Holder, NodeEvent};
use crate::{NetError, new_identity};

/// A publisher with one key.
pub(crate) struct Publisher {
    key: SecretKey,
    pub id: PublisherId,
    root: Envelope,
}

/// The archive of `bytes`, as a release has it.
pub(crate) fn archive_of(bytes: &[u8]) -> Archive {
    Archive {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        chunks: ChunkList::of(bytes).digest(),
        files: Digest::of(b"files"),
        file_count: 1,
        unpacked_size: 1,
    }
}

/// Bytes that no two chunks share.
pub(crate) fn bytes(length: u64) -> Vec<u8> {
    (0..length).map(|i| ((i / CHUNK_SIZE) * 31 + i % 251) as u8).collect()
}

impl Publisher {
    pub fn new(seed: u8) -> Self {
        let key = SecretKey::from_seed(&[seed; 32]);
        let (id, root) = root::Publisher::create(&key, 1);
        Self { key, id, root }
    }

    /// A head of one version.
    pub fn head(&self, name: &str, sequence: u64, expires: u64) -> SignedHead {
        let version = HeadVersion { version: "1.0.0".parse().unwrap(), release: Digest::of(b"r"), yanked: None };
        self.head_of(name, sequence, expires, vec![version])
    }

    pub fn head_of(&self, name: &str, sequence: u64, expires: u64, versions: Vec<HeadVersion>) -> SignedHead {
        let name = name.parse().unwrap();
        let head = Head { schema: 1, publisher: self.id, name, sequence, issued: 1, expires, versions };
        head.sign(&self.key, vec![self.root.clone()]).unwrap()
    }

    /// A package of `count` versions of one archive.
    pub fn package(&self, name: &str, count: u64, archive: &Archive) -> (PackageId, PackageBundle) {
        let id = PackageId { publisher: self.id, name: name.parse().unwrap() };
        let (mut versions, mut releases) = (Vec::new(), Vec::new());
        for minor in (0..count).rev() {
            let release = Release {
                schema: 1,
                name: id.name.clone(),
                version: semver::Version::new(1, minor, 0),
                publisher: self.id,
                published: 7,
                license: None,
                claims: vec![],
                dependencies: vec![],
                archive: archive.clone(),
            };
            let signed = release.sign(&self.key).unwrap();
            versions.push(HeadVersion { version: release.version, release: signed.digest, yanked: None });
            releases.push(signed.envelope);
        }
        let head = self.head_of(name, 1, u64::MAX, versions).bundle;
        (id, PackageBundle { head, releases })
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), answered).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// What a holder does to its chunks.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Manner {
    #[default]
    Honest,
    /// What it downloads is not for others.
    Keeps,
    /// One bit of this chunk is another.
    Flips(u64),
    /// From this chunk on it answers no more.
    StallsAt(u64),
    /// The last chunk is a byte short.
    Short,
    /// It says to have chunks up to here, and has not the first.
    Part(u64),
    /// It says to have everything, and has not this chunk.
    Lacks(u64),
}

/// Content in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub packages: Vec<(PackageId, PackageBundle)>,
    pub archives: HashMap<Digest, Arc<Vec<u8>>>,
    pub manner: Manner,
    /// Stalled reads end when this is dropped.
    pub release: Option<Arc<Mutex<std_mpsc::Receiver<()>>>>,
    /// How long it takes to look up a name.
    pub delay: Duration,
}

struct Source {
    bytes: Arc<Vec<u8>>,
    manner: Manner,
    release: Option<Arc<Mutex<std_mpsc::Receiver<()>>>>,
}

impl Content for Memory {
    fn serves_downloads(&self) -> bool {
        self.manner != Manner::Keeps
    }

    fn search(&self, query: &str, limit: usize) -> Vec<CatalogHit> {
        let fits = self.packages.iter().filter(|(id, _)| id.name.as_str().contains(query)).take(limit);
        fits.map(|(id, _)| CatalogHit {
            name: id.name.clone(),
            version: semver::Version::new(1, 0, 0),
            publisher: id.publisher,
            description: "a thing".into(),
        })
        .collect()
    }

    fn heads(&self, name: &PackageName, _: usize, _: usize) -> Vec<HeadBundle> {
        std::thread::sleep(self.delay);
        self.packages.iter().filter(|(id, _)| id.name == *name).map(|(_, p)| p.head.clone()).collect()
    }

    fn package(&self, id: &PackageId) -> Option<PackageBundle> {
        self.packages.iter().find(|(i, _)| i == id).map(|(_, p)| p.clone())
    }

    fn changes(&self, after: u64, limit: usize, _: usize) -> Option<Changes> {
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let told = (1..).zip(&self.packages).skip(skipped).take(limit);
        let entries: Vec<_> =
            told.map(|(n, (_, p))| (n, Announcement::new(p.head.clone(), p.releases.first().cloned()))).collect();
        let last = entries.last().map_or(0, |(number, _)| *number);
        let more = entries.len() == limit;
        Some(Changes { log: "memory".into(), entries, last, more })
    }

    fn archive(&self, digest: &Digest) -> Option<Box<dyn ArchiveSource>> {
        let bytes = self.archives.get(digest)?.clone();
        Some(Box::new(Source { bytes, manner: self.manner, release: self.release.clone() }))
    }
}

impl ArchiveSource for Source {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn chunk_list(&self) -> Vec<u8> {
        ChunkList::of(&self.bytes).to_bytes()
    }

    fn part(&self) -> Option<ChunkSet> {
        let Manner::Part(end) = self.manner else { return None };
        let mut part = ChunkSet::none(chunk_count(self.size()));
        (0..end).for_each(|index| part.insert(index));
        Some(part)
    }

    fn read_chunk(&self, index: u64) -> io::Result<Vec<u8>> {
        let start = (index * CHUNK_SIZE) as usize;
        let end = (start + CHUNK_SIZE as usize).min(self.bytes.len());
        let mut chunk = self.bytes[start..end].to_vec();
        match self.manner {
            Manner::Flips(at) if at == index => chunk[0] ^= 1,
            Manner::StallsAt(at) if index >= at => {
                let _ = self.release.as_ref().unwrap().lock().unwrap().recv();
            }
            Manner::Part(end) if index == 0 || index >= end => return Err(io::ErrorKind::NotFound.into()),
            Manner::Lacks(at) if index == at => return Err(io::ErrorKind::NotFound.into()),
            Manner::Short if index + 1 == chunk_count(self.size()) => drop(chunk.pop()),
            _ => {}
        }
        Ok(chunk)
    }
}

/// A node on loopback.
pub(crate) struct TestNode {
    pub handle: Handle,
    pub events: mpsc::Receiver<NodeEvent>,
    pub address: Vec<Multiaddr>,
}

pub(crate) fn limits() -> Limits {
    Limits { holder_head_start: Duration::from_secs(5), ..Limits::default() }
}

pub(crate) fn loopback() -> Multiaddr {
    "/ip4/127.0.0.1/tcp/0".parse().unwrap()
}

/// A serving node.
pub(crate) async fn node(content: Memory, bootstrap: &[&TestNode], limits: Limits) -> TestNode {
    run(content, bootstrap, limits, Mode::Node, Vec::new()).await
}

/// A serving node that has followed others before.
pub(crate) async fn node_with_cursors(
    content: Memory,
    bootstrap: &[&TestNode],
    limits: Limits,
    cursors: Vec<Cursor>,
) -> TestNode {
    run(content, bootstrap, limits, Mode::Node, cursors).await
}

/// A short-lived command, joined.
pub(crate) async fn command(bootstrap: &[&TestNode], limits: Limits) -> TestNode {
    let command = run(Memory::default(), bootstrap, limits, Mode::Command, Vec::new()).await;
    let joined = command.handle.joined(Duration::from_secs(5)).await;
    assert!(joined.is_connected(), "{joined:?}");
    command
}

pub(crate) async fn run(
    content: Memory,
    bootstrap: &[&TestNode],
    limits: Limits,
    mode: Mode,
    cursors: Vec<Cursor>,
) -> TestNode {
    run_as(NodeConfig { cursors, ..config(bootstrap, limits, mode) }, content).await
}

/// How nodes of tests are started.
pub(crate) fn config(bootstrap: &[&TestNode], limits: Limits, mode: Mode) -> NodeConfig {
    NodeConfig {
        identity: Identity::Kept(new_identity().unwrap()),
        mode,
        listen: if mode == Mode::Node { vec![loopback()] } else { vec![] },
        bootstrap: bootstrap.iter().map(|n| n.contact()).collect(),
        limits: Arc::new(limits),
        ..NodeConfig::default()
    }
}

/// A node of any kind.
pub(crate) async fn run_as(config: NodeConfig, content: Memory) -> TestNode {
    let (handle, events) = start(config, Arc::new(content)).await.unwrap();
    let address = handle.status().await.unwrap().listen_addresses;
    TestNode { handle, events, address }
}

impl TestNode {
    pub fn peer(&self) -> PeerId {
        self.handle.peer_id()
    }

    pub fn contact(&self) -> (PeerId, Multiaddr) {
        split_peer(&self.address[0]).unwrap()
    }

    /// What is told of it that begins so, once that is told.
    pub async fn evidence(&self, beginning: &str) -> String {
        eventually(beginning, async || {
            let evidence = self.handle.status().await.unwrap().evidence;
            evidence.into_iter().find(|e| e.starts_with(beginning))
        })
        .await
    }

    pub fn holder(&self) -> Holder {
        let (peer, address) = self.contact();
        Holder { peer, addresses: vec![address] }
    }

    /// The next event that `pick` wants; the others are passed over.
    pub async fn event<T>(&mut self, mut pick: impl FnMut(NodeEvent) -> Option<T>) -> T {
        let next = async {
            loop {
                if let Some(found) = pick(self.events.recv().await.expect("the node lives")) {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), next).await.expect("the event comes")
    }

    /// The heads that it was given to keep, by the next event that has any.
    pub async fn stored(&mut self) -> Vec<SignedHead> {
        let heads = |kept: Vec<Kept>| -> Vec<SignedHead> {
            let read = |r: KeptRecord| SignedHead::verify(HeadBundle::from_json(&r.value).unwrap(), None).unwrap();
            kept.into_iter().filter_map(|kept| kept.record).map(read).collect()
        };
        let some = |e| if let NodeEvent::Kept(kept) = e { Some(heads(kept)).filter(|h| !h.is_empty()) } else { None };
        self.event(some).await
    }

    /// Waits for an offence and gives its code.
    pub async fn offence(&mut self) -> String {
        self.event(|e| if let NodeEvent::Offence(o) = e { Some(o.code) } else { None }).await
    }

    /// Fetches into a temporary file; the result, what happened, and the file's bytes.
    pub async fn fetch(
        &self,
        archive: &Archive,
        holders: Vec<Holder>,
    ) -> (Result<FetchReport, NetError>, Vec<FetchEvent>, Vec<u8>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (events, mut told) = mpsc::channel(1024);
        let request = FetchRequest {
            archive: archive.clone(),
            holders,
            destination: file.reopen().unwrap(),
            path: file.path().to_owned(),
            proved: vec![],
        };
        let result = self.handle.fetch(request, events).await;
        let mut all = Vec::new();
        while let Some(event) = told.recv().await {
            all.push(event);
        }
        (result, all, std::fs::read(file.path()).unwrap())
    }
}
