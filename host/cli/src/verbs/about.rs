//! Verbs about this program: `explain`, `completions`, `man`.
//!
//! Open no home and read no configuration.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;
use serde::Serialize;

use crate::args::Cli;
use crate::errors::{Code, Exit, Failure, explain as explained};
use crate::output::Output;
use crate::pages;

pub fn explain(typed: &str, output: &Output) -> Result<Exit, Failure> {
    let code =
        Code::find(typed).map_err(|near| Failure::NoSuchCode { typed: typed.chars().take(80).collect(), near })?;
    output.answer(&explained(code), pages::explained)?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Completions {
    shell: String,
    script: String,
}

pub fn completions(shell: Shell, output: &Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ggen", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    output.answer(&Completions { shell: shell.to_string(), script }, |page, answer| page.own(&answer.script))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct ManPage {
    page: String,
}

#[derive(Serialize)]
struct ManPages {
    written: Vec<PathBuf>,
}

pub fn man(dir: Option<&Path>, output: &Output) -> Result<Exit, Failure> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Failure::Output)?;
        let page = String::from_utf8_lossy(&page).into_owned();
        output.answer(&ManPage { page }, |page, answer| page.own(&answer.page))?;
        return Ok(Exit::Done);
    };
    let failed = |source| Failure::Write { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
    let entries = std::fs::read_dir(dir).map_err(failed)?;
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("ggen") && name.ends_with(".1")
    };
    let mut written: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(ours).collect();
    written.sort();
    output.answer(&ManPages { written }, |page, answer| {
        page.good(format!("wrote {} man pages to {}", answer.written.len(), dir.display()));
    })?;
    Ok(Exit::Done)
}
