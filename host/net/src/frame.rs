//! Frames: a length of four bytes, big-endian, and so many bytes.
//!
//! Decides what is too long, before anything is kept of it. Invariant: memory grows with what has arrived, never with
//! what a length promises.

use std::io;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is kept ready for a frame before its bytes arrive.
const FIRST_PIECE: usize = 64 * 1024;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the frame has {size} bytes, more than the {limit} allowed")]
    TooLarge { size: usize, limit: usize },
    #[error("the frame cannot be read: {0}")]
    Undecodable(serde_json::Error),
    #[error("the stream broke off")]
    Io(#[from] io::Error),
}

/// Reads the bytes of one frame of at most `limit` bytes.
pub(crate) async fn read<R: AsyncRead + Unpin>(reader: &mut R, limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut length = [0; 4];
    reader.read_exact(&mut length).await?;
    let size = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if size > limit {
        return Err(FrameError::TooLarge { size, limit });
    }
    let mut bytes = Vec::with_capacity(size.min(FIRST_PIECE));
    let read = reader.take(size as u64).read_to_end(&mut bytes).await?;
    if read < size {
        return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(bytes)
}

/// Reads one frame of JSON.
pub(crate) async fn read_json<R: AsyncRead + Unpin, T: DeserializeOwned>(
    reader: &mut R,
    limit: usize,
) -> Result<T, FrameError> {
    let bytes = read(reader, limit).await?;
    serde_json::from_slice(&bytes).map_err(FrameError::Undecodable)
}

/// Writes one frame of JSON and flushes it.
pub(crate) async fn write_json<W: AsyncWrite + Unpin, T: Serialize>(
    writer: &mut W,
    value: &T,
    limit: usize,
) -> Result<(), FrameError> {
    let bytes = serde_json::to_vec(value).map_err(FrameError::Undecodable)?;
    write(writer, &bytes, limit).await
}

/// Writes one frame and flushes it.
pub(crate) async fn write<W: AsyncWrite + Unpin>(writer: &mut W, bytes: &[u8], limit: usize) -> Result<(), FrameError> {
    let too_large = FrameError::TooLarge { size: bytes.len(), limit };
    let Some(length) = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= limit) else { return Err(too_large) };
    writer.write_all(&length.to_be_bytes()).await?;
    writer.write_all(bytes).await?;
    writer.flush().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::io::Cursor;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        block_on(write_json(&mut bytes, &vec![1, 2, 3], 100)).unwrap();
        assert_eq!(bytes, b"\0\0\0\x07[1,2,3]");
        let read: Vec<u8> = block_on(read_json(&mut Cursor::new(bytes), 7)).unwrap();
        assert_eq!(read, [1, 2, 3]);
        assert!(matches!(block_on(write_json(&mut Vec::new(), &"long", 3)), Err(FrameError::TooLarge { .. })));
    }

    #[test]
    fn no_bytes_of_any_kind_do_harm() {
        for bytes in [&b""[..], b"\0\0", b"\0\0\0\x05ab", b"\xff\xff\xff\xff", b"\0\0\0\x02{]", b"\0\0\0\0"] {
            let result: Result<Vec<u8>, _> = block_on(read_json(&mut Cursor::new(bytes.to_vec()), 1000));
            assert!(result.is_err(), "{bytes:?}");
        }
    }
}
