//! `policy replay`: a policy asked what the decision log says that others were asked.
//!
//! Decides which recorded decision an answer is held against: in a policy's place, that policy's own; beside all that
//! were asked, the one that was heeded first, and then only what becomes stricter counts. Writes nothing, and decides
//! nothing anew. Invariant: what cannot be asked again is told with its reason, never counted as the same.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ggen_core::Digest;
use ggen_core::hooks::compare::{Difference, beside, differences};
use ggen_core::hooks::{Answer, Hook, PolicyLimits, Question};
use ggen_policy::{ArchiveView, Asker, Decision, LinkProblem};
use ggen_store::{DecisionFilter, DecisionRow};
use serde::Serialize;

use crate::error::{MarketError, PluginError};
use crate::folder::Folder;
use crate::market::Market;
use crate::policies::files;

/// Rows that are read at once.
const PAGE: usize = 128;
/// Changes, and what cannot be asked again, that are told one by one; all are counted.
const MAX_TOLD: usize = 1000;
/// Differences of one decision that are told.
const MAX_DIFFERENCES: usize = 32;
/// Settings that the policy is held ready with.
const MAX_READY: usize = 16;

/// What `policy replay` is asked for.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
    /// The component that is asked.
    pub component: PathBuf,
    /// Its settings, a file of JSON; none: those that were recorded where it stands in a policy's place, else `{}`.
    pub settings: Option<PathBuf>,
    /// In whose place it is asked; none: its own name's, where the log has it.
    pub policy: Option<String>,
    /// Questions of this hook.
    pub hook: Option<Hook>,
    /// Questions whose subject has this text in it.
    pub subject: Option<String>,
    /// Not before, in milliseconds since the Unix epoch.
    pub since: Option<u64>,
    /// At most so many, the latest.
    pub limit: usize,
}

/// A decision that would be another one.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayChange {
    /// The recorded decision's number.
    pub id: i64,
    /// When it was taken.
    pub time: u64,
    /// Which hook.
    pub hook: String,
    /// Which function of it.
    pub call: String,
    /// What it was about.
    pub subject: String,
    /// What was decided, in a word.
    pub was: String,
    /// What would be decided, in a word.
    pub now: String,
    /// Each thing that is decided otherwise.
    pub differences: Vec<Difference>,
    /// Why there would be no answer.
    pub fault: Option<String>,
    /// Whether asking again must give the same: not where time, memory or stack ran out.
    pub replayable: bool,
}

/// A question that could not be asked again.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// The recorded decision's number.
    pub id: i64,
    /// What it was about.
    pub subject: String,
    /// `archive-gone`, `not-replayable`, or `unreadable`.
    pub code: &'static str,
    /// Why, in a sentence.
    pub reason: String,
}

/// `policy replay`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReplayAnswer {
    /// What the policy calls itself.
    pub policy: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its component.
    pub digest: String,
    /// In whose place it was asked; none: beside all that were asked.
    pub in_place_of: Option<String>,
    /// Questions that it was asked.
    pub asked: u64,
    /// Of them, those that would be decided the same.
    pub same: u64,
    /// Of them, those that would be decided otherwise.
    pub changed: u64,
    /// Recorded decisions of this very component and these settings, asked again.
    pub unchanged_policy: u64,
    /// Of them, those that burned other fuel: they were taken by another version of the engine.
    pub other_fuel: u64,
    /// Questions about contents whose archive is gone.
    pub archive_gone: u64,
    /// Decisions that ended for want of time, memory or stack, or of a policy that fits.
    pub not_replayable: u64,
    /// Questions through functions that it does not have.
    pub not_served: u64,
    /// The changes, latest first.
    pub changes: Vec<ReplayChange>,
    /// What could not be asked again, latest first.
    pub left_out: Vec<LeftOut>,
}

type Opened = Result<Asker, Arc<LinkProblem>>;

/// A replay at work.
struct Replay<'a> {
    market: &'a Market,
    request: ReplayRequest,
    bytes: Vec<u8>,
    settings: Option<String>,
    ready: BTreeMap<String, Opened>,
    unpacked: Option<(Digest, tempfile::TempDir, Arc<Folder>)>,
    answer: ReplayAnswer,
}

impl Market {
    /// Asks a policy what is recorded.
    pub fn policy_replay(&self, request: ReplayRequest) -> Result<ReplayAnswer, MarketError> {
        let bytes = files::component(&request.component, &self.settings.limits)?;
        let settings = request.settings.as_deref().map(files::settings_file).transpose()?;
        let mut replay = Replay {
            market: self,
            request,
            bytes,
            settings,
            ready: BTreeMap::new(),
            unpacked: None,
            answer: ReplayAnswer::default(),
        };
        replay.introduce()?;
        replay.run()?;
        Ok(replay.answer)
    }
}

impl Replay<'_> {
    /// Finds out what the policy calls itself, and in whose place it stands.
    fn introduce(&mut self) -> Result<(), MarketError> {
        let limits = PolicyLimits::from(&self.market.settings.limits);
        let inspection =
            ggen_policy::inspect_component(&self.bytes, &limits, Some(&self.market.store.components_dir()), None);
        let path = self.request.component.clone();
        let unfit = |problems| PluginError::Unfit { path, problems };
        let (true, Some(description)) = (inspection.fits, inspection.description) else {
            return Err(unfit(inspection.problems).into());
        };
        let filter = DecisionFilter { policy: Some(description.name.clone()), ..self.filter() };
        let is_known = !self.market.store.decisions(&filter, 1)?.is_empty();
        self.answer.in_place_of = self.request.policy.clone().or_else(|| is_known.then(|| description.name.clone()));
        self.answer.policy = description.name;
        self.answer.version = description.version;
        self.answer.digest = inspection.digest;
        // Settings that were typed for this replay are the user's to put right, before anything is asked.
        if let Some(settings) = self.settings.clone().or_else(|| self.beside().then(|| "{}".to_owned())) {
            self.open(&settings);
            if let Some(Err(problem)) = self.ready.get(&settings) {
                return Err(unfit(vec![problem.text()]).into());
            }
        }
        Ok(())
    }

    const fn beside(&self) -> bool {
        self.answer.in_place_of.is_none()
    }

    fn filter(&self) -> DecisionFilter {
        DecisionFilter {
            hook: self.request.hook.map(|hook| hook.to_string()),
            subject: self.request.subject.clone(),
            since: self.request.since,
            ..DecisionFilter::default()
        }
    }

    fn run(&mut self) -> Result<(), MarketError> {
        let mut filter =
            DecisionFilter { policy: self.answer.in_place_of.clone(), first: self.beside(), ..self.filter() };
        let mut left = self.request.limit;
        while left > 0 {
            let page = self.market.store.decisions(&filter, left.min(PAGE))?;
            let Some(last) = page.last() else { return Ok(()) };
            filter.before = Some(last.id);
            left = left.saturating_sub(page.len());
            self.market.step(format!("asking {} what was asked", self.answer.policy));
            for row in page {
                self.market.check_cancelled()?;
                self.row(&row)?;
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, row: &DecisionRow, code: &'static str, reason: impl Into<String>) {
        if self.answer.left_out.len() < MAX_TOLD {
            let (id, subject, reason) = (row.id, row.subject.clone(), reason.into());
            self.answer.left_out.push(LeftOut { id, subject, code, reason });
        }
    }

    /// Asks what one row asked.
    fn row(&mut self, row: &DecisionRow) -> Result<(), MarketError> {
        let question = match serde_json::from_str::<Question>(&row.input) {
            Ok(question) => question,
            Err(error) => {
                self.leave_out(row, "unreadable", format!("its question cannot be read: {error}"));
                return Ok(());
            }
        };
        if !row.replayable {
            self.answer.not_replayable += 1;
            let fault = row.fault.as_deref().unwrap_or("it gave no answer");
            self.leave_out(row, "not-replayable", format!("what was recorded need not come again: {fault}"));
            return Ok(());
        }
        let none = || if self.beside() { "{}".to_owned() } else { row.settings.clone() };
        let settings = self.settings.clone().unwrap_or_else(none);
        self.open(&settings);
        if matches!(self.ready.get(&settings), Some(Ok(asker)) if !asker.answers(&question)) {
            self.answer.not_served += 1;
            return Ok(());
        }
        let archive = match &question {
            Question::ReviewContents { item, .. } => match self.archive(&item.release.digest)? {
                Some(folder) => Some(folder),
                None => {
                    self.answer.archive_gone += 1;
                    let text = format!("the archive of {} {} is gone", item.release.name, item.release.version);
                    self.leave_out(row, "archive-gone", text);
                    return Ok(());
                }
            },
            _ => None,
        };
        let Some(opened) = self.ready.get_mut(&settings) else { return Ok(()) };
        self.answer.asked += 1;
        match opened {
            Ok(asker) => {
                let decision = asker.ask(&question, archive);
                self.compare(row, &question, &decision);
            }
            Err(problem) => {
                let fault = format!("it cannot be used with these settings: {}", problem.text());
                self.change(row, "fault", Vec::new(), Some((fault, true)));
            }
        }
        Ok(())
    }

    fn compare(&mut self, row: &DecisionRow, question: &Question, decision: &Decision) {
        if decision.digest == row.digest && *decision.settings == *row.settings {
            self.answer.unchanged_policy += 1;
            self.answer.other_fuel += u64::from(decision.fuel != row.fuel);
        }
        let was = serde_json::from_str::<Answer>(&row.verdict).ok();
        let Some(now) = &decision.verdict else {
            let fault = decision.fault.clone().unwrap_or_default();
            if was.is_none() && row.fault.as_ref() == Some(&fault) {
                self.answer.same += 1;
            } else {
                self.change(row, "fault", Vec::new(), Some((fault, decision.replayable)));
            }
            return;
        };
        let Some(was) = was else { return self.change(row, now.word(), Vec::new(), None) };
        let now = if self.beside() { beside(&was, now) } else { now.clone() };
        let found = differences(question, &was, &now);
        if found.is_empty() {
            self.answer.same += 1;
        } else {
            self.change(row, now.word(), found, None);
        }
    }

    fn change(&mut self, row: &DecisionRow, now: &str, mut found: Vec<Difference>, fault: Option<(String, bool)>) {
        self.answer.changed += 1;
        if self.answer.changes.len() >= MAX_TOLD {
            return;
        }
        found.truncate(MAX_DIFFERENCES);
        let (fault, replayable) = fault.map_or((None, true), |(fault, replayable)| (Some(fault), replayable));
        self.answer.changes.push(ReplayChange {
            id: row.id,
            time: row.time,
            hook: row.hook.clone(),
            call: row.call.clone(),
            subject: row.subject.clone(),
            was: crate::log::word(&row.verdict).to_owned(),
            now: now.to_owned(),
            differences: found,
            fault,
            replayable,
        });
    }

    /// Holds the policy ready with these settings.
    fn open(&mut self, settings: &str) {
        if self.ready.contains_key(settings) {
            return;
        }
        if self.ready.len() >= MAX_READY {
            self.ready.clear();
        }
        let limits = PolicyLimits::from(&self.market.settings.limits);
        let cache = self.market.store.components_dir();
        let opened = Asker::open(&self.bytes, settings, &limits, Some(&cache), None);
        self.ready.insert(settings.to_owned(), opened);
    }

    /// The files of an archive that is still here.
    fn archive(&mut self, digest: &str) -> Result<Option<Arc<dyn ArchiveView>>, MarketError> {
        let Ok(digest) = digest.parse::<Digest>() else { return Ok(None) };
        if self.unpacked.as_ref().is_none_or(|(known, ..)| *known != digest) {
            let store = &self.market.store;
            let place = store.scratch()?;
            let Some(unpacked) = store.look_into(&digest, place.path())? else { return Ok(None) };
            let folder = Folder { root: place.path().to_owned(), then: None, files: unpacked.files };
            self.unpacked = Some((digest, place, Arc::new(folder)));
        }
        Ok(self.unpacked.as_ref().map(|(.., folder)| Arc::clone(folder) as Arc<dyn ArchiveView>))
    }
}
