//! Real nodes of `ggen_net` in one process, over loopback: what libp2p itself does is measured here, not modelled.
//!
//! Decides how many there are and whom they join by. Invariant: all of them are gone when a [`Swarm`] is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ggen_core::announcement::Announcement;
use ggen_core::dsse::SecretKey;
use ggen_core::head::{Head, HeadBundle, HeadVersion, SignedHead};
use ggen_core::limits::Limits;
use ggen_core::release::{Archive, Release};
use ggen_core::{Digest, PackageId, PackageName, root};
use ggen_net::{ArchiveSource, CatalogHit, Content, Handle, Mode, Multiaddr, NodeConfig, NodeEvent, PackageBundle};
use semver::Version;
use tokio::runtime::Runtime;

/// Nodes that the others join by.
const ANCHORS: usize = 3;
/// The longest until all have joined.
const JOIN: Duration = Duration::from_secs(60);

/// Has no packages: heads live in the hash table.
struct Nothing;

impl Content for Nothing {
    fn search(&self, _: &str, _: usize) -> Vec<CatalogHit> {
        Vec::new()
    }

    fn heads(&self, _: &PackageName, _: usize, _: usize) -> Vec<HeadBundle> {
        Vec::new()
    }

    fn package(&self, _: &PackageId) -> Option<PackageBundle> {
        None
    }

    fn archive(&self, _: &Digest) -> Option<Box<dyn ArchiveSource>> {
        None
    }
}

/// When each node heard of each package by an announcement.
type Hearings = Arc<Mutex<HashMap<(usize, PackageId), Instant>>>;

/// Nodes that know each other.
pub struct Swarm {
    pub nodes: Vec<Handle>,
    runtime: Runtime,
    hearings: Hearings,
}

/// What a publisher of its own announces of a package of its own.
pub fn announcement(number: u64) -> Announcement {
    announcement_of(number, number)
}

/// What one publisher announces of one package.
pub fn announcement_of(publisher: u64, number: u64) -> Announcement {
    let key = SecretKey::from_seed(Digest::of(&publisher.to_be_bytes()).as_bytes());
    let (publisher, root) = root::Publisher::create(&key, 1);
    let id = PackageId { publisher, name: format!("swarm-{number}").parse().expect("a name") };
    let (nothing, version) = (Digest::of(b""), Version::new(1, 0, 0));
    let archive =
        Archive { digest: nothing, size: 1, chunks: nothing, files: nothing, file_count: 1, unpacked_size: 1 };
    let release = Release {
        schema: 1,
        name: id.name.clone(),
        version: version.clone(),
        publisher,
        published: 1,
        license: Some("MIT".into()),
        claims: vec![("description".into(), "One of many packages of a swarm.".into())],
        dependencies: Vec::new(),
        archive,
    };
    let release = release.sign(&key).expect("a release");
    let version = HeadVersion { version, release: release.digest, yanked: None };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
    let head = Head::with_release(None, &id, version, now as u64, 3_600_000).sign(&key, vec![root]).expect("a head");
    Announcement::new(head.bundle, Some(release.envelope))
}

/// The head in it.
pub fn head(number: u64) -> SignedHead {
    SignedHead::verify(announcement(number).bundle(), None).expect("a head")
}

async fn node(place: usize, hearings: Hearings, bootstrap: &[Multiaddr]) -> Handle {
    let listen: Multiaddr = "/ip4/127.0.0.1/tcp/0".parse().expect("an address");
    let bootstrap = bootstrap.iter().map(|a| ggen_net::parse_bootstrap(&a.to_string()).expect("an address")).collect();
    let limits = Arc::new(Limits::default());
    let config = NodeConfig { mode: Mode::Node, listen: vec![listen], bootstrap, limits, ..NodeConfig::default() };
    let (handle, mut events) = ggen_net::start(config, Arc::new(Nothing)).await.expect("start a node");
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let NodeEvent::Heard(heard) = event {
                let (now, mut hearings) = (Instant::now(), hearings.lock().expect("lock"));
                for one in heard {
                    hearings.entry((place, one.announced.head.head.id())).or_insert(now);
                }
            }
        }
    });
    handle
}

impl Swarm {
    /// Starts `count` nodes, all joined by the first of them.
    #[track_caller]
    pub fn start(count: usize) -> Self {
        Self::joined_by(count, &[])
    }

    /// Starts `count` nodes, all joined by the nodes at `addresses`, or by the first of them.
    #[track_caller]
    pub fn joined_by(count: usize, addresses: &[String]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let mut swarm = Self { nodes: Vec::new(), runtime: runtime.expect("a runtime"), hearings: Hearings::default() };
        let hearings = &swarm.hearings;
        swarm.nodes = swarm.runtime.block_on(async {
            let mut nodes = Vec::new();
            let mut anchors: Vec<Multiaddr> = addresses.iter().map(|a| a.parse().expect("an address")).collect();
            let given = anchors.len();
            for place in 0..count {
                let node = node(place, hearings.clone(), &anchors).await;
                if given == 0 && anchors.len() < ANCHORS {
                    anchors.extend(node.status().await.expect("its status").listen_addresses);
                }
                nodes.push(node);
            }
            for node in nodes.iter().skip(usize::from(given == 0)) {
                assert!(node.joined(JOIN).await.is_connected(), "a node that did not join");
            }
            nodes
        });
        swarm
    }

    /// Puts heads into the hash table and looks each up from another node: how long each lookup took.
    #[track_caller]
    pub fn lookups(&self, count: usize) -> Vec<Duration> {
        let mut took = self.runtime.block_on(async {
            let mut took = Vec::new();
            for number in 0..count {
                let head = head(number as u64);
                let publisher = &self.nodes[number % self.nodes.len()];
                publisher.put_head(head.bundle.clone()).await.expect("somebody keeps it");
                let reader = &self.nodes[(number * 7 + self.nodes.len() / 2) % self.nodes.len()];
                let begun = Instant::now();
                let found = reader.head(&head.head.id()).await.expect("a lookup");
                took.push(begun.elapsed());
                assert!(found.iter().any(|f| f.head == head), "the head is found");
            }
            took
        });
        took.sort();
        took
    }

    /// Announces heads one by one, each from another node: how long it took each other node to hear of each.
    #[track_caller]
    pub fn announcements(&self, count: usize) -> Vec<Duration> {
        let others = self.nodes.len() - 1;
        let mut took = Vec::new();
        for number in 0..count {
            let head = head(1_000_000 + number as u64);
            let (place, id) = (number % self.nodes.len(), head.head.id());
            let begun = Instant::now();
            let release = announcement(1_000_000 + number as u64).release;
            let told = self.runtime.block_on(self.nodes[place].announce(head.bundle, release));
            assert!(told.expect("it is announced"), "somebody listens");
            let mut heard = Vec::new();
            ggen_tests::eventually("all nodes hear of it", Duration::from_secs(20), || {
                let hearings = self.hearings.lock().expect("lock");
                heard = (0..=others).filter_map(|node| hearings.get(&(node, id.clone())).copied()).collect();
                (heard.len() == others).then_some(())
            });
            took.extend(heard.iter().map(|at| at.saturating_duration_since(begun)));
        }
        took.sort();
        took
    }

    /// How many peers each node is connected with.
    pub fn connections(&self) -> Vec<usize> {
        self.runtime.block_on(async {
            let mut counts = Vec::new();
            for node in &self.nodes {
                counts.push(node.status().await.map_or(0, |s| s.connected_peers));
            }
            counts
        })
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        self.runtime.block_on(async {
            let stopping: Vec<_> = nodes.into_iter().map(|n| tokio::spawn(async move { n.shutdown().await })).collect();
            for node in stopping {
                let _ = node.await;
            }
        });
    }
}

/// The one of so many in a hundred.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
