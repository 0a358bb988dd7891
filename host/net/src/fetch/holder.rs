//! One holder's part of a fetch: a stream, questions ahead, answers in their order.
//!
//! Decides whether what arrives keeps to the protocol; whether it is what was signed the sink says. Invariant: it
//! never has more than one chunk of an answer in hand.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use futures::future::Either;
use futures::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use ggen_core::chunks::{ChunkList, chunk_count, chunk_length};
use ggen_core::hooks::OffenceClass;
use ggen_core::release::Archive;
use ggen_core::schedule::ChunkSet;
use libp2p::Stream;
use tokio::sync::mpsc;

use super::buffer::{Buffer, Pool};
use super::landing::Landing;
use super::message::{Ask, Failure, Message};
use super::protocol::{ARCHIVE, WHAT_NOW, code};
use super::sink::{Landed, Work};
use crate::link::Link;
use crate::types::Holder;

/// What all holders' tasks of one fetch share.
pub(super) struct Shared {
    pub link: Link,
    pub archive: Archive,
    pub landing: Arc<Landing>,
    pub pool: Pool,
    pub sink: mpsc::Sender<Work>,
    pub driver: mpsc::Sender<Message>,
}

/// One holder's task.
pub(super) struct Worker {
    pub place: usize,
    pub holder: Holder,
    pub requests: mpsc::Receiver<Ask>,
    /// Bytes that arrived, whatever they are worth.
    pub received: Arc<AtomicU64>,
}

type Part<T> = Result<T, Failure>;

fn broken(error: &io::Error) -> Failure {
    let detail =
        if error.kind() == io::ErrorKind::UnexpectedEof { "it closed the stream".into() } else { error.to_string() };
    Failure::offence(OffenceClass::Refused, "closed", detail)
}

fn refused(code: u8) -> Failure {
    match code {
        code::HAS_NOT => Failure::offence(OffenceClass::Refused, "has-not", "it has not got the archive"),
        code::BUSY => Failure::offence(OffenceClass::Refused, "busy", "it is busy"),
        code::INTERNAL => Failure::offence(OffenceClass::Refused, "closed", "it cannot read the archive"),
        other => {
            let detail = format!("it answered with the unknown code {other}");
            Failure::offence(OffenceClass::MalformedMessage, "protocol-violation", detail)
        }
    }
}

impl Worker {
    /// Runs until the driver has no more questions, or something is wrong.
    pub async fn run(mut self, shared: Arc<Shared>) {
        let place = self.place;
        if let Err(failure) = self.part(&shared).await {
            let _ = shared.driver.send(Message::Ended { holder: place, failure }).await;
        }
    }

    async fn part(&mut self, shared: &Shared) -> Part<()> {
        let (stream, list, has) = self.begin(shared).await?;
        let ready = Message::Ready { holder: self.place, has };
        if shared.driver.send(ready).await.is_err() {
            return Ok(());
        }
        let (mut reader, mut writer) = stream.split();
        let (asked, mut expected) = mpsc::channel::<Ask>(shared.link.limits.chunks_in_flight.max(1) + 1);
        let requests = &mut self.requests;
        let ask = async move {
            while let Some(first) = requests.recv().await {
                let mut next = Some(first);
                while let Some(what) = next {
                    writer.write_all(&what.wire().to_be_bytes()).await.map_err(|e| broken(&e))?;
                    if asked.send(what).await.is_err() {
                        return Ok(());
                    }
                    next = requests.try_recv().ok();
                }
                writer.flush().await.map_err(|e| broken(&e))?;
            }
            Part::Ok(())
        };
        let (place, received) = (self.place, &self.received);
        let take = async move {
            let size = shared.archive.size;
            while let Some(what) = expected.recv().await {
                let Ask::Chunk(index) = what else {
                    let looked = Message::Looked { holder: place, has: read_part(&mut reader, size).await? };
                    let _ = shared.driver.send(looked).await;
                    continue;
                };
                let Some(bytes) = read_chunk(&mut reader, size, &shared.pool, index, received).await? else {
                    let _ = shared.driver.send(Message::HasNot { holder: place, index }).await;
                    continue;
                };
                let landed = Landed { holder: place, index, bytes, list: list.clone() };
                if shared.sink.send(Work::Landed(landed)).await.is_err() {
                    break;
                }
            }
            Part::Ok(())
        };
        futures::future::try_join(ask, take).await.map(drop)
    }

    /// Opens the stream and reads what the holder says of the archive.
    async fn begin(&self, shared: &Shared) -> Part<(Stream, Arc<ChunkList>, Option<ChunkSet>)> {
        let limit = shared.link.limits.holder_timeout;
        let mut tries = 0;
        let opened = async {
            loop {
                tries += 1;
                let addresses = self.holder.addresses.clone();
                let open = shared.link.open_direct(self.holder.peer, addresses, ARCHIVE, limit);
                let mut stream = open.await.map_err(|e| Failure::unreachable(&e))?;
                match hello(&mut stream, shared).await {
                    Ok((list, has)) => return Ok((stream, list, has)),
                    // A node that gets many streams at the same moment drops some before it has looked at them.
                    Err(Either::Left(_)) if tries < 3 => {
                        tokio::time::sleep(std::time::Duration::from_millis(20 * tries)).await;
                    }
                    Err(Either::Left(error)) => return Err(broken(&error)),
                    Err(Either::Right(failure)) => return Err(failure),
                }
            }
        };
        let silent = |_| Err(Failure::offence(OffenceClass::Stalled, "silent", "no answer to the first question"));
        tokio::time::timeout(limit, opened).await.unwrap_or_else(silent)
    }
}

impl Ask {
    fn wire(self) -> u32 {
        match self {
            Self::Chunk(index) => u32::try_from(index).unwrap_or(WHAT_NOW - 1),
            Self::WhatNow => WHAT_NOW,
        }
    }
}

/// The list of an archive's chunks, and which of them a holder of a part has.
type Hello = (Arc<ChunkList>, Option<ChunkSet>);

async fn hello(stream: &mut Stream, shared: &Shared) -> Result<Hello, Either<io::Error, Failure>> {
    stream.write_all(shared.archive.digest.as_bytes()).await.map_err(Either::Left)?;
    stream.flush().await.map_err(Either::Left)?;
    read_hello(stream, &shared.archive, &shared.landing.list).await
}

/// What the holder says of the archive: a list that is known already is not proved again. Left: nothing came at all.
pub(super) async fn read_hello<R: AsyncRead + Unpin>(
    stream: &mut R,
    archive: &Archive,
    known: &OnceLock<Arc<ChunkList>>,
) -> Result<Hello, Either<io::Error, Failure>> {
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.map_err(Either::Left)?;
    if ![[code::OK], [code::PART]].contains(&first) {
        return Err(Either::Right(refused(first[0])));
    }
    let late = |e: io::Error| Either::Right(broken(&e));
    let (mut size, mut length) = ([0; 8], [0; 4]);
    stream.read_exact(&mut size).await.map_err(late)?;
    stream.read_exact(&mut length).await.map_err(late)?;
    let (size, length) = (u64::from_be_bytes(size), u64::from(u32::from_be_bytes(length)));
    if size != archive.size || length != chunk_count(size) * 32 {
        let detail = format!("it says that the archive has {size} bytes, {} were signed", archive.size);
        return Err(Either::Right(Failure::offence(OffenceClass::CorruptData, "chunk-length", detail)));
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|e| Either::Left(io::Error::other(e)))?];
    stream.read_exact(&mut bytes).await.map_err(late)?;
    let list = match known.get() {
        Some(list) => list.clone(),
        None => {
            let list = ChunkList::from_bytes(&bytes, archive.size, archive.chunks).map_err(|error| {
                Either::Right(Failure::offence(OffenceClass::CorruptData, "chunk-digest", error.to_string()))
            })?;
            known.get_or_init(|| Arc::new(list)).clone()
        }
    };
    let has = match first {
        [code::PART] => Some(read_chunks(stream, size).await.map_err(Either::Right)?),
        _ => None,
    };
    Ok((list, has))
}

/// What the holder of a part has now.
pub(super) async fn read_part<R: AsyncRead + Unpin>(reader: &mut R, size: u64) -> Part<ChunkSet> {
    let mut first = [0; 1];
    reader.read_exact(&mut first).await.map_err(|e| broken(&e))?;
    if first != [code::PART] {
        return Err(refused(first[0]));
    }
    read_chunks(reader, size).await
}

/// Which chunks of an archive of `size` bytes there are.
async fn read_chunks<R: AsyncRead + Unpin>(reader: &mut R, size: u64) -> Part<ChunkSet> {
    let chunks = chunk_count(size);
    let mut bytes = vec![0; ChunkSet::length(chunks)];
    reader.read_exact(&mut bytes).await.map_err(|e| broken(&e))?;
    let past =
        || Failure::offence(OffenceClass::MalformedMessage, "undecodable", "it says to have chunks past the end");
    ChunkSet::from_bytes(bytes, chunks).ok_or_else(past)
}

/// A chunk; none if the holder has it not.
pub(super) async fn read_chunk<R: AsyncRead + Unpin>(
    reader: &mut R,
    size: u64,
    pool: &Pool,
    index: u64,
    received: &AtomicU64,
) -> Part<Option<Buffer>> {
    let mut first = [0; 1];
    reader.read_exact(&mut first).await.map_err(|e| broken(&e))?;
    if first == [code::HAS_NOT] {
        return Ok(None);
    }
    if first != [code::OK] {
        return Err(refused(first[0]));
    }
    let mut length = [0; 4];
    reader.read_exact(&mut length).await.map_err(|e| broken(&e))?;
    let (found, expected) = (u64::from(u32::from_be_bytes(length)), chunk_length(size, index));
    if found != expected {
        let detail = format!("chunk {index} has {found} bytes instead of {expected}");
        return Err(Failure::offence(OffenceClass::CorruptData, "chunk-length", detail));
    }
    let mut bytes = pool.get(usize::try_from(expected).unwrap_or(0));
    let mut rest = bytes.as_mut_slice();
    while !rest.is_empty() {
        let read = reader.read(rest).await.map_err(|e| broken(&e))?;
        if read == 0 {
            return Err(broken(&io::ErrorKind::UnexpectedEof.into()));
        }
        received.fetch_add(read as u64, Ordering::Relaxed);
        rest = rest.get_mut(read..).unwrap_or_default();
    }
    Ok(Some(bytes))
}
