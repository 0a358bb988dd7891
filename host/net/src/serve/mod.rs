//! Serving: streams that peers open, up to the bounds.
//!
//! Decides nothing: [`server`] says how many streams of whom are served, what is in them is [`catalog`]'s and [`archive`]'s
//! business.
//! Invariant: accepting never waits for serving.

mod archive;
mod catalog;
mod server;
mod slots;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use libp2p::{PeerId, Stream};
use libp2p_stream::IncomingStreams;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::server::{Ended, Server};
use crate::catalog::CATALOG;
use crate::complaints::Complaints;
use crate::content::Content;
use crate::error::NetError;
use crate::fetch::protocol::ARCHIVE;
use crate::link::Link;

/// The tasks that serve; they end when this is dropped.
pub(crate) struct Serving {
    stop: watch::Sender<bool>,
}

impl Serving {
    /// Accepts nothing new, lets what runs finish for at most `grace`, and ends the rest.
    pub async fn stop(&self, grace: Duration) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(grace, self.stop.closed()).await;
    }
}

/// Begins to serve.
pub(crate) fn start_serving(
    link: &Link,
    content: Arc<dyn Content>,
    complaints: Complaints,
) -> Result<Serving, NetError> {
    let server = Arc::new(Server::new(link, content, complaints));
    let (stop, stopped) = watch::channel(false);
    let mut streams = link.streams.clone();
    let taken = |e: libp2p_stream::AlreadyRegistered| NetError::Transport(Box::new(e));
    let incoming = streams.accept(CATALOG).map_err(taken)?;
    tokio::spawn(accept(incoming, server.clone(), stopped.clone(), catalog::serve));
    // What no connection through a relay can ask for.
    let incoming = link.bulk.clone().accept(ARCHIVE).map_err(taken)?;
    tokio::spawn(accept(incoming, server, stopped, archive::serve));
    Ok(Serving { stop })
}

async fn accept<F>(
    mut incoming: IncomingStreams,
    server: Arc<Server>,
    mut stopped: watch::Receiver<bool>,
    serve: impl Fn(Arc<Server>, PeerId, Stream) -> F,
) where
    F: Future<Output = Ended> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            Some(_) = tasks.join_next() => {}
            next = incoming.next() => {
                let Some((peer, stream)) = next else { break };
                match server.slot(peer) {
                    Ok(slot) => {
                        let served = serve(server.clone(), peer, stream);
                        let server = server.clone();
                        tasks.spawn(async move {
                            if let Err(Some(offence)) = served.await {
                                server.complaints.add(*offence);
                            }
                            drop(slot);
                        });
                    }
                    // Dropping the stream resets it.
                    Err(Some(offence)) => server.complaints.add(*offence),
                    Err(None) => tracing::debug!(%peer, "too many streams: one is refused"),
                }
            }
        }
    }
    drop(incoming);
    let finish = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(server.limits.shutdown_timeout / 4, finish).await;
}
