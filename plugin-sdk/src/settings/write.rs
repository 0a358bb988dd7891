//! The pieces that schemas and defaults are written with, as JSON texts.
//!
//! It reads nothing. Invariant: what it writes is JSON, and a number reads back as the very same.

/// A list of JSON texts.
pub fn list(values: impl Iterator<Item = String>) -> String {
    let mut text = String::from("[");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&value);
    }
    text.push(']');
    text
}

/// An object of keys and JSON texts.
pub fn object<'a>(properties: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut text = String::from("{");
    for (key, value) in properties {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&quoted(key));
        text.push(':');
        text.push_str(&value);
    }
    text.push('}');
    text
}

/// A string as JSON.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(letter);
            }
            // Control characters, all below U+0020.
            '\0'..=' ' if letter != ' ' => {
                quoted.push_str(if u32::from(letter) < 16 { "\\u000" } else { "\\u001" });
                quoted.push(char::from_digit(u32::from(letter) % 16, 16).unwrap_or('0'));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A number as JSON that reads back as the same; `null` for what is none.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "only whole numbers that 53 bits hold are turned into one another"
)]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    let (sign, size) = if value < 0.0 { ("-", -value) } else { ("", value) };
    let mut unit = 1u64;
    for places in 0..=15usize {
        let scaled = size * unit as f64 + 0.5;
        if scaled >= 9e15 {
            break;
        }
        let digits = scaled as u64;
        // Both are exact, so this is the same rounding that a reader of the decimal text does.
        if digits as f64 / unit as f64 == size {
            let whole = format!("{sign}{}", digits / unit);
            return if places == 0 { whole } else { format!("{whole}.{:0places$}", digits % unit) };
        }
        unit *= 10;
    }
    format!("{sign}{}", exact(size))
}

/// Every digit of a finite number that is not negative. As m × 2^e it is (m × 2^e) or, for a negative e, (m × 5^-e) / 10^-e.
fn exact(size: f64) -> String {
    let bits = size.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52) & 0x7ff);
    let (m, biased) = if exponent == 0 { (fraction, 1) } else { (fraction | 1 << 52, exponent) };
    let (factor, times) = if biased < 1075 { (5, 1075 - biased) } else { (2, biased - 1075) };
    // Nine decimal digits each, the lowest first.
    const BASE: u64 = 1_000_000_000;
    let mut parts = vec![m % BASE, m / BASE];
    for _ in 0..times {
        let mut carry = 0;
        for part in &mut parts {
            let product = *part * factor + carry;
            *part = product % BASE;
            carry = product / BASE;
        }
        if carry > 0 {
            parts.push(carry);
        }
    }
    let digits: String = parts.iter().rev().map(|part| format!("{part:09}")).collect();
    let digits = digits.trim_start_matches('0');
    if factor == 5 { format!("{digits}e-{times}") } else { digits.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Value;

    #[test]
    fn any_text_is_quoted_so_that_it_reads_back() {
        let all: String = (0..0x250).filter_map(char::from_u32).chain("\u{2028}😀".chars()).collect();
        assert_eq!(serde_json::from_str::<String>(&quoted(&all)).unwrap(), all);
        assert_eq!(Value::parse(&quoted(&all)).unwrap().as_str(), Some(all.as_str()));
    }

    #[test]
    fn numbers_read_back_as_the_same() {
        for (value, text) in
            [(0.0, "0"), (0.5, "0.5"), (0.07, "0.07"), (20.0, "20"), (-1.25, "-1.25"), (1e15, "1000000000000000")]
        {
            assert_eq!(number(value), text);
        }
        let hard =
            [1.0 / 3.0, 0.1 + 0.2, 1e16, 1e-9, 1e300, f64::MAX, f64::MIN_POSITIVE, 5e-324, 123_456_789.123_456_79];
        for value in hard {
            assert_eq!(number(value).parse::<f64>(), Ok(value), "{}", number(value));
            assert_eq!(Value::parse(&number(-value)).unwrap().as_f64(), Some(-value));
        }
        assert_eq!(number(f64::NAN), "null");
    }
}
