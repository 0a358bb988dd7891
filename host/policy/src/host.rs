//! The host of all policies: what is configured, and the questions that the jobs ask.
//!
//! Decides when there is an engine: it starts none and loads no component before the first question of a hook, so that a
//! command that asks nothing pays nothing. Invariant: opening it never fails because of one policy; what is wrong with a
//! link shows when it is asked, and then its hook falls to what holds without it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ggen_core::hooks::{Hook, PolicyLimits};

use crate::afterwards::{Afterwards, PolicyNotice};
use crate::cache::Compiler;
use crate::chains::{BuiltIn, Chains, InstalledResolver};
use crate::decision::Decision;
use crate::error::{LinkProblem, PolicyError};
use crate::link::{self, Link};
use crate::link_config::{LinkConfig, LinkSource, Mode};
use crate::loaded::Loaded;
use crate::run;
use crate::runtime::Runtime;
use crate::settings;
use crate::sound;
use crate::source::Source;

/// What a host is opened with.
#[derive(Clone, Default)]
pub struct HostOptions {
    /// The folder of compiled components; none: everything is compiled anew in each process.
    pub cache_dir: Option<PathBuf>,
    /// Bounds.
    pub limits: PolicyLimits,
    /// Policies that are part of this program.
    pub builtins: Vec<BuiltIn>,
    /// Finds installed ones; none: there are none.
    pub installed: Option<InstalledResolver>,
    /// Compiles what is not part of this program; none: in this process.
    pub compiler: Option<Arc<dyn Compiler>>,
    /// Where shadow questions and notices wait; one for all hosts of a program, so that swapping one loses none.
    pub afterwards: Arc<Afterwards>,
    /// All links of all hooks, whoever configured them; within one configuration in their order.
    pub links: Vec<LinkConfig>,
}

/// Runs policies. All calls block, on a thread of their own; from async code, go through `spawn_blocking`.
pub struct PolicyHost {
    pub(crate) chains: Arc<Chains>,
    /// What is left when a decision has been made.
    pub(crate) afterwards: Arc<Afterwards>,
    runtime: OnceLock<Result<Arc<Runtime>, Arc<LinkProblem>>>,
    limits: PolicyLimits,
}

/// One link, as `policy show` shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ShownLink {
    /// Which hook's chain it stands in.
    pub hook: Hook,
    /// Place in that chain, from 0.
    pub place: u32,
    /// What it calls itself; as configured, while it cannot be loaded.
    pub policy: String,
    /// Its version; empty while it cannot be loaded.
    pub version: String,
    /// SHA-256 of its component; empty while it cannot be loaded.
    pub digest: String,
    /// How it counts.
    pub mode: Mode,
    /// Whether nobody below may loosen it.
    pub locked: bool,
    /// Who configured it.
    pub from: LinkSource,
    /// The line there.
    pub line: Option<usize>,
    /// SHA-256 of its settings' JSON.
    pub settings_digest: String,
    /// Whether its hook may do without it.
    pub allow_missing: bool,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

impl PolicyHost {
    /// Takes the configuration; reads, compiles and runs nothing yet.
    ///
    /// # Errors
    /// When a hook has more links than it may have.
    pub fn open(options: HostOptions) -> Result<Self, PolicyError> {
        let HostOptions { cache_dir, limits, builtins, installed, compiler, afterwards, links } = options;
        let most = limits.links;
        let mut chains = BTreeMap::new();
        for hook in Hook::ALL {
            let chain = link::chain(hook, &links, &limits);
            if chain.len() > most {
                return Err(PolicyError::TooManyLinks { hook, count: chain.len(), most });
            }
            chains.insert(hook, chain);
        }
        let chains = Arc::new(Chains::new(chains, builtins, installed, compiler, cache_dir));
        Ok(Self { chains, afterwards, runtime: OnceLock::new(), limits })
    }

    /// The engine, started the first time.
    pub(crate) fn runtime(&self) -> Result<&Arc<Runtime>, Arc<LinkProblem>> {
        let start = || {
            Runtime::new(self.limits.clone())
                .map(Arc::new)
                .map_err(|e| Arc::new(LinkProblem::Engine { message: format!("{e:#}") }))
        };
        self.runtime.get_or_init(start).as_ref().map_err(Arc::clone)
    }

    /// Whether the engine runs: not before the first question of a hook that has links.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.runtime.get().is_some()
    }

    /// Asks links that only watch what waits for them, for at most `budget`; rows for the log.
    #[must_use]
    pub fn finish_shadows(&self, budget: Duration) -> Vec<Decision> {
        self.afterwards.finish(budget)
    }

    /// What the operator must be told since the last time.
    #[must_use]
    pub fn notices(&self) -> Vec<PolicyNotice> {
        self.afterwards.notices()
    }

    /// Loads and configures every link, and tells what there is and what is wrong with it.
    #[must_use]
    pub fn show(&self) -> Vec<ShownLink> {
        let mut shown = self.show_links();
        let links: Vec<_> = Hook::ALL.iter().flat_map(|hook| self.chains.links(*hook)).collect();
        for link in links.iter().filter(|link| !matches!(link.config.from, LinkSource::Organization(_))) {
            let lock = links.iter().find(|other| {
                let is_named = other.config.use_ == link.config.use_ || other.name() == link.name();
                other.config.locked && other.config.hook == link.config.hook && is_named
            });
            let how = lock.and_then(|lock| sound::loosens(&lock.config, &link.config));
            let is_this = |row: &&mut ShownLink| row.hook == link.config.hook && row.place == link.place;
            if let (Some(lock), Some(how), Some(row)) = (lock, how, shown.iter_mut().find(is_this)) {
                let text = "; it is asked all the same";
                row.problem = Some(format!("it is locked by {}, and this {how}{text}", lock.config.place()));
            }
        }
        shown
    }

    fn show_links(&self) -> Vec<ShownLink> {
        let links = Hook::ALL.into_iter().flat_map(|hook| self.chains.links(hook));
        match self.runtime() {
            Err(problem) => links.map(|link| shown(link, Err(Arc::clone(&problem)))).collect(),
            Ok(runtime) => {
                let links: Vec<_> = links.collect();
                let on_thread = runtime.scoped(|| -> Vec<_> {
                    links.iter().map(|link| shown(link, self.usable(runtime, link))).collect()
                });
                on_thread.unwrap_or_default()
            }
        }
    }

    fn usable(&self, runtime: &Runtime, link: &Link) -> Result<Arc<Loaded>, Arc<LinkProblem>> {
        let loaded = self.chains.load(runtime, link)?;
        let schema = &loaded.description.settings_schema;
        self.chains.distinct(link, &loaded)?;
        settings::check(&link.settings, &link.config.settings, schema, &runtime.limits)?;
        run::try_settings(runtime, &loaded, &link.settings)?;
        Ok(loaded)
    }

    /// The files of all components that are asked, as they are found now; what is not found is left out.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let links = Hook::ALL.iter().flat_map(|hook| self.chains.links(*hook));
        let asked = links.filter(|link| link.config.mode != Mode::Off);
        let file = |link: &Link| match self.chains.source(&link.config).ok()? {
            Source::BuiltIn(_) => None,
            Source::File(path) | Source::Installed(path) => Some(path),
        };
        asked.filter_map(file).collect()
    }

    /// Which configuration locks a policy of this hook, for the user to read.
    #[must_use]
    pub fn locked_by(&self, hook: Hook, policy: &str) -> Option<String> {
        let mut links = self.chains.links(hook).iter();
        links.find(|link| link.config.locked && link.name() == policy).map(|link| link.config.from.to_string())
    }
}

fn shown(link: &Link, usable: Result<Arc<Loaded>, Arc<LinkProblem>>) -> ShownLink {
    let config = &link.config;
    let (version, digest, problem) = match &usable {
        Ok(loaded) => (loaded.description.version.clone(), loaded.digest.clone(), None),
        Err(problem) => (String::new(), String::new(), Some(link.told(problem))),
    };
    ShownLink {
        hook: config.hook,
        place: link.place,
        policy: link.name().to_owned(),
        version,
        digest,
        mode: config.mode,
        locked: config.locked,
        from: config.from.clone(),
        line: config.written.line,
        settings_digest: link.settings_digest.clone(),
        allow_missing: config.allow_missing,
        problem,
    }
}
