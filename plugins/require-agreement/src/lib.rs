//! The policy `require-agreement`: a release is used only where enough sources in enough networks agree on its
//! publisher's list of releases, or a trusted registry vouches for it.
//!
//! Against who shows this machine alone another, older or forged list. It counts what the host counted and only objects.
//! Invariant: a voucher counts for the very release alone, and where a number is 0 it asks nothing.

use ggen_plugin_sdk::prelude::*;

settings! {
    /// Denies a release whose list too few sources in too few networks agree on, and for which no registry vouches.
    pub struct RequireAgreement {
        /// How many peers and registries must have given the same list of the publisher's releases.
        sources: u32 = 2,
        /// In how many networks (/24 of IPv4, /48 of IPv6) they must be; registries on this disk are in none.
        subnets: u32 = 2,
        /// A configured registry that lists this very release is enough.
        accept_voucher: bool = true,
        /// Packages that need no agreement, by name; a trailing `*` stands for any ending.
        exempt_names: Vec<String> = vec![],
        /// Publishers whose releases need none, by key id or by the operator's alias for one.
        exempt_publishers: Vec<String> = vec![],
        /// Where a release may come from without it: a file that the user named, the starter registry.
        exempt_origins: Vec<Origin> = vec![Origin::File, Origin::Bundled],
    }
}

impl RequireAgreement {
    fn exempt(&self, job: &Job, item: &Item) -> bool {
        job.task == Task::Publish
            || item.is_installed()
            || self.exempt_origins.contains(&item.origin)
            || names::on_list(&self.exempt_names, &item.release.name)
            || item.publisher_on(&self.exempt_publishers)
    }

    fn vouched(&self, item: &Item) -> bool {
        self.accept_voucher && item.evidence.vouchers.iter().any(|voucher| voucher.release)
    }
}

/// `1 source`, `3 sources`.
fn counted(number: u32, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

impl Verification for RequireAgreement {
    fn review(&self, job: &Job, item: &Item) -> Verdict {
        let (sources, subnets) = (item.evidence.agreeing_sources, item.evidence.agreeing_subnets);
        let agreed = sources >= self.sources && subnets >= self.subnets;
        if agreed || self.vouched(item) || self.exempt(job, item) {
            return Verdict::Abstain;
        }
        let Release { name, version, .. } = &item.release;
        let message = format!(
            "{name} {version} is known from {} in {}, where {} in {} must agree",
            counted(sources, "source"),
            counted(subnets, "network"),
            counted(self.sources, "source"),
            counted(self.subnets, "network"),
        );
        let hint = if self.accept_voucher {
            "join more of the network (ggen marketplace p2p status), or name a registry that lists it"
        } else {
            "join more of the network: ggen marketplace p2p status"
        };
        Verdict::Deny(vec![Reason::new("too-few-agree", message).hint(hint)])
    }
}

export!(RequireAgreement: Verification);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{NOW, PUBLISHER, configured, item, job, job_of};

    fn verdict(settings: &str, change: impl FnOnce(&mut Item)) -> Verdict {
        verdict_for(&job(), settings, change)
    }

    fn verdict_for(job: &Job, settings: &str, change: impl FnOnce(&mut Item)) -> Verdict {
        let mut item = item("web-framework", "2.1.0");
        item.evidence.agreeing_sources = 3;
        item.evidence.agreeing_subnets = 1;
        change(&mut item);
        configured::<RequireAgreement>(settings).unwrap().review(job, &item)
    }

    fn vouched(release: bool) -> impl FnOnce(&mut Item) {
        move |item| item.evidence.vouchers = vec![Voucher { registry: "acme".into(), release, since: NOW }]
    }

    #[test]
    fn many_sources_in_one_network_are_not_enough() {
        let denied = verdict("{}", |_| ());
        assert!(matches!(denied, Verdict::Deny(_)));
        assert_eq!(
            denied.reasons()[0].message,
            "web-framework 2.1.0 is known from 3 sources in 1 network, where 2 sources in 2 networks must agree"
        );
        assert_eq!(verdict("{}", |item| item.evidence.agreeing_subnets = 2), Verdict::Abstain);
        assert_eq!(verdict(r#"{"subnets":1}"#, |_| ()), Verdict::Abstain);
        assert_eq!(verdict(r#"{"subnets":1,"sources":4}"#, |_| ()).codes(), ["too-few-agree"]);
        assert_eq!(verdict(r#"{"subnets":0,"sources":0}"#, |_| ()), Verdict::Abstain);
    }

    #[test]
    fn a_voucher_for_this_very_release_is_enough_where_it_is_accepted() {
        assert_eq!(verdict("{}", vouched(true)), Verdict::Abstain);
        assert_eq!(verdict("{}", vouched(false)).codes(), ["too-few-agree"]);
        let denied = verdict(r#"{"accept_voucher":false}"#, vouched(true));
        assert_eq!(denied.codes(), ["too-few-agree"]);
        assert!(!denied.reasons()[0].hint.clone().unwrap().contains("registry"));
    }

    #[test]
    fn files_and_the_starter_registry_are_exempt_unless_configured_otherwise() {
        for (origin, free) in
            [(Origin::File, true), (Origin::Bundled, true), (Origin::Store, false), (Origin::Registry, false)]
        {
            let from = |item: &mut Item| item.origin = origin;
            assert_eq!(verdict("{}", from) == Verdict::Abstain, free, "{origin}");
            assert_eq!(verdict(r#"{"exempt_origins":[]}"#, from).codes(), ["too-few-agree"]);
        }
        let store = r#"{"exempt_origins":["store"]}"#;
        assert_eq!(verdict(store, |item| item.origin = Origin::Store), Verdict::Abstain);
    }

    #[test]
    fn what_is_installed_published_or_listed_needs_none() {
        assert_eq!(verdict("{}", |item| item.installed = Some("2.1.0".into())), Verdict::Abstain);
        assert_eq!(verdict_for(&job_of(Task::Publish), "{}", |_| ()), Verdict::Abstain);
        assert_eq!(verdict(r#"{"exempt_names":["web-framework"]}"#, |_| ()), Verdict::Abstain);
        assert_eq!(verdict(&format!(r#"{{"exempt_publishers":["{PUBLISHER}"]}}"#), |_| ()), Verdict::Abstain);
    }

    #[test]
    fn a_mistyped_setting_is_refused() {
        assert_eq!(configured::<RequireAgreement>(r#"{"source":1}"#).unwrap_err()[0].path, "/source");
        assert_eq!(configured::<RequireAgreement>(r#"{"sources":-1}"#).unwrap_err()[0].path, "/sources");
    }
}
