//! The tables of `state.db`.
//!
//! Decides their form and how an older one becomes the current one. Invariant: a database whose `user_version` is
//! [`CURRENT`] has exactly these tables; nothing is looked at twice at a start.
//!
//! Whole numbers without a sign (sequences, sizes, times) are stored as SQLite's 64-bit integers with the same bits, and
//! compared in Rust where they come from outside.

/// The `user_version` of this form.
pub(crate) const CURRENT: i64 = 7;

/// From each older form to the next one: the first makes 2 of 1, the second 3 of 2, and so on.
pub(crate) const STEPS: &[&str] =
    &["ALTER TABLE installs ADD COLUMN requirement TEXT;", DECISIONS_TOLD, PACKAGES_BY_NAME, HEARD, DHT, ONE_TREE];

/// The form from which on what is searched is as it is now: whoever comes from an older one writes it anew.
pub(crate) const SEARCHED_SINCE: i64 = 7;

/// Packages in the order of names, which is the order in which registries list them, with what is said of them.
const PACKAGES_BY_NAME: &str = "
CREATE TABLE packages_new (
    id INTEGER PRIMARY KEY,
    publisher BLOB NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,
    mark_sequence INTEGER, mark_digest BLOB,
    head TEXT, head_sequence INTEGER, head_digest BLOB, expires INTEGER,
    equivocated INTEGER NOT NULL DEFAULT 0, proof TEXT,
    first_seen INTEGER NOT NULL,
    newest TEXT, description TEXT NOT NULL DEFAULT '',
    keywords TEXT NOT NULL DEFAULT '', category TEXT NOT NULL DEFAULT '', author TEXT NOT NULL DEFAULT '',
    UNIQUE (name, publisher)
);
INSERT INTO packages_new (id, publisher, name, key, mark_sequence, mark_digest, head, head_sequence, head_digest,
        expires, equivocated, proof, first_seen, newest, description)
    SELECT id, publisher, name, key, mark_sequence, mark_digest, head, head_sequence, head_digest,
        expires, equivocated, proof, first_seen, newest, description FROM packages;
DROP TABLE packages;
ALTER TABLE packages_new RENAME TO packages;
CREATE INDEX packages_key ON packages (key);
CREATE INDEX packages_head ON packages (publisher, name) WHERE head IS NOT NULL;
";

/// Versions in one tree, and what is searched without indexes of beginnings: an import writes half as much.
///
/// Some homes of the sixth form have this already, and some have not: it is made anew in all of them.
const ONE_TREE: &str = "
CREATE TABLE versions_new (
    package INTEGER NOT NULL, version TEXT NOT NULL,
    release BLOB, archive BLOB, size INTEGER, published INTEGER,
    witnessed INTEGER NOT NULL, yanked TEXT, unsigned INTEGER NOT NULL DEFAULT 0, listed INTEGER NOT NULL DEFAULT 0,
    dependencies TEXT, envelope TEXT, PRIMARY KEY (package, version)
) WITHOUT ROWID;
INSERT INTO versions_new (package, version, release, archive, size, published, witnessed, yanked, unsigned, listed,
        dependencies, envelope)
    SELECT package, version, release, archive, size, published, witnessed, yanked, unsigned, listed,
        dependencies, envelope FROM versions;
DROP TABLE versions;
ALTER TABLE versions_new RENAME TO versions;
CREATE INDEX versions_archive ON versions (archive) WHERE envelope IS NOT NULL;
DROP TABLE IF EXISTS names;
DROP TABLE IF EXISTS terms;
DROP TABLE texts;
CREATE VIRTUAL TABLE texts USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE terms USING fts5vocab (texts, row);
CREATE VIRTUAL TABLE names USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
";

/// What a decision's row needs to be explained and asked again.
const DECISIONS_TOLD: &str = "
ALTER TABLE decisions ADD COLUMN call TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN packages TEXT NOT NULL DEFAULT '[]';
ALTER TABLE decisions ADD COLUMN fault TEXT;
ALTER TABLE decisions ADD COLUMN replayable INTEGER NOT NULL DEFAULT 1;
ALTER TABLE decisions ADD COLUMN log TEXT NOT NULL DEFAULT '[]';
ALTER TABLE inputs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE inputs SET bytes = length(CAST(input AS BLOB));
CREATE INDEX inputs_bytes ON inputs (bytes);
";

/// What others told of packages that no job has asked for, and the log of accepted heads, by which other nodes catch up.
/// A part of the current form that is made of an older one as it is made anew.
pub(crate) const HEARD: &str = "
-- announcement: JSON, as it travels; proof: another head of the same sequence. A row is never changed but in its proof.
CREATE TABLE heard (
    id INTEGER PRIMARY KEY,
    publisher BLOB NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,
    sequence INTEGER NOT NULL, digest BLOB NOT NULL,
    announcement TEXT NOT NULL, bytes INTEGER NOT NULL, newest TEXT, description TEXT NOT NULL,
    peer TEXT NOT NULL, network TEXT NOT NULL, heard INTEGER NOT NULL, proof TEXT,
    UNIQUE (publisher, name)
);
CREATE INDEX heard_key ON heard (key);
CREATE INDEX heard_network ON heard (network, id);
-- How much came from each network.
CREATE TABLE heard_sums (network TEXT PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER heard_added AFTER INSERT ON heard BEGIN
    INSERT INTO heard_sums VALUES (new.network, 1, new.bytes)
        ON CONFLICT (network) DO UPDATE SET count = count + 1, bytes = bytes + new.bytes;
END;
CREATE TRIGGER heard_removed AFTER DELETE ON heard BEGIN
    UPDATE heard_sums SET count = count - 1, bytes = bytes - old.bytes WHERE network = old.network;
    DELETE FROM heard_sums WHERE network = old.network AND count <= 0;
END;
CREATE VIRTUAL TABLE heard_texts USING fts5 (
    name, keywords, description, category, author,
    content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
INSERT INTO heard_texts (heard_texts, rank) VALUES ('rank', 'bm25(10.0, 5.0, 2.0, 2.0, 1.0)');

-- The log of accepted heads: one row a package, the latest change last; its name is another in each database.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, publisher BLOB NOT NULL, name TEXT NOT NULL, UNIQUE (publisher, name)
);
INSERT INTO changes (publisher, name) SELECT publisher, name FROM packages WHERE head IS NOT NULL ORDER BY id;
INSERT OR REPLACE INTO meta VALUES ('changes', lower(hex(randomblob(16))));
-- How far the logs of others were followed.
CREATE TABLE cursors (
    peer TEXT PRIMARY KEY, log TEXT NOT NULL, after INTEGER NOT NULL, updated INTEGER NOT NULL
) WITHOUT ROWID;
";

/// What the node keeps of the hash table for others. A part of the current form, as [`HEARD`] is.
pub(crate) const DHT: &str = "
-- value: a head bundle, as it travels. Nothing of it is believed before it is proved again.
CREATE TABLE dht_records (key BLOB NOT NULL UNIQUE, value BLOB NOT NULL, bytes INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX dht_records_expires ON dht_records (expires, bytes);
-- addresses: JSON.
CREATE TABLE dht_providers (
    key BLOB NOT NULL, peer TEXT NOT NULL, addresses TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (key, peer)
) WITHOUT ROWID;
CREATE INDEX dht_providers_expires ON dht_providers (expires);
";

/// From nothing to the current form, with [`HEARD`] and [`DHT`] after it.
pub(crate) const CREATE: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Publishers whose roots were seen: JSON of all envelopes, first to latest.
CREATE TABLE publishers (
    publisher BLOB PRIMARY KEY, root_version INTEGER NOT NULL, root_digest BLOB NOT NULL,
    roots TEXT NOT NULL, first_seen INTEGER NOT NULL
) WITHOUT ROWID;

-- mark_*: the highest head ever seen; head: the latest one that is here, an envelope.
CREATE TABLE packages (
    id INTEGER PRIMARY KEY,
    publisher BLOB NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,
    mark_sequence INTEGER, mark_digest BLOB,
    head TEXT, head_sequence INTEGER, head_digest BLOB, expires INTEGER,
    equivocated INTEGER NOT NULL DEFAULT 0, proof TEXT,
    first_seen INTEGER NOT NULL,
    -- What is shown and searched: of the release that speaks for it; several keywords, categories or authors by lines.
    newest TEXT, description TEXT NOT NULL DEFAULT '',
    keywords TEXT NOT NULL DEFAULT '', category TEXT NOT NULL DEFAULT '', author TEXT NOT NULL DEFAULT '',
    UNIQUE (name, publisher)
);
CREATE INDEX packages_key ON packages (key);
CREATE INDEX packages_head ON packages (publisher, name) WHERE head IS NOT NULL;

-- Who gave the latest head: one row a source, or a network for peers.
CREATE TABLE sources (
    package INTEGER NOT NULL, source TEXT NOT NULL, PRIMARY KEY (package, source)
) WITHOUT ROWID;

-- release: the digest that a head or a release fixed for good; envelope: the signed release, once it is here.
CREATE TABLE versions (
    package INTEGER NOT NULL, version TEXT NOT NULL,
    release BLOB, archive BLOB, size INTEGER, published INTEGER,
    witnessed INTEGER NOT NULL, yanked TEXT, unsigned INTEGER NOT NULL DEFAULT 0, listed INTEGER NOT NULL DEFAULT 0,
    dependencies TEXT, envelope TEXT, PRIMARY KEY (package, version)
) WITHOUT ROWID;
CREATE INDEX versions_archive ON versions (archive) WHERE envelope IS NOT NULL;

-- What is searched, as words of the core; rowid is the package's. Which packages have a word is all that is kept:
-- `search` says why. terms: those words themselves. Names stand apart, so that those that have a common word in them are
-- found without the rest.
CREATE VIRTUAL TABLE texts USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE terms USING fts5vocab (texts, row);
CREATE VIRTUAL TABLE names USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');

CREATE TABLE bindings (
    key TEXT PRIMARY KEY, name TEXT NOT NULL, publisher BLOB NOT NULL, since INTEGER NOT NULL, how TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE installs (
    name TEXT PRIMARY KEY, publisher BLOB NOT NULL, version TEXT NOT NULL,
    archive BLOB NOT NULL, release BLOB NOT NULL, envelope TEXT NOT NULL,
    direct INTEGER NOT NULL, requested_by TEXT NOT NULL, origin TEXT NOT NULL, installed_at INTEGER NOT NULL,
    requirement TEXT
) WITHOUT ROWID;
-- Apart, so that a list of installs never reads them.
CREATE TABLE install_files (name TEXT PRIMARY KEY, files TEXT NOT NULL);

CREATE TABLE projects (path TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE peers (
    peer TEXT PRIMARY KEY, addresses TEXT NOT NULL, record TEXT NOT NULL, updated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX peers_updated ON peers (updated);
CREATE TABLE bans (peer TEXT PRIMARY KEY, until INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL, hook TEXT NOT NULL, subject TEXT NOT NULL, policy TEXT NOT NULL,
    version TEXT NOT NULL, digest TEXT NOT NULL, settings TEXT NOT NULL, input BLOB NOT NULL,
    verdict TEXT NOT NULL, reasons TEXT NOT NULL, fuel INTEGER NOT NULL, micros INTEGER NOT NULL,
    limit_hit TEXT, place INTEGER NOT NULL, mode TEXT NOT NULL,
    call TEXT NOT NULL DEFAULT '', packages TEXT NOT NULL DEFAULT '[]', fault TEXT,
    replayable INTEGER NOT NULL DEFAULT 1, log TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX decisions_time ON decisions (time);
CREATE INDEX decisions_input ON decisions (input);
CREATE TABLE inputs (digest BLOB PRIMARY KEY, input TEXT NOT NULL, bytes INTEGER NOT NULL DEFAULT 0);
CREATE INDEX inputs_bytes ON inputs (bytes);
";
