//! A row of the decision log: what was asked, whom, and how it went.
//!
//! Decides what a row says of a run; keeps nothing. Invariant: the same question has the same input, byte for byte,
//! whoever is asked and whenever.

use std::sync::Arc;

use ggen_core::hooks::{Answer, Question};

use crate::decision::Decision;
use crate::link::{Link, Mode};
use crate::load::{self, Loaded};
use crate::run::{Failure, Run};

/// A question with the text that its rows share.
pub struct Recorded {
    /// What is asked.
    pub question: Question,
    input: Arc<str>,
    input_digest: String,
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
        // Only what is no JSON at all (a number that is none) fails here; the row then says so.
        let input: Arc<str> = serde_json::to_string(&question).unwrap_or_else(|e| format!("\"{e}\"")).into();
        let input_digest = load::digest_of(input.as_bytes());
        Self { question, input, input_digest }
    }

    /// About so many bytes of memory: the text, and the values that it was made of.
    pub fn size(&self) -> usize {
        self.input.len().saturating_mul(2)
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
            settings_digest: of.settings_digest.to_owned(),
            settings: Arc::clone(of.settings),
            input_digest: self.input_digest.clone(),
            input: Arc::clone(&self.input),
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
