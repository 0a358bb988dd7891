//! The engine, its configuration, and how compiled code for it is named.
//!
//! Decides what every policy gets of WebAssembly: fuel, epochs, reproducible numbers, no threads. Invariant: compiling
//! and running share one configuration, and no policy runs but through [`Runtime::run`] or [`Runtime::scoped`].

use std::hash::{Hash, Hasher};
use std::sync::mpsc;
use std::time::Duration;

use ggen_core::hooks::PolicyLimits;
use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, OptLevel, PoolingAllocationConfig, Result, Strategy};

use crate::contract;
use crate::error::Fault;
use crate::imports;
use crate::state::{State, TABLE_ENTRIES};
use crate::threads::{TICK, Threads};

/// Instances that there is room for at once, whoever asks.
const INSTANCES: u32 = 32;
/// Core instances, memories and tables of them all: one from Python has dozens.
const PARTS: u32 = 256;
/// Memory that is cleaned instead of given back between two instances, of each of the few that are kept, in bytes.
const KEPT_MEMORY: usize = 1 << 20;
const KEPT: u32 = 8;

/// What all policies share.
pub struct Runtime {
    /// Configured for fuel, epochs and reproducible results.
    pub engine: Engine,
    /// The contract's imports.
    pub linker: Linker<State>,
    /// Bounds.
    pub limits: PolicyLimits,
    threads: Threads,
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

/// Room that instances take turns in: a fresh one finds its memory mapped and clean, where a new mapping is paid for page
/// by page. What a policy may use of it is decided by its limits.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(PARTS)
        .total_memories(PARTS)
        .total_tables(PARTS)
        .table_elements(TABLE_ENTRIES)
        .max_unused_warm_slots(KEPT)
        .linear_memory_keep_resident(KEPT_MEMORY)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// An engine with room set aside; without, where a machine does not give so many addresses.
fn engine(limits: &PolicyLimits) -> Result<Engine> {
    Engine::new(config(limits).allocation_strategy(pool())).or_else(|_| Engine::new(&config(limits)))
}

impl Runtime {
    /// An engine, its imports and its threads.
    pub fn new(limits: PolicyLimits) -> Result<Self> {
        let engine = engine(&limits)?;
        let linker = imports::linker(&engine)?;
        let threads = Threads::start(&engine, limits.stack_bytes)?;
        Ok(Self { engine, linker, limits, threads })
    }

    /// Runs `work` on a kept thread with a stack for policies, and waits for it.
    pub fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Result<R, Fault> {
        let (to, answer) = mpsc::sync_channel(1);
        // Nobody listens any more: then nobody needs the answer either.
        self.threads.submit(Box::new(move || to.send(work()).unwrap_or_default()))?;
        answer.recv().map_err(|_| Fault::new("the host failed while it ran"))
    }

    /// Runs `work`, which may borrow, on a thread of its own with a stack for policies, and waits for it.
    pub fn scoped<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, Fault> {
        self.threads.scoped(work)
    }

    /// Names compiled code that this engine can load and that was checked against this contract.
    pub fn compatibility(&self) -> String {
        // Which hash does not matter: after an update of the toolchain everything is compiled once more.
        let mut hasher = std::hash::DefaultHasher::new();
        self.engine.precompile_compatibility_hash().hash(&mut hasher);
        contract::FINGERPRINT.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// Epochs that make up `time`, rounded up, and one because the current one has begun.
pub fn ticks(time: Duration) -> u64 {
    let ticks = time.as_millis().div_ceil(TICK.as_millis()).saturating_add(1);
    u64::try_from(ticks).unwrap_or(u64::MAX / 2)
}
