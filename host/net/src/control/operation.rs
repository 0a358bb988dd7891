//! One request over the control socket, done with the node's own handle.
//!
//! Decides which files a client may have written: those beneath the home, never through a link at their end.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ggen_core::chunks::chunk_count;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::AsyncWrite;
use tokio::sync::{mpsc, oneshot};

use super::message::{self, Event, Op, Peer, Reply, WireHead};
use crate::error::NetError;
use crate::fetch::check_size;
use crate::fetch::report::FetchRequest;
use crate::handle::Handle;
use crate::types::{NodeEvent, SearchEvent};

/// Events of one request that wait to be written.
const EVENTS: usize = 64;

/// An answer, or an error of the network; the outer error is of the socket.
type End = io::Result<Result<Value, NetError>>;

pub(super) struct Operation<'a, W> {
    pub handle: Handle,
    pub home: PathBuf,
    pub writer: &'a mut W,
}

fn value<T: Serialize>(result: Result<T, NetError>) -> End {
    Ok(match result {
        Ok(answer) => Ok(serde_json::to_value(answer)?),
        Err(error) => Err(error),
    })
}

impl<W: AsyncWrite + Unpin> Operation<'_, W> {
    pub async fn run(&mut self, op: Op) -> End {
        let handle = self.handle.clone();
        if matches!(op, Op::Heads { .. } | Op::Head { .. } | Op::Package { .. }) {
            // A node that has just begun knows nobody yet; at once where it is connected, or nobody can be reached.
            handle.joined(handle.limits().dial_timeout).await;
        }
        match op {
            Op::Joined { limit_ms } => value(Ok(handle.joined(Duration::from_millis(limit_ms)).await)),
            Op::Search { query, limit, timeout_ms } => self.search(&query, limit, timeout_ms).await,
            Op::Heads { name } => {
                let found = handle.heads(&name).await;
                self.heads(found).await
            }
            Op::Head { id } => {
                let found = handle.head(&id).await;
                self.heads(found).await
            }
            Op::Package { id, from } => {
                let from: Vec<_> = from.into_iter().map(|p| p.0).collect();
                match handle.package(&id, &from).await {
                    Err(error) => Ok(Err(error)),
                    Ok(found) => {
                        for release in found.releases {
                            self.event(Event::Release(release)).await?;
                        }
                        value(Ok(WireHead { peer: Peer(found.peer), subnet: found.subnet, head: found.head.bundle }))
                    }
                }
            }
            Op::Holders { archive } => value(handle.holders(&archive).await),
            Op::Fetch { archive, holders, path, proved } => {
                if let Err(error) = check_size(&archive, handle.limits().max_archive) {
                    return Ok(Err(error));
                }
                let mut there = vec![false; usize::try_from(chunk_count(archive.size)).unwrap_or(0)];
                for index in proved {
                    if let Some(slot) = usize::try_from(index).ok().and_then(|i| there.get_mut(i)) {
                        *slot = true;
                    }
                }
                match self.open(&path) {
                    Ok(destination) => {
                        self.fetch(FetchRequest { archive, holders, destination, path, proved: there }).await
                    }
                    Err(source) => Ok(Err(NetError::File { action: "open", source })),
                }
            }
            Op::JoinFetch { archive, holders } => value(handle.join_fetch(&archive, holders).await),
            Op::Provide { archives, names } => value(handle.provide(&archives, &names).await),
            Op::PutHead { head } => value(handle.put_head(*head).await),
            Op::Announce { head, release } => value(handle.announce(*head, release).await),
            Op::Status => value(handle.status().await),
            Op::Peers => value(handle.peers().await),
            Op::Ban { peer, until, reason } => value(handle.ban(peer.0, until, &reason).await),
            Op::Unban { peer } => value(handle.unban(peer.0).await),
            Op::Bans => value(handle.bans().await),
            Op::Stop => {
                let told = handle.events.send(NodeEvent::StopRequested).await;
                value(told.map_err(|_| NetError::Stopped))
            }
            Op::Call { verb, body } => self.call(verb, body).await,
        }
    }

    async fn event(&mut self, event: Event) -> io::Result<()> {
        message::write(self.writer, &Reply::Event(Box::new(event))).await
    }

    async fn search(&mut self, query: &str, limit: usize, timeout_ms: u64) -> End {
        let timeout = Duration::from_millis(timeout_ms).min(self.handle.limits().control_timeout);
        let mut events = match self.handle.search(query, limit, timeout).await {
            Ok(events) => events,
            Err(error) => return Ok(Err(error)),
        };
        while let Some(event) = events.recv().await {
            match event {
                SearchEvent::Hits { peer, hits } => self.event(Event::Hits { peer: Peer(peer), hits }).await?,
                SearchEvent::Done { complete, asked, answered } => {
                    return Ok(Ok(json!({"complete": complete, "asked": asked, "answered": answered})));
                }
            }
        }
        Ok(Err(NetError::Stopped))
    }

    async fn heads(&mut self, found: Result<Vec<crate::types::FoundHead>, NetError>) -> End {
        match found {
            Err(error) => Ok(Err(error)),
            Ok(found) => {
                for head in found {
                    self.event(Event::Head(head.into())).await?;
                }
                Ok(Ok(Value::Null))
            }
        }
    }

    async fn fetch(&mut self, request: FetchRequest) -> End {
        let (events, mut told) = mpsc::channel(EVENTS);
        let handle = self.handle.clone();
        let fetch = handle.fetch(request, events);
        let mut fetch = std::pin::pin!(fetch);
        let report = loop {
            tokio::select! {
                biased;
                Some(event) = told.recv() => self.event(Event::Fetch(event)).await?,
                report = &mut fetch => break report,
            }
        };
        // What was told last is still in the channel.
        while let Ok(event) = told.try_recv() {
            self.event(Event::Fetch(event)).await?;
        }
        value(report)
    }

    async fn call(&mut self, verb: String, body: Value) -> End {
        let (answer, wait) = oneshot::channel();
        let request = NodeEvent::Request { verb, body, answer };
        if self.handle.events.send(request).await.is_err() {
            return Ok(Err(NetError::Stopped));
        }
        let limit = self.handle.limits().control_timeout;
        Ok(match tokio::time::timeout(limit, wait).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err((code, message)))) => Err(NetError::Remote { code, message }),
            Ok(Err(_)) => Err(NetError::Stopped),
            Err(_) => Err(NetError::timeout("the node's answer", limit)),
        })
    }

    fn open(&self, path: &Path) -> io::Result<std::fs::File> {
        let refused = |problem| io::Error::new(io::ErrorKind::PermissionDenied, problem);
        let directory = path.parent().ok_or_else(|| refused("the path has no directory"))?;
        let name = path.file_name().ok_or_else(|| refused("the path names no file"))?;
        let directory = std::fs::canonicalize(directory)?;
        if !directory.starts_with(&self.home) {
            return Err(refused("the path is not beneath the node's home"));
        }
        let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
        let file = OpenOptions::new().read(true).write(true).custom_flags(nofollow).open(directory.join(name))?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(refused("the path is no regular file")) }
    }
}
