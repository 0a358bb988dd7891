//! A node that answers every question, one byte a second.
//!
//! It is a node of the hash table like any other, and names itself as a holder of an archive: whoever asks it waits.

use std::time::Duration;

use ggen_core::Digest;
use ggen_core::head::archive_key;
use libp2p::futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, Mode};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, Stream, StreamProtocol, SwarmBuilder, identify, noise, tcp, yamux};
use tokio::runtime::Runtime;

use crate::Node;

const CATALOG: StreamProtocol = StreamProtocol::new("/ggen/catalog/1");
const ARCHIVE: StreamProtocol = StreamProtocol::new("/ggen/archive/1");
const KAD: StreamProtocol = StreamProtocol::new("/ggen/kad/1");
/// Between two bytes.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    kad: kad::Behaviour<MemoryStore>,
    streams: libp2p_stream::Behaviour,
}

/// Such a node; gone when it goes out of scope.
pub struct Dripper {
    /// Its identity.
    pub peer_id: String,
    /// Where it listens, with `/p2p/…`.
    pub address: String,
    runtime: Option<Runtime>,
}

/// Takes a question of any length, and answers with a promise of much and one byte a second of it.
async fn drip(mut stream: Stream, promise: Vec<u8>) {
    let mut question = [0; 1];
    if stream.read_exact(&mut question).await.is_err() || stream.write_all(&promise).await.is_err() {
        return;
    }
    while stream.flush().await.is_ok() && stream.write_all(b"{").await.is_ok() {
        tokio::time::sleep(PAUSE).await;
    }
}

impl Dripper {
    /// Joins by `node`, and says that it holds `archive`, of so many bytes and with such a list of chunks.
    #[track_caller]
    pub fn start(node: &Node, archive: &[u8]) -> Self {
        let list = ggen_core::chunks::ChunkList::of(archive).to_bytes();
        let mut hello = vec![0];
        hello.extend_from_slice(&(archive.len() as u64).to_be_bytes());
        hello.extend_from_slice(&u32::try_from(list.len()).expect("a short list").to_be_bytes());
        hello.extend_from_slice(&list);
        // The first chunk begins.
        hello.extend_from_slice(&[0, 0, 4, 0, 0]);
        let key = kad::RecordKey::new(archive_key(&Digest::of(archive)).as_bytes());
        let runtime = Runtime::new().expect("a runtime");
        let (peer_id, address) = runtime.block_on(join(node, key, hello));
        Self { peer_id, address, runtime: Some(runtime) }
    }
}

async fn join(node: &Node, key: kad::RecordKey, hello: Vec<u8>) -> (String, String) {
    let builder = SwarmBuilder::with_new_identity().with_tokio();
    let builder = builder.with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default);
    let behaviour = |key: &libp2p::identity::Keypair| {
        let me = key.public().to_peer_id();
        let mut kad = kad::Behaviour::with_config(me, MemoryStore::new(me), kad::Config::new(KAD));
        kad.set_mode(Some(Mode::Server));
        let identify = identify::Behaviour::new(identify::Config::new("/ggen/1".to_owned(), key.public()));
        Behaviour { identify, kad, streams: libp2p_stream::Behaviour::new() }
    };
    let builder = builder.expect("a transport").with_behaviour(behaviour).expect("a behaviour");
    let mut swarm = builder.with_swarm_config(|c| c.with_idle_connection_timeout(Duration::MAX)).build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().expect("an address")).expect("listen");
    let mut streams = swarm.behaviour().streams.new_control();
    for (protocol, promise) in [(CATALOG, vec![0, 4, 0, 0]), (ARCHIVE, hello)] {
        let mut incoming = streams.accept(protocol).expect("nobody else takes them");
        tokio::spawn(async move {
            while let Some((_, stream)) = incoming.next().await {
                tokio::spawn(drip(stream, promise.clone()));
            }
        });
    }
    let honest: Multiaddr = node.addresses[0].parse().expect("an address");
    let peer = node.peer_id.parse().expect("a peer");
    swarm.behaviour_mut().kad.add_address(&peer, honest.clone());
    swarm.dial(honest).expect("dial");
    let (mut address, mut told) = (None, false);
    let joined = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address: listens, .. } => {
                    swarm.add_external_address(listens.clone());
                    address = Some(listens);
                }
                SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { .. })) if !told => {
                    told = true;
                    swarm.behaviour_mut().kad.start_providing(key.clone()).expect("room for a key");
                }
                SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                    result: kad::QueryResult::StartProviding(Ok(_)),
                    ..
                })) => return,
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), joined).await.expect("it joins");
    let me = *swarm.local_peer_id();
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    (me.to_string(), format!("{}/p2p/{me}", address.expect("it listens")))
}

impl Drop for Dripper {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}
