//! One question to a whole chain: each enforced link in turn, and a row of the log for each.
//!
//! Decides which links are asked and what a row says. Leaves it to [`crate::review`] what the answers come to.
//! Invariant: a link that only watches is asked when all is decided, and its answer goes nowhere but into its row.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ggen_core::hooks::{Answer, Hook, Question};

use crate::afterwards::Shadow;
use crate::breaker::Change;
use crate::decision::Decision;
use crate::error::{Fault, Limit};
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

/// One question on its way through a chain, with everything that asking it needs.
#[derive(Clone)]
pub struct Asking {
    runtime: Arc<Runtime>,
    chains: Arc<Chains>,
    archive: Option<Arc<dyn ArchiveView>>,
    recorded: Arc<Recorded>,
}

/// What a link that only watches came to.
pub enum Watched {
    /// Its row.
    Row(Box<Decision>),
    /// It has no say in this call.
    Nothing,
    /// It would have needed more time than was left.
    Cut,
}

impl Asking {
    /// Prepares the row that all links share.
    pub fn new(
        runtime: Arc<Runtime>,
        chains: Arc<Chains>,
        question: Question,
        archive: Option<Arc<dyn ArchiveView>>,
    ) -> Self {
        Self { runtime, chains, archive, recorded: Arc::new(Recorded::new(question)) }
    }

    /// About so many bytes of memory.
    pub fn size(&self) -> usize {
        self.recorded.size()
    }

    fn links(&self) -> &[Link] {
        self.chains.links(self.recorded.question.hook())
    }

    /// Asks links until `enough` says that the answers so far are enough; leaves those that only watch for later.
    pub fn ask(&self, enough: impl Fn(&[Said]) -> bool) -> Asked {
        let mut asked = Asked::default();
        for link in self.links().iter().filter(|link| link.config.mode == Mode::Enforce) {
            if enough(&asked.said) {
                break;
            }
            self.ask_link(link, &mut asked);
        }
        for (place, _) in self.links().iter().enumerate().filter(|(_, link)| link.config.mode == Mode::Shadow) {
            self.chains.afterwards.add(Shadow { asking: self.clone(), place });
        }
        asked
    }

    fn ask_link(&self, link: &Link, asked: &mut Asked) {
        let may_break = may_be_set_aside(link);
        if may_break && !link.breaker().may_ask(Instant::now()) {
            asked.said.push(Said::failed(link, "it is set aside for a while, because it failed too often in a row"));
            return;
        }
        let Some((decision, answer)) = self.run(link, None) else { return };
        if may_break {
            let change = link.breaker().ended(matches!(&answer, Err(Failure::Fault(_))), Instant::now());
            self.tell(link, change, &decision);
        }
        let answer = answer.map_err(|failure| match failure {
            Failure::Fault(fault) => NoAnswer::of(link, fault, true),
            Failure::Unfit(problem) => NoAnswer::of(link, Fault::new(link.told(&problem)), false),
        });
        asked.said.push(Said { policy: link.name().to_owned(), answer });
        asked.decisions.push(decision);
    }

    fn tell(&self, link: &Link, change: Option<Change>, decision: &Decision) {
        let limits = &self.runtime.limits;
        let (name, from) = (link.name(), &link.config.from);
        let (code, message) = match change {
            None => return,
            Some(Change::SetAside) => {
                let why = decision.fault.as_deref().unwrap_or("it gave no answer");
                let (faults, seconds) = (limits.breaker_faults, limits.breaker_ms / 1000);
                let text = format!(
                    "the scoring policy `{name}` ({from}) is set aside for {seconds} s after {faults} faults in a row; \
                     built-in scores stand in: {why}"
                );
                ("policy-set-aside", text)
            }
            Some(Change::Back) => ("policy-back", format!("the scoring policy `{name}` ({from}) answers again")),
        };
        tracing::warn!("{message}");
        self.chains.afterwards.tell(code, message);
    }

    /// Asks the link at `place`, which only watches, for at most `left`.
    pub fn watch(&self, place: usize, left: Duration) -> Watched {
        let asking = self.clone();
        let watched = self.runtime.run(move || {
            let link = asking.links().get(place)?;
            asking.run(link, Some(left)).map(|(decision, _)| decision)
        });
        let limits = &self.runtime.limits;
        let own = limits.wall_for(run::fuel_for(&self.recorded.question, limits));
        match watched.ok().flatten() {
            None => Watched::Nothing,
            Some(row) if row.limit == Some(Limit::Time) && left < own => Watched::Cut,
            Some(row) => Watched::Row(Box::new(row)),
        }
    }

    /// Runs one link; nothing where it serves the hook, but has no say in this call.
    fn run(&self, link: &Link, wall_cap: Option<Duration>) -> Option<(Decision, Result<Answer, Failure>)> {
        let (runtime, question) = (&*self.runtime, &self.recorded.question);
        let loaded = self.chains.load(runtime, link);
        let run = match &loaded {
            Err(problem) => Run::without(Failure::Unfit(Arc::clone(problem))),
            Ok(loaded) if !loaded.answers(question) => return None,
            Ok(loaded) => match self
                .chains
                .distinct(link, loaded)
                .map_err(Failure::from)
                .and_then(|()| settings_fit(link, loaded, runtime))
            {
                Err(failure) => Run::without(failure),
                Ok(()) => run::ask(runtime, loaded, &link.settings, question, self.archive.clone(), wall_cap),
            },
        };
        let loaded = loaded.as_ref().ok().map(Arc::as_ref);
        let decision = self.recorded.row(&Subject::link(link, loaded), &run);
        Some((decision, run.answer))
    }
}

/// A scoring policy that keeps failing is not asked for a while. No other hook does without its policy for that, and no
/// locked link: a freeze or an air gap would be lifted by crashing it.
fn may_be_set_aside(link: &Link) -> bool {
    link.config.hook == Hook::PeerScoring && !link.config.locked
}

fn settings_fit(link: &Link, loaded: &Loaded, runtime: &Runtime) -> Result<(), Failure> {
    let schema = &loaded.description.settings_schema;
    settings::check(&link.settings, &link.config.settings, schema, &runtime.limits).map_err(Failure::from)
}
