//! The links of a hook's chain: which are configured, by whom, and which of them count.
//!
//! Decides the order (organization, user, defaults where neither names any) and when a component is loaded: at the
//! first question, not before. Invariant: nothing that a user configures takes an organization's link out.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ggen_core::hooks::{Hook, PolicyLimits};

use crate::breaker::Breaker;
use crate::digest::digest_of;
use crate::error::LinkProblem;
use crate::link_config::{LinkConfig, LinkSource, Mode};
use crate::loaded::Loaded;
use crate::settings;

/// One link at work.
pub struct Link {
    /// As configured.
    pub config: LinkConfig,
    /// Its settings as JSON.
    pub settings: Arc<str>,
    /// SHA-256 of them.
    pub settings_digest: String,
    /// Place in its chain, from 0.
    pub place: u32,
    loaded: OnceLock<Result<Arc<Loaded>, Arc<LinkProblem>>>,
    breaker: Mutex<Breaker>,
}

impl Link {
    fn new(config: LinkConfig, place: u32, limits: &PolicyLimits) -> Self {
        let settings = settings::text(&config.settings);
        let settings_digest = digest_of(settings.as_bytes());
        let breaker = Breaker::new(limits.breaker_faults, Duration::from_millis(limits.breaker_ms));
        let (loaded, breaker) = (OnceLock::new(), Mutex::new(breaker));
        Self { config, settings: settings.into(), settings_digest, place, loaded, breaker }
    }

    /// The component, loaded by `load` the first time.
    pub fn loaded(
        &self,
        load: impl FnOnce() -> Result<Arc<Loaded>, Arc<LinkProblem>>,
    ) -> Result<Arc<Loaded>, Arc<LinkProblem>> {
        self.loaded.get_or_init(load).clone()
    }

    /// What the component calls itself, or what the configuration calls it while it is not loaded.
    pub fn name(&self) -> &str {
        match self.loaded.get() {
            Some(Ok(loaded)) => &loaded.description.name,
            _ => &self.config.use_,
        }
    }

    /// The component, if it was loaded already and fits.
    pub fn known(&self) -> Option<&Loaded> {
        self.loaded.get()?.as_deref().ok()
    }

    /// What is wrong with it, with the place in the configuration where that is put right.
    pub fn told(&self, problem: &LinkProblem) -> String {
        match problem {
            LinkProblem::Settings { problems } => {
                let one = |p: &ggen_core::hooks::Problem| {
                    let place = self.config.place_of(&p.path);
                    format!("{}: {place}: {}", if p.path.is_empty() { "settings" } else { &p.path }, p.message)
                };
                let all: Vec<_> = problems.iter().map(one).collect();
                format!("its settings are not right: {}", all.join("; "))
            }
            other if self.config.from == LinkSource::Default => other.text(),
            other => format!("{} ({})", other.text(), self.config.place()),
        }
    }

    /// Where it stands after its faults so far.
    pub fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The links of one hook that count, in the order in which they are asked.
pub fn chain(hook: Hook, configured: &[LinkConfig], limits: &PolicyLimits) -> Vec<Link> {
    let of_hook = || configured.iter().filter(move |link| link.hook == hook);
    // A link that is only watched counts for nothing, so it takes no default away either.
    let is_named = of_hook().any(|link| link.from != LinkSource::Default && link.mode != Mode::Shadow);
    let mut links: Vec<_> = of_hook().filter(|link| !(is_named && link.from == LinkSource::Default)).cloned().collect();
    links.sort_by_key(|link| link.from.rank());
    (0..).zip(links).map(|(place, config)| Link::new(config, place, limits)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link_config::LinkTable;

    fn link(name: &str, from: LinkSource) -> LinkConfig {
        LinkConfig::new(Hook::Verification, name, from)
    }

    fn names(configured: &[LinkConfig]) -> Vec<String> {
        chain(Hook::Verification, configured, &PolicyLimits::default())
            .iter()
            .map(|link| link.name().to_owned())
            .collect()
    }

    fn user(name: &str) -> LinkConfig {
        link(name, LinkSource::User("config.toml".into()))
    }

    fn organization(name: &str) -> LinkConfig {
        link(name, LinkSource::Organization("/etc/ggen/policy.toml".into()))
    }

    #[test]
    fn the_organization_stands_first_and_named_links_replace_the_defaults() {
        let default = link("default", LinkSource::Default);
        assert_eq!(names(std::slice::from_ref(&default)), ["default"]);
        assert_eq!(names(&[default.clone(), user("a")]), ["a"]);
        assert_eq!(names(&[default.clone(), user("a"), organization("o"), user("b")]), ["o", "a", "b"]);
        let off = LinkConfig { mode: Mode::Off, ..user("a") };
        assert_eq!(names(&[default.clone(), off]), ["a"]);
        let shadow = LinkConfig { mode: Mode::Shadow, ..user("a") };
        assert_eq!(names(&[default, shadow]), ["a", "default"]);
    }

    #[test]
    fn a_table_is_read_as_documented() {
        let text = r#"
            use = "org-allowlist"
            mode = "shadow"
            settings = { names = ["a"], since = 2026-01-01 }
            locked = true
        "#;
        let table: LinkTable = toml::from_str(text).unwrap();
        let link = table.into_link(Hook::Verification, LinkSource::Default);
        assert_eq!((link.use_.as_str(), link.mode, link.locked), ("org-allowlist", Mode::Shadow, true));
        let chain = chain(Hook::Verification, &[link], &PolicyLimits::default());
        assert_eq!(&*chain[0].settings, r#"{"names":["a"],"since":"2026-01-01"}"#);
        assert!(toml::from_str::<LinkTable>("use = 'a'\nmdoe = 'off'").is_err());
    }
}
