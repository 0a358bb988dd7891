//! How a node is started. Decides nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use ggen_core::limits::Limits;
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};

use crate::address::is_quic;
use crate::dht::kept::Kept;
use crate::error::NetError;
use crate::private::SwarmKey;
use crate::types::{BanEntry, Cursor};

/// Who the node is.
#[derive(Clone, Debug, Default)]
pub enum Identity {
    /// A key of the moment: for short-lived commands.
    #[default]
    OfTheMoment,
    /// A key pair in libp2p's protobuf encoding, as [`new_identity`] makes it.
    Kept(Vec<u8>),
}

/// What the node is to the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Serves and is part of the DHT.
    Node,
    /// Only asks: never part of anybody's routing table.
    #[default]
    Command,
}

/// What a node does to be reached, and to reach others, where routers stand between.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reach {
    /// It has others look whether it can be called, and does the same for them; where it cannot, it has relays take its
    /// calls. Through a relay a direct connection is tried for.
    #[default]
    Auto,
    /// As `Auto`, but it is known that it cannot be called.
    Private,
    /// Nothing of it.
    Off,
}

/// How a node is started.
#[derive(Clone, Debug, Default)]
pub struct NodeConfig {
    /// Who it is.
    pub identity: Identity,
    /// What it is to the network.
    pub mode: Mode,
    /// Addresses to listen on; none for a short-lived command.
    pub listen: Vec<Multiaddr>,
    /// The configured peers to join by, each with its address; `/dnsaddr` is resolved at each dial.
    pub bootstrap: Vec<(PeerId, Multiaddr)>,
    /// Peers known from before.
    pub known: Vec<(PeerId, Multiaddr)>,
    /// Peers that are not talked to.
    pub banned: Vec<BanEntry>,
    /// Whether peers are looked for on the local network.
    pub mdns: bool,
    /// Whom names are asked of; none: whom the system asks.
    pub resolver: Option<SocketAddr>,
    /// What is done about routers between this node and others.
    pub reach: Reach,
    /// Whether it takes calls for others, within its limits.
    pub relay: bool,
    /// The key of a private network: nobody without it is spoken to.
    pub swarm_key: Option<SwarmKey>,
    /// Whether addresses of this machine and of private networks are looked at from outside, too: for trying it out.
    pub probe_local: bool,
    /// How far the logs of others were followed.
    pub cursors: Vec<Cursor>,
    /// What was kept of the hash table for others.
    pub kept: Vec<Kept>,
    /// Bounds and time-outs.
    pub limits: Arc<Limits>,
}

/// Makes a new identity to be kept: the bytes for [`Identity::Kept`].
pub fn new_identity() -> Result<Vec<u8>, NetError> {
    Keypair::generate_ed25519().to_protobuf_encoding().map_err(|e| NetError::Identity(e.into()))
}

/// The peer id that an identity's bytes stand for.
pub fn peer_id_of(identity: &[u8]) -> Result<PeerId, NetError> {
    Ok(decode(identity)?.public().to_peer_id())
}

fn decode(bytes: &[u8]) -> Result<Keypair, NetError> {
    Keypair::from_protobuf_encoding(bytes).map_err(|e| NetError::Identity(e.into()))
}

impl NodeConfig {
    /// Nothing that was named can be QUIC where there is a key: it would be left out without a word.
    pub(crate) fn check(&self) -> Result<(), NetError> {
        let named = self.listen.iter().chain(self.bootstrap.iter().map(|(_, address)| address));
        match named.filter(|_| self.swarm_key.is_some()).find(|address| is_quic(address)) {
            Some(address) => Err(NetError::Address { text: address.to_string(), problem: NO_QUIC.to_owned() }),
            None => Ok(()),
        }
    }
}

/// Why QUIC has no place in a private network.
const NO_QUIC: &str = "a private network (swarm_key) is TCP only: QUIC has its own encryption and takes no network key";

impl Identity {
    pub(crate) fn keypair(&self) -> Result<Keypair, NetError> {
        match self {
            Self::OfTheMoment => Ok(Keypair::generate_ed25519()),
            Self::Kept(bytes) => decode(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_kept() {
        let bytes = new_identity().unwrap();
        let peer = peer_id_of(&bytes).unwrap();
        assert_eq!(Identity::Kept(bytes.clone()).keypair().unwrap().public().to_peer_id(), peer);
        assert!(matches!(peer_id_of(&bytes[1..]), Err(NetError::Identity(_))));
    }
}
