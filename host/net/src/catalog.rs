//! The catalog protocol: one question and one answer a stream.
//!
//! Decides the form of both; the words are in PROTOCOL.md. Never verifies what an answer says.

use std::io::ErrorKind;
use std::time::Duration;

use futures::AsyncWriteExt as _;
use ggen_core::announcement::Announcement;
use ggen_core::dsse::Envelope;
use ggen_core::head::HeadBundle;
use ggen_core::hooks::OffenceClass;
use ggen_core::{PackageName, PublisherId};
use libp2p::{PeerId, StreamProtocol};
use serde::{Deserialize, Serialize};

use crate::content::CatalogHit;
use crate::error::NetError;
use crate::frame::{self, FrameError};
use crate::link::Link;
use crate::types::Offence;

/// The protocol's name.
pub(crate) const CATALOG: StreamProtocol = StreamProtocol::new("/ggen/catalog/1");
/// How often a question is put whose stream was dropped before an answer began.
const TRIES: u32 = 3;

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Request {
    Search {
        query: String,
        limit: usize,
    },
    Name {
        name: PackageName,
    },
    Head {
        publisher: PublisherId,
        name: PackageName,
    },
    Package {
        publisher: PublisherId,
        name: PackageName,
        /// The first release wanted, counted in the order of the head.
        #[serde(default)]
        from: usize,
    },
    Changes {
        /// The log that `after` is a number of; of any other all is told.
        #[serde(default)]
        log: Option<String>,
        after: u64,
        limit: usize,
    },
}

/// An answer. Unknown fields are let through, so that later versions may say more.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Response {
    Search {
        hits: Vec<CatalogHit>,
    },
    Name {
        heads: Vec<HeadBundle>,
    },
    Head {
        head: Option<Box<HeadBundle>>,
    },
    Package {
        head: Box<HeadBundle>,
        releases: Vec<Envelope>,
        /// Where to go on, if this is not all.
        next: Option<usize>,
    },
    Changes {
        log: String,
        entries: Vec<Announcement>,
        /// The number to go on after.
        next: u64,
        /// Whether there is more now.
        more: bool,
    },
    Error {
        /// `has-not`, `busy`, `malformed`, `internal`.
        code: String,
    },
}

/// Why a peer gave no answer.
#[derive(Debug)]
pub(crate) enum AskError {
    /// Not its fault, or not known to be.
    Failed(NetError),
    /// Its fault.
    Offence(Box<Offence>),
}

/// One try that failed; `dropped` where another may do better.
struct Broken {
    error: AskError,
    dropped: bool,
}

/// Puts `request` to `peer`.
pub(crate) async fn ask(link: &Link, peer: PeerId, request: &Request, limit: Duration) -> Result<Response, AskError> {
    let asked = async {
        let mut tries = 0;
        loop {
            tries += 1;
            match ask_once(link, peer, request, limit).await {
                // A node that gets many streams at the same moment drops some before it has looked at them.
                Err(Broken { dropped: true, .. }) if tries < TRIES => {
                    tokio::time::sleep(Duration::from_millis(u64::from(tries) * 20)).await;
                }
                Err(broken) => return Err(broken.error),
                Ok(response) => return Ok(response),
            }
        }
    };
    let late = |_| Err(AskError::Failed(NetError::timeout(format!("the answer of {peer}"), limit)));
    tokio::time::timeout(limit, asked).await.unwrap_or_else(late)
}

async fn ask_once(link: &Link, peer: PeerId, request: &Request, limit: Duration) -> Result<Response, Broken> {
    let failed = |error: NetError| Broken { error: AskError::Failed(error), dropped: false };
    let mut stream = link.open(peer, Vec::new(), CATALOG, limit).await.map_err(failed)?;
    let broken = |e: FrameError| match e {
        FrameError::Io(e) => {
            let ended = e.kind() == ErrorKind::UnexpectedEof;
            let problem = if ended { "it closed the stream".into() } else { e.to_string() };
            Broken { dropped: true, ..failed(NetError::Unreachable { peer: peer.to_string(), problem }) }
        }
        FrameError::TooLarge { .. } => offence(peer, "frame-too-large", &e),
        FrameError::Undecodable(_) => offence(peer, "undecodable", &e),
    };
    frame::write_json(&mut stream, request, link.limits.max_request).await.map_err(broken)?;
    let response = frame::read_json(&mut stream, link.limits.max_response).await.map_err(broken)?;
    let _ = stream.close().await;
    match response {
        Response::Error { code } => {
            let code: String = code.chars().take(40).collect();
            Err(failed(NetError::Remote { message: format!("peer {peer} answered {code:?}"), code }))
        }
        response => Ok(response),
    }
}

fn offence(peer: PeerId, code: &str, error: &FrameError) -> Broken {
    let offence = Offence::new(peer, OffenceClass::MalformedMessage, code, error.to_string());
    Broken { error: AskError::Offence(Box::new(offence)), dropped: false }
}

/// An answer that does not fit its question.
pub(crate) fn misfit(peer: PeerId) -> Offence {
    let class = OffenceClass::MalformedMessage;
    Offence::new(peer, class, "protocol-violation", "the answer does not fit the question")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_protocol() {
        let request: Request = serde_json::from_str(r#"{"search":{"query":"a","limit":3}}"#).unwrap();
        assert!(matches!(request, Request::Search { limit: 3, .. }));
        assert!(serde_json::from_str::<Request>(r#"{"name":{"name":"UPPER"}}"#).is_err());
        assert!(serde_json::from_str::<Request>(r#"{"name":{"name":"a","more":1}}"#).is_err());
        let answer = serde_json::to_string(&Response::Error { code: "has-not".into() }).unwrap();
        assert_eq!(answer, r#"{"error":{"code":"has-not"}}"#);
    }
}
