//! Publishers' root documents: which keys speak for a publisher.
//!
//! A publisher's id is the digest of the payload of root version 1; root n+1 is signed by the keys of n and by its own.
//! Decides which keys are current; never fetches a root. Invariant: a [`Publisher`] exists only for a chain that proves
//! itself from its id on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::dsse::{DsseError, Envelope, Keys, PublicKey, SecretKey};
use crate::name::PublisherId;
use crate::recent::Recent;

/// Media type of a root document's payload.
pub const ROOT_TYPE: &str = "application/vnd.ggen.root.v1+json";
/// The longest envelope of a root, in bytes.
pub const MAX_ROOT: usize = 16 * 1024;
/// The longest chain of roots.
pub const MAX_ROOTS: usize = 64;
/// The most keys of a root.
pub const MAX_KEYS: usize = 16;

/// The payload of a root document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Root {
    /// 1.
    pub schema: u32,
    /// 1 for the first, one more for each that follows.
    pub version: u64,
    /// Who may sign releases, heads and the next root.
    pub keys: Vec<PublicKey>,
    /// How many of them must.
    pub threshold: usize,
    /// When it was made, in milliseconds since the Unix epoch: it makes the id of a key's second publisher another.
    pub created: u64,
}

/// Why a chain of roots is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// No root at all, or too many.
    #[error("a publisher has 1 to 64 root documents, not {0}")]
    Count(usize),
    /// The first root is not the publisher's.
    #[error("the first root document is of publisher {found}, not of {expected}")]
    OtherPublisher {
        /// Who was meant.
        expected: PublisherId,
        /// Whose it is.
        found: PublisherId,
    },
    /// A field that makes no sense.
    #[error("root document {version} is not valid: {problem}")]
    Invalid {
        /// Which, counted from 1.
        version: u64,
        /// What is wrong.
        problem: String,
    },
    /// A signature.
    #[error("root document {version} is not signed as it must be")]
    Signature {
        /// Which, counted from 1.
        version: u64,
        /// Why.
        source: DsseError,
    },
}

/// A publisher whose chain of roots proved itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publisher {
    /// The digest of the first root.
    pub id: PublisherId,
    /// The current keys.
    pub keys: Keys,
    /// How many of them must sign.
    pub threshold: usize,
    /// The version of the latest root.
    pub root_version: u64,
    /// Keys of earlier roots that are current no more.
    pub revoked: BTreeSet<PublicKey>,
}

impl Publisher {
    /// Makes the first root of a publisher with one key.
    pub fn create(key: &SecretKey, created: u64) -> (PublisherId, Envelope) {
        let root = Root { schema: 1, version: 1, keys: vec![key.public()], threshold: 1, created };
        let payload = serde_json::to_vec(&root).unwrap_or_default();
        (PublisherId(Digest::of(&payload)), Envelope::sign(ROOT_TYPE, &payload, &[key]))
    }

    /// Follows a chain of roots, first to latest.
    pub fn from_roots(expected: Option<PublisherId>, roots: &[Envelope]) -> Result<Self, RootError> {
        if roots.is_empty() || roots.len() > MAX_ROOTS {
            return Err(RootError::Count(roots.len()));
        }
        let mut current: Option<Self> = None;
        for (envelope, version) in roots.iter().zip(1u64..) {
            envelope.check_size(MAX_ROOT).map_err(|source| RootError::Signature { version, source })?;
            current = Some(match current {
                None => Self::first(expected, envelope)?,
                Some(before) => before.next(envelope, version)?,
            });
        }
        current.ok_or(RootError::Count(0))
    }

    fn first(expected: Option<PublisherId>, envelope: &Envelope) -> Result<Self, RootError> {
        let signature = |source| RootError::Signature { version: 1, source };
        let payload = envelope.payload_bytes().map_err(signature)?;
        let id = PublisherId(Digest::of(&payload));
        if let Some(expected) = expected.filter(|e| *e != id) {
            return Err(RootError::OtherPublisher { expected, found: id });
        }
        let root = Root::parse(&payload, 1)?;
        let keys = Keys::signing(root.keys.iter().copied().collect(), envelope);
        envelope.verify(ROOT_TYPE, &keys, root.threshold).map_err(signature)?;
        Ok(Self { id, keys, threshold: root.threshold, root_version: 1, revoked: BTreeSet::new() })
    }

    fn next(mut self, envelope: &Envelope, version: u64) -> Result<Self, RootError> {
        let signature = |source| RootError::Signature { version, source };
        let payload = envelope.verify(ROOT_TYPE, &self.keys, self.threshold).map_err(signature)?;
        let root = Root::parse(&payload, version)?;
        let keys = Keys::signing(root.keys.iter().copied().collect(), envelope);
        envelope.verify(ROOT_TYPE, &keys, root.threshold).map_err(signature)?;
        self.revoked.extend(self.keys.all().difference(keys.all()).copied());
        if let Some(key) = keys.all().iter().find(|k| self.revoked.contains(*k)) {
            let problem = format!("it brings back the revoked key {}", key.0.short());
            return Err(RootError::Invalid { version, problem });
        }
        Ok(Self { keys, threshold: root.threshold, root_version: version, ..self })
    }
}

/// Chains of roots that proved themselves, so that what a known publisher says next is checked without them.
///
/// What a chain proves depends on its bytes alone, so these name it here, all of them, signatures too: one that differs in
/// any, be it by a root more, is followed from its beginning.
#[derive(Clone, Debug)]
pub struct ProvedRoots(Recent<Digest, Publisher>);

/// A publisher with more keys than that, those that are current no more among them, is not remembered.
const MAX_REMEMBERED_KEYS: usize = 32;

impl ProvedRoots {
    /// Remembers at least the `most` publishers that said something last.
    pub fn new(most: usize) -> Self {
        Self(Recent::new(most))
    }

    /// As [`Publisher::from_roots`] of nobody in particular.
    pub fn follow(&mut self, roots: &[Envelope]) -> Result<Publisher, RootError> {
        if roots.len() > MAX_ROOTS {
            return Err(RootError::Count(roots.len()));
        }
        let name = name_of(roots);
        if let Some(publisher) = self.0.touch(&name) {
            return Ok(publisher.clone());
        }
        let publisher = Publisher::from_roots(None, roots)?;
        if publisher.keys.all().len() + publisher.revoked.len() <= MAX_REMEMBERED_KEYS {
            self.0.insert(name, publisher.clone());
        }
        Ok(publisher)
    }
}

/// The digest of every byte of these.
fn name_of(roots: &[Envelope]) -> Digest {
    let mut parts: Vec<&[u8]> = Vec::new();
    for root in roots {
        parts.extend([b"root", root.payload_type.as_bytes(), root.payload.as_bytes()]);
        for entry in &root.signatures {
            parts.extend([b"signature", entry.keyid.as_bytes(), entry.sig.as_bytes()]);
        }
    }
    Digest::of_parts(&parts)
}

impl Root {
    fn parse(payload: &[u8], version: u64) -> Result<Self, RootError> {
        let invalid = |problem: String| RootError::Invalid { version, problem };
        let root: Self = serde_json::from_slice(payload).map_err(|e| invalid(e.to_string()))?;
        let distinct: BTreeSet<_> = root.keys.iter().collect();
        if root.schema != 1 {
            return Err(invalid(format!("its schema is {}, this program knows 1", root.schema)));
        }
        if root.version != version {
            return Err(invalid(format!("its version is {}", root.version)));
        }
        if root.keys.is_empty() || root.keys.len() > MAX_KEYS || distinct.len() != root.keys.len() {
            return Err(invalid("it must have 1 to 16 different keys".into()));
        }
        if root.threshold == 0 || root.threshold > root.keys.len() {
            return Err(invalid(format!("its threshold of {} cannot be met or asks for nothing", root.threshold)));
        }
        Ok(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SecretKey {
        SecretKey::from_seed(&[n; 32])
    }

    fn root(version: u64, keys: &[&SecretKey], signers: &[&SecretKey]) -> Envelope {
        let keys = keys.iter().map(|k| k.public()).collect();
        let root = Root { schema: 1, version, keys, threshold: 1, created: 5 };
        Envelope::sign(ROOT_TYPE, &serde_json::to_vec(&root).unwrap(), signers)
    }

    #[test]
    fn an_id_survives_rotation_and_the_old_key_does_not() {
        let (a, b) = (key(1), key(2));
        let (id, first) = Publisher::create(&a, 5);
        let second = root(2, &[&b], &[&a, &b]);
        let publisher = Publisher::from_roots(Some(id), &[first, second]).unwrap();
        assert_eq!((publisher.id, publisher.root_version), (id, 2));
        assert_eq!(publisher.revoked, BTreeSet::from([a.public()]));
        assert_eq!(*publisher.keys.all(), BTreeSet::from([b.public()]));
    }

    #[test]
    fn a_chain_that_does_not_prove_itself_is_refused() {
        let (a, b) = (key(1), key(2));
        let (id, first) = Publisher::create(&a, 5);
        let by_stranger = root(2, &[&b], &[&b]);
        assert!(matches!(
            Publisher::from_roots(Some(id), &[first.clone(), by_stranger]),
            Err(RootError::Signature { version: 2, .. })
        ));
        let not_by_itself = root(2, &[&b], &[&a]);
        assert!(matches!(
            Publisher::from_roots(Some(id), &[first.clone(), not_by_itself]),
            Err(RootError::Signature { version: 2, .. })
        ));
        let skips = root(3, &[&b], &[&a, &b]);
        assert!(matches!(Publisher::from_roots(Some(id), &[first.clone(), skips]), Err(RootError::Invalid { .. })));
        let back = [first, root(2, &[&b], &[&a, &b]), root(3, &[&a], &[&b, &a])];
        assert!(matches!(Publisher::from_roots(Some(id), &back), Err(RootError::Invalid { version: 3, .. })));
        let (other, _) = Publisher::create(&b, 5);
        assert!(matches!(Publisher::from_roots(Some(other), &back), Err(RootError::OtherPublisher { .. })));
        assert_eq!(Publisher::from_roots(None, &[]), Err(RootError::Count(0)));
    }

    #[test]
    fn what_was_proved_is_believed_again_and_nothing_else_is() {
        let (a, b) = (key(1), key(2));
        let (_, first) = Publisher::create(&a, 5);
        let mut proved = ProvedRoots::new(10);
        let one = proved.follow(std::slice::from_ref(&first)).unwrap();
        assert_eq!(proved.follow(std::slice::from_ref(&first)), Ok(one.clone()));
        // A signature that is not one, by the same name, over the same payload.
        let mut forged = first.clone();
        forged.signatures[0].sig = Envelope::sign(ROOT_TYPE, b"other", &[&a]).signatures[0].sig.clone();
        assert!(matches!(proved.follow(&[forged.clone()]), Err(RootError::Signature { .. })));
        assert!(proved.follow(&[forged]).is_err(), "and again");
        // A root that replaces a known one is followed, and one that says so without its signatures is not.
        let replaced = [first.clone(), root(2, &[&b], &[&a, &b])];
        assert!(proved.follow(&[first.clone(), root(2, &[&b], &[&b])]).is_err());
        let two = proved.follow(&replaced).unwrap();
        assert_eq!((two.id, two.root_version, two.revoked.len()), (one.id, 2, 1));
        assert_eq!(proved.follow(&replaced), Ok(two));
        assert_eq!(proved.follow(&[first]), Ok(one), "each chain proves what it proves");
        // The parts of one chain are not another chain.
        assert!(proved.follow(&replaced[1..]).is_err() && proved.follow(&[]).is_err());
    }

    #[test]
    fn a_publisher_of_very_many_keys_is_not_remembered() {
        let many: Vec<SecretKey> = (1..=16).map(key).collect();
        let mut chain = vec![root(1, &many.iter().collect::<Vec<_>>(), &[&many[0]])];
        for version in 2..4u8 {
            let next: Vec<SecretKey> = (1..=16).map(|n| key(version * 16 + n)).collect();
            let before = (version - 2) * 16 + if version == 2 { 1 } else { 17 };
            chain.push(root(u64::from(version), &next.iter().collect::<Vec<_>>(), &[&key(before), &next[0]]));
        }
        let mut proved = ProvedRoots::new(10);
        assert!(proved.follow(&chain[..1]).is_ok());
        assert_eq!(proved.0.len(), 1);
        assert_eq!(proved.follow(&chain).unwrap().revoked.len(), 32);
        assert_eq!(proved.0.len(), 1);
    }
}
