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

/// The most signatures of an envelope.
pub const MAX_SIGNATURES: usize = 8;
/// The longest key id or signature, in bytes: room for other kinds of keys than ours.
const MAX_SIGNATURE: usize = 256;

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

    /// What nobody signed is bounded too: else whoever passes an envelope on could make it too long for the next.
    fn check_signatures(&self) -> Result<(), DsseError> {
        let is_long = |entry: &SignatureEntry| entry.keyid.len() > MAX_SIGNATURE || entry.sig.len() > MAX_SIGNATURE;
        if self.signatures.len() > MAX_SIGNATURES || self.signatures.iter().any(is_long) {
            let problem = format!("more than {MAX_SIGNATURES} signatures, or one of more than {MAX_SIGNATURE} bytes");
            return Err(DsseError::Undecodable(problem));
        }
        Ok(())
    }

    /// What it has at most as it travels: a character is written with six at the most. To be asked before it is written
    /// for its length alone.
    pub(crate) fn longest(&self) -> usize {
        let entries = self.signatures.iter().map(|entry| entry.keyid.len() + entry.sig.len() + 32);
        6 * (64 + self.payload_type.len() + self.payload.len() + entries.sum::<usize>())
    }

    /// Whether it is at most so long as it travels.
    pub(crate) fn check_size(&self, limit: usize) -> Result<(), DsseError> {
        if self.longest() <= limit {
            return Ok(());
        }
        let size = self.to_json().len();
        if size > limit { Err(DsseError::TooLarge { size, limit }) } else { Ok(()) }
    }

    /// The payload, if it is of `payload_type` and at least `threshold` of `keys` signed it.
    pub fn verify(&self, payload_type: &'static str, keys: &Keys, threshold: usize) -> Result<Vec<u8>, DsseError> {
        if self.payload_type != payload_type {
            let found = self.payload_type.chars().take(100).collect();
            return Err(DsseError::PayloadType { expected: payload_type, found });
        }
        self.check_signatures()?;
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
        self.all.contains(key).then(|| kept().or_else(|| strong(bytes))).flatten()
    }
}

impl FromIterator<PublicKey> for Keys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self { all: keys.into_iter().collect(), decoded: Vec::new() }
    }
}

/// A key of which nobody can make signatures but who has its secret: one of small order has some that hold for almost any
/// message.
fn strong(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak())
}

/// By a [`strong`] key. A signature in any but its one form is refused: what is compared are the bytes of its first half.
/// The library's strict check adds that the first half has no small order; with a strong key that is a signature which
/// gives its own secret away and no forgery, and looking costs a tenth of the whole.
fn verifies(key: &VerifyingKey, message: &[u8], signature: &str) -> bool {
    let Ok(bytes) = BASE64.decode(signature) else { return false };
    Signature::from_slice(&bytes).is_ok_and(|signature| key.verify(message, &signature).is_ok())
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
    fn what_is_added_to_an_envelope_is_bounded() {
        let a = key(1);
        let keys = Keys::from_iter([a.public()]);
        let whole = Envelope::sign(KIND, b"x", &[&a]);
        let with = |entry: SignatureEntry, count: usize| {
            let mut padded = whole.clone();
            padded.signatures.extend(std::iter::repeat_n(entry, count));
            padded.verify(KIND, &keys, 1)
        };
        let other = SignatureEntry { keyid: "of another kind".into(), sig: "x".repeat(MAX_SIGNATURE) };
        assert_eq!(with(other.clone(), MAX_SIGNATURES - 1).unwrap(), b"x");
        assert!(matches!(with(other.clone(), MAX_SIGNATURES), Err(DsseError::Undecodable(_))));
        assert!(whole.longest() >= whole.to_json().len() && whole.check_size(whole.to_json().len()).is_ok());
        assert!(whole.check_size(whole.to_json().len() - 1).is_err());
        let strange = Envelope { payload: "\u{1}".repeat(50), signatures: vec![other.clone(); 8], ..whole.clone() };
        assert!(strange.longest() >= strange.to_json().len());
        let long = SignatureEntry { sig: "x".repeat(MAX_SIGNATURE + 1), ..other };
        assert!(matches!(with(long, 1), Err(DsseError::Undecodable(_))));
    }

    #[test]
    fn a_changed_payload_or_a_threshold_of_zero_lets_nothing_in() {
        let a = key(1);
        let keys = Keys::from_iter([a.public()]);
        let mut envelope = Envelope::sign(KIND, b"x", &[&a]);
        envelope.payload = BASE64.encode(b"y");
        assert!(envelope.verify(KIND, &keys, 0).is_err());
    }

    #[test]
    fn a_key_of_small_order_signs_nothing() {
        // The neutral point: without strictness, its signature of all zeros is one of every message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let (key, mut signature) = (VerifyingKey::from_bytes(&neutral).unwrap(), [0; 64]);
        signature[0] = 1;
        let sig = BASE64.encode(signature);
        assert!(verifies(&key, b"x", &sig), "it is refused for its order alone");
        let key = PublicKey(Digest::from_bytes(neutral));
        let signatures = vec![SignatureEntry { keyid: key.0.to_hex(), sig }];
        let envelope = Envelope { signatures, ..Envelope::sign(KIND, b"x", &[]) };
        let (all, refused) = (BTreeSet::from([key]), DsseError::Signature { valid: 0, threshold: 1 });
        for keys in [Keys::signing(all.clone(), &envelope), all.into_iter().collect()] {
            assert_eq!(envelope.verify(KIND, &keys, 1), Err(refused.clone()));
        }
    }

    #[test]
    fn a_signature_has_one_form() {
        let a = key(1);
        let keys = Keys::from_iter([a.public()]);
        let mut envelope = Envelope::sign(KIND, b"x", &[&a]);
        let mut bytes = BASE64.decode(&envelope.signatures[0].sig).unwrap();
        // The group's order, added to the second half: the same number, otherwise written.
        let order: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut carry = 0;
        for (byte, other) in bytes[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(other) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        envelope.signatures[0].sig = BASE64.encode(bytes);
        assert!(envelope.verify(KIND, &keys, 1).is_err());
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
