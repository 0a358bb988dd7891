//! What the node is asked to do by its handles. Decides nothing.

use ggen_core::Digest;
use ggen_core::head::HeadMark;
use libp2p::kad::RecordKey;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};

use crate::error::NetError;
use crate::types::{BanEntry, PeerInfo, Status};

/// Commands that wait for the node.
pub(crate) const COMMAND_QUEUE: usize = 256;

/// What a lookup found.
#[derive(Debug)]
pub(crate) enum Lead {
    /// A record, and who gave it; none for this node itself.
    Record(Option<PeerId>, Vec<u8>),
    /// A peer that says it provides.
    Provider(PeerId),
}

/// A head whose signatures are checked.
#[derive(Clone, Debug)]
pub(crate) struct HeldHead {
    pub key: Digest,
    /// The bundle, as it travels.
    pub value: Vec<u8>,
    pub mark: HeadMark,
    /// In milliseconds since the Unix epoch.
    pub expires: u64,
}

/// A request to the node's task.
pub(crate) enum Command {
    /// Be connected to a peer.
    Connect { peer: PeerId, addresses: Vec<Multiaddr>, reply: oneshot::Sender<Result<(), NetError>> },
    /// Be connected directly to a connected peer.
    ConnectDirectly { peer: PeerId, addresses: Vec<Multiaddr>, reply: oneshot::Sender<Result<(), NetError>> },
    /// The connected peers.
    Peers(oneshot::Sender<Vec<PeerInfo>>),
    /// Where a peer can be reached, as far as is known.
    Addresses { peer: PeerId, reply: oneshot::Sender<Vec<Multiaddr>> },
    /// How the node is.
    Status(oneshot::Sender<Status>),
    /// Look up records; the channel closes when the lookup is done, closing it ends the lookup.
    Records { key: RecordKey, reply: mpsc::Sender<Lead> },
    /// Look up providers; they are dialled as they are found.
    Providers { key: RecordKey, reply: mpsc::Sender<Lead> },
    /// Store a verified head here and with the peers closest to its key; how many took it.
    PutHead { head: HeldHead, reply: oneshot::Sender<Result<usize, NetError>> },
    /// Keep verified heads from now on, and tell the network of them by and by.
    Hold { heads: Vec<HeldHead>, reply: oneshot::Sender<()> },
    /// A peer gave a verified head that was signed at this time, in milliseconds since the Unix epoch.
    SawHead(u64),
    /// Tell those who listen of a verified head; answered when it was sent.
    Announce { bytes: Vec<u8>, key: Digest, mark: HeadMark, reply: oneshot::Sender<Result<(), NetError>> },
    /// Provide keys from now on.
    Provide { keys: Vec<Digest>, reply: oneshot::Sender<()> },
    /// Do not provide a key any more.
    Withdraw(Digest),
    /// Refuse a peer.
    Ban(BanEntry, oneshot::Sender<()>),
    /// Do not refuse it any more; whether it was refused.
    Unban(PeerId, oneshot::Sender<bool>),
    /// Who is refused.
    Bans(oneshot::Sender<Vec<BanEntry>>),
    /// Who is in the routing table.
    #[cfg(test)]
    Routed(oneshot::Sender<Vec<PeerId>>),
    /// Stop.
    Shutdown(oneshot::Sender<()>),
}
