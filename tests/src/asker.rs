//! A peer that asks one node's hash table, and nobody that the node tells it of.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ggen_core::Digest;
use libp2p::allow_block_list::{self, AllowedPeers};
use libp2p::futures::StreamExt as _;
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, GetProvidersOk, GetRecordOk, QueryId, QueryResult, RecordKey};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{DialError, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use tokio::runtime::Runtime;

use crate::Node;

/// The longest that one question may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Questions, and whom they may go to: an answer is to come from the node that is asked, and from no other that it names.
#[derive(NetworkBehaviour)]
struct Questions {
    kad: kad::Behaviour<MemoryStore>,
    allowed: allow_block_list::Behaviour<AllowedPeers>,
}

/// A peer that asks; gone when it goes out of scope.
pub struct Asker {
    swarm: Swarm<Questions>,
    runtime: Runtime,
    /// The node that is asked, and where it is.
    node: (PeerId, Multiaddr),
    /// What became of calls that failed.
    outcomes: HashMap<PeerId, String>,
}

impl Asker {
    /// One that knows `node` alone.
    #[track_caller]
    pub fn start(node: &Node) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let mut swarm = runtime.block_on(async {
            let builder = SwarmBuilder::with_new_identity().with_tokio();
            let transport = builder.with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default);
            let questions = |key: &libp2p::identity::Keypair| {
                let (me, config) = (key.public().to_peer_id(), kad::Config::new(StreamProtocol::new("/ggen/kad/1")));
                let mut kad = kad::Behaviour::with_config(me, MemoryStore::new(me), config);
                kad.set_mode(Some(kad::Mode::Client));
                Questions { kad, allowed: allow_block_list::Behaviour::default() }
            };
            let builder = transport.expect("a transport").with_behaviour(questions).expect("a behaviour");
            builder.with_swarm_config(|c| c.with_idle_connection_timeout(Duration::MAX)).build()
        });
        let peer = node.peer_id.parse().expect("a peer");
        swarm.behaviour_mut().allowed.allow_peer(peer);
        let node = (peer, node.addresses[0].parse().expect("an address"));
        Self { swarm, runtime, node, outcomes: HashMap::new() }
    }

    /// Whom to ask. The node is made known anew: who fails to answer once is forgotten.
    fn ask(&mut self) -> &mut kad::Behaviour<MemoryStore> {
        let kad = &mut self.swarm.behaviour_mut().kad;
        kad.add_address(&self.node.0, self.node.1.clone());
        kad
    }

    /// The value under a key, if anybody has it.
    pub fn record(&mut self, key: &Digest) -> Option<Vec<u8>> {
        let asked = self.ask().get_record(RecordKey::new(key.as_bytes()));
        self.until(asked, |_, result| match result {
            QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))) => Some(found.record.value),
            _ => None,
        })
    }

    /// Gives the node a value to keep, for so long; whether it took it.
    pub fn put(&mut self, key: &Digest, value: Vec<u8>, lasts: Duration) -> bool {
        let expires = Some(Instant::now() + lasts);
        let record = kad::Record { expires, ..kad::Record::new(RecordKey::new(key.as_bytes()), value) };
        let put = self.ask().put_record(record, kad::Quorum::One).expect("a record");
        let done = self.until(put, |_, result| match result {
            QueryResult::PutRecord(done) => Some(done.is_ok()),
            _ => None,
        });
        done.unwrap_or(false)
    }

    /// Who provides a key, and what came of calling them where they are said to be.
    pub fn providers(&mut self, key: &Digest) -> Vec<String> {
        let asked = self.ask().get_providers(RecordKey::new(key.as_bytes()));
        let found = self.until(asked, |swarm, result| match result {
            QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })) => {
                // The addresses are known for as long as the question is open.
                for peer in &providers {
                    swarm.behaviour_mut().allowed.allow_peer(*peer);
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
                SwarmEvent::Behaviour(QuestionsEvent::Kad(kad::Event::OutboundQueryProgressed {
                    id,
                    result,
                    step,
                    ..
                })) => Some((id, result, step.last)),
                // One who may not be asked was not called.
                SwarmEvent::OutgoingConnectionError { error: DialError::Denied { .. }, .. } => None,
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
        mut pick: impl FnMut(&mut Swarm<Questions>, QueryResult) -> Option<T>,
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
