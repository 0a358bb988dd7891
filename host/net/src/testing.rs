//! What tests of this crate share: a publisher, an archive, content in memory. Decides nothing.

use ggen_core::digest::Digest;
use ggen_core::dsse::{Envelope, SecretKey};
use ggen_core::head::{Head, HeadVersion, SignedHead};
use ggen_core::root;

/// A publisher with one key.
pub(crate) struct Publisher {
    key: SecretKey,
    id: ggen_core::PublisherId,
    root: Envelope,
}

impl Publisher {
    pub fn new(seed: u8) -> Self {
        let key = SecretKey::from_seed(&[seed; 32]);
        let (id, root) = root::Publisher::create(&key, 1);
        Self { key, id, root }
    }

    /// A head of one version.
    pub fn head(&self, name: &str, sequence: u64, expires: u64) -> SignedHead {
        let version = HeadVersion { version: "1.0.0".parse().unwrap(), release: Digest::of(b"r"), yanked: None };
        let name = name.parse().unwrap();
        let publisher = self.id;
        let head = Head { schema: 1, publisher, name, sequence, issued: 1, expires, versions: vec![version] };
        head.sign(&self.key, vec![self.root.clone()]).unwrap()
    }
}
