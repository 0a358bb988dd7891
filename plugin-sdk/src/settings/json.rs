//! JSON as settings need it: values, and a reader of whole texts.
//!
//! A component carries this instead of a general JSON library, which would be most of its size. A number stays its text
//! until a setting asks for it, so nothing is rounded on the way. Invariant: what is not JSON is refused with the place
//! where it stops being so, and reading is bounded in depth.

pub use super::write::{list, number, object, quoted};

/// How deep lists and objects may lie in each other.
const DEEPEST: usize = 128;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object. Where a key repeats, the last one counts.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Reads a whole text.
    ///
    /// # Errors
    /// What is wrong, in words, with the place in bytes.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0 };
        let read =
            reader.value(0).and_then(|value| if reader.peek().is_none() { Ok(value) } else { Err("more behind it") });
        read.map_err(|wrong| format!("{wrong} at byte {}", reader.at))
    }

    /// A whole number that fits.
    pub fn as_u64(&self) -> Option<u64> {
        if let Self::Number(text) = self { text.parse().ok() } else { None }
    }

    /// A number, where it is a finite one in 64 bits.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Number(text) = self { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// A string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// An object's property.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(properties) = self else { return None };
        properties.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// As JSON.
    pub fn text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) => text.clone(),
            Self::Text(text) => quoted(text),
            Self::List(values) => list(values.iter().map(Self::text)),
            Self::Object(properties) => object(properties.iter().map(|(key, value)| (key.as_str(), value.text()))),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Goes over a byte that must stand here; whether it did.
    fn take(&mut self, wanted: u8) -> bool {
        let found = self.byte() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn since(&self, begin: usize) -> &'a str {
        self.text.get(begin..self.at).unwrap_or_default()
    }

    fn value(&mut self, depth: usize) -> Result<Value, &'static str> {
        let Some(first) = self.peek() else { return Err("the text ends") };
        match first {
            b'{' | b'[' if depth >= DEEPEST => Err("too deep"),
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(Value::Text),
            b'-' | b'0'..=b'9' => self.number().map(|text| Value::Number(text.to_owned())),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, &'static str> {
        let begin = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        match self.since(begin) {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("no value ends"),
        }
    }

    fn digits(&mut self) -> Result<(), &'static str> {
        let begin = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > begin { Ok(()) } else { Err("a digit is missing") }
    }

    fn number(&mut self) -> Result<&'a str, &'static str> {
        let begin = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(self.since(begin))
    }

    fn list(&mut self, depth: usize) -> Result<Value, &'static str> {
        let mut values = Vec::new();
        self.at += 1;
        if self.peek() != Some(b']') {
            loop {
                values.push(self.value(depth + 1)?);
                if self.peek() != Some(b',') {
                    break;
                }
                self.at += 1;
            }
        }
        if self.take(b']') { Ok(Value::List(values)) } else { Err("`,` or `]` is missing") }
    }

    fn object(&mut self, depth: usize) -> Result<Value, &'static str> {
        let mut properties = Vec::new();
        self.at += 1;
        if self.peek() != Some(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err("a key is missing");
                }
                let key = self.string()?;
                self.peek();
                if !self.take(b':') {
                    return Err("`:` is missing");
                }
                properties.push((key, self.value(depth + 1)?));
                if self.peek() != Some(b',') {
                    break;
                }
                self.at += 1;
            }
        }
        if self.take(b'}') { Ok(Value::Object(properties)) } else { Err("`,` or `}` is missing") }
    }

    fn string(&mut self) -> Result<String, &'static str> {
        let mut text = String::new();
        self.at += 1;
        loop {
            let begin = self.at;
            while self.byte().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            text.push_str(self.since(begin));
            if self.take(b'"') {
                return Ok(text);
            }
            if !self.take(b'\\') {
                return Err("a string is not closed");
            }
            text.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Result<char, &'static str> {
        const WRONG: &str = "there is no such escape";
        let letter = self.byte().ok_or(WRONG)?;
        self.at += 1;
        let first = match letter {
            b'"' | b'\\' | b'/' => return Ok(char::from(letter)),
            b'b' => return Ok('\u{8}'),
            b'f' => return Ok('\u{c}'),
            b'n' => return Ok('\n'),
            b'r' => return Ok('\r'),
            b't' => return Ok('\t'),
            b'u' => self.four()?,
            _ => return Err(WRONG),
        };
        let code = match first {
            // The first half of a letter outside of 16 bits; the other half must follow.
            0xd800..=0xdbff if self.take(b'\\') && self.take(b'u') => match self.four()? {
                second @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                _ => return Err(WRONG),
            },
            _ => first,
        };
        char::from_u32(code).ok_or(WRONG)
    }

    fn four(&mut self) -> Result<u32, &'static str> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16)).ok_or("a digit is missing")?;
            self.at += 1;
            code = code * 16 + digit;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that are JSON and that are not: both readers must say the same of each.
    const TEXTS: [&str; 44] = [
        "",
        " ",
        "null",
        "nul",
        "nulll",
        "true",
        " false ",
        "0",
        "-0",
        "-",
        "01",
        "1.",
        "1.5",
        ".5",
        "1e3",
        "1E+3",
        "1e",
        "-1.25e-7",
        "\"\"",
        "\"a",
        "\"a\nb\"",
        r#""\n\t\r\b\f\/\\\"""#,
        r#""\u0041\u00e9""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        r#""\ud83dx""#,
        r#""\ud83d\u0041""#,
        r#""\ude00""#,
        r#""\u00g1""#,
        r#""\x""#,
        "\"é😀\"",
        "[]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,[2,{}]]",
        "{}",
        r#"{"a":1,"a":2}"#,
        r#"{"a" : [true , null]}"#,
        "{a:1}",
        r#"{"a":1,}"#,
        r#"{"a"1}"#,
        "1 2",
        "{\"a\":\"b\"} x",
    ];

    #[test]
    fn it_reads_what_a_general_library_reads() {
        for text in TEXTS {
            let (ours, theirs) = (Value::parse(text), serde_json::from_str::<serde_json::Value>(text));
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?} {theirs:?}");
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                assert_eq!(serde_json::from_str::<serde_json::Value>(&ours.text()).unwrap(), theirs, "{text}");
                assert_eq!((ours.as_u64(), ours.as_bool()), (theirs.as_u64(), theirs.as_bool()), "{text}");
                assert_eq!((ours.as_str(), ours.as_f64()), (theirs.as_str(), theirs.as_f64()), "{text}");
            }
        }
        assert_eq!(Value::parse(r#"{"a":1,"a":2}"#).unwrap().get("a").and_then(Value::as_u64), Some(2));
    }

    #[test]
    fn depth_is_bounded() {
        assert!(Value::parse(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_ok());
        assert!(Value::parse(&"[".repeat(60_000)).unwrap_err().starts_with("too deep"));
    }
}
