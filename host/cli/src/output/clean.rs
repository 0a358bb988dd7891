//! Text from outside, made safe for a terminal.
//!
//! Decides which characters a terminal may be given. Invariant: what comes out moves no cursor, changes no colour or
//! title, and does not turn the direction of what stands around it.

/// One line of text: control characters, escape sequences and changes of direction are taken out.
pub fn line(text: &str) -> String {
    if text.chars().all(|c| !is_control(c) && !is_invisible(c)) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => match rest.peek() {
                Some('[') => {
                    rest.next();
                    sequence(&mut rest);
                }
                Some(']' | 'P' | 'X' | '^' | '_') => command(&mut rest),
                _ => {}
            },
            '\u{9b}' => sequence(&mut rest),
            '\n' | '\r' | '\t' => clean.push(' '),
            c if is_control(c) || is_invisible(c) => {}
            c => clean.push(c),
        }
    }
    clean
}

/// `ESC [ … m` and its like end at their letter.
fn sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|c| matches!(c, '\u{20}'..='\u{3f}')).is_some() {}
    rest.next_if(|c| matches!(c, '\u{40}'..='\u{7e}'));
}

/// `ESC ] … BEL` and its like; where the end is missing, only the introducer goes.
fn command(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let ends = |c: char| c == '\u{7}' || c == '\u{1b}' || c == '\u{9c}';
    if rest.clone().any(ends) {
        for c in rest.by_ref() {
            if ends(c) {
                break;
            }
        }
    }
    rest.next_if(|c| *c == '\\' || *c == ']');
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// JSON text whose strings may hold control characters that JSON allows and terminals obey.
pub fn json(text: &str) -> String {
    let obeyed = |c: char| matches!(c, '\u{7f}'..='\u{9f}');
    if !text.contains(obeyed) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) {
            clean.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (text, clean) in [
            ("plain – ünïcode ✓", "plain – ünïcode ✓"),
            ("a\u{1b}[31mred\u{1b}[0m", "ared"),
            ("a\u{9b}2Jb", "ab"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]0;title\u{1b}\\text", "text"),
            ("\u{1b}]8;;http://x", "8;;http://x"),
            ("two\nlines\r\n", "two lines  "),
            ("\u{202e}gpj.exe\u{200b}", "gpj.exe"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("bell\u{7}\u{8}\u{0}", "bell"),
        ] {
            assert_eq!(line(text), clean, "{text:?}");
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "a": "x\u{9b}31m\u{7f}\u{1b}" });
        let text = json(&value.to_string());
        assert!(text.is_ascii() && !text.contains('\u{7f}'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
