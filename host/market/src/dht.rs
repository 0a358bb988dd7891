//! What the home's node keeps of the hash table for others, on its way to the disk and back.
//!
//! Decides nothing: the node proves again what comes back. Invariant: a disk that fails costs what was kept, never the
//! node.

use ggen_net::{Kept, KeptProvider, KeptRecord, NodeEvent};
use ggen_store::{DhtKey, DhtProvider, Store};
use tokio::sync::mpsc;

use crate::error::MarketError;
use crate::market::{Market, blocking, now};

/// What was kept before, as far as it has not expired.
pub(crate) fn read(store: &Store) -> Result<Vec<Kept>, MarketError> {
    let provider = |p: DhtProvider| {
        let addresses = p.addresses.iter().filter_map(|a| a.parse().ok()).collect();
        Some(KeptProvider { peer: p.peer.parse().ok()?, addresses, expires: p.expires })
    };
    let kept = |k: DhtKey| Kept {
        key: k.key,
        record: k.record.map(|(value, expires)| KeptRecord { value, expires }),
        providers: k.providers.into_iter().filter_map(provider).collect(),
    };
    Ok(store.dht(now())?.into_iter().map(kept).collect())
}

fn write(store: &Store, kept: Vec<Kept>) -> Result<(), MarketError> {
    let provider = |p: KeptProvider| DhtProvider {
        peer: p.peer.to_string(),
        addresses: p.addresses.iter().map(ToString::to_string).collect(),
        expires: p.expires,
    };
    let key = |k: Kept| DhtKey {
        key: k.key,
        record: k.record.map(|r| (r.value, r.expires)),
        providers: k.providers.into_iter().map(provider).collect(),
    };
    let batch: Vec<DhtKey> = kept.into_iter().map(key).collect();
    Ok(store.put_dht(&batch, now())?)
}

impl Market {
    /// Writes down what has changed; that it cannot be is told, and stops nothing.
    pub(crate) async fn keep_dht(&self, kept: Vec<Kept>) {
        let store = self.store.clone();
        if let Err(error) = blocking(move || write(&store, kept)).await {
            self.detail(format!("what is kept for other nodes could not be written down: {error}"));
        }
    }

    /// Writes down what a node that has ended told last.
    pub(crate) async fn keep_the_last(&self, events: &mut mpsc::Receiver<NodeEvent>) {
        while let Ok(event) = events.try_recv() {
            if let NodeEvent::Kept(kept) = event {
                self.keep_dht(kept).await;
            }
        }
    }
}
