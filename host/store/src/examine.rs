//! Looking at a home as it lies on the disk, without opening it.
//!
//! Decides nothing: it tells what is there. Never writes, never repairs and never waits for a lock, so that it works on a
//! home that no command can open, and beside those that are at work. Invariant: every look has a bound in time or number,
//! and what could not be looked at is told as such.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use ggen_core::Digest;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::holders::LockHolder;
use crate::index::stream;
use crate::layout::{LAYOUT, Layout};
use crate::locks::{self, Kind};
use crate::{db, fsio, place, space};

/// The longest look at the database.
const DATABASE_TIME: Duration = Duration::from_secs(20);
/// The most locks that are tried.
const MAX_LOCKS: usize = 10_000;

/// How a file was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// There is none.
    Missing,
    /// It is whole.
    Whole,
    /// It is too large to be looked at in time; what was looked at is whole.
    Unfinished,
    /// It is not what it should be, and how that shows.
    Broken(String),
    /// It cannot be read, and why.
    Unreadable(String),
}

/// What `VERSION` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LayoutFound {
    /// Nothing: the home is new or not one.
    None,
    /// What this program writes.
    Known,
    /// Something else, shortened.
    Other(String),
}

/// A lock that somebody holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldLock {
    /// The lock's file, relative to the home.
    pub file: String,
    /// Who holds it, as far as it wrote itself down.
    pub holder: Option<LockHolder>,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examined {
    /// The directory is there.
    pub exists: bool,
    /// Why it cannot be used, where it cannot.
    pub unusable: Option<String>,
    /// Of another user.
    pub foreign: bool,
    /// Nothing can be written in it.
    pub read_only: bool,
    /// The network file system it is on, where locks and power cuts are another's business.
    pub network_file_system: Option<&'static str>,
    /// What `VERSION` says.
    pub layout: LayoutFound,
    /// Bytes free.
    pub available: Option<u64>,
    /// `state.db`.
    pub database: Condition,
    /// `registry/index.json`.
    pub index: Condition,
    /// Packages that the index lists, where it was read.
    pub indexed: u64,
    /// Locks that are held.
    pub locks: Vec<HeldLock>,
    /// Transactions in `tmp/` whose processes are dead.
    pub dead_transactions: usize,
    /// Broken-off downloads that nobody goes on with.
    pub partials: usize,
    /// Their bytes.
    pub partial_bytes: u64,
    /// Archives in the store.
    pub archives: usize,
    /// Their bytes.
    pub archive_bytes: u64,
    /// Archives that were found damaged and set aside.
    pub damaged_archives: usize,
}

/// Looks at the home.
pub fn examine(home: &Path) -> Examined {
    let layout = Layout::at(home);
    let mut found = Examined {
        exists: true,
        unusable: None,
        foreign: false,
        read_only: false,
        network_file_system: None,
        layout: LayoutFound::None,
        available: space::available(home).ok(),
        database: Condition::Missing,
        index: Condition::Missing,
        indexed: 0,
        locks: Vec::new(),
        dead_transactions: 0,
        partials: 0,
        partial_bytes: 0,
        archives: 0,
        archive_bytes: 0,
        damaged_archives: 0,
    };
    match std::fs::metadata(home) {
        Ok(meta) if !meta.is_dir() => found.unusable = Some("it is no directory".to_owned()),
        Ok(meta) => found.foreign = meta.uid() != rustix::process::geteuid().as_raw(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => found.exists = false,
        Err(e) => found.unusable = Some(e.to_string()),
    }
    if !found.exists || found.unusable.is_some() {
        return found;
    }
    if let Err(e) = std::fs::read_dir(home) {
        found.unusable = Some(e.to_string());
        return found;
    }
    found.read_only = rustix::fs::access(home, rustix::fs::Access::WRITE_OK).is_err();
    found.network_file_system = place::network_file_system(home).unwrap_or(None);
    found.layout = match fsio::read_bounded(&home.join("VERSION"), 64) {
        Ok(None) => LayoutFound::None,
        Ok(Some(text)) if String::from_utf8_lossy(&text).trim() == LAYOUT.to_string() => LayoutFound::Known,
        Ok(Some(text)) => LayoutFound::Other(String::from_utf8_lossy(&text).trim().chars().take(40).collect()),
        Err(e) => LayoutFound::Other(e.to_string()),
    };
    if let LayoutFound::Other(_) = found.layout {
        // What stands there is for another program to read; even a look at the database would tidy up beside it.
        return found;
    }
    found.database = database(&layout);
    (found.index, found.indexed) = index(&layout);
    locks_held(&layout, &mut found);
    work_in_progress(&layout, &mut found);
    archives(&layout, &mut found);
    found
}

fn database(layout: &Layout) -> Condition {
    let path = layout.database();
    if !path.exists() {
        return Condition::Missing;
    }
    if layout.database_suspect().exists() {
        return Condition::Broken("a command found it damaged".to_owned());
    }
    match check_database(&path) {
        Ok(None) => Condition::Whole,
        Ok(Some(problem)) => Condition::Broken(problem),
        Err(e) if db::is_damage(&e) => Condition::Broken(e.to_string()),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Condition::Unfinished,
        Err(e) => Condition::Unreadable(e.to_string()),
    }
}

/// What SQLite itself finds wrong in the time there is.
fn check_database(path: &Path) -> rusqlite::Result<Option<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    let interrupt = connection.get_interrupt_handle();
    let (done, wait) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if wait.recv_timeout(DATABASE_TIME) == Err(mpsc::RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        });
        let said: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        drop(done);
        said.map(|text| (text != "ok").then(|| text.chars().take(200).collect()))
    })
}

fn index(layout: &Layout) -> (Condition, u64) {
    let file = match fsio::open_regular(&layout.index()) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return (Condition::Missing, 0),
        Err(e) => return (Condition::Unreadable(e.to_string()), 0),
    };
    let mut packages = 0u64;
    let read = stream::read::<()>(file, &mut |_, _| {
        packages = packages.saturating_add(1);
        Ok(())
    });
    match read {
        Ok(_) => (Condition::Whole, packages),
        Err(problem) => (Condition::Broken(problem), packages),
    }
}

fn locks_held(layout: &Layout, found: &mut Examined) {
    let home = layout.home();
    let folder = home.join("packages/.locks");
    let names = fsio::names_in(&folder).unwrap_or_default();
    let mut paths: Vec<_> = names.iter().take(MAX_LOCKS).map(|name| folder.join(name)).collect();
    paths.push(layout.clean_lock());
    for path in paths.iter().filter(|path| path.is_file()) {
        let kind = if *path == layout.clean_lock() { Kind::Exclusive } else { Kind::Shared };
        if let Ok(Some(holder)) = locks::look(path, kind) {
            let file = path.strip_prefix(home).unwrap_or(path).display().to_string();
            found.locks.push(HeldLock { file, holder });
        }
    }
}

fn work_in_progress(layout: &Layout, found: &mut Examined) {
    let tmp = layout.tmp();
    for name in fsio::names_in(&tmp).unwrap_or_default() {
        let lock = tmp.join(&name).join("lock");
        if name.starts_with("tx-") && lock.is_file() && locks::look(&lock, Kind::Exclusive).is_ok_and(|l| l.is_none()) {
            found.dead_transactions += 1;
        }
    }
    let partials = layout.partials();
    for name in fsio::names_in(&partials).unwrap_or_default() {
        let path = partials.join(&name);
        let is_free = |path: &Path| File::open(path).is_ok_and(|f| fs2::FileExt::try_lock_exclusive(&f).is_ok());
        if name.parse::<Digest>().is_ok() && is_free(&path) {
            found.partials += 1;
            found.partial_bytes = found.partial_bytes.saturating_add(space::size_of(&path));
        }
    }
}

fn archives(layout: &Layout, found: &mut Examined) {
    let store = layout.store();
    for part in fsio::names_in(&store).unwrap_or_default() {
        for name in fsio::names_in(&store.join(&part)).unwrap_or_default() {
            let path = store.join(&part).join(&name);
            if name.parse::<Digest>().is_ok() {
                found.archives += 1;
                found.archive_bytes = found.archive_bytes.saturating_add(space::size_of(&path));
            } else if name.contains(".damaged") {
                found.damaged_archives += 1;
            }
        }
    }
}
