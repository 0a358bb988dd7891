//! The policy `signed-releases`: a release is used only where its signatures and this node's evidence say that it is the
//! publisher's and still stands, and no deny list names it.
//!
//! It trusts no word of the publisher for this, and never makes up for what the core refuses. Invariant: every reason against a
//! release is told, and the gravest decides; what is already installed is not passed over for being yanked or affected.

mod objections;

use ggen_plugin_sdk::prelude::*;
use ggen_plugin_sdk::types::fact;

use crate::objections::{Findings, Least, Objection, grade, weight};

settings! {
    /// Denies other publishers, look-alikes, equivocation, revoked and unsigned releases and deny lists; passes over yanked
    /// releases and those that an advisory affects.
    pub struct SignedReleases {
        /// Publishers that are never used, by key id or by the operator's alias for one.
        deny_publishers: Vec<String> = vec![],
        /// Packages that are never used, by name; a trailing `*` stands for any ending.
        deny_names: Vec<String> = vec![],
        /// SPDX licences that are never used: a release is denied where every way to use it needs one of them.
        deny_licenses: Vec<String> = vec![],
        /// What becomes of a release that an advisory of a trusted feed affects: `pass-over`, `deny`, `warn` or `ignore`.
        advisories: Objection = Objection::PassOver,
        /// The least severity for that: `low`, `medium`, `high` or `critical`; one that is not known always counts.
        advisories_from: Least = Least::Low,
        /// Advisories that somebody looked at and that are no matter here, by id or alias.
        accept_advisories: Vec<String> = vec![],
        /// How old the oldest feed of advisories may be before that is told. Not given: as old as it likes.
        advisories_age: Option<Span> = None,
        /// What becomes of a package whose name is not bound here and looks like an established one of somebody else:
        /// `deny`, `pass-over`, `warn` or `ignore`.
        lookalikes: Objection = Objection::Deny,
    }
}

impl SignedReleases {
    /// What forbids the release by the evidence for it.
    fn by_evidence(job: &Job, item: &Item) -> Vec<Reason> {
        let (release, evidence) = (&item.release, &item.evidence);
        let name = &release.name;
        let mut reasons = Vec::new();
        if let Some(bound) = evidence.bound_publisher.as_ref().filter(|bound| **bound != release.publisher) {
            let message =
                format!("{name} belongs to {} here, and this is from {}", short(bound), short(&release.publisher));
            let hint = format!("if you mean this publisher: ggen key trust {name} {}", release.publisher);
            reasons.push(Reason::new("other-publisher", message).hint(hint));
        }
        if evidence.equivocated {
            let message = format!("its publisher signed two different lists of releases of {name} under one number");
            reasons.push(Reason::new("equivocation", message).hint("ask the publisher which one is meant"));
        }
        if evidence.revoked {
            let message = "the key that signed it is revoked, or the release itself is".to_owned();
            reasons.push(Reason::new("revoked", message).hint("take another version"));
        }
        // A release is signed only after it was reviewed for publishing.
        if !evidence.signed && job.task != Task::Publish {
            let hint = "ask its publisher for a signed release";
            reasons.push(Reason::new("unsigned", "nobody signed it".to_owned()).hint(hint));
        }
        reasons
    }

    /// What forbids the release by the operator's lists.
    fn by_lists(&self, item: &Item) -> Vec<Reason> {
        let release = &item.release;
        let alias = item.evidence.alias.as_deref();
        let mut reasons = Vec::new();
        if item.publisher_on(&self.deny_publishers) {
            let shown = alias.map_or_else(|| short(&release.publisher), str::to_owned);
            reasons.push(Reason::new("publisher", format!("the publisher {shown} is on the deny list")));
        }
        if names::on_list(&self.deny_names, &release.name) {
            reasons.push(Reason::new("name", format!("{} is on the deny list", release.name)));
        }
        if let Some(license) = self.denied_license(release) {
            reasons.push(Reason::new("license", format!("{license} is on the deny list")));
        }
        reasons
    }

    /// The licence text that the deny list closes. What is no SPDX expression is denied where a listed id stands in it: a
    /// publisher must not get past the list by writing a licence badly.
    fn denied_license<'a>(&self, release: &'a Release) -> Option<&'a str> {
        if self.deny_licenses.is_empty() {
            return None;
        }
        let written = release.license.as_deref().or_else(|| fact(&release.claims, "license"))?;
        let denied = match spdx::Expression::parse(written) {
            Ok(expression) => expression.denied_by(&self.deny_licenses),
            Err(_) => {
                let words =
                    written.split(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '.'));
                words.into_iter().any(|word| self.deny_licenses.iter().any(|entry| entry.eq_ignore_ascii_case(word)))
            }
        };
        denied.then_some(written)
    }

    /// What the user should know, though nothing forbids it.
    fn warnings(job: &Job, item: &Item) -> Vec<Reason> {
        let (release, evidence) = (&item.release, &item.evidence);
        let mut reasons = Vec::new();
        if evidence.bound_publisher.is_none() && job.task != Task::Publish {
            let known = evidence.alias.clone().unwrap_or_else(|| short(&release.publisher));
            let message = format!("first use of {}: from now on it belongs to {known} here", release.name);
            let hint = format!("compare the publisher's key id by another way: {}", release.publisher);
            reasons.push(Reason::new("first-use", message).hint(hint));
        }
        let expires = fact(&evidence.facts, "head-expires").and_then(|text| text.parse::<u64>().ok());
        if let Some(expires) = expires.filter(|expires| job.now > *expires) {
            let until = Date::from_timestamp(expires);
            let message =
                format!("the list of releases of {} was valid until {until}: newer ones may exist", release.name);
            reasons.push(Reason::new("stale-head", message).hint("ggen marketplace update"));
        }
        reasons
    }

    fn yanked(item: &Item) -> Option<Reason> {
        let why = item.release.yanked.as_ref()?;
        if item.is_installed() {
            return None;
        }
        let because = if why.trim_ascii().is_empty() { String::new() } else { format!(": {why}") };
        let message = format!("its publisher withdrew {} {}{because}", item.release.name, item.release.version);
        Some(Reason::new("yanked", message))
    }
}

/// The beginning of a key id, as people compare it.
fn short(key: &str) -> String {
    match key.char_indices().nth(16).and_then(|(end, _)| key.get(..end)) {
        Some(beginning) => format!("{beginning}…"),
        None => key.to_owned(),
    }
}

impl SignedReleases {
    /// What is known to be wrong with the release.
    fn by_advisories(&self, job: &Job, item: &Item, found: &mut Findings) {
        let Release { name, version, .. } = &item.release;
        for advisory in item.evidence.advisories.iter().filter(|advisory| self.counts(item, advisory)) {
            let grade = grade(advisory.severity);
            let message = format!("{name} {version} is affected by {} ({grade}, says {})", advisory.id, advisory.feed);
            let hint =
                format!("take another version; if it is no matter here: accept_advisories = [\"{}\"]", advisory.id);
            let objection = match self.advisories {
                Objection::Deny | Objection::PassOver if item.is_installed() => Objection::Warn,
                objection => objection,
            };
            found.object(objection, Reason::new("affected", message).hint(hint));
        }
        let Some((age, signed)) = self.advisories_age.zip(job.advisories_as_of) else { return };
        if signed.checked_add(age.as_millis()).is_some_and(|until| until < job.now) {
            let message =
                format!("the oldest feed of advisories is of {}, and may be {age} old", Date::from_timestamp(signed));
            found.warn.push(Reason::new("stale-advisories", message).hint("ggen marketplace upgrade"));
        }
    }

    fn counts(&self, item: &Item, advisory: &Advisory) -> bool {
        let accepted = |id: &str| self.accept_advisories.iter().any(|entry| entry.eq_ignore_ascii_case(id));
        let names = |fact: &str| fact.split_once(' ').is_some_and(|(id, alias)| id == advisory.id && accepted(alias));
        let by_alias = item.evidence.facts.iter().any(|(key, fact)| key == "advisory-alias" && names(fact));
        let from = match self.advisories_from {
            Least::Low => 1,
            Least::Medium => 2,
            Least::High => 3,
            Least::Critical => 4,
        };
        weight(advisory.severity) >= from && !accepted(&advisory.id) && !by_alias
    }

    /// Whom the name could be taken for.
    fn by_looks(&self, item: &Item, found: &mut Findings) {
        let Some(established) = item.evidence.lookalikes.first() else { return };
        let Release { name, publisher, .. } = &item.release;
        let known = if established.installed { "is installed here" } else { "is established here" };
        let message = format!("{name} looks like {}, which {known} and is another publisher's", established.name);
        let hint = format!("if you mean {name}: ggen key trust {name} {publisher}");
        found.object(self.lookalikes, Reason::new("look-alike", message).hint(hint));
    }
}

impl Verification for SignedReleases {
    fn review(&self, job: &Job, item: &Item) -> Verdict {
        let mut found = Findings { deny: Self::by_evidence(job, item), ..Findings::default() };
        found.deny.append(&mut self.by_lists(item));
        found.pass_over.extend(Self::yanked(item));
        self.by_advisories(job, item, &mut found);
        self.by_looks(item, &mut found);
        found.warn.append(&mut Self::warnings(job, item));
        Verdict::strictest(found.deny, found.pass_over, found.warn)
    }
}

export!(SignedReleases: Verification);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{NOW, OTHER_PUBLISHER, PUBLISHER, configured, item, job, job_of};

    fn verdict(settings: &str, change: impl FnOnce(&mut Item)) -> Verdict {
        verdict_for(&job(), settings, change)
    }

    fn verdict_for(job: &Job, settings: &str, change: impl FnOnce(&mut Item)) -> Verdict {
        let mut item = item("web-framework", "2.1.0");
        change(&mut item);
        configured::<SignedReleases>(settings).unwrap().review(job, &item)
    }

    #[test]
    fn an_ordinary_release_is_allowed() {
        assert_eq!(verdict("{}", |_| ()), Verdict::Allow);
    }

    #[test]
    fn another_publisher_is_denied_with_the_way_to_change_that() {
        let denied = verdict("{}", |item| item.release.publisher = OTHER_PUBLISHER.into());
        assert!(matches!(denied, Verdict::Deny(_)));
        assert_eq!(denied.codes(), ["other-publisher"]);
        let hint = denied.reasons()[0].hint.clone().unwrap();
        assert!(hint.ends_with(&format!("ggen key trust web-framework {OTHER_PUBLISHER}")), "{hint}");
    }

    #[test]
    fn equivocation_revocation_and_no_signature_are_denied_together() {
        let denied = verdict("{}", |item| {
            item.evidence.equivocated = true;
            item.evidence.revoked = true;
            item.evidence.signed = false;
        });
        assert!(matches!(denied, Verdict::Deny(_)));
        assert_eq!(denied.codes(), ["equivocation", "revoked", "unsigned"]);
    }

    #[test]
    fn what_is_about_to_be_published_need_not_be_signed_nor_bound() {
        let allowed = verdict_for(&job_of(Task::Publish), "{}", |item| {
            item.evidence.signed = false;
            item.evidence.bound_publisher = None;
        });
        assert_eq!(allowed, Verdict::Allow);
    }

    #[test]
    fn a_yanked_release_is_passed_over_unless_it_is_installed() {
        let yank = |item: &mut Item| item.release.yanked = Some("leaks".into());
        let passed = verdict("{}", yank);
        assert!(matches!(passed, Verdict::PassOver(_)));
        assert_eq!(passed.reasons()[0].message, "its publisher withdrew web-framework 2.1.0: leaks");
        let held = verdict("{}", |item| {
            yank(item);
            item.installed = Some("2.1.0".into());
        });
        assert_eq!(held, Verdict::Allow);
        let older = verdict("{}", |item| {
            yank(item);
            item.installed = Some("2.0.0".into());
        });
        assert_eq!(older.codes(), ["yanked"]);
    }

    #[test]
    fn first_use_is_told() {
        let warned = verdict("{}", |item| item.evidence.bound_publisher = None);
        assert!(matches!(warned, Verdict::Warn(_)));
        assert_eq!(warned.codes(), ["first-use"]);
        assert!(warned.reasons()[0].hint.clone().unwrap().ends_with(PUBLISHER));
    }

    #[test]
    fn a_head_is_stale_only_after_it_expired() {
        let expires = |at: String| move |item: &mut Item| item.evidence.facts = vec![("head-expires".into(), at)];
        assert_eq!(verdict("{}", expires((NOW - 1).to_string())).codes(), ["stale-head"]);
        assert_eq!(verdict("{}", expires(NOW.to_string())), Verdict::Allow);
        assert_eq!(verdict("{}", expires("soon".into())), Verdict::Allow);
    }

    #[test]
    fn deny_lists_name_publishers_packages_and_licences() {
        assert_eq!(verdict(&format!(r#"{{"deny_publishers":["{PUBLISHER}"]}}"#), |_| ()).codes(), ["publisher"]);
        let alias = verdict(r#"{"deny_publishers":["acme"]}"#, |item| item.evidence.alias = Some("acme".into()));
        assert_eq!(alias.codes(), ["publisher"]);
        assert_eq!(verdict(r#"{"deny_names":["Web_*"]}"#, |_| ()).codes(), ["name"]);
        let mit = r#"{"deny_licenses":["MIT"]}"#;
        assert_eq!(verdict(mit, |_| ()).codes(), ["license"]);
        assert_eq!(verdict(mit, |item| item.release.license = Some("MIT OR ISC".into())), Verdict::Allow);
        assert_eq!(verdict(mit, |item| item.release.license = None), Verdict::Allow);
    }

    #[test]
    fn a_badly_written_licence_does_not_get_past_the_list() {
        let denied = verdict(r#"{"deny_licenses":["AGPL-3.0-only"]}"#, |item| {
            item.release.license = None;
            item.release.claims = vec![("license".into(), "see LICENSE (agpl-3.0-only, mostly)".into())];
        });
        assert_eq!(denied.codes(), ["license"]);
    }

    #[test]
    fn the_gravest_finding_decides() {
        let all = verdict(r#"{"deny_names":["*"]}"#, |item| {
            item.release.yanked = Some(String::new());
            item.evidence.bound_publisher = None;
        });
        assert!(matches!(all, Verdict::Deny(_)));
        assert_eq!(all.codes(), ["name", "yanked"]);
        assert_eq!(all.reasons()[1].message, "its publisher withdrew web-framework 2.1.0");
    }

    #[test]
    fn a_mistyped_setting_is_refused() {
        let problems = configured::<SignedReleases>(r#"{"deny_name":["x"]}"#).unwrap_err();
        assert_eq!(problems[0].path, "/deny_name");
    }
}
