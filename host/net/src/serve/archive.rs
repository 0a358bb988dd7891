//! Archives to those who ask for their chunks.
//!
//! Decides nothing about what is asked for; reads a little ahead of what is sent. Invariant: what one stream costs in
//! memory is a few chunks, whatever is asked for in advance.

use std::io;
use std::sync::Arc;

use futures::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, StreamExt as _, stream};
use ggen_core::Digest;
use ggen_core::chunks::{CHUNK_SIZE, chunk_count};
use ggen_core::hooks::OffenceClass;
use libp2p::{PeerId, Stream};

use super::server::{Ended, Server, silent};
use crate::content::ArchiveSource;
use crate::fetch::protocol::{PIECE, WHAT_NOW, code};
use crate::types::Offence;

/// Chunks that are read ahead of what is sent.
const READ_AHEAD: usize = 3;
/// How many time-outs of a holder a client may be idle between two chunks.
const IDLE: u32 = 6;

type Source = Arc<dyn ArchiveSource>;

/// What is said to one question.
enum Answer {
    Chunk(Vec<u8>),
    /// Which chunks there are now.
    Part(Vec<u8>),
    HasNot,
    Unreadable,
    /// There is no such chunk.
    Malformed,
}

pub(super) async fn serve(server: Arc<Server>, peer: PeerId, mut stream: Stream) -> Ended {
    let limits = server.limits.clone();
    let mut digest = [0; 32];
    match tokio::time::timeout(limits.request_timeout, stream.read_exact(&mut digest)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(None),
        Err(_) => return silent(peer),
    }
    let opened = match server.archive(Digest::from_bytes(digest)).await {
        Some(Some(source)) => Some(Source::from(source)),
        found => {
            let code = if found.is_none() { code::INTERNAL } else { code::HAS_NOT };
            let _ = tokio::time::timeout(limits.request_timeout, refuse(&mut stream, code)).await;
            None
        }
    };
    let Some(source) = opened else { return Ok(()) };
    let said = source.clone();
    let Some((hello, partial)) = server.blocking(move |_| hello(said.as_ref())).await else { return Err(None) };
    let sent = async {
        stream.write_all(&hello).await?;
        stream.flush().await
    };
    match tokio::time::timeout(limits.holder_timeout, sent).await {
        Ok(Ok(())) => {}
        _ => return Err(None),
    }
    drop(hello);
    send_chunks(&server, peer, stream, source, partial).await
}

/// What is said of an archive before its first chunk, and whether only a part of it is here.
fn hello(source: &dyn ArchiveSource) -> (Vec<u8>, bool) {
    let (list, part) = (source.chunk_list(), source.part());
    let mut hello = Vec::with_capacity(list.len() + 13);
    hello.push(if part.is_some() { code::PART } else { code::OK });
    hello.extend_from_slice(&source.size().to_be_bytes());
    hello.extend_from_slice(&u32::try_from(list.len()).unwrap_or(0).to_be_bytes());
    hello.extend_from_slice(&list);
    hello.extend_from_slice(part.as_ref().map_or(&[], |part| part.as_bytes()));
    (hello, part.is_some())
}

async fn refuse(stream: &mut Stream, code: u8) -> io::Result<()> {
    stream.write_all(&[code]).await?;
    stream.close().await
}

/// The answer to one question.
async fn answer(source: Source, partial: bool, asked: u32) -> Answer {
    if partial && asked == WHAT_NOW {
        return source.part().map_or(Answer::Unreadable, |part| Answer::Part(part.as_bytes().to_vec()));
    }
    let index = u64::from(asked);
    if index >= chunk_count(source.size()) {
        return Answer::Malformed;
    }
    match tokio::task::spawn_blocking(move || source.read_chunk(index)).await {
        Ok(Ok(bytes)) if bytes.len() as u64 <= CHUNK_SIZE => Answer::Chunk(bytes),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Answer::HasNot,
        _ => Answer::Unreadable,
    }
}

/// Sends one answer; errors where it is not taken in time.
async fn write<W: AsyncWrite + Unpin>(
    server: &Server,
    peer: PeerId,
    writer: &mut W,
    answer: &Answer,
) -> io::Result<()> {
    let (code, bits) = match answer {
        Answer::Chunk(bytes) => return write_chunk(server, peer, writer, bytes).await,
        Answer::Part(bits) => (code::PART, bits.as_slice()),
        Answer::HasNot => (code::HAS_NOT, &[][..]),
        Answer::Unreadable => (code::INTERNAL, &[][..]),
        Answer::Malformed => (code::MALFORMED, &[][..]),
    };
    let sent = async {
        writer.write_all(&[code]).await?;
        writer.write_all(bits).await?;
        writer.flush().await
    };
    tokio::time::timeout(server.limits.holder_timeout, sent).await?
}

/// A piece at a time, as the node's limits and the line allow: whoever waits for the chunk sees that it comes.
async fn write_chunk<W: AsyncWrite + Unpin>(
    server: &Server,
    peer: PeerId,
    writer: &mut W,
    bytes: &[u8],
) -> io::Result<()> {
    let [a, b, c, d] = u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes();
    let mut head = &[code::OK, a, b, c, d][..];
    let limit = server.limits.holder_timeout;
    for piece in bytes.chunks(PIECE) {
        let waited = server.turn(peer, piece.len()).await;
        let sent = async {
            writer.write_all(head).await?;
            writer.write_all(piece).await?;
            if waited { writer.flush().await } else { Ok(()) }
        };
        tokio::time::timeout(limit, sent).await??;
        head = &[];
    }
    tokio::time::timeout(limit, writer.flush()).await?
}

async fn send_chunks(server: &Server, peer: PeerId, stream: Stream, source: Source, partial: bool) -> Ended {
    let limit = server.limits.holder_timeout;
    let (reader, mut writer) = stream.split();
    let requests = stream::unfold(reader, move |mut reader| async move {
        let mut asked = [0; 4];
        match tokio::time::timeout(limit * IDLE, reader.read_exact(&mut asked)).await {
            Ok(Ok(())) => Some((u32::from_be_bytes(asked), reader)),
            // The end of the questions, or of the patience.
            _ => None,
        }
    });
    let answers = requests.map(|asked| answer(source.clone(), partial, asked)).buffered(READ_AHEAD);
    let mut answers = std::pin::pin!(answers);
    while let Some(answer) = answers.next().await {
        // Gone, or it does not read: harms nobody but itself.
        write(server, peer, &mut writer, &answer).await.map_err(|_| None)?;
        if matches!(answer, Answer::Malformed) {
            let detail = "a chunk that the archive has not";
            let class = OffenceClass::MalformedMessage;
            let _ = tokio::time::timeout(limit, writer.close()).await;
            return Err(Some(Box::new(Offence::new(peer, class, "protocol-violation", detail))));
        }
    }
    let _ = tokio::time::timeout(limit, writer.close()).await;
    Ok(())
}
