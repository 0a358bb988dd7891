//! What each code means and what to do about it: the text of `ggen explain`.
//!
//! Decides nothing. Invariant: no text tells anybody to delete what cannot be had again.

use serde::Serialize;

use super::codes::Code;
use super::texts::texts;

/// What `ggen explain` answers.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The code.
    pub code: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub action: &'static str,
    /// How the program ends with it.
    pub exit_code: u8,
}

/// Everything that there is to say about a code.
pub fn explain(code: Code) -> Explained {
    let (meaning, action) =
        texts().find(|(of, ..)| *of == code).map_or(("", ""), |(_, meaning, action)| (*meaning, *action));
    Explained { code: code.text(), title: code.title(), meaning, action, exit_code: code.exit() as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained() {
        for code in Code::ALL {
            let explained = explain(*code);
            for text in [explained.title, explained.meaning, explained.action] {
                assert!(!text.is_empty(), "{}", code.text());
            }
            assert!(!explained.title.ends_with('.') && explained.meaning.ends_with('.'), "{}", code.text());
        }
        assert_eq!(texts().count(), Code::ALL.len());
    }

    #[test]
    fn no_text_tells_to_destroy_anything() {
        for (code, meaning, action) in texts() {
            for word in ["`rm", " rm ", "kill "] {
                assert!(!meaning.contains(word) && !action.contains(word), "{}", code.text());
            }
        }
    }
}
