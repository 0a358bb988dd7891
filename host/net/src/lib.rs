//! The libp2p node: transport, discovery, exchange of archives, control socket.
//!
//! Decides which bytes of the network are let in: heads with a valid signature, chunks that the signed release names,
//! frames within their bounds. It never decides whom to trust, what to install or what an offence costs; it tells what
//! happened and leaves the rest to its caller. It never touches the database or the store: what it serves comes
//! through [`Content`], what is to be kept leaves as [`NodeEvent`]s.
//!
//! ```text
//!            Handle ──commands──▶ node task (owns the swarm) ──▶ NodeEvent
//!   Network <                         │ streams
//!            ControlClient ─socket─▶  serve ──▶ Content
//! ```

mod address;
mod catalog;
mod clock;
mod complaints;
mod config;
mod content;
mod control;
pub mod decoders;
mod dht;
mod error;
mod fetch;
mod frame;
mod handle;
mod link;
mod lookup;
mod network;
mod node;
mod package;
mod private;
mod serve;
mod sync;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod types;

pub use address::{parse_bootstrap, parse_multiaddr, parse_peer, subnet_of};
pub use config::{Identity, Mode, NodeConfig, Reach, new_identity, peer_id_of};
pub use content::{ArchiveSource, CatalogHit, Changes, Content, NoContent, PackageBundle};
pub use control::client::{ControlClient, connect};
pub use control::server::{ControlClaim, ControlServer, claim_control};
pub use dht::kept::{Kept, KeptProvider, KeptRecord};
pub use error::{NetError, Problem};
pub use fetch::report::{FetchEvent, FetchReport, FetchRequest, HolderReport, Outcome};
pub use handle::{Handle, start};
pub use libp2p::{Multiaddr, PeerId};
pub use network::Network;
pub use private::{ANOTHER_KEY, SwarmKey};
pub use types::{
    Announcing, BanEntry, Cursor, Direction, FoundHead, FoundPackage, Heard, Holder, Joined, NetworkState, NodeEvent,
    Offence, PeerInfo, SearchEvent, Status,
};
