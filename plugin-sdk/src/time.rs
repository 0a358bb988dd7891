//! Lengths of time and dates, as people write them in settings.
//!
//! Time itself comes from `job.now`: nothing here reads a clock. Invariant: arithmetic never overflows; what cannot be
//! represented is refused when it is read.

use std::fmt;

use crate::settings::{Problem, Schema, Setting, Value, json, problem};
use crate::types::Timestamp;

/// A length of time in milliseconds, written `500ms`, `90s`, `1h30m`, `30d`, `2w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// The units from the longest, in milliseconds.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Span {
    /// So many milliseconds.
    pub const fn millis(count: u64) -> Self {
        Self(count)
    }

    /// So many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(count.saturating_mul(1000))
    }

    /// So many hours.
    pub const fn hours(count: u64) -> Self {
        Self(count.saturating_mul(3_600_000))
    }

    /// So many days.
    pub const fn days(count: u64) -> Self {
        Self(count.saturating_mul(86_400_000))
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// In whole seconds, at most [`u32::MAX`].
    pub fn as_seconds(self) -> u32 {
        u32::try_from(self.0 / 1000).unwrap_or(u32::MAX)
    }

    /// Reads `1h30m` and the like; none where it is not one or does not fit.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_ascii();
        let mut total = 0u64;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
            let (count, after) = rest.split_at_checked(digits)?;
            let letters = after.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(after.len());
            let (name, after) = after.split_at_checked(letters)?;
            let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
            total = total.checked_add(count.parse::<u64>().ok()?.checked_mul(*unit)?)?;
            rest = after;
        }
        Some(Self(total))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0;
        for (name, unit) in UNITS.iter().filter(|(name, _)| *name != "w") {
            if left >= *unit {
                write!(f, "{}{name}", left / unit)?;
                left %= unit;
            }
        }
        if self.0 == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

impl Setting for Span {
    fn schema() -> Schema {
        Schema::new("string").with("pattern", "\"^([0-9]+(ms|s|m|h|d|w))+$\"")
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let span = value.as_str().and_then(Self::parse);
        if span.is_none() {
            problems.push(problem(path, "must be a length of time, such as \"90s\", \"1h30m\" or \"30d\""));
        }
        span
    }

    fn to_json(&self) -> String {
        json::quoted(&self.to_string())
    }
}

/// A moment, written `2026-01-31` (its first millisecond, UTC) or `2026-01-31T12:00:00Z`; `+02:00` may stand for `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(Timestamp);

impl Date {
    /// From milliseconds since the Unix epoch.
    pub const fn from_timestamp(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }

    /// In milliseconds since the Unix epoch.
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }

    /// Reads a date or a moment from 1970 to 9999; none where it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_at_checked(10).map(|(date, time)| (date, time.strip_prefix(['T', ' '])))?;
        let [year, month, day] = numbers(date, '-')?;
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return None;
        }
        let midnight = days_before(year, month, day).checked_mul(86_400)?;
        let seconds = match time {
            Some(time) => midnight.checked_add(seconds_of(time)?)?,
            None if text.len() == 10 => midnight,
            None => return None,
        };
        u64::try_from(seconds).ok()?.checked_mul(1000).map(Self)
    }
}

/// Three numbers of two digits or more between separators.
fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse::<i64>().ok() } else { None }
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    if parts.next().is_some() { None } else { Some(three) }
}

/// Seconds since midnight UTC of `12:00:00Z` or `12:00:00+02:00`; can lie on the day before or after.
fn seconds_of(time: &str) -> Option<i64> {
    let (clock, zone) = time.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':')?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = match zone.strip_prefix(['+', '-']) {
        None if zone == "Z" => 0,
        None => return None,
        Some(offset) => {
            let [hours, minutes, _] = numbers(&format!("{offset}:00"), ':')?;
            let size = hours * 3600 + minutes * 60;
            if hours > 14 || minutes > 59 {
                return None;
            }
            if zone.starts_with('-') { -size } else { size }
        }
    };
    Some(hour * 3600 + minute * 60 + second - offset)
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of 1970 or later.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    (year - 1970) * 365 + leap_days + (1..month).map(|month| days_in(year, month)).sum::<i64>() + day - 1
}

/// The day alone, UTC.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = i64::try_from(self.0 / 86_400_000).unwrap_or(i64::MAX);
        let mut year = (1970 + days / 366).min(9999);
        while year < 9999 && days_before(year + 1, 1, 1) <= days {
            year += 1;
        }
        let mut month = 12;
        while month > 1 && days_before(year, month, 1) > days {
            month -= 1;
        }
        write!(f, "{year:04}-{month:02}-{:02}", days - days_before(year, month, 1) + 1)
    }
}

impl Setting for Date {
    fn schema() -> Schema {
        Schema::new("string").with("format", "\"date-time\"")
    }

    fn read(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let date = value.as_str().and_then(Self::parse);
        if date.is_none() {
            problems.push(problem(path, "must be a date, such as \"2026-01-31\" or \"2026-01-31T12:00:00Z\""));
        }
        date
    }

    fn to_json(&self) -> String {
        json::quoted(&self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, millis) in
            [("500ms", 500), ("90s", 90_000), ("1h30m", 5_400_000), ("30d", 2_592_000_000), ("2w", 1_209_600_000)]
        {
            assert_eq!(Span::parse(text), Some(Span(millis)), "{text}");
            assert_eq!(Span::parse(&Span(millis).to_string()), Some(Span(millis)), "{text}");
        }
        assert_eq!(Span::hours(1).to_string(), "1h");
        assert_eq!(Span(0).to_string(), "0s");
        for text in ["", "1", "h", "1x", "-1h", "1 h", "99999999999999999999d", "1h1"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read_and_written() {
        assert_eq!(Date::parse("1970-01-01"), Some(Date(0)));
        assert_eq!(Date::parse("2026-01-31"), Some(Date(1_769_817_600_000)));
        assert_eq!(Date::parse("2024-02-29T12:00:00Z"), Some(Date(1_709_208_000_000)));
        assert_eq!(Date::parse("2024-02-29T14:00:00+02:00"), Some(Date(1_709_208_000_000)));
        for text in ["1970-01-01", "2000-02-29", "2026-12-31", "9999-12-31", "2100-03-01"] {
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["2023-02-29", "2026-13-01", "2026-1-1", "1969-12-31", "2026-01-01x", "2026-01-01T25:00:00Z", "tomorrow"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        let far = Date(u64::MAX).to_string();
        assert!(far.starts_with("9999-"), "{far}");
    }
}
