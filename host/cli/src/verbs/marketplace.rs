//! `ggen marketplace`.
//!
//! Decides which outcomes that are answers end the program with another code than 0: damage that is found and an archive
//! that is refused are integrity's, and a home in which something fails has failed.

use ggen_market as market;

use crate::args::{Globals, Marketplace, Strategy};
use crate::errors::{Exit, Failure};
use crate::output::Output;
use crate::pages;

use super::p2p;
use super::session::Session;

pub fn run(verb: Marketplace, globals: &Globals, output: &Output) -> Result<Exit, Failure> {
    match verb {
        Marketplace::P2p(verb) => p2p::run(verb, globals, output),
        Marketplace::Doctor { name } => {
            let session = Session::full(globals, output)?;
            let exit = doctor(name, &session);
            session.end();
            exit
        }
        quick @ (Marketplace::List { outdated: false }
        | Marketplace::Tree { .. }
        | Marketplace::Why { .. }
        | Marketplace::Remove { .. }
        | Marketplace::Clean { .. }
        | Marketplace::Inspect { .. }) => quick_verb(quick, &Session::light(globals, output)?),
        job => {
            let session = Session::full(globals, output)?;
            let exit = job_verb(job, &session);
            session.end();
            exit
        }
    }
}

/// A home that no command can open is looked at all the same.
fn doctor(name: Option<String>, session: &Session<'_>) -> Result<Exit, Failure> {
    let answer = session.run(market::doctor(session.options(), name))?;
    session.answer(&answer, pages::examined)?;
    Ok(if answer.healthy { Exit::Done } else { Exit::Failed })
}

/// Verbs that touch this home alone.
fn quick_verb(verb: Marketplace, session: &Session<'_>) -> Result<Exit, Failure> {
    let market = session.market()?;
    match verb {
        Marketplace::Remove { names } => {
            let answer = session.run(market.remove(names))?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, pages::removed)
        }
        Marketplace::Clean { dry_run } => session.answer(&market.clean(dry_run)?, pages::cleaned),
        Marketplace::Inspect { file } => {
            let answer = market.inspect(&file)?;
            session.answer(&answer, pages::inspected)?;
            Ok(if answer.accepted { Exit::Done } else { Exit::Integrity })
        }
        Marketplace::Tree { name } => session.answer(&market.tree(name)?, pages::tree),
        Marketplace::Why { name } => session.answer(&market.why(&name)?, pages::why),
        _ => session.answer(&market.list()?, pages::list),
    }
}

/// Verbs whose jobs may ask others.
fn job_verb(verb: Marketplace, session: &Session<'_>) -> Result<Exit, Failure> {
    let market = session.market()?;
    match verb {
        Marketplace::Publish { path, output, dry_run, key } => {
            let answer = session.run(market.publish(market::PublishRequest { path, output, dry_run, key }))?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, pages::published)
        }
        Marketplace::Search { query, limit } => {
            let request = market::SearchRequest { query: query.join(" "), limit: usize::from(limit) };
            let answer = session.run(market.search(request))?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, pages::found)
        }
        Marketplace::Install { targets, dry_run, locked, strategy } => {
            let strategy = strategy.map(|strategy| match strategy {
                Strategy::Newest => market::Strategy::Newest,
                Strategy::Minimal => market::Strategy::Minimal,
            });
            let answer = session.run(market.install(market::InstallRequest { targets, dry_run, locked, strategy }))?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, pages::installed)
        }
        Marketplace::Upgrade { names, dry_run } => {
            let answer = session.run(market.upgrade(market::UpgradeRequest { names, dry_run }))?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, pages::upgraded)
        }
        Marketplace::List { outdated: true } => {
            let answer = session.run(market.outdated())?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, pages::list)
        }
        Marketplace::Info { name } => {
            let answer = session.run(market.info(name))?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, pages::info)
        }
        Marketplace::Verify { names, repair } => {
            let answer = session.run(market.verify(names, repair))?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, pages::verified)?;
            Ok(if answer.damaged.is_empty() { Exit::Done } else { Exit::Integrity })
        }
        Marketplace::Update { force } => {
            let answer = session.run(market.update(force))?;
            session.output.notices(&answer.warnings);
            session.answer(&answer, |page, answer| pages::updated(page, answer, force))
        }
        other => quick_verb(other, session),
    }
}
