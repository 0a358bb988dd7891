//! The surroundings of a job: store, settings, policies, and the way to tell about it.
//!
//! Opens cheaply: policies and the network come up when they are first needed. Invariant: every decision that a policy
//! took in a job is written to the log before the job's answer is returned.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ggen_core::hooks::{Hook, Job, PolicyLimits, Task};
use ggen_policy::{Afterwards, Decision, LinkConfig, PolicyHost};
use ggen_store::Store;
use tokio::sync::Mutex as AsyncMutex;

use crate::answers::{Notice, PolicyAnswer, PolicyLink};
use crate::error::MarketError;
use crate::policies;
use crate::report::{Cancel, Progress, Reporter};
use crate::session::Session;
use crate::settings::Settings;

/// What a [`Market`] is opened with.
pub struct MarketOptions {
    /// The home.
    pub home: PathBuf,
    /// Where the user stands: what is in a project there belongs to it. None: in no project.
    pub directory: Option<PathBuf>,
    /// Settings, read and checked.
    pub settings: Settings,
    /// Touch no network.
    pub offline: bool,
    /// Who is told about progress.
    pub reporter: Arc<dyn Reporter>,
    /// The user's wish to stop.
    pub cancel: Cancel,
}

/// A home with its settings: what jobs are done in.
pub struct Market {
    pub(crate) store: Store,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) offline: bool,
    pub(crate) reporter: Arc<dyn Reporter>,
    pub(crate) cancel: Cancel,
    standing: Mutex<Standing>,
    pub(crate) afterwards: Arc<Afterwards>,
    decisions: Mutex<Vec<Decision>>,
    told: Mutex<Vec<Notice>>,
    pub(crate) session: AsyncMutex<Option<Arc<Session>>>,
    /// Packages whose files must hold a policy that fits, and whether it may replace one of its name.
    pub(crate) policies_expected: Mutex<Vec<(ggen_core::PackageName, bool)>>,
}

/// The policies that decide now; a running node may have others than it began with.
struct Standing {
    /// Where its links and labels are written.
    settings: Arc<Settings>,
    host: Option<Arc<PolicyHost>>,
    generation: u64,
}

impl Market {
    /// Opens a home; makes it where there is none.
    pub fn open(options: MarketOptions) -> Result<Self, MarketError> {
        let MarketOptions { home, directory, settings, offline, reporter, cancel } = options;
        let store = Store::open(&home, &settings.limits)?;
        let settings = Arc::new(settings);
        Ok(Self {
            store,
            directory,
            standing: Mutex::new(Standing { settings: Arc::clone(&settings), host: None, generation: 1 }),
            settings,
            offline,
            reporter,
            cancel,
            afterwards: Arc::default(),
            decisions: Mutex::default(),
            told: Mutex::default(),
            session: AsyncMutex::default(),
            policies_expected: Mutex::default(),
        })
    }

    /// What the user must be told about the home itself.
    pub fn notices(&self) -> Vec<Notice> {
        let notices = self.store.notices();
        notices.into_iter().map(|n| Notice { code: n.code.to_owned(), message: n.message }).collect()
    }

    pub(crate) fn job(&self, task: Task) -> Job {
        job_with(&self.standing().settings, task, self.offline)
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policies as they are configured.
    pub(crate) fn policies(&self) -> Result<Arc<PolicyHost>, MarketError> {
        let mut standing = self.standing();
        if let Some(host) = &standing.host {
            return Ok(Arc::clone(host));
        }
        let opened = Arc::new(policies::open(&self.store, &standing.settings, &self.afterwards, Vec::new())?);
        standing.host = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Lets other policies decide from now on; how many sets there were. What was asked of the old ones ends on them.
    pub(crate) fn swap(&self, settings: Arc<Settings>, host: Arc<PolicyHost>) -> u64 {
        let mut standing = self.standing();
        let generation = standing.generation.saturating_add(1);
        *standing = Standing { settings, host: Some(host), generation };
        generation
    }

    /// The policies with links of the command line before the user's own.
    pub(crate) fn policies_with(&self, extra: Vec<LinkConfig>) -> Result<Arc<PolicyHost>, MarketError> {
        if extra.is_empty() {
            return self.policies();
        }
        Ok(Arc::new(policies::open(&self.store, &self.settings, &self.afterwards, extra)?))
    }

    /// Installs and the like stop where an organization's word cannot be read, or a user would loosen it: nothing is
    /// loosened by accident.
    pub(crate) fn require_readable_policy_file(&self) -> Result<(), MarketError> {
        require_usable(&self.settings)
    }

    /// Keeps decisions for the log.
    pub(crate) fn keep(&self, decisions: Vec<Decision>) {
        self.decisions.lock().unwrap_or_else(PoisonError::into_inner).extend(decisions);
    }

    /// What was decided and is not written yet.
    pub(crate) fn decided(&self) -> std::sync::MutexGuard<'_, Vec<Decision>> {
        self.decisions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks links that only watch, for the little time that they get; their rows are kept like all others.
    pub(crate) fn finish_shadows(&self) {
        let budget = Duration::from_millis(PolicyLimits::from(&self.settings.limits).shadow_ms);
        self.keep(self.afterwards.finish(budget));
    }

    /// Writes what was decided so far, and tells what the policies' host has to tell. A log that cannot be written is
    /// told and stops nothing.
    pub(crate) fn write_decisions(&self) {
        self.finish_shadows();
        for notice in self.afterwards.notices() {
            self.tell(notice.code, notice.message);
        }
        let decisions = std::mem::take(&mut *self.decisions.lock().unwrap_or_else(PoisonError::into_inner));
        if decisions.is_empty() {
            return;
        }
        let rows: Vec<_> = decisions.iter().map(policies::row).collect();
        let components = policies::components(&self.store, &decisions, self.settings.limits.max_component);
        if let Err(error) = self.store.add_decisions(&rows, &components, now()) {
            self.tell("decision-log", format!("the decision log could not be written: {error}"));
        }
    }

    pub(crate) fn step(&self, text: impl Into<String>) {
        self.reporter.report(Progress::Step(text.into()));
    }

    pub(crate) fn detail(&self, text: impl Into<String>) {
        self.reporter.report(Progress::Detail(text.into()));
    }

    /// Tells something at once, and once more in the answer ([`Self::told`]).
    pub(crate) fn tell(&self, code: &str, message: impl Into<String>) {
        let notice = Notice { code: code.to_owned(), message: message.into() };
        self.reporter.report(Progress::Notice(notice.clone()));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MAX_TOLD && !told.contains(&notice) {
            told.push(notice);
        }
    }

    /// What was told since the last time, for the answer.
    pub(crate) fn told(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn check_cancelled(&self) -> Result<(), MarketError> {
        if self.cancel.is_cancelled() { Err(MarketError::Interrupted) } else { Ok(()) }
    }

    /// The chain of every hook, in order.
    pub fn policy_show(&self) -> Result<PolicyAnswer, MarketError> {
        let mut hooks: std::collections::BTreeMap<Hook, Vec<PolicyLink>> =
            Hook::ALL.into_iter().map(|hook| (hook, Vec::new())).collect();
        for link in self.policies()?.show() {
            let watched_by = (link.policy.clone(), link.digest.clone());
            let version = Some(link.version).filter(|v| !v.is_empty());
            let shown = PolicyLink {
                policy: link.policy,
                version,
                digest: link.digest.parse().ok(),
                mode: link.mode.to_string(),
                locked: link.locked,
                from: link.from.to_string(),
                line: link.line,
                watched: self.watched(link.hook, &link.mode, &watched_by)?,
                problem: link.problem,
            };
            hooks.entry(link.hook).or_default().push(shown);
        }
        Ok(PolicyAnswer { hooks })
    }
}

/// Refuses a configuration whose organization's file cannot be read, or that would loosen what is locked.
pub(crate) fn require_usable(settings: &Settings) -> Result<(), MarketError> {
    match &settings.broken_policy_file {
        None => match ggen_policy::loosened(&settings.policies) {
            loosened if loosened.is_empty() => Ok(()),
            loosened => Err(MarketError::Loosened(loosened)),
        },
        Some((path, problem)) => Err(MarketError::PolicyFile { path: path.clone(), problem: problem.clone() }),
    }
}

/// A job with a configuration's labels.
pub(crate) fn job_with(settings: &Settings, task: Task, offline: bool) -> Job {
    Job { labels: settings.labels.clone(), ..Job::new(task, now(), offline) }
}

/// Notices that an answer repeats.
const MAX_TOLD: usize = 256;

/// Milliseconds since the Unix epoch; 0 on a clock that stands before it.
pub(crate) fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Runs what blocks where it may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MarketError> + Send + 'static,
) -> Result<T, MarketError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(MarketError::Internal(format!("a worker ended early: {error}"))),
    }
}
