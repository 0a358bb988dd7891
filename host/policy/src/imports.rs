//! What a policy may call: `log.emit`, and two functions that read the archive which it was handed. Nothing else is
//! linked.
//!
//! Decides what a call costs: one fuel for each byte that crosses into the policy. Invariant: nothing here blocks on
//! anything but the archive's own disk.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Engine, Result, StoreContextMut, Trap, bail, format_err};

use crate::bindings::{Archive, VERSION, contents, log};
use crate::decision::LogLevel;
use crate::error::Limit;
use crate::state::{ArchiveView, State};

/// Most files in one answer of `archive.files`.
const FILES_A_CALL: u32 = 4096;
/// Most bytes in one answer of `archive.read`.
const BYTES_A_CALL: u32 = 1 << 20;
/// What one file costs beside its path, as it crosses.
const FILE_FUEL: u64 = 96;

/// A linker with the contract's imports and nothing else.
pub fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    linker.instance(&format!("ggen:policy/log@{VERSION}"))?.func_wrap("emit", emit)?;
    let mut contents = linker.instance(&format!("ggen:policy/contents@{VERSION}"))?;
    contents.resource("archive", ResourceType::host::<Archive>(), |_, _| Ok(()))?;
    contents.func_wrap("[method]archive.files", files)?;
    contents.func_wrap("[method]archive.read", read)?;
    Ok(linker)
}

/// Takes `amount` off the fuel that is left.
fn charge(store: &mut StoreContextMut<'_, State>, amount: u64) -> Result<()> {
    match store.get_fuel()?.checked_sub(amount) {
        Some(left) => store.set_fuel(left),
        None => Err(Trap::OutOfFuel.into()),
    }
}

fn emit(mut store: StoreContextMut<'_, State>, (level, message): (log::Level, String)) -> Result<()> {
    charge(&mut store, u64::try_from(message.len())?)?;
    let level = match level {
        log::Level::Trace => LogLevel::Trace,
        log::Level::Debug => LogLevel::Debug,
        log::Level::Info => LogLevel::Info,
        log::Level::Warn => LogLevel::Warn,
        log::Level::Error => LogLevel::Error,
    };
    store.data_mut().keep(level, &message);
    Ok(())
}

/// The archive that this instance was handed, while there is time.
fn archive(store: &mut StoreContextMut<'_, State>) -> Result<Arc<dyn ArchiveView>> {
    let state = store.data_mut();
    if Instant::now() > state.deadline {
        state.struck = Some(Limit::Time);
        bail!("time limit");
    }
    state.archive.clone().ok_or_else(|| format_err!("no archive was handed to this call"))
}

fn files(
    mut store: StoreContextMut<'_, State>,
    (_, first, count): (Resource<Archive>, u32, u32),
) -> Result<(Vec<contents::File>,)> {
    let count = count.min(FILES_A_CALL);
    let found =
        archive(&mut store)?.files(first, count).map_err(|e| format_err!("the archive's list of files: {e}"))?;
    let paths: usize = found.iter().map(|file| file.path.len() + file.digest.len()).sum();
    let rows = u64::try_from(found.len())?.saturating_mul(FILE_FUEL);
    charge(&mut store, rows.saturating_add(u64::try_from(paths)?))?;
    let convert = |file: ggen_core::hooks::FileFact| contents::File {
        path: file.path,
        size: file.size,
        executable: file.executable,
        digest: file.digest,
    };
    Ok((found.into_iter().take(usize::try_from(count)?).map(convert).collect(),))
}

fn read(
    mut store: StoreContextMut<'_, State>,
    (_, file, offset, length): (Resource<Archive>, u32, u64, u32),
) -> Result<(Vec<u8>,)> {
    let length = length.min(BYTES_A_CALL);
    let view = archive(&mut store)?;
    let mut bytes = view.read(file, offset, length).map_err(|e| format_err!("file {file} of the archive: {e}"))?;
    bytes.truncate(usize::try_from(length)?);
    charge(&mut store, u64::try_from(bytes.len())?)?;
    Ok((bytes,))
}
