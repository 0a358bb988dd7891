//! The variables of the environment that count.
//!
//! Decides what their values mean. Reads them once; an empty one is as if it were not set.

use std::path::PathBuf;

use super::error::ConfigError;
use super::policies::label_problem;

/// The variables, as they are set.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `GGEN_HOME`.
    pub home: Option<PathBuf>,
    /// `HOME`.
    pub user_home: Option<PathBuf>,
    /// `GGEN_POLICY_FILE`: a second file of an organization.
    pub policy_file: Option<PathBuf>,
    /// `GGEN_P2P_BOOTSTRAP`.
    pub bootstrap: Option<String>,
    /// `GGEN_P2P_LISTEN`.
    pub listen: Option<String>,
    /// `GGEN_P2P_MDNS`.
    pub mdns: Option<String>,
    /// `GGEN_P2P_SWARM_KEY`: the file with the key of a private network.
    pub swarm_key: Option<PathBuf>,
    /// `GGEN_LABELS`.
    pub labels: Option<String>,
}

impl Environment {
    /// This process's.
    pub fn of_process() -> Self {
        let raw = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = |name: &str| raw(name).map(PathBuf::from);
        // What is no UTF-8 cannot be an address or a label: it is refused below, shown as far as it can be.
        let text = |name: &str| raw(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            home: path("GGEN_HOME"),
            user_home: path("HOME"),
            policy_file: path("GGEN_POLICY_FILE"),
            bootstrap: text("GGEN_P2P_BOOTSTRAP"),
            listen: text("GGEN_P2P_LISTEN"),
            mdns: text("GGEN_P2P_MDNS"),
            swarm_key: path("GGEN_P2P_SWARM_KEY"),
            labels: text("GGEN_LABELS"),
        }
    }

    /// Addresses to begin with.
    pub fn bootstrap(&self) -> Option<Vec<String>> {
        self.bootstrap.as_deref().map(list)
    }

    /// Addresses to listen on.
    pub fn listen(&self) -> Option<Vec<String>> {
        self.listen.as_deref().map(list)
    }

    /// Whether peers are looked for on the local network.
    pub fn mdns(&self) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.mdns.as_deref() else { return Ok(None) };
        match value.trim().to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" | "1" => Ok(Some(true)),
            "off" | "false" | "no" | "0" => Ok(Some(false)),
            _ => Err(wrong("GGEN_P2P_MDNS", value, "it is neither on nor off".to_owned(), "write on or off")),
        }
    }

    /// The operator's words about this machine or run.
    pub fn labels(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let hint = "write it as key=value,key=value";
        let Some(value) = self.labels.as_deref() else { return Ok(Vec::new()) };
        let read = |pair: &str| {
            let (key, word) = pair
                .split_once('=')
                .ok_or_else(|| wrong("GGEN_LABELS", value, format!("there is no `=` in {pair:?}"), hint))?;
            let (key, word) = (key.trim(), word.trim());
            match label_problem(key, word) {
                None => Ok((key.to_owned(), word.to_owned())),
                Some(problem) => Err(wrong("GGEN_LABELS", value, problem, hint)),
            }
        };
        list(value).iter().map(|pair| read(pair)).collect()
    }
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn wrong(name: &'static str, value: &str, problem: String, hint: &'static str) -> ConfigError {
    ConfigError::Environment { name, value: value.chars().take(200).collect(), problem, hint }
}
