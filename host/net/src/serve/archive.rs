//! Archives to those who ask for their chunks.
//!
//! Decides nothing about what is asked for; reads a little ahead of what is sent. Invariant: what one stream costs in
//! memory is a few chunks, whatever is asked for in advance.

use std::sync::Arc;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _, stream};
use ggen_core::Digest;
use ggen_core::chunks::{CHUNK_SIZE, chunk_count};
use ggen_core::hooks::OffenceClass;
use libp2p::{PeerId, Stream};

use super::{Ended, Server, silent};
use crate::content::ArchiveSource;
use crate::fetch::code;
use crate::types::Offence;

/// Chunks that are read ahead of what is sent.
const READ_AHEAD: usize = 3;
/// How many time-outs of a holder a client may be idle between two chunks.
const IDLE: u32 = 6;

type Source = Arc<dyn ArchiveSource>;

pub(super) async fn serve(server: Arc<Server>, peer: PeerId, mut stream: Stream) -> Ended {
    let limits = server.limits.clone();
    let mut digest = [0; 32];
    match tokio::time::timeout(limits.request_timeout, stream.read_exact(&mut digest)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(None),
        Err(_) => return silent(peer),
    }
    let digest = Digest::from_bytes(digest);
    let opened = server
        .blocking(move |content| {
            let source: Source = content.archive(&digest)?.into();
            let (size, list) = (source.size(), source.chunk_list());
            Some((source, size, list))
        })
        .await;
    let (source, size, list) = match opened {
        Some(Some(opened)) => opened,
        found => {
            let code = if found.is_none() { code::INTERNAL } else { code::HAS_NOT };
            let _ = tokio::time::timeout(limits.request_timeout, refuse(&mut stream, code)).await;
            return Ok(());
        }
    };
    let mut hello = Vec::with_capacity(list.len() + 13);
    hello.push(code::OK);
    hello.extend_from_slice(&size.to_be_bytes());
    hello.extend_from_slice(&u32::try_from(list.len()).unwrap_or(0).to_be_bytes());
    hello.extend_from_slice(&list);
    let sent = async {
        stream.write_all(&hello).await?;
        stream.flush().await
    };
    match tokio::time::timeout(limits.holder_timeout, sent).await {
        Ok(Ok(())) => {}
        _ => return Err(None),
    }
    drop((hello, list));
    send_chunks(&server, peer, stream, source, chunk_count(size)).await
}

async fn refuse(stream: &mut Stream, code: u8) -> std::io::Result<()> {
    stream.write_all(&[code]).await?;
    stream.close().await
}

async fn send_chunks(server: &Server, peer: PeerId, stream: Stream, source: Source, chunks: u64) -> Ended {
    let limit = server.limits.holder_timeout;
    let (reader, mut writer) = stream.split();
    let requests = stream::unfold(reader, move |mut reader| async move {
        let mut index = [0; 4];
        match tokio::time::timeout(limit * IDLE, reader.read_exact(&mut index)).await {
            Ok(Ok(())) => Some((u64::from(u32::from_be_bytes(index)), reader)),
            // The end of the questions, or of the patience.
            _ => None,
        }
    });
    let answers = requests
        .map(|index| {
            let source = source.clone();
            async move {
                if index >= chunks {
                    return Err(true);
                }
                let read = tokio::task::spawn_blocking(move || source.read_chunk(index)).await;
                read.map_err(|_| false)?.map_err(|_| false)
            }
        })
        .buffered(READ_AHEAD);
    let mut answers = std::pin::pin!(answers);
    while let Some(answer) = answers.next().await {
        if let Ok(bytes) = &answer {
            server.turn(peer, bytes.len()).await;
        }
        let sent = async {
            match &answer {
                Ok(bytes) if bytes.len() as u64 <= CHUNK_SIZE => {
                    let length = u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes();
                    let [a, b, c, d] = length;
                    writer.write_all(&[code::OK, a, b, c, d]).await?;
                    writer.write_all(bytes).await
                }
                Ok(_) | Err(false) => writer.write_all(&[code::INTERNAL]).await,
                Err(true) => writer.write_all(&[code::MALFORMED]).await,
            }?;
            writer.flush().await
        };
        match tokio::time::timeout(limit, sent).await {
            Ok(Ok(())) => {}
            // Gone, or it does not read: harms nobody but itself.
            _ => return Err(None),
        }
        if answer == Err(true) {
            let detail = "a chunk that the archive has not";
            let class = OffenceClass::MalformedMessage;
            let _ = tokio::time::timeout(limit, writer.close()).await;
            return Err(Some(Box::new(Offence::new(peer, class, "protocol-violation", detail))));
        }
    }
    let _ = tokio::time::timeout(limit, writer.close()).await;
    Ok(())
}
