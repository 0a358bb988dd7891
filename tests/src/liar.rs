//! A holder that serves one wrong byte.
//!
//! It is a node of the network like any other: it joins by the honest one, names itself as a provider of the archive, and
//! gives the right list of chunks, but one bit of every chunk is wrong.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ggen_core::chunks::{CHUNK_SIZE, ChunkList};
use ggen_core::head::HeadBundle;
use ggen_core::{Digest, PackageId, PackageName};
use ggen_net::{ArchiveSource, CatalogHit, Content, Handle, Mode, Multiaddr, NodeConfig, PackageBundle};
use tokio::runtime::Runtime;

use crate::Node;

/// A lying holder of one archive; gone when it goes out of scope.
pub struct Liar {
    /// Its identity.
    pub peer_id: String,
    /// Where it listens, with `/p2p/…`.
    pub addresses: Vec<String>,
    served: Arc<AtomicUsize>,
    handle: Handle,
    runtime: Option<Runtime>,
}

struct Lies {
    digest: Digest,
    archive: Arc<Vec<u8>>,
    served: Arc<AtomicUsize>,
}

struct Lie {
    archive: Arc<Vec<u8>>,
    served: Arc<AtomicUsize>,
}

impl Content for Lies {
    fn search(&self, _: &str, _: usize) -> Vec<CatalogHit> {
        Vec::new()
    }

    fn heads(&self, _: &PackageName, _: usize, _: usize) -> Vec<HeadBundle> {
        Vec::new()
    }

    fn package(&self, _: &PackageId) -> Option<PackageBundle> {
        None
    }

    fn archive(&self, digest: &Digest) -> Option<Box<dyn ArchiveSource>> {
        let lie = Lie { archive: self.archive.clone(), served: self.served.clone() };
        (*digest == self.digest).then(|| Box::new(lie) as Box<dyn ArchiveSource>)
    }
}

impl ArchiveSource for Lie {
    fn size(&self) -> u64 {
        self.archive.len() as u64
    }

    fn chunk_list(&self) -> Vec<u8> {
        ChunkList::of(&self.archive).to_bytes()
    }

    fn read_chunk(&self, index: u64) -> io::Result<Vec<u8>> {
        self.served.fetch_add(1, Ordering::SeqCst);
        let index = usize::try_from(index).map_err(io::Error::other)?;
        let mut chunk = self.archive.chunks(CHUNK_SIZE as usize).nth(index).unwrap_or_default().to_vec();
        let middle = chunk.len() / 2;
        chunk.get_mut(middle).ok_or(io::ErrorKind::UnexpectedEof).map(|byte| *byte ^= 1)?;
        Ok(chunk)
    }
}

impl Liar {
    /// Starts one that holds `archive` of the package `name`, with `honest` as the node that it joins by.
    #[track_caller]
    pub fn start(archive: Vec<u8>, name: &str, honest: &Node) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let served = Arc::new(AtomicUsize::new(0));
        let digest = Digest::of(&archive);
        let content = Arc::new(Lies { digest, archive: Arc::new(archive), served: served.clone() });
        let bootstrap = honest.addresses.iter().map(|a| ggen_net::parse_bootstrap(a).expect("an address")).collect();
        let listen: Multiaddr = "/ip4/127.0.0.1/tcp/0".parse().expect("an address");
        let config = NodeConfig { mode: Mode::Node, listen: vec![listen], bootstrap, ..NodeConfig::default() };
        let name: PackageName = name.parse().expect("a name");
        let (handle, status) = runtime.block_on(async {
            let (handle, mut events) = ggen_net::start(config, content).await.expect("start a node");
            tokio::spawn(async move { while events.recv().await.is_some() {} });
            let joined = handle.joined(Duration::from_secs(20)).await;
            assert!(joined.is_connected(), "the liar joins the honest node: {joined:?}");
            handle.provide(&[digest], &[name]).await.expect("announce");
            let status = handle.status().await.expect("its status");
            (handle, status)
        });
        let addresses = status.listen_addresses.iter().map(ToString::to_string).collect();
        Self { peer_id: status.peer_id.to_string(), addresses, served, handle, runtime: Some(runtime) }
    }

    /// How many wrong chunks it has served.
    pub fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            let _ = runtime.block_on(self.handle.shutdown());
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}
