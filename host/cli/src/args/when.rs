//! A point in time as it is typed: so long ago (`30d`, `12h`, `10min`), or the beginning of a day (`2026-11-01`, UTC).
//!
//! Decides what is one. Reads no clock: [`When::before`] is told the time.

use std::str::FromStr;
use std::time::Duration;

use ggen_core::limits::span;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long ago.
    Ago(Duration),
    /// Milliseconds since the Unix epoch.
    At(u64),
}

impl When {
    /// Milliseconds since the Unix epoch, where it is `now`.
    pub fn before(self, now: u64) -> u64 {
        match self {
            Self::Ago(span) => now.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
            Self::At(time) => time,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let typed = typed.trim();
        span::parse(typed)
            .map(Self::Ago)
            .or_else(|| day(typed).map(Self::At))
            .ok_or_else(|| "write so long ago, as 30d or 12h, or a day, as 2026-11-01".to_owned())
    }
}

/// The beginning of a day after 1970, in milliseconds since the Unix epoch.
fn day(typed: &str) -> Option<u64> {
    let mut parts = typed.split('-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
        part.parse::<u64>().ok()
    };
    let (year, month, of_month) = (number(4)?, number(2)?, number(2)?);
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let longest = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || year < 1970 || of_month == 0 || of_month > longest {
        return None;
    }
    // Howard Hinnant's `days_from_civil`: years begin in March.
    let (year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * shifted + 2) / 5 + of_month - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((days - 719_468) * 86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_days_are_understood_and_nothing_else_is() {
        let now = 1_767_225_600_000; // 2026-01-01
        for (typed, time) in [
            ("30d", now - 30 * 86_400_000),
            ("12h", now - 12 * 3_600_000),
            ("2026-01-01", now),
            ("2024-02-29", 1_709_164_800_000),
            ("1970-01-01", 0),
        ] {
            assert_eq!(typed.parse::<When>().unwrap().before(now), time, "{typed}");
        }
        for typed in ["", "yesterday", "30", "2026-02-29", "2026-13-01", "2026-1-1", "1969-12-31", "2026-01-01-01"] {
            assert!(typed.parse::<When>().is_err(), "{typed}");
        }
    }
}
