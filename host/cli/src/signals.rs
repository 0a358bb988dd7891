//! Ctrl-C, SIGTERM and the end of the terminal: the first asks the job to stop and clean up, the second ends the program
//! at once.
//!
//! Decides nothing else. Invariant: a job that does not hear the wish in time is dropped, unless it has begun to commit:
//! then it ends as if nothing had been wished, and the exit code says what happened.

use std::future::Future;
use std::io;
use std::time::Duration;

use ggen_market::{Cancel, MarketError};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::errors::{Exit, Failure};

/// How long what is left of a job may take once its answer is there.
const LEFT: Duration = Duration::from_millis(20);

/// Where jobs run, with an ear for signals.
pub struct Jobs {
    runtime: Runtime,
    cancel: Cancel,
    stopped: watch::Receiver<bool>,
}

impl Jobs {
    /// Starts the threads; `light` where a job only needs to be stopped, not to be done side by side.
    pub fn start(light: bool) -> Result<Self, Failure> {
        let mut builder = Builder::new_multi_thread();
        if light {
            builder.worker_threads(1);
        }
        let runtime = builder.enable_all().thread_name("ggen").build().map_err(Failure::Start)?;
        let cancel = Cancel::default();
        let (stop, stopped) = watch::channel(false);
        runtime.block_on(async { listen(cancel.clone(), stop) }).map_err(Failure::Start)?;
        Ok(Self { runtime, cancel, stopped })
    }

    /// The user's wish to stop.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Does a job; it has `grace` to end after the wish to stop, and all its time once it commits.
    pub fn run<T>(&self, grace: Duration, job: impl Future<Output = Result<T, MarketError>>) -> Result<T, Failure> {
        let (mut stopped, cancel) = (self.stopped.clone(), self.cancel.clone());
        let over = async move {
            // Without a sender there is nobody left who could wish it.
            if stopped.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(grace).await;
            // What steps over the line in the last moment is seen here: both sides of it exclude each other.
            if cancel.is_committing() {
                std::future::pending::<()>().await;
            }
        };
        let done = self.runtime.block_on(async {
            tokio::select! {
                done = job => done,
                () = over => Err(MarketError::Interrupted),
            }
        });
        Ok(done?)
    }

    /// Ends what still runs.
    pub fn end(self) {
        self.runtime.shutdown_timeout(LEFT);
    }
}

fn listen(cancel: Cancel, stop: watch::Sender<bool>) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = async { hangup.as_mut()?.recv().await }, if hangup.is_some() => {}
            }
            if !first {
                std::process::exit(i32::from(Exit::Interrupted as u8));
            }
            cancel.cancel();
            let _ = stop.send(true);
        }
    });
    Ok(())
}

/// Whether whoever started this program said that it outlives its terminal, as `nohup` does.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 != 0)
}
