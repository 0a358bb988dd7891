//! Settings of one run: flags over environment over `config.toml` over defaults, and the organization's word over all.
//!
//! Decides what a configuration may say and who wins; addresses are left to the network, what a policy is told to the
//! policy. Writes nothing. Invariant: what is not understood is refused with its place, never ignored; an organization's
//! file that cannot be used is never as if it were not there.

mod advisories;
mod document;
mod environment;
mod error;
mod organization;
mod policies;
mod reread;
mod user;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ggen_market::{NetworkSettings, Settings};

use crate::args::Globals;

pub use environment::Environment;
pub use error::{ConfigError, Fault};
pub use reread::Reread;

/// The organization's file, which nobody below can replace.
const ORGANIZATION: &str = "/etc/ggen/policy.toml";

/// The home and its settings.
#[derive(Debug)]
pub struct Loaded {
    /// Where everything is kept.
    pub home: PathBuf,
    /// The settings.
    pub settings: Settings,
}

/// Reads it all for this process.
pub fn load(globals: &Globals) -> Result<Loaded, ConfigError> {
    load_from(globals, &Environment::of_process(), Path::new(ORGANIZATION))
}

/// The home: `--home`, else `GGEN_HOME`, else `~/.ggen`.
pub fn home(globals: &Globals, environment: &Environment) -> Result<PathBuf, ConfigError> {
    let home = match (&globals.home, &environment.home, &environment.user_home) {
        (Some(home), ..) | (None, Some(home), _) => home.clone(),
        (None, None, Some(user)) => user.join(".ggen"),
        (None, None, None) => return Err(ConfigError::NoHome),
    };
    std::path::absolute(&home).map_err(|source| ConfigError::Read { path: home, source })
}

fn load_from(globals: &Globals, environment: &Environment, organization: &Path) -> Result<Loaded, ConfigError> {
    let home = home(globals, environment)?;
    let mut settings = Settings::default();
    let most = settings.limits.max_config;

    let word = organization::read(organization, environment.policy_file.as_deref(), most);
    let user = user::read(&home.join("config.toml"), most)?;

    settings.limits = user.limits.unwrap_or_default();
    settings.directories = user.directories;
    settings.policies = word.links;
    settings.policies.extend(user.links);
    settings.names = word.names;
    settings.advisories = word.advisories;
    for feed in user.advisories {
        // An organization's word about a feed stands as it is.
        if !settings.advisories.iter().any(|f| f.package.collision_key() == feed.package.collision_key()) {
            settings.advisories.push(feed);
        }
    }
    settings.broken_policy_file = word.broken;
    network(&mut settings, user.network, environment)?;

    let mut labels: BTreeMap<String, String> = user.labels.into_iter().collect();
    labels.extend(environment.labels()?);
    labels.extend(word.labels);
    settings.labels = labels.into_iter().collect();
    Ok(Loaded { home, settings })
}

fn network(settings: &mut Settings, user: user::Network, environment: &Environment) -> Result<(), ConfigError> {
    let network = &mut settings.network;
    let here = |source| ConfigError::Read { path: PathBuf::from("GGEN_P2P_SWARM_KEY"), source };
    let swarm_key = environment.swarm_key.as_deref().map(std::path::absolute).transpose().map_err(here)?;
    network.swarm_key = swarm_key.or(user.swarm_key);
    let usual = || NetworkSettings::usual_listen(network.swarm_key.is_some());
    network.listen = environment.listen().or(user.listen).unwrap_or_else(usual);
    if let Some(bootstrap) = environment.bootstrap().or(user.bootstrap) {
        network.bootstrap = bootstrap;
    }
    if let Some(trusted) = user.trusted {
        network.trusted = trusted;
    }
    if let Some(mdns) = environment.mdns()?.or(user.mdns) {
        network.mdns = mdns;
    }
    network.reach = user.reach.unwrap_or(network.reach);
    network.relay = user.relay.unwrap_or(network.relay);
    network.serve_installed = user.serve_installed.unwrap_or(network.serve_installed);
    Ok(())
}

#[cfg(test)]
mod tests;
