//! How fast what a node holds is given away.
//!
//! Decides how long each piece waits: within a rate over all that the peers who take now share alike, whatever number of
//! streams each opens, and a rate for each. Never refuses anything. Invariant: over any time no more than the rate and one
//! burst goes out; the map of peers is bounded.

use std::collections::HashMap;
use std::hash::Hash;

use crate::flood::{Bucket, Rate};
use crate::limits::Limits;

/// A peer that took nothing for so long, in milliseconds, has no share.
const IDLE: u64 = 2000;
/// What may go out at once, in milliseconds of its rate.
const BURST: u64 = 250;

/// The rates of a node's uploads. `P` is a peer.
#[derive(Clone, Debug)]
pub struct Uploads<P> {
    all: u64,
    each: u64,
    most: usize,
    peers: HashMap<P, Share>,
}

#[derive(Clone, Debug)]
struct Share {
    bucket: Bucket,
    last: u64,
}

/// Without limit, where it is 0.
fn rate(per_second: u64) -> Option<Rate> {
    // A chunk must have room, or the bucket would never be full enough to be anything but in debt.
    (per_second > 0).then(|| Rate { per_second, burst: (per_second * BURST / 1000).max(1) })
}

impl<P: Hash + Eq> Uploads<P> {
    /// None yet.
    pub fn new(limits: &Limits) -> Self {
        Self {
            all: limits.upload_rate,
            each: limits.upload_rate_per_peer,
            most: limits.max_known_peers,
            peers: HashMap::new(),
        }
    }

    /// `size` bytes go to `peer`: how many milliseconds from now.
    pub fn wait(&mut self, peer: P, size: u64, now: u64) -> u64 {
        if self.all == 0 && self.each == 0 {
            return 0;
        }
        self.peers.retain(|other, share| *other == peer || now < share.last.saturating_add(IDLE));
        if self.peers.len() >= self.most && !self.peers.contains_key(&peer) {
            return IDLE;
        }
        let taking = self.peers.len() as u64 + u64::from(!self.peers.contains_key(&peer));
        let share = match (self.all, self.each) {
            (0, each) => each,
            (all, 0) => (all / taking).max(1),
            (all, each) => (all / taking).clamp(1, each),
        };
        let Some(rate) = rate(share) else { return 0 };
        let kept = self.peers.entry(peer).or_insert_with(|| Share { bucket: Bucket::full(rate, now), last: now });
        let wait = kept.bucket.owe(size, rate, now);
        // Who waits for its bytes still takes.
        kept.last = now.saturating_add(wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunks::CHUNK_SIZE;

    /// Bytes that each of `streams` (a peer each, maybe the same) got in `seconds`.
    fn run(limits: &Limits, streams: &[u32], seconds: u64) -> HashMap<u32, u64> {
        let (mut uploads, mut got) = (Uploads::new(limits), HashMap::new());
        let mut next: Vec<(u64, u32)> = streams.iter().map(|peer| (0, *peer)).collect();
        while let Some(at) = next.iter().enumerate().min_by_key(|(_, (time, _))| *time).map(|(at, _)| at) {
            let (now, peer) = next[at];
            if now >= seconds * 1000 {
                break;
            }
            let wait = uploads.wait(peer, CHUNK_SIZE, now);
            *got.entry(peer).or_default() += CHUNK_SIZE;
            next[at].0 = now + wait.max(1);
        }
        got
    }

    const MB: u64 = 1_000_000;

    #[test]
    fn the_rate_over_all_holds_and_peers_share_it_whatever_they_open() {
        let limits = Limits { upload_rate: 10 * MB, ..Limits::default() };
        let mut streams = vec![1; 32];
        streams.extend([2, 3, 3]);
        let got = run(&limits, &streams, 20);
        let total: u64 = got.values().sum();
        assert!((180 * MB..=225 * MB).contains(&total), "{got:?}");
        let shares = [got[&1], got[&2], got[&3]];
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        assert!(most * 10 < least * 14, "{got:?}");
    }

    #[test]
    fn one_peer_alone_has_all_of_it_or_its_own_limit() {
        let alone = run(&Limits { upload_rate: 10 * MB, ..Limits::default() }, &[1], 10);
        assert!((90 * MB..=110 * MB).contains(&alone[&1]), "{alone:?}");
        let limited = Limits { upload_rate: 10 * MB, upload_rate_per_peer: 2 * MB, ..Limits::default() };
        let got = run(&limited, &[1, 2], 10);
        assert!(got.values().all(|bytes| (18 * MB..=23 * MB).contains(bytes)), "{got:?}");
        assert_eq!(Uploads::new(&Limits::default()).wait(1, u64::MAX, 0), 0, "no limit unless it is set");
    }

    #[test]
    fn who_went_away_leaves_its_share() {
        let mut uploads = Uploads::new(&Limits { upload_rate: MB, max_known_peers: 4, ..Limits::default() });
        for peer in 0..4 {
            uploads.wait(peer, 1, 0);
        }
        assert_eq!(uploads.wait(9, 1, 100), IDLE, "as many as there may be");
        uploads.wait(9, 250_000, 10_000);
        assert_eq!((uploads.wait(9, MB, 10_000), uploads.peers.len()), (1000, 1));
    }
}
