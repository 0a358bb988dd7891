//! Announcements: a package's new head as nodes tell it to each other, at once over gossip and later from their logs.
//!
//! Decides which bytes are an announcement and whether it proves itself; never whether its head is newer than another.
//! Invariant: an [`Announced`] has a valid head, and its release is one that the head lists.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::dsse::{DsseError, Envelope};
use crate::head::{Head, HeadBundle, HeadError, HeadMark, MAX_HEAD_BUNDLE, SignedHead};
use crate::name::PackageId;
use crate::release::{ReleaseError, SignedRelease};
use crate::root::{ProvedRoots, Publisher};

/// The longest announcement, in bytes.
pub const MAX_ANNOUNCEMENT: usize = MAX_HEAD_BUNDLE;

/// What travels: a head bundle, and the release that speaks for the package, so that it can be searched for by more than
/// its name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// The publisher's root documents, first to latest.
    pub roots: Vec<Envelope>,
    /// The head.
    pub head: Envelope,
    /// A release that the head lists; none where there would be no room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Envelope>,
}

/// An announcement whose signatures were checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    /// The head.
    pub head: SignedHead,
    /// A release that it lists.
    pub release: Option<SignedRelease>,
}

/// Why an announcement is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementError {
    /// Its head.
    #[error("the head of the announcement is not believed")]
    Head(#[from] HeadError),
    /// Its release.
    #[error("the release of the announcement is not believed")]
    Release(#[from] ReleaseError),
}

impl Announcement {
    /// Of a head and a release of it, which is left out where both are too long together.
    pub fn new(bundle: HeadBundle, release: Option<Envelope>) -> Self {
        let whole = Self { roots: bundle.roots, head: bundle.head, release };
        if whole.release.is_some() && whole.to_json().len() > MAX_ANNOUNCEMENT {
            return Self { release: None, ..whole };
        }
        whole
    }

    /// Reads at most [`MAX_ANNOUNCEMENT`] bytes.
    pub fn from_json(bytes: &[u8]) -> Result<Self, AnnouncementError> {
        if bytes.len() > MAX_ANNOUNCEMENT {
            let source = DsseError::TooLarge { size: bytes.len(), limit: MAX_ANNOUNCEMENT };
            return Err(HeadError::Signature(source).into());
        }
        serde_json::from_slice(bytes).map_err(|e| HeadError::Invalid(e.to_string()).into())
    }

    /// One line of JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Its head, without the release.
    pub fn bundle(self) -> HeadBundle {
        HeadBundle { roots: self.roots, head: self.head }
    }

    /// Which head it says it brings; nothing of it is checked. For whoever has that one already.
    pub fn claimed(&self) -> Option<(PackageId, HeadMark)> {
        let payload = self.head.payload_bytes().ok()?;
        let head: Head = serde_json::from_slice(&payload).ok()?;
        Some((head.id(), HeadMark { sequence: head.sequence, digest: Digest::of(&payload) }))
    }

    /// Checks everything that is signed in it.
    pub fn verify(self) -> Result<Announced, AnnouncementError> {
        let publisher = Publisher::from_roots(None, &self.roots).map_err(HeadError::Root)?;
        self.verify_of(publisher)
    }

    /// Checks everything that is signed in it but roots that were checked before.
    pub fn verify_knowing(self, proved: &mut ProvedRoots) -> Result<Announced, AnnouncementError> {
        let publisher = proved.follow(&self.roots).map_err(HeadError::Root)?;
        self.verify_of(publisher)
    }

    fn verify_of(self, publisher: Publisher) -> Result<Announced, AnnouncementError> {
        let head = SignedHead::verify_of(publisher, HeadBundle { roots: self.roots, head: self.head }, None)?;
        let release = self.release.map(|r| SignedRelease::verify_listed(r, &head.publisher, &head.head)).transpose()?;
        Ok(Announced { head, release })
    }
}

impl Announced {
    /// As it travels.
    pub fn announcement(&self) -> Announcement {
        Announcement::new(self.head.bundle.clone(), self.release.as_ref().map(|r| r.envelope.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsse::SecretKey;
    use crate::head::{Head, HeadVersion};
    use crate::release::Release;

    fn signed(key: &SecretKey, name: &str, text: &str) -> (HeadBundle, Envelope) {
        let (id, root) = Publisher::create(key, 1);
        let mut release: Release = crate::release::tests::release(name, "1.0.0", id);
        release.claims = vec![("description".into(), text.into())];
        let release = release.sign(key).unwrap();
        let version = HeadVersion { version: release.release.version.clone(), release: release.digest, yanked: None };
        let head = Head::with_release(None, &release.release.id(), version, 1, 1).sign(key, vec![root]).unwrap();
        (head.bundle, release.envelope)
    }

    #[test]
    fn a_head_travels_with_or_without_a_release() {
        let key = SecretKey::from_seed(&[1; 32]);
        let (bundle, release) = signed(&key, "a", "a thing");
        let whole = Announcement::new(bundle.clone(), Some(release));
        let read = Announcement::from_json(&whole.to_json()).unwrap();
        assert_eq!(read, whole);
        let claimed = read.claimed().unwrap();
        let announced = read.verify().unwrap();
        assert_eq!(claimed, (announced.head.head.id(), announced.head.mark()));
        assert_eq!(announced.release.as_ref().unwrap().release.description(), "a thing");
        assert_eq!(announced.announcement(), whole);
        let bare = Announcement::from_json(&bundle.to_json()).unwrap();
        assert_eq!(bare.verify().unwrap().release, None);
    }

    #[test]
    fn a_release_that_the_head_does_not_list_is_refused() {
        let key = SecretKey::from_seed(&[1; 32]);
        let (bundle, _) = signed(&key, "a", "a thing");
        let (_, other) = signed(&key, "a", "another thing");
        let mixed = Announcement::new(bundle.clone(), Some(other));
        assert!(matches!(mixed.verify(), Err(AnnouncementError::Release(_))));
        let (_, stranger) = signed(&SecretKey::from_seed(&[2; 32]), "a", "a thing");
        assert!(Announcement::new(bundle, Some(stranger)).verify().is_err());
    }

    #[test]
    fn what_is_too_long_is_refused_or_goes_without_its_release() {
        let key = SecretKey::from_seed(&[1; 32]);
        let (bundle, release) = signed(&key, "a", "a thing");
        let long = Envelope { payload: "A".repeat(MAX_ANNOUNCEMENT), ..release };
        assert_eq!(Announcement::new(bundle, Some(long)).release, None);
        assert!(Announcement::from_json(&vec![b' '; MAX_ANNOUNCEMENT + 1]).is_err());
        assert!(Announcement::from_json(b"{}").is_err());
    }

    #[test]
    fn known_roots_spare_only_themselves() {
        let (key, mut proved) = (SecretKey::from_seed(&[1; 32]), ProvedRoots::new(10));
        let (bundle, release) = signed(&key, "a", "a thing");
        let whole = Announcement::new(bundle.clone(), Some(release.clone()));
        let announced = whole.clone().verify_knowing(&mut proved).unwrap();
        assert_eq!(whole.clone().verify_knowing(&mut proved), Ok(announced.clone()));
        assert_eq!(whole.clone().verify(), Ok(announced));
        // The same roots under a head, and beside a release, of somebody else.
        let (other, others) = signed(&SecretKey::from_seed(&[2; 32]), "a", "a thing");
        let head = Announcement { head: other.head.clone(), ..whole.clone() };
        let told = Announcement { release: Some(others), ..whole.clone() };
        let roots = Announcement { roots: other.roots, ..whole };
        for wrong in [head, told, roots] {
            assert_eq!(wrong.clone().verify_knowing(&mut proved), wrong.clone().verify());
            assert!(wrong.verify_knowing(&mut proved).is_err());
        }
    }
}
