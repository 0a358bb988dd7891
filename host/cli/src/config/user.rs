//! `config.toml`: the user's own settings.
//!
//! Decides which settings there are. A home without the file has the defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ggen_core::limits::Limits;
use ggen_market::{Feed, Reach};
use ggen_policy::{LinkConfig, LinkSource};
use toml::de::DeTable;

use super::advisories;
use super::document::Document;
use super::error::ConfigError;
use super::policies;

/// `[network]`, as far as it is written.
#[derive(Debug, Default)]
pub struct Network {
    /// Nodes to begin with.
    pub bootstrap: Option<Vec<String>>,
    /// Addresses to listen on.
    pub listen: Option<Vec<String>>,
    /// Peers that the operator names.
    pub trusted: Option<Vec<String>>,
    /// Whether peers are looked for on the local network.
    pub mdns: Option<bool>,
    /// What is done about routers.
    pub reach: Option<Reach>,
    /// Whether a node takes calls for others.
    pub relay: Option<bool>,
    /// The file with the key of a private network.
    pub swarm_key: Option<PathBuf>,
    /// Whether what was installed is announced and served.
    pub serve_installed: Option<bool>,
}

/// What a user's file says.
#[derive(Debug, Default)]
pub struct User {
    /// The network.
    pub network: Network,
    /// More file registries.
    pub directories: Vec<PathBuf>,
    /// Bounds; what is not written has its default.
    pub limits: Option<Limits>,
    /// Links.
    pub links: Vec<LinkConfig>,
    /// Feeds of advisories.
    pub advisories: Vec<Feed>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

const ADDRESSES: &str = "write a list of addresses: [\"/ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…\"]";

/// Reads the file at `path`, if it is there.
pub fn read(path: &Path, most: u64) -> Result<User, ConfigError> {
    match Document::read(path, most)? {
        Some(document) => of(&document),
        None => Ok(User::default()),
    }
}

pub fn of(document: &Document) -> Result<User, ConfigError> {
    let root = document.table()?;
    document.only(&root, "at the top", &["network", "policy", "registry", "limits", "advisories"])?;
    let from = LinkSource::User(document.path().to_owned());
    let policies = policies::read(document, &root, &from)?;
    Ok(User {
        network: network(document, &root)?,
        directories: directories(document, &root)?,
        limits: limits(document, &root)?,
        links: policies.links,
        advisories: advisories::read(document, &root)?,
        labels: policies.labels,
    })
}

fn network(document: &Document, root: &DeTable<'_>) -> Result<Network, ConfigError> {
    let Some(table) = document.sub(root, "network")? else { return Ok(Network::default()) };
    let known = ["bootstrap", "listen", "trusted", "mdns", "reach", "relay", "swarm_key", "serve_installed"];
    document.only(table, "in [network]", &known)?;
    Ok(Network {
        bootstrap: document.value(table, "bootstrap", ADDRESSES)?,
        listen: document.value(table, "listen", ADDRESSES)?,
        trusted: document.value(table, "trusted", "write a list of peer ids: [\"12D3Koo…\"]")?,
        mdns: document.value(table, "mdns", "write true or false")?,
        reach: reach(document, table)?,
        relay: document.value(table, "relay", "write true or false")?,
        swarm_key: document
            .value::<PathBuf>(table, "swarm_key", "write a file's name: \"swarm.key\"")?
            .map(|path| document.path().parent().unwrap_or(Path::new("")).join(path)),
        serve_installed: document.value(table, "serve_installed", "write true or false")?,
    })
}

fn reach(document: &Document, table: &DeTable<'_>) -> Result<Option<Reach>, ConfigError> {
    let form = "write \"auto\", \"private\" (it is known that nobody can call this machine) or \"off\"";
    let Some(value) = table.get("reach") else { return Ok(None) };
    match document.take::<String>(value, "reach", form)?.as_str() {
        "auto" => Ok(Some(Reach::Auto)),
        "private" => Ok(Some(Reach::Private)),
        "off" => Ok(Some(Reach::Off)),
        other => {
            let other: String = other.chars().take(80).collect();
            Err(document.wrong(value.span(), format!("`reach` cannot be {other:?}"), form))
        }
    }
}

fn directories(document: &Document, root: &DeTable<'_>) -> Result<Vec<PathBuf>, ConfigError> {
    let Some(table) = document.sub(root, "registry")? else { return Ok(Vec::new()) };
    document.only(table, "in [registry]", &["directories"])?;
    let form = "write a list of folders: [\"/mnt/registry\"]";
    let written: Vec<PathBuf> = document.value(table, "directories", form)?.unwrap_or_default();
    let folder = document.path().parent().unwrap_or(Path::new(""));
    Ok(written.into_iter().map(|directory| folder.join(directory)).collect())
}

/// The longest time and the largest number of a limit: what is reckoned with them stays a time and a number.
const MAX_TIME: Duration = Duration::from_secs(100 * 365 * 86_400);
const MAX_NUMBER: u64 = 1 << 60;
/// The smallest of those that a node can be told nothing without: not even to stop.
const LEAST: [(&str, u64); 1] = [("max_control_message", 4096)];

fn limits(document: &Document, root: &DeTable<'_>) -> Result<Option<Limits>, ConfigError> {
    let Some(value) = root.get("limits") else { return Ok(None) };
    let Some(table) = document.sub(root, "limits")? else { return Ok(None) };
    let all = serde_json::to_value(Limits::default()).unwrap_or_default();
    let known: Vec<&str> = all.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    document.only(table, "in [limits]", &known)?;
    // One by one, so that a mistake names its setting.
    for (key, value) in table.iter() {
        let name = key.get_ref().as_ref();
        let default = all.get(name);
        let is_time = default.is_some_and(serde_json::Value::is_string);
        let time = value.get_ref().as_str().and_then(ggen_core::limits::span::parse);
        if is_time && time.is_some_and(|time| time > MAX_TIME) {
            let problem = format!("`{name}` is longer than a hundred years");
            return Err(document.wrong(value.span(), problem, "write a shorter time"));
        }
        if is_time && time.is_none() {
            let shown = value.get_ref().as_str().map_or_else(|| "a bare number".to_owned(), |text| format!("{text:?}"));
            let problem = format!("`{name}` is a time, and {shown} is none");
            return Err(document.wrong(value.span(), problem, "write \"250ms\", \"10s\", \"5min\", \"1h\" or \"30d\""));
        }
        if default.is_some_and(serde_json::Value::is_boolean) {
            let _: bool = document.take(value, name, "write true or false")?;
        } else if !is_time {
            let number: u64 = document.take(value, name, "write a whole number, without a unit")?;
            if number > MAX_NUMBER {
                let problem = format!("`{name}` cannot be as large as {number}");
                return Err(document.wrong(value.span(), problem, format!("write at most {MAX_NUMBER}")));
            }
            if let Some((_, least)) = LEAST.iter().find(|(of, least)| *of == name && number < *least) {
                let problem = format!("`{name}` cannot be as small as {number}: a node could not even be told to stop");
                return Err(document.wrong(value.span(), problem, format!("write at least {least}")));
            }
        }
    }
    document.take(value, "limits", "write numbers without a unit, and times as \"10s\"").map(Some)
}
