//! The outside of a zstd frame: what its header says before a byte is decompressed.
//!
//! Decides whether a frame may be decompressed at all: one window bound, no dictionary. Never decompresses. The format
//! is RFC 8878's.

use super::{ArchiveError, WINDOW_LOG};

/// The first four bytes of a frame.
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The most bytes a frame's header has.
pub(crate) const MAX_HEADER: usize = 18;

/// Checks the header at the start of `bytes`.
pub(crate) fn check(bytes: &[u8]) -> Result<(), ArchiveError> {
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        return Err(ArchiveError::stream("not-zstd", "is not a zstd frame"));
    };
    let (descriptor, rest) = rest.split_first().ok_or(ArchiveError::truncated())?;
    let single_segment = descriptor & 0x20 != 0;
    if descriptor & 0x03 != 0 {
        return Err(ArchiveError::stream("dictionary", "needs a dictionary"));
    }
    if descriptor & 0x08 != 0 {
        return Err(ArchiveError::stream("corrupt", "has a frame header of a later format"));
    }
    let window = if single_segment {
        content_size(descriptor >> 6, rest)?
    } else {
        let byte = u64::from(*rest.first().ok_or(ArchiveError::truncated())?);
        let base = 1u64 << (10 + (byte >> 3));
        base + (base / 8) * (byte & 7)
    };
    if window > 1 << WINDOW_LOG {
        return Err(ArchiveError::stream("window", "needs a window of more than 8 MiB"));
    }
    Ok(())
}

/// The content size of a single-segment frame, from its bytes.
fn content_size(flag: u8, bytes: &[u8]) -> Result<u64, ArchiveError> {
    let length = [1, 2, 4, 8].get(usize::from(flag)).copied().unwrap_or(8);
    let field = bytes.get(..length).ok_or(ArchiveError::truncated())?;
    let value = field.iter().rev().fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
    Ok(if length == 2 { value + 256 } else { value })
}

/// What the bytes after the frame are.
pub(crate) fn trailing(bytes: &[u8]) -> ArchiveError {
    if bytes.starts_with(&MAGIC) {
        ArchiveError::stream("concatenated", "has more than one zstd frame")
    } else {
        ArchiveError::stream("trailing-data", "has bytes after its end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8]) -> Option<&'static str> {
        check(bytes).err().map(|e| e.code())
    }

    #[test]
    fn headers_are_judged_before_anything_is_decompressed() {
        let frame = |rest: &[u8]| [&MAGIC, rest].concat();
        assert_eq!(code(b"PK\x03\x04"), Some("not-zstd"));
        assert_eq!(code(&frame(&[])), Some("truncated"));
        assert_eq!(code(&frame(&[0x01, 0, 7])), Some("dictionary"));
        assert_eq!(code(&frame(&[0x00, 13 << 3])), None);
        assert_eq!(code(&frame(&[0x00, (13 << 3) | 1])), Some("window"));
        assert_eq!(code(&frame(&[0x00, 0xff])), Some("window"));
        assert_eq!(code(&frame(&[0xe0, 0, 0, 0, 0, 1, 0, 0, 0])), Some("window"));
        assert_eq!(code(&frame(&[0x20, 9])), None);
    }
}
