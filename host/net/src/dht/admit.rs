//! Whether a record that a peer sends may be stored.
//!
//! Decides by the record's own signature, key, sequence and expiry, never by who sends it; the codes are those of
//! `wit/FACTS.md` for `invalid-record`.

use ggen_core::Digest;
use ggen_core::head::{HeadBundle, HeadError, HeadMark, MAX_HEAD_BUNDLE, SignedHead, Succession, head_key};
use ggen_core::hooks::OffenceClass;

/// Why a record is not stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub class: OffenceClass,
    pub code: &'static str,
    pub detail: String,
}

fn invalid(code: &'static str, detail: impl Into<String>) -> Refusal {
    Refusal { class: OffenceClass::InvalidRecord, code, detail: detail.into() }
}

/// Checks that `value` is a head with a valid signature, of the package that `key` stands for.
pub(crate) fn verify(key: &[u8], value: &[u8]) -> Result<SignedHead, Refusal> {
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
pub(crate) fn admit(head: &SignedHead, seen: Option<HeadMark>, now: u64) -> Result<Succession, Refusal> {
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
    use crate::testing::Publisher;

    fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
        result.unwrap_err().code
    }

    #[test]
    fn only_what_proves_itself_under_its_own_key_is_let_in() {
        let publisher = Publisher::new(1);
        let first = publisher.head("a", 1, u64::MAX);
        let key = head_key(&first.head.id());
        let bytes = first.bundle.to_json();
        let head = verify(key.as_bytes(), &bytes).unwrap();
        assert_eq!(admit(&head, None, 5), Ok(Succession::Newer));
        assert_eq!(code(verify(head_key(&publisher.head("b", 1, 9).head.id()).as_bytes(), &bytes)), "wrong-key");
        assert_eq!(code(verify(key.as_bytes(), b"{}")), "undecodable");
        assert_eq!(code(verify(key.as_bytes(), &vec![b' '; 300 * 1024])), "frame-too-large");
        let mut forged = first.bundle.clone();
        forged.head = Publisher::new(2).head("a", 9, u64::MAX).bundle.head;
        assert_eq!(code(verify(key.as_bytes(), &forged.to_json())), "signature");
    }

    #[test]
    fn a_sequence_never_falls_and_nothing_expired_is_kept() {
        let publisher = Publisher::new(1);
        let (first, second) = (publisher.head("a", 1, 100), publisher.head("a", 2, 100));
        assert_eq!(code(admit(&first, Some(second.mark()), 5)), "lower-sequence");
        assert_eq!(admit(&second, Some(second.mark()), 5), Ok(Succession::Same));
        assert_eq!(code(admit(&second, None, 100)), "expired");
        let other = publisher.head("a", 2, 101);
        assert_eq!(code(admit(&other, Some(second.mark()), 5)), "equivocation");
    }
}
