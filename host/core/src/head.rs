//! Heads: what a publisher says is there of a package, now.
//!
//! One head per (publisher, name), with a sequence that only rises. Decides which of two heads is believed; never
//! fetches one. Invariant: no step of [`HeadMark::compare`] ever lowers a sequence.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::dsse::{DsseError, Envelope, SecretKey};
use crate::name::{PackageId, PackageName, PublisherId};
use crate::root::{Publisher, RootError};

/// Media type of a head's payload.
pub const HEAD_TYPE: &str = "application/vnd.ggen.head.v1+json";
/// The longest envelope of a head, in bytes.
pub const MAX_HEAD: usize = 128 * 1024;
/// The longest head with its roots, as it is stored in the DHT, in bytes.
pub const MAX_HEAD_BUNDLE: usize = 192 * 1024;
/// The longest version or requirement, in bytes.
pub const MAX_VERSION: usize = 128;
/// The most versions that a head lists.
pub const MAX_VERSIONS: usize = 512;

/// One version that a head lists.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeadVersion {
    /// The version.
    pub version: Version,
    /// SHA-256 of the payload of its release.
    pub release: Digest,
    /// Why it should not be used, where it was yanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
}

/// The payload of a head.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// 1.
    pub schema: u32,
    /// Whose.
    pub publisher: PublisherId,
    /// Which package.
    pub name: PackageName,
    /// Rises with each change, from 1.
    pub sequence: u64,
    /// Milliseconds since the Unix epoch.
    pub issued: u64,
    /// Milliseconds since the Unix epoch: after it nobody keeps the head in the DHT, and an install from it warns.
    pub expires: u64,
    /// Highest first.
    pub versions: Vec<HeadVersion>,
}

/// Why a head is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The publisher's roots.
    #[error("the publisher of the head does not prove itself")]
    Root(#[from] RootError),
    /// The envelope or its signatures.
    #[error("the head is not signed as it must be")]
    Signature(#[source] DsseError),
    /// A field that makes no sense.
    #[error("the head is not valid: {0}")]
    Invalid(String),
    /// For another package than it was asked or stored for.
    #[error("the head is for {found}, not for {expected}")]
    OtherPackage {
        /// What was meant.
        expected: PackageId,
        /// What it is for.
        found: PackageId,
    },
}

/// A head whose signature was checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedHead {
    /// What was signed.
    pub head: Head,
    /// SHA-256 of the signed payload.
    pub digest: Digest,
    /// Who signed it.
    pub publisher: Publisher,
    /// With the roots that prove the publisher, as they came.
    pub bundle: HeadBundle,
}

/// A head with all that proves it: what travels, and what the DHT stores.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeadBundle {
    /// The publisher's root documents, first to latest.
    pub roots: Vec<Envelope>,
    /// The head.
    pub head: Envelope,
}

/// The highest head seen of a package: what must outlive everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeadMark {
    /// Its sequence.
    pub sequence: u64,
    /// The digest of its payload.
    pub digest: Digest,
}

/// What a head is to one who has seen another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Succession {
    /// The first, or of a higher sequence: believed.
    Newer,
    /// The very same.
    Same,
    /// Of a lower sequence: refused, somebody rolls back or is late.
    Older,
    /// The same sequence with other bytes: the first stands, the proof is kept.
    Equivocation,
}

impl Head {
    /// The package.
    pub fn id(&self) -> PackageId {
        PackageId { publisher: self.publisher, name: self.name.clone() }
    }

    /// What is listed of `version`.
    pub fn version(&self, version: &Version) -> Option<&HeadVersion> {
        self.versions.iter().find(|v| v.version == *version)
    }

    /// The head that follows `before` when `release` is added: sequence, dates and order are set here.
    pub fn with_release(before: Option<&Self>, id: &PackageId, version: HeadVersion, now: u64, lifetime: u64) -> Self {
        let mut versions: Vec<_> = before.map(|h| h.versions.clone()).unwrap_or_default();
        versions.retain(|v| v.version != version.version);
        versions.push(version);
        versions.sort_by(|a, b| b.version.cmp(&a.version));
        Self {
            schema: 1,
            publisher: id.publisher,
            name: id.name.clone(),
            sequence: before.map_or(1, |h| h.sequence.saturating_add(1)),
            issued: now,
            expires: now.saturating_add(lifetime),
            versions,
        }
    }

    /// Signs it; `roots` prove the publisher.
    pub fn sign(&self, key: &SecretKey, roots: Vec<Envelope>) -> Result<SignedHead, HeadError> {
        let payload = serde_json::to_vec(self).map_err(|e| HeadError::Invalid(e.to_string()))?;
        let head = Envelope::sign(HEAD_TYPE, &payload, &[key]);
        SignedHead::verify(HeadBundle { roots, head }, Some(&self.id()))
    }

    fn check(&self) -> Result<(), HeadError> {
        let invalid = |problem: String| Err(HeadError::Invalid(problem));
        if self.schema != 1 {
            return invalid(format!("its schema is {}, this program knows 1", self.schema));
        }
        if self.sequence == 0 {
            return invalid("its sequence is 0".to_owned());
        }
        if self.versions.is_empty() || self.versions.len() > MAX_VERSIONS {
            return invalid(format!("it lists {} versions, 1 to {MAX_VERSIONS} are allowed", self.versions.len()));
        }
        if !self.versions.windows(2).all(|pair| matches!(pair, [a, b] if a.version > b.version)) {
            return invalid("its versions are not in falling order, each once".to_owned());
        }
        if self.versions.iter().any(|v| v.version.to_string().len() > MAX_VERSION) {
            return invalid("a version is longer than 128 bytes".to_owned());
        }
        if self.versions.iter().any(|v| v.yanked.as_ref().is_some_and(|y| y.len() > 1024)) {
            return invalid("a reason for a yank is longer than 1024 bytes".to_owned());
        }
        Ok(())
    }
}

impl HeadBundle {
    /// Reads a bundle of at most [`MAX_HEAD_BUNDLE`] bytes.
    pub fn from_json(bytes: &[u8]) -> Result<Self, HeadError> {
        if bytes.len() > MAX_HEAD_BUNDLE {
            let source = DsseError::TooLarge { size: bytes.len(), limit: MAX_HEAD_BUNDLE };
            return Err(HeadError::Signature(source));
        }
        serde_json::from_slice(bytes).map_err(|e| HeadError::Invalid(e.to_string()))
    }

    /// One line of JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What is believed can be passed on.
    fn check_size(&self) -> Result<(), HeadError> {
        if self.roots.iter().chain([&self.head]).map(Envelope::longest).sum::<usize>() <= MAX_HEAD_BUNDLE {
            return Ok(());
        }
        match self.to_json().len() {
            size if size > MAX_HEAD_BUNDLE => {
                Err(HeadError::Signature(DsseError::TooLarge { size, limit: MAX_HEAD_BUNDLE }))
            }
            _ => Ok(()),
        }
    }
}

impl SignedHead {
    /// Checks a bundle from its roots on; with `expected`, also that it is that package's.
    pub fn verify(bundle: HeadBundle, expected: Option<&PackageId>) -> Result<Self, HeadError> {
        let publisher = Publisher::from_roots(expected.map(|e| e.publisher), &bundle.roots)?;
        Self::verify_of(publisher, bundle, expected)
    }

    /// Checks a bundle whose roots prove `publisher`.
    pub(crate) fn verify_of(
        publisher: Publisher,
        bundle: HeadBundle,
        expected: Option<&PackageId>,
    ) -> Result<Self, HeadError> {
        let payload =
            bundle.head.verify(HEAD_TYPE, &publisher.keys, publisher.threshold).map_err(HeadError::Signature)?;
        if payload.len() > MAX_HEAD {
            return Err(HeadError::Signature(DsseError::TooLarge { size: payload.len(), limit: MAX_HEAD }));
        }
        bundle.check_size()?;
        let head: Head = serde_json::from_slice(&payload).map_err(|e| HeadError::Invalid(e.to_string()))?;
        head.check()?;
        let expected = expected.cloned().unwrap_or(PackageId { publisher: publisher.id, name: head.name.clone() });
        if head.id() != expected {
            return Err(HeadError::OtherPackage { expected, found: head.id() });
        }
        Ok(Self { digest: Digest::of(&payload), head, publisher, bundle })
    }

    /// What has to be remembered of it.
    pub fn mark(&self) -> HeadMark {
        HeadMark { sequence: self.head.sequence, digest: self.digest }
    }
}

impl HeadMark {
    /// What `new` is to one who has seen `seen`.
    pub fn compare(seen: Option<Self>, new: Self) -> Succession {
        match seen {
            None => Succession::Newer,
            Some(seen) if new.sequence > seen.sequence => Succession::Newer,
            Some(seen) if new.sequence < seen.sequence => Succession::Older,
            Some(seen) if new.digest == seen.digest => Succession::Same,
            Some(_) => Succession::Equivocation,
        }
    }
}

/// The DHT key under which the head of a package is stored.
pub fn head_key(id: &PackageId) -> Digest {
    Digest::of_parts(&[b"ggen/head/1", id.publisher.0.as_bytes(), id.name.as_str().as_bytes()])
}

/// The DHT key whose providers serve the heads that they know for a bare name.
pub fn name_key(name: &PackageName) -> Digest {
    Digest::of_parts(&[b"ggen/name/1", name.collision_key().as_bytes()])
}

/// The DHT key whose providers hold an archive.
pub fn archive_key(archive: &Digest) -> Digest {
    Digest::of_parts(&[b"ggen/archive/1", archive.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> (SecretKey, PackageId, Vec<Envelope>) {
        let key = SecretKey::from_seed(&[1; 32]);
        let (publisher, root) = Publisher::create(&key, 1);
        (key, PackageId { publisher, name: "a".parse().unwrap() }, vec![root])
    }

    fn version(text: &str) -> HeadVersion {
        HeadVersion { version: text.parse().unwrap(), release: Digest::of(text.as_bytes()), yanked: None }
    }

    #[test]
    fn a_head_grows_and_proves_itself() {
        let (key, id, roots) = setup();
        let first = Head::with_release(None, &id, version("1.0.0"), 10, 5);
        let second = Head::with_release(Some(&first), &id, version("1.1.0"), 11, 5);
        assert_eq!((second.sequence, second.expires), (2, 16));
        assert_eq!(second.versions[0].version.to_string(), "1.1.0");
        let signed = second.sign(&key, roots).unwrap();
        let read = HeadBundle::from_json(&signed.bundle.to_json()).unwrap();
        assert_eq!(SignedHead::verify(read, Some(&id)).unwrap(), signed);
    }

    #[test]
    fn a_head_for_another_package_or_by_another_key_is_refused() {
        let (key, id, roots) = setup();
        let head = Head::with_release(None, &id, version("1.0.0"), 10, 5);
        let signed = head.sign(&key, roots.clone()).unwrap();
        let elsewhere = PackageId { name: "b".parse().unwrap(), ..id.clone() };
        assert!(matches!(SignedHead::verify(signed.bundle, Some(&elsewhere)), Err(HeadError::OtherPackage { .. })));
        assert!(matches!(head.sign(&SecretKey::from_seed(&[2; 32]), roots), Err(HeadError::Signature(_))));
    }

    #[test]
    fn what_is_believed_can_be_passed_on() {
        let (key, id, roots) = setup();
        let mut bundle = Head::with_release(None, &id, version("1.0.0"), 10, 5).sign(&key, roots).unwrap().bundle;
        let root = Envelope { payload: "A".repeat(MAX_HEAD_BUNDLE), ..bundle.roots[0].clone() };
        bundle.roots.push(root);
        assert!(SignedHead::verify(bundle.clone(), Some(&id)).is_err(), "a root is bounded");
        bundle.roots.pop();
        bundle
            .head
            .signatures
            .push(crate::dsse::SignatureEntry { keyid: "A".repeat(MAX_HEAD_BUNDLE), sig: String::new() });
        assert!(SignedHead::verify(bundle.clone(), Some(&id)).is_err(), "so is what is added to a head");
        bundle.head.signatures.pop();
        assert!(SignedHead::verify(bundle, Some(&id)).is_ok());
    }

    #[test]
    fn the_highest_sequence_wins_and_the_first_of_two_stands() {
        let mark = |sequence, of: &[u8]| HeadMark { sequence, digest: Digest::of(of) };
        assert_eq!(HeadMark::compare(None, mark(1, b"a")), Succession::Newer);
        assert_eq!(HeadMark::compare(Some(mark(1, b"a")), mark(2, b"b")), Succession::Newer);
        assert_eq!(HeadMark::compare(Some(mark(2, b"a")), mark(1, b"b")), Succession::Older);
        assert_eq!(HeadMark::compare(Some(mark(2, b"a")), mark(2, b"a")), Succession::Same);
        assert_eq!(HeadMark::compare(Some(mark(2, b"a")), mark(2, b"b")), Succession::Equivocation);
    }
}
