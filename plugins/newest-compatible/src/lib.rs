//! The policy `newest-compatible`: what is locked first, then what is installed, then the newest version.
//!
//! It ranks and excludes nothing; which yanked versions and pre-releases are candidates at all is the host's rule.
//! Invariant: a version that was released comes before every pre-release, and a yanked one after everything else.

use ggen_plugin_sdk::prelude::*;

settings! {
    /// Takes what is locked, then what is installed, then the newest version that fits.
    pub struct NewestCompatible {}
}

impl VersionResolution for NewestCompatible {
    fn rank(&self, _: &Job, _: &Request, candidates: &[Candidate]) -> Ranking {
        // Equal keys keep the host's order, which is highest first.
        Ranking::by_key(candidates, |_, one| (!one.locked, !one.installed, one.yanked.is_some(), one.pre_release))
    }
}

export!(NewestCompatible: VersionResolution);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::settings::Settings;
    use ggen_plugin_sdk::testing::{candidate, job, request};

    fn order(candidates: &[Candidate]) -> Vec<&str> {
        let ranking = NewestCompatible::default().rank(&job(), &request("a"), candidates);
        assert!(ranking.excluded.is_empty());
        ranking.order.unwrap().into_iter().map(|index| candidates[index as usize].version.as_str()).collect()
    }

    #[test]
    fn the_newest_release_comes_before_every_pre_release() {
        let all = ["3.0.0-rc.1", "2.1.0", "2.0.0", "1.0.0-beta"].map(candidate);
        assert_eq!(order(&all), ["2.1.0", "2.0.0", "3.0.0-rc.1", "1.0.0-beta"]);
        let only_pre = ["2.0.0-rc.2", "2.0.0-rc.1"].map(candidate);
        assert_eq!(order(&only_pre), ["2.0.0-rc.2", "2.0.0-rc.1"]);
    }

    #[test]
    fn locked_then_installed_then_newest() {
        let mut all = ["4.0.0", "3.0.0", "2.0.0", "1.0.0"].map(candidate);
        all[2].installed = true;
        all[3].locked = true;
        assert_eq!(order(&all), ["1.0.0", "2.0.0", "4.0.0", "3.0.0"]);
    }

    #[test]
    fn a_yanked_version_comes_last_unless_it_is_held_already() {
        let mut all = ["3.0.0", "2.0.0", "1.0.0-rc.1"].map(candidate);
        all[0].yanked = Some("broken".into());
        assert_eq!(order(&all), ["2.0.0", "1.0.0-rc.1", "3.0.0"]);
        all[0].locked = true;
        assert_eq!(order(&all), ["3.0.0", "2.0.0", "1.0.0-rc.1"]);
    }

    #[test]
    fn it_has_no_settings_and_says_so() {
        let problems = NewestCompatible::from_json(r#"{"prefer":"oldest"}"#).unwrap_err();
        assert_eq!(problems[0].message, "there is no setting `prefer`; this policy has none");
    }
}
