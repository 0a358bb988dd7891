//! Streams to peers.
//!
//! Decides how long is waited for one; never what goes over it. Invariant: every wait has an end.

use std::sync::Arc;
use std::time::Duration;

use ggen_core::limits::Limits;
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};
use libp2p_stream::{Control, OpenStreamError};
use tokio::sync::{mpsc, oneshot};

use crate::error::NetError;
use crate::fetch::landing::Landings;
use crate::node::command::Command;

/// A way to the node's task and to its streams.
#[derive(Clone)]
pub(crate) struct Link {
    pub commands: mpsc::Sender<Command>,
    /// Streams over any connection.
    pub streams: Control,
    /// Streams over direct connections.
    pub bulk: Control,
    pub limits: Arc<Limits>,
    /// What this node downloads now.
    pub landings: Landings,
    /// Whether others reach this node, so that it tells what it has.
    pub reached: bool,
}

impl Link {
    /// Sends a command and waits for its answer.
    pub async fn call<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, NetError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| NetError::Stopped)?;
        answer.await.map_err(|_| NetError::Stopped)
    }

    /// Sees to it that `peer` is connected.
    pub async fn connect(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<(), NetError> {
        // Several addresses are dialled side by side, each with its own limit; this one is for what hangs elsewhere.
        let limit = self.limits.dial_timeout * 2;
        let dial = self.call(|reply| Command::Connect { peer, addresses, reply });
        tokio::time::timeout(limit, dial).await.unwrap_or_else(|_| Err(NetError::timeout("dialling a peer", limit)))?
    }

    /// Opens a stream to `peer` that no relay carries; a way round one is waited for.
    pub async fn open_direct(
        &self,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        protocol: StreamProtocol,
        limit: Duration,
    ) -> Result<Stream, NetError> {
        self.connect(peer, addresses.clone()).await?;
        self.call(|reply| Command::ConnectDirectly { peer, addresses, reply }).await??;
        opened(self.bulk.clone(), peer, protocol, limit).await
    }

    /// Opens a stream to `peer`, which is connected first if it must be.
    pub async fn open(
        &self,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        protocol: StreamProtocol,
        limit: Duration,
    ) -> Result<Stream, NetError> {
        self.connect(peer, addresses).await?;
        opened(self.streams.clone(), peer, protocol, limit).await
    }
}

async fn opened(
    mut streams: Control,
    peer: PeerId,
    protocol: StreamProtocol,
    limit: Duration,
) -> Result<Stream, NetError> {
    let unreachable = |problem: String| NetError::Unreachable { peer: peer.to_string(), problem };
    match tokio::time::timeout(limit, streams.open_stream(peer, protocol)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(OpenStreamError::UnsupportedProtocol(p))) => Err(unreachable(format!("it does not speak {p}"))),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(NetError::timeout("opening a stream", limit)),
    }
}
