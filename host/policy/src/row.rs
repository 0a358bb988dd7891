//! A row of the decision log: what was asked, whom, and how it went.
//!
//! Decides what a row says of a run; keeps nothing. A question becomes text when its row is first read, which is after
//! the decision: writing and hashing it takes longer than most policies. Invariant: the same question has the same text,
//! byte for byte, whoever is asked and whenever.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use ggen_core::hooks::{Answer, Question};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decision::Decision;
use crate::link::{Link, Mode};
use crate::load::{self, Loaded};
use crate::run::{Failure, Run};

/// A question as JSON; shared by all links that it was put to, and written when it is first read.
#[derive(Clone)]
pub struct Input(Arc<Written>);

struct Written {
    question: Option<Arc<Question>>,
    text: OnceLock<Box<str>>,
    digest: OnceLock<String>,
}

impl Input {
    /// The text of this question.
    fn new(question: Arc<Question>) -> Self {
        Self(Arc::new(Written { question: Some(question), text: OnceLock::new(), digest: OnceLock::new() }))
    }

    /// A text that was written before.
    fn read(text: String) -> Self {
        let text = OnceLock::from(text.into_boxed_str());
        Self(Arc::new(Written { question: None, text, digest: OnceLock::new() }))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.text.get_or_init(|| {
            // Only what is no JSON at all (a number that is none) fails here; the row then says so.
            let text = self.0.question.as_deref().map(serde_json::to_string);
            text.unwrap_or_else(|| Ok(String::new())).unwrap_or_else(|e| format!("\"{e}\"")).into()
        })
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.0.digest.get_or_init(|| load::digest_of(self.as_str().as_bytes()))
    }
}

impl Deref for Input {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Serialize for Input {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::read)
    }
}

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
