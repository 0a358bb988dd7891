//! `ggen plugin`.
//!
//! Decides that a component which does not fit, or answers otherwise than expected, is an answer, and ends the program
//! with 1.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ggen_market::plugins::{self, BenchRequest, CasesRequest, InstallPluginRequest, NewPluginRequest};

use super::session::Session;
use crate::args::{Globals, Plugin};
use crate::config;
use crate::errors::{Exit, Failure};
use crate::output::Output;
use crate::pages;

pub fn run(verb: Plugin, globals: &Globals, output: &Output) -> Result<Exit, Failure> {
    match verb {
        Plugin::New { name, hook, path, sdk } => {
            let request = NewPluginRequest { name, hook, beneath: path, sdk };
            output.answer(&plugins::create(&request)?, pages::plugin_made)?;
            Ok(Exit::Done)
        }
        // A crate is built as it lies: no home has a part in it.
        Plugin::Build { path, output: folder } => {
            let built = built(&path, folder.as_deref(), globals, output)?;
            output.answer(&built, pages::built)?;
            Ok(Exit::Done)
        }
        Plugin::Test { path, with, cases, bless } => test(&path, with, cases, bless, globals, output),
        Plugin::Install { target, replace } => {
            let session = Session::full(globals, output)?;
            let market = session.market()?;
            let answer = session.run(market.install_plugin(InstallPluginRequest { target, replace }))?;
            session.end();
            output.notices(&answer.warnings);
            output.answer(&answer, pages::plugin_installed)?;
            Ok(Exit::Done)
        }
        Plugin::Remove { name } => {
            let session = Session::light(globals, output)?;
            let answer = session.market()?.remove_plugin(&name)?;
            session.answer(&answer, pages::plugin_removed)
        }
        verb => look(verb, globals, output),
    }
}

/// Verbs that look at components.
fn look(verb: Plugin, globals: &Globals, output: &Output) -> Result<Exit, Failure> {
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
        Plugin::Bench { file, input, settings: given, seconds } => {
            output.tell(&format!("asking {} for {seconds} s", file.display()));
            let request = BenchRequest { component: file, input, settings: given, time: Duration::from_secs(seconds) };
            let answer = plugins::bench(&request, &settings.limits)?;
            output.answer(&answer, pages::benched)?;
            answer.runs.iter().all(|run| run.fault.is_none())
        }
        _ => {
            output.answer(&plugins::list(&home, &settings.limits)?, pages::plugins)?;
            true
        }
    };
    Ok(if fits { Exit::Done } else { Exit::Failed })
}

fn test(
    path: &Path,
    with: Option<PathBuf>,
    cases: Option<PathBuf>,
    bless: bool,
    globals: &Globals,
    output: &Output,
) -> Result<Exit, Failure> {
    let config::Loaded { settings, .. } = config::load(globals)?;
    let component = match with {
        Some(component) => component,
        None => built(path, None, globals, output)?.path,
    };
    let cases = cases.unwrap_or_else(|| path.join("cases"));
    let answer = plugins::test(&CasesRequest { component, cases, bless }, &settings.limits)?;
    output.answer(&answer, pages::plugin_tested)?;
    Ok(if answer.failed.is_empty() { Exit::Done } else { Exit::Failed })
}

fn built(
    path: &Path,
    folder: Option<&Path>,
    globals: &Globals,
    output: &Output,
) -> Result<plugins::BuildAnswer, Failure> {
    output.tell(&format!("building {} for WebAssembly", path.display()));
    Ok(plugins::build(path, folder, globals.offline)?)
}
