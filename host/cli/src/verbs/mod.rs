//! Each verb: from what was typed to a request, and from its answer to the output.
//!
//! Decides how a verb's outcome ends the program; the jobs themselves are `ggen-market`'s.

mod about;
mod key;
mod marketplace;
mod p2p;
mod plugin;
mod policy;
mod session;

use crate::args::{Cli, Command};
use crate::errors::{Exit, Failure};
use crate::output::Output;
use crate::pages;

use session::Session;

/// Does what was typed.
pub fn run(cli: Cli, output: &Output) -> Result<Exit, Failure> {
    let Cli { globals, command } = cli;
    match command {
        Command::Explain { code } => about::explain(&code, output),
        Command::Completions { shell } => about::completions(shell, output),
        Command::Man { dir } => about::man(dir.as_deref(), output),
        Command::Demo => demo(output),
        Command::Plugin(verb) => plugin::run(verb, &globals, output),
        Command::Key(verb) => key::run(verb, &Session::light(&globals, output)?),
        Command::Marketplace(verb) => marketplace::run(verb, &globals, output),
        Command::Policy(verb) => policy::run(verb, &Session::light(&globals, output)?),
    }
}

/// A swarm of its own: no home and no configuration of the user's has a part in it.
fn demo(output: &Output) -> Result<Exit, Failure> {
    let jobs = crate::signals::Jobs::start(false)?;
    let mut tell = |line: &str| output.tell(line);
    let answer = jobs.run(session::GRACE, ggen_market::demo::run(&mut tell, jobs.cancel()));
    jobs.end();
    let quiet = output.is_quiet();
    output.answer(&answer?, |page, answer| pages::demo(page, answer, quiet))?;
    Ok(Exit::Done)
}
