//! The policy `org-allowlist`: only what an organization lists may be used.
//!
//! It never looks at versions or evidence and never loosens another policy's word. Invariant: a list that is given decides
//! for every release, also an empty one (nothing is allowed); a list that is not given does not restrict.

use ggen_plugin_sdk::prelude::*;
use ggen_plugin_sdk::types::fact;

settings! {
    /// Denies what is not on the organization's lists of names, publishers and licences.
    pub struct OrgAllowlist {
        /// Packages that may be used, by name; a trailing `*` stands for any ending. Not given: any name.
        names: Option<Vec<String>> = None,
        /// Publishers that may be used, by key id or by the operator's alias for one. Not given: any publisher.
        publishers: Option<Vec<String>> = None,
        /// SPDX licences that may be used; an expression must offer a way with these alone. Not given: any licence.
        licenses: Option<Vec<String>> = None,
    }
}

impl OrgAllowlist {
    fn name(&self, item: &Item) -> Option<Reason> {
        let list = self.names.as_ref()?;
        let name = &item.release.name;
        (!names::on_list(list, name)).then(|| Reason::new("name", format!("{name} is not on the list of packages")))
    }

    fn publisher(&self, item: &Item) -> Option<Reason> {
        let list = self.publishers.as_ref()?;
        let shown = item.evidence.alias.as_ref().unwrap_or(&item.release.publisher);
        (!item.publisher_on(list))
            .then(|| Reason::new("publisher", format!("the publisher {shown} is not on the list of publishers")))
    }

    fn license(&self, item: &Item) -> Option<Reason> {
        let list = self.licenses.as_ref()?;
        let message = match &item.release.license {
            None => match fact(&item.release.claims, "license") {
                Some(written) => format!("its licence \"{written}\" is no SPDX expression"),
                None => "it states no licence".to_owned(),
            },
            Some(license) => match spdx::Expression::parse(license) {
                Ok(expression) if expression.allowed_by(list) => return None,
                Ok(_) => format!("{license} is not on the list of licences"),
                Err(_) => format!("its licence \"{license}\" is no SPDX expression"),
            },
        };
        Some(Reason::new("license", message))
    }
}

impl Verification for OrgAllowlist {
    fn review(&self, _: &Job, item: &Item) -> Verdict {
        let denied = [self.name(item), self.publisher(item), self.license(item)].into_iter().flatten();
        let hint = "ask whoever keeps this machine's policy";
        Verdict::strictest(denied.map(|reason| reason.hint(hint)).collect(), vec![], vec![])
    }
}

export!(OrgAllowlist: Verification);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{PUBLISHER, configured, item, job};

    fn verdict(settings: &str, change: impl FnOnce(&mut Item)) -> Verdict {
        let mut item = item("web-framework", "2.1.0");
        change(&mut item);
        configured::<OrgAllowlist>(settings).unwrap().review(&job(), &item)
    }

    #[test]
    fn without_lists_nothing_is_restricted() {
        assert_eq!(verdict("{}", |_| ()), Verdict::Allow);
        assert_eq!(verdict(r#"{"names":null}"#, |_| ()), Verdict::Allow);
    }

    #[test]
    fn names_are_compared_normalized_and_may_end_in_a_star() {
        assert_eq!(verdict(r#"{"names":["Web_Framework"]}"#, |_| ()), Verdict::Allow);
        assert_eq!(verdict(r#"{"names":["web-*"]}"#, |_| ()), Verdict::Allow);
        assert_eq!(verdict(r#"{"names":["web"]}"#, |_| ()).codes(), ["name"]);
        assert_eq!(verdict(r#"{"names":[]}"#, |_| ()).codes(), ["name"]);
    }

    #[test]
    fn publishers_are_listed_by_key_or_alias() {
        assert_eq!(verdict(&format!(r#"{{"publishers":["{PUBLISHER}"]}}"#), |_| ()), Verdict::Allow);
        let acme = r#"{"publishers":["acme"]}"#;
        assert_eq!(verdict(acme, |item| item.evidence.alias = Some("acme".into())), Verdict::Allow);
        assert_eq!(verdict(acme, |_| ()).codes(), ["publisher"]);
    }

    #[test]
    fn a_licence_must_offer_a_way_with_what_is_listed() {
        let list = r#"{"licenses":["MIT","Apache-2.0"]}"#;
        assert_eq!(verdict(list, |_| ()), Verdict::Allow);
        assert_eq!(verdict(list, |item| item.release.license = Some("GPL-3.0-only OR MIT".into())), Verdict::Allow);
        let denied = verdict(list, |item| item.release.license = Some("GPL-3.0-only".into()));
        assert_eq!(denied.reasons()[0].message, "GPL-3.0-only is not on the list of licences");
        assert_eq!(verdict(list, |item| item.release.license = None).codes(), ["license"]);
        let unreadable = verdict(list, |item| {
            item.release.license = None;
            item.release.claims = vec![("license".into(), "do what you like".into())];
        });
        assert!(unreadable.reasons()[0].message.contains("do what you like"));
    }

    #[test]
    fn every_list_is_told_at_once() {
        let all = verdict(r#"{"names":["x"],"publishers":["y"],"licenses":["ISC"]}"#, |_| ());
        assert!(matches!(all, Verdict::Deny(_)));
        assert_eq!(all.codes(), ["name", "publisher", "license"]);
        assert!(all.reasons().iter().all(|reason| reason.hint.is_some()));
    }

    #[test]
    fn a_mistyped_list_is_refused() {
        let problems = configured::<OrgAllowlist>(r#"{"licences":["MIT"]}"#).unwrap_err();
        assert_eq!(problems[0].path, "/licences");
        assert!(problems[0].message.contains("`licenses`"));
    }
}
