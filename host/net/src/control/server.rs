//! The running node's end of the control socket.
//!
//! Decides who is listened to: processes of the same user. Invariant: the socket is this node's as long as the lock
//! is held, and a living node's socket is never taken over.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
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

/// A control socket being served, until it is dropped.
#[derive(Debug)]
pub struct ControlServer {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
    _lock: NodeLock,
}

impl Drop for ControlServer {
    /// The socket goes while the lock is still held, so it is certainly this node's.
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Serves `handle` on a socket at `path`; files that clients name must be beneath `home`. Reads and writes its
/// directory, which must exist.
///
/// Errors: [`NetError::AlreadyRunning`] where another node lives, [`NetError::Control`].
pub async fn serve_control(handle: Handle, path: &Path, home: &Path) -> Result<ControlServer, NetError> {
    let failed = |problem: &'static str| {
        move |source: io::Error| NetError::Control {
            path: path.display().to_string(),
            problem: problem.into(),
            source: Some(source),
        }
    };
    let lock = lock::take(path).map_err(failed("its lock cannot be taken"))?.ok_or(NetError::AlreadyRunning)?;
    let home = std::fs::canonicalize(home).map_err(failed("the home cannot be read"))?;
    // Made under another name and moved, so that nobody ever sees it with other permissions.
    let mut fresh = path.to_owned().into_os_string();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    let _ = std::fs::remove_file(&fresh);
    let listener = UnixListener::bind(&fresh).map_err(failed("it cannot be made; its path may be too long"))?;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&fresh, mode).map_err(failed("its permissions cannot be set"))?;
    std::fs::rename(&fresh, path).map_err(failed("it cannot be put in its place"))?;
    let task = tokio::spawn(accept(listener, handle, home));
    Ok(ControlServer { path: path.to_owned(), task, _lock: lock })
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
