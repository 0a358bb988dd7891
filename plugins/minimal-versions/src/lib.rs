//! The policy `minimal-versions`: builds with the lowest versions that the requirements allow, so that an author learns
//! whether the stated lower bounds are true.
//!
//! It ranks and excludes nothing. Invariant: what is locked stays first, since a lock must hold; then the lowest version,
//! released ones before pre-releases, and yanked ones after everything else.

use ggen_plugin_sdk::prelude::*;

settings! {
    /// Takes the lowest version that fits; what is locked holds.
    pub struct MinimalVersions {}
}

impl VersionResolution for MinimalVersions {
    fn rank(&self, _: &Job, _: &Request, candidates: &[Candidate]) -> Ranking {
        // Candidates come highest first: counted from the end, the lowest version has the smallest place.
        let lowest_first = |index: usize| candidates.len() - index;
        Ranking::by_key(candidates, |index, one| {
            (!one.locked, one.yanked.is_some(), one.pre_release, lowest_first(index))
        })
    }
}

export!(MinimalVersions: VersionResolution);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{candidate, job, request};

    fn order(candidates: &[Candidate]) -> Vec<&str> {
        let ranking = MinimalVersions::default().rank(&job(), &request("a"), candidates);
        assert!(ranking.excluded.is_empty());
        ranking.order.unwrap().into_iter().map(|index| candidates[index as usize].version.as_str()).collect()
    }

    #[test]
    fn the_lowest_release_comes_first() {
        let all = ["2.1.0", "2.1.0-rc.1", "2.0.0", "1.0.0", "0.9.0-beta"].map(candidate);
        assert_eq!(order(&all), ["1.0.0", "2.0.0", "2.1.0", "0.9.0-beta", "2.1.0-rc.1"]);
    }

    #[test]
    fn a_lock_holds_and_what_is_installed_does_not_count() {
        let mut all = ["3.0.0", "2.0.0", "1.0.0"].map(candidate);
        all[0].installed = true;
        all[1].locked = true;
        assert_eq!(order(&all), ["2.0.0", "1.0.0", "3.0.0"]);
    }

    #[test]
    fn yanked_versions_come_last() {
        let mut all = ["2.0.0", "1.0.0"].map(candidate);
        all[1].yanked = Some("broken".into());
        assert_eq!(order(&all), ["2.0.0", "1.0.0"]);
        assert_eq!(order(&[]), [""; 0]);
    }
}
