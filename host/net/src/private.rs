//! The key of a private network.
//!
//! Decides which text is a key: the form of other libp2p programs, so that one file serves them all. Whose a file must be
//! is its reader's business. Invariant: a key is never shown; its fingerprint is.

use std::fmt;
use std::str::FromStr;

use libp2p::pnet::PreSharedKey;

/// What is said of a peer that took a call and was not understood.
pub const ANOTHER_KEY: &str = "another network key, or none";
/// The first two lines of a key's file.
const FORM: [&str; 2] = ["/key/swarm/psk/1.0.0/", "/base16/"];
/// Digits of a key.
const DIGITS: usize = 64;

/// What all nodes of a private network share, and nobody else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SwarmKey(PreSharedKey);

impl SwarmKey {
    /// What is shown of it: the same for all who have it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint().to_string()
    }

    pub(crate) fn shared(self) -> PreSharedKey {
        self.0
    }
}

impl fmt::Debug for SwarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SwarmKey({})", self.fingerprint())
    }
}

impl FromStr for SwarmKey {
    type Err = String;

    /// Reads a key's file; an error is a clause for people, without what stands in the file.
    fn from_str(text: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        for (place, wanted) in FORM.iter().enumerate() {
            if lines.get(place) != Some(wanted) {
                return Err(format!("line {} is not `{wanted}`", place + 1));
            }
        }
        let [_, _, digits] = lines[..] else {
            return Err(format!("it has {} lines instead of 3", lines.len()));
        };
        if digits.len() != DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("line 3 is not {DIGITS} hexadecimal digits"));
        }
        let whole = format!("{}\n{}\n{digits}\n", FORM[0], FORM[1]);
        whole.parse().map(Self).map_err(|e: libp2p::pnet::KeyParseError| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_other_programs_is_read_and_never_shown() {
        let digits = "0123456789abcdef".repeat(4);
        for end in ["", "\n", "\r\n\n"] {
            let text = format!("/key/swarm/psk/1.0.0/\n/base16/\n{digits}{end}");
            let key: SwarmKey = text.parse().unwrap();
            assert_eq!(
                key.shared(),
                PreSharedKey::new(std::array::from_fn(|i| [1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef][i % 8]))
            );
            assert!(!format!("{key:?}").contains("0123456789"), "{key:?}");
            assert_eq!(key.fingerprint().len(), 32);
        }
    }

    #[test]
    fn what_is_no_key_says_where() {
        let key = "é".repeat(32);
        for (text, problem) in [
            (String::new(), "line 1"),
            ("/key/swarm/psk/2.0.0/\n/base16/\n".to_owned(), "line 1"),
            ("/key/swarm/psk/1.0.0/\n/base64/\nAAAA".to_owned(), "line 2"),
            ("/key/swarm/psk/1.0.0/\n/base16/".to_owned(), "3"),
            ("/key/swarm/psk/1.0.0/\n/base16/\n00ff".to_owned(), "line 3"),
            (format!("/key/swarm/psk/1.0.0/\n/base16/\n{key}"), "line 3"),
            (format!("/key/swarm/psk/1.0.0/\n/base16/\n{}\nmore", "0".repeat(64)), "4 lines"),
        ] {
            let error = text.parse::<SwarmKey>().unwrap_err();
            assert!(error.contains(problem) && !error.contains("00ff"), "{error}");
        }
    }
}
