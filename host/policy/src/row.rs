//! A row of the decision log: what was asked, whom, and how it went.
//!
//! Decides what a row says of a run; keeps nothing. Invariant: all links that one question is put to share its text.

use std::sync::Arc;

use ggen_core::hooks::{Answer, Question};

use crate::decision::Decision;
use crate::input::Input;
use crate::link::Link;
use crate::link_config::Mode;
use crate::loaded::Loaded;
use crate::run::{Failure, Run};

/// A question with the text that its rows share.
pub struct Recorded {
    /// What is asked.
    pub question: Arc<Question>,
    input: Input,
}

/// Whom a row is about.
pub struct Subject<'a> {
    /// The policy's name, as far as it is known.
    pub name: &'a str,
    /// Its component, if it could be loaded.
    pub loaded: Option<&'a Loaded>,
    /// Its settings as JSON.
    pub settings: &'a Arc<str>,
    /// SHA-256 of them.
    pub settings_digest: &'a str,
    /// Place in its chain, from 0.
    pub place: u32,
    /// How it counts.
    pub mode: Mode,
}

impl<'a> Subject<'a> {
    /// A link of a chain.
    pub fn link(link: &'a Link, loaded: Option<&'a Loaded>) -> Self {
        Self {
            name: link.name(),
            loaded,
            settings: &link.settings,
            settings_digest: &link.settings_digest,
            place: link.place,
            mode: link.config.mode,
        }
    }
}

impl Recorded {
    /// The question with its text.
    pub fn new(question: Question) -> Self {
        let question = Arc::new(question);
        Self { input: Input::new(Arc::clone(&question)), question }
    }

    /// About so many bytes of memory.
    pub fn size(&self) -> usize {
        const ENTRY: usize = 2048;
        let entries = match &*self.question {
            Question::ReviewPlan { plan, .. } => plan.len(),
            Question::Rank { packages, .. } => packages.iter().map(|one| one.candidates.len()).sum(),
            Question::Score { peers, .. } => peers.len() / 8,
            _ => 0,
        };
        ENTRY.saturating_mul(entries.saturating_add(1))
    }

    /// The row of one run.
    pub fn row(&self, of: &Subject<'_>, run: &Run) -> Decision {
        let (fault, limit, replayable) = match &run.answer {
            Ok(_) => (None, None, true),
            Err(Failure::Fault(fault)) => (Some(fault.text.clone()), fault.limit, fault.is_replayable()),
            Err(Failure::Unfit(problem)) => (Some(problem.text()), None, false),
        };
        let reasons = run.answer.as_ref().map(Answer::reasons).unwrap_or_default();
        Decision {
            time: self.question.job().now,
            hook: self.question.hook(),
            call: self.question.call().to_owned(),
            subject: self.question.subject(),
            packages: self.question.packages().into_iter().map(str::to_owned).collect(),
            policy: of.name.to_owned(),
            version: of.loaded.map(|l| l.description.version.clone()).unwrap_or_default(),
            digest: of.loaded.map(|l| l.digest.clone()).unwrap_or_default(),
            component: of.loaded.and_then(|l| l.source.clone()),
            settings_digest: of.settings_digest.to_owned(),
            settings: Arc::clone(of.settings),
            input: self.input.clone(),
            reasons: reasons.into_iter().cloned().collect(),
            verdict: run.answer.as_ref().ok().cloned(),
            fault,
            limit,
            replayable,
            fuel: run.fuel,
            micros: u64::try_from(run.took.as_micros()).unwrap_or(u64::MAX),
            memory: run.memory,
            log: run.log.clone(),
            place: of.place,
            mode: of.mode,
        }
    }
}
