//! Signed envelopes (DSSE, <https://github.com/secure-systems-lab/dsse>) with Ed25519.
//!
//! The payload is signed, sent and stored as the very bytes it is, so there is no canonical form to get wrong. Decides
//! which signatures of an envelope are valid; which keys are allowed to sign is the root document's business
//! ([`crate::root`]).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The most signatures of an envelope that are looked at.
pub const MAX_SIGNATURES: usize = 8;

/// A public key: 64 lowercase hexadecimal digits of its 32 bytes. It is its own key id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(pub Digest);

/// One signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignatureEntry {
    /// The public key.
    pub keyid: String,
    /// Standard base64 of 64 bytes.
    pub sig: String,
}

/// Keys that may sign. Those that have signed what proves them are kept decoded: that is a tenth of a check.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Keys {
    all: BTreeSet<PublicKey>,
    decoded: Vec<VerifyingKey>,
}

/// What travels and is stored: a payload and who signed it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// What the payload is, as a media type.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// Standard base64 of the payload.
    pub payload: String,
    /// At least one.
    pub signatures: Vec<SignatureEntry>,
}

/// Why an envelope is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DsseError {
    /// The envelope itself cannot be read.
    #[error("the signed envelope cannot be read: {0}")]
    Undecodable(String),
    /// Larger than its kind may be.
    #[error("the signed document has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Bytes found.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Another kind of document.
    #[error("the signed document is a {found:?}, not a {expected:?}")]
    PayloadType {
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// Too few of the allowed keys signed it.
    #[error("{valid} valid signatures of the publisher's keys, {threshold} are needed")]
    Signature {
        /// How many there are.
        valid: usize,
        /// How many are needed.
        threshold: usize,
    },
}

/// The bytes that are signed: DSSE's pre-authentication encoding.
pub fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Signs `payload` with each of `keys`.
    pub fn sign(payload_type: &str, payload: &[u8], keys: &[&SecretKey]) -> Self {
        let message = pre_authentication(payload_type, payload);
        let signatures = keys
            .iter()
            .map(|key| SignatureEntry {
                keyid: key.public().0.to_hex(),
                sig: BASE64.encode(key.0.sign(&message).to_bytes()),
            })
            .collect();
        Self { payload_type: payload_type.to_owned(), payload: BASE64.encode(payload), signatures }
    }

    /// Reads an envelope of at most `limit` bytes.
    pub fn from_json(bytes: &[u8], limit: usize) -> Result<Self, DsseError> {
        if bytes.len() > limit {
            return Err(DsseError::TooLarge { size: bytes.len(), limit });
        }
        serde_json::from_slice(bytes).map_err(|e| DsseError::Undecodable(e.to_string()))
    }

    /// One line of JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The payload's bytes, unverified.
    pub fn payload_bytes(&self) -> Result<Vec<u8>, DsseError> {
        BASE64.decode(&self.payload).map_err(|e| DsseError::Undecodable(e.to_string()))
    }

    /// Who it says has signed it, and what they wrote.
    fn signers(&self) -> impl Iterator<Item = (PublicKey, &str)> {
        let entries = self.signatures.iter().take(MAX_SIGNATURES);
        entries.filter_map(|entry| Some((PublicKey(entry.keyid.parse().ok()?), entry.sig.as_str())))
    }

    /// The payload, if it is of `payload_type` and at least `threshold` of `keys` signed it.
    pub fn verify(&self, payload_type: &'static str, keys: &Keys, threshold: usize) -> Result<Vec<u8>, DsseError> {
        if self.payload_type != payload_type {
            let found = self.payload_type.chars().take(100).collect();
            return Err(DsseError::PayloadType { expected: payload_type, found });
        }
        let payload = self.payload_bytes()?;
        let message = pre_authentication(payload_type, &payload);
        let mut valid = BTreeSet::new();
        for (key, signature) in self.signers() {
            if keys.decode(&key).is_some_and(|decoded| verifies(&decoded, &message, signature)) {
                valid.insert(key);
            }
        }
        if valid.len() < threshold.max(1) {
            return Err(DsseError::Signature { valid: valid.len(), threshold: threshold.max(1) });
        }
        Ok(payload)
    }
}

impl Keys {
    /// These; of them, those are decoded by which an envelope says it is signed.
    pub fn signing(all: BTreeSet<PublicKey>, envelope: &Envelope) -> Self {
        let mut keys = Self { all, decoded: Vec::new() };
        let signers: BTreeSet<_> = envelope.signers().map(|(key, _)| key).collect();
        keys.decoded = signers.iter().filter_map(|key| keys.decode(key)).collect();
        keys
    }

    /// These and others.
    pub fn with(&self, others: &BTreeSet<PublicKey>) -> Self {
        Self { all: self.all.union(others).copied().collect(), decoded: self.decoded.clone() }
    }

    /// All of them.
    pub fn all(&self) -> &BTreeSet<PublicKey> {
        &self.all
    }

    /// One that may sign, if it is a key at all.
    fn decode(&self, key: &PublicKey) -> Option<VerifyingKey> {
        let bytes = key.0.as_bytes();
        let kept = || self.decoded.iter().find(|decoded| decoded.as_bytes() == bytes).copied();
        self.all.contains(key).then(|| kept().or_else(|| VerifyingKey::from_bytes(bytes).ok())).flatten()
    }
}

impl FromIterator<PublicKey> for Keys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self { all: keys.into_iter().collect(), decoded: Vec::new() }
    }
}

/// The points of small order, each as its y; the sign of x, the highest bit, does not matter.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// Strict: refuses keys and points of small order, and signatures that are not in their one form.
///
/// As `VerifyingKey::verify_strict`, which decodes the signature's point to see its order: a tenth of its time. `verify`
/// compares that point's bytes with those that the library itself writes. What it takes has its point in its one form, and
/// that is of small order exactly if it is one of [`SMALL_ORDER`].
fn verifies(key: &VerifyingKey, message: &[u8], signature: &str) -> bool {
    let Ok(bytes) = BASE64.decode(signature) else { return false };
    let Ok(signature) = Signature::from_slice(&bytes) else { return false };
    let mut point = *signature.r_bytes();
    if let Some(last) = point.last_mut() {
        *last &= 0x7f;
    }
    !key.is_weak() && !SMALL_ORDER.contains(&point) && key.verify(message, &signature).is_ok()
}

/// A secret key. It is never shown: not by `Debug`, not by an error.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From 32 random bytes, which the caller draws.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The 32 bytes it was made from, to be stored.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(Digest::from_bytes(self.0.verifying_key().to_bytes()))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey(of {})", self.public().0.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "application/x";

    fn key(n: u8) -> SecretKey {
        SecretKey::from_seed(&[n; 32])
    }

    #[test]
    fn the_encoding_is_the_standards() {
        assert_eq!(
            pre_authentication("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn only_the_keys_that_are_named_count_and_each_once() {
        let (a, b) = (key(1), key(2));
        let keys = Keys::from_iter([a.public(), b.public()]);
        let both = Envelope::sign(KIND, b"x", &[&a, &b]);
        assert_eq!(both.verify(KIND, &keys, 2).unwrap(), b"x");
        let twice = Envelope::sign(KIND, b"x", &[&a, &a]);
        assert_eq!(twice.verify(KIND, &keys, 2), Err(DsseError::Signature { valid: 1, threshold: 2 }));
        let stranger = Envelope::sign(KIND, b"x", &[&key(3)]);
        assert!(stranger.verify(KIND, &keys, 1).is_err());
        assert!(both.verify("application/y", &keys, 1).is_err());
    }

    #[test]
    fn a_changed_payload_or_a_threshold_of_zero_lets_nothing_in() {
        let a = key(1);
        let keys = Keys::from_iter([a.public()]);
        let mut envelope = Envelope::sign(KIND, b"x", &[&a]);
        envelope.payload = BASE64.encode(b"y");
        assert!(envelope.verify(KIND, &keys, 0).is_err());
    }

    /// [`SMALL_ORDER`] with either sign.
    fn small_points() -> Vec<[u8; 32]> {
        let mut points = SMALL_ORDER.repeat(2);
        points.iter_mut().take(SMALL_ORDER.len()).for_each(|point| point[31] |= 0x80);
        points
    }

    /// A signature that is written by hand: a point, and the scalar that belongs to it.
    fn by_hand(point: &[u8; 32], scalar: &[u8; 32]) -> Signature {
        Signature::from_components(*point, *scalar)
    }

    /// What only the holder of a key can write, and strict verification refuses: a signature with the neutral point.
    fn without_a_point(signer: &SigningKey, message: &[u8]) -> Signature {
        use sha2::Digest as _;
        let (secret, neutral) = (signer.to_scalar(), SMALL_ORDER[1]);
        let hash = sha2::Sha512::new().chain_update(neutral).chain_update(signer.verifying_key().as_bytes());
        let hash = hash.chain_update(message).finalize();
        let one = secret * secret.invert();
        let zero = one - secret.invert() * secret;
        let bits = hash.iter().rev().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1));
        let challenge = bits.fold(zero, |sum, bit| sum + sum + if bit == 1 { one } else { zero });
        by_hand(&neutral, &(challenge * secret).to_bytes())
    }

    #[test]
    fn what_strict_verification_refuses_is_refused() {
        let signer = key(1);
        let (good, message) = (signer.0.verifying_key(), b"x");
        let points = small_points();
        let real = signer.0.sign(message);
        let mut signatures = vec![signer.0.sign(b"y")];
        for point in points.iter().chain([&[0xff; 32], real.r_bytes()]) {
            signatures.extend([by_hand(point, &[0; 32]), by_hand(point, real.s_bytes())]);
        }
        // Scalars beyond the group's order.
        signatures.push(by_hand(real.r_bytes(), &[0xff; 32]));
        signatures.push(without_a_point(&signer.0, message));
        assert!(good.verify(message, signatures.last().unwrap()).is_ok(), "it is refused for its point alone");
        let weak = points.iter().filter_map(|point| VerifyingKey::from_bytes(point).ok());
        let (mut taken, mut only_strict) = (0, 0);
        for key in weak.chain([good]) {
            for signature in &signatures {
                let strict = key.verify_strict(message, signature).is_ok();
                assert_eq!(verifies(&key, message, &BASE64.encode(signature.to_bytes())), strict, "{signature:?}");
                taken += u32::from(strict);
                only_strict += u32::from(!strict && key.verify(message, signature).is_ok());
            }
        }
        assert_eq!(taken, 1);
        assert!(only_strict > 1, "some of it would be taken by a verification that is not strict");
    }

    #[test]
    fn the_points_of_small_order_are_all_there() {
        let decoded = small_points().into_iter().map(|point| VerifyingKey::from_bytes(&point).unwrap());
        let all: BTreeSet<[u8; 32]> = decoded
            .inspect(|point| assert!(point.is_weak()))
            .map(|point| VerifyingKey::from(point.to_edwards()).to_bytes())
            .collect();
        assert_eq!(all.len(), 8, "the group has a subgroup of eight");
    }

    #[test]
    fn a_key_is_taken_whether_it_was_decoded_before_or_not() {
        let (a, b) = (key(1), key(2));
        let both = BTreeSet::from([a.public(), b.public()]);
        let by_a = Envelope::sign(KIND, b"x", &[&a]);
        let ready = Keys::signing(both.clone(), &by_a);
        assert_eq!(ready.decoded, [a.0.verifying_key()]);
        let by_b = Envelope::sign(KIND, b"y", &[&b]);
        let only_b = Keys::signing(BTreeSet::from([b.public()]), &by_a);
        assert_eq!(only_b.decoded, []);
        for keys in [ready.clone(), both.into_iter().collect(), only_b.with(&BTreeSet::from([a.public()]))] {
            assert!(by_a.verify(KIND, &keys, 1).is_ok() && by_b.verify(KIND, &keys, 1).is_ok());
        }
        assert!(by_a.verify(KIND, &only_b, 1).is_err());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", key(7));
        assert!(!shown.contains(&hex::encode([7u8; 32])) && shown.contains("SecretKey"));
    }
}
