//! One question to a whole chain: each link in turn, the enforced first, and a row of the log for each.
//!
//! Decides which links are asked and what a row says. Leaves it to [`crate::review`] what the answers come to.
//! Invariant: a link that only watches is asked after all that count, and its answer goes nowhere but into its row.

use std::sync::Arc;
use std::time::Duration;

use ggen_core::hooks::{Answer, Hook, Question};

use crate::decision::Decision;
use crate::error::Fault;
use crate::host::Chains;
use crate::link::{Link, Mode};
use crate::load::Loaded;
use crate::row::{Recorded, Subject};
use crate::run::{self, Failure, Run};
use crate::runtime::Runtime;
use crate::settings;
use crate::state::ArchiveView;

/// What one enforced link said.
pub struct Said {
    /// The policy's name.
    pub policy: String,
    /// Its sound answer, or why there is none.
    pub answer: Result<Answer, NoAnswer>,
}

/// Why an enforced link did not answer.
pub struct NoAnswer {
    /// Asked and failed, rather than not there.
    pub is_fault: bool,
    /// The limit that struck, if one did.
    pub limit: Option<crate::error::Limit>,
    /// What happened, in a sentence.
    pub text: String,
    /// Whether the hook may do without it.
    pub may_miss: bool,
    /// Who configured it, if it is locked.
    pub locked_by: Option<String>,
}

impl Said {
    /// A link that could not be asked at all.
    pub fn failed(link: &Link, text: &str) -> Self {
        let fault = Fault::new(text);
        Self { policy: link.name().to_owned(), answer: Err(NoAnswer::of(link, fault, true)) }
    }
}

impl NoAnswer {
    fn of(link: &Link, fault: Fault, is_fault: bool) -> Self {
        Self {
            is_fault,
            limit: fault.limit,
            text: fault.text,
            may_miss: link.config.allow_missing,
            locked_by: link.config.locked.then(|| link.config.from.to_string()),
        }
    }

    /// An answer to another question: a mistake of this host, not of the policy.
    pub fn misdirected() -> Self {
        let text = "it answered another question".to_owned();
        Self { is_fault: true, limit: None, text, may_miss: false, locked_by: None }
    }
}

impl Asked {
    /// Whether something built in stands in for a link's answer.
    pub fn is_degraded(&self) -> bool {
        self.said.is_empty() || self.said.iter().any(|said| said.answer.is_err())
    }
}

/// What a chain said, and the rows of it.
#[derive(Default)]
pub struct Asked {
    /// Of the enforced links, in their order.
    pub said: Vec<Said>,
    /// Of all links that were asked.
    pub decisions: Vec<Decision>,
}

/// One question on its way through a chain.
pub struct Asking<'a> {
    /// The engine.
    pub runtime: &'a Runtime,
    /// Where components come from.
    pub chains: &'a Chains,
    /// The files that it is about.
    pub archive: Option<&'a Arc<dyn ArchiveView>>,
    recorded: Recorded,
}

impl<'a> Asking<'a> {
    /// Prepares the row that all links share.
    pub fn new(
        runtime: &'a Runtime,
        chains: &'a Chains,
        question: Question,
        archive: Option<&'a Arc<dyn ArchiveView>>,
    ) -> Self {
        Self { runtime, chains, archive, recorded: Recorded::new(question) }
    }

    /// Asks links until `enough` says that the answers so far are enough, then those that only watch.
    pub fn ask(&self, hook: Hook, enough: impl Fn(&[Said]) -> bool) -> Asked {
        let links = self.chains.links(hook);
        let mut asked = Asked::default();
        for link in links.iter().filter(|link| link.config.mode == Mode::Enforce) {
            if enough(&asked.said) {
                break;
            }
            self.ask_link(link, &mut asked);
        }
        for link in links.iter().filter(|link| link.config.mode == Mode::Shadow) {
            self.watch_link(link, &mut asked.decisions);
        }
        asked
    }

    fn ask_link(&self, link: &Link, asked: &mut Asked) {
        if self.is_set_aside(link) {
            let text = format!("it is set aside after {} faults in a row", link.faults());
            asked.said.push(Said::failed(link, &text));
            return;
        }
        let Some((decision, answer)) = self.run(link, None) else { return };
        let failed = matches!(&answer, Err(Failure::Fault(_)));
        if link.count_fault(failed) == self.runtime.limits.breaker_faults && self.is_set_aside(link) {
            tracing::warn!(policy = link.name(), "a scoring policy is set aside: it failed too often in a row");
        }
        let answer = answer.map_err(|failure| match failure {
            Failure::Fault(fault) => NoAnswer::of(link, fault, true),
            Failure::Unfit(problem) => NoAnswer::of(link, Fault::new(problem.text()), false),
        });
        asked.said.push(Said { policy: link.name().to_owned(), answer });
        asked.decisions.push(decision);
    }

    fn watch_link(&self, link: &Link, decisions: &mut Vec<Decision>) {
        let cap = Duration::from_millis(self.runtime.limits.shadow_ms);
        decisions.extend(self.run(link, Some(cap)).map(|(decision, _)| decision));
    }

    /// A scoring policy that keeps failing is not asked again. No other hook does without its policy for that, and no
    /// locked link: a freeze or an air gap would be lifted by crashing it.
    fn is_set_aside(&self, link: &Link) -> bool {
        let limit = self.runtime.limits.breaker_faults;
        link.config.hook == Hook::PeerScoring && !link.config.locked && link.faults() >= limit
    }

    /// Runs one link; nothing where it serves the hook, but has no say in this call.
    fn run(&self, link: &Link, wall_cap: Option<Duration>) -> Option<(Decision, Result<Answer, Failure>)> {
        let loaded = self.chains.load(self.runtime, link);
        let run = match &loaded {
            Err(problem) => Run::without(Failure::Unfit(Arc::clone(problem))),
            Ok(loaded) if !loaded.answers(&self.recorded.question) => return None,
            Ok(loaded) => match settings_fit(link, loaded, self.runtime) {
                Err(failure) => Run::without(failure),
                Ok(()) => {
                    let archive = self.archive.cloned();
                    run::ask(self.runtime, loaded, &link.settings, &self.recorded.question, archive, wall_cap)
                }
            },
        };
        let loaded = loaded.as_ref().ok().map(Arc::as_ref);
        let decision = self.recorded.row(&Subject::link(link, loaded), &run);
        Some((decision, run.answer))
    }
}

fn settings_fit(link: &Link, loaded: &Loaded, runtime: &Runtime) -> Result<(), Failure> {
    let schema = &loaded.description.settings_schema;
    settings::check(&link.settings, &link.config.settings, schema, &runtime.limits).map_err(Failure::from)
}
