//! Which origins a job may touch, in which order, and what happens when one fails.
//!
//! The fallback policy decides all of it; this keeps the record of what was tried. Invariant: an origin that the route
//! leaves out is never touched in the job.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ggen_core::PackageName;
use ggen_core::hooks::chain::HOST;
use ggen_core::hooks::{Action, Attempt, Job, Network, Origin, Situation, Stage, Trouble};
use ggen_policy::PolicyHost;

use crate::error::MarketError;
use crate::market::{Market, blocking};

/// The route of one job.
pub(crate) struct Route {
    pub(crate) stages: Vec<Stage>,
    host: Arc<PolicyHost>,
    job: Job,
    begun: Instant,
    tried: Mutex<Vec<Attempt>>,
    visited: Mutex<BTreeSet<Origin>>,
}

/// How a job goes on after trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The same again.
    Again,
    /// With the origins that are left, or this one of them.
    TurnTo(Option<Origin>),
    /// With what there is; the user was told.
    Degraded,
}

/// The most that a job waits and retries over all.
const MAX_JOB: Duration = Duration::from_secs(600);

impl Market {
    /// Asks which of `offered` may be used for `job`.
    pub(crate) async fn route(
        &self,
        host: Arc<PolicyHost>,
        job: &Job,
        offered: Vec<Origin>,
    ) -> Result<Route, MarketError> {
        let (asked, told) = (Arc::clone(&host), job.clone());
        let review = blocking(move || Ok(asked.route(&told, &offered))).await?;
        self.keep(review.decisions);
        let stages = review.route.map_err(|refusal| MarketError::Stopped {
            code: format!("{}/{}", refusal.policy, refusal.reason.code),
            message: refusal.reason.message,
            hint: refusal.reason.hint,
        })?;
        self.detail(format!("route: {}", shown(&stages)));
        Ok(Route {
            stages,
            host,
            job: job.clone(),
            begun: Instant::now(),
            tried: Mutex::default(),
            visited: Mutex::default(),
        })
    }

    /// Asks how to go on after `trouble` with `origin`. A policy that stops ends the job.
    pub(crate) async fn trouble(
        &self,
        route: &Route,
        origin: Origin,
        trouble: Trouble,
        code: &str,
        package: Option<&PackageName>,
        network: Network,
    ) -> Result<Next, MarketError> {
        let situation = route.situation(origin, trouble, code, package, network);
        let attempt = situation.attempt;
        let (host, job) = (Arc::clone(&route.host), route.job.clone());
        let review = blocking(move || Ok(host.decide(&job, &situation))).await?;
        self.keep(review.decisions);
        let over = attempt > self.settings.limits.max_retries || route.begun.elapsed() > MAX_JOB;
        match review.action {
            Action::Retry(_) if over => Ok(Next::TurnTo(None)),
            Action::Retry(millis) => {
                tokio::time::sleep(Duration::from_millis(u64::from(millis))).await;
                self.check_cancelled()?;
                Ok(Next::Again)
            }
            Action::TurnTo(next) => {
                if trouble == Trouble::Unreachable {
                    self.tell(code, "P2P network unreachable, using local registry");
                }
                Ok(Next::TurnTo(Some(next)))
            }
            Action::Degrade(reason) => {
                self.tell(&reason.code, reason.message);
                Ok(Next::Degraded)
            }
            Action::Stop(reason) => Err(MarketError::Stopped {
                code: format!("{}/{}", review.policy, reason.code),
                message: reason.message,
                hint: reason.hint,
            }),
            Action::Abstain => Err(MarketError::Stopped {
                code: "no-policy-decided".to_owned(),
                message: format!("{code} from {origin}, and no policy says how to go on"),
                hint: None,
            }),
        }
    }
}

impl Route {
    /// Whether the route has an origin at all.
    pub(crate) fn has(&self, origin: Origin) -> bool {
        self.stages.iter().any(|stage| stage.origins.contains(&origin))
    }

    /// Notes that the job has come to `origin`.
    pub(crate) fn visit(&self, origin: Origin) {
        self.visited.lock().unwrap_or_else(PoisonError::into_inner).insert(origin);
    }

    /// All origins, in the order of their stages.
    pub(crate) fn origins(&self) -> impl Iterator<Item = Origin> + '_ {
        self.stages.iter().flat_map(|stage| stage.origins.iter().copied())
    }

    fn situation(
        &self,
        origin: Origin,
        trouble: Trouble,
        code: &str,
        package: Option<&PackageName>,
        network: Network,
    ) -> Situation {
        let elapsed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.push(Attempt { origin, trouble, code: code.to_owned(), elapsed_ms: elapsed });
        let same = tried.iter().filter(|a| a.origin == origin && a.code == code).count();
        let visited = self.visited.lock().unwrap_or_else(PoisonError::into_inner);
        let untried = self.origins().filter(|o| !visited.contains(o) && *o != origin).collect();
        let most = u64::try_from(MAX_JOB.as_millis()).unwrap_or(u64::MAX);
        Situation {
            trouble,
            code: code.to_owned(),
            origin,
            package: package.map(ToString::to_string),
            attempt: u32::try_from(same).unwrap_or(u32::MAX),
            elapsed_ms: elapsed,
            left_ms: most.saturating_sub(elapsed),
            network,
            tried: tried.clone(),
            untried,
            facts: Vec::new(),
        }
    }
}

/// Why a node without peers in its route does not run.
pub(crate) fn peers_left_out() -> MarketError {
    MarketError::Stopped {
        code: format!("{HOST}/peers-left-out"),
        message: "the fallback policy leaves peers out of a node's route".to_owned(),
        hint: None,
    }
}

fn shown(stages: &[Stage]) -> String {
    let stage = |s: &Stage| s.origins.iter().map(|o| o.name()).collect::<Vec<_>>().join("+");
    stages.iter().map(stage).collect::<Vec<_>>().join(" → ")
}
