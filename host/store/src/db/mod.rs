//! The database `state.db`: one connection, short transactions.
//!
//! Decides how the file is opened, which failures mean that it is damaged, and when a transaction must survive a power
//! cut. Never knows what a row is for. Invariant: a running node and commands beside it use the file at once (WAL, with a
//! bounded wait for the writer).

pub(crate) mod catalog;
pub mod changes;
pub(crate) mod column;
pub mod decisions;
pub mod dht;
pub mod heard;
pub(crate) mod installs;
pub(crate) mod package;
mod package_row;
pub mod peers;
pub(crate) mod refresh;
pub mod schema;
pub mod search;
pub mod trust;
pub(crate) mod unsigned;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::error::StoreError;
use crate::fsio;

/// How long a statement waits for another process's transaction. Transactions here are milliseconds long.
const BUSY: Duration = Duration::from_secs(20);

/// The open database.
pub(crate) struct Db {
    path: PathBuf,
    /// Where damage is written down; nowhere while the file is only read.
    suspect: Option<PathBuf>,
    connection: Mutex<Connection>,
}

/// How a database was found.
pub(crate) enum Found {
    Ready(Db),
    /// No tables yet.
    Empty(Db),
    Damaged(rusqlite::Error),
}

impl Db {
    /// Opens the file, or says why it cannot be used. Where nothing can be written (a full disk, one that is read-only),
    /// it can still be read.
    pub(crate) fn open(path: &Path, suspect: &Path) -> Result<Found, StoreError> {
        let failed = |e| failed("open", path, e);
        let (connection, version, writable) = match connect(path) {
            Ok((connection, version)) => (connection, version, true),
            Err(e) if is_damage(&e) => return Ok(Found::Damaged(e)),
            Err(e) => match connect_to_read(path) {
                Some((connection, version)) => (connection, version, false),
                None => return Err(failed(e)),
            },
        };
        connection.set_prepared_statement_cache_capacity(64);
        let suspect = writable.then(|| suspect.to_owned());
        let db = Self { path: path.to_owned(), suspect, connection: Mutex::new(connection) };
        match version {
            schema::CURRENT => {
                let setup = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;";
                db.lock().execute_batch(setup).map_err(failed)?;
                Ok(Found::Ready(db))
            }
            0 if writable => Ok(Found::Empty(db)),
            older @ 1..schema::CURRENT if writable => {
                db.raise(older)?;
                Ok(Found::Ready(db))
            }
            found => {
                let found = format!("state.db {found}");
                Err(StoreError::Layout { path: path.to_owned(), found, known: crate::layout::LAYOUT })
            }
        }
    }

    /// Makes the tables. The caller holds the state lock: nobody else does the same.
    pub(crate) fn create(&self) -> Result<(), StoreError> {
        let connection = self.lock();
        let failed = |e| failed("create", &self.path, e);
        // Durable at once: a log of trust beside a database without tables would look like a lost database.
        let setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
        connection.execute_batch(setup).map_err(failed)?;
        let (version, create) = (schema::CURRENT, [schema::CREATE, schema::HEARD, schema::DHT].concat());
        let after = "PRAGMA synchronous = NORMAL;";
        let script = format!("BEGIN IMMEDIATE; {create} PRAGMA user_version = {version}; COMMIT; {after}");
        connection.execute_batch(&script).map_err(failed)?;
        drop(connection);
        std::fs::set_permissions(&self.path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .map_err(crate::error::at("create", &self.path))
    }

    /// Brings the tables of an older form to the current one, in one transaction: two processes that find an old form
    /// do it once.
    fn raise(&self, found: i64) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let failed = |e| failed("bring up to date", &self.path, e);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Another process may have been faster.
        let form: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        let done = usize::try_from(form.max(found) - 1).unwrap_or(0);
        for step in schema::STEPS.iter().skip(done) {
            transaction.execute_batch(step).map_err(failed)?;
        }
        if form < schema::SEARCHED_SINCE {
            refresh::all(&transaction)?;
        }
        transaction.execute_batch(&format!("PRAGMA user_version = {}", schema::CURRENT)).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;").map_err(failed)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no transaction open: it was rolled back when it was dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads every page; damage is an error, and written down like all damage.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let found: String = self.read("check", |c| c.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        if found == "ok" {
            return Ok(());
        }
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        Err(self.failed("check", rusqlite::Error::SqliteFailure(code, Some(found))))
    }

    /// Reads.
    pub(crate) fn read<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = self.lock();
        work(&connection).map_err(|e| self.failed(action, e))
    }

    /// Writes in one transaction. With `durable`, it survives a power cut once this returns.
    pub(crate) fn write<T>(
        &self,
        action: &'static str,
        durable: bool,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        let level = |name: &str| format!("PRAGMA synchronous = {name}");
        if durable {
            connection.execute_batch(&level("FULL")).map_err(|e| self.failed(action, e))?;
        }
        let result = self.transact(&mut connection, action, work);
        if durable {
            // What was committed stands, whatever this says: a connection that stays at FULL is only slower.
            let _ = connection.execute_batch(&level("NORMAL"));
        }
        result
    }

    /// Makes the database fit for many rows at once, until the value is dropped.
    pub(crate) fn importing(&self) -> Importing<'_> {
        // What cannot be set leaves the import slower.
        let _ = self.lock().execute_batch("PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 8192;");
        Importing { db: self }
    }

    fn transact<T>(
        &self,
        connection: &mut Connection,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = connection.transaction_with_behavior(behavior).map_err(|e| self.failed(action, e))?;
        match work(&transaction) {
            Ok(value) => transaction.commit().map(|()| value).map_err(|e| self.failed(action, e)),
            Err(StoreError::Database { action, source }) => Err(self.failed(action, source)),
            Err(e) => Err(e),
        }
    }

    /// The error; damage is written down, so that the next start rebuilds.
    fn failed(&self, action: &'static str, source: rusqlite::Error) -> StoreError {
        if let Some(suspect) = self.suspect.as_ref().filter(|_| is_damage(&source)) {
            // If even this cannot be written, the damage shows itself again.
            let _ = std::fs::write(suspect, b"");
        }
        failed(action, &self.path, source)
    }
}

/// While many rows are written at once: more memory, and fewer and larger moves from the log into the file.
pub(crate) struct Importing<'a> {
    db: &'a Db,
}

impl Drop for Importing<'_> {
    fn drop(&mut self) {
        let _ = self.db.lock().execute_batch("PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 1000;");
    }
}

pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn failed(action: &'static str, path: &Path, source: rusqlite::Error) -> StoreError {
    let code = source.sqlite_error_code();
    let refused = || path.parent().and_then(fsio::why_not_writable);
    match code {
        Some(ErrorCode::DiskFull) => StoreError::full(path, 0),
        // SQLite has more words than one for a disk that is full, over its quota, or read-only.
        Some(ErrorCode::ReadOnly | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => match refused() {
            Some(error) => error,
            None if code == Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path: path.to_owned() },
            None => StoreError::Database { action, source },
        },
        _ if is_damage(&source) => StoreError::DatabaseDamaged { path: path.to_owned(), source },
        _ => StoreError::Database { action, source },
    }
}

fn connect(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((connection, version))
}

/// Without the memory that processes share beside a database that may be written: it needs room. Only where nothing can
/// be written to its directory. What is in the write-ahead log alone is read alone; without one, nobody has to be kept out.
fn connect_to_read(path: &Path) -> Option<(Connection, i64)> {
    fsio::why_not_writable(path.parent()?)?;
    let log = path.with_extension("db-wal");
    let connection = if std::fs::metadata(log).is_ok_and(|about| about.len() > 0) {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
        connection.busy_timeout(BUSY).ok()?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE").ok()?;
        connection
    } else {
        let escaped = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags).ok()?
    };
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).ok()?;
    Some((connection, version))
}
