//! What a job may be told about its surroundings, already read and checked by the command line.
//!
//! Decides nothing and reads nothing: files and environment are the caller's ([`Configuration`]).

use std::collections::BTreeMap;
use std::path::PathBuf;

use ggen_core::limits::Limits;
use ggen_core::{PackageName, PublisherId};
use ggen_net::Reach;
use ggen_policy::LinkConfig;

/// Settings of one run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The network.
    pub network: NetworkSettings,
    /// More file registries, asked in order after the home's own.
    pub directories: Vec<PathBuf>,
    /// Every bound and time-out.
    pub limits: Limits,
    /// Links of the policies' chains: the organization's, then the user's. Hooks that neither names get the defaults.
    pub policies: Vec<LinkConfig>,
    /// The operator's words about this machine or run, sorted; an organization's win.
    pub labels: Vec<(String, String)>,
    /// The organization's names.
    pub names: BTreeMap<PackageName, PublisherId>,
    /// Feeds of advisories: the organization's, then the user's, each package once.
    pub advisories: Vec<Feed>,
    /// An organization's file that could not be read: installs stop with it.
    pub broken_policy_file: Option<(PathBuf, String)>,
}

/// A package whose OSV files are a feed of advisories that the operator trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The package, and what policies call the feed.
    pub package: PackageName,
    /// Whose it must be; none: whosever is installed.
    pub publisher: Option<PublisherId>,
    /// The file that names it.
    pub from: PathBuf,
}

/// Where a running node reads its configuration again.
pub trait Configuration: Send + Sync + std::fmt::Debug {
    /// The files whose change counts, whether they are there or not.
    fn files(&self) -> Vec<PathBuf>;

    /// What they say now.
    ///
    /// # Errors
    /// What cannot be understood, with its file and line.
    fn read(&self) -> Result<Settings, String>;
}

/// How this home meets the network.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// Addresses with `/p2p/…` of nodes to begin with.
    pub bootstrap: Vec<String>,
    /// Addresses to listen on.
    pub listen: Vec<String>,
    /// Peers that the operator names.
    pub trusted: Vec<String>,
    /// Whether peers are looked for on the local network.
    pub mdns: bool,
    /// What is done about routers between this home and others.
    pub reach: Reach,
    /// Whether a node takes calls for others. It is not, unless it is said: whoever offers his line should know of it.
    pub relay: bool,
    /// The file with the key of a private network.
    pub swarm_key: Option<PathBuf>,
    /// Whether a node announces and serves what was installed here, too; else what this home's own keys have signed alone.
    pub serve_installed: bool,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            bootstrap: Vec::new(),
            listen: Self::usual_listen(false),
            trusted: Vec::new(),
            mdns: true,
            reach: Reach::Auto,
            relay: false,
            swarm_key: None,
            serve_installed: true,
        }
    }
}

impl NetworkSettings {
    /// Where a node listens if nobody says: a private network is TCP only.
    pub fn usual_listen(is_private: bool) -> Vec<String> {
        let all = ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"];
        all.iter().take(if is_private { 1 } else { 2 }).map(|address| (*address).to_owned()).collect()
    }
}
