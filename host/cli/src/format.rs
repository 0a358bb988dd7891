//! Amounts, times and holders of locks, as people say them.
//!
//! Decides how exact they are told. Invariant: what is told is never more than what it stands for.

use std::time::{SystemTime, UNIX_EPOCH};

use ggen_market::LockHolder;

/// A number of bytes for people.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KB", "MB", "GB", "TB"];
    let mut whole = count;
    let mut rest = 0;
    let mut unit = 0;
    while whole >= 1000 && unit + 1 < UNITS.len() {
        rest = (whole % 1000) / 100;
        whole /= 1000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    match (unit, whole, rest) {
        (0, 1, _) => "1 byte".to_owned(),
        (0, ..) | (_, 100.., _) => format!("{whole} {name}"),
        _ => format!("{whole}.{rest} {name}"),
    }
}

/// Milliseconds for people.
pub fn span(millis: u64) -> String {
    let many = |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match millis / 1000 {
        0 => format!("{millis} ms"),
        seconds @ ..120 => many(seconds, "second"),
        seconds @ ..7200 => many(seconds / 60, "minute"),
        seconds @ ..172_800 => many(seconds / 3600, "hour"),
        seconds => many(seconds / 86400, "day"),
    }
}

/// Milliseconds since the Unix epoch as a day.
pub fn day(millis: u64) -> String {
    // Howard Hinnant's `civil_from_days`, for days after 0000-03-01.
    let days = millis / 86_400_000 + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// By whom something is in use, and since when as far as that is known.
pub fn in_use(holder: &LockHolder) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    match holder.since {
        0 => format!("in use by {holder}"),
        since => format!("in use by {holder} since {} ago", span(now.saturating_sub(since))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_people_say_them() {
        for (count, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1500, "1.5 KB"),
            (52_000_000, "52.0 MB"),
            (250_000_000_000, "250 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        for (millis, text) in [
            (5, "5 ms"),
            (1000, "1 second"),
            (119_000, "119 seconds"),
            (600_000, "10 minutes"),
            (86_400_000, "24 hours"),
            (30 * 86_400_000, "30 days"),
        ] {
            assert_eq!(span(millis), text);
        }
        for (millis, text) in [(0, "1970-01-01"), (951_782_400_000, "2000-02-29"), (1_767_225_599_999, "2025-12-31")] {
            assert_eq!(day(millis), text);
        }
    }
}
