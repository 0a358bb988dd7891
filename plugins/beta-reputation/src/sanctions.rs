//! What an offence costs.
//!
//! It judges an offence by its class and how often it happened today; it never looks at the score. Invariant: a sanction
//! falls on the peer alone, never on its neighbours, and what an honest peer can do by being slow, stale or by passing
//! on what it got is never banned for.

use ggen_plugin_sdk::prelude::*;

use crate::BetaReputation;

impl BetaReputation {
    /// The sanction for an offence.
    pub(crate) fn sanction(&self, offence: &Offence) -> Sanction {
        match offence.class {
            OffenceClass::CorruptData => ban(self.corrupt_ban),
            OffenceClass::Flood if offence.today > self.flood_tolerance => ban(self.flood_ban),
            OffenceClass::Flood => Sanction::None,
            OffenceClass::InvalidRecord => match offence.code.as_str() {
                // The publisher's doing, and proved by two valid signatures: whoever passes it on helps.
                "equivocation" => Sanction::None,
                // A peer that was away for long has old records and means no harm.
                "lower-sequence" | "expired" => self.avoid_longer_each_time(offence.today),
                _ => self.avoid_then_ban(offence.today),
            },
            OffenceClass::MalformedMessage => self.avoid_then_ban(offence.today),
            OffenceClass::Refused if offence.code == "busy" => self.avoid_longer_each_time(1),
            OffenceClass::Stalled | OffenceClass::Refused => self.avoid_longer_each_time(offence.today),
        }
    }

    fn avoid_then_ban(&self, today: u32) -> Sanction {
        if today > self.invalid_tolerance { ban(self.invalid_ban) } else { self.avoid_longer_each_time(today) }
    }

    /// Doubled by each further offence of the day, up to the longest.
    fn avoid_longer_each_time(&self, today: u32) -> Sanction {
        let doublings = today.saturating_sub(1).min(31);
        let seconds = self.avoid.as_seconds().max(1).saturating_mul(1 << doublings);
        Sanction::Avoid(seconds.min(self.longest_avoid.as_seconds().max(1)))
    }
}

/// A ban of length 0 is none.
fn ban(length: Span) -> Sanction {
    match length.as_seconds() {
        0 => Sanction::None,
        seconds => Sanction::Ban(Ban { seconds, reach: Reach::Peer }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{configured, good_peer, job, offence};

    const HOUR: Sanction = Sanction::Ban(Ban { seconds: 3600, reach: Reach::Peer });

    fn judged(class: OffenceClass, code: &str, nth: u32) -> Sanction {
        BetaReputation::default().judge(&job(), &good_peer(), &offence(class, code, nth))
    }

    #[test]
    fn corrupt_data_is_banned_for_at_once() {
        assert_eq!(judged(OffenceClass::CorruptData, "chunk-digest", 1), HOUR);
    }

    #[test]
    fn the_eleventh_flood_is_banned_for_and_none_before() {
        for nth in 1..=10 {
            assert_eq!(judged(OffenceClass::Flood, "messages", nth), Sanction::None);
        }
        assert_eq!(judged(OffenceClass::Flood, "messages", 11), HOUR);
    }

    #[test]
    fn being_slow_is_avoided_for_ever_longer_and_never_banned_for() {
        let first: Vec<Sanction> = (1..=4).map(|nth| judged(OffenceClass::Stalled, "silent", nth)).collect();
        assert_eq!(first, [30, 60, 120, 240].map(Sanction::Avoid));
        for nth in [8, 100, u32::MAX] {
            assert_eq!(judged(OffenceClass::Stalled, "too-slow", nth), Sanction::Avoid(3600));
            assert_eq!(judged(OffenceClass::Refused, "has-not", nth), Sanction::Avoid(3600));
            assert_eq!(judged(OffenceClass::Refused, "busy", nth), Sanction::Avoid(30));
        }
    }

    #[test]
    fn invalid_records_and_malformed_messages_are_banned_for_after_several() {
        for (class, code) in
            [(OffenceClass::InvalidRecord, "signature"), (OffenceClass::MalformedMessage, "undecodable")]
        {
            assert_eq!(judged(class, code, 1), Sanction::Avoid(30));
            assert_eq!(judged(class, code, 3), Sanction::Avoid(120));
            assert_eq!(judged(class, code, 4), HOUR);
        }
    }

    #[test]
    fn what_an_honest_peer_passes_on_is_not_banned_for() {
        assert_eq!(judged(OffenceClass::InvalidRecord, "equivocation", 99), Sanction::None);
        assert_eq!(judged(OffenceClass::InvalidRecord, "expired", 99), Sanction::Avoid(3600));
    }

    #[test]
    fn the_numbers_are_settings() {
        let policy: BetaReputation =
            configured(r#"{"flood_tolerance":0,"flood_ban":"10m","corrupt_ban":"0s"}"#).unwrap();
        let ten_minutes = Sanction::Ban(Ban { seconds: 600, reach: Reach::Peer });
        assert_eq!(policy.sanction(&offence(OffenceClass::Flood, "messages", 1)), ten_minutes);
        assert_eq!(policy.sanction(&offence(OffenceClass::CorruptData, "chunk-digest", 1)), Sanction::None);
    }
}
