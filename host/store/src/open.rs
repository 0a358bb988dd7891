//! Opening a home: making it, and putting right what an interrupted program left.
//!
//! Decides whether the database can be used or must be rebuilt from what is signed and logged. Invariant: an open that
//! finds everything in order reads a few small files and writes nothing.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ggen_core::limits::Limits;

use crate::db::{Db, Found, trust};
use crate::error::{StoreError, at};
use crate::journal::Journal;
use crate::layout::Layout;
use crate::locks::{self, Kind};
use crate::{Inner, Notice, Store, fsio, place, trust_log};

impl Store {
    /// Opens a home, and makes it where there is none. A home of a later layout is refused, and nothing of it touched.
    pub fn open(home: &Path, limits: &Limits) -> Result<Self, StoreError> {
        let layout = Layout::open(home)?;
        let suspect = layout.database_suspect();
        if !suspect.exists()
            && let Found::Ready(db) = Db::open(&layout.database(), &suspect)?
        {
            let store = Self::with(layout, limits, db, Vec::new());
            store.tell_of_network()?;
            store.catch_up()?;
            store.tidy()?;
            return Ok(store);
        }
        Self::establish(layout, limits)
    }

    /// Locks and the database hold between processes of one machine.
    fn tell_of_network(&self) -> Result<(), StoreError> {
        if let Some(name) = place::network_file_system(self.home())? {
            let home = self.home().display();
            let message = format!(
                "the home {home} is on {name}, a network file system: use it from one machine at a time, or put it on a \
                 disk of this one (--home DIR)"
            );
            self.notice("network-home", message);
        }
        Ok(())
    }

    fn with(layout: Layout, limits: &Limits, db: Db, notices: Vec<Notice>) -> Self {
        let inner = Inner { layout, limits: limits.clone(), db, notices: Mutex::new(notices) };
        Self { inner: Arc::new(inner) }
    }

    /// Takes over what the trust log has and the database has not: a power cut came between the two.
    fn catch_up(&self) -> Result<(), StoreError> {
        let known = self.db().read("read", trust::offset)?;
        if trust_log::length(&self.layout().trust_log()) == known {
            return Ok(());
        }
        self.db().write("take the trust log into", false, |t| trust::catch_up(t, self.layout(), fsio::now()))
    }

    /// Makes the database, one process at a time: a first one, or a new one in the place of one that is lost.
    fn establish(layout: Layout, limits: &Limits) -> Result<Self, StoreError> {
        let (database, suspect) = (layout.database(), layout.database_suspect());
        let _lock = locks::wait(&layout.state_lock(), Kind::Exclusive, "the database", limits, &mut |_| ())?;
        let mut notices = Vec::new();
        let found = Db::open(&database, &suspect)?;
        let ready = match found {
            Found::Ready(db) if !suspect.exists() => Some(db),
            Found::Ready(_) | Found::Damaged(_) => {
                let kept = set_database_aside(&layout)?;
                notices.push(Notice {
                    code: "database-rebuilt",
                    message: format!(
                        "the database was damaged and has been rebuilt from signed releases and the trust log; \
                         the damaged one is kept as {}",
                        kept.display()
                    ),
                });
                None
            }
            Found::Empty(_) => None,
        };
        if let Some(db) = ready {
            return Ok(Self::with(layout, limits, db, notices));
        }
        let lost = !notices.is_empty() || has_history(&layout);
        if lost {
            std::fs::write(&suspect, b"").map_err(at("write", &suspect))?;
        }
        let db = match Db::open(&database, &suspect)? {
            Found::Ready(db) => db,
            Found::Empty(db) => {
                db.create()?;
                db
            }
            Found::Damaged(source) => return Err(StoreError::DatabaseDamaged { path: database, source }),
        };
        if lost && notices.is_empty() {
            let message = "the database was missing and has been rebuilt from signed releases and the trust log";
            notices.push(Notice { code: "database-rebuilt", message: message.to_owned() });
        }
        let store = Self::with(layout, limits, db, notices);
        if lost {
            store.rebuild_state()?;
            fsio::remove_any(&suspect)?;
        }
        Ok(store)
    }

    fn rebuild_state(&self) -> Result<(), StoreError> {
        self.catch_up()?;
        self.import_documents(fsio::now())?;
        self.recover_installs()
    }

    /// Finishes or undoes what dead processes left in `tmp/`. Where others are at work it is left to a later start:
    /// nothing of it is visible.
    pub(crate) fn tidy(&self) -> Result<(), StoreError> {
        let tmp = self.layout().tmp();
        let names = fsio::names_in(&tmp)?;
        let dead = |name: &String| name.starts_with("tx-") && locks::is_free(&tmp.join(name).join("lock"));
        if !names.iter().any(dead) {
            return Ok(());
        }
        let Some(_alone) = locks::try_lock(&self.layout().clean_lock(), Kind::Exclusive)? else { return Ok(()) };
        for name in names.iter().filter(|n| dead(n)) {
            let transaction = tmp.join(name);
            if let Some(journal) = Journal::read(&transaction)? {
                journal.recover(self, &transaction)?;
            }
            fsio::remove_any(&transaction)?;
        }
        Ok(())
    }
}

/// Whether a home without a database had one.
fn has_history(layout: &Layout) -> bool {
    let registry = layout.registry();
    layout.trust_log().exists() || registry.join("heads").exists() || registry.join("releases").exists()
}

fn set_database_aside(layout: &Layout) -> Result<std::path::PathBuf, StoreError> {
    let database = layout.database();
    for side in ["state.db-wal", "state.db-shm"] {
        let path = layout.home().join(side);
        if path.exists() {
            fsio::set_aside(&path, "corrupted")?;
        }
    }
    fsio::set_aside(&database, "corrupted")
}
