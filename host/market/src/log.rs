//! What policies decided, told from the decision log.
//!
//! Decides nothing and asks no policy. Invariant: a list is bounded by what was asked for.

use ggen_core::hooks::{Answer, Hook};
use ggen_policy::Mode;
use ggen_store::{DecisionFilter, DecisionRow};
use serde::Serialize;

use crate::answers::WatchedAnswer;
use crate::error::MarketError;
use crate::market::{Market, now};

/// Days over which a link that only watches is compared.
const WATCHED_DAYS: u64 = 30;
const DAY: u64 = 24 * 3600 * 1000;

/// What `policy log` is asked for.
#[derive(Clone, Debug, Default)]
pub struct LogRequest {
    /// Of this hook.
    pub hook: Option<Hook>,
    /// Of the policy of this name.
    pub policy: Option<String>,
    /// Whose subject has this text in it.
    pub subject: Option<String>,
    /// Not before, in milliseconds since the Unix epoch.
    pub since: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// One decision.
#[derive(Clone, Debug, Serialize)]
pub struct LoggedDecision {
    /// Its number.
    pub id: i64,
    /// Milliseconds since the Unix epoch; the same for all of one job.
    pub time: u64,
    /// Which hook.
    pub hook: String,
    /// Which function of it.
    pub call: String,
    /// What it was about.
    pub subject: String,
    /// The policy's name.
    pub policy: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its component.
    pub digest: String,
    /// SHA-256 of its settings.
    pub settings_digest: String,
    /// In a word; the strictest, where it was about many.
    pub verdict: &'static str,
    /// Why.
    pub reasons: Vec<String>,
    /// `enforce` or `shadow`.
    pub mode: String,
    /// Place in its chain, from 0.
    pub place: u32,
    /// Fuel burned.
    pub fuel: u64,
    /// Microseconds on the wall clock.
    pub micros: u64,
    /// The limit that struck, if one did.
    pub limit: Option<String>,
    /// Why there is no answer.
    pub fault: Option<String>,
    /// Whether asking again must give the same.
    pub replayable: bool,
    /// What it logged.
    pub log: Vec<String>,
}

/// `policy log`.
#[derive(Clone, Debug, Serialize)]
pub struct LogAnswer {
    /// Latest first.
    pub decisions: Vec<LoggedDecision>,
}

impl From<DecisionRow> for LoggedDecision {
    fn from(row: DecisionRow) -> Self {
        Self {
            verdict: word(&row.verdict),
            settings_digest: ggen_core::Digest::of(row.settings.as_bytes()).to_string(),
            id: row.id,
            time: row.time,
            hook: row.hook,
            call: row.call,
            subject: row.subject,
            policy: row.policy,
            version: row.version,
            digest: row.digest,
            reasons: row.reasons,
            mode: row.mode,
            place: row.place,
            fuel: row.fuel,
            micros: row.micros,
            limit: row.limit,
            fault: row.fault,
            replayable: row.replayable,
            log: row.log,
        }
    }
}

/// A recorded verdict in a word.
pub(crate) fn word(verdict: &str) -> &'static str {
    serde_json::from_str::<Answer>(verdict).map_or("fault", |answer| answer.word())
}

impl Market {
    /// Decisions of the log, latest first.
    pub fn policy_log(&self, request: LogRequest) -> Result<LogAnswer, MarketError> {
        let LogRequest { hook, policy, subject, since, limit } = request;
        let filter = DecisionFilter {
            hook: hook.map(|hook| hook.to_string()),
            policy,
            subject,
            since,
            ..DecisionFilter::default()
        };
        let rows = self.store.decisions(&filter, limit)?;
        Ok(LogAnswer { decisions: rows.into_iter().map(LoggedDecision::from).collect() })
    }

    /// What a link that only watches would have decided; none for one that is heeded or off.
    pub(crate) fn watched(
        &self,
        hook: Hook,
        mode: &Mode,
        (policy, digest): &(String, String),
    ) -> Result<Option<WatchedAnswer>, MarketError> {
        if *mode != Mode::Shadow {
            return Ok(None);
        }
        let since = now().saturating_sub(WATCHED_DAYS * DAY);
        let watched = self.store.watched(hook.name(), policy, digest, since)?;
        let ggen_store::Watched { asked, denied, otherwise } = watched;
        Ok(Some(WatchedAnswer { days: WATCHED_DAYS, asked, denied, otherwise }))
    }
}
