//! `ggen`: arguments, configuration, output, exit codes. Nothing else.
//!
//! What was typed becomes a request to `ggen-market` (or, for the plugin verbs, to what it offers over `ggen-policy`),
//! and its answer becomes text or JSON. Decides nothing about packages. Invariant: nothing is opened, read or started
//! before the arguments are understood, and every way out is one of the exit codes in [`errors::Exit`].

mod args;
mod config;
mod daemon;
mod errors;
mod format;
mod output;
mod pages;
mod signals;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::output::Output;

fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    if let Some(done) = ggen_policy::compile_if_asked(&typed) {
        return done;
    }
    let wants_json = args::wants_json(&typed);
    let exit = match Cli::try_parse_from(&typed) {
        Err(error) => output::not_a_command(&error, wants_json),
        Ok(cli) => {
            let output = Output::new(&cli.globals);
            ggen_policy::compile_in_children(output.lines());
            let mut done = verbs::run(cli, &output);
            // The next one to open the home rebuilds it: that may as well be this command, begun anew.
            if matches!(&done, Err(failure) if failure.is_damaged_database())
                && let Ok(again) = Cli::try_parse_from(&typed)
            {
                done = verbs::run(again, &output);
            }
            match done {
                Ok(exit) => exit,
                Err(failure) => output.fail(&failure.report()),
            }
        }
    };
    exit.into()
}
