//! Every decoder that a peer or another process can reach, as a function of bytes alone: for fuzzing.
//!
//! Decides nothing; each calls what the node itself calls. Invariant: whatever the bytes are, each ends without a panic,
//! and keeps no more of them than its limit allows.

use futures::executor::block_on;
use futures::io::Cursor;
use ggen_core::announcement::Announcement;
use ggen_core::chunks::ChunkList;
use ggen_core::dsse::{Envelope, PublicKey};
use ggen_core::head::SignedHead;
use ggen_core::limits::Limits;
use ggen_core::release::{Archive, MAX_RELEASE, SignedRelease};
use ggen_core::root::{ProvedRoots, Publisher};
use ggen_core::{Digest, admit};

use crate::catalog::{Request, Response};
use crate::{config, control, fetch, frame, node};

/// A decoder, and whether it took the bytes for what they should be.
pub type Decoder = fn(&[u8]) -> bool;

/// All of them by name.
pub const ALL: &[(&str, Decoder)] = &[
    ("catalog-question", catalog_question),
    ("catalog-answer", catalog_answer),
    ("archive-answers", archive_answers),
    ("announcement", announcement),
    ("dht-record", dht_record),
    ("release", release),
    ("control-request", control::decode::request),
    ("control-reply", control::decode::reply),
    ("address", address),
    ("identity", identity),
];

/// A frame with a question, as a node reads it from a stream.
pub fn catalog_question(bytes: &[u8]) -> bool {
    block_on(frame::read_json::<_, Request>(&mut Cursor::new(bytes), Limits::default().max_request)).is_ok()
}

/// A frame with an answer; the heads in it are verified as a lookup verifies them, the entries of a log as its follower
/// does.
pub fn catalog_answer(bytes: &[u8]) -> bool {
    let limit = Limits::default().max_response;
    let heads = match block_on(frame::read_json::<_, Response>(&mut Cursor::new(bytes), limit)) {
        Ok(Response::Name { heads }) => heads,
        Ok(Response::Head { head }) => head.into_iter().map(|h| *h).collect(),
        Ok(Response::Package { head, releases, .. }) => {
            let _: Vec<_> = releases.iter().map(Envelope::payload_bytes).collect();
            vec![*head]
        }
        Ok(Response::Changes { entries, .. }) => return entries.iter().all(|entry| announcement(&entry.to_json())),
        Ok(Response::Search { .. } | Response::Error { .. }) => return true,
        Err(_) => return false,
    };
    heads.into_iter().all(|head| SignedHead::verify(head, None).is_ok())
}

/// The archive whose holder [`archive_answers`] reads: 300 000 zeros, two chunks.
pub fn archive() -> (Archive, Vec<u8>) {
    let bytes = vec![0; 300_000];
    let (digest, list) = (Digest::of(&bytes), ChunkList::of(&bytes));
    let size = bytes.len() as u64;
    (Archive { digest, size, chunks: list.digest(), files: digest, file_count: 1, unpacked_size: size }, bytes)
}

/// What others tell of a package's head: by gossip, or in their logs.
pub fn announcement(bytes: &[u8]) -> bool {
    let claimed = Announcement::from_json(bytes).ok().and_then(|told| told.claimed());
    let told = node::listen::check(bytes, &mut ProvedRoots::new(1));
    told.is_ok_and(|told| claimed == Some((told.head.head.id(), told.head.mark())))
}

/// What a holder answers: its list, which chunks it has where that is only a part, then chunks.
pub fn archive_answers(bytes: &[u8]) -> bool {
    fetch::decode::answers(bytes, &archive().0) == 2
}

/// A record for the hash table: 32 bytes of key, then the value.
pub fn dht_record(bytes: &[u8]) -> bool {
    let (key, value) = bytes.split_at_checked(32).unwrap_or((bytes, &[]));
    admit::verify(key, value).is_ok()
}

/// The envelope of a release, by whoever's keys it says.
pub fn release(bytes: &[u8]) -> bool {
    let Ok(envelope) = Envelope::from_json(bytes, MAX_RELEASE) else { return false };
    let keys = envelope.signatures.iter().filter_map(|s| s.keyid.parse().ok().map(PublicKey)).collect();
    let publisher = Publisher {
        id: ggen_core::PublisherId(Digest::of(b"")),
        keys,
        threshold: 1,
        root_version: 1,
        revoked: Default::default(),
    };
    let known =
        |e: &ggen_core::release::ReleaseError| matches!(e, ggen_core::release::ReleaseError::OtherPublisher { .. });
    SignedRelease::verify(envelope, &publisher).map_or_else(|e| known(&e), |_| true)
}

/// An address or a bootstrap peer, as people and peers write them.
pub fn address(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let listens = crate::parse_multiaddr(&text);
    let _ = listens.as_ref().ok().and_then(crate::subnet_of);
    crate::parse_bootstrap(&text).is_ok() || listens.is_ok()
}

/// The file of a node's identity.
pub fn identity(bytes: &[u8]) -> bool {
    config::peer_id_of(bytes).is_ok()
}
