//! What the node is asked by its handles, done.
//!
//! Decides who may be dialled; never waits for an answer.

use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

use super::Node;
use super::command::Command;
use super::state::query::MAX_QUERIES;
use crate::error::NetError;
use crate::types::{BanEntry, NodeEvent};

/// Those who wait for a dial of one peer, at most.
const MAX_WAITERS: usize = 64;
/// Addresses of one peer that are dialled.
const MAX_DIALLED: usize = 8;

impl Node {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Connect { peer, addresses, reply } => self.connect(peer, addresses, reply),
            Command::ConnectDirectly { peer, addresses, reply } => self.connect_directly(peer, addresses, reply),
            Command::Peers(reply) => drop(reply.send(self.peer_infos())),
            Command::Addresses { peer, reply } => drop(reply.send(self.addresses_of(&peer))),
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Records { key, reply } => self.look_up_records(key, reply),
            Command::Providers { key, reply } => self.look_up_providers(key, reply),
            Command::PutHead { head, reply } => self.put_head(head, reply),
            Command::Hold { heads, reply } => {
                self.hold(heads);
                let _ = reply.send(());
            }
            Command::SawHead(issued) => self.outlook.head(issued),
            Command::Announce { bytes, key, mark, reply } => self.announce(bytes, key, mark, reply),
            Command::Provide { keys, reply } => {
                self.provide(keys);
                let _ = reply.send(());
            }
            Command::Withdraw(key) => self.withdraw(key),
            Command::Ban(ban, reply) => {
                self.tell(NodeEvent::Banned(ban.clone()));
                self.set_ban(ban);
                let _ = reply.send(());
            }
            Command::Unban(peer, reply) => {
                let was = self.lift_ban(peer);
                self.tell(NodeEvent::Unbanned(peer));
                let _ = reply.send(was);
            }
            Command::Bans(reply) => drop(reply.send(self.bans.values().cloned().collect())),
            #[cfg(test)]
            Command::Routed(reply) => {
                let kad = &mut self.swarm.behaviour_mut().kad;
                let all = kad.kbuckets().flat_map(|b| b.iter().map(|e| *e.node.key.preimage()).collect::<Vec<_>>());
                let _ = reply.send(all.collect());
            }
            // Handled by the loop itself.
            Command::Shutdown(reply) => drop(reply.send(())),
        }
    }

    fn connect(&mut self, peer: PeerId, addresses: Vec<Multiaddr>, reply: oneshot::Sender<Result<(), NetError>>) {
        let unreachable =
            |problem: &str| Err(NetError::Unreachable { peer: peer.to_string(), problem: problem.to_owned() });
        if self.peers.contains_key(&peer) {
            return drop(reply.send(Ok(())));
        }
        if self.bans.contains_key(&peer) {
            return drop(reply.send(unreachable("it is banned")));
        }
        if self.dials.get(&peer).is_some_and(|w| w.len() >= MAX_WAITERS) || self.dials.len() >= MAX_QUERIES {
            return drop(reply.send(Err(NetError::Busy("too many dials at once"))));
        }
        let (done, wait) = oneshot::channel();
        self.dials.entry(peer).or_default().push(done);
        let text = peer.to_string();
        tokio::spawn(async move {
            let answer = match wait.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(problem)) => Err(NetError::Unreachable { peer: text, problem }),
                Err(_) => Err(NetError::Stopped),
            };
            let _ = reply.send(answer);
        });
        if let Err(problem) = self.dial(peer, addresses) {
            self.dial_over(&peer, &Err(problem));
        }
    }

    /// Dials a peer unless that is under way. An error is a clause for people.
    pub(super) fn dial(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<(), String> {
        use libp2p::swarm::DialError;
        let addresses: Vec<_> = addresses.into_iter().take(MAX_DIALLED).collect();
        let options = DialOpts::peer_id(peer)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .addresses(addresses)
            .extend_addresses_through_behaviour()
            .build();
        match self.swarm.dial(options) {
            Ok(()) | Err(DialError::DialPeerConditionFalse(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Tells those who wait for a dial how it went.
    pub(super) fn dial_over(&mut self, peer: &PeerId, result: &Result<(), String>) {
        for waiter in self.dials.remove(peer).unwrap_or_default() {
            let _ = waiter.send(result.clone());
        }
    }

    pub(super) fn set_ban(&mut self, ban: BanEntry) {
        if self.bans.len() >= self.limits.max_known_peers && !self.bans.contains_key(&ban.peer_id) {
            let soonest = self.bans.values().min_by_key(|b| b.until).map(|b| b.peer_id);
            if let Some(peer) = soonest {
                self.lift_ban(peer);
            }
        }
        self.swarm.behaviour_mut().blocked.block_peer(ban.peer_id);
        self.unroute(&ban.peer_id);
        self.bans.insert(ban.peer_id, ban);
    }

    pub(super) fn lift_ban(&mut self, peer: PeerId) -> bool {
        self.swarm.behaviour_mut().blocked.unblock_peer(peer);
        self.join.soon();
        self.bans.remove(&peer).is_some()
    }
}
