//! The policy `air-gap`: no job touches the network, but for origins that the operator names.
//!
//! It decides where a job may look; it never judges what is found there. Invariant: an origin that uses the network and is
//! not named is in no route and never turned to, in whatever job and whatever goes wrong.

use ggen_plugin_sdk::prelude::*;

settings! {
    /// Keeps every job off the network: files, the store, the registry on this disk and the starter registry alone.
    pub struct AirGap {
        /// Origins that use the network and may be used all the same: `organization`, `local-network`, `peers`.
        allow: Vec<Origin> = vec![],
    }
}

/// What is asked side by side, the nearest first.
const STAGES: [&[Origin]; 4] = [
    &[Origin::File],
    &[Origin::Store, Origin::Registry, Origin::Organization],
    &[Origin::LocalNetwork, Origin::Peers],
    &[Origin::Bundled],
];

const HINT: &str =
    "carry it here as a file: `ggen marketplace publish --output DIR` there, `ggen marketplace install FILE` here";

impl AirGap {
    fn usable(&self, job: &Job, origin: Origin) -> bool {
        !origin.uses_network() || (!job.offline && self.allow.contains(&origin))
    }
}

fn sentence(situation: &Situation) -> String {
    let what = situation.package.as_deref().unwrap_or("something");
    let happened = match situation.trouble {
        Trouble::Unreachable => "cannot be reached",
        Trouble::TimedOut => "did not answer in time",
        Trouble::Incomplete => "did not tell everything",
        Trouble::Corrupt => "has something else than what was signed",
        Trouble::Exhausted => "could not deliver it",
    };
    let origin = situation.origin;
    format!("{what} cannot be had: the {origin} {happened}, and this machine is kept off the network")
}

impl FallbackPolicy for AirGap {
    fn route(&self, job: &Job, offered: &[Origin]) -> Result<Vec<Stage>, Reason> {
        let usable = |origin: &Origin| offered.contains(origin) && self.usable(job, *origin);
        let mut stages: Vec<Vec<Origin>> =
            STAGES.iter().map(|stage| stage.iter().copied().filter(usable).collect()).collect();
        if matches!(job.task, Task::Search | Task::Update) {
            // These want to know everything that there is, not the nearest of it.
            stages = vec![stages.concat()];
        }
        stages.retain(|origins| !origins.is_empty());
        if stages.is_empty() {
            let message = "this machine is kept off the network, and there is nowhere else to look";
            return Err(Reason::new("no-origin", message).hint(HINT));
        }
        Ok(stages.into_iter().map(|origins| Stage { origins, within_ms: None }).collect())
    }

    fn decide(&self, job: &Job, situation: &Situation) -> Action {
        if let Some(next) = situation.untried.iter().copied().find(|origin| self.usable(job, *origin)) {
            return Action::TurnTo(next);
        }
        let reason = Reason::new(situation.code.clone(), sentence(situation)).hint(HINT);
        // A search and an update are of use with what there is; anything else would go on with a hole in it.
        if matches!(job.task, Task::Search | Task::Update) { Action::Degrade(reason) } else { Action::Stop(reason) }
    }
}

export!(AirGap: FallbackPolicy);

#[cfg(test)]
mod tests {
    use super::*;
    use Origin::{Bundled, File, LocalNetwork, Organization, Peers, Registry, Store};
    use ggen_plugin_sdk::testing::{configured, job, job_of, situation};

    const ALL: [Origin; 7] = [Bundled, Peers, Store, File, Organization, LocalNetwork, Registry];
    const TASKS: [Task; 6] = [Task::Search, Task::Install, Task::Update, Task::Publish, Task::Repair, Task::Node];

    fn policy(settings: &str) -> AirGap {
        configured(settings).unwrap()
    }

    fn route(settings: &str, job: &Job, offered: &[Origin]) -> Result<Vec<Vec<Origin>>, Reason> {
        Ok(policy(settings).route(job, offered)?.into_iter().map(|stage| stage.origins).collect())
    }

    #[test]
    fn no_job_is_routed_over_the_network() {
        for task in TASKS {
            let origins = route("{}", &job_of(task), &ALL).unwrap().concat();
            assert_eq!(origins, [File, Store, Registry, Bundled], "{task:?}");
        }
        assert_eq!(route("{}", &job(), &ALL).unwrap().len(), 3);
    }

    #[test]
    fn what_the_operator_names_is_used_unless_the_job_is_offline() {
        let allow = r#"{"allow":["organization"]}"#;
        assert_eq!(
            route(allow, &job(), &ALL).unwrap(),
            [vec![File], vec![Store, Registry, Organization], vec![Bundled]]
        );
        let offline = Job { offline: true, ..job() };
        assert_eq!(route(allow, &offline, &ALL).unwrap(), [vec![File], vec![Store, Registry], vec![Bundled]]);
    }

    #[test]
    fn where_only_the_network_is_offered_the_job_ends_with_a_way_forward() {
        let reason = route("{}", &job(), &[Peers, LocalNetwork]).unwrap_err();
        assert_eq!(reason.code, "no-origin");
        assert!(reason.hint.unwrap().contains("--output"));
    }

    #[test]
    fn trouble_never_leads_to_the_network() {
        let all = [Peers, LocalNetwork, Organization];
        for (trouble, code) in [(Trouble::Exhausted, "no-holders"), (Trouble::Corrupt, "verification-failed")] {
            for task in TASKS {
                let action = policy("{}").decide(&job_of(task), &situation(trouble, code, Store, &all));
                assert!(matches!(action, Action::Stop(_) | Action::Degrade(_)), "{action:?}");
            }
            let action = policy("{}").decide(&job(), &situation(trouble, code, Store, &[Peers, Bundled]));
            assert_eq!(action, Action::TurnTo(Bundled));
            let named = policy(r#"{"allow":["organization"]}"#);
            assert_eq!(named.decide(&job(), &situation(trouble, code, Store, &all)), Action::TurnTo(Organization));
        }
    }

    #[test]
    fn it_stops_with_what_is_missing_and_why() {
        let mut now = situation(Trouble::Exhausted, "all-holders-failed", Store, &[]);
        now.package = Some("web-framework".into());
        let Action::Stop(reason) = policy("{}").decide(&job(), &now) else { panic!("expected to stop") };
        assert_eq!(reason.code, "all-holders-failed");
        assert_eq!(
            reason.message,
            "web-framework cannot be had: the store could not deliver it, and this machine is kept off the network"
        );
        assert!(reason.hint.is_some());
    }

    #[test]
    fn an_origin_that_there_is_not_is_refused() {
        let problems = configured::<AirGap>(r#"{"allow":["internet"],"retries":1}"#).unwrap_err();
        let mut paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/allow/0", "/retries"]);
    }
}
