//! The verbs of `ggen marketplace`.
//!
//! Decides nothing; see [`super`].

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};

/// `ggen marketplace`.
#[derive(Debug, Subcommand)]
pub enum Marketplace {
    /// Pack and sign a package, and put it where others find it.
    Publish {
        /// The package's folder.
        path: PathBuf,
        /// Write a .ggen file into this folder, to be carried on a stick.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Say what would be published; write nothing.
        #[arg(long)]
        dry_run: bool,
        /// The key to sign with, where there are several.
        #[arg(long, value_name = "ALIAS")]
        key: Option<String>,
    },
    /// Look for packages, here and in the network.
    Search {
        /// Words of its name, description or keywords.
        #[arg(required = true)]
        query: Vec<String>,
        /// Show at most so many.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
    },
    /// Install packages with everything that they need.
    Install {
        /// [PUBLISHER/]NAME[@REQ], or a .ggen file.
        /// None: what the project's ggen.lock or package.toml asks for. Without @REQ, the range that it was asked for by
        /// before stays; NAME@* is any version.
        #[arg(value_name = "[PUBLISHER/]NAME[@REQ] | FILE.ggen")]
        targets: Vec<String>,
        /// Say what would be installed; change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Refuse to change the project's ggen.lock.
        #[arg(long)]
        locked: bool,
        /// Which versions to try first, instead of what the configuration says.
        #[arg(long)]
        strategy: Option<Strategy>,
    },
    /// What is installed.
    List {
        /// Only what is not at its newest version; in a project, of what its ggen.lock names.
        #[arg(long)]
        outdated: bool,
    },
    /// What was asked for, and beneath it what that needs.
    Tree {
        /// Only beneath this package.
        name: Option<String>,
    },
    /// Every way from what was asked for to a package.
    Why {
        /// Its name.
        name: String,
    },
    /// What is known of a package.
    Info {
        /// [PUBLISHER/]NAME.
        name: String,
    },
    /// Take packages away.
    Remove {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Bring packages to newer versions, within what was asked for.
    Upgrade {
        /// Their names; none: all.
        names: Vec<String>,
        /// Say what would be upgraded; change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Compare installed files with what was signed.
    Verify {
        /// Their names; none: all.
        names: Vec<String>,
        /// Put damaged files right.
        #[arg(long)]
        repair: bool,
    },
    /// Refresh the index.
    Update {
        /// Build it anew from what the store proves.
        #[arg(long)]
        force: bool,
    },
    /// Free space: broken-off downloads, and archives that nothing needs.
    Clean {
        /// Say what would go; remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Look for what is wrong here, and say the one thing to do next; change nothing.
    Doctor {
        /// A package that is not found, or does not install.
        name: Option<String>,
    },
    /// Check a .ggen, .tar.zst or .tar as if a peer had sent it; install nothing.
    Inspect {
        /// The file.
        file: PathBuf,
    },
    /// The node that serves others.
    #[command(subcommand)]
    P2p(P2p),
}

/// `ggen marketplace p2p`.
#[derive(Debug, Subcommand)]
pub enum P2p {
    /// Run a node until it is stopped.
    Start {
        /// An address to listen on; may be given again.
        #[arg(long, value_name = "ADDR")]
        listen: Vec<String>,
        /// The address of a node to begin with, as its `p2p start` prints it; may be given again.
        #[arg(long, value_name = "ADDR")]
        bootstrap: Vec<String>,
        /// Come back once the node is ready; it goes on in the background, and its log is p2p/node.log.
        #[arg(long)]
        daemon: bool,
        /// This is the process that goes on in the background.
        #[arg(long, hide = true, conflicts_with = "daemon")]
        detached: bool,
    },
    /// How the node and its surroundings are.
    Status,
    /// Stop the node.
    Stop,
    /// Who the node is connected to.
    Peers,
    /// Deal with a peer no more.
    Ban {
        /// Its id, or an address that ends in it.
        peer: String,
        /// How long: 30min, 12h, 30d [default: as long as a policy may ban].
        #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
        lasts: Option<Duration>,
        /// Why, for those who read `bans`.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Deal with a peer again.
    Unban {
        /// Its id, or an address that ends in it.
        peer: String,
    },
    /// Whom this home does not deal with.
    Bans,
}

fn lasting(typed: &str) -> Result<Duration, String> {
    let span = ggen_core::limits::span::parse(typed.trim()).filter(|span| !span.is_zero());
    span.ok_or_else(|| "write a time as 30min, 12h or 30d".to_owned())
}

/// Which versions to try first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// The newest that fits.
    Newest,
    /// The lowest that fits.
    Minimal,
}
