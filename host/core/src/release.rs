//! Releases: what a publisher signs about one version of a package.
//!
//! Decides whether a signed release is valid and whose it is. Invariant: a [`SignedRelease`] was checked against its
//! publisher's keys, and keeps the envelope as it came.

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::chunks::chunk_count;
use crate::digest::Digest;
use crate::dsse::{DsseError, Envelope, SecretKey};
use crate::head::Head;
pub use crate::head::MAX_VERSION;
use crate::name::{PackageId, PackageName, PublisherId};
use crate::root::Publisher;

/// Media type of a release's payload.
pub const RELEASE_TYPE: &str = "application/vnd.ggen.release.v1+json";
/// The longest envelope of a release, in bytes.
pub const MAX_RELEASE: usize = 256 * 1024;
/// The most dependencies of a release.
pub const MAX_DEPENDENCIES: usize = 512;
/// The most claims of a release.
pub const MAX_CLAIMS: usize = 256;
/// The longest value of a claim, in bytes.
pub const MAX_CLAIM: usize = 4096;

/// A dependency, as it is signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Dependency {
    /// Whose package is meant by `name`; none where the publisher did not know.
    pub publisher: Option<PublisherId>,
    /// The package's name.
    pub name: PackageName,
    /// A range in the syntax of Cargo.
    pub requirement: VersionReq,
    /// Never installed unasked; the requirement holds if the package is there anyway.
    #[serde(default)]
    pub optional: bool,
}

/// The archive that a release stands for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Archive {
    /// SHA-256 of its bytes: its name in every store.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// The digest of its chunk list ([`crate::chunks`]).
    pub chunks: Digest,
    /// The digest of its file list ([`crate::files`]).
    pub files: Digest,
    /// How many files it has.
    pub file_count: u32,
    /// The bytes of all its files.
    pub unpacked_size: u64,
}

/// The payload of a release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Release {
    /// 1.
    pub schema: u32,
    /// The package's name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Whose it is.
    pub publisher: PublisherId,
    /// When, by the publisher's word, in milliseconds since the Unix epoch.
    pub published: u64,
    /// A valid SPDX expression.
    pub license: Option<String>,
    /// What else the manifest says, sorted: `description`, `keyword` (repeats), `category`, `author` (repeats),
    /// `repository`, `homepage`, and `license` where that is no SPDX expression.
    pub claims: Vec<(String, String)>,
    /// What it needs.
    pub dependencies: Vec<Dependency>,
    /// Its files.
    pub archive: Archive,
}

/// Why a release is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The envelope or its signatures.
    #[error("the release is not signed as it must be")]
    Signature(#[source] DsseError),
    /// A field that makes no sense.
    #[error("the release is not valid: {0}")]
    Invalid(String),
    /// Signed by one publisher in another's name.
    #[error("the release says it is of publisher {found}, but {expected} signed it")]
    OtherPublisher {
        /// Who signed it.
        expected: PublisherId,
        /// Whose it says it is.
        found: PublisherId,
    },
}

/// A release whose signature was checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedRelease {
    /// What was signed.
    pub release: Release,
    /// SHA-256 of the signed payload: how a head names it.
    pub digest: Digest,
    /// As it came.
    pub envelope: Envelope,
}

impl Release {
    /// The package.
    pub fn id(&self) -> PackageId {
        PackageId { publisher: self.publisher, name: self.name.clone() }
    }

    /// The first claim of `key`.
    pub fn claim(&self, key: &str) -> Option<&str> {
        self.claims.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// What the publisher says it is; empty where nothing was said.
    pub fn description(&self) -> &str {
        self.claim("description").unwrap_or_default()
    }

    /// Signs it.
    pub fn sign(&self, key: &SecretKey) -> Result<SignedRelease, ReleaseError> {
        self.check()?;
        let payload = serde_json::to_vec(self).map_err(|e| ReleaseError::Invalid(e.to_string()))?;
        let envelope = Envelope::sign(RELEASE_TYPE, &payload, &[key]);
        envelope.check_size(MAX_RELEASE).map_err(ReleaseError::Signature)?;
        Ok(SignedRelease { release: self.clone(), digest: Digest::of(&payload), envelope })
    }

    fn check(&self) -> Result<(), ReleaseError> {
        let invalid = |problem: &str| Err(ReleaseError::Invalid(problem.to_owned()));
        if self.schema != 1 {
            return Err(ReleaseError::Invalid(format!("its schema is {}, this program knows 1", self.schema)));
        }
        if self.dependencies.len() > MAX_DEPENDENCIES || self.claims.len() > MAX_CLAIMS {
            return invalid("it has more than 512 dependencies or 256 claims");
        }
        if self.claims.iter().any(|(k, v)| k.len() > 64 || v.len() > MAX_CLAIM) {
            return invalid("a claim is longer than 4096 bytes");
        }
        if self.version.to_string().len() > MAX_VERSION {
            return invalid("its version is longer than 128 bytes");
        }
        if self.dependencies.iter().any(|d| d.requirement.to_string().len() > MAX_VERSION) {
            return invalid("a requirement is longer than 128 bytes");
        }
        let mut names: Vec<_> = self.dependencies.iter().map(|d| d.name.collision_key()).collect();
        names.sort();
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return invalid("it names one dependency twice");
        }
        if self.dependencies.iter().any(|d| d.name.collision_key() == self.name.collision_key()) {
            return invalid("it depends on itself");
        }
        if self.archive.size == 0 || chunk_count(self.archive.size) > u64::from(u32::MAX) {
            return invalid("the size of its archive is not possible");
        }
        if self.license.as_ref().is_some_and(|l| spdx::Expression::parse(l).is_err()) {
            return invalid("its licence is no SPDX expression");
        }
        Ok(())
    }
}

impl SignedRelease {
    /// Checks an envelope against the current keys of its publisher.
    pub fn verify(envelope: Envelope, publisher: &Publisher) -> Result<Self, ReleaseError> {
        let payload =
            envelope.verify(RELEASE_TYPE, &publisher.keys, publisher.threshold).map_err(ReleaseError::Signature)?;
        Self::parse(envelope, &payload, publisher)
    }

    /// Checks an envelope that a valid head lists: there a key that has been rotated since still counts, because the
    /// current keys signed the release's digest.
    pub fn verify_listed(envelope: Envelope, publisher: &Publisher, head: &Head) -> Result<Self, ReleaseError> {
        let keys = publisher.keys.with(&publisher.revoked);
        let payload = envelope.verify(RELEASE_TYPE, &keys, 1).map_err(ReleaseError::Signature)?;
        let signed = Self::parse(envelope, &payload, publisher)?;
        let listed = head.version(&signed.release.version).is_some_and(|v| v.release == signed.digest);
        if !listed || head.name != signed.release.name || head.publisher != signed.release.publisher {
            return Err(ReleaseError::Invalid("the publisher's head does not list it".to_owned()));
        }
        Ok(signed)
    }

    fn parse(envelope: Envelope, payload: &[u8], publisher: &Publisher) -> Result<Self, ReleaseError> {
        envelope.check_size(MAX_RELEASE).map_err(ReleaseError::Signature)?;
        let release: Release = serde_json::from_slice(payload).map_err(|e| ReleaseError::Invalid(e.to_string()))?;
        release.check()?;
        if release.publisher != publisher.id {
            return Err(ReleaseError::OtherPublisher { expected: publisher.id, found: release.publisher });
        }
        Ok(Self { release, digest: Digest::of(payload), envelope })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn release(name: &str, version: &str, publisher: PublisherId) -> Release {
        Release {
            schema: 1,
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            publisher,
            published: 7,
            license: Some("MIT".into()),
            claims: vec![("description".into(), "a thing".into())],
            dependencies: vec![],
            archive: Archive {
                digest: Digest::of(b"a"),
                size: 1,
                chunks: Digest::of(b"c"),
                files: Digest::of(b"f"),
                file_count: 1,
                unpacked_size: 1,
            },
        }
    }

    #[test]
    fn signed_and_read_again() {
        let key = SecretKey::from_seed(&[1; 32]);
        let (id, root) = Publisher::create(&key, 1);
        let publisher = Publisher::from_roots(Some(id), &[root]).unwrap();
        let signed = release("a", "1.0.0", id).sign(&key).unwrap();
        assert_eq!(SignedRelease::verify(signed.envelope.clone(), &publisher).unwrap(), signed);
        let other = SecretKey::from_seed(&[2; 32]);
        let forged = release("a", "1.0.0", id).sign(&other).unwrap();
        assert!(matches!(SignedRelease::verify(forged.envelope, &publisher), Err(ReleaseError::Signature(_))));
        let in_anothers_name = release("a", "1.0.0", PublisherId(Digest::of(b"x"))).sign(&key).unwrap();
        assert!(matches!(
            SignedRelease::verify(in_anothers_name.envelope, &publisher),
            Err(ReleaseError::OtherPublisher { .. })
        ));
    }

    #[test]
    fn nonsense_is_not_signed() {
        let key = SecretKey::from_seed(&[1; 32]);
        let (id, _) = Publisher::create(&key, 1);
        let dependency = |name: &str| Dependency {
            publisher: None,
            name: name.parse().unwrap(),
            requirement: VersionReq::STAR,
            optional: false,
        };
        let mut on_itself = release("a-b", "1.0.0", id);
        on_itself.dependencies = vec![dependency("a_b")];
        assert!(on_itself.sign(&key).is_err());
        let mut twice = release("a", "1.0.0", id);
        twice.dependencies = vec![dependency("b"), dependency("b")];
        assert!(twice.sign(&key).is_err());
    }
}
