//! `ggen marketplace p2p`.
//!
//! Decides that a node which was asked to stop, and did, ended well.

use std::sync::Arc;

use ggen_market::{NodeReady, StartRequest};

use crate::args::{Globals, P2p};
use crate::config::Reread;
use crate::errors::{Exit, Failure};
use crate::output::Output;
use crate::pages;

use super::Session;

pub fn run(verb: P2p, globals: &Globals, output: &Output) -> Result<Exit, Failure> {
    let mut session = Session::full(globals, output)?;
    let exit = match verb {
        P2p::Start { listen, bootstrap } => {
            let network = &mut session.loaded.settings.network;
            for (typed, setting) in [(listen, &mut network.listen), (bootstrap, &mut network.bootstrap)] {
                if !typed.is_empty() {
                    *setting = typed;
                }
            }
            start(&session, globals)
        }
        P2p::Status => {
            let market = session.market()?;
            session.run(market.p2p_status()).and_then(|answer| session.answer(&answer, pages::status))
        }
        P2p::Stop => {
            let market = session.market()?;
            session.run_until_stopped(market.p2p_stop()).and_then(|answer| session.answer(&answer, pages::stopped))
        }
        P2p::Peers => {
            let market = session.market()?;
            session.run(market.p2p_peers()).and_then(|answer| session.answer(&answer, pages::peers))
        }
    };
    session.end();
    exit
}

fn start(session: &Session<'_>, globals: &Globals) -> Result<Exit, Failure> {
    let market = session.market()?;
    let network = &session.loaded.settings.network;
    let request = StartRequest {
        listen: network.listen.clone(),
        bootstrap: network.bootstrap.clone(),
        configuration: Some(Arc::new(Reread::new(globals, &session.loaded.home))),
    };
    let output = session.output;
    // A node serves others: it goes on although nobody reads where it is.
    let ready = |ready: NodeReady| drop(output.answer(&ready, pages::ready));
    session.run_until_stopped(market.p2p_start(request, ready))?;
    output.tell("the node has stopped");
    Ok(Exit::Done)
}
