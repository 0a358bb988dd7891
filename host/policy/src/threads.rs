//! The threads that policies run on.
//!
//! Decides how many decisions run at once. A policy never runs on a caller's thread: its stack must be large enough for
//! the limit to be the policy's, and an async worker must not wait. A thread is kept for the next decision, because a
//! new one with its stack costs more than most decisions. While any runs, a ticker advances the engine's epoch, which
//! is what ends a call whose wall-clock time is up; it holds the engine weakly and sleeps while nothing runs.
//! Invariant: no `Threads`, no thread, but for work that has begun.

use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

use crate::error::Fault;

/// The epoch's length.
pub const TICK: Duration = Duration::from_millis(10);
/// Decisions that run at once: each may use a policy's whole memory.
const AT_ONCE: usize = 8;
/// Stack for the host's own frames beside the policy's, the compiler's among them. Costs nothing until it is used.
const HOST_STACK: usize = 8 << 20;

/// Work that tells its result in its own way.
type Work = Box<dyn FnOnce() + Send>;

/// Kept threads and a ticker.
pub struct Threads {
    pool: Arc<Pool>,
    stack: usize,
}

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    /// There is work, or never will be again, or a place is free.
    work: Condvar,
    /// Something runs, or never will again.
    tick: Condvar,
}

#[derive(Default)]
struct State {
    /// At most one a caller, each of whom waits.
    queue: VecDeque<Work>,
    idle: usize,
    kept: usize,
    running: usize,
    closed: bool,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, state: &mut State) {
        state.running += 1;
        if state.running == 1 {
            self.tick.notify_one();
        }
    }

    /// A kept thread's life.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.queue.pop_front() {
                self.begin(&mut state);
                drop(state);
                // What fails tells nothing to the one who waits, who takes that for the failure it is.
                let _ = panic::catch_unwind(AssertUnwindSafe(work));
                state = self.lock();
                state.running = state.running.saturating_sub(1);
                continue;
            }
            if state.closed {
                return;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle = state.idle.saturating_sub(1);
        }
    }

    fn tick(&self, engine: &EngineWeak) {
        loop {
            let state = self.lock();
            let idle = |state: &mut State| state.running == 0 && !state.closed;
            let state = self.tick.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            if state.closed && state.running == 0 {
                return;
            }
            drop(state);
            thread::sleep(TICK);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        }
    }
}

/// A place among those that run, given back when dropped.
struct Running<'a>(&'a Pool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running = state.running.saturating_sub(1);
    }
}

impl Threads {
    /// A ticker; threads come with the first work.
    pub fn start(engine: &Engine, wasm_stack: usize) -> io::Result<Self> {
        let (weak, pool) = (engine.weak(), Arc::new(Pool::default()));
        let ticking = Arc::clone(&pool);
        Builder::new().name("ggen-policy-tick".into()).spawn(move || ticking.tick(&weak))?;
        Ok(Self { pool, stack: wasm_stack.saturating_add(HOST_STACK) })
    }

    fn builder(&self) -> Builder {
        Builder::new().name("ggen-policy".into()).stack_size(self.stack)
    }

    /// Has a kept thread do it, as soon as one is free.
    pub fn submit(&self, work: Work) -> Result<(), Fault> {
        let mut state = self.pool.lock();
        state.queue.push_back(work);
        if state.idle < state.queue.len() && state.kept < AT_ONCE {
            let pool = Arc::clone(&self.pool);
            match self.builder().spawn(move || pool.serve()) {
                Ok(_) => state.kept += 1,
                Err(error) if state.kept == 0 => {
                    state.queue.clear();
                    return Err(no_thread(&error));
                }
                // One of those that are there does it later.
                Err(_) => {}
            }
        }
        drop(state);
        self.pool.work.notify_one();
        Ok(())
    }

    /// Does it on a new thread, and waits.
    pub fn scoped<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, Fault> {
        self.pool.begin(&mut self.pool.lock());
        let _running = Running(&self.pool);
        thread::scope(|scope| {
            let handle = self.builder().spawn_scoped(scope, work).map_err(|e| no_thread(&e))?;
            handle.join().map_err(|_| Fault::new("the host failed while it ran"))
        })
    }
}

fn no_thread(error: &io::Error) -> Fault {
    Fault::new(format!("no thread could be started for it: {error}"))
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.pool.lock().closed = true;
        self.pool.work.notify_all();
        self.pool.tick.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn threads() -> Threads {
        Threads::start(&Engine::default(), 1 << 16).unwrap()
    }

    #[test]
    fn a_thread_is_kept_and_no_more_than_the_bound_run() {
        let threads = threads();
        let (to, from) = mpsc::channel();
        let (free, gate) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new((0, 0))));
        let held = free.lock().unwrap();
        for _ in 0..3 * AT_ONCE {
            let (to, free, gate) = (to.clone(), Arc::clone(&free), Arc::clone(&gate));
            let work = move || {
                let mut now = gate.lock().unwrap();
                now.0 += 1;
                now.1 = now.0.max(now.1);
                drop(now);
                to.send(thread::current().id()).unwrap();
                drop(free.lock().unwrap());
                gate.lock().unwrap().0 -= 1;
            };
            threads.submit(Box::new(work)).unwrap();
        }
        let first: Vec<_> = (0..AT_ONCE).map(|_| from.recv().unwrap()).collect();
        drop(held);
        let rest: Vec<_> = (0..2 * AT_ONCE).map(|_| from.recv().unwrap()).collect();
        assert!(rest.iter().all(|id| first.contains(id)));
        assert!(gate.lock().unwrap().1 <= AT_ONCE);
    }

    #[test]
    fn work_that_panics_leaves_its_thread_to_the_next() {
        let threads = threads();
        // More than there are places: if a thread ended with its work, none would be left for the last.
        for _ in 0..=AT_ONCE {
            let (to, from) = mpsc::channel::<()>();
            let work = move || {
                let _to = to;
                panic!("on purpose")
            };
            threads.submit(Box::new(work)).unwrap();
            assert!(from.recv().is_err());
        }
        let (to, from) = mpsc::channel();
        threads.submit(Box::new(move || to.send(1).unwrap())).unwrap();
        assert_eq!(from.recv().unwrap(), 1);
        assert!(threads.scoped(|| panic!("on purpose")).is_err());
    }
}
