//! The same configuration, read again by a node that runs.
//!
//! Decides which files belong to it. Invariant: flags and environment are those that the process began with.

use std::path::{Path, PathBuf};

use ggen_market::{Configuration, Settings};

use super::{ConfigError, Environment, ORGANIZATION, load_from};
use crate::args::Globals;

/// What [`super::load`] read, to be read again.
#[derive(Debug)]
pub struct Reread {
    globals: Globals,
    environment: Environment,
    home: PathBuf,
}

impl Reread {
    /// For the process that read it with these flags for the home at `home`.
    pub fn new(globals: &Globals, home: &Path) -> Self {
        let globals = Globals { home: Some(home.to_owned()), ..globals.clone() };
        Self { globals, environment: Environment::of_process(), home: home.to_owned() }
    }
}

impl Configuration for Reread {
    fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![PathBuf::from(ORGANIZATION), self.home.join("config.toml")];
        files.extend(self.environment.policy_file.clone());
        files
    }

    fn read(&self) -> Result<Settings, String> {
        let loaded = load_from(&self.globals, &self.environment, Path::new(ORGANIZATION)).map_err(|e| told(&e))?;
        Ok(loaded.settings)
    }
}

fn told(error: &ConfigError) -> String {
    match error {
        ConfigError::File { hint, .. } => format!("{error} ({hint})"),
        ConfigError::Read { source, .. } => format!("{error}: {source}"),
        other => other.to_string(),
    }
}
