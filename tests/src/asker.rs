//! A peer that asks one node's hash table, and knows nobody else.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ggen_core::Digest;
use libp2p::futures::StreamExt as _;
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, GetProvidersOk, GetRecordOk, QueryId, QueryResult, RecordKey};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use tokio::runtime::Runtime;

use crate::Node;

/// The longest that one question may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A peer that asks; gone when it goes out of scope.
pub struct Asker {
    swarm: Swarm<kad::Behaviour<MemoryStore>>,
    runtime: Runtime,
    /// What became of calls that failed.
    outcomes: HashMap<PeerId, String>,
}

impl Asker {
    /// One that knows `node` alone.
    #[track_caller]
    pub fn start(node: &Node) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let swarm = runtime.block_on(async {
            let builder = SwarmBuilder::with_new_identity().with_tokio();
            let transport = builder.with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default);
            let kad = |key: &libp2p::identity::Keypair| {
                let (me, config) = (key.public().to_peer_id(), kad::Config::new(StreamProtocol::new("/ggen/kad/1")));
                let mut kad = kad::Behaviour::with_config(me, MemoryStore::new(me), config);
                kad.set_mode(Some(kad::Mode::Client));
                kad
            };
            let builder = transport.expect("a transport").with_behaviour(kad).expect("a behaviour");
            builder.with_swarm_config(|c| c.with_idle_connection_timeout(Duration::MAX)).build()
        });
        let mut asker = Self { swarm, runtime, outcomes: HashMap::new() };
        let address: Multiaddr = node.addresses[0].parse().expect("an address");
        asker.swarm.behaviour_mut().add_address(&node.peer_id.parse().expect("a peer"), address);
        asker
    }

    /// The value under a key, if anybody has it.
    pub fn record(&mut self, key: &Digest) -> Option<Vec<u8>> {
        let asked = self.swarm.behaviour_mut().get_record(RecordKey::new(key.as_bytes()));
        self.until(asked, |_, result| match result {
            QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))) => Some(found.record.value),
            _ => None,
        })
    }

    /// Who provides a key, and what came of calling them where they are said to be.
    pub fn providers(&mut self, key: &Digest) -> Vec<String> {
        let asked = self.swarm.behaviour_mut().get_providers(RecordKey::new(key.as_bytes()));
        let found = self.until(asked, |swarm, result| match result {
            QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })) => {
                // The addresses are known for as long as the question is open.
                for peer in &providers {
                    let _ = swarm.dial(DialOpts::peer_id(*peer).build());
                }
                Some(providers).filter(|providers| !providers.is_empty())
            }
            _ => None,
        });
        found.into_iter().flatten().map(|peer| format!("{peer}: {}", self.called(peer))).collect()
    }

    /// What came of calling a peer.
    fn called(&mut self, peer: PeerId) -> String {
        let limit = Instant::now() + LIMIT;
        loop {
            if self.swarm.is_connected(&peer) {
                return "connected".to_owned();
            }
            if let Some(outcome) = self.outcomes.remove(&peer) {
                return outcome;
            }
            assert!(Instant::now() < limit, "the call of {peer} ends");
            self.next();
        }
    }

    /// The next answer; what became of calls is noted on the way. None after a while.
    fn next(&mut self) -> Option<(QueryId, QueryResult, bool)> {
        let (swarm, outcomes) = (&mut self.swarm, &mut self.outcomes);
        self.runtime.block_on(async {
            match tokio::time::timeout(Duration::from_millis(100), swarm.select_next_some()).await.ok()? {
                SwarmEvent::Behaviour(kad::Event::OutboundQueryProgressed { id, result, step, .. }) => {
                    Some((id, result, step.last))
                }
                SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                    let text = match error {
                        DialError::Transport(tried) => format!("no answer at {tried:?}"),
                        error => error.to_string(),
                    };
                    outcomes.insert(peer, text);
                    None
                }
                _ => None,
            }
        })
    }

    fn until<T>(
        &mut self,
        asked: QueryId,
        mut pick: impl FnMut(&mut Swarm<kad::Behaviour<MemoryStore>>, QueryResult) -> Option<T>,
    ) -> Option<T> {
        let limit = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < limit, "the question ends");
            let Some((id, result, last)) = self.next() else { continue };
            if id == asked {
                let _calls = self.runtime.enter();
                let picked = pick(&mut self.swarm, result);
                if picked.is_some() || last {
                    return picked;
                }
            }
        }
    }
}
