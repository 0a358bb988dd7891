//! A peer that keeps to no protocol: an encrypted connection, and on it streams on which it says what a test wants.
//!
//! It agrees upon protocols by hand, or upon none; what it is asked itself it never answers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use libp2p::core::muxing::{StreamMuxerBox, StreamMuxerExt as _, SubstreamBox};
use libp2p::core::transport::{DialOpts, PortUse};
use libp2p::core::upgrade::Version;
use libp2p::core::{Endpoint, Transport as _};
use libp2p::futures::AsyncWriteExt as _;
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, noise, tcp, yamux};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::Node;

/// The longest until a connection or a stream is there.
const SOON: Duration = Duration::from_secs(10);

type Wanted = mpsc::UnboundedReceiver<oneshot::Sender<SubstreamBox>>;

/// Such a peer with one connection; gone when it goes out of scope.
pub struct Raw {
    /// Its identity.
    pub peer_id: String,
    runtime: Runtime,
    wanted: mpsc::UnboundedSender<oneshot::Sender<SubstreamBox>>,
    closed: Arc<AtomicBool>,
    held: Vec<SubstreamBox>,
}

/// The words by which a stream of `protocol` is agreed upon.
pub fn agreed(protocol: &str) -> Vec<u8> {
    let mut words = Vec::new();
    for word in ["/multistream/1.0.0", protocol] {
        words.push(u8::try_from(word.len() + 1).expect("a short name"));
        words.extend_from_slice(word.as_bytes());
        words.push(b'\n');
    }
    words
}

/// Keeps the connection going until it ends.
async fn drive(mut muxer: StreamMuxerBox, mut wanted: Wanted, closed: Arc<AtomicBool>) {
    let (mut waiting, mut theirs) = (VecDeque::<oneshot::Sender<SubstreamBox>>::new(), Vec::new());
    poll_fn(|cx| {
        while let Poll::Ready(Some(reply)) = wanted.poll_recv(cx) {
            waiting.push_back(reply);
        }
        while let Poll::Ready(stream) = muxer.poll_inbound_unpin(cx) {
            match stream {
                Ok(stream) => theirs.push(stream),
                Err(_) => return Poll::Ready(()),
            }
        }
        while !waiting.is_empty()
            && let Poll::Ready(stream) = muxer.poll_outbound_unpin(cx)
        {
            let Ok(stream) = stream else { return Poll::Ready(()) };
            let _ = waiting.pop_front().expect("somebody waits").send(stream);
        }
        while let Poll::Ready(event) = muxer.poll_unpin(cx) {
            if event.is_err() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    })
    .await;
    closed.store(true, Ordering::SeqCst);
}

impl Raw {
    /// A new identity, connected with `node`; none if the node does not let it in.
    pub fn connect(node: &Node) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let key = Keypair::generate_ed25519();
        let mut streams = yamux::Config::default();
        streams.set_max_num_streams(4096);
        let noise = noise::Config::new(&key).expect("noise");
        let transport = tcp::tokio::Transport::new(tcp::Config::default());
        let mut transport = transport.upgrade(Version::V1).authenticate(noise).multiplex(streams).boxed();
        let full: Multiaddr = node.addresses[0].parse().expect("an address");
        let address = full.into_iter().take(2).collect();
        let muxer = runtime.block_on(async {
            let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
            let dial = transport.dial(address, options).expect("a TCP address");
            tokio::time::timeout(SOON, dial).await.ok()?.ok()
        });
        let (_, muxer) = muxer?;
        let (wanted, asked) = mpsc::unbounded_channel();
        let closed = Arc::new(AtomicBool::new(false));
        runtime.spawn(drive(muxer, asked, closed.clone()));
        Some(Self { peer_id: key.public().to_peer_id().to_string(), runtime, wanted, closed, held: Vec::new() })
    }

    /// Opens `count` streams, says `words` on each as far as it is let, and keeps them: how many could be opened.
    pub fn open(&mut self, count: usize, words: &[u8]) -> usize {
        let before = self.held.len();
        for _ in 0..count {
            let (reply, stream) = oneshot::channel();
            let _ = self.wanted.send(reply);
            let held = self.runtime.block_on(async {
                let mut stream = tokio::time::timeout(SOON, stream).await.ok()?.ok()?;
                let said = async { stream.write_all(words).await.and(stream.flush().await) };
                let _ = tokio::time::timeout(SOON, said).await;
                Some(stream)
            });
            let Some(stream) = held else { break };
            self.held.push(stream);
        }
        self.held.len() - before
    }

    /// Opens a stream, says `words` on it, and then a byte after each `pause`, until nobody takes it any more.
    pub fn drip(&mut self, words: &[u8], byte: u8, pause: Duration) {
        assert_eq!(self.open(1, words), 1, "a stream");
        let mut stream = self.held.pop().expect("the stream");
        self.runtime.spawn(async move {
            while stream.write_all(&[byte]).await.is_ok() && stream.flush().await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        });
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}
