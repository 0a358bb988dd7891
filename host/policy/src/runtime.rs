//! The engine, and the threads that policies run on.
//!
//! Decides how many decisions run at once. A policy never runs on a caller's thread: each call gets one of its own
//! with its own stack, which also keeps it off an async worker. While any runs, a ticker advances the engine's epoch,
//! which is what ends a call whose wall-clock time is up; it holds the engine weakly and sleeps while nothing runs.
//! Invariant: no `Runtime`, no ticker.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ggen_core::hooks::PolicyLimits;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, EngineWeak, OptLevel, Result, Strategy};

use crate::error::Fault;
use crate::imports;
use crate::state::State;

/// The epoch's length.
pub const TICK: Duration = Duration::from_millis(10);
/// Decisions that run at once: each may use a policy's whole memory.
const AT_ONCE: usize = 8;
/// Stack for the host's own frames beside the policy's, the compiler's among them. Costs nothing until it is used.
const HOST_STACK: usize = 8 << 20;

/// What all policies share.
pub struct Runtime {
    /// Configured for fuel, epochs and reproducible results.
    pub engine: Engine,
    /// The contract's imports.
    pub linker: Linker<State>,
    /// Bounds.
    pub limits: PolicyLimits,
    gate: Arc<Gate>,
}

/// How many decisions run, and whether any ever will again.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    running: usize,
    closed: bool,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, condition: impl Fn(&GateState) -> bool) -> MutexGuard<'_, GateState> {
        let state = self.lock();
        self.changed.wait_while(state, |state| condition(state)).unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those that run, given back when dropped.
struct Running<'a>(&'a Gate);

impl<'a> Running<'a> {
    fn enter(gate: &'a Gate) -> Self {
        gate.wait_while(|state| state.running >= AT_ONCE).running += 1;
        gate.changed.notify_all();
        Self(gate)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running = state.running.saturating_sub(1);
        drop(state);
        self.0.changed.notify_all();
    }
}

/// The engine's configuration; the same for compiling and for running.
pub fn config(limits: &PolicyLimits) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .max_wasm_stack(limits.stack_bytes)
        .memory_init_cow(true)
        .native_unwind_info(false)
        .generate_address_map(false);
    config
}

impl Runtime {
    /// An engine, its imports and its ticker.
    pub fn new(limits: PolicyLimits) -> Result<Self> {
        let engine = Engine::new(&config(&limits))?;
        let linker = imports::linker(&engine)?;
        let gate = Arc::new(Gate::default());
        let (weak, shared) = (engine.weak(), Arc::clone(&gate));
        thread::Builder::new().name("ggen-policy-tick".into()).spawn(move || tick(&weak, &shared))?;
        Ok(Self { engine, linker, limits, gate })
    }

    /// Runs `work` on a thread with a stack for policies, and waits for it.
    pub fn on_own_stack<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, Fault> {
        let _running = Running::enter(&self.gate);
        let stack = self.limits.stack_bytes.saturating_add(HOST_STACK);
        thread::scope(|scope| {
            let builder = thread::Builder::new().name("ggen-policy".into()).stack_size(stack);
            let handle = builder
                .spawn_scoped(scope, work)
                .map_err(|e| Fault::new(format!("no thread could be started for it: {e}")))?;
            handle.join().map_err(|_| Fault::new("the host failed while it ran"))
        })
    }

    /// Names compiled code that this engine can load.
    pub fn compatibility(&self) -> String {
        // Which hash does not matter: after an update of the toolchain everything is compiled once more.
        let mut hasher = std::hash::DefaultHasher::new();
        self.engine.precompile_compatibility_hash().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.gate.lock().closed = true;
        self.gate.changed.notify_all();
    }
}

/// Epochs that make up `time`, rounded up, and one because the current one has begun.
pub fn ticks(time: Duration) -> u64 {
    let ticks = time.as_millis().div_ceil(TICK.as_millis()).saturating_add(1);
    u64::try_from(ticks).unwrap_or(u64::MAX / 2)
}

fn tick(engine: &EngineWeak, gate: &Gate) {
    loop {
        if gate.wait_while(|state| state.running == 0 && !state.closed).closed {
            return;
        }
        thread::sleep(TICK);
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
    }
}
