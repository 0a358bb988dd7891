//! The running node's end of the control socket.
//!
//! Decides who is listened to: processes of the same user. Invariant: the socket is this node's as long as the lock
//! is held, and a living node's socket is never taken over.
//!
//! ```text
//! lock free ──claim──▶ starting ──serve──▶ serving ──withdraw──▶ stopping ──drop──▶ lock free
//!                      no socket           socket               no socket
//! ```
//!
//! So whoever finds a lock without a socket knows to wait a moment: a node is coming or going.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::lock::{self, NodeLock};
use super::message::{self, Failure, Line, Reply, VERSION};
use super::operation::Operation;
use crate::error::NetError;
use crate::handle::Handle;

/// Clients that are served at once.
const MAX_CLIENTS: usize = 64;

/// The right to serve a home's control socket: one living process has it.
#[derive(Debug)]
pub struct ControlClaim {
    path: PathBuf,
    lock: NodeLock,
}

/// A control socket being served, until it is dropped.
#[derive(Debug)]
pub struct ControlServer {
    path: PathBuf,
    /// Which file it is, as far as that could be seen.
    id: Option<(u64, u64)>,
    task: tokio::task::JoinHandle<()>,
    _lock: NodeLock,
}

impl Drop for ControlServer {
    /// The socket goes while the lock is still held.
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl ControlServer {
    /// Serves nobody any more; the home is still this process's until the value is dropped.
    pub fn withdraw(&self) {
        self.task.abort();
        // Where the home was removed and made anew, the one that is there now is another node's.
        if self.id.is_some() && id_of(&self.path) == self.id {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn id_of(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

fn failed(path: &Path, problem: &'static str) -> impl FnOnce(io::Error) -> NetError {
    let path = path.display().to_string();
    move |source| NetError::Control { path, problem: problem.into(), source: Some(source) }
}

/// Claims the socket at `path` for this process, before there is a node to be served. Its directory must exist.
///
/// Errors: [`NetError::AlreadyRunning`] where another node lives, [`NetError::Control`].
pub async fn claim_control(path: &Path) -> Result<ControlClaim, NetError> {
    let taken = failed(path, "its lock cannot be taken");
    match lock::take(path).await.map_err(taken)? {
        Some(lock) => Ok(ControlClaim { path: path.to_owned(), lock }),
        None => Err(NetError::AlreadyRunning),
    }
}

impl ControlClaim {
    /// Serves `handle`; files that clients name must be beneath `home`.
    ///
    /// Errors: [`NetError::Control`].
    pub fn serve(self, handle: Handle, home: &Path) -> Result<ControlServer, NetError> {
        let Self { path, lock } = self;
        let home = std::fs::canonicalize(home).map_err(failed(&path, "the home cannot be read"))?;
        // Made under another name and moved, so that nobody ever sees it with other permissions.
        let mut fresh = path.clone().into_os_string();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        let _ = std::fs::remove_file(&fresh);
        let listener =
            UnixListener::bind(&fresh).map_err(failed(&path, "it cannot be made; its path may be too long"))?;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&fresh, mode).map_err(failed(&path, "its permissions cannot be set"))?;
        std::fs::rename(&fresh, &path).map_err(failed(&path, "it cannot be put in its place"))?;
        let (id, task) = (id_of(&path), tokio::spawn(accept(listener, handle, home)));
        Ok(ControlServer { path, id, task, _lock: lock })
    }
}

async fn accept(listener: UnixListener, handle: Handle, home: PathBuf) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        while clients.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) if is_same_user(&stream) => {
                let (handle, home) = (handle.clone(), home.clone());
                clients.spawn(async move {
                    if let Err(error) = serve(stream, handle, home).await {
                        tracing::debug!(%error, "a control client went away");
                    }
                    drop(place);
                });
            }
            Ok(_) => tracing::warn!("another user's process is refused at the control socket"),
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_same_user(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|cred| cred.uid() == rustix::process::geteuid().as_raw())
}

async fn serve(mut stream: UnixStream, handle: Handle, home: PathBuf) -> io::Result<()> {
    let limits = handle.limits().clone();
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    let line = message::read::<Line, _>(&mut reader, limits.max_control_message);
    let line = match tokio::time::timeout(limits.control_timeout, line).await {
        Ok(Ok(Some(line))) if line.v == VERSION => line,
        Ok(Ok(None)) | Err(_) => return Ok(()),
        Ok(Ok(Some(line))) => {
            let message = format!("version {} of the control protocol is not spoken here", line.v);
            return refuse(&mut writer, "version", message).await;
        }
        Ok(Err(error)) => return refuse(&mut writer, "malformed", error.to_string()).await,
    };
    let mut operation = Operation { handle, home, writer: &mut writer };
    let mut more = [0; 1];
    let end = tokio::select! {
        end = operation.run(line.op) => end?,
        // A client that goes away ends what it asked for.
        _ = reader.read(&mut more) => return Ok(()),
    };
    let reply = match end {
        Ok(value) => Reply::Done(value),
        Err(error) => Reply::Error(Failure::from(error)),
    };
    message::write(&mut writer, &reply).await
}

async fn refuse<W: tokio::io::AsyncWrite + Unpin>(writer: &mut W, code: &str, message: String) -> io::Result<()> {
    let failure = Failure { code: code.to_owned(), message, holders: Vec::new() };
    message::write(writer, &Reply::Error(failure)).await
}
