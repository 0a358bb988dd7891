//! What the home's node hears from peers, on its way to the disk.
//!
//! Decides nothing: the store keeps the rules. Invariant: nothing heard is trusted by being kept.

use ggen_store::{Cursor, Heard, Store};

use crate::error::MarketError;
use crate::market::now;

/// Keeps what was heard, to be found and passed on.
pub(crate) fn keep(store: &Store, heard: Vec<ggen_net::Heard>) -> Result<(), MarketError> {
    let told = |heard: ggen_net::Heard| {
        let peer = heard.peer.to_string();
        let network = heard.network.unwrap_or_else(|| peer.clone());
        Heard { announced: heard.announced, peer, network }
    };
    let batch: Vec<Heard> = heard.into_iter().map(told).collect();
    store.accept_heard(&batch, now())?;
    Ok(())
}

/// Keeps a piece of a peer's log, and then how far it goes.
pub(crate) fn follow(store: &Store, heads: Vec<ggen_net::Heard>, cursor: ggen_net::Cursor) -> Result<(), MarketError> {
    keep(store, heads)?;
    let ggen_net::Cursor { peer, log, after } = cursor;
    Ok(store.put_cursor(&Cursor { peer: peer.to_string(), log, after }, now())?)
}

/// How far the logs of others were followed before.
pub(crate) fn cursors(store: &Store) -> Result<Vec<ggen_net::Cursor>, MarketError> {
    let read = |c: Cursor| Some(ggen_net::Cursor { peer: c.peer.parse().ok()?, log: c.log, after: c.after });
    Ok(store.cursors()?.into_iter().filter_map(read).collect())
}
