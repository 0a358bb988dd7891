//! The network as a command sees it: a node of its own, or the one that is running.
//!
//! Decides nothing: both have the same methods.

use std::time::Duration;

use ggen_core::dsse::Envelope;
use ggen_core::head::HeadBundle;
use ggen_core::{Digest, PackageId, PackageName};
use libp2p::PeerId;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::control::client::ControlClient;
use crate::error::NetError;
use crate::fetch::report::{FetchEvent, FetchReport, FetchRequest};
use crate::handle::Handle;
use crate::types::{BanEntry, FoundHead, FoundPackage, Holder, Joined, PeerInfo, SearchEvent, Status};

/// A way to the network.
#[derive(Clone)]
pub enum Network {
    /// A node in this process.
    Own(Handle),
    /// A node in another process of this home.
    Running(ControlClient),
}

/// One method of both.
macro_rules! either {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty) => {
        $(#[$doc])*
        pub async fn $name(&self, $($arg: $kind),*) -> Result<$answer, NetError> {
            match self {
                Self::Own(handle) => handle.$name($($arg),*).await,
                Self::Running(client) => client.$name($($arg),*).await,
            }
        }
    };
}

impl Network {
    /// As [`Handle::joined`].
    pub async fn joined(&self, limit: Duration) -> Result<Joined, NetError> {
        match self {
            Self::Own(handle) => Ok(handle.joined(limit).await),
            Self::Running(client) => client.joined(limit).await,
        }
    }

    either! {
        /// As [`Handle::search`].
        search(query: &str, limit: usize, timeout: Duration) -> mpsc::Receiver<SearchEvent>
    }
    either! {
        /// As [`Handle::heads`].
        heads(name: &PackageName) -> Vec<FoundHead>
    }
    either! {
        /// As [`Handle::head`].
        head(id: &PackageId) -> Vec<FoundHead>
    }
    either! {
        /// As [`Handle::package`].
        package(id: &PackageId, from: &[PeerId]) -> FoundPackage
    }
    either! {
        /// As [`Handle::holders`].
        holders(archive: &Digest) -> Vec<Holder>
    }
    either! {
        /// As [`Handle::fetch`].
        fetch(request: FetchRequest, events: mpsc::Sender<FetchEvent>) -> FetchReport
    }
    either! {
        /// As [`Handle::join_fetch`].
        join_fetch(archive: &Digest, holders: Vec<Holder>) -> ()
    }
    either! {
        /// As [`Handle::provide`].
        provide(archives: &[Digest], names: &[PackageName]) -> ()
    }
    either! {
        /// As [`Handle::put_head`].
        put_head(bundle: HeadBundle) -> ()
    }
    either! {
        /// As [`Handle::announce`].
        announce(bundle: HeadBundle, release: Option<Envelope>) -> bool
    }
    either! {
        /// As [`Handle::status`].
        status() -> Status
    }
    either! {
        /// As [`Handle::peers`].
        peers() -> Vec<PeerInfo>
    }
    either! {
        /// As [`Handle::ban`].
        ban(peer: PeerId, until: u64, reason: &str) -> ()
    }
    either! {
        /// As [`Handle::unban`].
        unban(peer: PeerId) -> bool
    }
    either! {
        /// As [`Handle::bans`].
        bans() -> Vec<BanEntry>
    }

    /// Stops the node: the own one, or the running one, until it is gone.
    pub async fn stop(&self) -> Result<(), NetError> {
        match self {
            Self::Own(handle) => handle.shutdown().await,
            Self::Running(client) => client.stop().await,
        }
    }

    /// Asks the running node's owner for something that is not the network's. [`NetError::Remote`] with `not-running`
    /// where the node is this process's own.
    pub async fn call(&self, verb: &str, body: Value) -> Result<Value, NetError> {
        match self {
            Self::Own(_) => Err(NetError::Remote {
                code: "not-running".to_owned(),
                message: "no node is running with this home".to_owned(),
            }),
            Self::Running(client) => client.call(verb, body).await,
        }
    }

    /// Asks the running node's owner to read its configuration again.
    pub async fn reload(&self) -> Result<Value, NetError> {
        self.call("reload", Value::Null).await
    }
}
