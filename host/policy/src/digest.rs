//! Digests as text: what names a component, its settings and its questions.
//!
//! Decides how a digest is written. Invariant: equal bytes have one digest, in one spelling.

use sha2::{Digest, Sha256};

/// SHA-256 in lowercase hexadecimal.
pub fn digest_of(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
