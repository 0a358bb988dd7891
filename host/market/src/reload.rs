//! A running node's policies, swapped without a stop: `policy reload`, or a file that changed.
//!
//! ```text
//! look (files) ── changed, and at rest ──┐
//!                                        ├─ read ─ load all ─ route ─ swap
//! wish (control socket) ─────────────────┘     └──── not so: the old set stays, and why is told
//! ```
//!
//! Decides when a set is taken up: when each of its heeded links loads with its settings, and its fallback policy has a
//! route for the node. Only policies, labels and their limits' effect on them change; addresses and other settings are a
//! restart's. Invariant: what was asked before the swap ends on the policies that it was asked of, and no event of the
//! node waits for a set that is being loaded.

use std::sync::Arc;

use ggen_core::hooks::{Hook, Origin, Task};
use ggen_net::NetError;
use ggen_policy::Mode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Interval, MissedTickBehavior};

use crate::error::MarketError;
use crate::fallback::peers_left_out;
use crate::market::{Market, blocking};
use crate::settings::{Configuration, Settings};
use crate::watch::Watch;

/// One link of a set that was taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadedLink {
    /// Which hook's chain.
    pub hook: Hook,
    /// The policy's name.
    pub policy: String,
    /// SHA-256 of its component.
    pub digest: String,
    /// `enforce`, `shadow` or `off`.
    pub mode: String,
}

/// `policy reload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadAnswer {
    /// Whether a node runs in this home.
    pub running: bool,
    /// Whether it took the set up.
    pub reloaded: bool,
    /// How many sets the node has had, this one included; 0 where none runs.
    pub generation: u64,
    /// The set, hook by hook, in order.
    pub policies: Vec<ReloadedLink>,
}

/// What the control socket's client gets: an answer, or a code and a message.
type Wish = oneshot::Sender<Result<Value, (String, String)>>;

/// The code of a set that is not taken up.
const REFUSED: &str = "policy-set";

impl Market {
    /// Checks the configured policies, and has a running node take them up.
    pub async fn policy_reload(&self) -> Result<ReloadAnswer, MarketError> {
        self.require_readable_policy_file()?;
        // Compiled here, what is new is ready for the node, and its problems are told without it.
        let policies = self.load_all(&self.settings).await?.1;
        let Some(network) = self.running_node().await? else {
            return Ok(ReloadAnswer { policies, ..ReloadAnswer::default() });
        };
        let answer = network.reload().await.map_err(|error| match error {
            NetError::Remote { code, message } if code == REFUSED => MarketError::PolicySet { problems: vec![message] },
            other => other.into(),
        })?;
        serde_json::from_value(answer).map_err(|e| MarketError::Internal(format!("the node's answer: {e}")))
    }

    /// Opens a set and loads every link of it.
    async fn load_all(
        &self,
        settings: &Settings,
    ) -> Result<(Arc<ggen_policy::PolicyHost>, Vec<ReloadedLink>), MarketError> {
        let host = Arc::new(crate::policies::open(&self.store, settings, &self.afterwards, Vec::new())?);
        let asked = Arc::clone(&host);
        let shown = blocking(move || Ok(asked.show())).await?;
        let must = |link: &&ggen_policy::ShownLink| link.mode != Mode::Off && !link.allow_missing;
        let place = |link: &ggen_policy::ShownLink| match link.line {
            Some(line) => format!("{}:{line}", link.from),
            None => link.from.to_string(),
        };
        let problem = |link: &ggen_policy::ShownLink| {
            let problem = link.problem.as_ref()?;
            Some(format!("{} for {} ({}): {problem}", link.policy, link.hook, place(link)))
        };
        let problems: Vec<_> = shown.iter().filter(must).filter_map(problem).collect();
        if !problems.is_empty() {
            return Err(MarketError::PolicySet { problems });
        }
        let told = |link: ggen_policy::ShownLink| ReloadedLink {
            hook: link.hook,
            policy: link.policy,
            digest: link.digest,
            mode: link.mode.to_string(),
        };
        Ok((host, shown.into_iter().map(told).collect()))
    }
}

/// What a reload came to.
enum Done {
    /// Nothing has changed.
    Unchanged,
    /// Another set is in use; `may_go_on`: it lets the node use peers.
    Swapped { answer: ReloadAnswer, may_go_on: bool },
    /// The old set stays.
    Refused(String),
}

type AtWork<'a> = std::pin::Pin<Box<dyn Future<Output = (Watch, Done)> + Send + 'a>>;

/// A running node's reloads.
pub(crate) struct Reloads<'a> {
    market: &'a Market,
    configuration: Option<Arc<dyn Configuration>>,
    watch: Watch,
    tick: Interval,
    wishes: Vec<Wish>,
    /// The reload that is under way, and how many wishes it is the answer to.
    at_work: Option<(AtWork<'a>, usize)>,
}

/// Wishes that wait for one reload.
const MAX_WISHES: usize = 64;

impl<'a> Reloads<'a> {
    /// For a node that runs with what `configuration` says now: what changes from here on is taken up.
    pub(crate) async fn new(market: &'a Market, configuration: Option<Arc<dyn Configuration>>) -> Self {
        let mut tick = tokio::time::interval(market.settings.limits.policy_watch.max(MIN_WATCH));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watch = match &configuration {
            Some(configuration) => look(market, configuration, Watch::default()).await.0,
            None => Watch::default(),
        };
        Self { market, configuration, watch, tick, wishes: Vec::new(), at_work: None }
    }

    /// Takes a wish for a reload; it is answered when that is done.
    pub(crate) fn wish(&mut self, wish: Wish) {
        let refusal = match &self.configuration {
            None => ("unknown-verb", "this node reads no configuration"),
            Some(_) if self.wishes.len() >= MAX_WISHES => ("busy", "too many wait for a reload already"),
            Some(_) => return self.wishes.push(wish),
        };
        // A client that went away needs no answer.
        let _ = wish.send(Err((refusal.0.to_owned(), refusal.1.to_owned())));
    }

    /// Looks and reloads, for ever; an error ends the node. What is under way survives that this is dropped.
    pub(crate) async fn work(&mut self) -> Result<(), MarketError> {
        let Some(configuration) = self.configuration.clone() else { return std::future::pending().await };
        loop {
            if let Some((job, wishes)) = &mut self.at_work {
                let (watch, done) = job.await;
                let wishes = *wishes;
                self.at_work = None;
                self.watch = watch;
                self.finish(done, wishes)?;
            }
            // A wish that came meanwhile is of what the files say now: it gets a reload of its own.
            if self.wishes.is_empty() {
                self.tick.tick().await;
            }
            let (files, wishes) = (Arc::clone(&configuration), self.wishes.len());
            let job = reload(self.market, files, std::mem::take(&mut self.watch), wishes > 0);
            self.at_work = Some((Box::pin(job), wishes));
        }
    }

    fn finish(&mut self, done: Done, wishes: usize) -> Result<(), MarketError> {
        match done {
            Done::Unchanged => Ok(()),
            Done::Refused(why) => {
                self.market.tell("policies-kept", format!("the policies that were in use stay in use: {why}"));
                self.answer(wishes, || Err((REFUSED.to_owned(), why.clone())));
                Ok(())
            }
            Done::Swapped { answer, may_go_on } => {
                let heeded = answer.policies.iter().filter(|link| link.mode == Mode::Enforce.to_string());
                let names: Vec<_> = heeded.map(|link| link.policy.as_str()).collect();
                let text = format!("set {} of the policies is in use: {}", answer.generation, names.join(", "));
                self.market.tell("policies-reloaded", text);
                self.market.write_decisions();
                self.answer(wishes, || {
                    serde_json::to_value(&answer).map_err(|e| ("internal".to_owned(), e.to_string()))
                });
                if may_go_on { Ok(()) } else { Err(peers_left_out()) }
            }
        }
    }

    fn answer(&mut self, wishes: usize, answer: impl Fn() -> Result<Value, (String, String)>) {
        for wish in self.wishes.drain(..wishes.min(self.wishes.len())) {
            let _ = wish.send(answer());
        }
    }
}

/// Between two looks at least, whatever is configured.
const MIN_WATCH: std::time::Duration = std::time::Duration::from_millis(20);

/// Looks at the files of the configuration and of the policies in use; whether they changed.
async fn look(market: &Market, configuration: &Arc<dyn Configuration>, mut watch: Watch) -> (Watch, bool) {
    let host = market.policies().ok();
    let (files, limits) = (Arc::clone(configuration), &market.settings.limits);
    let most = limits.max_component.max(limits.max_config);
    let looked = tokio::task::spawn_blocking(move || {
        let mut paths = files.files();
        paths.extend(host.iter().flat_map(|host| host.files()));
        let changed = watch.look(paths, most);
        (watch, changed)
    });
    looked.await.unwrap_or_default()
}

/// Looks whether something changed, and takes it up; `wished`: whether anything changed or not.
async fn reload(market: &Market, configuration: Arc<dyn Configuration>, watch: Watch, wished: bool) -> (Watch, Done) {
    let (mut watch, changed) = look(market, &configuration, watch).await;
    if !changed && !wished {
        return (watch, Done::Unchanged);
    }
    watch.taken();
    let done = match take_up(market, configuration).await {
        Ok(done) => done,
        Err(error) => Done::Refused(story(&error)),
    };
    (watch, done)
}

/// An error with its causes, in one line.
fn story(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

async fn take_up(market: &Market, configuration: Arc<dyn Configuration>) -> Result<Done, MarketError> {
    let read = blocking(move || Ok(configuration.read())).await?;
    let settings = match read {
        Ok(settings) => Arc::new(settings),
        Err(problem) => return Ok(Done::Refused(problem)),
    };
    crate::market::require_usable(&settings)?;
    let (host, policies) = market.load_all(&settings).await?;
    let offered = vec![Origin::Registry, Origin::Peers];
    // Its labels, too, are the new ones already.
    let job = crate::market::job_with(&settings, Task::Node, market.offline);
    let route = market.route(Arc::clone(&host), &job, offered).await?;
    let generation = market.swap(settings, host);
    let answer = ReloadAnswer { running: true, reloaded: true, generation, policies };
    Ok(Done::Swapped { answer, may_go_on: route.has(Origin::Peers) })
}
