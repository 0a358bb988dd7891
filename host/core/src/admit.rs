//! Whether a record that a peer sends to the hash table may be stored.
//!
//! Decides by the record's own signature, key, sequence and expiry, never by who sends it; the codes are those of
//! `wit/FACTS.md` for `invalid-record`. Invariant: what is let in proves itself, and lowers no sequence.

use crate::digest::Digest;
use crate::head::{HeadBundle, HeadError, HeadMark, MAX_HEAD_BUNDLE, SignedHead, Succession, head_key};
use crate::hooks::OffenceClass;

/// Why a record is not stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What kind of wrong it is.
    pub class: OffenceClass,
    /// What exactly.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

fn invalid(code: &'static str, detail: impl Into<String>) -> Refusal {
    Refusal { class: OffenceClass::InvalidRecord, code, detail: detail.into() }
}

/// Checks that `value` is a head with a valid signature, of the package that `key` stands for.
pub fn verify(key: &[u8], value: &[u8]) -> Result<SignedHead, Refusal> {
    let undecodable =
        |e: &HeadError| Refusal { class: OffenceClass::MalformedMessage, code: "undecodable", detail: e.to_string() };
    if value.len() > MAX_HEAD_BUNDLE {
        let detail = format!("a record of {} bytes", value.len());
        return Err(Refusal { class: OffenceClass::MalformedMessage, code: "frame-too-large", detail });
    }
    let bundle = HeadBundle::from_json(value).map_err(|e| undecodable(&e))?;
    let head = SignedHead::verify(bundle, None).map_err(|e| match e {
        HeadError::Invalid(_) => undecodable(&e),
        other => invalid("signature", other.to_string()),
    })?;
    let expected: Digest = head_key(&head.head.id());
    if expected.as_bytes().as_slice() != key {
        return Err(invalid("wrong-key", format!("a head of {} under another key", head.head.id())));
    }
    Ok(head)
}

/// Checks a verified head against the highest one `seen` and the time.
pub fn admit(head: &SignedHead, seen: Option<HeadMark>, now: u64) -> Result<Succession, Refusal> {
    if head.head.expires <= now {
        return Err(invalid("expired", format!("the head of {} has expired", head.head.id())));
    }
    match HeadMark::compare(seen, head.mark()) {
        Succession::Older => {
            let seen = seen.map_or(0, |s| s.sequence);
            Err(invalid("lower-sequence", format!("sequence {} after {seen}", head.head.sequence)))
        }
        Succession::Equivocation => {
            Err(invalid("equivocation", format!("another head with sequence {}", head.head.sequence)))
        }
        succession => Ok(succession),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsse::SecretKey;
    use crate::head::{Head, HeadVersion};
    use crate::name::PackageId;
    use crate::root::Publisher;

    fn head(seed: u8, name: &str, sequence: u64, expires: u64) -> SignedHead {
        let key = SecretKey::from_seed(&[seed; 32]);
        let (publisher, root) = Publisher::create(&key, 1);
        let id = PackageId { publisher, name: name.parse().unwrap() };
        let version = HeadVersion { version: "1.0.0".parse().unwrap(), release: Digest::of(b"r"), yanked: None };
        let first = Head::with_release(None, &id, version, 1, 1);
        Head { sequence, expires, ..first }.sign(&key, vec![root]).unwrap()
    }

    fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
        result.unwrap_err().code
    }

    #[test]
    fn only_what_proves_itself_under_its_own_key_is_let_in() {
        let first = head(1, "a", 1, u64::MAX);
        let key = head_key(&first.head.id());
        let bytes = first.bundle.to_json();
        let read = verify(key.as_bytes(), &bytes).unwrap();
        assert_eq!(admit(&read, None, 5), Ok(Succession::Newer));
        assert_eq!(code(verify(head_key(&head(1, "b", 1, 9).head.id()).as_bytes(), &bytes)), "wrong-key");
        assert_eq!(code(verify(key.as_bytes(), b"{}")), "undecodable");
        assert_eq!(code(verify(key.as_bytes(), &vec![b' '; 300 * 1024])), "frame-too-large");
        let mut forged = first.bundle.clone();
        forged.head = head(2, "a", 9, u64::MAX).bundle.head;
        assert_eq!(code(verify(key.as_bytes(), &forged.to_json())), "signature");
    }

    #[test]
    fn a_sequence_never_falls_and_nothing_expired_is_kept() {
        let (first, second) = (head(1, "a", 1, 100), head(1, "a", 2, 100));
        assert_eq!(code(admit(&first, Some(second.mark()), 5)), "lower-sequence");
        assert_eq!(admit(&second, Some(second.mark()), 5), Ok(Succession::Same));
        assert_eq!(code(admit(&second, None, 100)), "expired");
        let other = head(1, "a", 2, 101);
        assert_eq!(code(admit(&other, Some(second.mark()), 5)), "equivocation");
    }
}
