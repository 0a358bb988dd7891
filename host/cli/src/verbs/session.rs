//! What a verb works with: settings, a home, and a place for jobs to run.
//!
//! Decides what is told before a job begins. Opens a home only for verbs that need one.

use std::future::Future;
use std::time::Duration;

use ggen_market::{Market, MarketError, MarketOptions, Notice};
use serde::Serialize;

use crate::args::Globals;
use crate::config::{self, Loaded};
use crate::errors::{Exit, Failure};
use crate::output::{Output, Page};
use crate::signals::Jobs;

/// How long a job has to clean up once the user wished to stop.
pub const GRACE: Duration = Duration::from_millis(50);

/// One verb at work.
pub struct Session<'a> {
    /// The home and its settings.
    pub loaded: Loaded,
    /// Where the answer goes.
    pub output: &'a Output,
    offline: bool,
    jobs: Jobs,
}

impl<'a> Session<'a> {
    /// For a verb whose job is quick and asks nobody.
    pub fn light(globals: &Globals, output: &'a Output) -> Result<Self, Failure> {
        Self::open(globals, output, true)
    }

    /// For a verb whose job may use the network.
    pub fn full(globals: &Globals, output: &'a Output) -> Result<Self, Failure> {
        Self::open(globals, output, false)
    }

    fn open(globals: &Globals, output: &'a Output, light: bool) -> Result<Self, Failure> {
        let loaded = config::load(globals)?;
        Ok(Self { loaded, output, offline: globals.offline, jobs: Jobs::start(light)? })
    }

    /// The home, opened; what it has to tell is told.
    pub fn market(&self) -> Result<Market, Failure> {
        let settings = &self.loaded.settings;
        if let Some((path, problem)) = &settings.broken_policy_file {
            let message = format!(
                "the organization's policy file {} cannot be used: {problem}; nothing can be installed until it can",
                path.display()
            );
            self.output.notice(&Notice { code: "policy-file".to_owned(), message });
        }
        let market = Market::open(self.options())?;
        self.output.notices(&market.notices());
        Ok(market)
    }

    /// What a home is opened with.
    pub fn options(&self) -> MarketOptions {
        MarketOptions {
            home: self.loaded.home.clone(),
            directory: std::env::current_dir().ok(),
            settings: self.loaded.settings.clone(),
            offline: self.offline,
            reporter: self.output.reporter(),
            cancel: self.jobs.cancel(),
        }
    }

    /// Does a job to its end, or to the user's.
    pub fn run<T>(&self, job: impl Future<Output = Result<T, MarketError>>) -> Result<T, Failure> {
        self.jobs.run(GRACE, job)
    }

    /// Does a job that is ended by stopping it, and may take its time for that.
    pub fn run_until_stopped<T>(&self, job: impl Future<Output = Result<T, MarketError>>) -> Result<T, Failure> {
        self.jobs.run(self.loaded.settings.limits.shutdown_timeout + GRACE, job)
    }

    /// Gives the answer of a job that went well.
    pub fn answer<A: Serialize>(&self, answer: &A, page: impl FnOnce(&mut Page, &A)) -> Result<Exit, Failure> {
        self.output.answer(answer, page)?;
        Ok(Exit::Done)
    }

    /// Ends what still runs.
    pub fn end(self) {
        self.jobs.end();
    }
}
