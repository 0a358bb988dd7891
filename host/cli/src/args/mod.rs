//! What can be typed: the verbs, their arguments and the flags of every verb. Shell completions, man pages and help come
//! from here alone.
//!
//! Decides what is a command line and what is not; never what it means. Invariant: a verb that is listed works.
#![allow(rustdoc::broken_intra_doc_links, reason = "the docs of arguments are their help, and no Markdown")]

mod marketplace;
mod when;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use ggen_core::hooks::Hook;

pub use when::When;

pub use marketplace::{Marketplace, P2p, Strategy};

/// A package marketplace without a centre, where every decision is a policy's.
#[derive(Debug, Parser)]
#[command(name = "ggen", bin_name = "ggen", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// Flags of every verb.
    #[command(flatten)]
    pub globals: Globals,
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every verb takes, before and after it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// Answer with one JSON object on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// Touch no network.
    #[arg(long, global = true)]
    pub offline: bool,
    /// Where everything is kept [default: $GGEN_HOME, else ~/.ggen].
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Tell more; twice, tell everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Tell neither progress nor notices.
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

impl Globals {
    /// As they are typed.
    pub fn to_args(&self) -> Vec<OsString> {
        let flags = [("--json", self.json), ("--offline", self.offline), ("--quiet", self.quiet)];
        let mut args: Vec<OsString> = flags.iter().filter(|(_, set)| *set).map(|(flag, _)| (*flag).into()).collect();
        args.extend((0..self.verbose).map(|_| "-v".into()));
        if let Some(home) = &self.home {
            args.extend(["--home".into(), home.clone().into_os_string()]);
        }
        args
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it all at work: a swarm of its own on loopback, in under 20 seconds.
    Demo,
    /// Publisher keys, and whom names stand for here.
    #[command(subcommand)]
    Key(Key),
    /// Publish, find and install packages.
    #[command(subcommand, visible_alias = "mp")]
    Marketplace(Marketplace),
    /// Policies as WebAssembly components.
    #[command(subcommand)]
    Plugin(Plugin),
    /// Which policies decide here.
    #[command(subcommand)]
    Policy(Policy),
    /// What an error code means, and what to do.
    Explain {
        /// As an error shows it: GGEN-E0203, or 0203.
        code: String,
    },
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the man page, or write all of them into a folder.
    Man {
        /// The folder; made if it is not there.
        dir: Option<PathBuf>,
    },
}

/// `ggen key`.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key to publish with.
    New {
        /// A local name for it.
        #[arg(long, value_name = "NAME")]
        alias: Option<String>,
    },
    /// The keys of this home.
    List,
    /// What others need to know a publisher: its signed root documents, never the secret.
    Export {
        /// Which key, where there are several.
        alias: Option<String>,
    },
    /// Let a name stand for a publisher in this home.
    Trust {
        /// The package's name.
        name: String,
        /// The publisher's id, 8 or more of its first digits, or the alias of an own key.
        publisher: String,
    },
    /// Let a name stand for nobody again.
    Untrust {
        /// The package's name.
        name: String,
    },
}

/// `ggen plugin`.
#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// Make a policy's crate that builds, is tested and loads as it is.
    New {
        /// The policy's name, which is the folder's too.
        name: String,
        /// What it decides.
        #[arg(long)]
        hook: Hook,
        /// The folder to make it in.
        #[arg(long, value_name = "DIR", default_value = ".")]
        path: PathBuf,
        /// The SDK of a checkout of ggen [default: the SDK inside this program, written beside the policy].
        #[arg(long, value_name = "DIR")]
        sdk: Option<PathBuf>,
    },
    /// Build a policy's component from its Rust crate.
    Build {
        /// The crate's folder, or its Cargo.toml.
        #[arg(default_value = ".")]
        path: PathBuf,
        /// The folder that gets NAME.wasm [default: the crate's own].
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Whether a component would run here.
    Check {
        /// The component.
        file: PathBuf,
    },
    /// The policies that a configuration can name.
    List,
    /// What a component says and needs.
    Inspect {
        /// The component.
        file: PathBuf,
    },
    /// Ask a policy what its test cases say, and compare its answers.
    Test {
        /// The crate's folder; it is built first unless --with names a component.
        #[arg(default_value = ".")]
        path: PathBuf,
        /// The component that answers.
        #[arg(long, value_name = "FILE")]
        with: Option<PathBuf>,
        /// The folder of cases [default: `cases` in PATH].
        #[arg(long, value_name = "DIR")]
        cases: Option<PathBuf>,
        /// Write its answers down as what is expected.
        #[arg(long)]
        bless: bool,
    },
    /// What a component's decisions cost here: calls a second, fuel, memory, start-up.
    Bench {
        /// The component.
        file: PathBuf,
        /// The question to ask [default: an ordinary one for each call that it answers].
        #[arg(long, value_name = "FILE")]
        input: Option<PathBuf>,
        /// Its settings, as JSON.
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
        /// For how long.
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
    },
    /// Install a policy, from a file or as a package, so that a configuration can name it.
    Install {
        /// FILE.wasm, or [PUBLISHER/]NAME[@REQ].
        target: String,
        /// Put it in the place of the installed one of its name.
        #[arg(long)]
        replace: bool,
    },
    /// Remove an installed policy that no configuration names.
    Remove {
        /// Its name.
        name: String,
    },
}

/// `ggen policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// The chain of each hook: who is asked, in which order, and by whose word.
    Show,
    /// What was decided, latest first.
    Log {
        /// Of this hook.
        #[arg(long)]
        hook: Option<Hook>,
        /// Of the policy of this name.
        #[arg(long, value_name = "NAME")]
        policy: Option<String>,
        /// About what has this text in it.
        #[arg(long, value_name = "TEXT")]
        subject: Option<String>,
        /// Not before: 30d, 12h, or 2026-11-01.
        #[arg(long, value_name = "WHEN")]
        since: Option<When>,
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u16,
    },
    /// Have a running node take up the policies as they are configured now; without one, check them.
    Reload,
    /// Why a package was refused or let in, why this version, why from these holders.
    Explain {
        /// The package.
        name: String,
    },
    /// Ask a policy what others were asked, and tell what it would decide otherwise.
    Replay {
        /// The component that is asked.
        #[arg(long, value_name = "FILE.wasm")]
        with: PathBuf,
        /// Its settings, as JSON [default: those that were recorded].
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
        /// In the place of the policy of this name [default: its own; where the log does not know it, beside all].
        #[arg(long, value_name = "NAME")]
        policy: Option<String>,
        /// What was asked of this hook.
        #[arg(long)]
        hook: Option<Hook>,
        /// What was asked about what has this text in it.
        #[arg(long, value_name = "TEXT")]
        subject: Option<String>,
        /// Not before: 30d, 12h, or 2026-11-01.
        #[arg(long, value_name = "WHEN")]
        since: Option<When>,
        /// How many questions, the latest.
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        limit: u32,
    },
}

/// Whether JSON is asked for, so that even a command line that is not understood is answered so.
#[must_use]
pub fn wants_json(typed: &[OsString]) -> bool {
    typed.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--json")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_flags_of_every_verb_stand_before_and_after_it() {
        for line in [
            "ggen --json --offline --home /h -vv marketplace list",
            "ggen mp list --json --offline --home /h -vv",
            "ggen marketplace --json --offline list --home /h -v -v",
            "ggen --offline mp p2p --json status --home /h -vv",
        ] {
            let globals = Cli::try_parse_from(line.split(' ')).unwrap().globals;
            assert!(globals.json && globals.offline && !globals.quiet, "{line}");
            assert_eq!((globals.home, globals.verbose), (Some(PathBuf::from("/h")), 2), "{line}");
        }
    }

    #[test]
    fn what_later_steps_bring_is_not_offered() {
        for line in ["key rotate", "key revoke a"] {
            assert!(Cli::try_parse_from(["ggen"].into_iter().chain(line.split(' '))).is_err(), "{line}");
        }
    }

    #[test]
    fn json_is_asked_for_by_the_flag_alone() {
        let typed = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(wants_json(&typed("ggen mp nonsense --json")));
        assert!(!wants_json(&typed("ggen mp search -- --json")));
        assert!(!wants_json(&typed("--json mp")));
    }
}
