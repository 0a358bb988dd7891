//! What a killed process leaves, and what the next one makes of it.
//!
//! Decides nothing.

use crate::journal::{Journal, Placed};
use crate::testing::{Author, Home, commit_of, install, listing};
use crate::{Source, Store};
use ggen_core::release::SignedRelease;

/// Does the steps of a commit up to `until`, and then dies.
fn die_at(store: &Store, release: &SignedRelease, until: u32) {
    let mut staging = store.stage().unwrap();
    let staged = staging.unpack(release).unwrap();
    let r = &release.release;
    let place = vec![Placed::new(&r.name, &r.version, release.digest, &staged.dir).unwrap()];
    let journal = Journal { place, names: vec![r.name.clone()] };
    if until >= 1 {
        journal.write(staging.dir()).unwrap();
    }
    if until >= 2 {
        journal.place(store, staging.dir()).unwrap();
    }
    if until >= 3 {
        store.record(&[commit_of(release, staged.files)], &[]).unwrap();
    }
    if until >= 4 {
        journal.sweep(store, staging.dir()).unwrap();
    }
    assert!(staging.abandon().exists());
}

fn state(home: &Home) -> (Vec<String>, Vec<String>, usize) {
    let store = home.again();
    assert_eq!(store.verify(None).unwrap().damaged, []);
    assert_eq!(store.notices(), []);
    let installed = store.installed().unwrap().iter().map(|i| format!("{} {}", i.id.name, i.version)).collect();
    let there = listing(&home.path().join("packages")).into_iter().filter(|p| p.ends_with("package.toml")).collect();
    (installed, there, std::fs::read_dir(home.path().join("tmp")).unwrap().count())
}

#[test]
fn a_first_install_is_wholly_there_or_not_at_all() {
    for until in 0..=4 {
        let (home, mut author) = (Home::new(), Author::new(1));
        let release = author.publish(&home.store, "pkg", "1.0.0");
        die_at(&home.store, &release, until);
        let (installed, there, left) = state(&home);
        let expected: (&[&str], &[&str]) =
            if until < 3 { (&[], &[]) } else { (&["pkg 1.0.0"], &["pkg/1.0.0/package.toml"]) };
        assert_eq!((installed, there), (strings(expected.0), strings(expected.1)), "killed after step {until}");
        assert_eq!(left, 0, "killed after step {until}");
        install(&home.again(), &[&release]).unwrap();
        assert_eq!(state(&home).0, ["pkg 1.0.0"]);
    }
}

#[test]
fn an_upgrade_is_the_old_or_the_new_version() {
    for until in 0..=4 {
        let (home, mut author) = (Home::new(), Author::new(1));
        let (one, two) = (author.publish(&home.store, "pkg", "1.0.0"), author.publish(&home.store, "pkg", "2.0.0"));
        install(&home.store, &[&one]).unwrap();
        die_at(&home.store, &two, until);
        let (installed, there, left) = state(&home);
        let version = if until < 3 { "1.0.0" } else { "2.0.0" };
        assert_eq!(installed, [format!("pkg {version}")], "killed after step {until}");
        assert_eq!((there, left), (vec![format!("pkg/{version}/package.toml")], 0), "killed after step {until}");
    }
}

#[test]
fn an_exchange_that_did_not_count_is_taken_back() {
    let (home, mut author, mut other) = (Home::new(), Author::new(1), Author::new(2));
    let mine = author.publish(&home.store, "pkg", "1.0.0");
    let theirs = {
        let dir = crate::testing::tree(&[("package.toml", "other")]);
        let release = other.release(&home.store, "pkg", "1.0.0", dir.path());
        let head = other.head(&release);
        home.store.accept_head(&head, Source::Own, 1).unwrap();
        release
    };
    install(&home.store, &[&mine]).unwrap();
    die_at(&home.store, &theirs, 2);
    assert_eq!(std::fs::read(home.path().join("packages/pkg/1.0.0/package.toml")).unwrap(), b"other");
    assert_eq!(state(&home).0, ["pkg 1.0.0"]);
    assert_eq!(std::fs::read(home.path().join("packages/pkg/1.0.0/package.toml")).unwrap(), b"1.0.0");
}

#[test]
fn others_at_work_are_left_alone() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "pkg", "1.0.0");
    let mut staging = home.store.stage().unwrap();
    let files = staging.unpack(&release).unwrap().files;
    let other = home.again();
    other.clean(false, u64::MAX, &mut |_| ()).unwrap();
    home.store.commit(staging, vec![commit_of(&release, files)], vec![], &mut |_: &crate::LockHolder| ()).unwrap();
    assert_eq!(state(&home).0, ["pkg 1.0.0"]);
}

#[test]
fn a_lost_or_broken_database_is_rebuilt_and_trust_survives() {
    for broken in [None, Some(b"this is no database at all, but it is long enough".to_vec()), Some(vec![])] {
        let (home, mut author, stranger) = (Home::new(), Author::new(1), Author::new(2));
        let one = author.publish(&home.store, "pkg", "1.0.0");
        let two = author.publish(&home.store, "pkg", "1.1.0");
        author.publish(&home.store, "dep", "0.1.0");
        home.store.bind(&"other".parse().unwrap(), stranger.id, crate::How::User, 3).unwrap();
        home.store.bind(&"gone".parse().unwrap(), stranger.id, crate::How::User, 3).unwrap();
        home.store.unbind(&"gone".parse().unwrap()).unwrap();
        install(&home.store, &[&one]).unwrap();
        let before = home.store.package(&author.package("pkg")).unwrap().unwrap();
        let path = home.path().to_owned();
        for name in ["state.db", "state.db-wal", "state.db-shm"] {
            let _ = std::fs::remove_file(path.join(name));
        }
        let was_broken = broken.as_ref().is_some_and(|b| !b.is_empty());
        if let Some(bytes) = broken {
            std::fs::write(path.join("state.db"), bytes).unwrap();
        }
        let again = home.again();
        assert_eq!(again.notices().iter().map(|n| n.code).collect::<Vec<_>>(), ["database-rebuilt"]);
        assert_eq!(path.join("state.db.corrupted").exists(), was_broken);
        let after = again.package(&author.package("pkg")).unwrap().unwrap();
        assert_eq!((after.mark, after.head), (before.mark, before.head));
        assert_eq!(after.versions.iter().filter(|v| v.release.is_some()).count(), 2);
        assert_eq!(again.bindings().unwrap().len(), 1);
        let installed = again.installed().unwrap();
        assert_eq!((installed.len(), installed[0].release), (1, one.digest));
        assert_eq!(again.verify(None).unwrap().damaged, []);
        install(&again, &[&two]).unwrap();
        drop(again);
        assert_eq!(home.again().notices(), []);
    }
}

#[test]
fn a_lockfile_is_still_known_after_a_lost_database() {
    let (home, project) = (Home::new(), tempfile::tempdir().unwrap());
    for _ in 0..2 {
        home.store.register_project(&project.path().join("ggen.lock")).unwrap();
    }
    let known = home.store.projects().unwrap();
    let log = std::fs::read_to_string(home.path().join("trust.log")).unwrap();
    assert_eq!((known.len(), log.lines().count()), (1, 1), "noted once");
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(home.path().join(file));
    }
    assert_eq!(home.again().projects().unwrap(), known);
}

#[test]
fn a_mark_that_only_the_log_has_still_counts() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let dir = crate::testing::tree(&[("a", "1")]);
    let release = author.release(&home.store, "pkg", "1.0.0", dir.path());
    let (first, second) = (author.head(&release), author.head(&release));
    home.store.accept_head(&first, Source::File, 1).unwrap();
    let mark = second.mark();
    let record = crate::trust_log::Record::Mark {
        publisher: author.id,
        name: "pkg".parse().unwrap(),
        sequence: mark.sequence,
        digest: mark.digest,
    };
    crate::trust_log::append(&home.path().join("trust.log"), &[record]).unwrap();
    let again = home.again();
    assert_eq!(again.package(&author.package("pkg")).unwrap().unwrap().mark, Some(mark));
    assert_eq!(again.accept_head(&first, Source::File, 1).unwrap(), ggen_core::head::Succession::Older);
    assert_eq!(again.accept_head(&second, Source::File, 1).unwrap(), ggen_core::head::Succession::Same);
    assert_eq!(again.package(&author.package("pkg")).unwrap().unwrap().head, Some(second));
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}

/// Makes a fresh database one of the sixth form.
fn sixth_form(database: &rusqlite::Connection) {
    database.pragma_update(None, "user_version", 6).unwrap();
}

/// Makes a fresh database one of the sixth form that was one of the fifth before.
fn sixth_form_from_the_fifth(database: &rusqlite::Connection) {
    two_trees(database);
    sixth_form(database);
}

/// Makes a fresh database one of the fifth form.
fn fifth_form(database: &rusqlite::Connection) {
    two_trees(database);
    database.execute_batch("DROP TABLE dht_records; DROP TABLE dht_providers; PRAGMA user_version = 5;").unwrap();
}

/// Makes versions and what is searched what they were in the fifth form.
fn two_trees(database: &rusqlite::Connection) {
    let text = "DROP TABLE names;
        DROP TABLE terms;
        DROP TABLE texts;
        CREATE VIRTUAL TABLE texts USING fts5 (
            words, content='', contentless_delete=1, detail=none, tokenize='ascii', prefix='2 3'
        );
        CREATE VIRTUAL TABLE names USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
        ALTER TABLE versions RENAME TO later;
        CREATE TABLE versions (
            package INTEGER NOT NULL, version TEXT NOT NULL,
            release BLOB, envelope TEXT,
            archive BLOB, size INTEGER, published INTEGER,
            witnessed INTEGER NOT NULL, yanked TEXT, unsigned INTEGER NOT NULL DEFAULT 0, dependencies TEXT,
            listed INTEGER NOT NULL DEFAULT 0,
            UNIQUE (package, version)
        );
        INSERT INTO versions SELECT package, version, release, envelope, archive, size, published, witnessed, yanked,
            unsigned, dependencies, listed FROM later;
        DROP TABLE later;
        CREATE INDEX versions_archive ON versions (archive) WHERE envelope IS NOT NULL;";
    database.execute_batch(text).unwrap();
}

/// Makes a fresh database one of the third form.
fn third_form(database: &rusqlite::Connection) {
    fifth_form(database);
    let text = "DROP TABLE heard;
        DROP TABLE heard_sums;
        DROP TABLE heard_texts;
        DROP TABLE changes;
        DROP TABLE cursors;
        DROP TABLE names;
        DROP TABLE texts;
        CREATE VIRTUAL TABLE texts USING fts5 (
            name, keywords, description, category, author,
            content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2', prefix='2 3'
        );
        ALTER TABLE packages DROP COLUMN keywords;
        ALTER TABLE packages DROP COLUMN category;
        ALTER TABLE packages DROP COLUMN author;
        DROP INDEX versions_archive;
        CREATE INDEX versions_archive ON versions (archive) WHERE archive IS NOT NULL;
        PRAGMA user_version = 3;";
    database.execute_batch(text).unwrap();
}

/// Makes a fresh database one of the second form.
fn second_form(database: &rusqlite::Connection) {
    third_form(database);
    let text = "DROP INDEX inputs_bytes;
        ALTER TABLE inputs DROP COLUMN bytes;
        ALTER TABLE decisions DROP COLUMN call;
        ALTER TABLE decisions DROP COLUMN packages;
        ALTER TABLE decisions DROP COLUMN fault;
        ALTER TABLE decisions DROP COLUMN replayable;
        ALTER TABLE decisions DROP COLUMN log;
        PRAGMA user_version = 2;";
    database.execute_batch(text).unwrap();
}

#[test]
fn a_database_of_the_first_form_is_brought_up_to_date() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "pkg", "1.0.0");
    install(&home.store, &[&release]).unwrap();
    let path = home.path().join("state.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    second_form(&old);
    old.execute_batch("ALTER TABLE installs DROP COLUMN requirement; PRAGMA user_version = 1;").unwrap();
    drop(old);
    let all = std::thread::scope(|scope| {
        let open = || home.again().installed().unwrap();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
    });
    for installed in all {
        assert_eq!((installed.len(), installed[0].requirement.as_deref()), (1, None));
    }
    let store = home.again();
    store.mark_direct(&[("pkg".parse().unwrap(), Some("^1".to_owned()))]).unwrap();
    store.mark_direct(&[("pkg".parse().unwrap(), None)]).unwrap();
    assert_eq!(store.installed().unwrap()[0].requirement.as_deref(), Some("^1"));
}

#[test]
fn a_database_of_the_fifth_form_keeps_what_it_knows_and_can_keep_records_of_the_hash_table() {
    let (home, mut author) = (Home::new(), Author::new(1));
    author.publish(&home.store, "pkg", "1.0.0");
    fifth_form(&rusqlite::Connection::open(home.path().join("state.db")).unwrap());
    let store = home.again();
    assert!(store.package(&author.package("pkg")).unwrap().is_some());
    let kept = crate::DhtKey { key: ggen_core::Digest::of(b"k"), record: Some((vec![1], 9)), providers: vec![] };
    store.put_dht(std::slice::from_ref(&kept), 5).unwrap();
    assert_eq!(home.again().dht(6).unwrap(), [kept]);
}

#[test]
fn what_a_database_of_the_third_form_knows_is_found_after_it_is_brought_up_to_date() {
    is_found_after(third_form);
}

#[test]
fn what_a_database_of_the_fifth_form_knows_is_found_after_it_is_brought_up_to_date() {
    is_found_after(fifth_form);
}

#[test]
fn what_a_database_of_the_sixth_form_knows_is_found_after_it_is_brought_up_to_date() {
    is_found_after(sixth_form);
    is_found_after(sixth_form_from_the_fifth);
}

fn is_found_after(form: fn(&rusqlite::Connection)) {
    let (home, mut author) = (Home::new(), Author::new(1));
    author.publish(&home.store, "graph-tools", "1.0.0");
    author.publish(&home.store, "other", "1.0.0");
    form(&rusqlite::Connection::open(home.path().join("state.db")).unwrap());
    let store = home.again();
    assert_eq!(store.package(&author.package("other")).unwrap().unwrap().versions.len(), 1);
    let names = |query: &str| -> Vec<String> {
        store.search(query, 10).unwrap().into_iter().map(|hit| hit.id.name.to_string()).collect()
    };
    assert_eq!(names("graph"), ["graph-tools"]);
    assert_eq!(names("sparql").len(), 2, "keywords of signed releases");
    assert_eq!(names("muller").len(), 2, "and who wrote them");
    assert_eq!(names("what other is for"), ["other"]);
    assert_eq!(names("for what oth"), ["other"], "the last word may only begin");
    assert!(names("oth what for").is_empty(), "no other one may");
}

#[test]
fn a_database_of_the_second_form_keeps_its_decisions_and_knows_how_large_they_are() {
    let home = Home::new();
    let path = home.path().join("state.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    second_form(&old);
    old.execute_batch(
        "INSERT INTO inputs VALUES (zeroblob(32), '{\"of\":\"é\"}');
        INSERT INTO decisions VALUES (7, 1000, 'verification', 'é', 'p', '1.0.0', 'd', '{}', zeroblob(32), '\"allow\"',
            '[]', 1, 2, NULL, 0, 'enforce');",
    )
    .unwrap();
    drop(old);
    let store = home.again();
    let all = store.decisions(&crate::DecisionFilter::default(), 10).unwrap();
    assert_eq!((all.len(), all[0].id, all[0].call.as_str(), all[0].fault.as_deref()), (1, 7, "", None));
    assert!(all[0].packages.is_empty() && all[0].log.is_empty());
    let raised = rusqlite::Connection::open(&path).unwrap();
    let bytes = raised.query_row("SELECT sum(bytes) FROM inputs", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(bytes, 11, "in bytes, not in characters");
    let form = |database: &rusqlite::Connection| {
        let text = "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value FROM sqlite_master m
            JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid";
        let mut statement = database.prepare(text).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            let text = |column| row.get::<_, String>(column);
            Ok((text(0)?, text(1)?, text(2)?, row.get::<_, bool>(3)?, row.get::<_, Option<String>>(4)?))
        };
        let columns = statement.query_map([], row).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        let mut statement = database.prepare("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY 1").unwrap();
        let indexes = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        (columns, indexes.collect::<Result<Vec<_>, _>>().unwrap())
    };
    let fresh = Home::new();
    assert_eq!(form(&raised), form(&rusqlite::Connection::open(fresh.path().join("state.db")).unwrap()));
}
