//! Answers to questions of the catalog protocol.
//!
//! Decides how much of an answer is sent: never more than the bound of an answer, and few long ones at once, however slowly
//! they are taken. Never waits longer for a question than a request may take.

use std::sync::Arc;

use futures::AsyncWriteExt as _;
use ggen_core::PackageId;
use libp2p::{PeerId, Stream};
use serde::Serialize;

use super::server::{Ended, Server, offence_of, silent};
use crate::catalog::{Request, Response};
use crate::content::{Changes, Content};
use crate::frame;

/// What goes round the parts of an answer, in bytes.
const ROUND: usize = 4096;
/// An answer of more bytes is long: of those few are kept at once.
const LONG: usize = 128 * 1024;

pub(super) async fn serve(server: Arc<Server>, peer: PeerId, mut stream: Stream) -> Ended {
    let limits = server.limits.clone();
    let question = frame::read_json(&mut stream, limits.max_request);
    let request: Request = match tokio::time::timeout(limits.request_timeout, question).await {
        Ok(Ok(request)) => request,
        Ok(Err(error)) => {
            let malformed = Response::Error { code: "malformed".to_owned() };
            let reply = frame::write_json(&mut stream, &malformed, limits.max_response);
            let _ = tokio::time::timeout(limits.request_timeout, reply).await;
            return Err(offence_of(peer, &error));
        }
        Err(_) => return silent(peer),
    };
    let internal = || Response::Error { code: "internal".to_owned() };
    let response = answer(&server, request).await.unwrap_or_else(internal);
    let bytes = serde_json::to_vec(&response).unwrap_or_default();
    drop(response);
    let place = if bytes.len() > LONG { server.long.take(peer).map(Some) } else { Ok(None) };
    let (place, bytes) = match place {
        Ok(place) => (place, bytes),
        Err(_) => {
            tracing::debug!(%peer, "too many long answers wait to be taken: one is not given");
            (None, serde_json::to_vec(&Response::Error { code: "busy".to_owned() }).unwrap_or_default())
        }
    };
    let reply = async {
        frame::write(&mut stream, &bytes, limits.max_response).await?;
        stream.close().await.map_err(frame::FrameError::Io)
    };
    // Who does not take its answer harms nobody but itself.
    let _ = tokio::time::timeout(limits.request_timeout, reply).await;
    drop(place);
    Ok(())
}

async fn answer(server: &Server, request: Request) -> Option<Response> {
    let (room, most) = (server.limits.max_response.saturating_sub(ROUND), server.limits.max_results);
    match request {
        Request::Search { query, limit } => {
            let limit = limit.min(most);
            let hits = server.blocking(move |c| c.search(&query, limit)).await?;
            let (hits, _) = fit(hits.into_iter().take(limit), room);
            Some(Response::Search { hits })
        }
        Request::Name { name } => {
            let heads = server.blocking(move |c| c.heads(&name, most, room)).await?;
            let (heads, _) = fit(heads.into_iter().take(most), room);
            Some(Response::Name { heads })
        }
        Request::Head { publisher, name } => {
            let id = PackageId { publisher, name };
            let head = server.blocking(move |c| c.head(&id)).await?;
            Some(Response::Head { head: head.map(Box::new) })
        }
        Request::Package { publisher, name, from } => {
            let id = PackageId { publisher, name };
            let Some(package) = server.blocking(move |c| c.package(&id)).await? else {
                return Some(Response::Error { code: "has-not".to_owned() });
            };
            let total = package.releases.len();
            let room = room.saturating_sub(size_of_json(&package.head));
            let (releases, _) = fit(package.releases.into_iter().skip(from), room);
            let end = from.saturating_add(releases.len());
            let next = (end < total && !releases.is_empty()).then_some(end);
            Some(Response::Package { head: Box::new(package.head), releases, next })
        }
        Request::Changes { log, after, limit } => {
            let limit = limit.clamp(1, most.max(1));
            let read = move |c: &dyn Content| {
                let found = c.changes(after, limit, room)?;
                // A number of another log means nothing here.
                let same = log.is_some_and(|log| log == found.log);
                if same || after == 0 { Some((found, after)) } else { Some((c.changes(0, limit, room)?, 0)) }
            };
            let Some((found, from)) = server.blocking(read).await? else {
                return Some(Response::Error { code: "has-not".to_owned() });
            };
            Some(changes(found, from, room))
        }
    }
}

/// As much of a piece of the log as there is room for.
fn changes(found: Changes, from: u64, room: usize) -> Response {
    let Changes { log, entries, last, more } = found;
    let (total, numbers): (usize, Vec<u64>) = (entries.len(), entries.iter().map(|(number, _)| *number).collect());
    let (kept, _) = fit(entries.into_iter().map(|(_, announcement)| announcement), room);
    let cut = kept.len() < total;
    let next = match (cut, kept.len().checked_sub(1)) {
        (true, Some(at)) => numbers.get(at).copied().unwrap_or(last),
        _ => last,
    };
    Response::Changes { log, more: cut || more, entries: kept, next: next.max(from) }
}

fn size_of_json<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len() + 1)
}

/// The first of `items` that have room together, and what is left of it.
fn fit<T: Serialize>(items: impl Iterator<Item = T>, mut room: usize) -> (Vec<T>, usize) {
    let mut kept = Vec::new();
    for item in items {
        let Some(left) = room.checked_sub(size_of_json(&item)) else { break };
        room = left;
        kept.push(item);
    }
    (kept, room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Publisher;
    use ggen_core::announcement::Announcement;

    #[test]
    fn an_answer_has_no_more_than_there_is_room_for() {
        let (kept, room) = fit(["aaaa", "bb", "c"].into_iter(), 13);
        assert_eq!((kept, room), (vec!["aaaa", "bb"], 1));
        assert!(fit([1, 2, 3].into_iter(), 0).0.is_empty());
    }

    #[test]
    fn a_log_goes_on_where_there_was_no_more_room() {
        let bundle = Publisher::new(1).head("a", 1, u64::MAX).bundle;
        let entries: Vec<_> = (4..7).map(|n| (n, Announcement::new(bundle.clone(), None))).collect();
        let size = size_of_json(&entries[0].1);
        let told = |room, last, more| {
            let found = Changes { log: "l".into(), entries: entries.clone(), last, more };
            let Response::Changes { entries, next, more, .. } = changes(found, 3, room) else { panic!() };
            (entries.len(), next, more)
        };
        assert_eq!(told(size * 2, 6, false), (2, 5, true));
        assert_eq!(told(size * 3, 6, false), (3, 6, false));
        assert_eq!(told(size * 3, 9, true), (3, 9, true));
    }
}
