//! The policy `graceful-degradation`: from what is near to what is far, and on with what there is.
//!
//! It routes only over origins that were offered, never over the network in an offline job, and stops only where going on
//! would use nothing or something unproved. Invariant: an origin is turned to only while the host lists it as untried.

use ggen_plugin_sdk::prelude::*;

settings! {
    /// Uses the store and registries, then peers, then the starter registry; carries on with what there is.
    pub struct GracefulDegradation {
        /// How often something that timed out is tried again before going on without it.
        retries: u32 = 1,
        /// How long to wait before that.
        retry_delay: Span = Span::millis(250),
        /// Carry on with what there is, marked as incomplete; `false` stops the job instead.
        degrade: bool = true,
    }
}

/// What is asked side by side, the nearest first.
const STAGES: [&[Origin]; 4] = [
    &[Origin::File],
    &[Origin::Store, Origin::Registry, Origin::Organization],
    &[Origin::LocalNetwork, Origin::Peers],
    &[Origin::Bundled],
];

impl GracefulDegradation {
    fn or_degrade(&self, situation: &Situation, reason: Reason) -> Action {
        next(situation).map_or_else(|| self.carry_on(reason), Action::TurnTo)
    }

    fn carry_on(&self, reason: Reason) -> Action {
        if self.degrade { Action::Degrade(reason) } else { Action::Stop(reason) }
    }

    fn timed_out(&self, job: &Job, situation: &Situation) -> Action {
        let wait = self.retry_delay.as_millis();
        if situation.attempt <= self.retries && situation.left_ms > wait {
            return Action::Retry(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        let reason = about(situation, "the network did not answer in time, the result may be incomplete");
        // A search shows what it has; anything else still needs what it did not find.
        if job.task == Task::Search { self.carry_on(reason) } else { self.or_degrade(situation, reason) }
    }
}

/// The next origin of the route that was not tried.
fn next(situation: &Situation) -> Option<Origin> {
    situation.untried.first().copied()
}

/// A reason under the trouble's own code.
fn about(situation: &Situation, message: &str) -> Reason {
    Reason::new(situation.code.clone(), message)
}

fn unreachable(situation: &Situation) -> Reason {
    match situation.code.as_str() {
        "registry-unreachable" => about(situation, "a registry cannot be reached, going on without it"),
        "holder-unreachable" => about(situation, "a holder cannot be reached, going on without it"),
        _ => about(situation, "P2P network unreachable, using local registry").hint("ggen marketplace p2p status"),
    }
}

fn incomplete(situation: &Situation) -> Reason {
    match situation.code.as_str() {
        "partition-suspected" => about(situation, "Limited P2P connectivity, some packages may be unavailable")
            .hint("ggen marketplace p2p status"),
        _ => about(situation, "some sources did not answer, the result may be incomplete"),
    }
}

impl FallbackPolicy for GracefulDegradation {
    fn route(&self, job: &Job, offered: &[Origin]) -> Result<Vec<Stage>, Reason> {
        let usable = |origin: &Origin| offered.contains(origin) && !(job.offline && origin.uses_network());
        let mut stages: Vec<Vec<Origin>> =
            STAGES.iter().map(|stage| stage.iter().copied().filter(usable).collect()).collect();
        if matches!(job.task, Task::Search | Task::Update) {
            // These want to know everything that there is, not the nearest of it.
            stages = vec![stages.concat()];
        }
        stages.retain(|origins| !origins.is_empty());
        if stages.is_empty() {
            let reason = Reason::new("no-origin", "there is nowhere to look");
            return Err(if job.offline { reason.hint("try again without --offline") } else { reason });
        }
        Ok(stages.into_iter().map(|origins| Stage { origins, within_ms: None }).collect())
    }

    fn decide(&self, job: &Job, situation: &Situation) -> Action {
        match situation.trouble {
            Trouble::Unreachable => self.or_degrade(situation, unreachable(situation)),
            Trouble::TimedOut => self.timed_out(job, situation),
            Trouble::Incomplete => self.carry_on(incomplete(situation)),
            Trouble::Corrupt if situation.code == "registry-corrupted" => self
                .or_degrade(situation, about(situation, "the local registry's index was damaged, going on without it")),
            Trouble::Corrupt => match next(situation) {
                Some(origin) => {
                    info!("Package verification failed, trying alternate source");
                    Action::TurnTo(origin)
                }
                None => Action::Stop(about(situation, "Package verification failed, and there is no other source")),
            },
            Trouble::Exhausted => match next(situation) {
                Some(origin) => Action::TurnTo(origin),
                None => Action::Stop(
                    about(situation, "no source could deliver it").hint("ggen marketplace p2p start --bootstrap ADDR"),
                ),
            },
        }
    }
}

export!(GracefulDegradation: FallbackPolicy);

#[cfg(test)]
mod tests;
