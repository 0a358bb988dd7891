//! One question to a whole chain: each enforced link in turn, and a row of the log for each.
//!
//! Decides which links are asked, and which is set aside for a while. Leaves it to [`crate::review`] what the answers
//! come to. Invariant: a link that only watches is asked when all is decided, and its answer goes nowhere but into its
//! row.

use std::time::Instant;

use ggen_core::hooks::{Answer, Hook};

use crate::afterwards::{Afterwards, Shadow};
use crate::asking::Asking;
use crate::breaker::Change;
use crate::decision::Decision;
use crate::error::{Fault, Limit};
use crate::link::Link;
use crate::link_config::Mode;
use crate::run::Failure;

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
    pub limit: Option<Limit>,
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

impl Asking {
    /// Asks links until `enough` says that the answers so far are enough; leaves those that only watch for `afterwards`.
    pub fn ask(&self, afterwards: &Afterwards, enough: impl Fn(&[Said]) -> bool) -> Asked {
        let mut asked = Asked::default();
        for link in self.links().iter().filter(|link| link.config.mode == Mode::Enforce) {
            if enough(&asked.said) {
                break;
            }
            self.ask_link(link, afterwards, &mut asked);
        }
        for (place, _) in self.links().iter().enumerate().filter(|(_, link)| link.config.mode == Mode::Shadow) {
            afterwards.add(Shadow { asking: self.clone(), place });
        }
        asked
    }

    fn ask_link(&self, link: &Link, afterwards: &Afterwards, asked: &mut Asked) {
        let may_break = may_be_set_aside(link);
        if may_break && !link.breaker().may_ask(Instant::now()) {
            asked.said.push(Said::failed(link, "it is set aside for a while, because it failed too often in a row"));
            return;
        }
        let Some((decision, answer)) = self.run(link, None) else { return };
        if may_break {
            let change = link.breaker().ended(matches!(&answer, Err(Failure::Fault(_))), Instant::now());
            self.tell(link, change, &decision, afterwards);
        }
        let answer = answer.map_err(|failure| match failure {
            Failure::Fault(fault) => NoAnswer::of(link, fault, true),
            Failure::Unfit(problem) => NoAnswer::of(link, Fault::new(link.told(&problem)), false),
        });
        asked.said.push(Said { policy: link.name().to_owned(), answer });
        asked.decisions.push(decision);
    }

    fn tell(&self, link: &Link, change: Option<Change>, decision: &Decision, afterwards: &Afterwards) {
        let limits = self.limits();
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
        afterwards.tell(code, message);
    }
}

/// A scoring policy that keeps failing is not asked for a while. No other hook does without its policy for that, and no
/// locked link: a freeze or an air gap would be lifted by crashing it.
fn may_be_set_aside(link: &Link) -> bool {
    link.config.hook == Hook::PeerScoring && !link.config.locked
}
