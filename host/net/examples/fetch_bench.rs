//! How fast an archive comes from one holder on loopback, beside a bare libp2p TLS stream in the same run; and from
//! several, one of which may be slow.
//!
//! `cargo run --release -p ggen-net --example fetch_bench [MEGABYTES] [--fetch-only] [--holders]`. Prints; decides
//! nothing.

use std::error::Error;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use ggen_core::chunks::{CHUNK_SIZE, ChunkList, chunk_count, chunk_length};
use ggen_core::dsse::Envelope;
use ggen_core::head::HeadBundle;
use ggen_core::release::Archive;
use ggen_core::{Digest, PackageId, PackageName};
use ggen_net::{ArchiveSource, CatalogHit, Content, FetchRequest, Mode, Multiaddr, NodeConfig, PackageBundle, start};
use libp2p::swarm::SwarmEvent;
use libp2p::{StreamProtocol, SwarmBuilder, tcp, tls, yamux};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const BARE: StreamProtocol = StreamProtocol::new("/bare/1");

struct Disk {
    path: PathBuf,
    list: Vec<u8>,
    digest: Digest,
    size: u64,
}

/// What a holder serves, and whether it gives no more than 1 MB/s.
struct Shared(Arc<Disk>, Option<Arc<Mutex<()>>>);

impl Content for Shared {
    fn search(&self, _: &str, _: usize) -> Vec<CatalogHit> {
        Vec::new()
    }
    fn heads(&self, _: &PackageName, _: usize, _: usize) -> Vec<HeadBundle> {
        Vec::new()
    }
    fn package(&self, _: &PackageId) -> Option<PackageBundle> {
        let _: Option<Envelope> = None;
        None
    }
    fn archive(&self, digest: &Digest) -> Option<Box<dyn ArchiveSource>> {
        let file = File::open(&self.0.path).ok()?;
        (*digest == self.0.digest)
            .then(|| Box::new(Open(self.0.clone(), file, self.1.clone())) as Box<dyn ArchiveSource>)
    }
}

struct Open(Arc<Disk>, File, Option<Arc<Mutex<()>>>);

impl ArchiveSource for Open {
    fn size(&self) -> u64 {
        self.0.size
    }
    fn chunk_list(&self) -> Vec<u8> {
        self.0.list.clone()
    }
    fn read_chunk(&self, index: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(chunk_length(self.0.size, index)).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.1.read_exact_at(&mut bytes, index * CHUNK_SIZE)?;
        if let Some(slow) = &self.2 {
            let _one = slow.lock();
            std::thread::sleep(Duration::from_micros(length as u64));
        }
        Ok(bytes)
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// A file of pseudo-random bytes, and what a release would say of it.
fn make(path: PathBuf, size: u64) -> Outcome<(Arc<Disk>, Archive)> {
    let file = File::create(&path)?;
    let (mut state, mut digests) = (0x9e37_79b9_7f4a_7c15u64, Vec::new());
    let mut hasher = <sha2::Sha256 as sha2::Digest>::new();
    for index in 0..chunk_count(size) {
        let mut chunk = vec![0; usize::try_from(chunk_length(size, index))?];
        for bytes in chunk.chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let new = state.to_le_bytes();
            bytes.iter_mut().zip(new).for_each(|(b, n)| *b = n);
        }
        file.write_all_at(&chunk, index * CHUNK_SIZE)?;
        sha2::Digest::update(&mut hasher, &chunk);
        digests.push(Digest::of(&chunk));
    }
    let digest = Digest::from_bytes(sha2::Digest::finalize(hasher).into());
    let list = ChunkList::new(digests);
    let chunks = list.digest();
    let archive = Archive { digest, size, chunks, files: digest, file_count: 1, unpacked_size: size };
    Ok((Arc::new(Disk { path, list: list.to_bytes(), digest, size }), archive))
}

fn rate(size: u64, time: Duration) -> f64 {
    size as f64 / 1e6 / time.as_secs_f64()
}

/// Fetches from as many holders as there are in `slow`; those that are true give 1 MB/s.
fn ours(disk: &Arc<Disk>, archive: Archive, target: PathBuf, slow: &[bool]) -> Outcome<Duration> {
    let (serving, asking) = (runtime()?, runtime()?);
    let (mut nodes, mut bootstrap) = (Vec::new(), Vec::new());
    for slow in slow {
        let listen: Vec<Multiaddr> = vec!["/ip4/127.0.0.1/tcp/0".parse()?];
        let config = NodeConfig { mode: Mode::Node, listen, ..NodeConfig::default() };
        let content = Shared(disk.clone(), slow.then(Arc::default));
        let (node, events) = serving.block_on(start(config, Arc::new(content)))?;
        let status = serving.block_on(node.status())?;
        let address = status.listen_addresses.first().ok_or("no address")?.to_string();
        bootstrap.push(ggen_net::parse_bootstrap(&address)?);
        nodes.push((node, events));
    }
    let size = archive.size;
    let time = asking.block_on(async move {
        let wanted = bootstrap.len();
        let config = NodeConfig { bootstrap, ..NodeConfig::default() };
        let (command, _events) = start(config, Arc::new(ggen_net::NoContent)).await?;
        command.joined(Duration::from_secs(5)).await;
        let mut peers = command.peers().await?;
        while peers.len() < wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
            peers = command.peers().await?;
        }
        let holders = peers.into_iter().map(|p| ggen_net::Holder { peer: p.peer_id, addresses: p.addresses }).collect();
        let destination = File::options().read(true).write(true).create(true).truncate(true).open(&target)?;
        let (events, mut told) = mpsc::channel(256);
        let drain = tokio::spawn(async move { while told.recv().await.is_some() {} });
        let began = Instant::now();
        let digest = archive.digest;
        let request = FetchRequest { archive, holders, destination, path: target, proved: Vec::new() };
        let report = command.fetch(request, events).await?;
        let time = began.elapsed();
        drain.await?;
        if report.digest != digest || report.bytes != size {
            return Err("not what was signed".into());
        }
        command.shutdown().await?;
        Outcome::Ok(time)
    })?;
    for (node, _events) in nodes {
        serving.block_on(node.shutdown())?;
    }
    Ok(time)
}

fn swarm() -> Outcome<libp2p::Swarm<libp2p_stream::Behaviour>> {
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), tls::Config::new, yamux::Config::default)?
        .with_behaviour(|_| libp2p_stream::Behaviour::new())?
        .with_swarm_config(|c| c.with_idle_connection_timeout(Duration::from_secs(60)))
        .build())
}

fn bare(size: u64) -> Outcome<Duration> {
    let (serving, asking) = (runtime()?, runtime()?);
    let (address_in, address) = oneshot::channel();
    serving.spawn(async move {
        let mut swarm = swarm()?;
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let mut incoming = swarm.behaviour().new_control().accept(BARE).map_err(|_| "taken")?;
        tokio::spawn(async move {
            let piece = vec![7u8; 256 * 1024];
            while let Some((_, mut stream)) = incoming.next().await {
                for _ in 0..size.div_ceil(256 * 1024) {
                    stream.write_all(&piece).await?;
                }
                stream.close().await?;
            }
            io::Result::Ok(())
        });
        let mut address_in = Some(address_in);
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await
                && let Some(sender) = address_in.take()
            {
                let _ = sender.send((*swarm.local_peer_id(), address));
            }
        }
        #[expect(unreachable_code, reason = "it names the error's type")]
        Outcome::Ok(())
    });
    asking.block_on(async move {
        let (peer, address) = address.await?;
        let mut swarm = swarm()?;
        swarm.dial(address.with_p2p(peer).map_err(|_| "address")?)?;
        let mut control = swarm.behaviour().new_control();
        while !matches!(swarm.select_next_some().await, SwarmEvent::ConnectionEstablished { .. }) {}
        tokio::spawn(async move {
            loop {
                swarm.select_next_some().await;
            }
        });
        let began = Instant::now();
        let mut stream = control.open_stream(peer, BARE).await?;
        let (mut buffer, mut read) = (vec![0; 256 * 1024], 0u64);
        loop {
            match stream.read(&mut buffer).await? {
                0 => break,
                n => read += n as u64,
            }
        }
        if read < size {
            return Err("broke off".into());
        }
        Outcome::Ok(began.elapsed())
    })
}

/// Peak memory of this process in MB, both ends of everything so far.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Processor time of this process so far, in seconds.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum::<f64>();
    ticks / 100.0
}

fn main() -> Outcome<()> {
    let megabytes: u64 = std::env::args().nth(1).map_or(Ok(256), |text| text.parse())?;
    let size = megabytes * 1_000_000;
    let directory = tempfile::tempdir()?;
    let (disk, archive) = make(directory.path().join("archive"), size)?;
    let target = directory.path().join("fetched");
    let given = |flag: &str| std::env::args().any(|a| a == flag);
    for round in 1..=3 {
        let before = processor_time();
        let time = ours(&disk, archive.clone(), target.clone(), &[false])?;
        let (fetch, cpu) = (rate(size, time), processor_time() - before);
        let memory = peak_memory();
        println!("round {round}: to a proved file {fetch:.0} MB/s, {cpu:.2} s of processors, peak memory {memory} MB");
        if given("--holders") {
            for (what, slow) in [
                ("from four holders", &[false; 4][..]),
                ("from three", &[false; 3]),
                ("from three and one of 1 MB/s", &[true, false, false, false]),
            ] {
                let time = ours(&disk, archive.clone(), target.clone(), slow)?;
                println!("round {round}: {what} {:.0} MB/s", rate(size, time));
            }
        }
        if given("--fetch-only") {
            continue;
        }
        let before = processor_time();
        let plain = rate(size, bare(size)?);
        let (ratio, cpu) = (100.0 * fetch / plain, processor_time() - before);
        println!("round {round}: bare TLS stream  {plain:.0} MB/s, {cpu:.2} s of processors; a fetch has {ratio:.0} %");
    }
    Ok(())
}
