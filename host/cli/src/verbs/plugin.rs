//! `ggen plugin`.
//!
//! Decides that a component which does not fit is an answer, and ends the program with 1.

use ggen_market::plugins;

use crate::args::{Globals, Plugin};
use crate::config;
use crate::errors::{Exit, Failure};
use crate::output::Output;
use crate::pages;

pub fn run(verb: Plugin, globals: &Globals, output: &Output) -> Result<Exit, Failure> {
    // A crate is built as it lies: no home has a part in it.
    if let Plugin::Build { path, output: folder } = verb {
        output.tell(&format!("building {} for WebAssembly", path.display()));
        let built = plugins::build(&path, folder.as_deref(), globals.offline)?;
        output.answer(&built, pages::built)?;
        return Ok(Exit::Done);
    }
    let config::Loaded { home, settings } = config::load(globals)?;
    let fits = match verb {
        Plugin::Check { file } => {
            let answer = plugins::check(&file, &home, &settings.limits)?;
            output.answer(&answer, |page, answer| pages::plugin_checked(page, answer, &file))?;
            answer.fits
        }
        Plugin::Inspect { file } => {
            let answer = plugins::inspect(&file, &home, &settings.limits)?;
            output.answer(&answer, |page, answer| pages::plugin(page, answer, &file))?;
            answer.fits
        }
        Plugin::List | Plugin::Build { .. } => {
            output.answer(&plugins::list(&home, &settings.limits)?, pages::plugins)?;
            true
        }
    };
    Ok(if fits { Exit::Done } else { Exit::Failed })
}
