//! The policy `minimum-age`: a release waits until it was known for a while, so that others find out first what is wrong
//! with it.
//!
//! It goes by when this node or a registry that it trusts first saw the release, never by the publisher's own date. It
//! only objects. Invariant: what is installed already, what is about to be published, and, unless configured otherwise,
//! what fixes a known advisory need not wait.

use ggen_plugin_sdk::prelude::*;

choice! {
    /// What becomes of a release that is too new.
    pub enum Young {
        /// Another version is taken; where there is none, the plan is denied.
        PassOver = "pass-over",
        /// The plan is denied.
        Deny = "deny",
        /// It is used, and the user is told.
        Warn = "warn",
    }
}

settings! {
    /// Passes over releases that were first seen too short a time ago, except those that fix an advisory.
    pub struct MinimumAge {
        /// How long ago a release must have been first seen by this node, or by a registry that vouches for it.
        min_age: Span = Span::days(7),
        /// What becomes of a release that is too new: `pass-over`, `deny` or `warn`.
        action: Young = Young::PassOver,
        /// A release that fixes an advisory of a trusted feed need not wait.
        allow_fixes: bool = true,
        /// Packages that need not wait, by name; a trailing `*` stands for any ending.
        exempt_names: Vec<String> = vec![],
        /// Publishers whose releases need not wait, by key id or by the operator's alias for one.
        exempt_publishers: Vec<String> = vec![],
        /// Where a release may come from without waiting; the starter registry is a part of the program.
        exempt_origins: Vec<Origin> = vec![Origin::Bundled],
    }
}

impl MinimumAge {
    fn exempt(&self, job: &Job, item: &Item) -> bool {
        job.task == Task::Publish
            || item.is_installed()
            || (self.allow_fixes && !item.evidence.fixes.is_empty())
            || self.exempt_origins.contains(&item.origin)
            || names::on_list(&self.exempt_names, &item.release.name)
            || item.publisher_on(&self.exempt_publishers)
    }
}

impl Verification for MinimumAge {
    fn review(&self, job: &Job, item: &Item) -> Verdict {
        let witnessed = item.evidence.witnessed;
        // Beyond what time can be, nothing is ever old enough.
        let from = witnessed.checked_add(self.min_age.as_millis());
        if from.is_some_and(|from| from <= job.now) || self.exempt(job, item) {
            return Verdict::Abstain;
        }
        let Release { name, version, .. } = &item.release;
        let seen = Date::from_timestamp(witnessed);
        let message = format!("{name} {version} is known since {seen} only, and must be for {}", self.min_age);
        let hint = match from {
            Some(from) => format!("try again after {}, or ask for an older version", Date::from_timestamp(from)),
            None => "ask for another package".to_owned(),
        };
        let reasons = vec![Reason::new("too-new", message).hint(hint)];
        match self.action {
            Young::PassOver => Verdict::PassOver(reasons),
            Young::Deny => Verdict::Deny(reasons),
            Young::Warn => Verdict::Warn(reasons),
        }
    }
}

export!(MinimumAge: Verification);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{DAY, NOW, PUBLISHER, configured, item, job, job_of};

    fn verdict(settings: &str, change: impl FnOnce(&mut Item)) -> Verdict {
        verdict_for(&job(), settings, change)
    }

    fn verdict_for(job: &Job, settings: &str, change: impl FnOnce(&mut Item)) -> Verdict {
        let mut item = item("web-framework", "2.1.0");
        item.evidence.witnessed = NOW - DAY;
        change(&mut item);
        configured::<MinimumAge>(settings).unwrap().review(job, &item)
    }

    #[test]
    fn what_is_new_is_passed_over_with_the_day_from_which_it_is_not() {
        let passed = verdict("{}", |_| ());
        assert!(matches!(passed, Verdict::PassOver(_)), "{passed:?}");
        let reason = &passed.reasons()[0];
        assert_eq!(reason.code, "too-new");
        assert_eq!(reason.message, "web-framework 2.1.0 is known since 2026-01-30 only, and must be for 7d");
        assert_eq!(reason.hint.as_deref(), Some("try again after 2026-02-06, or ask for an older version"));
    }

    #[test]
    fn on_the_very_moment_it_is_old_enough_and_the_publishers_date_does_not_count() {
        let aged = |age: u64| move |item: &mut Item| item.evidence.witnessed = NOW - age;
        assert_eq!(verdict("{}", aged(7 * DAY)), Verdict::Abstain);
        assert_eq!(verdict("{}", aged(7 * DAY - 1)).codes(), ["too-new"]);
        assert_eq!(verdict("{}", |item| item.release.published = 0).codes(), ["too-new"]);
        assert_eq!(verdict(r#"{"min_age":"1d"}"#, |_| ()), Verdict::Abstain);
        assert_eq!(verdict("{}", |item| item.evidence.witnessed = NOW + DAY).codes(), ["too-new"]);
        assert_eq!(verdict("{}", |item| item.evidence.witnessed = u64::MAX).codes(), ["too-new"]);
        assert_eq!(verdict(r#"{"min_age":"0s"}"#, |_| ()), Verdict::Abstain);
    }

    #[test]
    fn the_operator_says_what_becomes_of_it() {
        assert!(matches!(verdict(r#"{"action":"deny"}"#, |_| ()), Verdict::Deny(_)));
        assert!(matches!(verdict(r#"{"action":"warn"}"#, |_| ()), Verdict::Warn(_)));
        let problems = configured::<MinimumAge>(r#"{"action":"allow"}"#).unwrap_err();
        assert_eq!(problems[0].path, "/action");
    }

    #[test]
    fn a_fix_need_not_wait_unless_the_operator_wants_it_to() {
        let fixes = |item: &mut Item| {
            let advisory = Advisory { id: "A-1".into(), feed: "acme".into(), severity: Severity::High };
            item.evidence.fixes = vec![advisory];
        };
        assert_eq!(verdict("{}", fixes), Verdict::Abstain);
        assert_eq!(verdict(r#"{"allow_fixes":false}"#, fixes).codes(), ["too-new"]);
        // That it is affected by one is no reason for haste.
        let affected = |item: &mut Item| {
            item.evidence.advisories =
                vec![Advisory { id: "A-2".into(), feed: "acme".into(), severity: Severity::High }];
        };
        assert_eq!(verdict("{}", affected).codes(), ["too-new"]);
    }

    #[test]
    fn what_is_installed_or_about_to_be_published_need_not_wait() {
        assert_eq!(verdict("{}", |item| item.installed = Some("2.1.0".into())), Verdict::Abstain);
        assert_eq!(verdict("{}", |item| item.installed = Some("2.0.0".into())).codes(), ["too-new"]);
        assert_eq!(verdict_for(&job_of(Task::Publish), "{}", |_| ()), Verdict::Abstain);
    }

    #[test]
    fn names_publishers_and_origins_are_exempt_where_listed() {
        assert_eq!(verdict(r#"{"exempt_names":["web-*"]}"#, |_| ()), Verdict::Abstain);
        assert_eq!(verdict(&format!(r#"{{"exempt_publishers":["{PUBLISHER}"]}}"#), |_| ()), Verdict::Abstain);
        let bundled = |item: &mut Item| item.origin = Origin::Bundled;
        assert_eq!(verdict("{}", bundled), Verdict::Abstain);
        assert_eq!(verdict(r#"{"exempt_origins":[]}"#, bundled).codes(), ["too-new"]);
    }

    #[test]
    fn a_mistyped_setting_is_refused() {
        let problems = configured::<MinimumAge>(r#"{"min_ago":"7d","min_age":7}"#).unwrap_err();
        let mut paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/min_age", "/min_ago"]);
    }
}
