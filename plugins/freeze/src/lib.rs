//! The policy `freeze`: from a date on nothing newer is taken, so that a release branch or a machine stays as it is.
//!
//! It goes by when this node or a registry that it trusts first saw a version, never by the publisher's own date, and has
//! no preference among what is left: put it before a policy that ranks. Invariant: the installed version is never
//! excluded, and without a date nothing is.

use ggen_plugin_sdk::prelude::*;

settings! {
    /// Excludes versions that were first seen after a date, except those that fix an advisory.
    pub struct Freeze {
        /// The last moment: `2026-01-31` (its first millisecond, UTC) or `2026-01-31T12:00:00Z`. Not given: no freeze.
        until: Option<Date> = None,
        /// A version without an advisory that affects the version before it may be taken all the same.
        allow_fixes: bool = true,
        /// What the lockfile names may be taken all the same.
        allow_locked: bool = false,
        /// Packages that are not frozen, by name; a trailing `*` stands for any ending.
        exempt_names: Vec<String> = vec![],
    }
}

impl Freeze {
    fn excludes(&self, until: Date, candidates: &[Candidate], place: usize, one: &Candidate) -> bool {
        let may_be_taken =
            one.installed || (self.allow_locked && one.locked) || (self.allow_fixes && fixes(candidates, place, one));
        one.witnessed > until.timestamp() && !may_be_taken
    }
}

/// Whether an advisory affects the next lower version and not this one. Of several that are rid of it, that is the
/// lowest alone: the others are not needed for it.
fn fixes(candidates: &[Candidate], place: usize, one: &Candidate) -> bool {
    // A pre-release is not what users of released versions come from.
    let before = candidates.iter().skip(place.saturating_add(1)).find(|lower| one.pre_release || !lower.pre_release);
    let affects = |id: &str| one.advisories.iter().any(|advisory| advisory.id == id);
    before.is_some_and(|lower| lower.advisories.iter().any(|advisory| !affects(&advisory.id)))
}

impl VersionResolution for Freeze {
    fn rank(&self, _: &Job, request: &Request, candidates: &[Candidate]) -> Ranking {
        let Some(until) = self.until.filter(|_| !names::on_list(&self.exempt_names, &request.name)) else {
            return Ranking::none();
        };
        let mut ranking = Ranking::none();
        for ((place, one), number) in candidates.iter().enumerate().zip(0..) {
            if self.excludes(until, candidates, place, one) {
                let seen = Date::from_timestamp(one.witnessed);
                let message =
                    format!("{} {} was first seen on {seen}, after the freeze of {until}", request.name, one.version);
                let reason = Reason::new("frozen", message).hint("ask whoever set the date, or take an older version");
                ranking.excluded.push(Exclusion { candidate: number, reason });
            }
        }
        ranking
    }
}

export!(Freeze: VersionResolution);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{DAY, NOW, candidate, configured, job, request};

    const UNTIL: &str = r#"{"until":"2026-01-31"}"#;
    /// Midnight before [`NOW`].
    const MIDNIGHT: u64 = NOW - DAY / 2;

    fn new(version: &str) -> Candidate {
        Candidate { witnessed: NOW, ..candidate(version) }
    }

    fn affected(mut one: Candidate, ids: &[&str]) -> Candidate {
        let advisory = |id: &&str| Advisory { id: (*id).into(), feed: "acme".into(), severity: Severity::High };
        one.advisories = ids.iter().map(advisory).collect();
        one
    }

    fn excluded(settings: &str, candidates: &[Candidate]) -> Vec<String> {
        let ranking = configured::<Freeze>(settings).unwrap().rank(&job(), &request("a"), candidates);
        assert_eq!(ranking.order, None, "it leaves the order to others");
        ranking.excluded.iter().map(|e| candidates[e.candidate as usize].version.clone()).collect()
    }

    #[test]
    fn what_was_first_seen_after_the_date_is_excluded_with_both_dates() {
        let all = [new("2.0.0"), candidate("1.0.0")];
        assert_eq!(excluded(UNTIL, &all), ["2.0.0"]);
        let ranking = configured::<Freeze>(UNTIL).unwrap().rank(&job(), &request("web"), &all);
        let reason = &ranking.excluded[0].reason;
        assert_eq!(reason.code, "frozen");
        assert_eq!(reason.message, "web 2.0.0 was first seen on 2026-01-31, after the freeze of 2026-01-31");
    }

    #[test]
    fn the_date_itself_is_still_in_and_the_publishers_date_does_not_count() {
        let at = |witnessed: u64| [Candidate { witnessed, published: 0, ..candidate("1.0.0") }];
        assert_eq!(excluded(UNTIL, &at(MIDNIGHT)), [""; 0]);
        assert_eq!(excluded(UNTIL, &at(MIDNIGHT + 1)), ["1.0.0"]);
        assert_eq!(excluded(r#"{"until":"2026-01-31T12:00:00Z"}"#, &at(NOW)), [""; 0]);
        assert_eq!(excluded("{}", &at(u64::MAX)), [""; 0], "no date, no freeze");
        assert_eq!(excluded(UNTIL, &[]), [""; 0]);
    }

    #[test]
    fn the_installed_version_stays_and_a_locked_one_where_that_is_allowed() {
        let installed = Candidate { installed: true, ..new("2.0.0") };
        let locked = Candidate { locked: true, ..new("1.5.0") };
        let all = [new("3.0.0"), installed, locked];
        assert_eq!(excluded(UNTIL, &all), ["3.0.0", "1.5.0"]);
        assert_eq!(excluded(r#"{"until":"2026-01-31","allow_locked":true}"#, &all), ["3.0.0"]);
    }

    #[test]
    fn of_the_versions_without_an_advisory_the_lowest_alone_is_let_in() {
        let all =
            [new("2.0.0"), new("1.0.2"), affected(new("1.0.1"), &["A-1"]), affected(candidate("1.0.0"), &["A-1"])];
        assert_eq!(excluded(UNTIL, &all), ["2.0.0", "1.0.1"]);
        assert_eq!(excluded(r#"{"until":"2026-01-31","allow_fixes":false}"#, &all), ["2.0.0", "1.0.2", "1.0.1"]);
    }

    #[test]
    fn a_version_that_keeps_one_of_two_advisories_still_fixes_the_other() {
        let all = [affected(new("1.1.0"), &["A-2", "A-3"]), affected(candidate("1.0.0"), &["A-1", "A-2"])];
        assert_eq!(excluded(UNTIL, &all), [""; 0]);
        let worse = [affected(new("1.1.0"), &["A-1", "A-2"]), affected(candidate("1.0.0"), &["A-1"])];
        assert_eq!(excluded(UNTIL, &worse), ["1.1.0"]);
    }

    #[test]
    fn a_pre_release_does_not_take_the_fix_away_from_the_release() {
        let all = [new("1.0.1"), new("1.0.1-rc.1"), affected(candidate("1.0.0"), &["A-1"])];
        assert_eq!(excluded(UNTIL, &all), [""; 0]);
    }

    #[test]
    fn names_are_exempt_where_listed_and_a_mistyped_setting_is_refused() {
        let all = [new("2.0.0")];
        assert_eq!(excluded(r#"{"until":"2026-01-31","exempt_names":["a"]}"#, &all), [""; 0]);
        assert_eq!(configured::<Freeze>(r#"{"unitl":"2026-01-31"}"#).unwrap_err()[0].path, "/unitl");
        assert_eq!(configured::<Freeze>(r#"{"until":"soon"}"#).unwrap_err()[0].path, "/until");
    }
}
