//! Publisher keys and the node's identity: the secrets of a home.
//!
//! One file a key, `keys/<alias>.json`, mode 0600. Decides which key is meant. Never shows a secret, never overwrites a
//! key: a lost key is a lost publisher.

use std::path::PathBuf;

use ggen_core::PublisherId;
use ggen_core::dsse::{Envelope, PublicKey, SecretKey};
use ggen_core::root::Publisher;
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, at};
use crate::{Store, fsio};

/// The longest key file, in bytes: all roots.
const MAX_KEY_FILE: u64 = 2 * 1024 * 1024;
/// The longest node identity, in bytes.
const MAX_IDENTITY: u64 = 4096;

/// A key, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyInfo {
    /// What the user calls it.
    pub alias: String,
    /// The publisher that it speaks for.
    pub publisher: PublisherId,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created: u64,
    /// Its public half.
    pub public: PublicKey,
}

/// A key with its secret.
#[derive(Debug)]
pub struct PublisherKey {
    /// What may be shown.
    pub info: KeyInfo,
    /// What may not.
    pub secret: SecretKey,
    /// The publisher's roots, first to latest.
    pub roots: Vec<Envelope>,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    schema: u32,
    alias: String,
    publisher: PublisherId,
    created: u64,
    // A digest is what 32 bytes in hexadecimal are called here.
    seed: ggen_core::Digest,
    roots: Vec<Envelope>,
}

fn check_alias(alias: &str) -> Result<(), StoreError> {
    let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if alias.is_empty() || alias.len() > 64 || !alias.bytes().all(valid) || alias.starts_with('-') {
        return Err(StoreError::Alias { text: alias.chars().take(80).collect() });
    }
    Ok(())
}

impl Store {
    fn key_file(&self, alias: &str) -> PathBuf {
        self.layout().keys().join(format!("{alias}.json"))
    }

    /// All keys, sorted by alias.
    pub fn keys(&self) -> Result<Vec<KeyInfo>, StoreError> {
        let mut keys = Vec::new();
        for name in fsio::names_in(&self.layout().keys())? {
            let Some(alias) = name.strip_suffix(".json").filter(|a| check_alias(a).is_ok()) else { continue };
            keys.push(self.read_key(alias)?.info);
        }
        Ok(keys)
    }

    /// The key `alias`; without one, the only key.
    pub fn key(&self, alias: Option<&str>) -> Result<PublisherKey, StoreError> {
        if let Some(alias) = alias {
            check_alias(alias)?;
            return self.read_key(alias);
        }
        let mut keys = self.keys()?;
        match (keys.pop(), keys.is_empty()) {
            (Some(only), true) => self.read_key(&only.alias),
            (Some(last), false) => {
                keys.push(last);
                Err(StoreError::WhichKey { aliases: keys.into_iter().map(|k| k.alias).collect() })
            }
            (None, _) => Err(StoreError::NoKey { alias: None }),
        }
    }

    fn read_key(&self, alias: &str) -> Result<PublisherKey, StoreError> {
        let path = self.key_file(alias);
        let Some(bytes) = fsio::read_bounded(&path, MAX_KEY_FILE)? else {
            return Err(StoreError::NoKey { alias: Some(alias.to_owned()) });
        };
        let invalid = |problem: String| StoreError::KeyFile { path: path.clone(), problem };
        // Not serde's own words: they may quote the secret.
        let position = |e: serde_json::Error| invalid(format!("line {}, column {}", e.line(), e.column()));
        let file: KeyFile = serde_json::from_slice(&bytes).map_err(position)?;
        if file.schema != 1 {
            return Err(invalid(format!("its schema is {}, this program knows 1", file.schema)));
        }
        let secret = SecretKey::from_seed(file.seed.as_bytes());
        let publisher = Publisher::from_roots(Some(file.publisher), &file.roots).map_err(|e| invalid(e.to_string()))?;
        if !publisher.keys.all().contains(&secret.public()) {
            return Err(invalid("its key is not one of its publisher's".to_owned()));
        }
        let (publisher, created, public) = (file.publisher, file.created, secret.public());
        let info = KeyInfo { alias: alias.to_owned(), publisher, created, public };
        Ok(PublisherKey { info, secret, roots: file.roots })
    }

    /// Stores a new key; one of this alias that is there already stays.
    pub fn add_key(
        &self,
        alias: &str,
        secret: &SecretKey,
        roots: &[Envelope],
        created: u64,
    ) -> Result<KeyInfo, StoreError> {
        check_alias(alias)?;
        let publisher = Publisher::from_roots(None, roots)?.id;
        let seed = ggen_core::Digest::from_bytes(secret.seed());
        let roots = roots.to_vec();
        let file = KeyFile { schema: 1, alias: alias.to_owned(), publisher, created, seed, roots };
        let path = self.key_file(alias);
        let text = serde_json::to_vec_pretty(&file).unwrap_or_default();
        match fsio::write_new(&path, &text, 0o600) {
            Ok(()) => Ok(KeyInfo { alias: alias.to_owned(), publisher, created, public: secret.public() }),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(StoreError::KeyExists { alias: alias.to_owned() })
            }
            Err(e) => Err(StoreError::io("write", &path, e)),
        }
    }

    /// The node's identity, as its keeper encoded it.
    pub fn node_identity(&self) -> Result<Option<Vec<u8>>, StoreError> {
        fsio::read_bounded(&self.layout().node_identity(), MAX_IDENTITY)
    }

    /// Stores the node's identity, once: one that is there already stays, and is handed back.
    pub fn save_node_identity(&self, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let path = self.layout().node_identity();
        match fsio::write_new(&path, bytes, 0o600) {
            Ok(()) => Ok(bytes.to_vec()),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                Ok(fsio::read_bounded(&path, MAX_IDENTITY)?.unwrap_or_default())
            }
            Err(e) => Err(at("write", &path)(e)),
        }
    }
}
