//! How much of one thing goes on at once: over all, and for one peer.
//!
//! Decides by counts alone. Invariant: the sum is bounded, so is the map; what was taken counts until it is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use libp2p::PeerId;

/// Places, by peer.
pub(super) struct Slots {
    most: usize,
    most_per_peer: usize,
    open: Mutex<HashMap<PeerId, usize>>,
}

/// One place that counts until it is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    peer: PeerId,
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    /// The peer has as many as one may.
    OfPeer,
    /// There are many, and none for one who has some already.
    OfAll,
}

impl Slots {
    pub fn new(most: usize, most_per_peer: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_peer, open: Mutex::default() })
    }

    pub fn take(self: &Arc<Self>, peer: PeerId) -> Result<Slot, Full> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let own = open.get(&peer).copied().unwrap_or(0);
        if own >= self.most_per_peer {
            return Err(Full::OfPeer);
        }
        // Where there is a crowd nobody has much, so that a few who take many leave room for others.
        let crowded = total >= self.most / 2 && own >= self.most_per_peer.div_ceil(8);
        if total >= self.most || crowded {
            return Err(Full::OfAll);
        }
        open.insert(peer, own + 1);
        Ok(Slot { slots: Arc::clone(self), peer })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_leaves_room_for_others_and_what_is_dropped_is_free() {
        let (slots, greedy) = (Slots::new(8, 4), PeerId::random());
        let taken: Vec<Slot> = (0..4).map(|_| slots.take(greedy).ok().unwrap()).collect();
        assert_eq!(slots.take(greedy).err(), Some(Full::OfPeer));
        let others: Vec<Slot> = (0..4).map(|_| slots.take(PeerId::random()).ok().unwrap()).collect();
        assert_eq!(slots.take(PeerId::random()).err(), Some(Full::OfAll));
        drop(taken);
        let again = slots.take(greedy).ok().unwrap();
        assert_eq!(slots.take(greedy).err(), Some(Full::OfAll), "half of all are taken");
        drop((others, again));
        assert!(slots.open.lock().unwrap().is_empty());
    }
}
