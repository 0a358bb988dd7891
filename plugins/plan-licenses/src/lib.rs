//! The policy `plan-licenses`: every licence of the whole closure may be used, whoever pulled it in.
//!
//! It reads SPDX expressions and judges no licence itself: the operator's lists do. It only objects. Invariant: a release
//! needs one way to use it in which every licence is allowed and none is denied; what cannot be read is no such way.

mod path;

use ggen_plugin_sdk::prelude::*;
use ggen_plugin_sdk::types::fact;
use path::Ways;

choice! {
    /// What becomes of a release that states no licence, or none that can be read.
    pub enum Unstated {
        /// The plan is denied.
        Deny = "deny",
        /// It is used, and the user is told.
        Warn = "warn",
        /// It is used.
        Accept = "accept",
    }
}

settings! {
    /// Denies a plan where anything in it has a licence that may not be used, and names who pulled it in.
    pub struct PlanLicenses {
        /// SPDX licences that may be used, `GPL-2.0-only WITH Classpath-exception-2.0` among them. Not given: any that is not denied.
        allow: Option<Vec<String>> = None,
        /// SPDX licences that may not be used.
        deny: Vec<String> = vec![],
        /// What becomes of a release without a licence that can be read, where there is a list: `deny`, `warn` or `accept`.
        unstated: Unstated = Unstated::Deny,
        /// Packages whose licences do not matter, by name; a trailing `*` stands for any ending.
        exempt_names: Vec<String> = vec![],
    }
}

/// What the lists say of a release.
enum Finding {
    Fine,
    /// The licence, and how the sentence about it goes on.
    Forbidden(String),
    Unstated(String),
}

impl PlanLicenses {
    fn finding(&self, release: &Release) -> Finding {
        let Some(license) = &release.license else {
            return Finding::Unstated(match fact(&release.claims, "license") {
                Some(written) => format!("states the licence \"{written}\", which is no SPDX expression"),
                None => "states no licence".to_owned(),
            });
        };
        let Ok(expression) = spdx::Expression::parse(license) else {
            return Finding::Unstated(format!("states the licence \"{license}\", which is no SPDX expression"));
        };
        let allowed = |one: &spdx::License| self.allow.as_ref().is_none_or(|list| one.on(list));
        if expression.has_way(&|one| allowed(one) && !one.on(&self.deny)) {
            return Finding::Fine;
        }
        Finding::Forbidden(if expression.denied_by(&self.deny) {
            format!("is under {license}, which is on the list of denied licences")
        } else if self.deny.is_empty() {
            format!("is under {license}, which is not on the list of licences")
        } else {
            format!("is under {license}, which offers no way with what the lists of licences allow")
        })
    }

    fn verdict(&self, ways: &Ways<'_>, place: usize, item: &Item) -> Verdict {
        if names::on_list(&self.exempt_names, &item.release.name) {
            return Verdict::Abstain;
        }
        let reason = |code: &str, what: String, hint: &str| {
            let Release { name, version, .. } = &item.release;
            let needed = ways.sentence(place).map(|by| format!(" ({by})")).unwrap_or_default();
            vec![Reason::new(code, format!("{name} {version} {what}{needed}")).hint(hint)]
        };
        let ask = "ask whoever keeps this machine's policy, or do without what needs it";
        match self.finding(&item.release) {
            Finding::Fine => Verdict::Abstain,
            Finding::Forbidden(what) => Verdict::Deny(reason("license", what, ask)),
            Finding::Unstated(what) => match self.unstated {
                Unstated::Deny => Verdict::Deny(reason("no-license", what, ask)),
                Unstated::Warn => Verdict::Warn(reason("no-license", what, "ask its publisher under what terms it is")),
                Unstated::Accept => Verdict::Abstain,
            },
        }
    }
}

impl Verification for PlanLicenses {
    fn review(&self, job: &Job, item: &Item) -> Verdict {
        self.review_plan(job, std::slice::from_ref(item)).pop().unwrap_or(Verdict::Abstain)
    }

    fn review_plan(&self, _: &Job, plan: &[Item]) -> Vec<Verdict> {
        if self.allow.is_none() && self.deny.is_empty() {
            return plan.iter().map(|_| Verdict::Abstain).collect();
        }
        let ways = Ways::of(plan);
        plan.iter().enumerate().map(|(place, item)| self.verdict(&ways, place, item)).collect()
    }
}

export!(PlanLicenses: Verification);

#[cfg(test)]
mod tests;
