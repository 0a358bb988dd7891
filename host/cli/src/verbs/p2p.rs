//! `ggen marketplace p2p`.
//!
//! Decides that a node which was asked to stop, and did, ended well.

use std::ffi::OsString;
use std::sync::Arc;

use ggen_market::{BanRequest, NodeReady, StartRequest};

use crate::args::{Globals, P2p};
use crate::config::Reread;
use crate::daemon;
use crate::errors::{Exit, Failure};
use crate::output::Output;
use crate::pages;

use super::session::Session;

pub fn run(verb: P2p, globals: &Globals, output: &Output) -> Result<Exit, Failure> {
    if let P2p::Start { listen, bootstrap, daemon: true, .. } = verb {
        return start_in_background(detached_args(&listen, &bootstrap, globals), globals, output);
    }
    let mut session = Session::full(globals, output)?;
    let exit = match verb {
        P2p::Start { listen, bootstrap, detached, .. } => {
            let network = &mut session.loaded.settings.network;
            for (typed, setting) in [(listen, &mut network.listen), (bootstrap, &mut network.bootstrap)] {
                if !typed.is_empty() {
                    *setting = typed;
                }
            }
            start(&session, globals, detached)
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
        P2p::Ban { peer, lasts, reason } => {
            let market = session.market()?;
            let request = BanRequest { peer, lasts, reason };
            session.run(market.p2p_ban(request)).and_then(|answer| session.answer(&answer, pages::banned))
        }
        P2p::Unban { peer } => {
            let market = session.market()?;
            session.run(market.p2p_unban(&peer)).and_then(|answer| session.answer(&answer, pages::unbanned))
        }
        P2p::Bans => {
            let market = session.market()?;
            session.answer(&market.p2p_bans()?, pages::bans)
        }
    };
    session.end();
    exit
}

/// Starts a node that goes on when this command returns, and tells where it is.
fn start_in_background(args: Vec<OsString>, globals: &Globals, output: &Output) -> Result<Exit, Failure> {
    let session = Session::full(globals, output)?;
    let market = session.market()?;
    let exit = match daemon::start(args, &session.loaded.home.join(LOG))? {
        daemon::Start::Ended(exit) => Ok(exit),
        daemon::Start::Ready => session.run(market.p2p_status()).and_then(|status| {
            let peer_id = status.peer_id.unwrap_or_default();
            let ready = NodeReady { peer_id, listen_addresses: status.listen_addresses };
            session.answer(&ready, pages::ready_in_background)
        }),
    };
    session.end();
    exit
}

/// What a node in the background tells, in the home.
const LOG: &str = "p2p/node.log";

/// The command line of the node that goes on in the background.
fn detached_args(listen: &[String], bootstrap: &[String], globals: &Globals) -> Vec<OsString> {
    let mut args: Vec<OsString> = ["marketplace", "p2p", "start", "--detached"].map(Into::into).into();
    args.extend(listen.iter().map(|address| format!("--listen={address}").into()));
    args.extend(bootstrap.iter().map(|address| format!("--bootstrap={address}").into()));
    args.extend(globals.to_args());
    args
}

fn start(session: &Session<'_>, globals: &Globals, detached: bool) -> Result<Exit, Failure> {
    if detached {
        daemon::leave_session();
    }
    let market = session.market()?;
    let network = &session.loaded.settings.network;
    let request = StartRequest {
        listen: network.listen.clone(),
        bootstrap: network.bootstrap.clone(),
        configuration: Some(Arc::new(Reread::new(globals, &session.loaded.home))),
    };
    let output = session.output;
    let ready = |ready: NodeReady| {
        if detached {
            daemon::tell_ready(session.loaded.home.join(LOG), session.loaded.settings.limits.max_node_log);
        } else {
            // A node serves others: it goes on although nobody reads where it is.
            let _ = output.answer(&ready, pages::ready);
        }
    };
    session.run_until_stopped(market.p2p_start(request, ready))?;
    output.tell("the node has stopped");
    Ok(Exit::Done)
}
