//! The other end of the control socket: a running node, used from another process.
//!
//! Decides nothing; each call is one connection.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadBundle, SignedHead};
use ggen_core::limits::Limits;
use ggen_core::{Digest, PackageId, PackageName};
use libp2p::PeerId;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::lock;
use super::message::{self, Event, Line, Op, Peer, Reply, VERSION, WireHead};
use crate::error::NetError;
use crate::fetch::report::{FetchEvent, FetchReport, FetchRequest};
use crate::types::{BanEntry, FoundHead, FoundPackage, Holder, Joined, PeerInfo, SearchEvent, Status};

/// Between two looks at a node that comes or goes.
const PAUSE: Duration = Duration::from_millis(10);

/// A running node of this home.
#[derive(Clone, Debug)]
pub struct ControlClient {
    path: PathBuf,
    limits: Arc<Limits>,
}

/// The running node behind the socket at `path`; none if none is running. Where one is just starting or stopping, its
/// beginning or its end is waited for, not endlessly.
pub async fn connect(path: &Path, limits: Arc<Limits>) -> Result<Option<ControlClient>, NetError> {
    let end = Instant::now() + limits.shutdown_timeout * 2;
    loop {
        match UnixStream::connect(path).await {
            Ok(_) => return Ok(Some(ControlClient { path: path.to_owned(), limits })),
            Err(e) if is_absence(&e) => {
                if Instant::now() >= end || !lock::is_held(path) {
                    return Ok(None);
                }
                tokio::time::sleep(PAUSE).await;
            }
            // A path that is too long for a socket: no node can listen there either.
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => return Ok(None),
            Err(source) => {
                return Err(NetError::Control {
                    path: path.display().to_string(),
                    problem: "it cannot be used".into(),
                    source: Some(source),
                });
            }
        }
    }
}

/// Whether an error of the socket says that nobody is behind it.
fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound};
    matches!(error.kind(), NotFound | ConnectionRefused | ConnectionReset | BrokenPipe)
}

struct Call {
    stream: BufReader<UnixStream>,
    archive: Option<Digest>,
}

impl ControlClient {
    fn failed(&self, source: io::Error) -> NetError {
        // It was there a moment ago.
        if is_absence(&source) {
            return NetError::Stopped;
        }
        let problem = "the running node does not answer".into();
        NetError::Control { path: self.path.display().to_string(), problem, source: Some(source) }
    }

    async fn begin(&self, op: Op) -> Result<Call, NetError> {
        let archive = if let Op::Fetch { archive, .. } = &op { Some(archive.digest) } else { None };
        let mut stream = UnixStream::connect(&self.path).await.map_err(|e| self.failed(e))?;
        message::write(&mut stream, &Line { v: VERSION, op }).await.map_err(|e| self.failed(e))?;
        Ok(Call { stream: BufReader::new(stream), archive })
    }

    /// The next line; an event, or the end.
    async fn next(&self, call: &mut Call, limit: Duration) -> Result<Result<Event, Value>, NetError> {
        let line = message::read::<Reply, _>(&mut call.stream, self.limits.max_control_message);
        let line = match tokio::time::timeout(limit, line).await {
            Ok(line) => line.map_err(|e| self.failed(e))?,
            Err(_) => return Err(NetError::timeout("the running node's answer", limit)),
        };
        match line {
            Some(Reply::Event(event)) => Ok(Ok(*event)),
            Some(Reply::Done(value)) => Ok(Err(value)),
            Some(Reply::Error(failure)) => Err(failure.into_error(call.archive)),
            None => Err(NetError::Stopped),
        }
    }

    async fn end<T: DeserializeOwned>(&self, op: Op) -> Result<T, NetError> {
        let mut call = self.begin(op).await?;
        loop {
            if let Err(value) = self.next(&mut call, self.limits.control_timeout).await? {
                return self.parse(value);
            }
        }
    }

    fn parse<T: DeserializeOwned>(&self, value: Value) -> Result<T, NetError> {
        serde_json::from_value(value).map_err(|e| self.failed(e.into()))
    }

    /// As [`crate::Handle::joined`].
    pub async fn joined(&self, limit: Duration) -> Result<Joined, NetError> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.end(Op::Joined { limit_ms }).await
    }

    /// As [`crate::Handle::search`].
    pub async fn search(
        &self,
        query: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<mpsc::Receiver<SearchEvent>, NetError> {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let mut call = self.begin(Op::Search { query: query.to_owned(), limit, timeout_ms }).await?;
        let (out, events) = mpsc::channel(16);
        let client = self.clone();
        tokio::spawn(async move {
            let incomplete = SearchEvent::Done { complete: false, asked: 0, answered: 0 };
            let wait = timeout.saturating_add(Duration::from_secs(1));
            loop {
                let event = match client.next(&mut call, wait).await {
                    Ok(Ok(Event::Hits { peer, hits })) => SearchEvent::Hits { peer: peer.0, hits },
                    Ok(Ok(_)) => continue,
                    Ok(Err(value)) => {
                        let count = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
                        SearchEvent::Done {
                            complete: value.get("complete").and_then(Value::as_bool).unwrap_or(false),
                            asked: usize::try_from(count("asked")).unwrap_or(0),
                            answered: usize::try_from(count("answered")).unwrap_or(0),
                        }
                    }
                    Err(_) => incomplete.clone(),
                };
                let last = matches!(event, SearchEvent::Done { .. });
                if out.send(event).await.is_err() || last {
                    return;
                }
            }
        });
        Ok(events)
    }

    async fn collect(&self, op: Op) -> Result<Vec<FoundHead>, NetError> {
        let mut call = self.begin(op).await?;
        let mut found = Vec::new();
        loop {
            match self.next(&mut call, self.limits.control_timeout).await? {
                Ok(Event::Head(head)) => found.extend(head.verify()),
                Ok(_) => {}
                Err(_) => return Ok(found),
            }
        }
    }

    /// As [`crate::Handle::heads`].
    pub async fn heads(&self, name: &PackageName) -> Result<Vec<FoundHead>, NetError> {
        self.collect(Op::Heads { name: name.clone() }).await
    }

    /// As [`crate::Handle::head`].
    pub async fn head(&self, id: &PackageId) -> Result<Vec<FoundHead>, NetError> {
        self.collect(Op::Head { id: id.clone() }).await
    }

    /// As [`crate::Handle::package`].
    pub async fn package(&self, id: &PackageId, from: &[PeerId]) -> Result<FoundPackage, NetError> {
        let from = from.iter().map(|p| Peer(*p)).collect();
        let mut call = self.begin(Op::Package { id: id.clone(), from }).await?;
        let mut releases = Vec::new();
        loop {
            match self.next(&mut call, self.limits.control_timeout).await? {
                Ok(Event::Release(release)) => releases.push(release),
                Ok(_) => {}
                Err(value) => {
                    let WireHead { peer, subnet, head } = self.parse(value)?;
                    let head = SignedHead::verify(head, Some(id)).map_err(|e| self.failed(io::Error::other(e)))?;
                    return Ok(FoundPackage { peer: peer.0, subnet, head, releases });
                }
            }
        }
    }

    /// As [`crate::Handle::holders`].
    pub async fn holders(&self, archive: &Digest) -> Result<Vec<Holder>, NetError> {
        self.end(Op::Holders { archive: *archive }).await
    }

    /// As [`crate::Handle::fetch`]: the running node writes to the request's path.
    pub async fn fetch(
        &self,
        request: FetchRequest,
        events: mpsc::Sender<FetchEvent>,
    ) -> Result<FetchReport, NetError> {
        let proved = (0u64..).zip(&request.proved).filter(|(_, p)| **p).map(|(i, _)| i).collect();
        let FetchRequest { archive, holders, path, .. } = request;
        let mut call = self.begin(Op::Fetch { archive, holders, path, proved }).await?;
        // A stalled holder is the node's to notice; silence for longer than a slow one may take is its own.
        let wait = self.limits.control_timeout + self.limits.holder_timeout * 7;
        loop {
            match self.next(&mut call, wait).await? {
                Ok(Event::Fetch(event)) => drop(events.send(event).await),
                Ok(_) => {}
                Err(value) => return self.parse(value),
            }
        }
    }

    /// As [`crate::Handle::join_fetch`].
    pub async fn join_fetch(&self, archive: &Digest, holders: Vec<Holder>) -> Result<(), NetError> {
        self.end(Op::JoinFetch { archive: *archive, holders }).await
    }

    /// As [`crate::Handle::provide`].
    pub async fn provide(&self, archives: &[Digest], names: &[PackageName]) -> Result<(), NetError> {
        self.end(Op::Provide { archives: archives.to_vec(), names: names.to_vec() }).await
    }

    /// As [`crate::Handle::put_head`].
    pub async fn put_head(&self, bundle: HeadBundle) -> Result<(), NetError> {
        self.end(Op::PutHead { head: Box::new(bundle) }).await
    }

    /// As [`crate::Handle::announce`].
    pub async fn announce(&self, bundle: HeadBundle, release: Option<Envelope>) -> Result<bool, NetError> {
        self.end(Op::Announce { head: Box::new(bundle), release }).await
    }

    /// As [`crate::Handle::status`].
    pub async fn status(&self) -> Result<Status, NetError> {
        self.end(Op::Status).await
    }

    /// As [`crate::Handle::peers`].
    pub async fn peers(&self) -> Result<Vec<PeerInfo>, NetError> {
        self.end(Op::Peers).await
    }

    /// As [`crate::Handle::ban`].
    pub async fn ban(&self, peer: PeerId, until: u64, reason: &str) -> Result<(), NetError> {
        self.end(Op::Ban { peer: Peer(peer), until, reason: reason.to_owned() }).await
    }

    /// As [`crate::Handle::unban`].
    pub async fn unban(&self, peer: PeerId) -> Result<bool, NetError> {
        self.end(Op::Unban { peer: Peer(peer) }).await
    }

    /// As [`crate::Handle::bans`].
    pub async fn bans(&self) -> Result<Vec<BanEntry>, NetError> {
        self.end(Op::Bans).await
    }

    /// Asks the owner of the running node for something that is not the network's: `reload` and what else it knows.
    pub async fn call(&self, verb: &str, body: Value) -> Result<Value, NetError> {
        self.end(Op::Call { verb: verb.to_owned(), body }).await
    }

    /// Asks the running node to stop, and waits until it is gone.
    pub async fn stop(&self) -> Result<(), NetError> {
        match self.end::<Value>(Op::Stop).await {
            // It may be gone before it has answered.
            Ok(_) | Err(NetError::Stopped) => {}
            Err(error) => return Err(error),
        }
        let limit = self.limits.shutdown_timeout * 2;
        let gone = async {
            while lock::is_held(&self.path) {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(limit, gone).await.map_err(|_| NetError::timeout("stopping the running node", limit))
    }
}
