//! Objections whose weight the operator sets: what advisories affect, and names that look like others.
//!
//! Decides what a finding comes to. Invariant: an advisory of unknown severity counts as much as a critical one.

use ggen_plugin_sdk::prelude::*;

choice! {
    /// What becomes of a release that there is something against.
    pub enum Objection {
        /// The plan is denied.
        Deny = "deny",
        /// Another version is taken; where there is none, the plan is denied.
        PassOver = "pass-over",
        /// It is used, and the user is told.
        Warn = "warn",
        /// Nothing.
        Ignore = "ignore",
    }
}

choice! {
    /// From where on an advisory counts.
    pub enum Least {
        /// All do.
        Low = "low",
        /// Medium, high and critical ones.
        Medium = "medium",
        /// High and critical ones.
        High = "high",
        /// Critical ones.
        Critical = "critical",
    }
}

/// Reasons by what they come to.
#[derive(Default)]
pub struct Findings {
    pub deny: Vec<Reason>,
    pub pass_over: Vec<Reason>,
    pub warn: Vec<Reason>,
}

impl Findings {
    pub fn object(&mut self, objection: Objection, reason: Reason) {
        match objection {
            Objection::Deny => self.deny.push(reason),
            Objection::PassOver => self.pass_over.push(reason),
            Objection::Warn => self.warn.push(reason),
            Objection::Ignore => {}
        }
    }
}

/// What nobody graded may be the worst.
pub fn weight(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical | Severity::Unknown => 4,
    }
}

/// As it is told.
pub fn grade(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "severity unknown",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignedReleases;
    use ggen_plugin_sdk::testing::{DAY, NOW, OTHER_PUBLISHER, PUBLISHER, configured, item, job};

    fn affected(ids: &[(&str, Severity)]) -> Item {
        let mut item = item("web-framework", "2.1.0");
        let advisory =
            |(id, severity): &(&str, Severity)| Advisory { id: (*id).into(), feed: "acme".into(), severity: *severity };
        item.evidence.advisories = ids.iter().map(advisory).collect();
        item
    }

    fn verdict(settings: &str, item: &Item) -> Verdict {
        configured::<SignedReleases>(settings).unwrap().review(&job(), item)
    }

    #[test]
    fn what_an_advisory_affects_is_passed_over_or_what_the_operator_says() {
        let item = affected(&[("A-1", Severity::High), ("A-2", Severity::Low)]);
        let passed = verdict("{}", &item);
        assert!(matches!(passed, Verdict::PassOver(_)));
        assert_eq!(passed.codes(), ["affected", "affected"]);
        assert_eq!(passed.reasons()[0].message, "web-framework 2.1.0 is affected by A-1 (high, says acme)");
        assert!(matches!(verdict(r#"{"advisories":"deny"}"#, &item), Verdict::Deny(_)));
        assert!(matches!(verdict(r#"{"advisories":"warn"}"#, &item), Verdict::Warn(_)));
        assert_eq!(verdict(r#"{"advisories":"ignore"}"#, &item), Verdict::Allow);
        let problems = configured::<SignedReleases>(r#"{"advisories":"denny"}"#).unwrap_err();
        assert_eq!(problems[0].path, "/advisories");
    }

    #[test]
    fn severity_counts_from_where_the_operator_says_and_an_unknown_one_always() {
        let item = affected(&[("A-1", Severity::Medium), ("A-2", Severity::Unknown), ("A-3", Severity::Critical)]);
        assert_eq!(verdict("{}", &item).reasons().len(), 3);
        for (from, count) in [("low", 3), ("medium", 3), ("high", 2), ("critical", 2)] {
            assert_eq!(verdict(&format!(r#"{{"advisories_from":"{from}"}}"#), &item).reasons().len(), count, "{from}");
        }
    }

    #[test]
    fn what_was_looked_at_is_accepted_by_id_or_alias() {
        let mut item = affected(&[("A-1", Severity::High), ("A-2", Severity::High)]);
        assert_eq!(verdict(r#"{"accept_advisories":["a-1","A-2"]}"#, &item), Verdict::Allow);
        item.evidence.facts = vec![("advisory-alias".into(), "A-1 CVE-2026-1".into())];
        let one_left = verdict(r#"{"accept_advisories":["CVE-2026-1"]}"#, &item);
        assert!(one_left.reasons().len() == 1 && one_left.reasons()[0].message.contains("A-2"));
        assert_eq!(verdict(r#"{"accept_advisories":["CVE-2026-2"]}"#, &item).reasons().len(), 2);
    }

    #[test]
    fn what_is_installed_is_only_told() {
        let mut item = affected(&[("A-1", Severity::High)]);
        item.installed = Some("2.1.0".into());
        for settings in ["{}", r#"{"advisories":"deny"}"#] {
            assert!(matches!(verdict(settings, &item), Verdict::Warn(_)), "{settings}");
        }
        item.installed = Some("2.0.0".into());
        assert!(matches!(verdict("{}", &item), Verdict::PassOver(_)));
    }

    #[test]
    fn an_old_feed_is_told() {
        let policy = configured::<SignedReleases>(r#"{"advisories_age":"7d"}"#).unwrap();
        let of = |signed| Job { advisories_as_of: signed, ..job() };
        let item = affected(&[]);
        assert_eq!(policy.review(&of(Some(NOW - 8 * DAY)), &item).codes(), ["stale-advisories"]);
        assert_eq!(policy.review(&of(Some(NOW - 7 * DAY)), &item), Verdict::Allow);
        assert_eq!(policy.review(&of(None), &item), Verdict::Allow);
    }

    #[test]
    fn a_look_alike_is_denied_with_the_way_to_mean_it() {
        let mut item = affected(&[]);
        item.evidence.lookalikes = vec![Lookalike {
            name: "webframework".into(),
            publisher: OTHER_PUBLISHER.into(),
            installed: true,
            known_since: 1,
        }];
        let denied = verdict("{}", &item);
        assert!(matches!(denied, Verdict::Deny(_)));
        assert_eq!(denied.codes(), ["look-alike"]);
        let hint = denied.reasons()[0].hint.clone().unwrap();
        assert_eq!(hint, format!("if you mean web-framework: ggen key trust web-framework {PUBLISHER}"));
        assert!(matches!(verdict(r#"{"lookalikes":"warn"}"#, &item), Verdict::Warn(_)));
        assert_eq!(verdict(r#"{"lookalikes":"ignore"}"#, &item), Verdict::Allow);
    }
}
